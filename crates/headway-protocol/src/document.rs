//! The job document: what a watcher sees of a job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::status::{JobStatus, StepStatus};
use crate::{Amount, Currency, Cursor, JobId, Percent, Timestamp, diff_struct};

/// The public state of one job. Members that are absent and members that are `null` mean the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Job {
    /// The job's name.
    pub id: JobId,
    /// The configured type of job, or `custom`.
    pub kind: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is in its life.
    pub status: JobStatus,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How far it is.
    #[serde(default)]
    pub progress: Progress,
    /// What part of the work is going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The newest message for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Named parts of the job, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, Step>,
    /// How many items are where; only batches have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemCounts>,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The producer's grouping key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Labels to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Who may see it.
    pub owner: Owner,
    /// The producer's own data, an object of at most 16 KiB.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// What came out, at most 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed, was stopped or stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// Whether its worker has been silent for longer than it promised.
    #[serde(default)]
    pub stalled: bool,
    /// The position in the log that this document shows.
    pub cursor: Cursor,
    /// When it was created.
    pub created_at: Timestamp,
    /// When this attempt was queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_at: Option<Timestamp>,
    /// When this attempt began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When its newest event happened.
    pub updated_at: Timestamp,
    /// When this attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

diff_struct!(Job {
    id, kind, name, status, attempt, progress, phase, message, steps, items, cost, session, tags,
    owner, metadata, result, error, stalled, created_at, queued_at, started_at, updated_at,
    finished_at,
} skip { cursor });

/// How far a job is. Every member is absent until there is evidence for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// The share that is done, 0–100; never falls inside an attempt. Absent: indeterminate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// Units done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// Units in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What a unit is: `rows`, `leads`, `bytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Units per second (percent points per second when only a percent is known), recent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Milliseconds to the end, at the present rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
    /// The early end of the range for `eta_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_low_ms: Option<u64>,
    /// The late end of the range for `eta_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_high_ms: Option<u64>,
}

diff_struct!(Progress { percent, done, total, unit, rate, eta_ms, eta_low_ms, eta_high_ms });

/// A named part of a job: a phase, a stage or an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Step {
    /// Its place in the order of starting, from 0.
    pub index: u32,
    /// What people call it.
    pub name: String,
    /// What it is: `phase`, `agent` or the producer's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The key of the step that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Where it is.
    pub status: StepStatus,
    /// The share of it that is done, 0–100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// What it is busy with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Its newest message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its weight among its siblings, above 0; 1 unless said.
    pub weight: f64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

diff_struct!(Step {
    index,
    name,
    role,
    parent,
    status,
    percent,
    tasks,
    message,
    weight,
    error,
    started_at,
    finished_at,
});

/// How many items of a batch are where; the eight add up to `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemCounts {
    /// All items.
    pub total: u64,
    /// Waiting for their turn.
    pub queued: u64,
    /// Being worked on.
    pub running: u64,
    /// Waiting for their next attempt.
    pub retrying: u64,
    /// Done.
    pub succeeded: u64,
    /// Failed for good.
    pub failed: u64,
    /// Not worth running.
    pub skipped: u64,
    /// Not run: the batch was stopped.
    pub cancelled: u64,
    /// Not run: the batch's time ran out.
    pub expired: u64,
}

diff_struct!(ItemCounts {
    total,
    queued,
    running,
    retrying,
    succeeded,
    failed,
    skipped,
    cancelled,
    expired,
});

impl ItemCounts {
    /// Items that nothing more happens to.
    pub const fn finished(&self) -> u64 {
        self.succeeded + self.failed + self.skipped + self.cancelled + self.expired
    }

    /// Items that something still happens to.
    pub const fn open(&self) -> u64 {
        self.queued + self.running + self.retrying
    }

    /// Whether the parts add up to the total.
    pub const fn adds_up(&self) -> bool {
        self.finished() + self.open() == self.total
    }
}

/// What a job costs. Amounts are decimal strings in `currency`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cost {
    /// The currency of every amount here.
    pub currency: Currency,
    /// Booked: never changes afterwards.
    pub spent: Amount,
    /// Held for items that are running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Amount>,
    /// What was expected before the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Amount>,
    /// What it will have cost at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Amount>,
    /// The low end of the forecast's range; the final cost lies inside in 9 of 10 batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast_low: Option<Amount>,
    /// The high end of the forecast's range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast_high: Option<Amount>,
    /// What may be spent at the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Amount>,
    /// What was meant to be spent; passing it warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_budget: Option<Amount>,
}

diff_struct!(Cost {
    currency,
    spent,
    reserved,
    estimate,
    forecast,
    forecast_low,
    forecast_high,
    budget,
    soft_budget,
});

/// Who may see a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Owner {
    /// The organisation; `default` where there is only one.
    pub tenant: String,
    /// The person or service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

diff_struct!(Owner { tenant, subject });

impl Default for Owner {
    fn default() -> Self {
        Self { tenant: "default".to_owned(), subject: None }
    }
}

/// Why a job, a step or an item failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobError {
    /// A word for programs: `timeout`, `exit_code`, `budget_reached`, or the producer's own.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Whatever else helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether trying again may help.
    #[serde(default)]
    pub retryable: bool,
}

impl crate::patch::Diff for JobError {
    fn diff(&self, after: &Self) -> Option<Value> {
        crate::patch::value_of(self).diff(&crate::patch::value_of(after))
    }
}

impl JobError {
    /// An error that trying again does not mend.
    pub fn fatal(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: None, retryable: false }
    }

    /// An error that may pass.
    pub fn passing(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::fatal(code, message) }
    }
}
