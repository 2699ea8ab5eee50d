//! Delivers updates of jobs to the sessions that watch them, and nothing else: no socket, no task.
//! What one delivery costs is told by an instrument that counts what [`deliver`] does:
//!
//! ```text
//! cargo build --release -p headway-hub --example fan_out
//! valgrind --tool=callgrind --toggle-collect='*fan_out*deliver*' \
//!     target/release/examples/fan_out JOBS WATCHERS UPDATES [dialect]
//! ```
//!
//! With `dialect` the watchers are told in a dialect.
//! The difference of two runs with different numbers of updates leaves out how it begins.

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::error::Error;
use std::sync::Arc;

use headway_access::Caller;
use headway_hub::session::Session;
use headway_hub::{Bell, Dialect, Handle, Hub, Options, Ring};
use headway_protocol::frame::Subscribe;
use headway_protocol::{ClientMessage, JobId, JobStatus, Owner, Timestamp};
use headway_store::memory::MemoryStore;
use headway_store::{Append, Expected, Facets, Record, Store, SystemClock};
use serde_json::value::RawValue;

type Failed = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let (dialects, numbers): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word == "dialect");
    let numbers: Vec<usize> = numbers.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
    let dialect = (!dialects.is_empty()).then(|| Arc::new(DIALECT));
    let [jobs, watchers, updates] = numbers[..] else {
        return Err("usage: fan_out JOBS WATCHERS UPDATES [dialect]".into());
    };
    let options = Options { min_interval_ms: 0, ..Options::default() };
    let store = Arc::new(MemoryStore::new());
    let hub = Hub::start(options, Arc::clone(&store) as Arc<dyn Store>, Arc::new(SystemClock))?;
    let bell = Bell::new(|| ());
    let mut sessions = Vec::with_capacity(jobs * watchers);
    for number in 0..jobs {
        let job: JobId = format!("job_{number}").parse()?;
        let document = format!(
            r#"{{"id":"{job}","kind":"test","status":"running","attempt":1,"owner":{{"tenant":"default"}}}}"#
        );
        append(&store, &job, 0, document).await?;
        for _ in 0..watchers {
            let key = u32::try_from(sessions.len())?;
            sessions.push(subscribed(&hub, &bell, key, &job, dialect.as_ref()).await);
        }
    }
    let mut rings = Vec::new();
    let mut delivered = 0;
    for update in 1..=updates as u64 {
        for number in 0..jobs {
            let job = format!("job_{number}").parse()?;
            let text = "x".repeat(200);
            let patch = format!(r#"{{"progress":{{"done":{update}}},"message":"{text}"}}"#);
            append(&store, &job, update, patch).await?;
        }
        while delivered < sessions.len() as u64 * update {
            tokio::task::yield_now().await;
            bell.take(&mut rings);
            delivered += deliver(&mut sessions, &mut rings, hub.now());
        }
    }
    println!("{delivered} deliveries");
    Ok(())
}

/// What a thread does that serves sessions, without its sockets.
#[inline(never)]
fn deliver(sessions: &mut [Session], rings: &mut Vec<Ring>, now: Timestamp) -> u64 {
    let mut delivered = 0;
    for ring in rings.drain(..) {
        let Some(session) = sessions.get_mut(ring.session as usize) else { continue };
        session.handle_ring(ring);
        while let Some(frame) = session.poll_frame(now) {
            delivered += u64::from(!frame.text().is_empty());
        }
    }
    delivered
}

const DIALECT: Dialect = Dialect {
    name: "example",
    tell: |telling| telling.document.to_string(),
    events: 0,
    heartbeat_ms: 3_600_000,
    ended_within_ms: None,
};

async fn subscribed(
    hub: &Handle,
    bell: &Arc<Bell>,
    key: u32,
    job: &JobId,
    dialect: Option<&Arc<Dialect>>,
) -> Session {
    let mut session = hub.session(Arc::new(Caller::anyone()), "example", bell, key);
    if let Some(dialect) = dialect {
        session.speak(Arc::clone(dialect));
    }
    let subscribe =
        Subscribe { id: "1".to_owned(), job: Some(job.clone()), ..Subscribe::default() };
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

async fn append(store: &MemoryStore, job: &JobId, from: u64, patch: String) -> Result<(), Failed> {
    let raw = |text: &str| RawValue::from_string(text.to_owned());
    let record = Record {
        from,
        to: from + 1,
        at: Timestamp::from_millis(1),
        events: vec![raw(r#"{"type":"progress"}"#)?],
        patch: RawValue::from_string(patch)?,
        private: raw("{}")?,
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
        outcome?;
    }
    Ok(())
}
