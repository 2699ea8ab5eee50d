//! A store whose calls somebody stands in the way of: for tests that want to see a call, hold it up,
//! or let it fail.
//!
//! Whoever stands there writes the calls that interest it, and every other one goes through.

use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use headway_protocol::{ItemStatus, JobId, Timestamp};

use crate::memory::MemoryStore;
use crate::{
    Append, AppendError, Due, Entry, EntryError, EntryQuery, History, ItemQuery, ItemSummary,
    LeaseRequest, LeasedItem, ListPage, ListQuery, NewItem, PutEntry, Sink, Store, StoreError,
    Stored, StoredItem, Sweep,
};

/// Who stands in the way. The calls that can be stood in the way of have a method here, which lets
/// them through unless it is written anew.
#[async_trait]
pub trait Intercept: std::fmt::Debug + Send + Sync + 'static {
    /// The store behind.
    fn inner(&self) -> &MemoryStore;

    /// In the way of [`Store::append`].
    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
        self.inner().append(appends).await
    }

    /// In the way of [`Store::load`].
    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError> {
        self.inner().load(job).await
    }

    /// In the way of [`Store::read`].
    async fn read(
        &self,
        job: &JobId,
        after: u64,
        max_events: usize,
    ) -> Result<Option<History>, StoreError> {
        self.inner().read(job, after, max_events).await
    }

    /// In the way of [`Store::list`].
    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        self.inner().list(query).await
    }

    /// In the way of [`Store::sweep_items`].
    async fn sweep_items(&self, job: &JobId, sweep: &Sweep) -> Result<u64, StoreError> {
        self.inner().sweep_items(job, sweep).await
    }

    /// In the way of [`Store::trim`].
    async fn trim_log(&self, job: &JobId, before: u64) -> Result<Option<u64>, StoreError> {
        self.inner().trim(job, before).await
    }

    /// In the way of [`Store::remove`].
    async fn remove(&self, jobs: &[JobId]) -> Result<(), StoreError> {
        self.inner().remove(jobs).await
    }

    /// In the way of [`Store::put_entries`].
    async fn put_entries(&self, puts: Vec<PutEntry>) -> Result<Vec<u64>, EntryError> {
        self.inner().put_entries(puts).await
    }

    /// In the way of [`Store::attach`].
    fn attach(&self, sink: Arc<dyn Sink>) {
        self.inner().attach(sink);
    }
}

/// The store with somebody in its way.
#[derive(Debug)]
pub struct Intercepted<I>(pub I);

impl<I> Deref for Intercepted<I> {
    type Target = I;

    fn deref(&self) -> &I {
        &self.0
    }
}

#[async_trait]
impl<I: Intercept> Store for Intercepted<I> {
    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
        self.0.append(appends).await
    }

    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError> {
        self.0.load(job).await
    }

    async fn read(
        &self,
        job: &JobId,
        after: u64,
        max_events: usize,
    ) -> Result<Option<History>, StoreError> {
        self.0.read(job, after, max_events).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        self.0.list(query).await
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.inner().due(until, limit).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<(JobId, u64)>, StoreError> {
        self.inner().find_key(key).await
    }

    async fn add_items(&self, job: &JobId, items: Vec<NewItem>) -> Result<(), StoreError> {
        self.inner().add_items(job, items).await
    }

    async fn lease_items(
        &self,
        job: &JobId,
        lease: &LeaseRequest,
    ) -> Result<Vec<LeasedItem>, StoreError> {
        self.inner().lease_items(job, lease).await
    }

    async fn next_retry(&self, job: &JobId) -> Result<Option<Timestamp>, StoreError> {
        self.inner().next_retry(job).await
    }

    async fn items(&self, job: &JobId, query: &ItemQuery) -> Result<Vec<StoredItem>, StoreError> {
        self.inner().items(job, query).await
    }

    async fn item_summaries(
        &self,
        job: &JobId,
        query: &ItemQuery,
    ) -> Result<Vec<ItemSummary>, StoreError> {
        self.inner().item_summaries(job, query).await
    }

    async fn count_items(&self, job: &JobId) -> Result<Vec<(ItemStatus, u64)>, StoreError> {
        self.inner().count_items(job).await
    }

    async fn sweep_items(&self, job: &JobId, sweep: &Sweep) -> Result<u64, StoreError> {
        self.0.sweep_items(job, sweep).await
    }

    async fn trim(&self, job: &JobId, before: u64) -> Result<Option<u64>, StoreError> {
        self.0.trim_log(job, before).await
    }

    async fn remove(&self, jobs: &[JobId]) -> Result<(), StoreError> {
        self.0.remove(jobs).await
    }

    async fn expendable(
        &self,
        finished_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        self.inner().expendable(finished_before, keep, limit).await
    }

    async fn put_entries(&self, puts: Vec<PutEntry>) -> Result<Vec<u64>, EntryError> {
        self.0.put_entries(puts).await
    }

    async fn entry(&self, collection: &str, key: &str) -> Result<Option<Entry>, StoreError> {
        self.inner().entry(collection, key).await
    }

    async fn entries(
        &self,
        collection: &str,
        query: &EntryQuery,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner().entries(collection, query).await
    }

    async fn changed_entries(
        &self,
        collection: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner().changed_entries(collection, after, limit).await
    }

    async fn count_entries(&self, collection: &str) -> Result<u64, StoreError> {
        self.inner().count_entries(collection).await
    }

    async fn trim_entries(
        &self,
        collection: &str,
        before: &str,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.inner().trim_entries(collection, before, limit).await
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        self.0.attach(sink);
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner().close().await
    }
}
