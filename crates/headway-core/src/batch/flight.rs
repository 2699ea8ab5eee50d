//! The items of one batch that are being worked on now: what they hold of the budget, and what has
//! happened since the last [`Input::Moved`](crate::Input::Moved).

use headway_protocol::batch::Retry;
use headway_protocol::event::ItemsMoved;
use headway_protocol::{Amount, ItemStatus, JobError};

use crate::JobState;

/// The items in flight. It is not stored: after a crash nothing is in flight.
#[derive(Clone, Debug, Default)]
pub struct Flight {
    // Fields are private; see the methods.
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
    /// an estimate is expected to cost what finished ones did on average.
    pub fn may_start(&self, _state: &JobState, _estimate: Option<Amount>) -> Start {
        unimplemented!()
    }

    /// An item starts; `reserve` is held for it.
    pub fn start(&mut self, _index: u64, _reserve: Amount) {}

    /// An item that was started has ended its attempt.
    pub fn settle(&mut self, _settled: Settled) {}

    /// Items waiting for their next attempt, as last counted; settling adjusts it.
    pub fn set_retrying(&mut self, _retrying: u64) {}

    /// How many items are in flight.
    pub fn running(&self) -> u64 {
        0
    }

    /// Whether something happened since the last [`take`](Self::take).
    pub fn has_news(&self) -> bool {
        false
    }

    /// What happened since the last call, to be appended as [`Input::Moved`](crate::Input::Moved).
    pub fn take(&mut self) -> ItemsMoved {
        ItemsMoved::default()
    }
}

