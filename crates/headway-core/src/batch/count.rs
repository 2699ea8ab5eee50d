//! Where a batch's items are after some of them moved.

use headway_protocol::event::ItemsMoved;
use headway_protocol::{ItemCounts, ItemStatus};

use crate::job::Refusal;

/// The counts after a move. They add up, or the move is refused.
pub(super) fn after(counts: &ItemCounts, moved: &ItemsMoved) -> Result<ItemCounts, Refusal> {
    let mut after = *counts;
    for &(first, last) in &moved.succeeded {
        if first > last || last >= counts.total {
            let message = format!("{first} to {last} is no range of {} items", counts.total);
            return Err(Refusal::invalid("succeeded", message));
        }
        after.succeeded = after.succeeded.saturating_add(last - first + 1);
    }
    for item in &moved.failed {
        if item.index >= counts.total {
            let message = format!("there is no item {} of {}", item.index, counts.total);
            return Err(Refusal::invalid("failed", message));
        }
        let count = match item.status {
            ItemStatus::Failed => &mut after.failed,
            ItemStatus::Skipped => &mut after.skipped,
            ItemStatus::Cancelled => &mut after.cancelled,
            ItemStatus::Expired => &mut after.expired,
            ItemStatus::Queued
            | ItemStatus::Running
            | ItemStatus::Retrying
            | ItemStatus::Succeeded => {
                let message = format!("item {} is {}, not failed", item.index, item.status);
                return Err(Refusal::invalid("failed", message));
            }
        };
        *count = count.saturating_add(1);
    }
    after.cancelled = after.cancelled.saturating_add(moved.cancelled);
    after.expired = after.expired.saturating_add(moved.expired);
    after.running = moved.running;
    after.retrying = moved.retrying;
    let taken = [
        after.succeeded,
        after.failed,
        after.skipped,
        after.cancelled,
        after.expired,
        after.running,
        after.retrying,
    ];
    let taken = taken.into_iter().fold(0_u64, u64::saturating_add);
    let Some(queued) = counts.total.checked_sub(taken) else {
        let message = format!("{taken} items would have moved, the batch has {}", counts.total);
        return Err(Refusal::invalid("items", message));
    };
    Ok(ItemCounts { queued, ..after })
}
