//! An executor takes a job up.

use headway_protocol::{Event, JobStatus, Report, Timestamp};

use super::{Draft, JobState, Refusal, Sort};

const WHAT: &str = "to begin";

/// A queued job starts; one that is being worked on already (the server was restarted) goes on.
pub(super) fn decide(state: &JobState, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let status = state.job.status;
    let wrong = |hint| Err(Refusal::WrongStatus { status, what: WHAT, hint });
    match status {
        JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired => {
            Err(Refusal::Ended { status, what: WHAT })
        }
        _ if state.sort() == Sort::Producer => wrong("its producer begins it with a report"),
        JobStatus::Queued => {
            let mut draft = Draft::new(state, now);
            draft.report(Report::Start {});
            Ok(draft.finish())
        }
        JobStatus::Running | JobStatus::Pausing | JobStatus::Cancelling => Ok(Vec::new()),
        JobStatus::Pending => wrong("its items are still being added"),
        JobStatus::Paused => wrong("resume it first"),
    }
}
