//! What is appended.

use std::sync::Arc;

use headway_protocol::JobId;

use crate::{Facets, ItemOutcome, Record};

/// One record for one job, and what goes with it.
#[derive(Clone, Debug)]
pub struct Append {
    /// The job.
    pub job: JobId,
    /// Where the job must be.
    pub expected: Expected,
    /// The record; it begins where the job is.
    pub record: Arc<Record>,
    /// The job's facets after the record, whole.
    pub facets: Arc<Facets>,
    /// Items that were worked on, settled with the record.
    pub items: Vec<ItemOutcome>,
    /// With the first record: a key that no other job may have.
    pub key: Option<UniqueKey>,
}

/// Where a job must be for an append to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nowhere: this is its first record, in a log of this epoch.
    Absent {
        /// The log's epoch.
        epoch: u32,
    },
    /// At this offset.
    At(u64),
}

/// A key that belongs to one job at the most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    /// The key.
    pub key: String,
    /// What the request was that brought it, so that a repeat can be told from a reuse.
    pub fingerprint: u64,
}
