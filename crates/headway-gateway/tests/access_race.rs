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
use headway_protocol::JobId;
use headway_store::intercept::{Intercept, Intercepted};
use headway_store::memory::MemoryStore;
use headway_store::{Store, StoreError, Stored};
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
    let store = Arc::new(Intercepted(store));
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
impl Intercept for SlowStore {
    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError> {
        if self.shut.load(Ordering::SeqCst) {
            let (go, turn) = oneshot::channel();
            self.calls.send(go).await.unwrap();
            turn.await.unwrap();
        }
        self.inner.load(job).await
    }
}
