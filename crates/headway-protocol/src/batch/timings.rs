//! How fast a batch's items finished, and how long they took.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How fast a batch's items finished over time, and how long their last attempts took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timings {
    /// How long a point stands for, in milliseconds.
    pub step_ms: u64,
    /// One after the other without a hole, from when the first item finished to when the last did.
    pub points: Vec<TimingPoint>,
    /// How long items took; absent until one has finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Durations>,
    /// Items that this was made of.
    pub read: u64,
    /// Items that ran and are finished: succeeded, failed or skipped. When it is more than `read`,
    /// those that were read are an even sample, and the counts of the points are scaled up.
    pub finished: u64,
}

/// What finished within one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimingPoint {
    /// When the step begins.
    pub at: Timestamp,
    /// Items that finished, those that failed among them.
    pub finished: u64,
    /// Items that failed.
    pub failed: u64,
    /// Half of them took at most so long, in milliseconds; absent when none was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<u64>,
    /// 95 of 100 took at most so long, in milliseconds; absent when none was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
}

/// How long items took, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Durations {
    /// Half of them at most so long.
    pub p50_ms: u64,
    /// 90 of 100 at most so long.
    pub p90_ms: u64,
    /// 99 of 100 at most so long.
    pub p99_ms: u64,
    /// The longest.
    pub max_ms: u64,
}
