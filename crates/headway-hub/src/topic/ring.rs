//! The newest records of a watched job, with the frames that they were encoded to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use headway_protocol::{Cursor, JobId, JobStatus, Timestamp, patch};
use headway_store::Record;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::frame::Frame;
use crate::options::Setting;

/// An event, encoded.
#[derive(Clone, Debug)]
pub(crate) struct EventFrame {
    /// The event's `type`.
    pub(crate) word: String,
    pub(crate) frame: Frame,
}

/// A record and what was made of it so far. Frames are made when the first watcher needs them.
#[derive(Debug)]
struct Entry {
    record: Arc<Record>,
    update: Option<Frame>,
    events: Option<Arc<[EventFrame]>>,
    bytes: usize,
}

/// Joined updates kept for watchers that are behind by the same distance.
const JOINS: usize = 8;

/// The newest records of one log: contiguous, oldest first, ending at the job's position.
///
/// Owner: the topic. Bounded by a number of records and of bytes, of its own and of all rings
/// together; the newest record stays whatever its size, because the live watchers are about to need
/// it.
#[derive(Debug)]
pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    setting: Arc<Setting>,
    /// The ring begins after this position.
    begin: u64,
    /// Whether a change of status may lie at or before `begin`, and where the last one is.
    last_dropped_change: u64,
    /// Where each record ends that changed the status.
    changes: VecDeque<(u64, JobStatus)>,
    joins: VecDeque<(u64, u64, Frame)>,
}

/// Records that a ring keeps although all rings together are above their bound, if its own allows:
/// enough for watchers who are a moment behind.
const SPARSE: usize = 4;

/// How far a state frame may go from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The position.
    pub(crate) to: u64,
    /// The change of status that it stops at, when there is one.
    pub(crate) change: Option<JobStatus>,
}

impl Ring {
    /// An empty ring of a log that is at `position`. What lies before is unknown.
    pub(crate) fn new(position: u64, setting: Arc<Setting>) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            setting,
            begin: position,
            last_dropped_change: position,
            changes: VecDeque::new(),
            joins: VecDeque::new(),
        }
    }

    /// Takes the record that follows; `change` is the status after a record that changed it, or that
    /// began an attempt. A state frame never passes over such a record.
    pub(crate) fn push(&mut self, record: Arc<Record>, change: Option<JobStatus>) {
        let bytes = weight(&record);
        self.take_room(bytes);
        self.changes.extend(change.map(|status| (record.to, status)));
        self.entries.push_back(Entry { record, update: None, events: None, bytes });
        self.trim();
    }

    /// Forgets the oldest records that are above a bound.
    pub(crate) fn trim(&mut self) {
        while self.entries.len() > 1 && self.is_above(self.entries.len(), self.bytes) {
            let Some(old) = self.entries.pop_front() else { break };
            self.give_room(old.bytes);
            self.begin = old.record.to;
            if self.changes.pop_front_if(|(to, _)| *to == old.record.to).is_some() {
                self.last_dropped_change = old.record.to;
            }
            self.joins.clear();
        }
    }

    /// Whether so many records of so many bytes are more than the ring may keep.
    fn is_above(&self, records: usize, bytes: usize) -> bool {
        let Setting { options, metrics } = &*self.setting;
        let all = metrics.ring_bytes.load(Ordering::Relaxed);
        records > options.ring_records
            || bytes > options.ring_bytes
            || (records > SPARSE && all > options.all_rings_bytes)
    }

    fn take_room(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.setting.metrics.ring_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn give_room(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.setting.metrics.ring_bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Puts older records before the ring's beginning, as many of them as fit, when they end there;
    /// into an empty ring at least one.
    pub(crate) fn prepend(&mut self, older: &[(Arc<Record>, Option<JobStatus>)]) {
        for (record, change) in older.iter().rev() {
            let bytes = weight(record);
            if record.to > self.begin {
                continue;
            }
            // The newest stays whatever its size.
            let fits = self.entries.is_empty()
                || !self.is_above(self.entries.len() + 1, self.bytes + bytes);
            if record.to != self.begin || !fits {
                break;
            }
            self.begin = record.from;
            self.last_dropped_change = record.from;
            self.take_room(bytes);
            if let Some(status) = *change {
                self.changes.push_front((record.to, status));
            }
            let record = Arc::clone(record);
            self.entries.push_front(Entry { record, update: None, events: None, bytes });
        }
    }

    /// The position after which the ring has everything.
    pub(crate) fn begin(&self) -> u64 {
        self.begin
    }

    /// Whether a snapshot for somebody at `position`, which lies before the ring, passes over a
    /// change of status.
    pub(crate) fn passes_change(&self, position: u64) -> bool {
        let newest = self.entries.back().map_or(self.begin, |entry| entry.record.to);
        self.last_dropped_change > position
            || self.changes.front().is_some_and(|(to, _)| *to < newest)
    }

    /// Whether the newest record changed the status.
    pub(crate) fn ends_with_change(&self) -> bool {
        let newest = self.entries.back().map(|entry| entry.record.to);
        newest.is_some() && self.changes.back().map(|(to, _)| *to) == newest
    }

    /// How far a state frame from `position` may go: to the next change of status, else to the
    /// end. `None` when the ring has no record that begins there.
    pub(crate) fn stop_after(&self, position: u64) -> Option<Stop> {
        self.starting_at(position)?;
        let next = self.changes.partition_point(|(to, _)| *to <= position);
        Some(match self.changes.get(next) {
            Some((to, status)) => Stop { to: *to, change: Some(*status) },
            None => Stop { to: self.entries.back()?.record.to, change: None },
        })
    }

    /// The record that begins at a position. Nearly always it is the newest.
    fn starting_at(&self, position: u64) -> Option<usize> {
        let last = self.entries.len().checked_sub(1)?;
        if self.entries.get(last)?.record.from == position {
            return Some(last);
        }
        self.entries.binary_search_by_key(&position, |entry| entry.record.from).ok()
    }

    /// The update from `position` towards `to`, and where it ends: at `to`, or earlier when no one
    /// merge patch can say all of it. The second number is how many records it joins.
    pub(crate) fn update(
        &mut self,
        job: &JobId,
        epoch: u32,
        position: u64,
        to: u64,
    ) -> Option<(Frame, u64, u64)> {
        let at = |offset| Cursor { epoch, offset };
        let start = self.starting_at(position)?;
        let first = self.entries.get_mut(start)?;
        if first.record.to == to {
            let frame = first.update.get_or_insert_with(|| {
                Frame::update(job, at(to), at(position), first.record.at, first.record.patch.get())
            });
            return Some((frame.clone(), to, 1));
        }
        let held = self.joins.iter().find(|(from, end, _)| *from == position && *end == to);
        if let Some((_, _, frame)) = held {
            let records = self.entries.partition_point(|entry| entry.record.to <= to) - start;
            return Some((frame.clone(), to, records as u64));
        }
        let mut joined: Value = serde_json::from_str(first.record.patch.get()).ok()?;
        let mut end = first.record.to;
        let mut records = 1;
        let mut decided = first.record.at;
        for entry in self.entries.range(start + 1..) {
            if entry.record.to > to {
                break;
            }
            let before = joined.clone();
            let later = serde_json::from_str(entry.record.patch.get()).ok()?;
            if !patch::compose(&mut joined, &later) {
                joined = before;
                break;
            }
            end = entry.record.to;
            decided = entry.record.at;
            records += 1;
        }
        let frame = Frame::update(job, at(end), at(position), decided, &joined.to_string());
        if self.joins.len() == JOINS {
            self.joins.pop_front();
        }
        self.joins.push_back((position, end, frame.clone()));
        Some((frame, end, records))
    }

    /// The events after `since` and up to `to` that are in the ring, each with its position; and how
    /// many are not. Without `since` the newest `most` are meant, and none is missed.
    pub(crate) fn raw_events(
        &self,
        since: Option<u64>,
        to: u64,
        most: usize,
    ) -> (Vec<(u64, &RawValue)>, u64) {
        let after = since.unwrap_or_default();
        let most = if since.is_some() { usize::MAX } else { most };
        let records = self.entries.iter().rev().map(|entry| &*entry.record);
        let newest_first = records
            .take_while(|record| record.to > after)
            .flat_map(|record| {
                let numbered = record.events.iter().enumerate().rev();
                numbered.map(|(number, event)| (record.from + 1 + number as u64, event))
            })
            .filter(|(offset, _)| (after + 1..=to).contains(offset))
            .take(most);
        let mut events: Vec<_> = newest_first.map(|(offset, event)| (offset, &**event)).collect();
        events.reverse();
        let told = events.len() as u64;
        (events, since.map_or(0, |since| to.saturating_sub(since).saturating_sub(told)))
    }

    /// When the record that ends at a position was decided, and how many records lie between another
    /// and that one.
    pub(crate) fn span(&self, position: u64, to: u64) -> Option<(Timestamp, u64)> {
        let start = self.starting_at(position)?;
        let first = &self.entries.get(start)?.record;
        if first.to == to {
            return Some((first.at, 1));
        }
        let end = self.entries.partition_point(|entry| entry.record.to < to);
        let last = self.entries.get(end).filter(|entry| entry.record.to == to)?;
        Some((last.record.at, (end + 1).saturating_sub(start) as u64))
    }

    /// The encoded events of the record that holds the event after `position`, and the position
    /// before its first. `None` when the ring does not reach back so far or has nothing later.
    pub(crate) fn events_after(
        &mut self,
        job: &JobId,
        epoch: u32,
        position: u64,
    ) -> Option<(Arc<[EventFrame]>, u64)> {
        let at = self.entries.partition_point(|entry| entry.record.to <= position);
        let entry = self.entries.get_mut(at)?;
        if entry.record.from > position {
            return None;
        }
        let events =
            entry.events.get_or_insert_with(|| encode_events(job, epoch, &entry.record).into());
        Some((Arc::clone(events), entry.record.from))
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.give_room(self.bytes);
    }
}

/// A record's events, encoded.
pub(crate) fn encode_events(job: &JobId, epoch: u32, record: &Record) -> Vec<EventFrame> {
    (record.from + 1..)
        .zip(&record.events)
        .map(|(offset, event)| EventFrame {
            word: type_word(event.get()),
            frame: Frame::event(job, Cursor { epoch, offset }, event.get()),
        })
        .collect()
}

fn type_word(event: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(rename = "type", default)]
        word: String,
    }
    serde_json::from_str(event).map(|typed: Typed| typed.word).unwrap_or_default()
}

/// What a record costs to keep: itself, its frames, and a form of each frame for one transport.
fn weight(record: &Record) -> usize {
    let events: usize = record.events.iter().map(|event| event.get().len() + 64).sum();
    3 * (events + record.patch.get().len()) + record.private.get().len() + 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::options::Options;

    fn pushed(ring: &mut Ring, from: u64, count: u64) {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        for from in from..from + count {
            let record = Record {
                from,
                to: from + 1,
                at: Timestamp::default(),
                events: vec![raw(r#"{"type":"progress"}"#)],
                patch: raw(r#"{"phase":"x"}"#),
                private: raw("{}"),
            };
            ring.push(Arc::new(record), None);
        }
    }

    #[test]
    fn all_rings_together_have_a_bound_that_the_busy_ones_keep() {
        let options =
            Options { ring_records: 64, all_rings_bytes: 40 * 1024, ..Options::default() };
        let setting = Arc::new(Setting { options, metrics: Metrics::default() });
        let held = || setting.metrics.ring_bytes.load(Ordering::Relaxed);
        let mut rings: Vec<_> = (0..4).map(|_| Ring::new(0, Arc::clone(&setting))).collect();
        pushed(&mut rings[0], 0, 100);
        let alone = held();
        assert_eq!(rings[0].begin(), 36, "one alone has all the room that it may have");
        for ring in &mut rings[1..] {
            pushed(ring, 0, 100);
        }
        let newest = alone / 64 * SPARSE as u64;
        assert!(held() <= setting.options.all_rings_bytes + 3 * newest, "{} bytes", held());
        for ring in &mut rings {
            assert!(ring.stop_after(100 - SPARSE as u64).is_some(), "the newest stay");
            ring.trim();
        }
        assert!(held() <= setting.options.all_rings_bytes);
        // Who is left has the room again.
        rings.truncate(1);
        pushed(&mut rings[0], 100, 100);
        assert_eq!(held(), alone);
        rings.clear();
        assert_eq!(held(), 0);
    }
}
