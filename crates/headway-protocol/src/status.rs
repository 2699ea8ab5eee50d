//! The states of jobs, items and steps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that names no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a status: use one of {known}")]
pub struct NotAStatus {
    given: String,
    known: String,
}

macro_rules! statuses {
    ($(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $text:literal ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $( $(#[$doc])* $variant ),* }

        impl $name {
            /// Every state, in the order of a life.
            pub const ALL: &'static [Self] = &[ $( Self::$variant ),* ];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text ),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = NotAStatus;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|status| status.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|status| status.as_str()).collect();
                    NotAStatus { given: text.chars().take(40).collect(), known: known.join(", ") }
                })
            }
        }
    };
}

statuses! {
    /// Where a job is in its life.
    JobStatus {
        /// Created; waits for its producer, or for its items.
        Pending = "pending",
        /// Waits for a place to run.
        Queued = "queued",
        /// Being worked on.
        Running = "running",
        /// Asked to pause; its worker has not confirmed yet.
        Pausing = "pausing",
        /// Stands still until resumed.
        Paused = "paused",
        /// Asked to stop; its worker has not confirmed yet.
        Cancelling = "cancelling",
        /// Ended well.
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Stopped by a command, or by its budget.
        Cancelled = "cancelled",
        /// Its time ran out.
        Expired = "expired",
    }
}

impl JobStatus {
    /// Whether the attempt is over; only a retry leads out.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled | Self::Expired => true,
            Self::Pending
            | Self::Queued
            | Self::Running
            | Self::Pausing
            | Self::Paused
            | Self::Cancelling => false,
        }
    }
}

statuses! {
    /// Where an item of a batch is.
    ItemStatus {
        /// Waits for its turn.
        Queued = "queued",
        /// Being worked on.
        Running = "running",
        /// Failed in a way that may pass; waits for its next attempt.
        Retrying = "retrying",
        /// Done.
        Succeeded = "succeeded",
        /// Failed for good.
        Failed = "failed",
        /// Not worth running: its executor said so.
        Skipped = "skipped",
        /// Not run, because the batch was stopped.
        Cancelled = "cancelled",
        /// Not run, because the batch's time ran out.
        Expired = "expired",
    }
}

impl ItemStatus {
    /// Whether nothing more happens to the item in this attempt of its batch.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled | Self::Expired => {
                true
            }
            Self::Queued | Self::Running | Self::Retrying => false,
        }
    }
}

statuses! {
    /// Where a step of a job is.
    StepStatus {
        /// Known, not begun.
        Pending = "pending",
        /// Being worked on.
        Running = "running",
        /// Ended well.
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Left out.
        Skipped = "skipped",
        /// Stopped.
        Cancelled = "cancelled",
    }
}

impl StepStatus {
    /// Whether the step is over.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled => true,
            Self::Pending | Self::Running => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_their_serialised_form() {
        for status in JobStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for status in ItemStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for status in StepStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn an_unknown_word_is_told_the_known_ones() {
        let message = "done".parse::<JobStatus>().unwrap_err().to_string();
        assert!(message.contains("completed"), "{message}");
    }
}
