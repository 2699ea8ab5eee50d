//! What the log holds.

use serde::{Deserialize, Serialize};

use crate::command::{Action, Command};
use crate::money::Amount;
use crate::report::{Report, Usage};
use crate::{Currency, ItemStatus, JobError, JobStatus, Owner, Percent, Timestamp};

/// One fact of a job's life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// Whose it is, when its producer numbers its requests; on the last event of each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<Producer>,
    /// What happened.
    #[serde(flatten)]
    pub what: EventKind,
}

/// A producer and the number of its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Producer {
    /// Its own name for itself, 1 to 128 characters.
    pub id: String,
    /// Its number for the request, rising.
    pub seq: u64,
}

/// What happened: a producer's report, or something that Headway decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum EventKind {
    /// Headway's own.
    System(SystemEvent),
    /// A producer's, as it was accepted.
    Report(Report),
}

/// An event that Headway itself adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SystemEvent {
    /// The job exists; the first event of every log.
    Created {
        /// Its kind.
        kind: String,
        /// Its status to begin with.
        status: JobStatus,
        /// Who may see it.
        owner: Owner,
    },
    /// It waits for a place to run.
    Queued {
        /// How many items wait, for a batch that has been sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<QueuedItems>,
    },
    /// An operator asked something that a worker must carry out.
    Requested(Command),
    /// A command that nobody carried out in time was withdrawn.
    Withdrawn {
        /// The command's id.
        command: String,
        /// Its action.
        action: Action,
    },
    /// It is brought to a stop, by its budget, its time or a failed item; work in flight ends first.
    Stopping {
        /// Why.
        reason: JobError,
    },
    /// It stands still.
    Paused {
        /// Why, unless an operator asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<JobError>,
    },
    /// It goes on.
    Resumed {
        /// A new largest amount, when one was given with the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        budget: Option<Amount>,
    },
    /// It was stopped.
    Cancelled {
        /// Why, unless an operator asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<JobError>,
    },
    /// Its time ran out.
    Expired {},
    /// A new attempt begins.
    Retried {
        /// Its number.
        attempt: u32,
        /// The status that it begins with.
        status: JobStatus,
        /// Items that are run again: how many left each final status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<RequeuedItems>,
    },
    /// Its worker has been silent for longer than it promised.
    Stalled {},
    /// Items of a batch moved: what happened since the last such event, folded into one.
    Items(ItemsMoved),
    /// A share of the budget is spent.
    BudgetWarning {
        /// 50, 80 or 100 percent of the budget, or 100 of the soft budget.
        percent: Percent,
        /// The amount spent and reserved.
        committed: Amount,
        /// The amount that the percent is of.
        budget: Amount,
        /// Whether that is the soft budget.
        #[serde(default)]
        soft: bool,
    },
    /// A usage was priced, or could not be.
    Priced {
        /// The price; booked.
        amount: Amount,
        /// The currency.
        currency: Currency,
        /// What was priced.
        usage: Usage,
        /// Units of it that the rate card has no price for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unpriced: Vec<String>,
    },
}

/// The items of a batch when it is sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueuedItems {
    /// Items in all.
    pub total: u64,
    /// Of these, input lines that could not be read; they are failed items.
    pub invalid: u64,
    /// Σ of the estimates of those that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Amount>,
    /// How many have an estimate.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub estimated: u64,
    /// Σ of their estimates squared, in currency units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_squared: Option<f64>,
}

/// Items that a retry puts back into the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequeuedItems {
    /// That had failed.
    pub failed: u64,
    /// That had been stopped.
    pub cancelled: u64,
    /// Whose time had run out.
    pub expired: u64,
    /// The indexes of all of them, ascending, when they were chosen one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<u64>,
}

/// What happened to a batch's items since the last such event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemsMoved {
    /// Items running now.
    pub running: u64,
    /// Items waiting for their next attempt now.
    pub retrying: u64,
    /// Items that succeeded, as inclusive ranges of indexes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub succeeded: Vec<(u64, u64)>,
    /// Items that ended in another way, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<ItemFailed>,
    /// Items that will be tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<ItemFailed>,
    /// Items that were stopped, because of a command, the budget or a failure elsewhere.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cancelled: u64,
    /// Items whose time ran out with the batch's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expired: u64,
    /// What they cost.
    #[serde(default)]
    pub spent: Amount,
    /// What is held for the running ones now.
    #[serde(default)]
    pub reserved: Amount,
    /// Σ over the running ones of how many other items ended since they started.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub running_turns: u64,
    /// Sums over the finished items for the forecast; see the guide's chapter on cost.
    #[serde(default)]
    pub sums: ItemSums,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One item that did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemFailed {
    /// Its place in the input, from 0.
    pub index: u64,
    /// Its producer's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_id: Option<String>,
    /// Where it is now.
    pub status: ItemStatus,
    /// Attempts made.
    pub attempts: u32,
    /// Why.
    pub error: JobError,
}

/// Sums over items that finished with a cost, in currency units; what a forecast needs of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemSums {
    /// How many.
    pub count: u64,
    /// Σ cost.
    pub cost: f64,
    /// Σ cost².
    pub cost_squared: f64,
    /// Σ estimate.
    pub estimate: f64,
    /// Σ estimate².
    pub estimate_squared: f64,
    /// Σ cost · estimate.
    pub cost_estimate: f64,
    /// The largest cost.
    pub cost_max: f64,
    /// Σ turns: how many other items ended while it ran, its duration by the batch's own clock. With
    /// the next three it tells whether items that take longer cost more, hence what the ones in flight
    /// will cost. Zero where nobody counted.
    #[serde(default)]
    pub turns: f64,
    /// Σ turns².
    #[serde(default)]
    pub turns_squared: f64,
    /// Σ cost · turns.
    #[serde(default)]
    pub cost_turns: f64,
    /// Σ estimate · turns.
    #[serde(default)]
    pub estimate_turns: f64,
}

crate::diff_whole!(ItemSums);

impl Event {
    /// The `type` word of the event.
    pub const fn type_word(&self) -> &'static str {
        match &self.what {
            EventKind::System(event) => match event {
                SystemEvent::Created { .. } => "created",
                SystemEvent::Queued { .. } => "queued",
                SystemEvent::Requested(_) => "requested",
                SystemEvent::Withdrawn { .. } => "withdrawn",
                SystemEvent::Stopping { .. } => "stopping",
                SystemEvent::Paused { .. } => "paused",
                SystemEvent::Resumed { .. } => "resumed",
                SystemEvent::Cancelled { .. } => "cancelled",
                SystemEvent::Expired {} => "expired",
                SystemEvent::Retried { .. } => "retried",
                SystemEvent::Stalled {} => "stalled",
                SystemEvent::Items(_) => "items",
                SystemEvent::BudgetWarning { .. } => "budget_warning",
                SystemEvent::Priced { .. } => "priced",
            },
            EventKind::Report(report) => match report {
                Report::Start {} => "start",
                Report::Progress { .. } => "progress",
                Report::Phase { .. } => "phase",
                Report::StepStart { .. } => "step_start",
                Report::StepUpdate { .. } => "step_update",
                Report::StepFinish { .. } => "step_finish",
                Report::Log { .. } => "log",
                Report::Partial { .. } => "partial",
                Report::Usage(_) => "usage",
                Report::Cost { .. } => "cost",
                Report::Complete { .. } => "complete",
                Report::Fail { .. } => "fail",
                Report::Ack { .. } => "ack",
            },
        }
    }
}
