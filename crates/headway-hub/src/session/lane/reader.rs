//! What a lane's reader holds of its job, and what it has to be told.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use headway_protocol::frame::GapReason;
use headway_protocol::{Cursor, JobId, JobStatus, ServerMessage, Timestamp};
use headway_store::History;

use super::{Step, Terms};
use crate::frame::Frame;
use crate::session::place::Place;
use crate::session::wanted::Wanted;
use crate::topic::{EventFrame, State, encode_events};

/// See the module.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) epoch: u32,
    pub(super) interval_ms: u32,
    /// The position of the document that the reader holds.
    pub(super) held: Option<u64>,
    /// Every wanted event up to here was sent; `None` when none are wanted, or before the first
    /// snapshot.
    pub(super) events_at: Option<u64>,
    pub(super) wanted: Wanted,
    pub(super) last_state_at: Option<Timestamp>,
    /// Whether `end` was said of the attempt that the reader holds.
    pub(super) ended: bool,
    /// Whether the events were all sent once: from then on falling far behind is slowness.
    caught_up: bool,
    pub(super) owed: Owed,
    gap: Option<Box<(Cursor, GapReason)>>,
    pub(super) page: Option<Box<Page>>,
}

/// Frames that follow the last one without anything between: a snapshot after a gap, an end after
/// its state.
#[derive(Debug, Default)]
pub(super) struct Owed {
    snapshot: Option<Frame>,
    end: Option<Frame>,
}

impl Owed {
    pub(super) fn pop(&mut self) -> Option<Frame> {
        self.snapshot.take().or_else(|| self.end.take())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.snapshot.is_none() && self.end.is_none()
    }
}

/// Events from the log for a reader who is behind: at most one page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The position after which the log is being read.
    pub(super) reading: Option<u64>,
    /// What was read, with positions.
    events: VecDeque<(u64, EventFrame)>,
}

impl Page {
    /// The event at this position, when it is the next.
    fn pop(&mut self, offset: u64) -> Option<EventFrame> {
        self.events.pop_front_if(|(next, _)| *next == offset).map(|(_, event)| event)
    }
}

impl Reader {
    pub(super) fn new(place: Place, epoch: u32) -> Self {
        Self {
            epoch,
            interval_ms: 0,
            held: place.held,
            events_at: place.events_at,
            wanted: Wanted::Nothing,
            last_state_at: None,
            ended: false,
            caught_up: false,
            owed: Owed::default(),
            gap: place.gap.map(Box::new),
            page: None,
        }
    }

    /// Another subscription covers the job and begins here. The reader is sent what that
    /// subscription must see; events that it has seen by an older subscription may come again when
    /// the new one asked for them with an older cursor.
    pub(super) fn join(&mut self, place: Place) {
        if let Some((mut from, reason)) = place.gap {
            if let Some(held) = self.held.filter(|_| from.epoch == self.epoch) {
                from.offset = from.offset.min(held);
            }
            self.gap = Some(Box::new((from, reason)));
        }
        if place.held.is_none() || place.held != self.held {
            self.held = None;
        }
        if let Some(at) = place.events_at {
            self.events_at = Some(self.events_at.map_or(at, |present| present.min(at)));
            self.drop_page();
        }
        self.ended = false;
    }

    pub(super) fn set(&mut self, wanted: Wanted, interval_ms: u32) {
        if wanted == Wanted::Nothing {
            self.events_at = None;
            self.drop_page();
        } else if let (None, Some(held)) = (self.events_at, self.held) {
            self.events_at = Some(held);
        }
        self.wanted = wanted;
        self.interval_ms = interval_ms;
    }

    pub(super) fn next(&mut self, state: &mut State, terms: Terms<'_>) -> Step {
        let newest = state.cursor();
        let behind = self.events_at.map_or(0, |at| newest.offset.saturating_sub(at));
        if self.caught_up && behind > terms.max_lag && !self.is_told_all(state) {
            let from = Cursor { epoch: self.epoch, offset: self.events_at.unwrap_or_default() };
            self.gap = Some(Box::new((from, GapReason::Slow)));
        }
        if let Some(gap) = self.gap.take() {
            let (mut from, reason) = *gap;
            if let Some(at) = self.events_at.filter(|_| from.epoch == self.epoch) {
                // Of several subscriptions the one that is furthest behind is told the truth.
                from.offset = from.offset.min(at);
            }
            return self.tell_gap(state, from, reason, terms);
        }
        match self.held {
            None => match self.next_event(state, newest.offset, terms) {
                Some(step) => step,
                None => self.whole(state, terms),
            },
            Some(held) if held == newest.offset => {
                match self.next_event(state, newest.offset, terms) {
                    Some(step) => step,
                    None => self.settle(state),
                }
            }
            Some(held) => self.advance(state, held, terms),
        }
    }

    /// Takes what was read from the log for it.
    pub(super) fn take_page(&mut self, job: &JobId, after: u64, history: Option<&History>) {
        if self.events_at != Some(after) {
            return;
        }
        let from = Cursor { epoch: self.epoch, offset: after };
        match history {
            Some(history) if history.cursor.epoch == self.epoch && history.trimmed_to <= after => {
                self.page.get_or_insert_default().events = history
                    .records
                    .iter()
                    .flat_map(|record| {
                        (record.from + 1..).zip(encode_events(job, self.epoch, record))
                    })
                    .filter(|(offset, _)| *offset > after)
                    .collect();
            }
            Some(history) if history.cursor.epoch != self.epoch => {
                self.gap = Some(Box::new((from, GapReason::Epoch)));
            }
            Some(_) | None => self.gap = Some(Box::new((from, GapReason::Retention))),
        }
    }

    pub(super) fn enter_log(&mut self, epoch: u32) {
        let known = self.held.max(self.events_at);
        let known = known.map(|offset| Cursor { epoch: self.epoch, offset });
        let from = self.gap.take().map(|gap| gap.0).or(known);
        self.gap = from.map(|from| Box::new((from, GapReason::Epoch)));
        self.epoch = epoch;
        self.owed = Owed::default();
        self.held = None;
        self.events_at = None;
        self.ended = false;
        self.drop_page();
    }

    /// Whether the end was said, and what came later belongs to the same attempt.
    fn is_told_all(&self, state: &State) -> bool {
        let later = self.held.filter(|_| self.ended).and_then(|at| state.ring().stop_after(at));
        later.is_some_and(|stop| stop.change.is_none())
    }

    /// From a position that is not the newest.
    fn advance(&mut self, state: &mut State, held: u64, terms: Terms<'_>) -> Step {
        let newest = state.cursor();
        let Some(goal) = state.ring().stop_after(held) else {
            let missed = state.ring().passes_change(held);
            let changed = missed || state.ring().ends_with_change();
            if self.ended && !changed {
                return Step::Idle;
            }
            if let Some(step) = self.next_event(state, newest.offset, terms) {
                return step;
            }
            if missed && self.wanted != Wanted::Everything {
                let from = Cursor { epoch: self.epoch, offset: held };
                return self.tell_gap(state, from, GapReason::Slow, terms);
            }
            return match self.throttle(terms.now).filter(|_| !changed) {
                Some(due) => Step::Wait(due),
                None => self.whole(state, terms),
            };
        };
        if self.ended && goal.change.is_none() {
            return Step::Idle;
        }
        if let Some(step) = self.next_event(state, goal.to, terms) {
            return step;
        }
        if goal.change.is_none()
            && let Some(due) = self.throttle(terms.now)
        {
            return Step::Wait(due);
        }
        let told = match terms.dialect {
            None => state.update(held, goal.to),
            Some(dialect) => state.told_update(dialect, self.events_at, held, goal.to),
        };
        let Some((frame, to, records)) = told else {
            return self.whole(state, terms);
        };
        if to != goal.to && (goal.change.is_none() || self.ended) {
            // After an end nothing of the old attempt may come, not even on the way to the new one.
            if self.ended && goal.to != newest.offset {
                let from = Cursor { epoch: self.epoch, offset: held };
                return self.tell_gap(state, from, GapReason::Slow, terms);
            }
            return self.whole(state, terms);
        }
        self.ended = false;
        self.held = Some(to);
        if terms.dialect.is_some() {
            self.events_at = self.events_at.map(|_| to);
        }
        self.last_state_at = Some(terms.now);
        if records > 1 {
            terms.metrics.conflated.fetch_add(records - 1, Ordering::Relaxed);
        }
        if to == goal.to
            && let Some(status) = goal.change
            && status.is_terminal()
        {
            self.owe_end(state.job(), Cursor { epoch: self.epoch, offset: to }, status);
        }
        self.send(state, frame)
    }

    /// The next wanted event up to `limit`; `None` when all were sent. In a dialect they come along
    /// with the state.
    fn next_event(&mut self, state: &mut State, limit: u64, terms: Terms<'_>) -> Option<Step> {
        let mut at = self.events_at.filter(|_| terms.dialect.is_none())?;
        while at < limit {
            if let Some(event) = self.page.as_mut().and_then(|page| page.pop(at + 1)) {
                if self.page.as_ref().is_some_and(|page| page.events.is_empty()) {
                    self.drop_page();
                }
                at += 1;
                self.events_at = Some(at);
                if self.wanted.wants(&event.word) {
                    return Some(Step::Frame(event.frame));
                }
                continue;
            }
            self.drop_page();
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
        self.owe_end(state.job(), state.cursor(), status);
        self.owed.pop().map_or(Step::Idle, Step::Frame)
    }

    /// Sends a state frame. When it leads to the newest state of a job that goes on, and all events
    /// up to it were sent, there is nothing more.
    fn send(&self, state: &State, frame: Frame) -> Step {
        let newest = state.cursor().offset;
        let settled = self.held == Some(newest)
            && self.events_at.is_none_or(|at| at >= newest)
            && self.owed.is_empty()
            && !state.standing().status.is_terminal();
        if settled { Step::Last(frame) } else { Step::Frame(frame) }
    }

    /// Sends the whole document.
    fn whole(&mut self, state: &mut State, terms: Terms<'_>) -> Step {
        let frame = self.hold_newest(state, terms);
        self.send(state, frame)
    }

    fn hold_newest(&mut self, state: &mut State, terms: Terms<'_>) -> Frame {
        let newest = state.cursor();
        let told = self.events_at;
        if let Some(held) = self.held {
            terms
                .metrics
                .conflated
                .fetch_add(newest.offset.saturating_sub(held), Ordering::Relaxed);
        }
        self.held = Some(newest.offset);
        self.events_at = (self.wanted != Wanted::Nothing).then_some(newest.offset);
        self.caught_up = true;
        self.last_state_at = Some(terms.now);
        self.ended = false;
        let status = state.standing().status;
        if status.is_terminal() {
            self.owe_end(state.job(), newest, status);
        }
        match terms.dialect {
            None => state.snapshot(),
            Some(dialect) => state.retell(dialect, told),
        }
    }

    fn tell_gap(
        &mut self,
        state: &mut State,
        from: Cursor,
        reason: GapReason,
        terms: Terms<'_>,
    ) -> Step {
        let to = state.cursor();
        self.drop_page();
        self.held = None;
        if self.events_at.is_none() && from.epoch == to.epoch && from.offset <= to.offset {
            // What is missing is counted in a dialect.
            self.events_at = Some(from.offset);
        }
        let snapshot = self.hold_newest(state, terms);
        self.owed.snapshot = Some(snapshot);
        let job = state.job().clone();
        Step::Frame(Frame::of(&ServerMessage::Gap { job, from, to, reason }))
    }

    fn owe_end(&mut self, job: &JobId, cursor: Cursor, status: JobStatus) {
        self.ended = true;
        let end = ServerMessage::End { job: job.clone(), cursor, status };
        self.owed.end = Some(Frame::of(&end));
    }

    fn drop_page(&mut self) {
        match &mut self.page {
            Some(page) if page.reading.is_some() => page.events = VecDeque::new(),
            Some(_) | None => self.page = None,
        }
    }

    /// When the next state frame may be sent, if that is not yet.
    fn throttle(&mut self, now: Timestamp) -> Option<Timestamp> {
        let last = self.last_state_at?;
        if now < last {
            // The clock was set back: the wait begins anew, it does not last until then.
            self.last_state_at = Some(now);
        }
        let due = last.min(now).plus(u64::from(self.interval_ms));
        (due > now).then_some(due)
    }
}
