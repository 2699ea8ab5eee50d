//! The lanes of one session: which to look at next, and when.
//!
//! Looking is first come, first served, by a chain through the lanes themselves, so that a ring
//! needs no memory. Invariant: a lane is in one chain at most. With few lanes they are searched one
//! by one; with many there is an index.

#[cfg(test)]
mod tests;

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
    pub(super) fn remove(&mut self, key: u32) -> Option<Lane> {
        self.unlist(key);
        self.set_due(key, NEVER);
        let entry = self.entries.try_remove(key as usize)?;
        if let Some(index) = &mut self.index {
            index.jobs.remove(entry.lane.job());
        }
        if self.entries.len() <= SEARCHED / 2 {
            self.index = None;
        }
        if self.entries.is_empty() {
            self.entries = Slab::new();
        }
        Some(entry.lane)
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
