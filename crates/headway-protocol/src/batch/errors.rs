//! Why items of a batch failed, in groups.

use serde::{Deserialize, Serialize};

/// Why a batch's items failed, alike ones together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorGroups {
    /// Items that failed.
    pub failed: u64,
    /// Of these, how many were read and are in a group. Less than `failed` only in very large
    /// batches: they then come from all over the batch.
    pub grouped: u64,
    /// The groups, the largest first.
    pub groups: Vec<ErrorGroup>,
}

/// Items that failed alike: with the same code, and with messages that differ in numbers, names and
/// quoted words alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorGroup {
    /// Their code. `other` with the message `…` is all that was left when there were too many
    /// groups to tell apart.
    pub code: String,
    /// What their messages have in common, with `…` in place of what differs.
    pub message: String,
    /// How many items.
    pub count: u64,
    /// Whether trying again may help.
    pub retryable: bool,
    /// Some of them, at most 3, by index.
    pub examples: Vec<ErrorExample>,
}

/// An item that failed, and its own message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorExample {
    /// Its place in the input, from 0.
    pub index: u64,
    /// Its producer's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_id: Option<String>,
    /// Its message, of a long one the beginning.
    pub message: String,
}
