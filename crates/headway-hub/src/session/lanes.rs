//! The lanes of one session: which to look at next, and when.
//!
//! Looking is first come, first served, by a chain through the lanes themselves, so that a ring
//! needs no memory. Invariant: a lane is in one chain at most. With few lanes they are searched one
//! by one; with many there is an index.

use std::collections::{BTreeSet, HashMap};

use headway_protocol::{JobId, Timestamp};
use slab::Slab;

use super::lane::Lane;

/// Lanes of one session that read the log at once. Each holds a page, so this bounds their memory.
pub(super) const READS: u32 = 4;

/// Lanes up to which a search through all costs less than an index.
const SEARCHED: usize = 8;

/// No lane, in a chain.
const NONE: u32 = u32::MAX;

/// No time at all.
const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// See the module.
#[derive(Debug)]
pub(super) struct Lanes {
    entries: Slab<Entry>,
    /// Lanes to look at.
    ready: Chain,
    /// Lanes that wait until fewer than [`READS`] read the log.
    parked: Chain,
    /// How many read the log.
    reads: u32,
    /// How many have a time at which they want to be looked at.
    timed: u32,
    index: Option<Box<Index>>,
}

#[derive(Debug)]
struct Entry {
    lane: Lane,
    /// When it wants to be looked at.
    due: Timestamp,
    listed: Listed,
    before: u32,
    after: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    Nowhere,
    Ready,
    Parked,
}

#[derive(Debug)]
struct Chain {
    first: u32,
    last: u32,
}

#[derive(Debug, Default)]
struct Index {
    jobs: HashMap<JobId, u32>,
    times: BTreeSet<(Timestamp, u32)>,
}

impl Default for Lanes {
    fn default() -> Self {
        let chain = || Chain { first: NONE, last: NONE };
        Self {
            entries: Slab::new(),
            ready: chain(),
            parked: chain(),
            reads: 0,
            timed: 0,
            index: None,
        }
    }
}

impl Lanes {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, key: u32) -> Option<&Lane> {
        self.entries.get(key as usize).map(|entry| &entry.lane)
    }

    pub(super) fn get_mut(&mut self, key: u32) -> Option<&mut Lane> {
        self.entries.get_mut(key as usize).map(|entry| &mut entry.lane)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Lane)> {
        self.entries.iter().map(|(key, entry)| (small(key), &entry.lane))
    }

    /// The lane of a job.
    pub(super) fn key_of(&self, job: &JobId) -> Option<u32> {
        match &self.index {
            Some(index) => index.jobs.get(job).copied(),
            None => self.iter().find(|(_, lane)| lane.job() == job).map(|(key, _)| key),
        }
    }

    /// Adds the lane of a job that has none; `make` is told its key.
    pub(super) fn insert(&mut self, make: impl FnOnce(u32) -> Lane) -> u32 {
        if self.entries.is_empty() {
            // Most connections watch one job.
            self.entries.reserve_exact(1);
        }
        let entry = self.entries.vacant_entry();
        let key = small(entry.key());
        let lane = make(key);
        let job = lane.job().clone();
        let (listed, before, after) = (Listed::Nowhere, NONE, NONE);
        entry.insert(Entry { lane, due: NEVER, listed, before, after });
        if let Some(index) = &mut self.index {
            index.jobs.insert(job, key);
        } else if self.entries.len() > SEARCHED {
            let mut index = Index::default();
            for (key, entry) in &self.entries {
                index.jobs.insert(entry.lane.job().clone(), small(key));
                if entry.due < NEVER {
                    index.times.insert((entry.due, small(key)));
                }
            }
            self.index = Some(Box::new(index));
        }
        key
    }

    /// Gives a lane up.
    pub(super) fn remove(&mut self, key: u32) {
        self.unlist(key);
        self.set_due(key, NEVER);
        let Some(entry) = self.entries.try_remove(key as usize) else { return };
        if let Some(index) = &mut self.index {
            index.jobs.remove(entry.lane.job());
        }
        if self.entries.len() <= SEARCHED / 2 {
            self.index = None;
        }
        if self.entries.is_empty() {
            self.entries = Slab::new();
        }
    }

    /// Puts a lane among those to look at. One that waits to read the log goes on waiting: it is
    /// looked at when its turn comes.
    pub(super) fn make_ready(&mut self, key: u32) {
        self.enlist(key, Listed::Ready);
    }

    /// Moves the lanes whose time has come among those to look at.
    pub(super) fn make_due_ready(&mut self, now: Timestamp) {
        while self.timed > 0
            && let Some((due, key)) = self.first_due()
            && due <= now
        {
            self.set_due(key, NEVER);
            self.make_ready(key);
        }
    }

    /// The earliest time at which a lane wants to be looked at.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        if self.timed == 0 {
            return None;
        }
        self.first_due().map(|(due, _)| due)
    }

    /// The next lane to look at: one that waits for a read only when there is room for another, for
    /// those before it may have gone without one.
    pub(super) fn pop_ready(&mut self) -> Option<u32> {
        let mut key = self.ready.first;
        if key == NONE && self.reads < READS {
            key = self.parked.first;
        }
        if key == NONE {
            return None;
        }
        self.unlist(key);
        self.set_due(key, NEVER);
        Some(key)
    }

    /// A lane wants to be looked at then.
    pub(super) fn wait(&mut self, key: u32, due: Timestamp) {
        self.set_due(key, due);
    }

    /// A lane wants to read the log. Whether it may; if not, it waits for its turn.
    pub(super) fn begin_read(&mut self, key: u32) -> bool {
        if self.reads >= READS {
            self.enlist(key, Listed::Parked);
            return false;
        }
        self.reads += 1;
        true
    }

    /// A read came to its end, whether or not its lane is still there.
    pub(super) fn end_read(&mut self) {
        self.reads = self.reads.saturating_sub(1);
    }

    /// Whether somebody reads the log.
    pub(super) fn is_reading(&self) -> bool {
        self.reads > 0
    }

    fn first_due(&self) -> Option<(Timestamp, u32)> {
        match &self.index {
            Some(index) => index.times.first().copied(),
            None => self
                .entries
                .iter()
                .filter(|(_, entry)| entry.due < NEVER)
                .map(|(key, entry)| (entry.due, small(key)))
                .min(),
        }
    }

    fn set_due(&mut self, key: u32, due: Timestamp) {
        let Some(entry) = self.entries.get_mut(key as usize) else { return };
        let before = std::mem::replace(&mut entry.due, due);
        if before == due {
            return;
        }
        if before < NEVER {
            self.timed -= 1;
        }
        if due < NEVER {
            self.timed += 1;
        }
        if let Some(index) = &mut self.index {
            index.times.remove(&(before, key));
            if due < NEVER {
                index.times.insert((due, key));
            }
        }
    }

    fn enlist(&mut self, key: u32, listed: Listed) {
        let chain = match listed {
            Listed::Nowhere => return,
            Listed::Ready => &mut self.ready,
            Listed::Parked => &mut self.parked,
        };
        let Some(entry) = self.entries.get_mut(key as usize) else { return };
        if entry.listed != Listed::Nowhere {
            return;
        }
        let last = std::mem::replace(&mut chain.last, key);
        (entry.listed, entry.before, entry.after) = (listed, last, NONE);
        if last == NONE {
            chain.first = key;
        } else if let Some(last) = self.entries.get_mut(last as usize) {
            last.after = key;
        }
    }

    fn unlist(&mut self, key: u32) {
        let Some(entry) = self.entries.get_mut(key as usize) else { return };
        let chain = match std::mem::replace(&mut entry.listed, Listed::Nowhere) {
            Listed::Nowhere => return,
            Listed::Ready => &mut self.ready,
            Listed::Parked => &mut self.parked,
        };
        let (before, after) = (entry.before, entry.after);
        if before == NONE {
            chain.first = after;
        } else if let Some(before) = self.entries.get_mut(before as usize) {
            before.after = after;
        }
        if after == NONE {
            chain.last = before;
        } else if let Some(after) = self.entries.get_mut(after as usize) {
            after.before = before;
        }
    }
}

fn small(key: usize) -> u32 {
    u32::try_from(key).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};
    use std::sync::Arc;

    use headway_protocol::{Cursor, Owner};
    use headway_store::{Facets, Stored};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::place::Place;
    use super::*;
    use crate::options::Options;
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
        let topic = Topic::new(job(number), stored, &Options::default()).unwrap();
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
}
