//! What clients of the older services' formats say, to sessions of a hub with a few jobs.

use std::sync::{Arc, LazyLock};

use headway_access::Caller;
use headway_hub::session::Session;
use headway_hub::{Bell, Dialect, Handle, Hub, Options, Telling};
use headway_protocol::frame::Subscribe;
use headway_protocol::{CloseCode, JobId, JobStatus, Owner, Timestamp, limits};
use headway_store::memory::MemoryStore;
use headway_store::{Append, Clock, Expected, Facets, Record, Store};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use self::speech::Speech;
use crate::front::wheel::Tick;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../../crates/headway-gateway/src/compatible/analysis.rs"]
mod analysis;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../../crates/headway-gateway/src/compatible/document.rs"]
mod document;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../../crates/headway-gateway/src/compatible/job_progress.rs"]
mod job_progress;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../../crates/headway-gateway/src/compatible/session/mod.rs"]
mod session;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../../crates/headway-gateway/src/compatible/speech.rs"]
mod speech;

/// As in the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Analysis,
    JobProgress,
    Session,
}

impl Format {
    /// As in the gateway, which has reasons and codes of its own for each.
    pub(crate) const fn close(self, code: CloseCode) -> (u16, &'static str) {
        (code.as_u16(), "")
    }

    /// What is said in it.
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Analysis => &["progress", "complete", "error", "heartbeat"],
            Self::JobProgress => &["pong", "error", "unsubscribed"],
            Self::Session => {
                &["progress_update", "subscribed", "command_accepted", "pong", "error"]
            }
        }
    }

    fn dialect(self) -> Arc<Dialect> {
        let (tell, events): (fn(&Telling<'_>) -> String, usize) = match self {
            Self::Analysis => (analysis::tell, analysis::EVENTS),
            Self::JobProgress => (job_progress::tell, 0),
            Self::Session => (session::tell, session::EVENTS),
        };
        let ended_within_ms = (self == Self::Session).then_some(1_000);
        Arc::new(Dialect { name: "fuzz", tell, events, heartbeat_ms: 86_400_000, ended_within_ms })
    }

    /// What a connection watches from its beginning.
    fn subscribe(self) -> Subscribe {
        match self {
            Self::Analysis | Self::JobProgress => {
                Subscribe { id: "a".to_owned(), job: Some(job("a")), ..Subscribe::default() }
            }
            Self::Session => session::subscribe("s"),
        }
    }
}

/// The longest message of a client, as the program has it.
const MESSAGE_BYTES: u64 = 64 * 1024;

/// Agents that a connection of the session format may name.
const AGENTS: usize = 64;

/// It stands still: what is told depends on what is said alone.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_768_036_200_000)
    }
}

/// A hub with two jobs in the session `s` and one elsewhere.
struct World {
    runtime: Runtime,
    hub: Handle,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let hub = runtime.block_on(async {
        let store = Arc::new(MemoryStore::new());
        for (name, session) in [("a", "s"), ("b", "s"), ("c", "other")] {
            for answer in store.append(vec![made(name, session)]).await {
                answer.unwrap();
            }
        }
        Hub::start(Options::default(), store, Arc::new(Still)).unwrap()
    });
    World { runtime, hub }
});

fn job(name: &str) -> JobId {
    name.parse().unwrap()
}

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

fn made(name: &str, session: &str) -> Append {
    let at = Still.now();
    let document = json!({
        "id": name, "kind": "k", "status": "running", "attempt": 1, "session": session,
        "progress": {"percent": 5.0}, "created_at": at, "started_at": at, "updated_at": at,
        "steps": {"r": {"index": 0, "name": "ResearchAgent", "role": "agent",
                        "status": "running", "weight": 1.0, "started_at": at}},
    });
    Append {
        job: job(name),
        expected: Expected::Absent { epoch: 1 },
        record: Arc::new(Record {
            from: 0,
            to: 1,
            at,
            events: vec![raw(&json!({"type": "step_start", "step": "r", "at": at}))],
            patch: raw(&document),
            private: raw(&json!({})),
        }),
        facets: Arc::new(Facets {
            status: JobStatus::Running,
            kind: "k".to_owned(),
            session: Some(session.to_owned()),
            tags: Vec::new(),
            owner: Owner::default(),
            created_at: at,
            finished_at: None,
            due_at: None,
        }),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    }
}

/// A format by the first byte, and a client's messages, one a line. What is told is of the format's
/// kind, the same each time, and bounded; nothing that a client of an analysis says matters; a ping
/// that stands alone has its pong.
pub fn message(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let format = match first % 3 {
        0 => Format::Analysis,
        1 => Format::JobProgress,
        _ => Format::Session,
    };
    let messages: Vec<&[u8]> = rest.split(|byte| *byte == b'\n').collect();
    let (told, heard) = talk(format, &messages);
    for said in &told {
        judge(format, said);
    }
    assert_eq!(talk(format, &messages), (told.clone(), heard), "it depends on nothing else");
    if format == Format::Analysis {
        assert_eq!(told, talk(format, &[]).0, "nobody listens");
        return;
    }
    let pings = messages.iter().take(heard).filter(|text| ***text == *br#"{"type":"ping"}"#);
    let pongs = told.iter().filter(|said| said["type"] == "pong");
    assert!(pongs.count() >= pings.count(), "{told:?}");
}

fn judge(format: Format, said: &Value) {
    let has = |name: &str| said.get(name).is_some_and(|member| !member.is_null());
    assert!(has("timestamp"), "{said}");
    let Some(word) = said["type"].as_str() else {
        // A status of the format of jobs by name has no type.
        assert!(format == Format::JobProgress && has("job_id") && has("status"), "{said}");
        return;
    };
    assert!(format.words().contains(&word), "{said}");
    if word == "error" {
        let message = said["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty() && message.len() < 4_096, "{said}");
    }
    let list = |name: &str| said[name].as_array().cloned().unwrap_or_default();
    if word == "subscribed" {
        let agents = list("agents");
        assert!(agents.len() <= AGENTS, "{said}");
        for agent in agents {
            assert!(agent.as_str().is_some_and(|name| name.len() <= limits::NAME_BYTES), "{said}");
        }
        for named in list("transaction_ids") {
            assert!(["a", "b"].contains(&named.as_str().unwrap()), "{said}: of this session");
        }
    }
    if word == "progress_update" {
        assert_eq!(said["session_id"], "s", "{said}");
    }
}

/// What a client is told that says this after it has been told where its jobs are, and how many of
/// its messages were heard.
fn talk(format: Format, messages: &[&[u8]]) -> (Vec<Value>, usize) {
    let World { runtime, hub } = &*WORLD;
    let _inside = runtime.enter();
    let bell = Bell::new(|| ());
    let mut session = hub.session(Arc::new(Caller::anyone()), "fuzz", &bell, 0);
    session.speak(format.dialect());
    let mut speech = Speech::new(format, Tick(0));
    let mut told = Vec::new();
    session
        .handle_message(headway_protocol::ClientMessage::Subscribe(format.subscribe()), hub.now());
    settle(&mut session, &mut speech, &mut told);
    let mut heard = 0;
    for text in messages {
        if session.poll_close().is_some() {
            break;
        }
        heard += 1;
        let now = (Tick(0), hub.now());
        told.extend(speech.hear((text, MESSAGE_BYTES), &mut session, now));
        settle(&mut session, &mut speech, &mut told);
    }
    (told, heard)
}

/// Does what the session asks for, until it has nothing more to say.
fn settle(session: &mut Session, speech: &mut Speech, told: &mut Vec<Value>) {
    let World { runtime, hub } = &*WORLD;
    loop {
        let before = told.len();
        let mut moved = false;
        while let Some(request) = session.poll_request() {
            let answer = runtime.block_on(hub.perform(session, request));
            session.handle_answer(answer, hub.now());
            moved = true;
        }
        while let Some(command) = session.poll_command() {
            session.handle_command_answer(&command.id, Ok(json!({"status": "running"})));
            moved = true;
        }
        while let Some(frame) = session.poll_frame(hub.now()) {
            let said = speech.reword(frame, session, (Tick(0), hub.now()));
            told.extend(said.map(|frame| {
                serde_json::from_slice::<Value>(frame.text()).expect("what is said is JSON")
            }));
            moved = true;
        }
        if !moved && told.len() == before {
            return;
        }
    }
}
