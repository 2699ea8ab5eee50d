//! What is appended.

use std::sync::Arc;

use headway_protocol::{ItemStatus, JobId};

use crate::{Facets, ItemOutcome, PutEntry, Record, StoreError};

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
    /// Entries that are put with the record, or not at all; mostly none. When one is not as it
    /// expects, the append does not happen.
    pub entries: Vec<PutEntry>,
}

impl Append {
    /// Whether the parts belong together, wherever the job is. Every adapter asks this before it
    /// looks at the job.
    ///
    /// Refused are: a record without events, or with another number of them than its positions
    /// say; a record that begins elsewhere than where the job is expected; a key with anything but
    /// a first record; an item that would be settled as `running`; entries that
    /// [`PutEntry::check_shape`] refuses.
    pub fn check_shape(&self) -> Result<(), StoreError> {
        let record = &self.record;
        let refuse = |what: &str| Err(StoreError::Refused(format!("job {}: {what}", self.job)));
        if record.to <= record.from || record.to - record.from != record.events.len() as u64 {
            return refuse("a record has as many events as its positions say, and at least one");
        }
        let (first, begins) = match self.expected {
            Expected::Absent { .. } => (true, 0),
            Expected::At(offset) => (false, offset),
        };
        if record.from != begins {
            return refuse("a record begins where the job is expected to be");
        }
        if self.key.is_some() && !first {
            return refuse("a key comes with a job's first record");
        }
        if self.items.iter().any(|item| item.status == ItemStatus::Running) {
            return refuse("an item is settled as anything but running");
        }
        PutEntry::check_shape(&self.entries)
    }
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
