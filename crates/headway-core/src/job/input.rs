//! What can be said to a job.

use std::collections::BTreeMap;

use headway_protocol::event::{ItemsMoved, Producer, RequeuedItems};
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{PlannedStep, RetryItems};
use headway_protocol::{Action, Amount, Currency, JobId, Owner};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Settings;
use crate::rates::RateCard;

/// Everything that makes a job. The kind's settings have been merged in already.
#[derive(Clone, Debug)]
pub struct Create {
    /// Its name.
    pub id: JobId,
    /// Its log's epoch, drawn at random.
    pub epoch: u32,
    /// Its kind.
    pub kind: String,
    /// What people call it.
    pub name: Option<String>,
    /// The producer's grouping key.
    pub session: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// The producer's own data: an object or null.
    pub metadata: Value,
    /// Who may see it.
    pub owner: Owner,
    /// The steps that will come.
    pub steps: BTreeMap<String, PlannedStep>,
    /// Units in all.
    pub total: Option<u64>,
    /// What a unit is.
    pub unit: Option<String>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Whether it is a batch: it then waits, `pending`, for [`Input::Seal`].
    pub batch: bool,
    /// How it is run.
    pub settings: Settings,
}

/// What is known of a batch once all its items are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchSeal {
    /// Items in all.
    pub total: u64,
    /// Of these, input lines that could not be read.
    pub invalid: u64,
    /// Items with an estimate of their cost.
    pub estimated: u64,
    /// Σ of their estimates.
    pub estimate: Amount,
    /// Σ of their estimates squared, in currency units.
    pub estimate_squared: f64,
}

/// Which items of an ended batch run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemChoice {
    /// All that ended in a way.
    Status(RetryItems),
    /// Just some.
    Items(ChosenItems),
}

impl Default for ItemChoice {
    fn default() -> Self {
        Self::Status(RetryItems::default())
    }
}

/// Items that were chosen one by one, by somebody who has looked at each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChosenItems {
    /// Where the batch's log was before they were looked at. An ended batch whose log is still there
    /// has moved none of them.
    pub position: u64,
    /// Which ones, and how many of them are in each status that a retry can lead out of. Input lines
    /// that could not be read are not among them.
    pub items: RequeuedItems,
}

/// One thing said to a job.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Its producer reports. All of it is taken or none.
    Report {
        /// Who, when it numbers its requests.
        producer: Option<Producer>,
        /// What.
        reports: &'a [SequencedReport],
        /// Prices for the usage in it.
        rates: &'a RateCard,
    },
    /// An operator asks.
    Command {
        /// What.
        action: Action,
        /// With `resume`: a new largest amount.
        max_budget: Option<Amount>,
        /// With `retry` of a batch: which items.
        retry_items: &'a ItemChoice,
    },
    /// The time of [`next_deadline`](super::next_deadline) has come, or passed.
    Tick,
    /// All items of a batch are there.
    Seal(BatchSeal),
    /// Its executor takes it up: first, or again after a restart of the server.
    Begin,
    /// Items of a batch moved. With nothing running, a batch that is pausing pauses, one that is
    /// stopping and has no open items ends as its reason says, and one whose items are all finished
    /// ends.
    Moved(ItemsMoved),
    /// Nothing is running, and the budget does not allow the next item.
    BudgetReached {
        /// What the next item was expected to cost.
        next: Amount,
    },
}
