//! The lanes of a session against a model of them without any cleverness.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use headway_protocol::{Cursor, Owner};
use headway_store::{Facets, Stored};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::place::Place;
use super::*;
use crate::topic::{Topic, Watching};
use crate::wake::Bell;

/// What lanes are, without any cleverness.
#[derive(Default)]
struct Model {
    due: BTreeMap<u32, Option<u64>>,
    ready: VecDeque<u32>,
    parked: VecDeque<u32>,
    reads: u32,
}

impl Model {
    fn is_listed(&self, key: u32) -> bool {
        self.ready.contains(&key) || self.parked.contains(&key)
    }

    fn enlist(&mut self, key: u32, parked: bool) {
        if self.due.contains_key(&key) && !self.is_listed(key) {
            if parked { &mut self.parked } else { &mut self.ready }.push_back(key);
        }
    }

    fn remove(&mut self, key: u32) {
        self.due.remove(&key);
        self.ready.retain(|known| *known != key);
        self.parked.retain(|known| *known != key);
    }

    fn make_due_ready(&mut self, now: u64) {
        let mut due: Vec<_> =
            self.due.iter().filter_map(|(key, due)| Some(((*due)?, *key))).collect();
        due.sort_unstable();
        for (_, key) in due.into_iter().filter(|(due, _)| *due <= now) {
            self.due.insert(key, None);
            self.enlist(key, false);
        }
    }

    fn pop_ready(&mut self) -> Option<u32> {
        let parked = || self.parked.front().filter(|_| self.reads < READS);
        let key = *self.ready.front().or_else(parked)?;
        self.ready.retain(|known| *known != key);
        self.parked.retain(|known| *known != key);
        self.due.insert(key, None);
        Some(key)
    }
}

#[derive(Clone, Debug)]
enum Turn {
    Insert(u32),
    Remove(u32),
    Ready(u32),
    Wait(u32, u64),
    Due(u64),
    Pop,
    Read(u32),
    EndRead,
}

fn turn() -> impl Strategy<Value = Turn> {
    let key = || 0..20_u32;
    prop_oneof![
        4 => key().prop_map(Turn::Insert),
        2 => key().prop_map(Turn::Remove),
        4 => key().prop_map(Turn::Ready),
        3 => (key(), 0..50_u64).prop_map(|(key, due)| Turn::Wait(key, due)),
        2 => (0..50_u64).prop_map(Turn::Due),
        4 => Just(Turn::Pop),
        4 => key().prop_map(Turn::Read),
        3 => Just(Turn::EndRead),
    ]
}

fn job(number: u32) -> JobId {
    format!("job_{number}").parse().unwrap()
}

fn lane(number: u32, key: u32) -> Lane {
    let document = json!({"kind":"test","status":"running","attempt":1});
    let facets = Facets {
        status: headway_protocol::JobStatus::Running,
        kind: "test".to_owned(),
        session: None,
        tags: Vec::new(),
        owner: Owner::default(),
        created_at: Timestamp::default(),
        finished_at: None,
        due_at: None,
    };
    let cursor = Cursor { epoch: 1, offset: 1 };
    let stored = Stored { cursor, document, private: Value::Null, facets };
    let topic = Topic::new(job(number), stored, &Arc::default()).unwrap();
    let watching = Watching::join(Arc::new(topic), &Bell::new(|| ()), 0, key);
    Lane::new(watching, Place::default())
}

proptest! {
    #[test]
    fn they_are_looked_at_in_order_and_in_time(turns in prop::collection::vec(turn(), 1..150)) {
        let mut lanes = Lanes::default();
        let mut model = Model::default();
        for turn in turns {
            match turn {
                Turn::Insert(number) => {
                    if lanes.key_of(&job(number)).is_none() {
                        let key = lanes.insert(|key| lane(number, key));
                        model.due.insert(key, None);
                    }
                }
                Turn::Remove(key) => {
                    lanes.remove(key);
                    model.remove(key);
                }
                Turn::Ready(key) => {
                    lanes.make_ready(key);
                    model.enlist(key, false);
                }
                Turn::Wait(key, due) => {
                    lanes.wait(key, Timestamp::from_millis(due));
                    model.due.entry(key).and_modify(|known| *known = Some(due));
                }
                Turn::Due(now) => {
                    lanes.make_due_ready(Timestamp::from_millis(now));
                    model.make_due_ready(now);
                }
                Turn::Pop => prop_assert_eq!(lanes.pop_ready(), model.pop_ready()),
                Turn::Read(key) => {
                    let may = model.reads < READS;
                    prop_assert_eq!(lanes.begin_read(key), may);
                    if may {
                        model.reads += 1;
                    } else {
                        model.enlist(key, true);
                    }
                }
                Turn::EndRead => {
                    lanes.end_read();
                    model.reads = model.reads.saturating_sub(1);
                }
            }
            prop_assert_eq!(lanes.len(), model.due.len());
            let next = model.due.values().flatten().min();
            prop_assert_eq!(lanes.next_due().map(Timestamp::as_millis), next.copied());
            for (key, lane) in lanes.iter() {
                prop_assert_eq!(lanes.key_of(lane.job()), Some(key));
            }
        }
    }
}
