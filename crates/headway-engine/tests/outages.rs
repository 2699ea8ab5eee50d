//! Whole batches over services that go away and come back.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::match_wild_err_arm,
    reason = "a helper of tests may fail its test"
)]

#[allow(dead_code, reason = "each test file uses its part")]
mod house;
#[allow(dead_code, reason = "each test file uses its part")]
#[path = "executor_support/server.rs"]
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use headway_engine::Options;
use headway_protocol::batch::{Executor, Retry};
use headway_protocol::request::CommandRequest;
use headway_protocol::{Action, ItemStatus, JobStatus};
use headway_store::Store;
use headway_store::memory::MemoryStore;
use house::{House, me, numbers};
use serde_json::json;
use server::{Reply, Server};

fn house(folder: &std::path::Path) -> House {
    let options = Options { allow_hosts: vec!["127.0.0.1".to_owned()], ..Options::default() };
    House::over(Arc::new(MemoryStore::new()), folder, options)
}

fn asking(server: &Server) -> Executor {
    serde_json::from_value(json!({"type": "http", "url": server.url("/{{index}}")})).unwrap()
}

/// Answers except for these requests, counted from 0.
async fn away_during(outage: std::ops::Range<usize>) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::start(move |_| {
        if outage.contains(&count.fetch_add(1, Relaxed)) {
            return Reply::Answer(503, "retry-after: 1\r\n".to_owned(), String::new());
        }
        Reply::Answer(200, String::new(), "1".to_owned())
    });
    (server.await, asked)
}

#[tokio::test]
async fn a_batch_slows_down_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    // Of seven requests in vain five count and one finds out, and does not.
    let (server, asked) = away_during(3..9).await;
    let house = house(folder.path());
    let batch = house
        .batch(numbers(20), "pass", |options| {
            options.executor = Some(asking(&server));
            options.concurrency = Some(1);
            options.retry = Some(Retry { max_attempts: 2, ..Retry::default() });
        })
        .await;
    let job = house.ended(&batch.id).await;
    assert_eq!(job.items.unwrap().succeeded, 20, "{:?}", job.items);
    assert_eq!(asked.load(Relaxed), 26, "nothing was sent in vain but what found out");
    let events = house.store.read(&batch.id, 0, 1_000).await.unwrap();
    let told = format!("{events:?}").matches("no item is started until it answers again").count();
    assert_eq!(told, 1, "its log says once why nothing moves");
}

#[tokio::test]
async fn a_batch_that_waits_for_a_server_can_be_paused_and_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let (server, asked) = away_during(0..usize::MAX).await;
    let house = house(folder.path());
    let batch = house
        .batch(numbers(1_000), "pass", |options| {
            options.executor = Some(asking(&server));
            options.concurrency = Some(4);
            options.retry = Some(Retry { max_attempts: 100, ..Retry::default() });
        })
        .await;
    house.until(&batch.id, |job| job.items.is_some_and(|items| items.retrying > 4)).await;
    for (action, status) in
        [(Action::Pause, JobStatus::Paused), (Action::Cancel, JobStatus::Cancelled)]
    {
        let ask = CommandRequest::default();
        house.engine.command(&me(), &batch.id, action, ask).await.unwrap();
        house.until(&batch.id, |job| job.status == status).await;
    }
    assert!(asked.load(Relaxed) < 100, "{asked:?} requests to a server that does not answer");
    let items = house.items(&batch.id).await;
    assert!(items.iter().all(|item| item.status == ItemStatus::Cancelled));
}
