//! All items of a batch are there.

use headway_protocol::event::{QueuedItems, SystemEvent};
use headway_protocol::limits::ITEMS;
use headway_protocol::{Event, JobStatus, Timestamp};

use super::end;
use crate::job::{BatchSeal, Draft, JobState, Refusal, item_failed};

const WHAT: &str = "to close the list of items";

/// The batch is queued, or ends at once when there is nothing to run. The same seal again is a
/// repeat.
pub(crate) fn seal(
    state: &JobState,
    now: Timestamp,
    seal: &BatchSeal,
) -> Result<Vec<Event>, Refusal> {
    let status = state.job.status;
    let Some(batch) = &state.private.batch else {
        let hint = "it is no batch and has no items";
        return Err(Refusal::WrongStatus { status, what: WHAT, hint });
    };
    if batch.seal.as_ref() == Some(seal) {
        return Ok(Vec::new());
    }
    if status.is_terminal() {
        return Err(Refusal::Ended { status, what: WHAT });
    }
    if status != JobStatus::Pending || batch.seal.is_some() {
        let hint = "its items are complete already";
        return Err(Refusal::WrongStatus { status, what: WHAT, hint });
    }
    check(seal)?;
    let mut draft = Draft::new(state, now);
    draft.system(SystemEvent::Queued {
        items: Some(QueuedItems {
            total: seal.total,
            invalid: seal.invalid,
            estimate: (seal.estimated > 0).then_some(seal.estimate),
            estimated: seal.estimated,
            estimate_squared: (seal.estimated > 0).then_some(seal.estimate_squared),
        }),
    });
    let nothing_to_run = seal.total == seal.invalid;
    if seal.invalid > 0 && end::stops_on_failure(state) {
        draft.system(SystemEvent::Stopping { reason: item_failed(None) });
        end::conclude(&mut draft);
    } else if nothing_to_run {
        end::conclude(&mut draft);
    } else if state.private.settings.start_paused {
        draft.system(SystemEvent::Paused { reason: None });
    }
    Ok(draft.finish())
}

fn check(seal: &BatchSeal) -> Result<(), Refusal> {
    if seal.total > ITEMS {
        let message = format!("{} items, the limit is {ITEMS}: make several batches", seal.total);
        return Err(Refusal::invalid("items", message));
    }
    let valid = seal.total.checked_sub(seal.invalid);
    if valid.is_none_or(|valid| seal.estimated > valid) {
        let message = format!(
            "{} unreadable and {} estimated items do not fit into {}",
            seal.invalid, seal.estimated, seal.total
        );
        return Err(Refusal::invalid("items", message));
    }
    if seal.estimate.is_negative()
        || !seal.estimate_squared.is_finite()
        || seal.estimate_squared < 0.0
    {
        return Err(Refusal::invalid("estimate", "an estimate is not negative"));
    }
    Ok(())
}
