//! What can go wrong with a store.

use headway_protocol::JobId;

/// Why a store could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store's files are damaged; nothing was changed.
    #[error(
        "the store at {place} is damaged: {detail}; restore it from a backup, or start with another folder"
    )]
    Damaged {
        /// The file or address.
        place: String,
        /// What was found.
        detail: String,
    },
    /// The store was written by a later version.
    #[error(
        "the store at {place} has schema {found}, this program knows up to {known}: use a newer program"
    )]
    TooNew {
        /// The file or address.
        place: String,
        /// The schema that was found.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// Another process holds the store.
    #[error(
        "the store at {place} is in use by another process: stop that one, or use another folder"
    )]
    InUse {
        /// The file or address.
        place: String,
    },
    /// The store takes no more for now: its queue is full, or its disk.
    #[error("the store cannot take more now: {detail}")]
    Full {
        /// What is full.
        detail: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Reading or writing failed.
    #[error("the store failed to {doing}: {detail}")]
    Failed {
        /// What it was doing.
        doing: &'static str,
        /// What the layer below said.
        detail: String,
    },
    /// What was asked makes no sense for what is there.
    #[error("refused by the store: {0}")]
    Refused(String),
}

/// Why one append did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The job is elsewhere than expected: read it again and decide again.
    #[error("job {job} is at {found:?}, not where the append expected it")]
    Conflict {
        /// The job.
        job: JobId,
        /// Its offset; `None` when there is no such job.
        found: Option<u64>,
    },
    /// The unique key was given to a job already. Told only when the position fits.
    #[error("the key belongs to job {job}")]
    KeyTaken {
        /// That job.
        job: JobId,
        /// The fingerprint that came with the key then.
        fingerprint: u64,
    },
    /// An item is not held with this fence: another holder has it, or it has been settled.
    #[error("item {index} of {job} is not held by this lease")]
    Fenced {
        /// The batch.
        job: JobId,
        /// The first item at fault.
        index: u64,
    },
    /// An entry that goes with the record is not as it expects: read it again and decide again.
    /// Told only when the position fits.
    #[error(
        "entry {key} of {collection} is at revision {found:?}, and not as the append expected it"
    )]
    EntryConflict {
        /// Where the entry lies.
        collection: String,
        /// Its key.
        key: String,
        /// Its revision; `None` when there is no such entry.
        found: Option<u64>,
    },
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
