//! What a producer may say about its job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::status::StepStatus;
use crate::{Amount, JobError, Percent};

/// One event that a producer sends. The log holds it as it was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Report {
    /// The work begins.
    Start {},
    /// The work moved. A percent, or units done (and in all).
    Progress {
        /// The share done, 0–100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<Percent>,
        /// Units done. More than a `total` in the same report is refused; more than one sent earlier
        /// is not, for totals are often guesses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        done: Option<u64>,
        /// Units in all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// A message for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// What part of the work is going on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase: Option<String>,
        /// Members to merge into the job's metadata.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<Map<String, Value>>,
    },
    /// A phase begins; earlier phases finish.
    Phase {
        /// Its name.
        name: String,
    },
    /// A step begins.
    StepStart {
        /// The step's key.
        step: String,
        /// What people call it; the key unless said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// `phase`, `agent` or the producer's own word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// The key of the step that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
        /// What it is busy with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tasks: Option<Vec<String>>,
        /// Its weight among its siblings, above 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<f64>,
    },
    /// A step moved.
    StepUpdate {
        /// The step's key.
        step: String,
        /// The share of it that is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<Percent>,
        /// What it is busy with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tasks: Option<Vec<String>>,
        /// A message for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// A step ended.
    StepFinish {
        /// The step's key.
        step: String,
        /// How it ended.
        status: StepStatus,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<JobError>,
    },
    /// A line for the job's log.
    Log {
        /// How much it matters.
        #[serde(default)]
        level: LogLevel,
        /// The line.
        message: String,
        /// Structured members.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<Map<String, Value>>,
    },
    /// An intermediate result.
    Partial {
        /// Which one.
        name: String,
        /// What it is.
        data: Value,
    },
    /// Units used, to be priced by the rate card.
    Usage(Usage),
    /// Money spent.
    Cost {
        /// How much, in the job's currency; not negative.
        amount: Amount,
        /// For what.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sku: Option<String>,
    },
    /// The work ended well.
    Complete {
        /// What came out, at most 1 MiB.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
    },
    /// The work failed. Of a batch: it cannot be worked on at all, and what is open is left out.
    Fail {
        /// Why.
        error: JobError,
    },
    /// A command was carried out.
    Ack {
        /// The command's id, or its action.
        command: String,
    },
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug,
    /// News.
    #[default]
    Info,
    /// Something to know about.
    Warning,
    /// Something went wrong.
    Error,
}

/// Units used of one stock-keeping unit: `{"sku":"gpt-x","input_tokens":120,"output_tokens":8}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Which rate applies.
    pub sku: String,
    /// How many of each unit; finite and not negative.
    #[serde(flatten)]
    pub units: BTreeMap<String, f64>,
}

/// A report as it comes in: with its place in the producer's own sequence, if it has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SequencedReport {
    /// The producer's own number of this event; a number not above the last applied is a repeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What is said.
    #[serde(flatten)]
    pub report: Report,
}
