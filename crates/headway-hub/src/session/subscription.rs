//! Subscriptions: how they begin, which lanes they have, how they end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{Cursor, JobId, ServerMessage, Timestamp};

use super::lane::{Lane, Place, Wanted};
use super::message::Refused;
use super::{Answer, Found, Request, Session, Surveyed};
use crate::error::Error;
use crate::feed::{FeedReader, Selector};
use crate::topic::Watching;

/// The longest name of a subscription, in characters.
const ID_CHARACTERS: usize = 128;
/// The longest `min_interval_ms`: an hour.
const MAX_INTERVAL_MS: u64 = 3_600_000;

/// When the log is asked again after it could not be read, in milliseconds.
const READ_AGAIN_MS: u64 = 1_000;

/// What a client asked to watch.
#[derive(Debug)]
pub(super) struct Subscription {
    id: String,
    selector: Selector,
    wanted: Wanted,
    interval_ms: Option<u64>,
    lanes: HashSet<u32>,
    /// Jobs whose topic is being looked up for it.
    pending: HashSet<JobId>,
    reader: Option<FeedReader>,
    pub(super) surveying: bool,
    /// Whether it was told that there are too many jobs for one connection.
    told_full: bool,
}

/// A job that is being looked up.
#[derive(Debug)]
pub(super) struct Attaching {
    subscription: u32,
    job: JobId,
    cursor: Option<Cursor>,
}

impl Session {
    /// Begins a subscription.
    pub(super) fn subscribe(&mut self, subscribe: Subscribe) -> Result<(), Refused> {
        let selector = self.check(&subscribe)?;
        let Subscribe { id, cursor, events, min_interval_ms, .. } = subscribe;
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let surveying = !matches!(selector, Selector::Job(_));
        let subscription = Subscription {
            id: id.clone(),
            selector: selector.clone(),
            wanted: match events {
                None | Some(EventFilter::All(false)) => Wanted::Nothing,
                Some(EventFilter::All(true)) => Wanted::Everything,
                Some(EventFilter::Types(types)) if types.is_empty() => Wanted::Nothing,
                Some(EventFilter::Types(types)) => Wanted::Types(types),
            },
            interval_ms: min_interval_ms,
            lanes: HashSet::new(),
            pending: HashSet::new(),
            reader: None,
            surveying,
            told_full: false,
        };
        self.metrics.subscriptions.fetch_add(1, Ordering::Relaxed);
        self.names.insert(id, serial);
        self.subscriptions.insert(serial, Box::new(subscription));
        match selector {
            Selector::Job(job) => self.look_up(serial, job, cursor),
            selector @ (Selector::Session(_) | Selector::Tag(_) | Selector::All) => {
                self.requests.push_back(Request::Survey { subscription: serial, selector });
            }
        }
        Ok(())
    }

    /// Ends a subscription. Whether there was one.
    pub(super) fn unsubscribe(&mut self, id: &str) -> bool {
        let Some(serial) = self.names.get(id).copied() else { return false };
        self.forget(serial);
        true
    }

    /// Takes what came of a request.
    pub fn handle_answer(&mut self, answer: Answer, now: Timestamp) {
        match answer {
            Answer::Watched { ticket, outcome } => {
                if let Some(attaching) = self.attaching.remove(&ticket) {
                    self.watched(attaching, outcome);
                }
            }
            Answer::Surveyed { subscription, outcome } => self.surveyed(subscription, outcome),
            Answer::Read { lane: key, job, after, outcome } => {
                self.reads = self.reads.saturating_sub(1);
                if let Some(lane) = self.lanes.get_mut(key as usize)
                    && *lane.job() == job
                    && lane.reading == Some(after)
                {
                    match outcome {
                        Ok(history) => {
                            lane.take_page(after, history.as_ref());
                            self.make_ready(key);
                        }
                        Err(error) => {
                            tracing::warn!(%job, %error, "a watcher's events could not be read");
                            lane.reading = None;
                            let due = now.plus(READ_AGAIN_MS);
                            lane.timer = Some(due);
                            self.timers.insert((due, key));
                        }
                    }
                }
            }
        }
    }

    /// Looks up the jobs that a selector's feed announced.
    pub(super) fn look_at_feed(&mut self, serial: u32) {
        let Some(subscription) = self.subscriptions.get_mut(&serial) else { return };
        let Some(reader) = &mut subscription.reader else { return };
        match reader.look() {
            Some(jobs) => {
                for job in jobs {
                    self.bring(serial, job);
                }
            }
            None if subscription.surveying => {}
            None => {
                subscription.surveying = true;
                let selector = subscription.selector.clone();
                self.requests.push_back(Request::Survey { subscription: serial, selector });
            }
        }
    }

    /// Gives up a lane that only selectors hold, once its job's end was said: it comes back by the
    /// feed when the job is retried.
    pub(super) fn leave_if_over(&mut self, key: u32) {
        let Some(lane) = self.lanes.get(key as usize) else { return };
        let chosen = lane.subscriptions.iter().any(|serial| {
            self.subscriptions
                .get(serial)
                .is_some_and(|known| matches!(known.selector, Selector::Job(_)))
        });
        if chosen || !lane.is_over() {
            return;
        }
        for serial in lane.subscriptions.clone() {
            if let Some(subscription) = self.subscriptions.get_mut(&serial) {
                subscription.lanes.remove(&key);
            }
        }
        self.remove_lane(key);
    }

    fn check(&self, subscribe: &Subscribe) -> Result<Selector, Refused> {
        let Subscribe { id, job, session, tag, all, cursor, events: _, min_interval_ms } =
            subscribe;
        if id.is_empty() || id.chars().count() > ID_CHARACTERS {
            return Err(invalid(format!("`id` must have 1 to {ID_CHARACTERS} characters")));
        }
        if self.names.contains_key(id) {
            let message = format!("the subscription `{id}` stands already: choose another `id`");
            return Err(("duplicate_subscription", message));
        }
        if self.subscriptions.len() >= self.options.max_subscriptions as usize {
            let most = self.options.max_subscriptions;
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

    fn forget(&mut self, serial: u32) {
        let Some(subscription) = self.subscriptions.remove(&serial) else { return };
        self.metrics.subscriptions.fetch_sub(1, Ordering::Relaxed);
        self.names.remove(&subscription.id);
        self.attaching.retain(|_, attaching| attaching.subscription != serial);
        for key in subscription.lanes {
            let Some(lane) = self.lanes.get_mut(key as usize) else { continue };
            lane.subscriptions.retain(|known| *known != serial);
            if lane.subscriptions.is_empty() {
                self.remove_lane(key);
            } else {
                self.tune(key);
            }
        }
    }

    fn remove_lane(&mut self, key: u32) {
        let Some(lane) = self.lanes.try_remove(key as usize) else { return };
        self.jobs.remove(lane.job());
        if let Some(due) = lane.timer {
            self.timers.remove(&(due, key));
        }
    }

    /// A selector brings a job.
    fn bring(&mut self, serial: u32, job: JobId) {
        let Some(subscription) = self.subscriptions.get_mut(&serial) else { return };
        let lane = self.jobs.get(&job);
        let known = lane.is_some_and(|key| subscription.lanes.contains(key));
        if known || subscription.pending.contains(&job) {
            return;
        }
        if lane.is_none() && self.lanes.len() + self.attaching.len() >= self.options.max_jobs {
            if !subscription.told_full {
                subscription.told_full = true;
                let most = self.options.max_jobs;
                let message = format!(
                    "a connection watches at most {most} jobs: others appear when some have ended"
                );
                let id = Some(subscription.id.clone());
                self.answer(&ServerMessage::Error {
                    id,
                    code: "too_many_jobs".to_owned(),
                    message,
                });
            }
            return;
        }
        subscription.pending.insert(job.clone());
        // The position stays until the job is attached: another selector may be the one that it
        // fits.
        let cursor = self.positions.get(&job).copied();
        self.look_up(serial, job, cursor);
    }

    fn look_up(&mut self, subscription: u32, job: JobId, cursor: Option<Cursor>) {
        self.serial = self.serial.wrapping_add(1);
        let ticket = self.serial;
        let attaching = Attaching { subscription, job: job.clone(), cursor };
        self.attaching.insert(ticket, attaching);
        self.requests.push_back(Request::Watch { ticket, job, cursor });
    }

    fn surveyed(&mut self, serial: u32, outcome: Result<Surveyed, Error>) {
        let Some(subscription) = self.subscriptions.get_mut(&serial) else { return };
        let first = subscription.reader.is_none();
        subscription.surveying = false;
        match outcome {
            Ok(Surveyed { reader, jobs }) => {
                subscription.reader = Some(reader);
                if first {
                    let was_recovering = !self.positions.is_empty();
                    let id = subscription.id.clone();
                    self.answer(&ServerMessage::Subscribed {
                        id,
                        recovered: was_recovering,
                        was_recovering,
                    });
                }
                for job in jobs {
                    self.bring(serial, job);
                }
                if first {
                    // Jobs that its reader knows and that have ended since are in no list.
                    let mut known: Vec<JobId> = self.positions.keys().cloned().collect();
                    known.sort_unstable();
                    for job in known {
                        self.bring(serial, job);
                    }
                }
                self.look_at_feed(serial);
            }
            Err(error) => self.fail(serial, &error),
        }
        self.forget_positions();
    }

    /// Positions go once every selector has looked for their jobs.
    fn forget_positions(&mut self) {
        if !self.positions.is_empty()
            && self.attaching.is_empty()
            && !self.subscriptions.values().any(|subscription| subscription.surveying)
        {
            self.positions = HashMap::new();
        }
    }

    fn watched(&mut self, attaching: Attaching, outcome: Result<Option<Found>, Error>) {
        let Attaching { subscription: serial, job, cursor } = attaching;
        let Some(subscription) = self.subscriptions.get_mut(&serial) else { return };
        subscription.pending.remove(&job);
        if subscription.pending.is_empty() {
            subscription.pending = HashSet::new();
        }
        let chosen = matches!(subscription.selector, Selector::Job(_));
        match outcome {
            Ok(Some(found)) => self.attach(serial, &found, cursor, chosen),
            Ok(None) if chosen => {
                let id = Some(subscription.id.clone());
                let message = format!("there is no job {job}");
                self.forget(serial);
                self.answer(&ServerMessage::Error { id, code: "not_found".to_owned(), message });
            }
            // A job that was removed between its announcement and the look.
            Ok(None) => {}
            Err(error) => self.fail(serial, &error),
        }
        self.forget_positions();
    }

    fn fail(&mut self, serial: u32, error: &Error) {
        let id = self.subscriptions.get(&serial).map(|subscription| subscription.id.clone());
        let problem = error.problem();
        self.forget(serial);
        self.answer(&ServerMessage::Error { id, code: problem.code, message: problem.detail });
    }

    fn attach(
        &mut self,
        serial: u32,
        found: &Found,
        mut cursor: Option<Cursor>,
        chosen: bool,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(&serial) else { return };
        let events = subscription.wanted != Wanted::Nothing;
        let place = {
            let state = found.topic.look();
            let fits = match &subscription.selector {
                Selector::Job(_) | Selector::All => true,
                Selector::Session(session) => state.session() == Some(session),
                Selector::Tag(tag) => state.has_tag(tag),
            };
            if !fits {
                return;
            }
            if !chosen && self.positions.remove(found.topic.job()).is_none() {
                // Another selector has brought the job to where its reader goes on.
                cursor = None;
            }
            cursor.map_or_else(Place::default, |cursor| {
                Place::of(&state, cursor, events, found.trimmed_to)
            })
        };
        let id = subscription.id.clone();
        let key = if let Some(key) = self.jobs.get(found.topic.job()).copied() {
            if let Some(lane) = self.lanes.get_mut(key as usize) {
                lane.join(place);
            }
            key
        } else {
            if self.lanes.is_empty() {
                // Most connections watch one job.
                self.lanes.reserve_exact(1);
            }
            let entry = self.lanes.vacant_entry();
            let key = u32::try_from(entry.key()).unwrap_or(u32::MAX);
            let topic = Arc::clone(&found.topic);
            let watching = Watching::join(topic, &self.bell, self.key, key);
            entry.insert(Lane::new(watching, place));
            self.jobs.insert(found.topic.job().clone(), key);
            key
        };
        if let Some(lane) = self.lanes.get_mut(key as usize) {
            lane.subscriptions.push(serial);
        }
        if let Some(subscription) = self.subscriptions.get_mut(&serial) {
            subscription.lanes.insert(key);
        }
        self.tune(key);
        if chosen {
            let was_recovering = cursor.is_some();
            let recovered = was_recovering && place.gap.is_none();
            self.answer(&ServerMessage::Subscribed { id, recovered, was_recovering });
        }
        self.make_ready(key);
    }

    /// Sets what a lane wants to the union of what its subscriptions want.
    fn tune(&mut self, key: u32) {
        let Some(lane) = self.lanes.get_mut(key as usize) else { return };
        let default = self.options.interval_of(lane.topic().look().kind());
        let mut wanted = Wanted::Nothing;
        let mut interval: Option<u64> = None;
        for serial in &lane.subscriptions {
            let Some(subscription) = self.subscriptions.get(serial) else { continue };
            let asked = subscription.interval_ms.unwrap_or(default);
            interval = Some(interval.map_or(asked, |present| present.min(asked)));
            wanted = wanted.and(&subscription.wanted);
        }
        lane.set(wanted, interval.unwrap_or(default));
    }
}

fn invalid(message: String) -> Refused {
    ("invalid", message)
}
