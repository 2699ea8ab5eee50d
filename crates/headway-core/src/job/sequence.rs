//! Producers that number what they send: a repeat is recognised and not applied again.
//!
//! A producer numbers its requests, or the events in them; with a request that holds numbered events
//! the number of the request itself is not looked at. Events without a number in such a request are
//! always taken.

use headway_protocol::Timestamp;
use headway_protocol::event::Producer;
use headway_protocol::limits::PRODUCERS;
use headway_protocol::report::SequencedReport;

use super::state::ProducerMark;
use super::{JobState, Refusal};

const ID_BYTES: usize = 128;

/// Which events of one request are new.
pub(super) struct Sequence<'a> {
    id: &'a str,
    /// The highest number applied before, and by the events so far.
    mark: Option<u64>,
    /// The number that the request will have left, when it has one.
    newest: Option<u64>,
    by_event: bool,
    repeated: bool,
}

impl<'a> Sequence<'a> {
    pub(super) fn new(
        state: &JobState,
        producer: Option<&'a Producer>,
        reports: &[SequencedReport],
    ) -> Result<Self, Refusal> {
        if let Some(producer) = producer
            && !(1..=ID_BYTES).contains(&producer.id.len())
        {
            let message = format!("a producer's id has 1 to {ID_BYTES} bytes");
            return Err(Refusal::invalid("Producer-Id", message));
        }
        let id = producer.map_or("", |producer| producer.id.as_str());
        let by_event = reports.iter().any(|report| report.seq.is_some());
        let mark = state.private.producers.get(id).map(|mark| mark.seq);
        let newest = if by_event { None } else { producer.map(|producer| producer.seq) };
        let repeated = newest.is_some_and(|seq| mark.is_some_and(|mark| seq <= mark));
        Ok(Self { id, mark, newest, by_event, repeated })
    }

    /// Whether the event with this number is new; it then raises the mark.
    pub(super) fn takes(&mut self, seq: Option<u64>) -> bool {
        if self.repeated {
            return false;
        }
        let (true, Some(seq)) = (self.by_event, seq) else { return true };
        if self.mark.is_some_and(|mark| seq <= mark) {
            return false;
        }
        self.mark = Some(seq);
        self.newest = Some(seq);
        true
    }

    /// What the last event of the request carries.
    pub(super) fn producer(&self) -> Option<Producer> {
        self.newest.map(|seq| Producer { id: self.id.to_owned(), seq })
    }
}

/// Remembers where a producer is. With too many of them the one that was silent longest is
/// forgotten: its next repeat would be applied again.
pub(super) fn remember(state: &mut JobState, at: Timestamp, producer: &Producer) {
    let (offset, status) = (state.job.cursor.offset, state.job.status);
    let producers = &mut state.private.producers;
    if !producers.contains_key(&producer.id) && producers.len() >= PRODUCERS {
        let silent = producers.iter().min_by_key(|(_, mark)| mark.at).map(|(id, _)| id.clone());
        if let Some(silent) = silent {
            producers.remove(&silent);
        }
    }
    let mark = ProducerMark { seq: producer.seq, offset, status, at };
    producers.insert(producer.id.clone(), mark);
}
