//! What has happened in a job: a page of its events, read forwards or backwards.
//!
//! Invariants: events are in their order and each is there once. What one request reads is bounded:
//! by the events that it may answer, and where it picks among them by [`LOOKED_AT`].

use headway_access::Caller;
use headway_protocol::request::{HistoryEvent, HistoryPage};
use headway_protocol::{Cursor, JobId};
use headway_store::History;
use serde_json::Value;

use super::{check_cursor, value_of};
use crate::error::Error;
use crate::handle::Handle;

/// The most events that one request looks at when it picks some of them: a fraction of a second.
const LOOKED_AT: u64 = 10_000;

/// Events of one read when a request picks some of them: with what an event may hold this bounds
/// what a read keeps in memory.
const READ: usize = 500;

/// Which events of a job, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// From where.
    pub place: HistoryPlace,
    /// Only of these types; empty: any.
    pub types: Vec<String>,
    /// At most so many, at least 1.
    pub limit: usize,
}

/// From where a history is read, and in which direction. A page is in the events' order either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryPlace {
    /// Forwards: what follows this position; from the beginning without one.
    After(Option<Cursor>),
    /// Backwards: what is before the event with this cursor; from the newest one on without one.
    Before(Option<Cursor>),
}

impl HistoryQuery {
    fn wants(&self, event: &Value) -> bool {
        self.types.is_empty()
            || event
                .get("type")
                .and_then(Value::as_str)
                .is_some_and(|word| self.types.iter().any(|wanted| wanted == word))
    }

    /// How many events one read asks for, and how many are looked at in all.
    fn bounds(&self) -> (usize, u64) {
        if self.types.is_empty() { (self.limit, self.limit as u64) } else { (READ, LOOKED_AT) }
    }
}

impl Handle {
    /// A page of a job's events. One that picks types looks at 10,000 events at the most: it may be
    /// short, or empty, and lead on all the same. `None` when the caller sees no such job.
    pub async fn history(
        &self,
        caller: &Caller,
        job: &JobId,
        query: &HistoryQuery,
    ) -> Result<Option<HistoryPage>, Error> {
        let Some(stored) = self.visible(caller, job).await? else { return Ok(None) };
        let page = async {
            match query.place {
                HistoryPlace::After(after) => self.history_after(job, after, query).await,
                HistoryPlace::Before(before) => {
                    check_cursor("before", before, stored.cursor)?;
                    self.history_before(job, before, stored.cursor, query).await
                }
            }
        };
        if query.types.is_empty() {
            page.await
        } else {
            // It may look at many times what it answers.
            self.shared.turns.wait(caller.tenant(), page).await
        }
    }

    async fn history_after(
        &self,
        job: &JobId,
        after: Option<Cursor>,
        query: &HistoryQuery,
    ) -> Result<Option<HistoryPage>, Error> {
        let (ask, most) = query.bounds();
        let mut place = after;
        let mut reached = after.map_or(0, |cursor| cursor.offset);
        let mut first_trimmed_to = None;
        let mut events = Vec::new();
        let mut looked_at = 0;
        let newest = loop {
            let history = self.shared.store.read(job, reached, ask).await?;
            let Some(history) = history else { return Ok(None) };
            // Between two reads the name may have been given to another job.
            check_cursor("after", place, history.cursor)?;
            let trimmed_to = *first_trimmed_to.get_or_insert(history.trimmed_to);
            if trimmed_to < history.trimmed_to && reached < history.trimmed_to {
                // What follows was forgotten meanwhile: the next page says so.
                break history.cursor;
            }
            let epoch = history.cursor.epoch;
            for (offset, event) in numbered(&history, reached) {
                let event = event?;
                reached = offset;
                looked_at += 1;
                if query.wants(&event) {
                    events.push(HistoryEvent { cursor: Cursor { epoch, offset }, event });
                }
                if events.len() == query.limit || looked_at >= most {
                    break;
                }
            }
            if history.records.is_empty() {
                reached = history.cursor.offset;
            }
            let full = events.len() == query.limit || looked_at >= most;
            if full || reached >= history.cursor.offset {
                break history.cursor;
            }
            place = Some(Cursor { epoch, offset: reached });
        };
        let place = |offset| Cursor { epoch: newest.epoch, offset };
        Ok(Some(HistoryPage {
            events,
            next: (reached < newest.offset).then_some(place(reached)),
            previous: None,
            cursor: newest,
            trimmed_to: first_trimmed_to.filter(|offset| *offset > 0).map(place),
        }))
    }

    async fn history_before(
        &self,
        job: &JobId,
        before: Option<Cursor>,
        newest: Cursor,
        query: &HistoryQuery,
    ) -> Result<Option<HistoryPage>, Error> {
        let (ask, most) = query.bounds();
        let place = |offset| Cursor { epoch: newest.epoch, offset };
        // Events up to this one are still to be looked at.
        let mut left = before.map_or(newest.offset, |cursor| cursor.offset.saturating_sub(1));
        let mut events = Vec::new();
        let mut looked_at = 0;
        let trimmed_to = loop {
            let begin = left.saturating_sub(ask as u64);
            let Some(span) = self.span(job, place(begin), left).await? else { return Ok(None) };
            for (offset, event) in span.events.into_iter().rev() {
                left = offset - 1;
                looked_at += 1;
                if query.wants(&event) {
                    events.push(HistoryEvent { cursor: place(offset), event });
                }
                if events.len() == query.limit || looked_at >= most {
                    break;
                }
            }
            if events.len() == query.limit || looked_at >= most {
                break span.trimmed_to;
            }
            // Events that are not there any more were forgotten.
            left = begin;
            if left <= span.trimmed_to {
                break span.trimmed_to;
            }
        };
        events.reverse();
        Ok(Some(HistoryPage {
            events,
            next: None,
            previous: (left > trimmed_to).then(|| place(left + 1)),
            cursor: newest,
            trimmed_to: (trimmed_to > 0).then(|| place(trimmed_to)),
        }))
    }

    /// The events after a position up to an offset; `None` when the job is gone.
    async fn span(&self, job: &JobId, after: Cursor, upto: u64) -> Result<Option<Span>, Error> {
        let mut reached = after.offset;
        let mut events = Vec::new();
        loop {
            let most = usize::try_from(upto.saturating_sub(reached)).unwrap_or(usize::MAX);
            let history = self.shared.store.read(job, reached, most).await?;
            let Some(history) = history else { return Ok(None) };
            // Meanwhile the name may have been given to another job.
            let place = Cursor { offset: reached, ..after };
            check_cursor("before", Some(place), history.cursor)?;
            if history.trimmed_to > reached {
                // What was read before is not kept any more, and there is a hole behind it.
                events.clear();
            }
            for (offset, event) in numbered(&history, reached) {
                if offset <= upto {
                    events.push((offset, event?));
                }
            }
            match history.records.last() {
                Some(record) if record.to < upto => reached = record.to,
                Some(_) | None => return Ok(Some(Span { events, trimmed_to: history.trimmed_to })),
            }
        }
    }
}

/// A part of a history.
struct Span {
    events: Vec<(u64, Value)>,
    /// The log begins after this offset.
    trimmed_to: u64,
}

/// The events of a history after an offset, each with its own.
fn numbered(
    history: &History,
    after: u64,
) -> impl Iterator<Item = (u64, Result<Value, Error>)> + '_ {
    history
        .records
        .iter()
        .flat_map(|record| (record.from + 1..).zip(&record.events))
        .filter(move |(offset, _)| *offset > after)
        .map(|(offset, event)| (offset, value_of(event)))
}
