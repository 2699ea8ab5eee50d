//! What an operator may ask of a job.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{JobError, Timestamp, diff_whole};

/// A wish; the job's status says whether it is allowed, its worker carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Stop for good.
    Cancel,
    /// Stand still.
    Pause,
    /// Go on.
    Resume,
    /// Begin a new attempt after the end.
    Retry,
}

/// A text that names no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an action: use cancel, pause, resume or retry")]
pub struct NotAnAction(String);

impl Action {
    /// Every action.
    pub const ALL: &'static [Self] = &[Self::Cancel, Self::Pause, Self::Resume, Self::Retry];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = NotAnAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| NotAnAction(text.chars().take(40).collect()))
    }
}

/// A command that waits for a job's worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Command {
    /// Its name inside the job; what `ack` gives back.
    pub id: String,
    /// What is asked.
    pub action: Action,
    /// When it was asked.
    pub requested_at: Timestamp,
    /// Why, unless an operator asked: `budget_reached`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<JobError>,
}

diff_whole!(Command, Action);
