//! When time itself is an input.

use headway_protocol::{JobStatus, Timestamp};

use super::{JobState, Sort};

/// When [`Input::Tick`](super::Input::Tick) is due, if ever. A tick at that time always leads to an
/// event.
pub fn next_deadline(state: &JobState) -> Option<Timestamp> {
    [expiry(state), command_due(state), silence(state)].into_iter().flatten().min()
}

/// When the job expires. What Headway is stopping already cannot expire too.
pub(super) fn expiry(state: &JobState) -> Option<Timestamp> {
    let status = state.job.status;
    let stopping = status == JobStatus::Cancelling && state.sort() != Sort::Producer;
    if status.is_terminal() || stopping { None } else { state.private.expires_at }
}

/// When the waiting commands are given up.
pub(super) fn command_due(state: &JobState) -> Option<Timestamp> {
    if state.private.commands.is_empty() { None } else { state.private.command_due_at }
}

/// When the worker of a producer's job counts as silent.
pub(super) fn silence(state: &JobState) -> Option<Timestamp> {
    let works =
        matches!(state.job.status, JobStatus::Running | JobStatus::Pausing | JobStatus::Cancelling);
    if !works || state.job.stalled || state.sort() != Sort::Producer {
        return None;
    }
    Some(state.private.heard_at?.plus(state.private.settings.stall_after_ms?))
}
