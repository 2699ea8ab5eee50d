//! What somebody costs who watches and waits: counted by the allocator, on one thread.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests fails where a test would")]

use std::sync::Arc;

use headway_access::Caller;
use headway_hub::session::Session;
use headway_hub::{Bell, Handle, Hub, Options, Ring};
use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{ClientMessage, JobId, JobStatus, Owner, Timestamp};
use headway_store::memory::MemoryStore;
use headway_store::{Append, Expected, Facets, Record, Store, SystemClock};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tikv_jemalloc_ctl::thread;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const WATCHERS: u32 = 1_000;
const UPDATES: u64 = 10;

/// What an idle watcher may cost, in bytes: the session, its subscription to one job and its place
/// there.
const IDLE_BYTES: u64 = 700;

/// What of the updates may be left for each watcher: its share of the job's newest records and of
/// the lists of rings.
const LEFT_BYTES: u64 = 64;

/// Bytes that this thread holds.
fn held() -> u64 {
    let allocated = thread::allocatedp::read().unwrap().get();
    let freed = thread::deallocatedp::read().unwrap().get();
    allocated.wrapping_sub(freed)
}

#[tokio::test]
async fn somebody_who_waits_costs_little_and_as_much_after_news_as_before() {
    for events in [None, Some(EventFilter::All(true))] {
        let store = Arc::new(MemoryStore::new());
        let options = Options { min_interval_ms: 0, ..Options::default() };
        let port: Arc<dyn Store> = Arc::clone(&store) as _;
        let hub = Hub::start(options, port, Arc::new(SystemClock)).unwrap();
        let job: JobId = "job_01jd8m3x7k9v2n4p6q8r0s1t3w".parse().unwrap();
        let document = json!({"id":job,"kind":"test","status":"running","attempt":1,
            "owner":Owner::default()});
        append(&store, &job, 0, &document).await;
        let bell = Bell::new(|| ());
        let caller = Arc::new(Caller::anyone());

        // The first pays for the job.
        let mut sessions = Vec::with_capacity(WATCHERS as usize + 1);
        sessions.push(watch(&hub, &caller, &bell, 0, &job, events.clone()).await);
        let empty = held();
        for key in 1..=WATCHERS {
            sessions.push(watch(&hub, &caller, &bell, key, &job, events.clone()).await);
        }
        let inline = size_of::<Session>() as u64;
        let idle = inline + (held() - empty) / u64::from(WATCHERS);
        assert!(idle <= IDLE_BYTES, "{idle} bytes for one who waits, {inline} of them the session");

        let each = if events.is_some() { 2 } else { 1 };
        let mut rings: Vec<Ring> = Vec::new();
        for update in 1..=UPDATES {
            append(&store, &job, update, &json!({"progress":{"done":update}})).await;
            let mut frames = 0;
            while frames < sessions.len() * each {
                tokio::task::yield_now().await;
                bell.take(&mut rings);
                for ring in rings.drain(..) {
                    let session = &mut sessions[ring.session as usize];
                    session.handle_ring(ring);
                    while session.poll_frame(hub.now()).is_some() {
                        frames += 1;
                    }
                }
            }
        }
        let after = inline + (held() - empty) / u64::from(WATCHERS);
        let most = idle + LEFT_BYTES;
        assert!(after <= most, "{after} bytes after {UPDATES} updates, {idle} before");
    }
}

async fn watch(
    hub: &Handle,
    caller: &Arc<Caller>,
    bell: &Arc<Bell>,
    key: u32,
    job: &JobId,
    events: Option<EventFilter>,
) -> Session {
    let mut session = hub.session(Arc::clone(caller), "test", bell, key);
    // A name of its own, as it comes from a message.
    let job = Some(job.as_str().parse().unwrap());
    let subscribe = Subscribe { id: "1".to_owned(), job, events, ..Subscribe::default() };
    session.handle_message(ClientMessage::Subscribe(subscribe), hub.now());
    while let Some(request) = session.poll_request() {
        let answer = match hub.perform_now(&session, request) {
            Ok(answer) => answer,
            Err(request) => hub.perform(&session, request).await,
        };
        session.handle_answer(answer, hub.now());
    }
    while session.poll_frame(hub.now()).is_some() {}
    session
}

async fn append(store: &MemoryStore, job: &JobId, from: u64, patch: &Value) {
    let raw = |value: &Value| RawValue::from_string(value.to_string()).unwrap();
    let record = Record {
        from,
        to: from + 1,
        at: Timestamp::from_millis(1),
        events: vec![raw(&json!({"type":"progress"}))],
        patch: raw(patch),
        private: raw(&json!({})),
    };
    let facets = Facets {
        status: JobStatus::Running,
        kind: "test".to_owned(),
        session: None,
        tags: Vec::new(),
        owner: Owner::default(),
        created_at: Timestamp::from_millis(1),
        finished_at: None,
        due_at: None,
    };
    let expected = if from == 0 { Expected::Absent { epoch: 7 } } else { Expected::At(from) };
    let append = Append {
        job: job.clone(),
        expected,
        record: Arc::new(record),
        facets: Arc::new(facets),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    };
    for outcome in store.append(vec![append]).await {
        outcome.unwrap();
    }
}
