//! `headway kinds`.

use headway_protocol::kind::{Kind, KindExecutor};

use super::client;
use crate::arguments::Common;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

pub(crate) async fn run(common: &Common) -> Result<Exit, Failure> {
    let kinds = client(common)?.kinds().await?;
    if common.json {
        output::json(&kinds);
        return Ok(Exit::Success);
    }
    if kinds.kinds.is_empty() {
        output::say(
            "none are configured: jobs of any kind can be made and reported on; to have the server \
             run something, add [kinds.NAME] to its configuration",
        );
        return Ok(Exit::Success);
    }
    let mut table = Table::new(&["KIND", "RUN BY", "AT ONCE", "BUDGET", "STEPS"]);
    for kind in &kinds.kinds {
        table.row(&row(kind));
    }
    for line in table.lines() {
        output::line(&line);
    }
    Ok(Exit::Success)
}

fn row(kind: &Kind) -> [String; 5] {
    let none = || "-".to_owned();
    let by = match kind.executor {
        Some(KindExecutor::Command) => "a program",
        Some(KindExecutor::Http) => "requests",
        None => "its producer",
    };
    let mut steps: Vec<_> = kind.steps.iter().collect();
    steps.sort_by_key(|(_, step)| step.index.unwrap_or(u32::MAX));
    let steps: Vec<_> = steps.into_iter().map(|(key, _)| key.as_str()).collect();
    [
        kind.name.clone(),
        by.to_owned(),
        kind.concurrency.map_or_else(none, |count| count.to_string()),
        kind.budget.as_ref().map_or_else(none, |budget| budget.max_budget.to_string()),
        if steps.is_empty() { none() } else { steps.join(", ") },
    ]
}
