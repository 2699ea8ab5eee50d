//! How jobs come to a session: chosen by name, or brought by a selector.

use std::collections::HashMap;
use std::sync::Arc;

use headway_protocol::frame::ClosingReason;
use headway_protocol::{CloseCode, Cursor, JobId, ServerMessage, Timestamp};

use super::busy::Search;
use super::cover::fits;
use super::lane::Lane;
use super::place::Place;
use super::wanted::Wanted;
use super::{Answer, Found, Request, Session, Surveyed};
use crate::error::Error;
use crate::feed::Selector;
use crate::metrics::Limit;
use crate::topic::Watching;

/// When somebody may come back for whom there were too many connections, in milliseconds.
const TOO_MANY_RETRY_MS: u64 = 60_000;

/// When the log is asked again after it could not be read, in milliseconds.
const READ_AGAIN_MS: u64 = 1_000;

impl Session {
    /// Takes what came of a request.
    pub fn handle_answer(&mut self, answer: Answer, now: Timestamp) {
        match answer {
            Answer::Watched { ticket, outcome } => {
                let search = self.busy.as_mut().and_then(|busy| busy.searches.end(ticket));
                if let Some(search) = search {
                    self.watched(search, &outcome);
                }
            }
            Answer::Surveyed { ticket, subscription, outcome } => {
                self.surveyed(subscription, ticket, outcome);
            }
            Answer::Read { lane: key, job, after, outcome } => {
                self.lanes.end_read();
                let lane = self.lanes.get_mut(key).filter(|lane| *lane.job() == job);
                let Some(lane) = lane else { return };
                if !lane.end_read(after) {
                    return;
                }
                match outcome {
                    Ok(history) => {
                        lane.take_page(after, history.as_ref());
                        self.lanes.make_ready(key);
                    }
                    Err(error) => {
                        tracing::warn!(%job, %error, "a watcher's events could not be read");
                        self.lanes.wait(key, now.plus(READ_AGAIN_MS));
                    }
                }
            }
        }
    }

    /// Looks up the jobs that a selector's feed announced.
    pub(super) fn look_at_feed(&mut self, key: u16) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        let Some(reader) = &mut subscription.reader else { return };
        match reader.look() {
            Some(jobs) => {
                for job in jobs {
                    self.bring(key, job);
                }
            }
            None if subscription.surveying => {}
            None => {
                subscription.surveying = true;
                self.survey(key);
            }
        }
    }

    /// Has a selector's jobs listed.
    fn survey(&mut self, key: u16) {
        let Some(subscription) = self.subscriptions.get(key) else { return };
        let (ticket, selector) = (subscription.ticket, subscription.selector.clone());
        let survey = Request::Survey { ticket, subscription: key, selector };
        self.busy().requests.push_back(survey);
    }

    /// Has a selector's jobs listed once more, because the caller may see others by now.
    pub(super) fn list_again(&mut self, key: u16) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        if subscription.surveying {
            subscription.outdated = true;
        } else {
            subscription.surveying = true;
            self.survey(key);
        }
    }

    /// A selector brings a job.
    fn bring(&mut self, key: u16, job: JobId) {
        // The position stays until the job is attached: another selector may be the one that it
        // fits.
        let busy = self.busy.as_ref();
        let cursor = busy.and_then(|busy| busy.positions.get(&job).copied());
        self.part_with_forgotten(&job);
        let lane = self.lanes.key_of(&job).and_then(|lane| self.lanes.get(lane));
        if let Some(lane) = lane {
            if lane.subscriptions.contains(key) {
                return;
            }
            if cursor.is_none() {
                let found = Found { topic: Arc::clone(lane.topic()), trimmed_to: 0 };
                self.attach(key, &found, None);
                return;
            }
        }
        let brings_more = lane.is_none();
        let busy = self.busy.get_or_insert_default();
        if busy.searches.join(&job, key) {
            return;
        }
        let most = self.setting.options.max_jobs;
        if brings_more && self.lanes.len() + busy.searches.len() >= most {
            self.refuse_more_jobs(key, most);
            return;
        }
        let ticket = self.ticket();
        let given_up_at = self.past.as_ref().and_then(|past| past.position(&job));
        let busy = self.busy();
        busy.searches.begin_shared(ticket, Search::new(job.clone(), cursor, key));
        let wanted = cursor.or(given_up_at);
        busy.requests.push_back(Request::Watch { ticket, job, cursor: wanted });
    }

    /// Positions go once every selector has looked for their jobs.
    fn forget_positions(&mut self) {
        if let Some(busy) = &mut self.busy
            && busy.searches.is_empty()
            && !self.subscriptions.are_surveying()
        {
            busy.positions = HashMap::new();
        }
    }

    fn refuse_more_jobs(&mut self, key: u16, most: usize) {
        self.setting.metrics.limit(Limit::Jobs);
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        if std::mem::replace(&mut subscription.told_full, true) {
            return;
        }
        let id = Some(subscription.id.to_string());
        let message =
            format!("a connection watches at most {most} jobs: others appear when some have ended");
        self.answer(&ServerMessage::Error { id, code: "too_many_jobs".to_owned(), message });
    }

    fn surveyed(&mut self, key: u16, ticket: u32, outcome: Result<Surveyed, Error>) {
        let needs_jobs = self.needs_jobs();
        let subscription = self.subscriptions.get_mut(key);
        let Some(subscription) = subscription.filter(|known| known.ticket == ticket) else {
            return;
        };
        if std::mem::take(&mut subscription.outdated) {
            // It was listed for the caller as they were.
            self.survey(key);
            return;
        }
        let first = subscription.reader.is_none();
        subscription.surveying = false;
        match outcome {
            Ok(Surveyed { jobs, .. }) if first && needs_jobs && jobs.is_empty() => {
                self.refuse_selector(key);
            }
            Ok(Surveyed { reader, jobs }) => {
                subscription.reader = Some(reader);
                if first {
                    let busy = self.busy.as_ref();
                    let was_recovering = busy.is_some_and(|busy| !busy.positions.is_empty());
                    let id = subscription.id.to_string();
                    self.answer(&ServerMessage::Subscribed {
                        id,
                        recovered: was_recovering,
                        was_recovering,
                    });
                }
                for job in jobs {
                    self.bring(key, job);
                }
                if first {
                    // Jobs that its reader knows and that have ended since are in no list.
                    let mut known: Vec<JobId> = self.busy().positions.keys().cloned().collect();
                    known.sort_unstable();
                    for job in known {
                        self.bring(key, job);
                    }
                }
                self.look_at_feed(key);
            }
            Err(error) => self.fail(key, &error),
        }
        self.forget_positions();
    }

    /// Whether a selector has to find a job.
    fn needs_jobs(&self) -> bool {
        self.dialect().is_some_and(|dialect| dialect.ended_within_ms.is_some())
    }

    fn watched(&mut self, search: Search, outcome: &Result<Option<Found>, Error>) {
        if search.outdated && matches!(outcome, Ok(None)) {
            self.search_again(search);
            return;
        }
        if let Ok(Some(found)) = outcome {
            if found.topic.is_forgotten() {
                // Its name may be another job's by now, which nobody announces twice.
                self.search_again(search);
                return;
            }
            self.part_with_forgotten(&search.job);
        }
        let Search { job, cursor, subscriptions, outdated: _ } = &search;
        for key in subscriptions.iter() {
            let Some(subscription) = self.subscriptions.get(key) else { continue };
            match outcome {
                Ok(Some(found)) => self.attach(key, found, *cursor),
                Ok(None) if matches!(subscription.selector, Selector::Job(_)) => {
                    self.refuse_job(key, job);
                }
                // A job that was removed between its announcement and the look.
                Ok(None) => {}
                Err(error) => self.fail(key, error),
            }
        }
        self.forget_positions();
    }

    fn search_again(&mut self, mut search: Search) {
        search.outdated = false;
        let chosen = search.subscriptions.iter().any(|key| {
            let known = self.subscriptions.get(key);
            known.is_some_and(|known| matches!(known.selector, Selector::Job(_)))
        });
        let ticket = self.ticket();
        let (job, cursor) = (search.job.clone(), search.cursor);
        let busy = self.busy();
        if chosen {
            busy.searches.begin(ticket, search);
        } else {
            busy.searches.begin_shared(ticket, search);
        }
        busy.requests.push_back(Request::Watch { ticket, job, cursor });
    }

    /// Another job of the name comes, or is about to: a lane whose job was removed, and that nobody
    /// has looked at since, is not for it.
    fn part_with_forgotten(&mut self, job: &JobId) {
        let lane = self.lanes.key_of(job);
        let forgotten = lane.filter(|key| self.lanes.get(*key).is_some_and(Lane::is_forgotten));
        if let Some(key) = forgotten {
            self.part(key);
        }
    }

    /// A job that a subscription is about was found.
    fn attach(&mut self, key: u16, found: &Found, mut cursor: Option<Cursor>) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        let chosen = matches!(subscription.selector, Selector::Job(_));
        let events = subscription.wanted != Wanted::Nothing;
        let id = chosen.then(|| subscription.id.to_string());
        let job = found.topic.job();
        let (epoch, along, place) = {
            let state = found.topic.look();
            // The name may have been given to somebody else since the job was found.
            let hidden = !state.is_seen_by(&self.caller);
            if hidden && chosen {
                drop(state);
                self.refuse_job(key, job);
                return;
            }
            if hidden || !fits(&subscription.selector, &state) {
                return;
            }
            if let Selector::Job(name) = &mut subscription.selector {
                // The same name, shared with all others who watch the job.
                name.clone_from(job);
            }
            let position = self.busy.as_mut().filter(|_| !chosen && cursor.is_some());
            if position.is_some_and(|busy| busy.positions.remove(job).is_none()) {
                // Another selector has brought the job to where its reader goes on.
                cursor = None;
            }
            let place = cursor.map_or_else(Place::default, |cursor| {
                Place::of(&state, cursor, events, found.trimmed_to)
            });
            let lane = self.lanes.key_of(job).and_then(|lane| self.lanes.get(lane));
            let (along, place) = match lane {
                // It came along with another while it was looked for.
                Some(lane) if !chosen && lane.subscriptions.contains(key) => return,
                Some(_) => (Vec::new(), place),
                None => self.come_along(job, &state, place),
            };
            (state.cursor().epoch, along, place)
        };
        let lane_key = match self.lanes.key_of(job) {
            Some(lane_key) => {
                // What belongs to a frame that was sent comes before the new subscription; of a
                // session that has said farewell nothing comes.
                while self.closing.is_none()
                    && let Some(frame) = self.lanes.get_mut(lane_key).and_then(Lane::pop_owed)
                {
                    self.busy().outbox.push_back(frame);
                }
                if let Some(lane) = self.lanes.get_mut(lane_key) {
                    lane.join(place);
                }
                lane_key
            }
            None => self.lanes.insert(|lane_key| {
                let topic = Arc::clone(&found.topic);
                let watching = Watching::join(topic, &self.bell, self.key, lane_key);
                let mut lane = Lane::new(watching, place);
                lane.begin_in(epoch);
                lane
            }),
        };
        // Those that want events first: a lane without any forgets where they begin.
        for key in along.into_iter().chain([key]) {
            self.tune_to(lane_key, key);
        }
        if let Some(id) = id {
            let was_recovering = cursor.is_some();
            let recovered = was_recovering && place.gap.is_none();
            self.answer(&ServerMessage::Subscribed { id, recovered, was_recovering });
        }
        self.lanes.make_ready(lane_key);
    }

    /// A subscription's job is not there, or not for its reader.
    pub(super) fn refuse_job(&mut self, key: u16, job: &JobId) {
        let Some(subscription) = self.subscriptions.get(key) else { return };
        let id = Some(subscription.id.to_string());
        let message = format!("there is no job {job}");
        self.forget(key);
        self.answer(&ServerMessage::Error { id, code: "not_found".to_owned(), message });
    }

    /// A subscription's selector is about nothing, as far as its reader sees.
    fn refuse_selector(&mut self, key: u16) {
        let id = self.subscriptions.get(key).map(|subscription| subscription.id.to_string());
        self.forget(key);
        let message = "there is no job that this is about".to_owned();
        self.answer(&ServerMessage::Error { id, code: "not_found".to_owned(), message });
    }

    fn fail(&mut self, key: u16, error: &Error) {
        let id = self.subscriptions.get(key).map(|subscription| subscription.id.to_string());
        let problem = error.problem();
        self.forget(key);
        self.answer(&ServerMessage::Error { id, code: problem.code, message: problem.detail });
        if let Error::TooManyConnections { .. } = error {
            self.setting.metrics.limit(Limit::SessionConnections);
            // Whoever watches something else stays for that.
            if !self.has_subscriptions() {
                let reason = ClosingReason::TooManyConnections;
                self.close(reason, TOO_MANY_RETRY_MS, CloseCode::ConnectionLimit);
            }
        }
    }
}
