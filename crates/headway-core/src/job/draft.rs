//! Events being decided, and the state as it will be after them.

use headway_protocol::event::{Producer, SystemEvent};
use headway_protocol::{Event, EventKind, Report, Timestamp};

use super::{JobState, evolve};

/// Events being decided. The state after them is worked out only when somebody asks: one report
/// that leads to one event copies nothing.
pub(crate) struct Draft<'a> {
    before: &'a JobState,
    at: Timestamp,
    after: Option<Box<JobState>>,
    events: Vec<Event>,
    applied: usize,
}

impl<'a> Draft<'a> {
    /// No events yet. Times in a log never go back, even when a clock does.
    pub(crate) fn new(before: &'a JobState, now: Timestamp) -> Self {
        let at = now.max(before.job.updated_at);
        Self { before, at, after: None, events: Vec::new(), applied: 0 }
    }

    /// The moment of its events.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// The state after the events so far.
    pub(crate) fn state(&mut self) -> &JobState {
        if self.applied < self.events.len() {
            let after = self.after.get_or_insert_with(|| Box::new(self.before.clone()));
            for event in self.events.iter().skip(self.applied) {
                evolve(after, event);
            }
            self.applied = self.events.len();
        }
        self.after.as_deref().unwrap_or(self.before)
    }

    /// Adds an event of Headway's own.
    pub(crate) fn system(&mut self, event: SystemEvent) {
        self.push(EventKind::System(event));
    }

    /// Adds an accepted report.
    pub(crate) fn report(&mut self, report: Report) {
        self.push(EventKind::Report(report));
    }

    fn push(&mut self, what: EventKind) {
        self.events.push(Event { at: self.at, producer: None, what });
    }

    /// The events.
    pub(crate) fn finish(self) -> Vec<Event> {
        self.events
    }

    /// The events of a producer's request: the last one carries its number.
    pub(crate) fn finish_for(mut self, producer: Option<Producer>) -> Vec<Event> {
        if let Some(last) = self.events.last_mut() {
            last.producer = producer;
        }
        self.events
    }
}
