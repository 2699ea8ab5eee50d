//! One job on one connection: what its reader holds, and what comes next.
//!
//! However many subscriptions of a connection cover a job, the job has one lane there, because
//! frames name the job and not the subscription. The lane is a position for the state, a position
//! for the events and at most two frames that belong together with the last one; never a queue.
//!
//! Order. The cursor of a state frame promises that every wanted event up to it was sent before, so
//! that whoever comes back with any frame's cursor misses nothing. State frames stop at each change
//! of status.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use headway_protocol::frame::GapReason;
use headway_protocol::{Cursor, JobId, ServerMessage, Timestamp};
use headway_store::History;

use crate::frame::{Frame, FrameKind};
use crate::metrics::Metrics;
use crate::topic::{EventFrame, State, Topic, Watching, encode_events};

/// What a lane asks for, the union over its subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// No events.
    #[default]
    Nothing,
    /// Events of these types.
    Types(Vec<String>),
    /// All events.
    Everything,
}

impl Wanted {
    fn wants(&self, word: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Types(types) => types.iter().any(|wanted| wanted == word),
            Self::Everything => true,
        }
    }

    /// What both want together.
    pub(crate) fn and(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Everything, _) | (_, Self::Everything) => Self::Everything,
            (Self::Nothing, other) => other.clone(),
            (own, Self::Nothing) => own,
            (Self::Types(mut types), Self::Types(more)) => {
                types.extend(
                    more.iter().filter(|word| !types.contains(word)).cloned().collect::<Vec<_>>(),
                );
                Self::Types(types)
            }
        }
    }
}

/// Where a lane begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The position whose document the reader holds.
    pub(crate) held: Option<u64>,
    /// The position after which it wants events.
    pub(crate) events_at: Option<u64>,
    /// What it has to be told is missing.
    pub(crate) gap: Option<(Cursor, GapReason)>,
}

impl Place {
    /// Where a reader goes on that comes with a cursor. The log is known to begin after
    /// `trimmed_to`.
    ///
    /// With events the document is sent whole: the cursor may be that of an event, newer than the
    /// document that the reader holds.
    pub(crate) fn of(state: &State, cursor: Cursor, events: bool, trimmed_to: u64) -> Self {
        let newest = state.cursor();
        let gap = |reason| Self { gap: Some((cursor, reason)), ..Self::default() };
        let at = cursor.offset;
        if cursor.epoch != newest.epoch || at > newest.offset {
            gap(GapReason::Epoch)
        } else if at < trimmed_to {
            gap(GapReason::Retention)
        } else if events {
            Self { events_at: Some(at), ..Self::default() }
        } else if at == newest.offset || state.ring().stop_after(at).is_some() {
            Self { held: Some(at), ..Self::default() }
        } else if at >= state.ring().begin() {
            Self::default()
        } else {
            gap(GapReason::Slow)
        }
    }
}

/// What a lane does next.
#[derive(Debug)]
pub(crate) enum Step {
    /// It sends this.
    Frame(Frame),
    /// It has something, but not before this moment.
    Wait(Timestamp),
    /// It needs events from the log, after this position.
    Read(u64),
    /// It has nothing until its job moves.
    Idle,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Lane {
    watching: Watching,
    epoch: u32,
    /// The position of the document that the reader holds.
    held: Option<u64>,
    /// Every wanted event up to here was sent; `None` when none are wanted, or before the first
    /// snapshot.
    events_at: Option<u64>,
    gap: Option<(Cursor, GapReason)>,
    /// Frames that follow the last one without anything between: a snapshot after a gap, an end
    /// after its state. At most two.
    owed: VecDeque<Frame>,
    /// Events that were read from the log, with their positions; at most one page.
    page: VecDeque<(u64, EventFrame)>,
    /// Whether `end` was said of the attempt that the reader holds.
    ended: bool,
    /// Whether the events were all sent once: from then on falling far behind is slowness.
    caught_up: bool,
    last_state_at: Option<Timestamp>,
    wanted: Wanted,
    interval_ms: u64,
    /// The subscriptions that it serves.
    pub(crate) subscriptions: Vec<u32>,
    /// Whether it waits in the session's list of lanes to look at.
    pub(crate) ready: bool,
    /// When it wants to be looked at.
    pub(crate) timer: Option<Timestamp>,
    /// The position after which the log is being read for it.
    pub(crate) reading: Option<u64>,
}

impl Lane {
    pub(crate) fn new(watching: Watching, place: Place) -> Self {
        let epoch = watching.topic().look().cursor().epoch;
        Self {
            watching,
            epoch,
            held: place.held,
            events_at: place.events_at,
            gap: place.gap,
            owed: VecDeque::new(),
            page: VecDeque::new(),
            ended: false,
            caught_up: false,
            last_state_at: None,
            wanted: Wanted::Nothing,
            interval_ms: 0,
            subscriptions: Vec::new(),
            ready: false,
            timer: None,
            reading: None,
        }
    }

    /// Gives back the room of frames that have left.
    pub(crate) fn rest(&mut self) {
        if self.owed.is_empty() {
            self.owed = VecDeque::new();
        }
        if self.page.is_empty() {
            self.page = VecDeque::new();
        }
    }

    pub(crate) fn job(&self) -> &JobId {
        self.watching.topic().job()
    }

    pub(crate) fn topic(&self) -> &Arc<Topic> {
        self.watching.topic()
    }

    /// Another subscription covers the job and begins here. The reader is sent what that
    /// subscription must see; events that it has seen by an older subscription may come again when
    /// the new one asked for them with an older cursor.
    pub(crate) fn join(&mut self, place: Place) {
        if place.held.is_none() || place.held != self.held {
            self.held = None;
        }
        self.gap = place.gap.or(self.gap);
        if let Some(at) = place.events_at {
            self.events_at = Some(self.events_at.map_or(at, |present| present.min(at)));
            self.page.clear();
        }
        self.ended = false;
    }

    /// What its subscriptions ask for together.
    pub(crate) fn set(&mut self, wanted: Wanted, interval_ms: u64) {
        if wanted == Wanted::Nothing {
            self.events_at = None;
            self.page.clear();
        } else if let (None, Some(held)) = (self.events_at, self.held) {
            self.events_at = Some(held);
        }
        self.wanted = wanted;
        self.interval_ms = interval_ms;
    }

    /// The position that its reader may come back with.
    pub(crate) fn position(&self) -> Option<Cursor> {
        let offset = self.held?;
        Some(Cursor { epoch: self.epoch, offset })
    }

    /// Whether the attempt's end was said and nothing newer is there.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.topic().look();
        let newer = self.held.and_then(|held| state.ring().stop_after(held));
        self.ended
            && self.owed.is_empty()
            && state.standing().status.is_terminal()
            && newer.is_none_or(|stop| stop.change.is_none())
    }

    /// What comes next.
    pub(crate) fn next(&mut self, now: Timestamp, max_lag: u64, metrics: &Metrics) -> Step {
        if let Some(frame) = self.owed.pop_front() {
            if frame.kind() == FrameKind::Snapshot {
                self.last_state_at = Some(now);
            }
            return Step::Frame(frame);
        }
        let topic = Arc::clone(self.topic());
        let mut state = topic.look();
        state.seen_by(self.watching.seat());
        let newest = state.cursor();
        if newest.epoch != self.epoch {
            self.enter_log(newest.epoch);
        }
        let behind = self.events_at.map_or(0, |at| newest.offset.saturating_sub(at));
        if self.caught_up && behind > max_lag {
            let from = Cursor { epoch: self.epoch, offset: self.events_at.unwrap_or_default() };
            self.gap = Some((from, GapReason::Slow));
        }
        if let Some((from, reason)) = self.gap.take() {
            return self.tell_gap(&mut state, from, reason, now, metrics);
        }
        match self.held {
            None => match self.next_event(&mut state, newest.offset) {
                Some(step) => step,
                None => Step::Frame(self.whole(&mut state, now, metrics)),
            },
            Some(held) if held == newest.offset => match self.next_event(&mut state, newest.offset)
            {
                Some(step) => step,
                None => self.settle(&state),
            },
            Some(held) => self.advance(&mut state, held, now, metrics),
        }
    }

    /// Takes what was read from the log for it.
    pub(crate) fn take_page(&mut self, after: u64, history: Option<&History>) {
        self.reading = None;
        if self.events_at != Some(after) {
            return;
        }
        let from = Cursor { epoch: self.epoch, offset: after };
        match history {
            Some(history) if history.cursor.epoch == self.epoch && history.trimmed_to <= after => {
                let job = self.job().clone();
                self.page = history
                    .records
                    .iter()
                    .flat_map(|record| {
                        (record.from + 1..).zip(encode_events(&job, self.epoch, record))
                    })
                    .filter(|(offset, _)| *offset > after)
                    .collect();
            }
            Some(history) if history.cursor.epoch != self.epoch => {
                self.gap = Some((from, GapReason::Epoch));
            }
            Some(_) | None => self.gap = Some((from, GapReason::Retention)),
        }
    }

    fn enter_log(&mut self, epoch: u32) {
        let known = self.held.max(self.events_at);
        let known = known.map(|offset| Cursor { epoch: self.epoch, offset });
        let from = self.gap.map(|(from, _)| from).or(known);
        self.gap = from.map(|from| (from, GapReason::Epoch));
        self.epoch = epoch;
        self.held = None;
        self.events_at = None;
        self.ended = false;
        self.page.clear();
    }

    /// From a position that is not the newest.
    fn advance(&mut self, state: &mut State, held: u64, now: Timestamp, metrics: &Metrics) -> Step {
        let newest = state.cursor();
        let Some(goal) = state.ring().stop_after(held) else {
            let missed = state.ring().passes_change(held);
            let changed = missed || state.ring().ends_with_change();
            if self.ended && !changed {
                return Step::Idle;
            }
            if let Some(step) = self.next_event(state, newest.offset) {
                return step;
            }
            if missed && self.wanted != Wanted::Everything {
                let from = Cursor { epoch: self.epoch, offset: held };
                return self.tell_gap(state, from, GapReason::Slow, now, metrics);
            }
            return match self.throttle(now).filter(|_| !changed) {
                Some(due) => Step::Wait(due),
                None => Step::Frame(self.whole(state, now, metrics)),
            };
        };
        if self.ended && goal.change.is_none() {
            return Step::Idle;
        }
        if let Some(step) = self.next_event(state, goal.to) {
            return step;
        }
        if goal.change.is_none()
            && let Some(due) = self.throttle(now)
        {
            return Step::Wait(due);
        }
        let Some((frame, to, records)) = state.update(held, goal.to) else {
            return Step::Frame(self.whole(state, now, metrics));
        };
        if to != goal.to && (goal.change.is_none() || self.ended) {
            // After an end nothing of the old attempt may come, not even on the way to the new one.
            if self.ended && goal.to != newest.offset {
                let from = Cursor { epoch: self.epoch, offset: held };
                return self.tell_gap(state, from, GapReason::Slow, now, metrics);
            }
            return Step::Frame(self.whole(state, now, metrics));
        }
        self.ended = false;
        self.held = Some(to);
        self.last_state_at = Some(now);
        metrics.conflated.fetch_add(records.saturating_sub(1), Ordering::Relaxed);
        if to == goal.to
            && let Some(status) = goal.change
            && status.is_terminal()
        {
            self.owe_end(Cursor { epoch: self.epoch, offset: to }, status);
        }
        Step::Frame(frame)
    }

    /// The next wanted event up to `limit`; `None` when all were sent.
    fn next_event(&mut self, state: &mut State, limit: u64) -> Option<Step> {
        let mut at = self.events_at?;
        while at < limit {
            if let Some((offset, _)) = self.page.front()
                && *offset == at + 1
            {
                at += 1;
                self.events_at = Some(at);
                let (_, event) = self.page.pop_front()?;
                if self.wanted.wants(&event.word) {
                    return Some(Step::Frame(event.frame));
                }
                continue;
            }
            self.page.clear();
            let Some((events, from)) = state.events_after(at) else {
                return Some(Step::Read(at));
            };
            let skip = usize::try_from(at - from).unwrap_or(usize::MAX);
            for event in events.iter().skip(skip) {
                at += 1;
                self.events_at = Some(at);
                if self.wanted.wants(&event.word) {
                    return Some(Step::Frame(event.frame.clone()));
                }
                if at >= limit {
                    break;
                }
            }
        }
        self.caught_up = true;
        None
    }

    /// At the newest position, with all events sent.
    fn settle(&mut self, state: &State) -> Step {
        let status = state.standing().status;
        if self.ended || !status.is_terminal() {
            return Step::Idle;
        }
        self.owe_end(state.cursor(), status);
        self.owed.pop_front().map_or(Step::Idle, Step::Frame)
    }

    fn whole(&mut self, state: &mut State, now: Timestamp, metrics: &Metrics) -> Frame {
        let newest = state.cursor();
        if let Some(held) = self.held {
            metrics.conflated.fetch_add(newest.offset.saturating_sub(held), Ordering::Relaxed);
        }
        self.held = Some(newest.offset);
        self.events_at = (self.wanted != Wanted::Nothing).then_some(newest.offset);
        self.caught_up = true;
        self.last_state_at = Some(now);
        self.ended = false;
        let status = state.standing().status;
        if status.is_terminal() {
            self.owe_end(newest, status);
        }
        state.snapshot()
    }

    fn tell_gap(
        &mut self,
        state: &mut State,
        from: Cursor,
        reason: GapReason,
        now: Timestamp,
        metrics: &Metrics,
    ) -> Step {
        let to = state.cursor();
        self.page.clear();
        self.held = None;
        let snapshot = self.whole(state, now, metrics);
        self.owed.push_front(snapshot);
        let job = self.job().clone();
        Step::Frame(Frame::of(&ServerMessage::Gap { job, from, to, reason }))
    }

    fn owe_end(&mut self, cursor: Cursor, status: headway_protocol::JobStatus) {
        self.ended = true;
        let job = self.job().clone();
        self.owed.push_back(Frame::of(&ServerMessage::End { job, cursor, status }));
    }

    /// When the next state frame may be sent, if that is not yet.
    fn throttle(&mut self, now: Timestamp) -> Option<Timestamp> {
        let last = self.last_state_at?;
        if now < last {
            // The clock was set back: the wait begins anew, it does not last until then.
            self.last_state_at = Some(now);
        }
        let due = last.min(now).plus(self.interval_ms);
        (due > now).then_some(due)
    }
}
