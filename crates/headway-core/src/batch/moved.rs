//! Items of a batch moved, or the budget keeps them from moving.

use headway_protocol::batch::OnBudget;
use headway_protocol::event::{ItemsMoved, SystemEvent};
use headway_protocol::{Amount, Event, ItemStatus, JobStatus, Timestamp};

use super::{count, end};
use crate::job::{self, Draft, JobState, Refusal, committed, item_failed, warn};

const WHAT: &str = "moving items";

/// Counts and costs move, and with them perhaps the batch.
pub(crate) fn moved(
    state: &JobState,
    now: Timestamp,
    moved: &ItemsMoved,
) -> Result<Vec<Event>, Refusal> {
    let status = state.job.status;
    let wrong = |hint| Err(Refusal::WrongStatus { status, what: WHAT, hint });
    let Some(counts) = &state.job.items else { return wrong("it is no batch and has no items") };
    match status {
        JobStatus::Running | JobStatus::Pausing | JobStatus::Paused | JobStatus::Cancelling => {}
        JobStatus::Pending => return wrong("its items are still being added"),
        JobStatus::Queued => return wrong("it has not begun"),
        JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired => {
            return Err(Refusal::Ended { status, what: WHAT });
        }
    }
    let after = count::after(counts, moved)?;
    if status == JobStatus::Paused && after.running > 0 {
        return wrong("nothing of it can be running: resume it first");
    }
    if moved.spent.is_negative() || moved.reserved.is_negative() {
        return Err(Refusal::invalid("spent", "money spent or held is not negative"));
    }
    let mut draft = Draft::new(state, now);
    if after != *counts || tells_more(state, moved) {
        draft.system(SystemEvent::Items(moved.clone()));
        warn(&mut draft, false);
    }
    let first = moved.failed.iter().find(|item| item.status == ItemStatus::Failed);
    if let Some(first) = first
        && end::stops_on_failure(state)
        && status != JobStatus::Cancelling
    {
        let reason = item_failed(Some((first.index, &first.error.message)));
        draft.system(SystemEvent::Stopping { reason });
    }
    end::conclude(&mut draft);
    Ok(draft.finish())
}

/// Whether a move that leaves every count as it was says something all the same.
fn tells_more(state: &JobState, moved: &ItemsMoved) -> bool {
    let reserved = state.job.cost.as_ref().and_then(|cost| cost.reserved).unwrap_or_default();
    moved.spent != Amount::ZERO
        || moved.reserved != reserved
        || !moved.retried.is_empty()
        || state.private.batch.as_ref().is_some_and(crate::batch::BatchState::requeues)
}

/// Nothing runs and the next item does not fit into the budget: the batch pauses, or is brought to
/// a stop.
pub(crate) fn budget_reached(
    state: &JobState,
    now: Timestamp,
    next: Amount,
) -> Result<Vec<Event>, Refusal> {
    let status = state.job.status;
    let wrong = |hint| Err(Refusal::WrongStatus { status, what: "reaching the budget", hint });
    let Some(counts) = &state.job.items else { return wrong("it is no batch and has no items") };
    match status {
        JobStatus::Running | JobStatus::Pausing => {}
        JobStatus::Paused | JobStatus::Cancelling => return Ok(Vec::new()),
        JobStatus::Pending | JobStatus::Queued => return wrong("it has not begun"),
        JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired => {
            return Err(Refusal::Ended { status, what: "reaching the budget" });
        }
    }
    if counts.running > 0 {
        return wrong("items are running that may free some of it: report them first");
    }
    let Some(budget) = &state.private.settings.budget else { return wrong("it has no budget") };
    let (spent, _) = committed(state);
    let currency = state.private.currency.as_str();
    let reason = job::budget_reached(spent, Some(next), budget.max_budget, currency);
    let mut draft = Draft::new(state, now);
    warn(&mut draft, true);
    match budget.on_budget {
        OnBudget::Pause => draft.system(SystemEvent::Paused { reason: Some(reason) }),
        OnBudget::Cancel => {
            draft.system(SystemEvent::Stopping { reason });
            end::conclude(&mut draft);
        }
    }
    Ok(draft.finish())
}
