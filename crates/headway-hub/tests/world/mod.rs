//! A hub over a store whose jobs a test writes, and ways to hear what it tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headway_access::{Caller, Listed, Reach};
use headway_hub::{Connection, Handle, Hub, Options, Output};
use headway_protocol::frame::Subscribe;
use headway_protocol::{JobId, JobStatus, Owner, Timestamp, patch};
use headway_store::memory::MemoryStore;
use headway_store::{Append, Expected, Facets, Record, Store, SystemClock};
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A store whose jobs a test writes, and a hub over it.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) hub: Handle,
    bystanders: AtomicU64,
}

pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

pub(crate) fn job(name: &str) -> JobId {
    name.parse().unwrap()
}

/// Somebody of tenant `one`.
pub(crate) fn caller(subject: Option<&str>, reach: Reach) -> Arc<Caller> {
    let owner = Owner { tenant: "one".to_owned(), subject: subject.map(str::to_owned) };
    Arc::new(Caller { owner, reach, ..Caller::anyone() })
}

/// A reach of what is listed: jobs, sessions, tags.
pub(crate) fn listed(jobs: &[&str], sessions: &[&str], tags: &[&str]) -> Listed {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let jobs = jobs.iter().map(|name| job(name)).collect();
    Listed { jobs, sessions: words(sessions), tags: words(tags), ..Listed::default() }
}

/// Somebody who sees the whole tenant of an owner.
pub(crate) fn seeing_all_of(owner: &Owner) -> Arc<Caller> {
    Arc::new(Caller { owner: owner.clone(), ..Caller::anyone() })
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let store = Arc::new(MemoryStore::new());
        let port: Arc<dyn Store> = Arc::clone(&store) as _;
        let hub = Hub::start(options, port, Arc::new(SystemClock)).unwrap();
        Self { store, hub, bystanders: AtomicU64::new(0) }
    }

    pub(crate) async fn create(&self, name: &str, owner: &Owner, session: Option<&str>) {
        let mut document = json!({"id":name,"kind":"test","status":"running","attempt":1,
            "owner":owner,"session":session,"progress":{}});
        patch::drop_nulls(&mut document);
        self.append(name, Expected::Absent { epoch: 7 }, 0, &document, &["created"]).await;
    }

    /// A running job of tenant `one`, with a document of its own.
    pub(crate) async fn create_for(&self, name: &str, subject: Option<&str>, more: Value) {
        let mut document = json!({"id":name,"kind":"test","status":"running","attempt":1,
            "owner":{"tenant":"one","subject":subject},"progress":{}});
        patch::apply(&mut document, &more);
        patch::drop_nulls(&mut document);
        self.append(name, Expected::Absent { epoch: 7 }, 0, &document, &["created"]).await;
    }

    pub(crate) async fn append(
        &self,
        name: &str,
        expected: Expected,
        from: u64,
        change: &Value,
        words: &[&str],
    ) {
        let mut document = match self.store.load(&job(name)).await.unwrap() {
            Some(stored) => stored.document,
            None => Value::Null,
        };
        patch::apply(&mut document, change);
        let status: JobStatus = document["status"].as_str().unwrap().parse().unwrap();
        let facets = Facets {
            status,
            kind: "test".to_owned(),
            session: document["session"].as_str().map(str::to_owned),
            tags: serde_json::from_value(document["tags"].clone()).unwrap_or_default(),
            owner: serde_json::from_value(document["owner"].clone()).unwrap(),
            created_at: Timestamp::from_millis(1),
            finished_at: status.is_terminal().then_some(Timestamp::from_millis(2)),
            due_at: None,
        };
        let record = Record {
            from,
            to: from + words.len() as u64,
            at: Timestamp::from_millis(1),
            events: words.iter().map(|word| raw(&json!({"type":word}))).collect(),
            patch: raw(change),
            private: raw(&json!({})),
        };
        let append = Append {
            job: job(name),
            expected,
            record: Arc::new(record),
            facets: Arc::new(facets),
            items: Vec::new(),
            key: None,
            entries: Vec::new(),
        };
        for outcome in self.store.append(vec![append]).await {
            outcome.unwrap();
        }
    }

    pub(crate) async fn change(&self, name: &str, change: &Value) {
        let offset = self.store.load(&job(name)).await.unwrap().unwrap().cursor.offset;
        self.append(name, Expected::At(offset), offset, change, &["progress"]).await;
    }

    pub(crate) fn watch(&self, owner: &Owner, subscribe: Subscribe) -> Connection {
        self.watch_as(&seeing_all_of(owner), subscribe)
    }

    pub(crate) fn watch_as(&self, caller: &Arc<Caller>, subscribe: Subscribe) -> Connection {
        let mut connection = self.hub.connect(Arc::clone(caller), "test");
        connection.subscribe(Subscribe { id: "1".to_owned(), ..subscribe });
        connection
    }

    /// Waits until the hub has passed on everything that was written so far.
    pub(crate) async fn passed_on(&self) {
        let owner = Owner { tenant: "bystanders".to_owned(), subject: None };
        let name = format!("bystander-{}", self.bystanders.fetch_add(1, Ordering::Relaxed));
        let mut watcher = self.watch(&owner, all());
        until(&mut watcher, |frame| frame["type"] == "subscribed").await;
        self.create(&name, &owner, None).await;
        until(&mut watcher, |frame| frame["job"] == *name).await;
    }
}

pub(crate) async fn next(connection: &mut Connection) -> Value {
    match tokio::time::timeout(PATIENCE, connection.next()).await.unwrap() {
        Output::Frame(frame) => serde_json::from_slice(frame.text()).unwrap(),
        other @ (Output::Command(_) | Output::Close(_)) => panic!("{other:?}"),
    }
}

pub(crate) async fn until(connection: &mut Connection, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = next(connection).await;
        if wanted(&frame) {
            return frame;
        }
    }
}

pub(crate) fn one(name: &str) -> Subscribe {
    Subscribe { job: Some(job(name)), ..Subscribe::default() }
}

pub(crate) fn all() -> Subscribe {
    Subscribe { all: Some(true), ..Subscribe::default() }
}

pub(crate) fn session(name: &str) -> Subscribe {
    Subscribe { session: Some(name.to_owned()), ..Subscribe::default() }
}

pub(crate) fn tag(name: &str) -> Subscribe {
    Subscribe { tag: Some(name.to_owned()), ..Subscribe::default() }
}

/// Everything that a connection has to say by now, look-ups that are on their way included.
pub(crate) async fn settled(connection: &mut Connection) -> Vec<Value> {
    let mut frames = Vec::new();
    let settling = async {
        loop {
            match connection.poll_now() {
                Some(Output::Frame(frame)) => {
                    frames.push(serde_json::from_slice(frame.text()).unwrap());
                }
                Some(other) => panic!("{other:?}"),
                None if connection.is_settled() => return,
                None => connection.wait().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, settling).await.unwrap();
    frames
}

pub(crate) fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

/// Frames up to one that is wanted, and that.
pub(crate) async fn frames_to(
    connection: &mut Connection,
    wanted: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let mut frames = Vec::new();
    while !frames.last().is_some_and(&wanted) {
        frames.push(next(connection).await);
    }
    frames
}
