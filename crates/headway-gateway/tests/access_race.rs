//! Revocations that come while somebody is on the way in: let in, and not watching yet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use headway_gateway::Options;
use headway_protocol::{ItemStatus, JobId, Timestamp};
use headway_store::memory::MemoryStore;
use headway_store::{
    Append, AppendError, Due, Entry, EntryError, EntryQuery, History, ItemQuery, ItemSummary,
    LeaseRequest, LeasedItem, ListPage, ListQuery, NewItem, PutEntry, Sink, Store, StoreError,
    Stored, StoredItem, Sweep,
};
use reqwest::Method;
use serde_json::{Value, json};
use support::{ADMIN_KEY, Server, Socket, signin_options, within};
use tokio::sync::{mpsc, oneshot};

const JOB: &str = "job-watched";
const STREAM: &str = "/api/v1/jobs/job-watched/stream";

/// A store in memory whose jobs are looked up when they may be.
#[derive(Debug)]
struct SlowStore {
    inner: Arc<MemoryStore>,
    shut: AtomicBool,
    calls: mpsc::Sender<oneshot::Sender<()>>,
}

/// A guarded server with a job, over a store that is slow from now on, and who waits for it.
async fn slow() -> (Server, mpsc::Receiver<oneshot::Sender<()>>) {
    let (calls, waiting) = mpsc::channel(10);
    let inner = Arc::new(MemoryStore::new());
    let store = SlowStore { inner: Arc::clone(&inner), shut: AtomicBool::new(false), calls };
    let store = Arc::new(store);
    let server = Server::start_on(
        Arc::clone(&store) as _,
        inner,
        Options::default(),
        headway_hub::Options::default(),
        signin_options(),
    )
    .await;
    let made = server.as_caller(Method::POST, "/api/v1/jobs", ADMIN_KEY);
    let made = made.json(&json!({"kind":"import","id":JOB})).send().await.unwrap();
    assert_eq!(made.status(), 201);
    store.shut.store(true, Ordering::SeqCst);
    (server, waiting)
}

/// A key that may watch: what it is shown as, and its id.
async fn key(server: &Server) -> (String, String) {
    let request = json!({"name":"watcher","scopes":["watch"]});
    let made = server.as_caller(Method::POST, "/api/v1/keys", ADMIN_KEY).json(&request);
    let key: Value = made.send().await.unwrap().json().await.unwrap();
    (key["key"].as_str().unwrap().to_owned(), key["id"].as_str().unwrap().to_owned())
}

async fn revoke(server: &Server, id: &str) {
    let path = format!("/api/v1/keys/{id}");
    let revoked = server.as_caller(Method::DELETE, &path, ADMIN_KEY).send().await.unwrap();
    assert_eq!(revoked.status(), 204);
}

#[tokio::test]
async fn whoever_is_revoked_while_a_job_is_looked_up_does_not_watch_it() {
    let (server, mut waiting) = slow().await;
    let (key, id) = key(&server).await;
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    let opening = Socket::open_with(&server, STREAM, &headers);
    let revoked = async {
        let look_up = within("a look-up", waiting.recv()).await.unwrap();
        revoke(&server, &id).await;
        look_up.send(()).unwrap();
    };
    let (mut socket, ()) = tokio::join!(opening, revoked);
    assert_eq!(socket.until("closing").await["reason"], "revoked");
    assert_eq!(socket.closed().await, 4500);
    assert!(!socket.folded.types.contains(&"snapshot".to_owned()), "{:?}", socket.folded.types);
    server.stop().await;
}

#[tokio::test]
async fn whoever_is_revoked_does_not_read_results_to_the_end() {
    let server = Server::start_guarded(Options::default()).await;
    let (key, id) = key(&server).await;
    let large = r#"print('"' + 'x' * 900000 + '"')"#;
    let batch = json!({
        "executor": {"type": "command", "argv": ["python3", "-c", large]},
        "items": vec![1; 24],
    });
    let made = server.as_caller(Method::POST, "/api/v1/batches", ADMIN_KEY).json(&batch);
    let made: Value = made.send().await.unwrap().json().await.unwrap();
    let batch = made["id"].as_str().unwrap_or_else(|| panic!("{made}"));
    let bearer = format!("Bearer {key}");
    let stream = format!("/api/v1/jobs/{batch}/stream");
    Socket::open_with(&server, &stream, &[("authorization", &bearer)]).await.until("end").await;
    let results = format!("/api/v1/batches/{batch}/results");
    let whole = server.as_caller(Method::GET, &results, &key).send().await.unwrap();
    assert!(whole.bytes().await.unwrap().len() > 24 * 900_000);
    // More than lies on the way to somebody who does not read.
    let broken = server.as_caller(Method::GET, &results, &key).send().await.unwrap();
    assert_eq!(broken.status(), 200);
    revoke(&server, &id).await;
    assert!(broken.bytes().await.is_err(), "the rest came after all");
    server.stop().await;
}

#[async_trait]
impl Store for SlowStore {
    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
        self.inner.append(appends).await
    }

    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError> {
        if self.shut.load(Ordering::SeqCst) {
            let (go, turn) = oneshot::channel();
            self.calls.send(go).await.unwrap();
            turn.await.unwrap();
        }
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
        self.inner.sweep_items(job, sweep).await
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
