//! Percent, weighted steps, rate and time to the end.

use headway_protocol::{Timestamp, diff_whole};
use serde::{Deserialize, Serialize};

/// How fast a job goes, from the times of its own events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateEstimate {
    /// When the newest sample was taken.
    pub at: Timestamp,
}

diff_whole!(RateEstimate);
