//! A store whose appends wait until they are let through, or turned away, and whose sweeps of chosen
//! items can come to a halt.

use std::sync::Arc;

use async_trait::async_trait;
use headway_protocol::{ItemStatus, JobId, Timestamp};
use headway_store::memory::MemoryStore;
use headway_store::{
    Append, AppendError, Due, Entry, EntryError, EntryQuery, History, ItemQuery, ItemSummary,
    LeaseRequest, LeasedItem, ListPage, ListQuery, NewItem, PutEntry, Sink, Store, StoreError,
    Stored, StoredItem, Sweep,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};

/// A call of [`Store::append`] that waits for its turn.
pub(crate) struct Waiting {
    pub(crate) appends: Vec<Append>,
    turn: oneshot::Sender<bool>,
}

impl Waiting {
    /// Lets the call through.
    pub(crate) fn go(self) {
        self.turn.send(true).unwrap();
    }

    /// Turns the call away: nothing is appended.
    pub(crate) fn fail(self) {
        self.turn.send(false).unwrap();
    }
}

/// A store in memory behind a gate.
#[derive(Debug)]
pub(crate) struct GatedStore {
    pub(crate) inner: Arc<MemoryStore>,
    calls: mpsc::Sender<Waiting>,
    /// So many chosen items are swept; then a sweep is not answered any more.
    pub(crate) sweeps: Mutex<Option<u64>>,
    /// Told when a sweep is not answered.
    pub(crate) halted: Notify,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("appends", &self.appends.len()).finish_non_exhaustive()
    }
}

impl GatedStore {
    /// The store, and its calls in order.
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<Waiting>) {
        let (calls, waiting) = mpsc::channel(100);
        let inner = Arc::new(MemoryStore::new());
        let (sweeps, halted) = (Mutex::new(None), Notify::new());
        (Arc::new(Self { inner, calls, sweeps, halted }), waiting)
    }
}

#[async_trait]
impl Store for GatedStore {
    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
        let (turn, waits) = oneshot::channel();
        let waiting = Waiting { appends: appends.clone(), turn };
        self.calls.send(waiting).await.unwrap();
        if waits.await.unwrap() {
            return self.inner.append(appends).await;
        }
        let failed = StoreError::Failed { doing: "append", detail: "the gate is shut".to_owned() };
        appends.iter().map(|_| Err(failed.clone().into())).collect()
    }

    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError> {
        self.inner.load(job).await
    }

    async fn read(
        &self,
        job: &JobId,
        after: u64,
        max_events: usize,
    ) -> Result<Option<History>, StoreError> {
        self.inner.read(job, after, max_events).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        self.inner.list(query).await
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.inner.due(until, limit).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<(JobId, u64)>, StoreError> {
        self.inner.find_key(key).await
    }

    async fn add_items(&self, job: &JobId, items: Vec<NewItem>) -> Result<(), StoreError> {
        self.inner.add_items(job, items).await
    }

    async fn lease_items(
        &self,
        job: &JobId,
        lease: &LeaseRequest,
    ) -> Result<Vec<LeasedItem>, StoreError> {
        self.inner.lease_items(job, lease).await
    }

    async fn next_retry(&self, job: &JobId) -> Result<Option<Timestamp>, StoreError> {
        self.inner.next_retry(job).await
    }

    async fn items(&self, job: &JobId, query: &ItemQuery) -> Result<Vec<StoredItem>, StoreError> {
        self.inner.items(job, query).await
    }

    async fn item_summaries(
        &self,
        job: &JobId,
        query: &ItemQuery,
    ) -> Result<Vec<ItemSummary>, StoreError> {
        self.inner.item_summaries(job, query).await
    }

    async fn count_items(&self, job: &JobId) -> Result<Vec<(ItemStatus, u64)>, StoreError> {
        self.inner.count_items(job).await
    }

    async fn sweep_items(&self, job: &JobId, sweep: &Sweep) -> Result<u64, StoreError> {
        let left = *self.sweeps.lock();
        let Some(left) = left.filter(|_| sweep.only.is_some()) else {
            return self.inner.sweep_items(job, sweep).await;
        };
        if left == 0 {
            self.halted.notify_one();
            std::future::pending::<()>().await;
        }
        let max = sweep.max.min(usize::try_from(left).unwrap());
        let moved = self.inner.sweep_items(job, &Sweep { max, ..sweep.clone() }).await?;
        *self.sweeps.lock() = Some(left - moved);
        Ok(moved)
    }

    async fn trim(&self, job: &JobId, before: u64) -> Result<Option<u64>, StoreError> {
        self.inner.trim(job, before).await
    }

    async fn remove(&self, jobs: &[JobId]) -> Result<(), StoreError> {
        self.inner.remove(jobs).await
    }

    async fn expendable(
        &self,
        finished_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        self.inner.expendable(finished_before, keep, limit).await
    }

    async fn put_entries(&self, puts: Vec<PutEntry>) -> Result<Vec<u64>, EntryError> {
        self.inner.put_entries(puts).await
    }

    async fn entry(&self, collection: &str, key: &str) -> Result<Option<Entry>, StoreError> {
        self.inner.entry(collection, key).await
    }

    async fn entries(
        &self,
        collection: &str,
        query: &EntryQuery,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner.entries(collection, query).await
    }

    async fn changed_entries(
        &self,
        collection: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner.changed_entries(collection, after, limit).await
    }

    async fn count_entries(&self, collection: &str) -> Result<u64, StoreError> {
        self.inner.count_entries(collection).await
    }

    async fn trim_entries(
        &self,
        collection: &str,
        before: &str,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.inner.trim_entries(collection, before, limit).await
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        self.inner.attach(sink);
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}
