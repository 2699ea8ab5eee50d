//! Subscriptions: how they begin and end.

use std::sync::atomic::Ordering;

use headway_access::{Act, On, authorize};
use headway_protocol::frame::Subscribe;
use headway_protocol::{Cursor, JobId, ProblemCode};
use slab::Slab;

use super::busy::Search;
use super::cover::fits;
use super::message::Refused;
use super::wanted::Wanted;
use super::{Request, Session};
use crate::feed::{FeedReader, Selector};
use crate::metrics::Limit;

/// The longest name of a subscription, in characters.
const ID_CHARACTERS: usize = 128;
/// The longest `min_interval_ms`: an hour.
const MAX_INTERVAL_MS: u64 = 3_600_000;

/// What a client asked to watch.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) id: Box<str>,
    pub(super) selector: Selector,
    pub(super) wanted: Wanted,
    pub(super) interval_ms: Option<u32>,
    /// Of the survey that began it: tells it from one that had its key before.
    pub(super) ticket: u32,
    pub(super) reader: Option<FeedReader>,
    pub(super) surveying: bool,
    /// While its jobs are listed: the caller may see others since that began.
    pub(super) outdated: bool,
    /// Whether it was told that there are too many jobs for one connection.
    pub(super) told_full: bool,
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

    pub(super) fn key_of(&self, id: &str) -> Option<u16> {
        let known = self.entries.iter().find(|(_, subscription)| *subscription.id == *id);
        known.and_then(|(key, _)| u16::try_from(key).ok())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &Subscription)> {
        let entries = self.entries.iter();
        entries.filter_map(|(key, subscription)| Some((u16::try_from(key).ok()?, subscription)))
    }

    pub(super) fn get(&self, key: u16) -> Option<&Subscription> {
        self.entries.get(usize::from(key))
    }

    pub(super) fn get_mut(&mut self, key: u16) -> Option<&mut Subscription> {
        self.entries.get_mut(usize::from(key))
    }

    pub(super) fn insert(&mut self, subscription: Subscription) -> u16 {
        if self.entries.is_empty() {
            // Most connections have one.
            self.entries.reserve_exact(1);
        }
        // `Options::max_subscriptions` keeps keys far below the greatest.
        u16::try_from(self.entries.insert(subscription)).unwrap_or(u16::MAX)
    }

    pub(super) fn remove(&mut self, key: u16) -> Option<Subscription> {
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
        self.is_signed_in()?;
        let selector = self.check(&subscribe)?;
        let Subscribe { id, cursor, events, min_interval_ms, .. } = subscribe;
        let interval_ms = min_interval_ms.map(millis);
        self.begin(id.into_boxed_str(), selector, Wanted::of(events), interval_ms, cursor);
        Ok(())
    }

    /// Ends a subscription and begins it anew, as if it had just been asked for: its jobs are told
    /// from their present state on, or from the positions given to [`Self::resume`].
    pub fn begin_again(&mut self, id: &str) {
        let known = self.subscriptions.key_of(id);
        let Some((key, subscription)) =
            known.and_then(|key| Some((key, self.subscriptions.get(key)?)))
        else {
            return;
        };
        let Subscription { id, selector, wanted, interval_ms, .. } = subscription;
        let (id, selector, wanted) = (id.clone(), selector.clone(), wanted.clone());
        let interval_ms = *interval_ms;
        self.forget(key);
        self.begin(id, selector, wanted, interval_ms, None);
    }

    fn begin(
        &mut self,
        id: Box<str>,
        selector: Selector,
        wanted: Wanted,
        interval_ms: Option<u32>,
        cursor: Option<Cursor>,
    ) {
        let ticket = self.ticket();
        let key = self.subscriptions.insert(Subscription {
            id,
            selector: selector.clone(),
            wanted,
            interval_ms,
            ticket,
            reader: None,
            surveying: !matches!(selector, Selector::Job(_)),
            outdated: false,
            told_full: false,
        });
        self.setting.metrics.subscriptions.fetch_add(1, Ordering::Relaxed);
        match selector {
            Selector::Job(job) => {
                let busy = self.busy();
                busy.searches.begin(ticket, Search::new(job.clone(), cursor, key));
                busy.requests.push_back(Request::Watch { ticket, job, cursor });
            }
            selector @ (Selector::Session(_) | Selector::Tag(_) | Selector::All) => {
                let survey = Request::Survey { ticket, subscription: key, selector };
                self.busy().requests.push_back(survey);
            }
        }
    }

    /// Ends a subscription without an answer. Whether there was one.
    pub fn unsubscribe(&mut self, id: &str) -> bool {
        let Some(key) = self.subscriptions.key_of(id) else { return false };
        self.forget(key);
        true
    }

    /// Whether a subscription of this name is about a job that is being watched.
    pub fn is_about(&self, id: &str, job: &JobId) -> bool {
        let subscription =
            self.subscriptions.key_of(id).and_then(|key| self.subscriptions.get(key));
        let lane = self.lanes.key_of(job).and_then(|key| self.lanes.get(key));
        let (Some(subscription), Some(lane)) = (subscription, lane) else { return false };
        fits(&subscription.selector, &lane.topic().look())
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
        self.may_use(&selector)?;
        Ok(selector)
    }

    /// Whether its caller may watch by a selector. Of a job by its name that is judged when it is
    /// found, so that one which may not be seen is as one that is not there.
    pub(super) fn may_use(&self, selector: &Selector) -> Result<(), Refused> {
        let on = match selector {
            Selector::Job(_) => On::Anything,
            Selector::Session(session) => On::Session(session),
            Selector::Tag(tag) => On::Tag(tag),
            Selector::All => On::All,
        };
        authorize(&self.caller, Act::Watch, on)
            .map_err(|denial| (ProblemCode::Forbidden.as_str(), denial.to_string()))
    }

    pub(super) fn forget(&mut self, key: u16) {
        let Some(subscription) = self.subscriptions.remove(key) else { return };
        self.setting.metrics.subscriptions.fetch_sub(1, Ordering::Relaxed);
        if let Some(busy) = &mut self.busy {
            busy.leave(key);
        }
        if self.subscriptions.is_empty() {
            self.past = None;
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
}

/// Milliseconds of an interval; one of more than seven weeks is one of seven weeks.
pub(super) fn millis(interval: u64) -> u32 {
    u32::try_from(interval).unwrap_or(u32::MAX)
}

fn invalid(message: String) -> Refused {
    ("invalid", message)
}
