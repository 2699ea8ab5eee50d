//! Jobs, records and items to test with.

use std::sync::Arc;

use headway_protocol::{ItemStatus, JobId, JobStatus, Owner, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::{
    Append, AppendError, Expected, Facets, ItemOutcome, LeaseRequest, NewItem, Record, Store,
    StoreError, Stored, UniqueKey,
};

pub(super) const EPOCH: u32 = 0x5f3a_91c2;

pub(super) fn id(name: &str) -> JobId {
    name.parse().unwrap()
}

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

pub(super) fn facets(status: JobStatus) -> Facets {
    Facets {
        status,
        kind: "analyze".to_owned(),
        session: None,
        tags: Vec::new(),
        owner: Owner::default(),
        created_at: at(1_000),
        finished_at: None,
        due_at: None,
    }
}

pub(super) fn record(from: u64, events: u64, patch: &Value, private: &Value) -> Arc<Record> {
    Arc::new(Record {
        from,
        to: from + events,
        at: at(1_000 + from),
        events: (1..=events).map(|n| raw(&json!({"type": "log", "n": from + n}))).collect(),
        patch: raw(patch),
        private: raw(private),
    })
}

/// A first record of one event.
pub(super) fn first(job: &str) -> Append {
    first_with(job, facets(JobStatus::Pending))
}

/// A first record of one event, with these facets.
pub(super) fn first_with(job: &str, facets: Facets) -> Append {
    let document = json!({"id": job, "status": facets.status, "count": 0});
    Append {
        job: id(job),
        expected: Expected::Absent { epoch: EPOCH },
        record: record(0, 1, &document, &json!({"state": 0})),
        facets: Arc::new(facets),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    }
}

/// A record of one event that follows at `offset`.
pub(super) fn next(job: &str, offset: u64) -> Append {
    next_with(job, offset, facets(JobStatus::Running))
}

/// A record of one event that follows at `offset`, with these facets.
pub(super) fn next_with(job: &str, offset: u64, facets: Facets) -> Append {
    let patch = json!({"status": facets.status, "count": offset});
    Append {
        job: id(job),
        expected: Expected::At(offset),
        record: record(offset, 1, &patch, &json!({"state": offset})),
        facets: Arc::new(facets),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    }
}

pub(super) fn keyed(mut append: Append, key: &str, fingerprint: u64) -> Append {
    append.key = Some(UniqueKey { key: key.to_owned(), fingerprint });
    append
}

/// Appends one that must succeed.
#[track_caller]
pub(super) fn appended(store: &Arc<dyn Store>, append: Append) -> impl Future<Output = ()> + use<> {
    let caller = std::panic::Location::caller();
    let store = Arc::clone(store);
    async move {
        let mut answers = store.append(vec![append]).await;
        match answers.pop() {
            Some(Ok(())) => {}
            other => panic!("the append at {caller} was answered {other:?}"),
        }
    }
}

/// Appends one that must be refused.
pub(super) async fn refused(store: &Arc<dyn Store>, append: Append) -> AppendError {
    store.append(vec![append]).await.pop().unwrap().unwrap_err()
}

pub(super) async fn loaded(store: &Arc<dyn Store>, job: &str) -> Stored {
    store.load(&id(job)).await.unwrap().unwrap()
}

pub(super) fn is_refusal<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Refused(_)))
}

pub(super) fn item(index: u64) -> NewItem {
    NewItem {
        index,
        custom_id: Some(format!("row-{index}")),
        input: raw(&json!({"lead": index})),
        estimate: Some(headway_protocol::Amount::from_nanos(5)),
        status: ItemStatus::Queued,
        error: None,
    }
}

/// A batch with so many items.
pub(super) async fn batch(store: &Arc<dyn Store>, job: &str, items: u64) {
    appended(store, first(job)).await;
    store.add_items(&id(job), (0..items).map(item).collect()).await.unwrap();
}

pub(super) fn lease(fence: u64, now: u64, max: usize) -> LeaseRequest {
    LeaseRequest { fence, now: at(now), max }
}

pub(super) fn outcome(index: u64, fence: u64, status: ItemStatus) -> ItemOutcome {
    ItemOutcome {
        index,
        fence,
        status,
        due_at: None,
        output: None,
        error: None,
        cost: None,
        started_at: None,
        duration_ms: None,
    }
}

/// A record at `offset` that settles these items.
pub(super) fn settling(job: &str, offset: u64, items: Vec<ItemOutcome>) -> Append {
    Append { items, ..next(job, offset) }
}
