//! The port of Headway's store and bus.
//!
//! A store holds, for every job, a log of records, the document and the private state that the log
//! folds to, a row of facets to list it by, and for a batch its items. Beside jobs it holds
//! [entries](Entry). It knows how to fold a
//! merge patch and nothing of what a job may do: whoever appends has decided already, and says at
//! which position. Two that decide at once are told apart by that position; the later one reads
//! again and decides again.
//!
//! The truth is what [`Store::append`] has acknowledged. A [`Sink`] hears of it after that, as a
//! courtesy that saves a read.

mod append;
mod bus;
mod clock;
#[cfg(feature = "conformance")]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::wildcard_imports,
    reason = "these are tests, which fail by panicking; they stand here so that adapters can run them"
)]
pub mod conformance;
mod entry;
mod error;
#[cfg(feature = "intercept")]
pub mod intercept;
mod items;
mod list;
pub mod memory;
mod record;

use async_trait::async_trait;
use headway_protocol::{ItemStatus, JobId, Timestamp};

pub use append::{Append, Expected, UniqueKey};
pub use bus::{Appended, Sink};
pub use clock::{Clock, SystemClock};
pub use entry::{
    COLLECTION_BYTES, ENTRIES_PER_CALL, ENTRY_KEY_BYTES, ENTRY_VALUE_BYTES, Entry, EntryError,
    EntryOrder, EntryQuery, ExpectedEntry, PutEntry,
};
pub use error::{AppendError, StoreError};
pub use items::{
    Indexes, ItemOutcome, ItemQuery, ItemSummary, LeaseRequest, LeasedItem, NewItem, StoredItem,
    Sweep, SweptAttempts,
};
pub use list::{Due, Facets, ListPage, ListQuery, NotAPageKey, PageKey};
pub use record::{History, Record, Stored, render};

/// Where jobs rest. Every method may be called from many tasks at once; none blocks its thread.
///
/// Cancel safety: dropping a future does not take back what it asked; an append whose future is
/// dropped may or may not happen, whole.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync + 'static {
    /// Appends records of any number of jobs, in order, and answers each for itself, in the same
    /// order, after all that succeeded are durable. Each append is atomic: its record, its fold,
    /// its facets, its items, its key and its entries become visible together or not at all. Two appends to one
    /// job in one call are applied in turn.
    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>>;

    /// The job's document, private state and position; `None` when there is no such job.
    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError>;

    /// Records of a job whose end is after `after`, oldest first: at least one when there is one,
    /// then up to `max_events` events in all. A record that begins before `after` is given whole.
    /// Where the log's beginning was forgotten, it is read from where it begins now: whoever asked
    /// for more sees that by [`History::trimmed_to`].
    async fn read(
        &self,
        job: &JobId,
        after: u64,
        max_events: usize,
    ) -> Result<Option<History>, StoreError>;

    /// A page of jobs that fit, newest (largest creation time, then largest id) first.
    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError>;

    /// Jobs whose `due_at` is at or before `until`, earliest first, at most `limit`.
    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError>;

    /// The job that a unique key was given to, and the fingerprint that came with it.
    async fn find_key(&self, key: &str) -> Result<Option<(JobId, u64)>, StoreError>;

    /// Adds items to a batch that exists, all of them or none, durable when answered. Their indexes
    /// follow each other, from the number of items that the batch has; an index that is there
    /// already is refused.
    async fn add_items(&self, job: &JobId, items: Vec<NewItem>) -> Result<(), StoreError>;

    /// Takes up to `max` items to work on, durably: those that are `retrying` and due first,
    /// earliest first, then `queued` ones by index. Each becomes `running`, counts an attempt and
    /// carries the lease's fence, so that only this holder may settle it.
    async fn lease_items(
        &self,
        job: &JobId,
        lease: &LeaseRequest,
    ) -> Result<Vec<LeasedItem>, StoreError>;

    /// The earliest `due_at` of a batch's `retrying` items.
    async fn next_retry(&self, job: &JobId) -> Result<Option<Timestamp>, StoreError>;

    /// A page of a batch's items by index.
    async fn items(&self, job: &JobId, query: &ItemQuery) -> Result<Vec<StoredItem>, StoreError>;

    /// The same page without inputs and outputs, whose cost does not follow their sizes.
    async fn item_summaries(
        &self,
        job: &JobId,
        query: &ItemQuery,
    ) -> Result<Vec<ItemSummary>, StoreError>;

    /// How many items of a batch are in each status; statuses without items are left out.
    async fn count_items(&self, job: &JobId) -> Result<Vec<(ItemStatus, u64)>, StoreError>;

    /// Moves up to `sweep.max` items from some statuses to one other, by index, and answers how
    /// many moved. Repeating it until it answers 0 moves them all.
    async fn sweep_items(&self, job: &JobId, sweep: &Sweep) -> Result<u64, StoreError>;

    /// Forgets the beginning of a log: the job's records that end at or before `before`. Answers
    /// the offset after which the log begins from now on, which no later call moves back; `None`
    /// when there is no such job. Everything else of the job stays as it is.
    async fn trim(&self, job: &JobId, before: u64) -> Result<Option<u64>, StoreError>;

    /// Forgets jobs: their logs, documents, facets, items and keys. Unknown ones are passed over.
    async fn remove(&self, jobs: &[JobId]) -> Result<(), StoreError>;

    /// Finished jobs that are over the limits of retention, oldest end first, at most `limit`:
    /// those that finished before `finished_before`, and those beyond the newest `keep` finished.
    async fn expendable(
        &self,
        finished_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<JobId>, StoreError>;

    /// Changes entries, all of them or none, durable when answered. Answers each one's new revision,
    /// in the same order and growing; a removal has one too.
    async fn put_entries(&self, puts: Vec<PutEntry>) -> Result<Vec<u64>, EntryError>;

    /// The entry of a collection that has this key.
    async fn entry(&self, collection: &str, key: &str) -> Result<Option<Entry>, StoreError>;

    /// Entries of a collection by key.
    async fn entries(&self, collection: &str, query: &EntryQuery)
    -> Result<Vec<Entry>, StoreError>;

    /// Entries of a collection that were put after revision `after`, in the order of their
    /// revisions, at most `limit`. An entry that was put several times since comes once, at its
    /// place now; removed ones are not told. Costs one look-up when nothing changed.
    async fn changed_entries(
        &self,
        collection: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// How many entries a collection has. Costs a walk over an index: for measuring now and then.
    async fn count_entries(&self, collection: &str) -> Result<u64, StoreError>;

    /// Removes up to `limit` entries of a collection whose keys are before `before`, smallest first,
    /// and answers how many. Repeating it until it answers less than `limit` removes them all.
    async fn trim_entries(
        &self,
        collection: &str,
        before: &str,
        limit: usize,
    ) -> Result<u64, StoreError>;

    /// From now on `sink` hears of every record after it is durable and can be read, in the order of
    /// each job, and before the append is answered; and of every job that was removed, before that is
    /// answered. A store has one sink per attach; they live as
    /// long as the store.
    fn attach(&self, sink: std::sync::Arc<dyn Sink>);

    /// Writes down whatever can be, so that the next opening is quick. Whatever would change
    /// something later is refused with [`StoreError::Closed`]; closing again does nothing.
    async fn close(&self) -> Result<(), StoreError>;
}
