//! The cases of `schema/corpus/session`, played against a session with a virtual clock.
//!
//! What the reader is handed goes into [`Watched`], as it does in an application: the documents that
//! a case asks for are those.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use headway_protocol::frame::{ClientMessage, EventFilter, GapReason, ServerMessage};
use headway_protocol::problem::ProblemCode;
use headway_protocol::{Job, JobId, Problem, Secret, Timestamp};
use serde_json::{Map, Value, json};

use super::{Close, Connect, Output, Phase, Session, SessionOptions, Transport, Wanted, after};
use crate::watch::{Selector, sse};
use crate::{Applied, Client, Error, Watched};

/// What this player is called in a case's `clients`.
const CLIENT: &str = "rust";
/// Between two heartbeats.
const HEARTBEAT_MS: u64 = 20_000;
/// How many deadlines may come while a case waits once.
const DEADLINES: usize = 10_000;

#[test]
fn plays_the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/corpus/session");
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut played = 0;
    for file in files {
        let case: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let clients = case.get("clients").and_then(Value::as_array);
        if clients.is_none_or(|clients| clients.iter().any(|client| client == CLIENT)) {
            play(&file.file_stem().unwrap().to_string_lossy(), &case);
            played += 1;
        }
    }
    assert!(played > 30, "only {played} cases were played");
}

fn play(name: &str, case: &Value) {
    let steps: Vec<_> =
        case["steps"].as_array().unwrap().iter().map(|step| step.as_object().unwrap()).collect();
    let beginning = steps.iter().take_while(|step| step.contains_key("watch")).count();
    let (watches, steps) = steps.split_at(beginning);
    let mut player = Player::new(name, &case["options"], watches);
    for (place, step) in steps.iter().enumerate() {
        player.place = beginning + place;
        if step.contains_key("signed_in") {
            // Whoever signs in again watches again.
            return;
        }
        player.step(step);
        player.drain();
    }
    assert_eq!(player.done, Vec::<Value>::new(), "{player}: done at the end, and not looked at");
}

struct Player {
    name: String,
    place: usize,
    session: Session,
    /// Whose rendering of addresses is looked at.
    client: Client,
    now: Timestamp,
    random: f64,
    done: Vec<Value>,
    /// The places of selectors by the names of their watches.
    watches: BTreeMap<String, usize>,
    jobs: BTreeMap<JobId, Watched>,
    events: Vec<Value>,
    over: Option<Close>,
}

impl Player {
    fn new(name: &str, options: &Value, watches: &[&Map<String, Value>]) -> Self {
        let transports = match options["transports"].as_array() {
            Some(words) => words.iter().map(transport).collect(),
            None => vec![Transport::WebSocket, Transport::ServerSentEvents],
        };
        let filters: Vec<EventFilter> = watches
            .iter()
            .filter_map(|watch| watch.get("events"))
            .map(|events| serde_json::from_value(events.clone()).unwrap())
            .collect();
        assert!(filters.windows(2).all(|two| two[0] == two[1]), "{name}: a watch has one filter");
        let options = SessionOptions {
            transports,
            sign_in: options["sign_in"] == true,
            attempts: options["attempts"].as_u64().map_or(5, |count| count.try_into().unwrap()),
        };
        let wanted = Wanted { events: filters.first().cloned(), min_interval_ms: None };
        let selectors = watches.iter().map(|watch| selector(&watch["selector"])).collect();
        let mut session = Session::new(selectors, wanted, options);
        let now: Timestamp = "2026-01-10T09:30:00.000Z".parse().unwrap();
        session.start(now);
        let names = watches.iter().map(|watch| watch["watch"].as_str().unwrap().to_owned());
        let mut player = Self {
            name: name.to_owned(),
            place: 0,
            session,
            client: Client::new("http://localhost", None).unwrap(),
            now,
            random: 1.0,
            done: Vec::new(),
            watches: names.zip(0..).collect(),
            jobs: BTreeMap::new(),
            events: Vec::new(),
            over: None,
        };
        player.drain();
        player
    }

    /// Does what a step says, or looks whether what it expects is so.
    fn step(&mut self, step: &Map<String, Value>) {
        let (word, value) = first(step);
        let (now, random) = (self.now, self.random);
        match word {
            "open" => self.session.handle_open(now),
            "frame" => match serde_json::from_value(value.clone()) {
                Ok(message) => self.session.handle_message(message, now, random),
                Err(_) => self.session.handle_activity(now),
            },
            "close" => self.session.handle_close(close(value), now, random),
            "token" => match crate::token::authorization(&Secret::new(text(value))) {
                Ok(_) => self.session.handle_token(Secret::new(text(value)), None, now),
                Err(error) => self.session.handle_token_failure(error, now, random),
            },
            "token_failure" => {
                let error = Error::NoToken { source: text(value).into() };
                self.session.handle_token_failure(error, now, random);
            }
            "random" => self.random = value.as_f64().unwrap(),
            "wait_ms" => self.wait(value.as_u64().unwrap()),
            "heartbeats_ms" => self.heartbeats(value.as_u64().unwrap()),
            // A watch that is over has nobody to tell.
            "visible" | "online" => assert!(self.over.is_some(), "{self}: `{word}` is no step"),
            "does" => {
                let done = Value::Array(std::mem::take(&mut self.done));
                assert_eq!(done, *value, "{self}");
            }
            "job" => self.has_job(value, &step["is"]),
            "events" => assert_eq!(Value::Array(self.events.clone()), *value, "{self}"),
            "ended" => {
                for (job, expected) in value.as_object().unwrap() {
                    let ended = self.session.stream.has_ended(&job.parse().unwrap());
                    assert_eq!(ended, *expected, "{self}: {job}");
                    let told = self.jobs.get(job.as_str()).map(Watched::has_ended);
                    assert_eq!(told.unwrap_or(ended), *expected, "{self}: {job}, as it was told");
                }
            }
            "refused" => {
                for (watch, expected) in value.as_object().unwrap() {
                    let refused = self.session.stream.is_refused(self.watches[watch]);
                    assert_eq!(refused, !expected.is_null(), "{self}: {watch}");
                }
            }
            "connection" => self.has_connection(value),
            // What is handed on makes no list: whoever wants one keeps it.
            "lists" => {}
            _ => panic!("{self}: `{word}` is no step"),
        }
    }

    fn has_job(&self, job: &Value, expected: &Value) {
        let job = self.jobs.get(text(job)).and_then(Watched::job);
        let expected: Option<Job> = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(job, expected, "{self}");
    }

    fn has_connection(&self, expected: &Value) {
        let connection = match (&self.over, &self.session.phase) {
            (Some(close), _) => ending(close),
            (None, Phase::Idle) => json!({"state": "idle"}),
            (None, Phase::Asking) => json!({"state": "connecting"}),
            (None, Phase::Connected(connected)) => json!({
                "state": if connected.live { "live" } else { "connecting" },
                "transport": match connected.transport {
                    Transport::WebSocket => "websocket",
                    Transport::ServerSentEvents => "events",
                },
            }),
            (None, Phase::Waiting { .. }) => json!({"state": "waiting"}),
            (None, Phase::Over) => panic!("{self}: over, and the reader was not told"),
        };
        for (member, expected) in expected.as_object().unwrap() {
            // The reader of a watch is told why it has ended, in the server's words, and not why it
            // is being tried again.
            if member != "reason" || connection.get("reason").is_some() {
                assert_eq!(connection[member], *expected, "{self}: {member}");
            }
        }
    }

    /// Time passes, and every deadline is kept to the millisecond.
    fn wait(&mut self, milliseconds: u64) {
        let end = after(self.now, Duration::from_millis(milliseconds));
        for _ in 0..DEADLINES {
            let Some(deadline) = self.session.next_deadline().filter(|deadline| *deadline <= end)
            else {
                self.now = end;
                return;
            };
            self.now = self.now.max(deadline);
            self.session.handle_timeout(self.now, self.random);
            self.drain();
        }
        panic!("{self}: deadlines come without end");
    }

    fn heartbeats(&mut self, milliseconds: u64) {
        let mut left = milliseconds;
        while left > 0 {
            let step = left.min(HEARTBEAT_MS);
            self.wait(step);
            left -= step;
            let heartbeat = ServerMessage::Heartbeat { at: self.now };
            self.session.handle_message(heartbeat, self.now, self.random);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::AskToken(_) => self.done.push(json!({"asks": "token"})),
                Output::Connect(connect) => {
                    let mut done = match connect {
                        Connect::WebSocket => {
                            json!({"connect": "websocket", "path": "/api/v1/stream"})
                        }
                        Connect::ServerSentEvents(address) => {
                            let url = sse::url(&self.client, &address);
                            let path = match url.query() {
                                Some(query) => format!("{}?{query}", url.path()),
                                None => url.path().to_owned(),
                            };
                            json!({"connect": "events", "path": path})
                        }
                    };
                    if let Some(token) = &self.session.credential.token {
                        done["token"] = token.expose().into();
                    }
                    self.done.push(done);
                }
                Output::Send(message) => self.done.push(json!({"send": sent(&message)})),
                Output::Disconnect => self.done.push(json!({"disconnect": true})),
                Output::Pass(message) => self.read(&message),
                Output::Over(close) => {
                    assert!(self.over.replace(close).is_none(), "{self}: over twice");
                }
            }
        }
    }

    /// The reader's side.
    fn read(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Snapshot { job, .. }
            | ServerMessage::Update { job, .. }
            | ServerMessage::End { job, .. } => {
                let applied = self.jobs.entry(job.clone()).or_default().apply(message);
                assert_ne!(applied, Applied::Hole, "{self}");
            }
            ServerMessage::Event { event, .. } => self.events.push(event["message"].clone()),
            ServerMessage::Gap { reason, .. } => {
                let reason = match reason {
                    GapReason::Retention => "retention",
                    GapReason::Slow => "slow",
                    GapReason::Epoch => "epoch",
                    GapReason::Unknown => "unknown",
                };
                self.events.push(format!("gap:{reason}").into());
            }
            ServerMessage::Hello { .. }
            | ServerMessage::Subscribed { .. }
            | ServerMessage::Heartbeat { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. } => {}
            ServerMessage::Unknown => panic!("{self}: nobody can do anything with it"),
        }
    }
}

impl std::fmt::Display for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, step {}", self.name, self.place)
    }
}

/// The word of a step and what it says.
fn first(step: &Map<String, Value>) -> (&str, &Value) {
    let mut members = step.iter();
    let (word, value) = members.find(|(word, _)| !MODIFIERS.contains(&word.as_str())).unwrap();
    (word, value)
}

/// Members that belong to the word before them.
const MODIFIERS: [&str; 2] = ["is", "together"];

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn transport(word: &Value) -> Transport {
    match text(word) {
        "websocket" => Transport::WebSocket,
        "events" => Transport::ServerSentEvents,
        other => panic!("there is no `{other}` here"),
    }
}

fn selector(selector: &Value) -> Selector {
    let (word, value) = first(selector.as_object().unwrap());
    match word {
        "job" => Selector::job(text(value).parse().unwrap()),
        "session" => Selector::Session(text(value).to_owned()),
        "tag" => Selector::Tag(text(value).to_owned()),
        "all" => Selector::All,
        other => panic!("`{other}` selects nothing"),
    }
}

/// How a transport of this client tells a close.
fn close(value: &Value) -> Close {
    let reason = value["reason"].as_str().unwrap_or_default().to_owned();
    let code = value["code"].as_u64().map_or(1006, |code| code.try_into().unwrap());
    Close::Failed(match value["status"].as_u64() {
        None => Error::Closed { code, reason },
        Some(204) => return Close::Seen,
        Some(status) => Error::Refused {
            problem: Box::new(Problem {
                status: status.try_into().unwrap(),
                code: text(&value["problem"]).to_owned(),
                ..Problem::new(ProblemCode::Internal, reason)
            }),
            retry_after: value["retry_ms"].as_u64().map(Duration::from_millis),
        },
    })
}

/// How the other clients call the end of a watch.
fn ending(close: &Close) -> Value {
    let Close::Failed(error) = close else { return json!({"state": "refused"}) };
    if matches!(error, Error::Token) || error.is_unauthenticated() {
        return json!({"state": "signed_out"});
    }
    if close.is_not_found() {
        return json!({"state": "idle"});
    }
    let Error::Closed { code, reason } = error else { return json!({"state": "refused"}) };
    json!({"state": "refused", "code": code, "reason": reason})
}

fn sent(message: &ClientMessage) -> Value {
    serde_json::to_value(message).unwrap()
}
