//! An in-memory model of the port: what every adapter must be indistinguishable from, apart from
//! durability.
//!
//! Everything lies in sorted maps behind one lock and every method is the plainest reading of the
//! port's words. It owns its jobs, forgets them when it is dropped, and has no time of its own.
//!
//! ```
//! use headway_store::{ListQuery, Store, memory::MemoryStore};
//!
//! let store = MemoryStore::new();
//! let page = futures_util::FutureExt::now_or_never(
//!     store.list(&ListQuery { limit: 10, ..ListQuery::default() }),
//! );
//! assert!(page.is_some_and(|page| page.is_ok_and(|page| page.jobs.is_empty())));
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use headway_protocol::{Cursor, ItemStatus, JobId, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;

use crate::{
    Append, AppendError, Appended, Due, Entry, EntryError, EntryQuery, Expected, History,
    ItemQuery, ItemSummary, LeaseRequest, LeasedItem, ListPage, ListQuery, NewItem, PageKey,
    PutEntry, Record, Sink, Store, StoreError, Stored, StoredItem, Sweep,
};

mod batch;
mod entries;

use batch::Batch;
use entries::Entries;

/// A store that lives in memory. For tests, and to say what a store is.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<JobId, Job>,
    keys: BTreeMap<String, (JobId, u64)>,
    entries: Entries,
    sinks: Vec<Arc<dyn Sink>>,
    closed: bool,
}

struct Job {
    stored: Stored,
    records: Vec<Arc<Record>>,
    trimmed_to: u64,
    batch: Batch,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("jobs", &self.state.lock().jobs.len()).finish()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl State {
    fn open(&self) -> Result<(), StoreError> {
        if self.closed { Err(StoreError::Closed) } else { Ok(()) }
    }

    fn append(&mut self, append: &Append) -> Result<Appended, AppendError> {
        self.open()?;
        append.check_shape()?;
        let found = self.jobs.get(&append.job).map(|job| job.stored.cursor.offset);
        match (append.expected, found) {
            (Expected::Absent { .. }, None) => {}
            (Expected::At(offset), Some(at)) if offset == at => {}
            (Expected::Absent { .. } | Expected::At(_), found) => {
                return Err(AppendError::Conflict { job: append.job.clone(), found });
            }
        }
        if let Some(key) = &append.key
            && let Some((job, fingerprint)) = self.keys.get(&key.key)
        {
            return Err(AppendError::KeyTaken { job: job.clone(), fingerprint: *fingerprint });
        }
        let mut stored = match (append.expected, self.jobs.get(&append.job)) {
            (Expected::Absent { epoch }, _) => Stored {
                cursor: Cursor { epoch, offset: 0 },
                document: Value::Null,
                private: Value::Null,
                facets: (*append.facets).clone(),
            },
            (Expected::At(_), Some(job)) => job.stored.clone(),
            (Expected::At(_), None) => {
                return Err(AppendError::Conflict { job: append.job.clone(), found: None });
            }
        };
        stored
            .fold(&append.record, (*append.facets).clone())
            .map_err(|error| StoreError::Refused(format!("a patch that is no JSON: {error}")))?;
        let mut batch = self.jobs.get(&append.job).map(|job| job.batch.clone()).unwrap_or_default();
        for outcome in &append.items {
            if !batch.settle(outcome) {
                return Err(AppendError::Fenced { job: append.job.clone(), index: outcome.index });
            }
        }
        if let Some((put, found)) = self.entries.find_conflict(&append.entries) {
            let (collection, key) = (put.collection.clone(), put.key.clone());
            return Err(AppendError::EntryConflict { collection, key, found });
        }

        self.entries.put(&append.entries);
        let cursor = stored.cursor;
        let job = self.jobs.entry(append.job.clone()).or_insert_with(|| Job {
            stored: stored.clone(),
            records: Vec::new(),
            trimmed_to: 0,
            batch: Batch::default(),
        });
        job.stored = stored;
        job.batch = batch;
        job.records.push(Arc::clone(&append.record));
        if let Some(key) = &append.key {
            self.keys.insert(key.key.clone(), (append.job.clone(), key.fingerprint));
        }
        Ok(Appended {
            job: append.job.clone(),
            cursor,
            record: Arc::clone(&append.record),
            facets: Arc::clone(&append.facets),
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
        let mut appended = Vec::new();
        let (answers, sinks) = {
            let mut state = self.state.lock();
            let answers: Vec<_> = appends
                .iter()
                .map(|append| state.append(append).map(|news| appended.push(news)))
                .collect();
            (answers, state.sinks.clone())
        };
        if !appended.is_empty() {
            for sink in sinks {
                sink.wake(&appended);
            }
        }
        answers
    }

    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError> {
        Ok(self.state.lock().jobs.get(job).map(|job| job.stored.clone()))
    }

    async fn read(
        &self,
        job: &JobId,
        after: u64,
        max_events: usize,
    ) -> Result<Option<History>, StoreError> {
        let state = self.state.lock();
        let Some(job) = state.jobs.get(job) else { return Ok(None) };
        let mut records: Vec<Arc<Record>> = Vec::new();
        let mut events = 0_usize;
        for record in job.records.iter().filter(|record| record.to > after) {
            events = events.saturating_add(record.events.len());
            if !records.is_empty() && events > max_events {
                break;
            }
            records.push(Arc::clone(record));
        }
        Ok(Some(History { cursor: job.stored.cursor, trimmed_to: job.trimmed_to, records }))
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        let state = self.state.lock();
        let mut found: Vec<(PageKey, &Job)> = state
            .jobs
            .iter()
            .filter(|(_, job)| query.fits(&job.stored.facets))
            .map(|(id, job)| {
                (PageKey { created_at: job.stored.facets.created_at, id: id.clone() }, job)
            })
            .filter(|(key, _)| query.after.as_ref().is_none_or(|after| key < after))
            .collect();
        found.sort_by(|(left, _), (right, _)| right.cmp(left));
        let limit = query.limit.max(1);
        let next = (found.len() > limit)
            .then(|| found.get(limit - 1).map(|(key, _)| key.clone()))
            .flatten();
        let jobs = found.into_iter().take(limit).map(|(_, job)| job.stored.clone()).collect();
        Ok(ListPage { jobs, next })
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let state = self.state.lock();
        let mut due: Vec<Due> = state
            .jobs
            .iter()
            .filter_map(|(id, job)| {
                let due_at = job.stored.facets.due_at.filter(|due_at| *due_at <= until)?;
                Some(Due { job: id.clone(), due_at })
            })
            .collect();
        due.sort_by(|left, right| (left.due_at, &left.job).cmp(&(right.due_at, &right.job)));
        due.truncate(limit);
        Ok(due)
    }

    async fn find_key(&self, key: &str) -> Result<Option<(JobId, u64)>, StoreError> {
        Ok(self.state.lock().keys.get(key).cloned())
    }

    async fn add_items(&self, job: &JobId, items: Vec<NewItem>) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.open()?;
        match state.jobs.get_mut(job) {
            Some(held) => held.batch.add(items),
            None => Err(StoreError::Refused(format!("there is no job {job} to add items to"))),
        }
    }

    async fn lease_items(
        &self,
        job: &JobId,
        lease: &LeaseRequest,
    ) -> Result<Vec<LeasedItem>, StoreError> {
        let mut state = self.state.lock();
        state.open()?;
        Ok(state.jobs.get_mut(job).map(|job| job.batch.lease(lease)).unwrap_or_default())
    }

    async fn next_retry(&self, job: &JobId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state.lock().jobs.get(job).and_then(|job| job.batch.next_retry()))
    }

    async fn items(&self, job: &JobId, query: &ItemQuery) -> Result<Vec<StoredItem>, StoreError> {
        Ok(self.state.lock().jobs.get(job).map(|job| job.batch.page(query)).unwrap_or_default())
    }

    async fn item_summaries(
        &self,
        job: &JobId,
        query: &ItemQuery,
    ) -> Result<Vec<ItemSummary>, StoreError> {
        let state = self.state.lock();
        Ok(state.jobs.get(job).map(|job| job.batch.summaries(query)).unwrap_or_default())
    }

    async fn count_items(&self, job: &JobId) -> Result<Vec<(ItemStatus, u64)>, StoreError> {
        Ok(self.state.lock().jobs.get(job).map(|job| job.batch.count()).unwrap_or_default())
    }

    async fn sweep_items(&self, job: &JobId, sweep: &Sweep) -> Result<u64, StoreError> {
        let mut state = self.state.lock();
        state.open()?;
        sweep.check_shape()?;
        Ok(state.jobs.get_mut(job).map(|job| job.batch.sweep(sweep)).unwrap_or_default())
    }

    async fn trim(&self, job: &JobId, before: u64) -> Result<Option<u64>, StoreError> {
        let mut state = self.state.lock();
        state.open()?;
        Ok(state.jobs.get_mut(job).map(|job| {
            let forgotten = job.records.iter().take_while(|record| record.to <= before).count();
            if let Some(last) = job.records.drain(..forgotten).next_back() {
                job.trimmed_to = last.to;
            }
            job.trimmed_to
        }))
    }

    async fn remove(&self, jobs: &[JobId]) -> Result<(), StoreError> {
        let (removed, sinks) = {
            let mut state = self.state.lock();
            state.open()?;
            let mut removed = Vec::new();
            for job in jobs {
                if state.jobs.remove(job).is_some() {
                    removed.push(job.clone());
                }
                state.keys.retain(|_, (holder, _)| holder != job);
            }
            (removed, state.sinks.clone())
        };
        if !removed.is_empty() {
            for sink in sinks {
                sink.removed(&removed);
            }
        }
        Ok(())
    }

    async fn expendable(
        &self,
        finished_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let state = self.state.lock();
        let mut finished: Vec<(Timestamp, &JobId)> = state
            .jobs
            .iter()
            .filter_map(|(id, job)| Some((job.stored.facets.finished_at?, id)))
            .collect();
        finished.sort_unstable();
        let by_age = finished.iter().filter(|(at, _)| *at < finished_before).count();
        let by_count = finished.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
        let over = by_age.max(by_count).min(limit);
        Ok(finished.into_iter().take(over).map(|(_, id)| id.clone()).collect())
    }

    async fn put_entries(&self, puts: Vec<PutEntry>) -> Result<Vec<u64>, EntryError> {
        let mut state = self.state.lock();
        state.open()?;
        PutEntry::check_shape(&puts)?;
        if let Some((put, found)) = state.entries.find_conflict(&puts) {
            let (collection, key) = (put.collection.clone(), put.key.clone());
            return Err(EntryError::Conflict { collection, key, found });
        }
        Ok(state.entries.put(&puts))
    }

    async fn entry(&self, collection: &str, key: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.state.lock().entries.get(collection, key))
    }

    async fn entries(
        &self,
        collection: &str,
        query: &EntryQuery,
    ) -> Result<Vec<Entry>, StoreError> {
        Ok(self.state.lock().entries.page(collection, query))
    }

    async fn changed_entries(
        &self,
        collection: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        Ok(self.state.lock().entries.changed(collection, after, limit))
    }

    async fn count_entries(&self, collection: &str) -> Result<u64, StoreError> {
        Ok(self.state.lock().entries.count(collection))
    }

    async fn trim_entries(
        &self,
        collection: &str,
        before: &str,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let mut state = self.state.lock();
        state.open()?;
        Ok(state.entries.trim(collection, before, limit))
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        self.state.lock().sinks.push(sink);
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.state.lock().closed = true;
        Ok(())
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::MemoryStore;
    use crate::conformance::Volatile;

    crate::conformance_tests!(
        Volatile::new(MemoryStore::new),
        // The model never waits, so that one poll is enough.
        |case: crate::conformance::Case<'_>| {
            futures_util::FutureExt::now_or_never(case).expect("the model waited");
        }
    );
}
