//! When a batch pauses or ends.

use headway_protocol::batch::OnFailure;
use headway_protocol::event::SystemEvent;
use headway_protocol::{ItemCounts, JobError, JobStatus, Report};
use serde_json::json;

use crate::job::{Draft, JobState, is_expiry, is_item_failure};

/// Whether an item's failure stops the others.
pub(super) fn stops_on_failure(state: &JobState) -> bool {
    match state.private.settings.on_failure {
        OnFailure::Stop => true,
        OnFailure::Continue => false,
    }
}

/// With nothing running, a batch that is pausing pauses; with no open items, it ends.
pub(super) fn conclude(draft: &mut Draft<'_>) {
    let state = draft.state();
    let Some(counts) = state.job.items else { return };
    let status = state.job.status;
    if status.is_terminal() {
        return;
    }
    if counts.open() > 0 {
        if status == JobStatus::Pausing && counts.running == 0 {
            let reason = state.private.commands.iter().find_map(|command| command.reason.clone());
            draft.system(SystemEvent::Paused { reason });
        }
        return;
    }
    let stopping = state.private.batch.as_ref().and_then(|batch| batch.stopping.clone());
    match stopping {
        Some(reason) if is_expiry(&reason) => draft.system(SystemEvent::Expired {}),
        Some(reason) if is_item_failure(&reason) => draft.report(Report::Fail { error: reason }),
        Some(reason) => draft.system(SystemEvent::Cancelled { reason: Some(reason) }),
        // A cancel that found nothing left to stop changes nothing.
        None if status == JobStatus::Cancelling && counts.cancelled > 0 => {
            draft.system(SystemEvent::Cancelled { reason: None });
        }
        None => draft.report(finished(&counts)),
    }
}

/// The end of a batch that nobody stopped: failed only when no item came to anything.
fn finished(counts: &ItemCounts) -> Report {
    if counts.failed > 0 && counts.succeeded == 0 && counts.skipped == 0 {
        // A line that is no item has failed without having run.
        let message = match (counts.failed, counts.total) {
            (1, 1) => "its only item failed".to_owned(),
            (failed, total) if failed == total => format!("all {total} items failed"),
            (failed, total) => format!("no item succeeded, and {failed} of {total} failed"),
        };
        return Report::Fail { error: JobError::fatal("all_items_failed", message) };
    }
    let result = json!({
        "total": counts.total,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "cancelled": counts.cancelled,
        "expired": counts.expired,
    });
    Report::Complete { result: Some(result) }
}
