//! One job on one connection: what its reader holds, and what comes next.
//!
//! However many subscriptions of a connection cover a job, the job has one lane there, because
//! frames name the job and not the subscription. The lane is a position for the state, a position
//! for the events and at most two frames that belong together with the last one; never a queue.
//!
//! Order. The cursor of a state frame promises that every wanted event up to it was sent before, so
//! that whoever comes back with any frame's cursor misses nothing. State frames stop at each change
//! of status.

mod reader;

use std::sync::Arc;

use headway_protocol::{Cursor, JobId, Timestamp};
use headway_store::History;

use super::members::Members;
use super::place::Place;
use super::wanted::Wanted;
use crate::dialect::Dialect;
use crate::frame::{Frame, FrameKind};
use crate::metrics::Metrics;
use crate::topic::{Topic, Watching};
use reader::Reader;

/// What a lane does next.
#[derive(Debug)]
pub(super) enum Step {
    /// It sends this.
    Frame(Frame),
    /// It sends this, and has nothing more until its job moves.
    Last(Frame),
    /// It has something, but not before this moment.
    Wait(Timestamp),
    /// It needs events from the log, after this position.
    Read(u64),
    /// It has nothing until its job moves.
    Idle,
    /// The job's name has begun another log, and may be another's by now: see who may follow, then
    /// [`Lane::enter_log`].
    NewLog,
    /// Its job was removed, and everything of it that is at hand was sent.
    Removed,
}

/// What a lane goes by when it is asked what comes next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) now: Timestamp,
    /// The [`crate::Options::max_event_lag`].
    pub(super) max_lag: u64,
    pub(super) metrics: &'a Metrics,
    /// The words in which states are told, when they are not the stream's own.
    pub(super) dialect: Option<&'a Arc<Dialect>>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lane {
    watching: Watching,
    reader: Reader,
    /// The subscriptions that it serves.
    pub(super) subscriptions: Members,
}

impl Lane {
    pub(super) fn new(watching: Watching, place: Place) -> Self {
        let epoch = watching.topic().look().cursor().epoch;
        let reader = Reader::new(place, epoch);
        Self { watching, reader, subscriptions: Members::default() }
    }

    pub(super) fn job(&self) -> &JobId {
        self.watching.topic().job()
    }

    pub(super) fn topic(&self) -> &Arc<Topic> {
        self.watching.topic()
    }

    /// The position that its reader may come back with.
    pub(super) fn position(&self) -> Option<Cursor> {
        Some(Cursor { epoch: self.reader.epoch, offset: self.reader.held? })
    }

    /// The position up to which its events were sent; `None` when none are wanted.
    pub(super) fn events_position(&self) -> Option<Cursor> {
        Some(Cursor { epoch: self.reader.epoch, offset: self.reader.events_at? })
    }

    /// Whether the attempt's end was said and nothing newer is there.
    pub(super) fn is_over(&self) -> bool {
        if !self.reader.ended || !self.reader.owed.is_empty() {
            return false;
        }
        let state = self.topic().look();
        if state.is_filling() || state.cursor().epoch != self.reader.epoch {
            return false;
        }
        let behind = self.reader.held.filter(|held| *held < state.cursor().offset);
        // Where the ring does not reach back, another attempt may have begun and ended meanwhile.
        let went_on = behind.is_some_and(|held| {
            state.ring().stop_after(held).is_none_or(|stop| stop.change.is_some())
        });
        state.standing().status.is_terminal() && !went_on
    }

    /// Whether its job was removed: another of its name is not for this lane.
    pub(super) fn is_forgotten(&self) -> bool {
        self.topic().is_forgotten()
    }

    /// The next frame that belongs to those that were sent.
    pub(super) fn pop_owed(&mut self) -> Option<Frame> {
        self.reader.owed.pop()
    }

    /// The epoch of the log that it is in.
    pub(super) fn epoch(&self) -> u32 {
        self.reader.epoch
    }

    /// It begins in the log with this epoch, in which its job was seen to be its reader's.
    pub(super) fn begin_in(&mut self, epoch: u32) {
        self.reader.epoch = epoch;
    }

    /// Goes on in another log of the job.
    pub(super) fn enter_log(&mut self, epoch: u32) {
        self.reader.enter_log(epoch);
    }

    /// Another subscription covers the job and begins here; see [`Reader::join`].
    pub(super) fn join(&mut self, place: Place) {
        self.reader.join(place);
    }

    /// What its subscriptions ask for together, and their shortest interval in milliseconds.
    pub(super) fn asked(&self) -> (&Wanted, u32) {
        (&self.reader.wanted, self.reader.interval_ms)
    }

    /// Sets [`Self::asked`].
    pub(super) fn set(&mut self, wanted: Wanted, interval_ms: u32) {
        self.reader.set(wanted, interval_ms);
    }

    /// What comes next.
    pub(super) fn next(&mut self, terms: Terms<'_>) -> Step {
        let Self { watching, reader, .. } = self;
        if let Some(frame) = reader.owed.pop() {
            if frame.kind() == FrameKind::Snapshot {
                reader.last_state_at = Some(terms.now);
            }
            return Step::Frame(frame);
        }
        let seat = watching.seat();
        let mut state = watching.topic().look();
        if state.cursor().epoch != reader.epoch {
            return Step::NewLog;
        }
        state.seen_by(seat);
        let step = reader.next(&mut state, terms);
        let states_alone = reader.wanted == Wanted::Nothing || terms.dialect.is_some();
        if matches!(step, Step::Wait(_)) && states_alone {
            // Until then nothing but a change of status would be sent.
            state.spare(seat);
        }
        if !state.is_removed() {
            let in_vain = matches!(step, Step::Read(_)) && watching.topic().is_forgotten();
            return if in_vain { Step::Idle } else { step };
        }
        match step {
            Step::Frame(frame) | Step::Last(frame) => Step::Frame(frame),
            // What would come by and by, or is in the log alone, does not come any more.
            Step::Wait(_) | Step::Read(_) | Step::Idle | Step::NewLog | Step::Removed => {
                Step::Removed
            }
        }
    }

    /// The log is read for it, after this position.
    pub(super) fn begin_read(&mut self, after: u64) {
        self.reader.page.get_or_insert_default().reading = Some(after);
    }

    /// Whether the log is being read for it.
    pub(super) fn is_reading(&self) -> bool {
        self.reader.page.as_ref().is_some_and(|page| page.reading.is_some())
    }

    /// The read after this position came to its end. Whether it was for this lane.
    pub(super) fn end_read(&mut self, after: u64) -> bool {
        let page = self.reader.page.as_mut().filter(|page| page.reading == Some(after));
        page.is_some_and(|page| page.reading.take().is_some())
    }

    /// Takes what was read from the log for it; `None`: there is no such job any more.
    pub(super) fn take_page(&mut self, after: u64, history: Option<&History>) {
        if self.is_forgotten() {
            // Whatever was found under its name is not of its log.
            return;
        }
        let Self { watching, reader, .. } = self;
        reader.take_page(watching.topic().job(), after, history);
    }
}
