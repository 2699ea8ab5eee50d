//! News of what was appended.

use std::sync::Arc;

use headway_protocol::{Cursor, JobId};

use crate::{Facets, Record};

/// A record that is durable now.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The job.
    pub job: JobId,
    /// The position after the record.
    pub cursor: Cursor,
    /// The record.
    pub record: Arc<Record>,
    /// The job's facets after the record.
    pub facets: Arc<Facets>,
}

/// Hears of records. Called on the store's own thread: it must not block, and what it cannot take
/// it drops, remembering that it did and reading the log later.
pub trait Sink: Send + Sync {
    /// These records are durable now.
    fn wake(&self, appended: &[Appended]);

    /// These jobs are no more: their logs, documents and items cannot be read any longer. Told in
    /// turn with the records of the same jobs, so that a name which is given again is told of after
    /// this. Whoever keeps nothing of a job has nothing to do.
    fn removed(&self, _jobs: &[JobId]) {}
}
