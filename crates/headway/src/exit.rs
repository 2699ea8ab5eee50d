//! How the program ends.

use std::process::ExitCode;

use headway_client::Watched;
use headway_protocol::{Job, JobStatus};

/// How the program ends. The numbers are part of the command line's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All went well.
    Success,
    /// It could not be done, or the job failed.
    CouldNotRun,
    /// The command line is wrong.
    Usage,
    /// Some items of a batch failed.
    SomeFailed,
    /// The budget stopped it.
    Budget,
    /// It was cancelled or its time ran out.
    Cancelled,
    /// Somebody pressed Ctrl-C; the work goes on or can go on.
    Interrupted,
    /// What a command that was run ended with.
    Passed(u8),
}

/// The error code of a job that its budget stopped.
const BUDGET_REACHED: &str = "budget_reached";

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::CouldNotRun => 1,
            Self::Usage => 2,
            Self::SomeFailed => 3,
            Self::Budget => 4,
            Self::Cancelled => 5,
            Self::Interrupted => 130,
            Self::Passed(code) => code,
        }
    }

    /// What a job's end means; `None` while it goes on. A batch that its budget paused has come to
    /// its end for now: only somebody with a larger budget lets it go on.
    pub(crate) fn of(job: &Job) -> Option<Self> {
        let budget = job.error.as_ref().is_some_and(|error| error.code == BUDGET_REACHED);
        let some_failed = job.items.is_some_and(|items| items.failed > 0);
        match job.status {
            JobStatus::Completed | JobStatus::Failed if some_failed => Some(Self::SomeFailed),
            JobStatus::Completed => Some(Self::Success),
            JobStatus::Failed => Some(Self::CouldNotRun),
            JobStatus::Cancelled | JobStatus::Paused if budget => Some(Self::Budget),
            JobStatus::Cancelled | JobStatus::Expired => Some(Self::Cancelled),
            JobStatus::Pending
            | JobStatus::Queued
            | JobStatus::Running
            | JobStatus::Pausing
            | JobStatus::Paused
            | JobStatus::Cancelling => None,
        }
    }

    /// The same of a job as its stream has told it so far.
    pub(crate) fn of_watched(watched: &Watched) -> Option<Self> {
        watched.job().as_ref().and_then(Self::of)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use headway_protocol::patch;
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(change: &Value, expected: Option<u8>) {
        let mut document = json!({
            "id": "bat_1", "kind": "k", "status": "running", "attempt": 1,
            "owner": {"tenant": "default"}, "cursor": "0000000a-1",
            "created_at": "2026-01-10T09:30:00.000Z", "updated_at": "2026-01-10T09:30:00.000Z",
        });
        patch::apply(&mut document, change);
        let job: Job = serde_json::from_value(document).unwrap();
        assert_eq!(Exit::of(&job).map(Exit::code), expected, "{change}");
    }

    fn counts(failed: u64) -> Value {
        json!({
            "total": 10, "queued": 0, "running": 0, "retrying": 0, "succeeded": 10 - failed,
            "failed": failed, "skipped": 0, "cancelled": 0, "expired": 0,
        })
    }

    #[test]
    fn a_jobs_end_is_a_code() {
        let budget = json!({"code": "budget_reached", "message": "…"});
        check(&json!({}), None);
        check(&json!({"status": "paused"}), None);
        check(&json!({"status": "completed"}), Some(0));
        check(&json!({"status": "completed", "items": counts(0)}), Some(0));
        check(&json!({"status": "completed", "items": counts(2)}), Some(3));
        check(&json!({"status": "failed", "items": counts(10)}), Some(3));
        check(&json!({"status": "failed"}), Some(1));
        check(&json!({"status": "paused", "error": budget}), Some(4));
        check(&json!({"status": "cancelled", "error": budget}), Some(4));
        check(&json!({"status": "cancelled"}), Some(5));
        check(&json!({"status": "expired"}), Some(5));
    }
}
