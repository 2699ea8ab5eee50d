//! Why items of a run failed, said when it has ended: the most frequent reasons, and where the
//! others are.

use headway_client::Client;
use headway_protocol::Job;
use headway_protocol::batch::ErrorGroups;

use crate::{output, text};

/// As many reasons as are read at a glance.
const REASONS: u32 = 5;
/// The most characters of a reason: a few lines of a terminal.
const LENGTH: usize = 240;

/// Says why items of a batch failed, if any did. `more` is how to see all of it.
pub(super) async fn say(client: &Client, job: &Job, more: &str) {
    if job.items.is_none_or(|items| items.failed == 0) {
        return;
    }
    // How the run ended is known without them.
    if let Ok(errors) = client.batch_errors(&job.id, Some(REASONS)).await {
        for line in lines(&errors) {
            output::say(&line);
        }
    }
    output::say(&format!("which items failed, and why: {more}"));
}

fn lines(errors: &ErrorGroups) -> Vec<String> {
    let mut lines: Vec<_> = errors
        .groups
        .iter()
        .map(|group| {
            // What an item said itself names its line; what alike ones have in common does not.
            let example = group.examples.first();
            let message = example.map_or(&group.message, |item| &item.message);
            let such_as = if group.count > 1 && example.is_some() { ", such as" } else { "" };
            let reason = text::plain(&format!("{}{such_as}: {message}", group.code));
            format!("  {} × {}", group.count, text::shorten(reason.trim(), LENGTH))
        })
        .collect();
    let said: u64 = errors.groups.iter().map(|group| group.count).sum();
    let others = errors.failed.saturating_sub(said);
    if others > 0 {
        lines.push(format!("  {others} × other reasons"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reasons_are_short_and_steer_no_terminal() {
        let group = |count: u64, message: &str| {
            json!({"count": count, "code": "exit", "message": "…", "retryable": false,
                   "examples": [{"index": 3, "message": message}]})
        };
        let mut several = group(2, "");
        several["examples"] = json!([]);
        let errors = json!({
            "failed": 10, "grouped": 10,
            "groups": [
                group(4, "no \u{1b}[2Jluck\nhere"), several, group(1, &"x".repeat(1_000)),
            ],
        });
        let lines = lines(&serde_json::from_value(errors).unwrap());
        assert_eq!(lines[0], "  4 × exit, such as: no  [2Jluck here");
        assert_eq!(lines[1], "  2 × exit: …");
        assert!(lines[2].starts_with("  1 × exit: xxx") && lines[2].ends_with('…'), "{}", lines[2]);
        assert!(lines[2].chars().count() < LENGTH + 9);
        assert_eq!(lines[3..], ["  3 × other reasons"]);
    }
}
