//! The promises of the stream, on a virtual clock over a log that is made up as it goes.
//!
//! A [`World`] holds the log and what it folds to at every position; a [`Reader`] believes only the
//! frames that it is given, and complains as soon as one breaks a promise. Readers read slowly, go
//! away, and come back with the cursor of whatever frame they saw last; logs are trimmed and begun
//! anew, and topics are dropped and loaded again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headway_protocol::frame::{EventFilter, GapReason, Subscribe};
use headway_protocol::{
    ClientMessage, Cursor, JobId, JobStatus, Owner, ServerMessage, Timestamp, patch,
};
use headway_store::{Facets, History, Record, Stored};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::feed::{Feed, FeedReader};
use crate::frame::FrameKind;
use crate::metrics::{Limit, Metrics};
use crate::options::Options;
use crate::topic::Topic;
use crate::wake::Wakes;

/// A log, and the truth at each of its positions.
struct World {
    job: JobId,
    epoch: u32,
    now: Timestamp,
    records: Vec<Arc<Record>>,
    /// The document after each record, by epoch and position; also of logs that are gone.
    truth: BTreeMap<(u32, u64), Value>,
    /// Where the status changes or an attempt begins, likewise.
    changes: BTreeSet<(u32, u64)>,
    /// The type of each event, likewise.
    words: BTreeMap<(u32, u64), String>,
    trimmed_to: u64,
    topic: Arc<Topic>,
    setting: Arc<Setting>,
}

impl World {
    fn new() -> Self {
        let options = Options {
            ring_records: 6,
            ring_bytes: 100_000,
            max_event_lag: 40,
            heartbeat_ms: 20_000,
            ..Options::default()
        };
        let job: JobId = "job_1".parse().unwrap();
        let document = json!({"id":"job_1","kind":"test","status":"running","attempt":1,
            "owner":{"tenant":"default"},"progress":{}});
        let found = stored(&document, Cursor { epoch: 1, offset: 1 });
        let topic = Arc::new(Topic::new(job.clone(), found, &options).unwrap());
        let created = record(0, 1, Timestamp::from_millis(0), &document, &["created"]);
        Self {
            job,
            epoch: 1,
            now: Timestamp::from_millis(0),
            records: vec![created],
            truth: BTreeMap::from([((1, 1), document)]),
            changes: BTreeSet::from([(1, 1)]),
            words: BTreeMap::from([((1, 1), "created".to_owned())]),
            trimmed_to: 0,
            topic,
            setting: Arc::new(Setting { options, metrics: Metrics::default() }),
        }
    }

    fn head(&self) -> Cursor {
        let (epoch, offset) = *self.truth.keys().next_back().unwrap();
        Cursor { epoch, offset }
    }

    fn truth(&self, at: Cursor) -> &Value {
        &self.truth[&(at.epoch, at.offset)]
    }

    fn document(&self, at: Cursor) -> Value {
        let mut document = self.truth(at).clone();
        document["cursor"] = json!(at);
        document
    }

    fn status(&self, at: Cursor) -> JobStatus {
        self.truth(at)["status"].as_str().unwrap().parse().unwrap()
    }

    /// Whether a change of status lies between two positions.
    fn changes_between(&self, from: Cursor, to: Cursor) -> bool {
        let epoch = to.epoch;
        let between = (epoch, from.offset + 1)..(epoch, to.offset.max(from.offset + 1));
        self.changes.range(between).next().is_some()
    }

    fn append(&mut self, change: &Value, words: &[&str], told: bool) {
        let head = self.head();
        let from = head.offset;
        let record = record(from, from + words.len() as u64, self.now, change, words);
        let mut document = self.truth(head).clone();
        patch::apply(&mut document, change);
        let before = self.truth(head);
        if ["status", "attempt"].iter().any(|member| before[member] != document[member]) {
            self.changes.insert((self.epoch, record.to));
        }
        self.truth.insert((self.epoch, record.to), document);
        for (offset, word) in (from + 1..).zip(words) {
            self.words.insert((self.epoch, offset), (*word).to_owned());
        }
        if told
            && self.topic.apply(self.epoch, &record, &mut Wakes::default())
                == crate::topic::Applied::Hole
        {
            self.records.push(record);
            self.reload();
            assert!(self.topic.filled());
            return;
        }
        self.records.push(record);
    }

    /// Brings the topic to the end of the log, as the registry does after a hole.
    fn reload(&self) {
        for record in &self.records {
            self.topic.refill(self.epoch, record, &mut Wakes::default());
        }
        let head = self.head();
        if self.topic.look().cursor() != head {
            self.topic.replace(stored(self.truth(head), head), &mut Wakes::default()).unwrap();
        }
    }

    /// A topic that nobody watches any more is dropped, and loaded when somebody comes.
    fn drop_topic(&mut self) {
        let head = self.head();
        let stored = stored(self.truth(head), head);
        self.topic = Arc::new(Topic::new(self.job.clone(), stored, &self.setting.options).unwrap());
    }

    /// Forgets the log's beginning, up to the end of a record.
    fn trim(&mut self, share: usize) {
        let count = self.records.len() * share / 10;
        if count > 0 {
            self.trimmed_to = self.records[count - 1].to;
            self.records.drain(..count);
        }
    }

    /// The job is removed and another of its name begins.
    fn begin_anew(&mut self) {
        self.epoch += 1;
        self.trimmed_to = 0;
        let document = json!({"id":"job_1","kind":"test","status":"running","attempt":1,
            "owner":{"tenant":"default"},"again":self.epoch});
        self.records = vec![record(0, 1, self.now, &document, &["created"])];
        self.truth.insert((self.epoch, 1), document.clone());
        self.changes.insert((self.epoch, 1));
        self.words.insert((self.epoch, 1), "created".to_owned());
        let head = self.head();
        self.topic.replace(stored(&document, head), &mut Wakes::default()).unwrap();
    }

    fn history(&self, after: u64, max_events: usize) -> History {
        let mut events = 0;
        let records = self
            .records
            .iter()
            .filter(|record| record.to > after)
            .take_while(|record| {
                let first = events == 0;
                events += record.events.len();
                first || events <= max_events
            })
            .cloned()
            .collect();
        let cursor = self.head();
        History { cursor, trimmed_to: self.trimmed_to, records }
    }

    /// Does what a session asks for, as the hub does.
    fn serve(&self, session: &mut Session) {
        while let Some(request) = session.poll_request() {
            let answer = match request {
                Request::Watch { ticket, job: _, cursor } => {
                    if let Some(cursor) = cursor {
                        let history =
                            self.history(cursor.offset, self.setting.options.ring_records);
                        self.topic.prepend(self.epoch, &history.records);
                    }
                    let trimmed_to = self.trimmed_to;
                    let found = Found { topic: Arc::clone(&self.topic), trimmed_to };
                    Answer::Watched { ticket, outcome: Ok(Some(found)) }
                }
                Request::Read { lane, job, after } => {
                    let outcome = Ok(Some(self.history(after, 8)));
                    Answer::Read { lane, job, after, outcome }
                }
                Request::Survey { .. } => panic!("{request:?}"),
            };
            session.handle_answer(answer, self.now);
        }
    }
}

fn stored(document: &Value, cursor: Cursor) -> Stored {
    let facets = Facets {
        status: JobStatus::Running,
        kind: "test".to_owned(),
        session: None,
        tags: Vec::new(),
        owner: Owner::default(),
        created_at: Timestamp::default(),
        finished_at: None,
        due_at: None,
    };
    Stored { cursor, document: document.clone(), private: Value::Null, facets }
}

fn record(from: u64, to: u64, at: Timestamp, change: &Value, words: &[&str]) -> Arc<Record> {
    let raw = |value: &Value| RawValue::from_string(value.to_string()).unwrap();
    let events = words.iter().map(|word| raw(&json!({"at":at,"type":word}))).collect();
    Arc::new(Record { from, to, at, events, patch: raw(change), private: raw(&json!({})) })
}

/// Somebody who watches.
struct Reader {
    session: Session,
    bell: Arc<Bell>,
    wanted: Option<EventFilter>,
    interval_ms: u64,
    /// The document that the frames folded to.
    document: Value,
    held: Option<Cursor>,
    /// Every wanted event up to here was given, or a gap told of it.
    events_at: Option<Cursor>,
    /// The cursor of the newest frame that had one.
    last: Option<Cursor>,
    /// A gap was told; the next frame must be a snapshot.
    after_gap: bool,
    /// A snapshot may come without a gap: the subscription has just begun.
    fresh: bool,
    ended: bool,
    last_state_at: Option<Timestamp>,
}

impl Reader {
    fn new(world: &World, wanted: Option<EventFilter>, interval_ms: u64) -> Self {
        let bell = Bell::new(|| ());
        let mut reader = Self {
            session: session(world, &bell),
            bell,
            wanted,
            interval_ms,
            document: Value::Null,
            held: None,
            events_at: None,
            last: None,
            after_gap: false,
            fresh: true,
            ended: false,
            last_state_at: None,
        };
        reader.subscribe(world);
        reader
    }

    fn subscribe(&mut self, world: &World) {
        let subscribe = Subscribe {
            id: "1".to_owned(),
            job: Some(world.job.clone()),
            cursor: self.last,
            events: self.wanted.clone(),
            min_interval_ms: Some(self.interval_ms),
            ..Subscribe::default()
        };
        self.session.handle_message(ClientMessage::Subscribe(subscribe), world.now);
    }

    /// The connection breaks, and the reader comes back with what it saw last.
    fn come_back(&mut self, world: &World) {
        self.session = session(world, &self.bell);
        self.events_at = self.last;
        self.after_gap = false;
        self.fresh = true;
        self.ended = false;
        self.last_state_at = None;
        self.subscribe(world);
    }

    fn wants(&self, word: &str) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.wants(word))
    }

    /// Whether a wanted event lies after one position and not after another.
    fn misses(&self, world: &World, epoch: u32, after: u64, until: u64) -> bool {
        let between = (epoch, after + 1)..=(epoch, until.max(after + 1));
        until > after && world.words.range(between).any(|(_, word)| self.wants(word))
    }

    /// Reads at most so many frames. Whether there was one.
    fn read(&mut self, world: &World, most: usize) -> bool {
        let mut read = false;
        // Those of a session that this one replaced are among them.
        let mut rings = Vec::new();
        self.bell.take(&mut rings);
        for ring in rings {
            self.session.handle_ring(ring);
        }
        for _ in 0..most {
            world.serve(&mut self.session);
            let Some(frame) = self.session.poll_frame(world.now) else {
                if self.session.busy.as_ref().is_none_or(|busy| busy.requests.is_empty()) {
                    break;
                }
                continue;
            };
            read = true;
            if let Some(cursor) = frame.cursor() {
                self.last = Some(cursor);
            }
            if frame.kind() == FrameKind::Snapshot {
                let mut message: Value = serde_json::from_slice(frame.text()).unwrap();
                self.after_gap = false;
                self.snapshot(world, frame.cursor().unwrap(), message["state"].take());
            } else {
                assert!(!self.after_gap, "a snapshot follows a gap: {frame:?}");
                self.take(world, serde_json::from_slice(frame.text()).unwrap());
            }
        }
        read
    }

    fn take(&mut self, world: &World, message: ServerMessage) {
        match message {
            ServerMessage::Snapshot { .. } | ServerMessage::Unknown => panic!("{message:?}"),
            ServerMessage::Update { cursor, prev, patch, .. } => {
                assert_eq!(Some(prev), self.held, "an update whose `prev` is not held");
                let passed = world.changes_between(prev, cursor);
                assert!(!passed, "a change of status was passed over");
                patch::apply(&mut self.document, &patch);
                // What leads to a change of status is not held back, in two frames if need be.
                let end = Cursor { offset: u64::MAX, ..cursor };
                self.state(world, cursor, world.changes_between(prev, end));
            }
            ServerMessage::Event { cursor, event, .. } => {
                let at = self.events_at.expect("an event before the first snapshot");
                assert_eq!(at.epoch, cursor.epoch);
                assert!(cursor.offset > at.offset, "an event came twice: {cursor} after {at}");
                let missed = self.misses(world, at.epoch, at.offset, cursor.offset - 1);
                assert!(!missed, "an event was skipped between {at} and {cursor}");
                let kind = &world.words[&(cursor.epoch, cursor.offset)];
                assert_eq!(event["type"], *kind);
                assert!(self.wants(kind), "nobody asked for {kind}");
                self.events_at = Some(cursor);
            }
            ServerMessage::Gap { from, to, reason, .. } => {
                match reason {
                    GapReason::Epoch => assert!(from.epoch != to.epoch || from.offset > to.offset),
                    GapReason::Retention => assert!(from.offset < world.trimmed_to),
                    GapReason::Slow => assert!(from.offset < to.offset),
                    GapReason::Unknown => panic!("a reason that nobody knows"),
                }
                self.events_at = Some(to);
                self.after_gap = true;
                self.fresh = true;
            }
            ServerMessage::End { cursor, status, .. } => {
                assert_eq!(Some(cursor), self.held, "the end comes after its state");
                assert_eq!(status, world.status(cursor));
                assert!(status.is_terminal() && !self.ended, "an end twice, or of nothing");
                self.ended = true;
            }
            ServerMessage::Subscribed { was_recovering, .. } => {
                assert_eq!(was_recovering, self.last.is_some());
            }
            ServerMessage::Hello { .. } | ServerMessage::Heartbeat { .. } => {}
            ServerMessage::Result { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. } => panic!("nobody asked: {message:?}"),
        }
    }

    fn snapshot(&mut self, world: &World, cursor: Cursor, state: Value) {
        if let (false, Some(held)) = (self.fresh, self.held) {
            let passed = world.changes_between(held, cursor);
            let told = self.wanted == Some(EventFilter::All(true));
            assert!(!passed || told, "a change of status was passed over without a gap");
        }
        self.document = state;
        self.state(world, cursor, true);
        self.fresh = false;
    }

    /// What holds of both state frames.
    fn state(&mut self, world: &World, cursor: Cursor, free: bool) {
        assert_eq!(self.document, world.document(cursor), "not the truth at {cursor}");
        if let Some(at) = self.events_at.filter(|at| at.epoch == cursor.epoch) {
            let missed = self.misses(world, at.epoch, at.offset, cursor.offset);
            assert!(!missed, "{cursor} came before an event after {at}");
        }
        if self.events_at.is_none_or(|at| at.offset < cursor.offset || at.epoch != cursor.epoch) {
            self.events_at = Some(cursor);
        }
        if let (Some(last), false) = (self.last_state_at, free) {
            let early = world.now.since(last) < self.interval_ms;
            assert!(!early, "two state frames within {} ms", self.interval_ms);
        }
        if let (true, false, Some(held)) = (self.ended, self.fresh, self.held) {
            let after = Cursor { offset: cursor.offset + 1, ..cursor };
            assert!(world.changes_between(held, after), "something followed the end");
        }
        self.ended = false;
        self.last_state_at = Some(world.now);
        self.held = Some(cursor);
    }
}

fn session(world: &World, bell: &Arc<Bell>) -> Session {
    let (setting, bell) = (Arc::clone(&world.setting), Arc::clone(bell));
    Session::new(setting, Arc::default(), (bell, 0), "test", world.now)
}

#[derive(Clone, Debug)]
enum Turn {
    Progress { heard: bool },
    Log(usize),
    Status(JobStatus),
    Retry,
    Member(bool),
    Pass(u64),
    Read(usize, usize),
    ComeBack(usize),
    DropTopic,
    Trim(usize),
    BeginAnew,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        8 => prop::bool::weighted(0.9).prop_map(|heard| Turn::Progress { heard }),
        4 => (1..5_usize).prop_map(Turn::Log),
        2 => prop::sample::select(JobStatus::ALL).prop_map(Turn::Status),
        1 => Just(Turn::Retry),
        2 => any::<bool>().prop_map(Turn::Member),
        6 => (0..250_u64).prop_map(Turn::Pass),
        10 => (0..4_usize, 0..9_usize).prop_map(|(who, most)| Turn::Read(who, most)),
        3 => (0..4_usize).prop_map(Turn::ComeBack),
        1 => Just(Turn::DropTopic),
        1 => (0..9_usize).prop_map(Turn::Trim),
        1 => Just(Turn::BeginAnew),
    ]
}

fn play(turns: &[Turn]) {
    let mut world = World::new();
    let types = EventFilter::Types(vec!["log".to_owned()]);
    let mut readers = [
        Reader::new(&world, None, 100),
        Reader::new(&world, Some(EventFilter::All(true)), 100),
        Reader::new(&world, Some(types), 0),
        Reader::new(&world, None, 2_000),
    ];
    let mut percent = 0;
    for turn in turns {
        match *turn {
            Turn::Progress { heard } => {
                percent += 1;
                world.append(&json!({"progress":{"percent":percent}}), &["progress"], heard);
            }
            Turn::Log(count) => {
                world.append(&json!({"updated":percent}), &["log", "cost"].repeat(count), true);
            }
            Turn::Status(status) => {
                let head = world.head();
                let present = world.status(head);
                if !present.is_terminal() && present != status {
                    world.append(&json!({"status":status}), &["status"], true);
                }
            }
            Turn::Retry => {
                let head = world.head();
                if world.status(head).is_terminal() {
                    let attempt = world.truth(head)["attempt"].as_u64().unwrap() + 1;
                    let change = json!({"status":"queued","attempt":attempt});
                    world.append(&change, &["retried"], true);
                }
            }
            // A member that goes and comes back as an object: no one patch can say that.
            Turn::Member(there) => {
                let change =
                    if there { json!({"cost":{"spent":"1"}}) } else { json!({"cost":null}) };
                world.append(&change, &["cost"], true);
            }
            Turn::Pass(millis) => world.now = world.now.plus(millis),
            Turn::Read(who, most) => {
                readers[who].read(&world, most);
            }
            Turn::ComeBack(who) => readers[who].come_back(&world),
            Turn::DropTopic => {
                world.reload();
                world.drop_topic();
                // Only somebody who comes back finds the new topic.
                for reader in &mut readers {
                    reader.come_back(&world);
                }
            }
            Turn::Trim(share) => world.trim(share),
            Turn::BeginAnew => world.begin_anew(),
        }
    }
    world.reload();
    for reader in &mut readers {
        // Enough time passes for every interval, and the reader takes what there is.
        while reader.read(&world, 1_000) {}
        world.now = world.now.plus(2_000);
        while reader.read(&world, 1_000) {}
        let head = world.head();
        let terminal = world.status(head).is_terminal();
        assert_eq!(reader.ended, terminal, "the end always arrives, and only then");
        if !terminal {
            assert_eq!(reader.held, Some(head), "the newest state always arrives");
        }
        let missed = reader.events_at.is_some_and(|at| {
            reader.misses(&world, at.epoch, at.offset, reader.held.map_or(0, |held| held.offset))
        });
        assert!(!missed, "every wanted event arrives");
    }
}

#[test]
fn lanes_that_go_while_they_wait_to_read_hold_up_no_other() {
    let world = World::new();
    let mut session = session(&world, &Bell::new(|| ()));
    let name = |number: usize| format!("job_{number}");
    let reads = lanes::READS as usize;
    let watched = 2 * reads + 1;
    for number in 0..watched {
        let subscribe = Subscribe {
            id: name(number),
            job: Some(name(number).parse().unwrap()),
            cursor: Some(Cursor { epoch: 1, offset: 0 }),
            events: Some(EventFilter::All(true)),
            ..Subscribe::default()
        };
        session.handle_message(ClientMessage::Subscribe(subscribe), world.now);
    }
    let mut reading = Vec::new();
    while let Some(request) = session.poll_request() {
        let Request::Watch { ticket, job, .. } = request else { panic!("{request:?}") };
        let found = stored(world.truth(world.head()), world.head());
        let topic = Arc::new(Topic::new(job, found, &world.setting.options).unwrap());
        let outcome = Ok(Some(Found { topic, trimmed_to: 0 }));
        session.handle_answer(Answer::Watched { ticket, outcome }, world.now);
    }
    let asked = |session: &mut Session, reads: &mut Vec<(u32, JobId, u64)>| {
        while session.poll_frame(world.now).is_some() {}
        while let Some(request) = session.poll_request() {
            let Request::Read { lane, job, after } = request else { panic!("{request:?}") };
            reads.push((lane, job, after));
        }
    };
    asked(&mut session, &mut reading);
    assert_eq!(reading.len(), reads, "others wait for these");
    // All that wait but the last go.
    for number in reads..watched - 1 {
        session.handle_message(ClientMessage::Unsubscribe { id: name(number) }, world.now);
    }
    for (lane, job, after) in std::mem::take(&mut reading) {
        let outcome = Ok(Some(world.history(after, 8)));
        session.handle_answer(Answer::Read { lane, job, after, outcome }, world.now);
        asked(&mut session, &mut reading);
    }
    let jobs: Vec<_> = reading.iter().map(|(_, job, _)| job.to_string()).collect();
    assert_eq!(jobs, [name(watched - 1)]);
}

#[test]
fn a_reader_who_may_be_sent_nothing_yet_is_woken_for_a_change_of_status_alone() {
    let mut world = World::new();
    let mut reader = Reader::new(&world, None, 2_000);
    reader.read(&world, 9);
    world.append(&json!({"progress":{"percent":1}}), &["progress"], true);
    assert!(!reader.read(&world, 9), "a state frame came before its time");
    let rings = |reader: &Reader| {
        let mut rings = Vec::new();
        reader.bell.take(&mut rings);
        rings
    };
    world.append(&json!({"progress":{"percent":2}}), &["progress"], true);
    assert_eq!(rings(&reader), []);
    world.append(&json!({"status":"paused"}), &["paused"], true);
    let [ring] = rings(&reader)[..] else { panic!("it has to be told at once") };
    reader.session.handle_ring(ring);
    assert!(reader.read(&world, 9));
    assert_eq!(reader.document["status"], "paused");
    // Once it may be sent something again, everything wakes it.
    world.now = world.now.plus(2_000);
    world.append(&json!({"progress":{"percent":3}}), &["progress"], true);
    assert_eq!(rings(&reader).len(), 1);
}

/// Hands a session what its surveys found, and counts what it asks for.
fn survey(session: &mut Session, world: &World, feed: &Arc<Feed>, jobs: &[JobId]) -> Vec<Request> {
    let mut watches = Vec::new();
    while let Some(request) = session.poll_request() {
        let Request::Survey { ticket, subscription, .. } = request else {
            watches.push(request);
            continue;
        };
        let bell = Arc::clone(&session.bell);
        let reader = FeedReader::join(Arc::clone(feed), bell, 0, subscription);
        let outcome = Ok(Surveyed { reader, jobs: jobs.to_vec() });
        session.handle_answer(Answer::Surveyed { ticket, subscription, outcome }, world.now);
    }
    watches
}

fn all(id: usize) -> ClientMessage {
    let subscribe = Subscribe { id: id.to_string(), all: Some(true), ..Subscribe::default() };
    ClientMessage::Subscribe(subscribe)
}

#[test]
fn a_job_is_looked_up_once_however_many_selectors_bring_it() {
    let world = World::new();
    let feed = Arc::default();
    let mut session = session(&world, &Bell::new(|| ()));
    let jobs: Vec<JobId> =
        (0..200).map(|number| format!("job_{number}").parse().unwrap()).collect();
    for id in 0..100 {
        session.handle_message(all(id), world.now);
    }
    let watches = survey(&mut session, &world, &feed, &jobs);
    assert_eq!(watches.len(), jobs.len());
    // More that come while the answers are on their way join in, and go before they are there.
    for id in 100..200 {
        session.handle_message(all(id), world.now);
    }
    assert_eq!(survey(&mut session, &world, &feed, &jobs).len(), 0);
    for id in 50..200 {
        session.handle_message(ClientMessage::Unsubscribe { id: id.to_string() }, world.now);
    }
    for watch in watches {
        let Request::Watch { ticket, job, .. } = watch else { panic!("{watch:?}") };
        let found = stored(world.truth(world.head()), world.head());
        let topic = Arc::new(Topic::new(job, found, &world.setting.options).unwrap());
        let outcome = Ok(Some(Found { topic, trimmed_to: 0 }));
        session.handle_answer(Answer::Watched { ticket, outcome }, world.now);
    }
    assert_eq!(session.lanes.len(), jobs.len());
    assert!(session.lanes.iter().all(|(_, lane)| lane.subscriptions.iter().eq(0..50)));
    // What is at hand already needs no look at all.
    session.handle_message(all(50), world.now);
    assert_eq!(survey(&mut session, &world, &feed, &jobs).len(), 0);
    while session.poll_frame(world.now).is_some() {}
    for id in 0..51 {
        session.handle_message(ClientMessage::Unsubscribe { id: id.to_string() }, world.now);
    }
    while session.poll_frame(world.now).is_some() {}
    assert_eq!(session.lanes.len(), 0);
    assert!(session.busy.is_none(), "nothing is going on any more");
}

#[test]
fn what_is_subscribed_to_and_given_up_leaves_nothing_to_do() {
    let world = World::new();
    let mut session = session(&world, &Bell::new(|| ()));
    for _ in 0..1_000 {
        session.handle_message(all(1), world.now);
        session.handle_message(ClientMessage::Unsubscribe { id: "1".to_owned() }, world.now);
        let job = Some(world.job.clone());
        let subscribe = Subscribe { id: "2".to_owned(), job, ..Subscribe::default() };
        session.handle_message(ClientMessage::Subscribe(subscribe), world.now);
        session.handle_message(ClientMessage::Unsubscribe { id: "2".to_owned() }, world.now);
        while session.poll_frame(world.now).is_some() {}
        assert!(!session.is_waiting());
        assert!(session.busy.is_none());
    }
}

#[test]
fn there_is_a_bound_for_subscriptions() {
    let world = World::new();
    let mut session = session(&world, &Bell::new(|| ()));
    let most = world.setting.options.max_subscriptions as usize;
    for id in 0..=most {
        while session.poll_frame(world.now).is_some() {}
        session.handle_message(all(id), world.now);
    }
    let refused = session.poll_frame(world.now).unwrap();
    let refused: Value = serde_json::from_slice(refused.text()).unwrap();
    assert_eq!(refused["code"], "too_many_subscriptions");
    assert_eq!(refused["id"], most.to_string());
    assert_eq!(world.setting.metrics.limited(Limit::Subscriptions), 1);
}

proptest! {
    #[test]
    fn every_reader_can_believe_its_frames(turns in prop::collection::vec(turn(), 1..120)) {
        play(&turns);
    }
}
