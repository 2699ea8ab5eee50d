//! One batch's items in the model.

use std::collections::BTreeMap;
use std::ops::Bound;

use headway_protocol::{Amount, ItemStatus, JobError, Timestamp};
use serde_json::value::RawValue;

use crate::{
    ItemOutcome, ItemQuery, ItemSummary, LeaseRequest, LeasedItem, NewItem, StoreError, StoredItem,
    Sweep, SweptAttempts,
};

/// Items by index; the indexes are `0..items.len()`.
#[derive(Clone, Default)]
pub(super) struct Batch {
    items: BTreeMap<u64, Item>,
}

#[derive(Clone)]
struct Item {
    custom_id: Option<String>,
    input: Box<RawValue>,
    estimate: Option<Amount>,
    status: ItemStatus,
    attempts: u32,
    /// Set while `running`.
    fence: Option<u64>,
    /// Set while `retrying`.
    due_at: Option<Timestamp>,
    output: Option<Box<RawValue>>,
    error: Option<JobError>,
    cost: Option<Amount>,
    started_at: Option<Timestamp>,
    duration_ms: Option<u64>,
}

impl Batch {
    pub(super) fn add(&mut self, items: Vec<NewItem>) -> Result<(), StoreError> {
        for (next, item) in (self.items.len() as u64..).zip(&items) {
            item.check_shape(next)?;
        }
        self.items.extend(items.into_iter().map(|item| {
            let held = Item {
                custom_id: item.custom_id,
                input: item.input,
                estimate: item.estimate,
                status: item.status,
                attempts: 0,
                fence: None,
                due_at: None,
                output: None,
                error: item.error,
                cost: None,
                started_at: None,
                duration_ms: None,
            };
            (item.index, held)
        }));
        Ok(())
    }

    /// Whether the item was held with this fence and is settled now.
    pub(super) fn settle(&mut self, outcome: &ItemOutcome) -> bool {
        let Some(item) = self.items.get_mut(&outcome.index) else { return false };
        if item.status != ItemStatus::Running || item.fence != Some(outcome.fence) {
            return false;
        }
        if outcome.status == ItemStatus::Queued {
            item.attempts = item.attempts.saturating_sub(1);
        }
        item.status = outcome.status;
        item.fence = None;
        item.due_at = outcome.resting_due_at();
        item.output.clone_from(&outcome.output);
        item.error.clone_from(&outcome.error);
        item.cost = outcome.cost;
        item.started_at = outcome.started_at;
        item.duration_ms = outcome.duration_ms;
        true
    }

    pub(super) fn lease(&mut self, lease: &LeaseRequest) -> Vec<LeasedItem> {
        let mut retrying: Vec<(Timestamp, u64)> = self
            .items
            .iter()
            .filter(|(_, item)| item.status == ItemStatus::Retrying)
            .filter_map(|(index, item)| Some((item.due_at?, *index)))
            .filter(|(due_at, _)| *due_at <= lease.now)
            .collect();
        retrying.sort_unstable();
        let queued = self
            .items
            .iter()
            .filter(|(_, item)| item.status == ItemStatus::Queued)
            .map(|(index, _)| *index);
        let taken: Vec<u64> =
            retrying.into_iter().map(|(_, index)| index).chain(queued).take(lease.max).collect();
        let mut leased = Vec::with_capacity(taken.len());
        for index in taken {
            let Some(item) = self.items.get_mut(&index) else { continue };
            item.status = ItemStatus::Running;
            item.attempts = item.attempts.saturating_add(1);
            item.fence = Some(lease.fence);
            item.due_at = None;
            leased.push(LeasedItem {
                index,
                custom_id: item.custom_id.clone(),
                input: item.input.clone(),
                estimate: item.estimate,
                attempts: item.attempts,
                cost: item.cost,
            });
        }
        leased
    }

    pub(super) fn next_retry(&self) -> Option<Timestamp> {
        self.items.values().filter_map(|item| item.due_at).min()
    }

    fn fitting<'a>(&'a self, query: &'a ItemQuery) -> impl Iterator<Item = (u64, &'a Item)> {
        let after = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        self.items
            .range((after, Bound::Unbounded))
            .map(|(index, item)| (*index, item))
            .filter(|(index, _)| query.only.as_ref().is_none_or(|only| only.contains(*index)))
            .filter(|(_, item)| query.statuses.is_empty() || query.statuses.contains(&item.status))
            .take(query.limit.max(1))
    }

    pub(super) fn page(&self, query: &ItemQuery) -> Vec<StoredItem> {
        self.fitting(query)
            .map(|(index, item)| StoredItem {
                index,
                custom_id: item.custom_id.clone(),
                status: item.status,
                attempts: item.attempts,
                input: item.input.clone(),
                estimate: item.estimate,
                output: item.output.clone(),
                error: item.error.clone(),
                cost: item.cost,
                started_at: item.started_at,
                duration_ms: item.duration_ms,
            })
            .collect()
    }

    pub(super) fn summaries(&self, query: &ItemQuery) -> Vec<ItemSummary> {
        self.fitting(query)
            .map(|(index, item)| ItemSummary {
                index,
                custom_id: item.custom_id.clone(),
                status: item.status,
                attempts: item.attempts,
                error: item.error.clone(),
                started_at: item.started_at,
                duration_ms: item.duration_ms,
            })
            .collect()
    }

    pub(super) fn count(&self) -> Vec<(ItemStatus, u64)> {
        let mut counts: BTreeMap<ItemStatus, u64> = BTreeMap::new();
        for item in self.items.values() {
            *counts.entry(item.status).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    pub(super) fn sweep(&mut self, sweep: &Sweep) -> u64 {
        let mut moved = 0;
        let fitting = self
            .items
            .iter_mut()
            .filter(|(index, _)| sweep.only.as_ref().is_none_or(|only| only.contains(**index)))
            .map(|(_, item)| item)
            .filter(|item| sweep.from.contains(&item.status))
            .filter(|item| !sweep.attempted_only || item.attempts > 0)
            .take(sweep.max);
        for item in fitting {
            item.status = sweep.to;
            item.fence = None;
            item.due_at = sweep.resting_due_at();
            if sweep.to == ItemStatus::Queued {
                item.error = None;
            }
            item.attempts = match sweep.attempts {
                SweptAttempts::Keep => item.attempts,
                SweptAttempts::TakeBack => item.attempts.saturating_sub(1),
                SweptAttempts::Reset => 0,
            };
            moved += 1;
        }
        moved
    }
}
