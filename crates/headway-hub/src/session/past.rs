//! Jobs that were given up at their end, for the selectors that want their events.
//!
//! A selector's job has no lane once its end was said. When it is tried again, its events go on
//! where they ended, so the position is kept here. Owner: the session. Bounded by [`JOBS`]; whoever
//! comes back to a job that was forgotten is told by a `gap`.

use std::collections::HashMap;

use headway_protocol::frame::GapReason;
use headway_protocol::{Cursor, JobId};

use super::Session;
use super::cover::fits;
use super::place::Place;
use super::wanted::Wanted;
use crate::feed::Selector;
use crate::topic::State;

/// Jobs of one session that are remembered, if it may watch so many. Beyond it the memory begins
/// anew.
pub(super) const JOBS: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Past {
    jobs: HashMap<JobId, Ended>,
    /// The last ticket that was given out before some were forgotten.
    forgotten: Option<u32>,
}

/// Where a job was given up.
#[derive(Clone, Copy, Debug)]
struct Ended {
    /// Its events were all sent up to here.
    at: Cursor,
    /// The last ticket that was given out before: subscriptions up to it know the job.
    ticket: u32,
}

impl Past {
    /// A job was given up, its events sent up to `at`; at most `most` are remembered.
    pub(super) fn remember(&mut self, job: JobId, at: Cursor, ticket: u32, most: usize) {
        if self.jobs.len() >= most && !self.jobs.contains_key(&job) {
            self.jobs = HashMap::new();
            self.forgotten = Some(ticket);
        }
        self.jobs.insert(job, Ended { at, ticket });
    }

    /// Where a job was given up, when that is known.
    pub(super) fn position(&self, job: &JobId) -> Option<Cursor> {
        self.jobs.get(job).map(|ended| ended.at)
    }
}

impl Session {
    /// A job gets a lane, which begins at `place` for the subscription that brought it. The selectors
    /// that gave it up at its end come along, because a lane's events are for all that want them;
    /// where it begins for all of them.
    pub(super) fn come_along(
        &mut self,
        job: &JobId,
        state: &State,
        mut place: Place,
    ) -> (Vec<u16>, Place) {
        let nobody = (Vec::new(), place);
        let Some(past) = &mut self.past else { return nobody };
        let epoch = state.cursor().epoch;
        let (known_to, at) = match past.jobs.remove(job) {
            Some(ended) if ended.at.epoch == epoch => (ended.ticket, Some(ended.at.offset)),
            // Another job of the name.
            Some(_) => return nobody,
            None => match past.forgotten {
                // Only what was tried again can have ended before.
                Some(ticket) if state.standing().attempt > 1 => (ticket, None),
                Some(_) | None => return nobody,
            },
        };
        let its = self.subscriptions.iter().filter(|(_, subscription)| {
            // One whose jobs are still being listed has none yet.
            subscription.reader.is_some()
                && subscription.ticket <= known_to
                && subscription.wanted != Wanted::Nothing
                && !matches!(subscription.selector, Selector::Job(_))
                && fits(&subscription.selector, state)
        });
        let along: Vec<u16> = its.map(|(key, _)| key).collect();
        if along.is_empty() {
            return nobody;
        }
        if let Some(at) = at {
            place.events_at = Some(place.events_at.map_or(at, |own| own.min(at)));
        } else {
            let gap = (Cursor { epoch, offset: 0 }, GapReason::Slow);
            place.gap = place.gap.or(Some(gap));
        }
        (along, place)
    }
}
