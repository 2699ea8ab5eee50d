//! What the events of a batch change.

use headway_protocol::event::{ItemsMoved, QueuedItems, RequeuedItems};
use headway_protocol::request::RetryItems;
use headway_protocol::{Amount, ItemCounts, JobStatus, Timestamp};

use super::{count, sums};
use crate::forecast::{OpenItems, forecast};
use crate::job::{BatchSeal, JobState, show_cost};
use crate::progress;

/// All items are there.
pub(crate) fn sealed(state: &mut JobState, items: &QueuedItems) {
    let Some(batch) = &mut state.private.batch else { return };
    batch.seal = Some(BatchSeal {
        total: items.total,
        invalid: items.invalid,
        estimated: items.estimated,
        estimate: items.estimate.unwrap_or_default(),
        estimate_squared: items.estimate_squared.unwrap_or_default(),
    });
    let valid = items.total.saturating_sub(items.invalid);
    state.job.items = Some(ItemCounts {
        total: items.total,
        queued: valid,
        failed: items.invalid,
        ..ItemCounts::default()
    });
    state.job.progress.unit.get_or_insert_with(|| "items".to_owned());
    progress::counted(state);
    if let Some(estimate) = items.estimate {
        show_cost(state).estimate = Some(whole_run(estimate, items.estimated, valid));
    }
}

/// Items without an estimate are expected to cost what those with one do on average.
fn whole_run(estimate: Amount, estimated: u64, valid: u64) -> Amount {
    let all = i128::from(estimate.as_nanos()) * i128::from(valid);
    let mean = all.checked_div(i128::from(estimated)).unwrap_or_default();
    Amount::from_nanos(i64::try_from(mean).unwrap_or(i64::MAX))
}

/// Items moved. A move that does not add up was refused before it became an event.
pub(crate) fn items_moved(state: &mut JobState, at: Timestamp, moved: &ItemsMoved) {
    let (Some(counts), Some(batch)) = (&mut state.job.items, &mut state.private.batch) else {
        return;
    };
    if let Ok(after) = count::after(counts, moved) {
        *counts = after;
    }
    let open = OpenItems {
        remaining: counts.open(),
        running: counts.running,
        running_turns: moved.running_turns,
    };
    batch.forget_requeue();
    sums::add(&mut batch.sums, &moved.sums);
    let (seal, sums) = (batch.seal.unwrap_or_default(), batch.sums);
    if moved.spent != Amount::ZERO || moved.reserved != Amount::ZERO {
        show_cost(state);
    }
    if let Some(cost) = &mut state.job.cost {
        cost.spent += moved.spent;
        cost.reserved = (moved.reserved != Amount::ZERO).then_some(moved.reserved);
        let forecast = forecast(&seal, &sums, open, cost.spent);
        cost.forecast = forecast.map(|forecast| forecast.mid);
        cost.forecast_low = forecast.map(|forecast| forecast.low);
        cost.forecast_high = forecast.map(|forecast| forecast.high);
    }
    progress::counted(state);
    progress::move_on(state, at);
}

/// A new attempt puts items back into the queue; their counts say which ones.
pub(crate) fn requeued(state: &mut JobState, items: &RequeuedItems) {
    if let Some(counts) = &mut state.job.items {
        counts.failed = counts.failed.saturating_sub(items.failed);
        counts.cancelled = counts.cancelled.saturating_sub(items.cancelled);
        counts.expired = counts.expired.saturating_sub(items.expired);
        let back = [items.failed, items.cancelled, items.expired];
        counts.queued = back.into_iter().fold(counts.queued, u64::saturating_add);
    }
    if let Some(batch) = &mut state.private.batch {
        if items.only.is_empty() {
            batch.requeue = Some(match (items.failed, items.cancelled, items.expired) {
                (_, 0, 0) => RetryItems::Failed,
                (0, _, 0) => RetryItems::Cancelled,
                (0, 0, _) => RetryItems::Expired,
                (_, _, _) => RetryItems::Unfinished,
            });
        } else {
            batch.requeue_items.clone_from(&items.only);
        }
    }
    if let Some(cost) = &mut state.job.cost {
        cost.forecast = None;
        cost.forecast_low = None;
        cost.forecast_high = None;
    }
    progress::counted(state);
}

/// The attempt is over: what was spent is what it cost.
pub(crate) fn ended(state: &mut JobState) {
    let Some(batch) = &mut state.private.batch else { return };
    batch.stopping = None;
    batch.forget_requeue();
    let completed = state.job.status == JobStatus::Completed;
    if let Some(cost) = &mut state.job.cost {
        cost.reserved = None;
        // A batch that was stopped did not come to what was forecast.
        let known = completed || cost.forecast.is_some();
        cost.forecast = known.then_some(cost.spent);
        cost.forecast_low = cost.forecast;
        cost.forecast_high = cost.forecast;
    }
}
