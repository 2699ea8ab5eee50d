//! A log, and the truth at each of its positions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headway_access::Caller;
use headway_protocol::{Cursor, JobId, JobStatus, Owner, Timestamp, patch};
use headway_store::{Facets, History, Record, Stored};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::handle::past_of;
use crate::metrics::Metrics;
use crate::options::{Options, Setting};
use crate::session::{Answer, Found, Request, Session};
use crate::topic::Topic;
use crate::wake::{Bell, Wakes};

/// See the module.
pub(super) struct World {
    pub(super) job: JobId,
    pub(super) epoch: u32,
    pub(super) now: Timestamp,
    pub(super) records: Vec<Arc<Record>>,
    /// The document after each record, by epoch and position; also of logs that are gone.
    pub(super) truth: BTreeMap<(u32, u64), Value>,
    /// Where the status changes or an attempt begins, likewise.
    pub(super) changes: BTreeSet<(u32, u64)>,
    /// The type of each event, likewise.
    pub(super) words: BTreeMap<(u32, u64), String>,
    pub(super) trimmed_to: u64,
    pub(super) topic: Arc<Topic>,
    pub(super) setting: Arc<Setting>,
}

impl World {
    pub(super) fn new() -> Self {
        let options = Options {
            ring_records: 6,
            ring_bytes: 100_000,
            max_event_lag: 40,
            heartbeat_ms: 20_000,
            ..Options::default()
        };
        let setting = Arc::new(Setting { options, metrics: Metrics::default() });
        let job: JobId = "job_1".parse().unwrap();
        let document = json!({"id":"job_1","kind":"test","status":"running","attempt":1,
            "owner":{"tenant":"default"},"progress":{}});
        let found = stored(&document, Cursor { epoch: 1, offset: 1 });
        let topic = Arc::new(Topic::new(job.clone(), found, &setting).unwrap());
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
            setting,
        }
    }

    pub(super) fn head(&self) -> Cursor {
        let (epoch, offset) = *self.truth.keys().next_back().unwrap();
        Cursor { epoch, offset }
    }

    pub(super) fn truth(&self, at: Cursor) -> &Value {
        &self.truth[&(at.epoch, at.offset)]
    }

    pub(super) fn document(&self, at: Cursor) -> Value {
        let mut document = self.truth(at).clone();
        document["cursor"] = json!(at);
        document
    }

    pub(super) fn status(&self, at: Cursor) -> JobStatus {
        self.truth(at)["status"].as_str().unwrap().parse().unwrap()
    }

    /// Whether a change of status lies between two positions.
    pub(super) fn changes_between(&self, from: Cursor, to: Cursor) -> bool {
        let epoch = to.epoch;
        let between = (epoch, from.offset + 1)..(epoch, to.offset.max(from.offset + 1));
        self.changes.range(between).next().is_some()
    }

    pub(super) fn append(&mut self, change: &Value, words: &[&str], told: bool) {
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
    pub(super) fn reload(&self) {
        for record in &self.records {
            self.topic.refill(self.epoch, record, &mut Wakes::default());
        }
        let head = self.head();
        if self.topic.look().cursor() != head {
            self.topic.replace(stored(self.truth(head), head), &mut Wakes::default()).unwrap();
        }
    }

    /// A topic that nobody watches any more is dropped, and loaded when somebody comes.
    pub(super) fn drop_topic(&mut self) {
        let head = self.head();
        let stored = stored(self.truth(head), head);
        self.topic = Arc::new(Topic::new(self.job.clone(), stored, &self.setting).unwrap());
    }

    /// Forgets the log's beginning, up to the end of a record.
    pub(super) fn trim(&mut self, share: usize) {
        let count = self.records.len() * share / 10;
        if count > 0 {
            self.trimmed_to = self.records[count - 1].to;
            self.records.drain(..count);
        }
    }

    /// The job is removed and another of its name begins.
    pub(super) fn begin_anew(&mut self) {
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

    pub(super) fn history(&self, after: u64, max_events: usize) -> History {
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
    pub(super) fn serve(&self, session: &mut Session) {
        while let Some(request) = session.poll_request() {
            let answer = match request {
                Request::Watch { ticket, job: _, cursor } => {
                    let dialect = session.dialect().map(|dialect| &**dialect);
                    let options = &self.setting.options;
                    if let Some(cursor) = past_of(&self.topic, cursor, dialect, options) {
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

pub(super) fn stored(document: &Value, cursor: Cursor) -> Stored {
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

pub(super) fn record(
    from: u64,
    to: u64,
    at: Timestamp,
    change: &Value,
    words: &[&str],
) -> Arc<Record> {
    let raw = |value: &Value| RawValue::from_string(value.to_string()).unwrap();
    let events = words.iter().map(|word| raw(&json!({"at":at,"type":word}))).collect();
    Arc::new(Record { from, to, at, events, patch: raw(change), private: raw(&json!({})) })
}

/// A session of somebody who watches.
pub(super) fn session(world: &World, bell: &Arc<Bell>) -> Session {
    let (setting, bell) = (Arc::clone(&world.setting), Arc::clone(bell));
    Session::new(setting, Arc::new(Caller::anyone()), (bell, 0), "test", world.now)
}
