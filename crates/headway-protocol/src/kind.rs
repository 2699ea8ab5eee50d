//! Kinds: configured types of job, as those see them who may make jobs.
//!
//! What a kind runs, with which secrets and under which limits is the operator's and not here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::batch::{Budget, Executor};
use crate::request::PlannedStep;

/// The configured kinds, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Kinds {
    /// The kinds, in the order of their names.
    pub kinds: Vec<Kind>,
}

/// A configured type of job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Kind {
    /// What a request names as its `kind`.
    pub name: String,
    /// What runs its jobs and the items of its batches; absent: their producer, and it has no
    /// batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<KindExecutor>,
    /// Items at once, unless a request says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// What may be spent, unless a request says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// The steps that every job of this kind has, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, PlannedStep>,
}

/// What runs the jobs of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KindExecutor {
    /// A program.
    Command,
    /// A request for each item.
    Http,
}

impl KindExecutor {
    /// Its word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Http => "http",
        }
    }
}

impl From<&Executor> for KindExecutor {
    fn from(executor: &Executor) -> Self {
        match executor {
            Executor::Command(_) => Self::Command,
            Executor::Http(_) => Self::Http,
        }
    }
}
