//! Subscriptions: how they begin, which lanes they have, how they end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use headway_protocol::frame::{ClosingReason, Subscribe};
use headway_protocol::{CloseCode, Cursor, JobId, ServerMessage, Timestamp};
use slab::Slab;

use super::busy::Search;
use super::lane::Lane;
use super::members::Members;
use super::message::Refused;
use super::place::Place;
use super::wanted::Wanted;
use super::{Answer, Found, Request, Session, Surveyed};
use crate::error::Error;
use crate::feed::{FeedReader, Selector};
use crate::metrics::Limit;
use crate::topic::{State, Watching};

/// The longest name of a subscription, in characters.
const ID_CHARACTERS: usize = 128;
/// The longest `min_interval_ms`: an hour.
const MAX_INTERVAL_MS: u64 = 3_600_000;

/// When somebody may come back for whom there were too many connections, in milliseconds.
const TOO_MANY_RETRY_MS: u64 = 60_000;

/// When the log is asked again after it could not be read, in milliseconds.
const READ_AGAIN_MS: u64 = 1_000;

/// What a client asked to watch.
#[derive(Debug)]
struct Subscription {
    id: Box<str>,
    selector: Selector,
    wanted: Wanted,
    interval_ms: Option<u32>,
    /// Of the survey that began it: tells it from one that had its key before.
    ticket: u32,
    reader: Option<FeedReader>,
    surveying: bool,
    /// Whether it was told that there are too many jobs for one connection.
    told_full: bool,
}

/// The subscriptions of one session, by key. There are so few that names are searched one by one.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    entries: Slab<Subscription>,
}

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether jobs are being listed for one of them.
    pub(super) fn are_surveying(&self) -> bool {
        self.entries.iter().any(|(_, subscription)| subscription.surveying)
    }

    fn key_of(&self, id: &str) -> Option<u16> {
        let known = self.entries.iter().find(|(_, subscription)| *subscription.id == *id);
        known.and_then(|(key, _)| u16::try_from(key).ok())
    }

    fn get(&self, key: u16) -> Option<&Subscription> {
        self.entries.get(usize::from(key))
    }

    fn get_mut(&mut self, key: u16) -> Option<&mut Subscription> {
        self.entries.get_mut(usize::from(key))
    }

    fn insert(&mut self, subscription: Subscription) -> u16 {
        if self.entries.is_empty() {
            // Most connections have one.
            self.entries.reserve_exact(1);
        }
        // `Options::max_subscriptions` keeps keys far below the greatest.
        u16::try_from(self.entries.insert(subscription)).unwrap_or(u16::MAX)
    }

    fn remove(&mut self, key: u16) -> Option<Subscription> {
        let removed = self.entries.try_remove(usize::from(key));
        if self.entries.is_empty() {
            self.entries = Slab::new();
        }
        removed
    }
}

impl Session {
    /// Begins a subscription.
    pub(super) fn subscribe(&mut self, subscribe: Subscribe) -> Result<(), Refused> {
        let selector = self.check(&subscribe)?;
        let Subscribe { id, cursor, events, min_interval_ms, .. } = subscribe;
        let ticket = self.ticket();
        let key = self.subscriptions.insert(Subscription {
            id: id.into_boxed_str(),
            selector: selector.clone(),
            wanted: Wanted::of(events),
            interval_ms: min_interval_ms.map(millis),
            ticket,
            reader: None,
            surveying: !matches!(selector, Selector::Job(_)),
            told_full: false,
        });
        self.setting.metrics.subscriptions.fetch_add(1, Ordering::Relaxed);
        match selector {
            Selector::Job(job) => {
                let subscriptions = Members::of(key);
                let busy = self.busy();
                let search = Search { job: job.clone(), cursor, subscriptions };
                busy.searches.begin(ticket, search);
                busy.requests.push_back(Request::Watch { ticket, job, cursor });
            }
            selector @ (Selector::Session(_) | Selector::Tag(_) | Selector::All) => {
                let survey = Request::Survey { ticket, subscription: key, selector };
                self.busy().requests.push_back(survey);
            }
        }
        Ok(())
    }

    /// Ends a subscription. Whether there was one.
    pub(super) fn unsubscribe(&mut self, id: &str) -> bool {
        let Some(key) = self.subscriptions.key_of(id) else { return false };
        self.forget(key);
        true
    }

    /// Takes what came of a request.
    pub fn handle_answer(&mut self, answer: Answer, now: Timestamp) {
        match answer {
            Answer::Watched { ticket, outcome } => {
                let search = self.busy.as_mut().and_then(|busy| busy.searches.end(ticket));
                if let Some(search) = search {
                    self.watched(&search, &outcome);
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
                let ticket = subscription.ticket;
                let selector = subscription.selector.clone();
                let survey = Request::Survey { ticket, subscription: key, selector };
                self.busy().requests.push_back(survey);
            }
        }
    }

    /// Gives up a lane that only selectors hold, once its job's end was said: it comes back by the
    /// feed when the job is retried.
    pub(super) fn leave_if_over(&mut self, key: u32) {
        let Some(lane) = self.lanes.get(key).filter(|lane| lane.is_over()) else { return };
        let chosen = lane.subscriptions.iter().any(|key| {
            let subscription = self.subscriptions.get(key);
            subscription.is_some_and(|known| matches!(known.selector, Selector::Job(_)))
        });
        if !chosen {
            self.lanes.remove(key);
        }
    }

    /// A lane's job has begun another log, as a job of a name that was given away: subscriptions that
    /// it is not about any more lose it.
    pub(super) fn refit(&mut self, lane_key: u32) {
        let Some(lane) = self.lanes.get_mut(lane_key) else { return };
        let topic = Arc::clone(lane.topic());
        let (epoch, lost) = {
            let state = topic.look();
            let visible = state.tenant() == self.caller.tenant;
            let stays = |key: u16| {
                let known = self.subscriptions.get(key);
                visible && known.is_some_and(|known| fits(&known.selector, &state))
            };
            let lost = lane.subscriptions.iter().filter(|key| !stays(*key));
            (state.cursor().epoch, lost.collect::<Vec<_>>())
        };
        lane.enter_log(epoch);
        self.lanes.make_ready(lane_key);
        for key in lost {
            let known = self.subscriptions.get(key);
            if known.is_some_and(|known| matches!(known.selector, Selector::Job(_))) {
                self.refuse_job(key, topic.job());
            } else {
                self.take_away(key, lane_key);
            }
        }
    }

    /// A subscription's job is not there, or not for its reader.
    fn refuse_job(&mut self, key: u16, job: &JobId) {
        let Some(subscription) = self.subscriptions.get(key) else { return };
        let id = Some(subscription.id.to_string());
        let message = format!("there is no job {job}");
        self.forget(key);
        self.answer(&ServerMessage::Error { id, code: "not_found".to_owned(), message });
    }

    /// Takes a lane from a subscription.
    fn take_away(&mut self, key: u16, lane_key: u32) {
        let Some(lane) = self.lanes.get_mut(lane_key) else { return };
        lane.subscriptions.remove(key);
        if lane.subscriptions.is_empty() {
            self.lanes.remove(lane_key);
        } else {
            self.tune(lane_key);
        }
    }

    fn check(&self, subscribe: &Subscribe) -> Result<Selector, Refused> {
        let Subscribe { id, job, session, tag, all, cursor, events: _, min_interval_ms } =
            subscribe;
        if id.is_empty() || id.chars().count() > ID_CHARACTERS {
            return Err(invalid(format!("`id` must have 1 to {ID_CHARACTERS} characters")));
        }
        if self.subscriptions.key_of(id).is_some() {
            let message = format!("the subscription `{id}` stands already: choose another `id`");
            return Err(("duplicate_subscription", message));
        }
        if self.subscriptions.len() >= self.setting.options.max_subscriptions as usize {
            self.setting.metrics.limit(Limit::Subscriptions);
            let most = self.setting.options.max_subscriptions;
            let message = format!("a connection has at most {most} subscriptions: open another");
            return Err(("too_many_subscriptions", message));
        }
        if min_interval_ms.is_some_and(|interval| interval > MAX_INTERVAL_MS) {
            return Err(invalid(format!("`min_interval_ms` must be 0 to {MAX_INTERVAL_MS}")));
        }
        let mut selectors = job
            .clone()
            .map(Selector::Job)
            .into_iter()
            .chain(session.clone().map(Selector::Session))
            .chain(tag.clone().map(Selector::Tag))
            .chain(all.filter(|all| *all).map(|_| Selector::All));
        let (Some(selector), None) = (selectors.next(), selectors.next()) else {
            let message = "name exactly one of `job`, `session`, `tag` and `all: true`";
            return Err(invalid(message.to_owned()));
        };
        if cursor.is_some() && !matches!(selector, Selector::Job(_)) {
            return Err(invalid("`cursor` goes with `job`: it is a place in one job".to_owned()));
        }
        Ok(selector)
    }

    fn forget(&mut self, key: u16) {
        let Some(subscription) = self.subscriptions.remove(key) else { return };
        self.setting.metrics.subscriptions.fetch_sub(1, Ordering::Relaxed);
        if let Some(busy) = &mut self.busy {
            busy.leave(key);
        }
        let lanes: Vec<u32> = match &subscription.selector {
            Selector::Job(job) => self.lanes.key_of(job).into_iter().collect(),
            Selector::Session(_) | Selector::Tag(_) | Selector::All => {
                let its = self.lanes.iter().filter(|(_, lane)| lane.subscriptions.contains(key));
                its.map(|(lane, _)| lane).collect()
            }
        };
        for lane_key in lanes {
            self.take_away(key, lane_key);
        }
    }

    /// A selector brings a job.
    fn bring(&mut self, key: u16, job: JobId) {
        // The position stays until the job is attached: another selector may be the one that it
        // fits.
        let busy = self.busy.as_ref();
        let cursor = busy.and_then(|busy| busy.positions.get(&job).copied());
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
        let subscriptions = Members::of(key);
        let ticket = self.ticket();
        let busy = self.busy();
        busy.searches.begin_shared(ticket, Search { job: job.clone(), cursor, subscriptions });
        busy.requests.push_back(Request::Watch { ticket, job, cursor });
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
        let subscription = self.subscriptions.get_mut(key);
        let Some(subscription) = subscription.filter(|known| known.ticket == ticket) else {
            return;
        };
        let first = subscription.reader.is_none();
        subscription.surveying = false;
        match outcome {
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

    fn watched(&mut self, search: &Search, outcome: &Result<Option<Found>, Error>) {
        let Search { job, cursor, subscriptions } = search;
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

    /// A job that a subscription is about was found.
    fn attach(&mut self, key: u16, found: &Found, mut cursor: Option<Cursor>) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        let chosen = matches!(subscription.selector, Selector::Job(_));
        let events = subscription.wanted != Wanted::Nothing;
        let job = found.topic.job();
        let (epoch, place) = {
            let state = found.topic.look();
            // The name may have been given to somebody else since the job was found.
            let hidden = state.tenant() != self.caller.tenant;
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
            (state.cursor().epoch, place)
        };
        let id = chosen.then(|| subscription.id.to_string());
        let lane_key = match self.lanes.key_of(job) {
            Some(lane_key) => {
                // What belongs to a frame that was sent comes before the new subscription.
                while let Some(frame) = self.lanes.get_mut(lane_key).and_then(Lane::pop_owed) {
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
        self.tune_to(lane_key, key);
        if let Some(id) = id {
            let was_recovering = cursor.is_some();
            let recovered = was_recovering && place.gap.is_none();
            self.answer(&ServerMessage::Subscribed { id, recovered, was_recovering });
        }
        self.lanes.make_ready(lane_key);
    }

    /// Adds what a new subscription wants to what its lane wants.
    fn tune_to(&mut self, lane_key: u32, key: u16) {
        let default = self.default_interval(lane_key);
        let (Some(lane), Some(subscription)) =
            (self.lanes.get_mut(lane_key), self.subscriptions.get(key))
        else {
            return;
        };
        let mut asked = (subscription.wanted.clone(), subscription.interval_ms.unwrap_or(default));
        if !lane.subscriptions.is_empty() {
            let (wanted, interval) = lane.asked();
            asked = (asked.0.and(wanted), asked.1.min(interval));
        }
        lane.subscriptions.insert(key);
        lane.set(asked.0, asked.1);
    }

    /// Sets what a lane wants to the union of what its subscriptions want, after one has gone. The
    /// search ends as soon as those that are left want what was wanted before, so that a crowd of
    /// the same costs no more than a few.
    fn tune(&mut self, lane_key: u32) {
        let default = self.default_interval(lane_key);
        let Some(lane) = self.lanes.get_mut(lane_key) else { return };
        let mut left: Option<(Wanted, u32)> = None;
        for key in lane.subscriptions.iter() {
            let Some(subscription) = self.subscriptions.get(key) else { continue };
            let interval = subscription.interval_ms.unwrap_or(default);
            left = Some(match left {
                None => (subscription.wanted.clone(), interval),
                Some((wanted, least)) => (wanted.and(&subscription.wanted), least.min(interval)),
            });
            if left.as_ref().is_some_and(|(wanted, least)| lane.asked() == (wanted, *least)) {
                return;
            }
        }
        let (wanted, interval) = left.unwrap_or((Wanted::Nothing, default));
        lane.set(wanted, interval);
    }

    /// The interval of a lane's subscriptions that ask for none.
    fn default_interval(&self, lane_key: u32) -> u32 {
        let options = &self.setting.options;
        let interval = self.lanes.get(lane_key).map_or(options.min_interval_ms, |lane| {
            options.interval_of(lane.topic().look().kind())
        });
        millis(interval)
    }
}

/// Whether a selector is about a job, among those of one tenant.
fn fits(selector: &Selector, state: &State) -> bool {
    match selector {
        Selector::Job(_) | Selector::All => true,
        Selector::Session(session) => state.session() == Some(session),
        Selector::Tag(tag) => state.has_tag(tag),
    }
}

/// Milliseconds of an interval; one of more than seven weeks is one of seven weeks.
fn millis(interval: u64) -> u32 {
    u32::try_from(interval).unwrap_or(u32::MAX)
}

fn invalid(message: String) -> Refused {
    ("invalid", message)
}
