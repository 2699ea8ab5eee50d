//! Bodies of requests and replies that are not batches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::batch::{Budget, Item};
use crate::command::Command;
use crate::webhook::Webhook;
use crate::{Amount, Cursor, Job, JobId, JobStatus, Timestamp};

/// Creates a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateJob {
    /// A configured kind (its executor runs the job), or any other word (its producer does).
    pub kind: String,
    /// The job's name; made up unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<JobId>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose it is, 1 to 256 characters; the caller's own subject unless said. Only who sees the
    /// whole tenant may name somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The producer's grouping key, at most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Labels to find it by, at most 32 of at most 128 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The producer's own data, an object of at most 16 KiB.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// The steps that will come, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, PlannedStep>,
    /// What may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Units in all, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What a unit is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How long its worker may be silent before the job counts as stalled, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_after_ms: Option<u64>,
    /// The longest that the job may take from now, in milliseconds; then it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
    /// Where its life is announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// What its executor works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
}

/// A step that will come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PlannedStep {
    /// What people call it; the key unless said.
    pub name: Option<String>,
    /// `phase`, `agent` or the producer's own word.
    pub role: Option<String>,
    /// The key of the step that it belongs to.
    pub parent: Option<String>,
    /// Its weight among its siblings, above 0; 1 unless said.
    pub weight: Option<f64>,
    /// Its place in the order; steps without one follow in the order of their keys.
    pub index: Option<u32>,
}

/// What an accepted report is answered with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportReply {
    /// The position after the report.
    pub cursor: Cursor,
    /// The job's status after the report.
    pub status: JobStatus,
    /// Commands that wait for the worker.
    pub commands: Vec<Command>,
}

/// What a command may carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CommandRequest {
    /// With `resume`: a new largest amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_budget: Option<Amount>,
    /// With `retry` of a batch: which items; `failed` unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RetryItems>,
    /// With `retry` of a batch, instead of `status`: just these items by their indexes, 1 to 1,000
    /// of them. Each must have failed or have been stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<u64>>,
}

/// Which items of an ended batch run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RetryItems {
    /// Those that failed.
    #[default]
    Failed,
    /// Those that were stopped.
    Cancelled,
    /// Those whose time ran out.
    Expired,
    /// All that did not succeed.
    Unfinished,
}

crate::diff_whole!(RetryItems);

/// A page of jobs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Passed as `page`, gives the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A page of a batch's items, by index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemPage {
    /// The items.
    pub items: Vec<Item>,
    /// Passed as `after`, gives the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One event of a job's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryEvent {
    /// The position after the event.
    pub cursor: Cursor,
    /// The event.
    #[serde(flatten)]
    pub event: Value,
}

/// A page of a job's history, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryPage {
    /// The events.
    pub events: Vec<HistoryEvent>,
    /// Passed as `after`, gives what follows; absent when nothing does yet, and in a page that was
    /// read backwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// Passed as `before`, gives what comes before; absent at the log's beginning, and in a page that
    /// was read forwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Cursor>,
    /// The job's newest position.
    pub cursor: Cursor,
    /// The oldest position that the log still reaches back to, when its beginning is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trimmed_to: Option<Cursor>,
}

/// One change of a job's document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobRecord {
    /// The position before the change.
    pub prev: Cursor,
    /// The position after it.
    pub cursor: Cursor,
    /// When it happened.
    pub at: Timestamp,
    /// A merge patch (RFC 7396) of the document; in a job's first record the whole document.
    pub patch: Value,
}

/// A page of how a job's document changed, oldest first. Applied in order, the patches give the
/// document as it was after each change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordPage {
    /// The changes.
    pub records: Vec<JobRecord>,
    /// Passed as `after`, gives what follows; absent when nothing does yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// The job's newest position.
    pub cursor: Cursor,
    /// The position that the log begins after, when its beginning is gone: what was not changed
    /// since then is in no patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trimmed_to: Option<Cursor>,
}
