//! Whether a node says that it takes new work: only while its store keeps what it is given.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use headway_gateway::Options;
use headway_store::intercept::{Intercept, Intercepted};
use headway_store::memory::MemoryStore;
use headway_store::{EntryError, PutEntry, Store as _, StoreError};
use parking_lot::Mutex;
use serde_json::{Value, json};
use support::{Server, metric, within};

/// A store whose disk can be full.
#[derive(Debug)]
struct Disk {
    inner: Arc<MemoryStore>,
    /// Why nothing is kept.
    fault: Mutex<Option<StoreError>>,
    /// Changes that it was asked for.
    asked: AtomicUsize,
}

#[async_trait]
impl Intercept for Disk {
    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn put_entries(&self, puts: Vec<PutEntry>) -> Result<Vec<u64>, EntryError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let fault = self.fault.lock().clone();
        match fault {
            Some(fault) => Err(fault.into()),
            None => self.inner.put_entries(puts).await,
        }
    }
}

async fn start() -> (Server, Arc<Intercepted<Disk>>) {
    let memory = Arc::new(MemoryStore::new());
    let inner = Arc::clone(&memory);
    let disk = Disk { inner, fault: Mutex::default(), asked: AtomicUsize::default() };
    let disk = Arc::new(Intercepted(disk));
    let store = Arc::clone(&disk) as _;
    let (options, hub) = (Options::default(), headway_hub::Options::default());
    let server =
        Server::start_on(store, memory, options, hub, headway_signin::Options::default()).await;
    (server, disk)
}

/// What `/readyz` answers as soon as that has this status.
async fn ready(server: &Server, status: u16) -> Value {
    let asking = async {
        loop {
            let response = server.get("/readyz").await;
            if response.status() == status {
                return response.json().await.unwrap();
            }
        }
    };
    within("an answer of this status", asking).await
}

#[tokio::test]
async fn a_node_whose_disk_is_full_is_not_ready_until_there_is_room() {
    let (server, disk) = start().await;
    assert_eq!(ready(&server, 200).await, json!({"status":"ready"}));
    assert_eq!(metric(&server, "headway_store_takes_writes").await, 1);

    let place = "/var/lib/somewhere";
    *disk.fault.lock() = Some(StoreError::Full { detail: format!("no space is left at {place}") });
    let problem = ready(&server, 503).await;
    assert_eq!((&problem["code"], &problem["retryable"]), (&json!("overloaded"), &json!(true)));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("no room left") && !detail.contains(place), "{detail}");
    assert_eq!(metric(&server, "headway_store_takes_writes").await, 0);
    assert_eq!(server.get("/healthz").await.status(), 200, "it lives all the same");

    // Nobody sends it work meanwhile: that it is asked again is enough.
    *disk.fault.lock() = None;
    ready(&server, 200).await;
    assert_eq!(metric(&server, "headway_store_takes_writes").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_node_whose_store_fails_is_not_ready() {
    let (server, disk) = start().await;
    *disk.fault.lock() = Some(StoreError::Failed { doing: "write", detail: "secret".to_owned() });
    let problem = ready(&server, 503).await;
    assert_eq!(problem["code"], "store_unavailable");
    assert!(!problem.to_string().contains("secret"), "{problem}");
    server.stop().await;
}

#[tokio::test]
async fn the_store_is_asked_seldom_however_many_ask() {
    let (server, disk) = start().await;
    let before = disk.asked.load(Ordering::Relaxed);
    let began = tokio::time::Instant::now();
    let asking = (0..200).map(|_| server.get("/readyz"));
    for response in futures_util::future::join_all(asking).await {
        assert_eq!(response.status(), 200);
    }
    let probes = (disk.asked.load(Ordering::Relaxed) - before) as u64;
    let most = began.elapsed().as_secs() / 2 + 1;
    assert!((1..=most).contains(&probes), "{probes} within {:?}", began.elapsed());
    server.stop().await;
}
