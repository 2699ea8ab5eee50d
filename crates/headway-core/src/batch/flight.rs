//! The items of one batch that are being worked on now: what they hold of the budget, and what has
//! happened since the last [`Input::Moved`](crate::Input::Moved).

use std::collections::BTreeMap;

use headway_protocol::event::{ItemFailed, ItemsMoved};
use headway_protocol::{Amount, ItemStatus, JobError};

use super::ranges::Ranges;
use super::sums;
use crate::JobState;
use crate::job::committed;

/// The items in flight. It is not stored: after a crash nothing is in flight.
///
/// Its owner calls [`may_start`](Self::may_start) and [`start`](Self::start) before an attempt,
/// [`settle`](Self::settle) after it, and [`take`](Self::take) now and then; what was taken is
/// applied to the state before the next `may_start`, or it would be missing from what is spent.
///
/// Invariant: what is spent plus what is reserved is at most the budget, but for the errors of the
/// estimates of items in flight.
#[derive(Clone, Debug, Default)]
pub struct Flight {
    /// The items in flight, by their index.
    held: BTreeMap<u64, Held>,
    reserved: Amount,
    /// Attempts that ended so far.
    ended: u64,
    retrying: u64,
    succeeded: Ranges,
    moved: ItemsMoved,
    news: bool,
}

/// An item in flight.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// What it holds of the budget.
    reserve: Amount,
    /// How many attempts had ended when it started.
    ended_before: u64,
}

/// Whether the next item may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It may; so much is reserved for it once [`Flight::start`] is told.
    Go {
        /// What it is expected to cost.
        reserve: Amount,
    },
    /// Not before something in flight has ended: the budget might allow it then.
    Hold,
    /// Never under this budget: nothing is in flight that could free any of it.
    Exhausted {
        /// What it was expected to cost.
        next: Amount,
    },
}

/// One attempt of one item that ended.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Its place in the input.
    pub index: u64,
    /// Its producer's name for it.
    pub custom_id: Option<String>,
    /// Attempts begun.
    pub attempts: u32,
    /// Where it is now: `succeeded`, `failed`, `skipped`, `retrying`, `cancelled`, `expired`, or
    /// `queued` when it is given back unworked.
    pub status: ItemStatus,
    /// Why it did not succeed.
    pub error: Option<JobError>,
    /// What this attempt cost.
    pub cost: Amount,
    /// What all its attempts cost.
    pub total_cost: Amount,
    /// What it was expected to cost.
    pub estimate: Option<Amount>,
}

impl Flight {
    /// Nothing in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether an item with this estimate may start now under the batch's budget. An item without
    /// an estimate is expected to cost what finished ones did on average; before any has finished
    /// nothing is held for it, and it starts as long as the budget is not used up.
    pub fn may_start(&self, state: &JobState, estimate: Option<Amount>) -> Start {
        let expected = estimate.or_else(|| self.mean(state));
        let next = expected.unwrap_or_default();
        let Some(budget) = &state.private.settings.budget else {
            return Start::Go { reserve: next };
        };
        let (spent, _) = committed(state);
        let committed = spent.plus(self.moved.spent).plus(self.reserved);
        let fits = match expected {
            Some(next) => committed.plus(next) <= budget.max_budget,
            None => committed < budget.max_budget,
        };
        if fits {
            Start::Go { reserve: next }
        } else if self.held.is_empty() {
            Start::Exhausted { next }
        } else {
            Start::Hold
        }
    }

    /// What finished items cost on average.
    fn mean(&self, state: &JobState) -> Option<Amount> {
        let mut all = self.moved.sums;
        if let Some(batch) = &state.private.batch {
            sums::add(&mut all, &batch.sums);
        }
        if all.count == 0 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a mean of amounts is an amount; the cast saturates"
        )]
        let nanos = (all.cost / all.count as f64 * 1e9).round() as i64;
        Some(Amount::from_nanos(nanos))
    }

    /// An item starts for the first time; `reserve` is held for it.
    pub fn start(&mut self, index: u64, reserve: Amount) {
        let held = Held { reserve, ended_before: self.ended };
        if let Some(before) = self.held.insert(index, held) {
            self.reserved = self.reserved.minus(before.reserve);
        }
        self.reserved += reserve;
        self.news = true;
    }

    /// An item that waited for its next attempt starts it; `reserve` is held for it.
    pub fn start_again(&mut self, index: u64, reserve: Amount) {
        self.retrying = self.retrying.saturating_sub(1);
        self.start(index, reserve);
    }

    /// An item that was started has ended its attempt: what it held is free, what it cost is
    /// spent. One that was not started, or that is said to be still running, changes nothing.
    pub fn settle(&mut self, settled: Settled) {
        let Settled { index, custom_id, attempts, status, error, cost, total_cost, estimate } =
            settled;
        if status == ItemStatus::Running {
            return;
        }
        let Some(held) = self.held.remove(&index) else { return };
        let turns = self.ended.saturating_sub(held.ended_before);
        self.ended = self.ended.saturating_add(1);
        self.reserved = self.reserved.minus(held.reserve);
        self.moved.spent += cost;
        self.news = true;
        let told = |word: &str| ItemFailed {
            index,
            custom_id,
            status,
            attempts,
            error: error.unwrap_or_else(|| JobError::fatal(word, "no reason was given")),
        };
        match status {
            ItemStatus::Succeeded => self.succeeded.insert(index),
            ItemStatus::Failed => self.moved.failed.push(told("failed")),
            ItemStatus::Skipped => self.moved.failed.push(told("skipped")),
            ItemStatus::Retrying => {
                self.retrying = self.retrying.saturating_add(1);
                self.moved.retried.push(told("failed"));
            }
            ItemStatus::Cancelled => self.moved.cancelled += 1,
            ItemStatus::Expired => self.moved.expired += 1,
            ItemStatus::Queued | ItemStatus::Running => {}
        }
        match status {
            ItemStatus::Succeeded | ItemStatus::Failed | ItemStatus::Skipped => {
                sums::add(&mut self.moved.sums, &sums::of(total_cost, estimate, turns));
            }
            ItemStatus::Retrying
            | ItemStatus::Cancelled
            | ItemStatus::Expired
            | ItemStatus::Queued
            | ItemStatus::Running => {}
        }
    }

    /// Items that were not in flight were stopped: swept to `cancelled` or `expired`, so many of
    /// which had waited for their next attempt.
    pub fn swept(&mut self, status: ItemStatus, count: u64, retrying: u64) {
        match status {
            ItemStatus::Cancelled => self.moved.cancelled += count,
            ItemStatus::Expired => self.moved.expired += count,
            ItemStatus::Queued
            | ItemStatus::Running
            | ItemStatus::Retrying
            | ItemStatus::Succeeded
            | ItemStatus::Failed
            | ItemStatus::Skipped => return,
        }
        self.retrying = self.retrying.saturating_sub(retrying);
        self.news = true;
    }

    /// Items waiting for their next attempt, as last counted; settling and
    /// [`start_again`](Self::start_again) adjust it.
    pub fn set_retrying(&mut self, retrying: u64) {
        self.news |= self.retrying != retrying;
        self.retrying = retrying;
    }

    /// How many items are in flight.
    pub fn running(&self) -> u64 {
        self.held.len() as u64
    }

    /// Whether something happened since the last [`take`](Self::take).
    pub fn has_news(&self) -> bool {
        self.news
    }

    /// What happened since the last call, to be appended as [`Input::Moved`](crate::Input::Moved).
    pub fn take(&mut self) -> ItemsMoved {
        self.news = false;
        let succeeded = self.succeeded.take();
        let turns = |held: &Held| self.ended.saturating_sub(held.ended_before);
        ItemsMoved {
            running: self.running(),
            running_turns: self.held.values().map(turns).sum(),
            retrying: self.retrying,
            reserved: self.reserved,
            succeeded,
            ..std::mem::take(&mut self.moved)
        }
    }
}
