//! What a run has to tell, until it has been told: bounded whatever the command prints and however
//! long the server is away.

use std::collections::VecDeque;

use headway_protocol::report::LogLevel;
use headway_protocol::{Percent, Report};

use super::recogniser::Reported;
use crate::text;

/// Lines that wait. When there are more, the oldest are dropped and counted: what a command said
/// last tells most about its end.
const LINES: usize = 1_000;
/// The most bytes of log lines in one report; a request body may be 1 MiB.
const REPORT_BYTES: usize = 256 * 1024;
/// The longest message that goes with progress, in characters.
const MESSAGE: usize = 200;

/// What a run has to tell.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    lines: VecDeque<(LogLevel, String)>,
    dropped: u64,
    progress: Option<(Reported, String)>,
}

impl Outbox {
    /// A line of output.
    pub(crate) fn line(&mut self, level: LogLevel, line: String) {
        if self.lines.len() >= LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back((level, line));
    }

    /// How far the command is, and the text that said so; only the newest is kept.
    pub(crate) fn progress(&mut self, reported: Reported, line: &str) {
        self.progress = Some((reported, text::shorten(text::plain(line).trim(), MESSAGE)));
    }

    /// Whether there is nothing to tell.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0 && self.progress.is_none()
    }

    /// The next report: the progress, and at most `most` lines, oldest first.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Report> {
        let mut reports = Vec::new();
        if let Some((reported, message)) = self.progress.take() {
            let (percent, done, total) = match reported {
                Reported::Percent(percent) => (Percent::new(percent).ok(), None, None),
                Reported::Count { done, total } => (None, Some(done), Some(total)),
            };
            let message = (!message.is_empty()).then_some(message);
            reports.push(Report::Progress {
                percent,
                done,
                total,
                message,
                phase: None,
                metadata: None,
            });
        }
        if self.dropped > 0 {
            let message = format!("{} lines were printed too fast and not kept", self.dropped);
            self.dropped = 0;
            reports.push(Report::Log { level: LogLevel::Warning, message, fields: None });
        }
        let mut bytes = 0;
        for _ in 0..most {
            let Some((level, message)) = self.lines.pop_front() else { break };
            bytes += message.len();
            reports.push(Report::Log { level, message, fields: None });
            if bytes >= REPORT_BYTES {
                break;
            }
        }
        reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(reports: &[Report]) -> Vec<&str> {
        reports
            .iter()
            .filter_map(|report| {
                if let Report::Log { message, .. } = report { Some(message.as_str()) } else { None }
            })
            .collect()
    }

    #[test]
    fn a_flood_is_bounded_and_counted() {
        let mut outbox = Outbox::default();
        for number in 0..LINES + 5 {
            outbox.line(LogLevel::Info, number.to_string());
        }
        let reports = outbox.take(2);
        assert_eq!(messages(&reports), ["5 lines were printed too fast and not kept", "5", "6"]);
        let rest = outbox.take(usize::MAX);
        assert_eq!(messages(&rest).len(), LINES - 2);
        assert_eq!(messages(&rest).last(), Some(&"1004"), "the last words are kept");
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_report_stays_below_a_requests_size() {
        let mut outbox = Outbox::default();
        for _ in 0..LINES {
            outbox.line(LogLevel::Info, "x".repeat(4_096));
        }
        let reports = outbox.take(usize::MAX);
        assert!(serde_json::to_string(&reports).unwrap().len() < 512 * 1024);
        assert!(!outbox.is_empty());
    }

    #[test]
    fn only_the_newest_progress_is_told() {
        let mut outbox = Outbox::default();
        outbox.progress(Reported::Percent(10.0), "10%");
        outbox.progress(Reported::Count { done: 3, total: 4 }, "  3/4\u{1b} ");
        let reports = outbox.take(10);
        let [Report::Progress { percent: None, done: Some(3), total: Some(4), message, .. }] =
            reports.as_slice()
        else {
            panic!("{reports:?}");
        };
        assert_eq!(message.as_deref(), Some("3/4"));
        assert!(outbox.is_empty());
    }
}
