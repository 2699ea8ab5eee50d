//! What a session has only while something is going on.

use std::collections::{HashMap, VecDeque};

use headway_protocol::{Cursor, JobId, Timestamp};

use super::members::Members;
use super::message::MISTAKES_WITHIN_MS;
use super::request::{AskedCommand, Request};
use super::sign_in::SignIn;
use crate::frame::Frame;

/// Requests, answers and what they are about. Most of its life a session waits for its jobs to
/// move and has none of it.
#[derive(Debug, Default)]
pub(super) struct Busy {
    /// Answers to client messages and the like, bounded by [`super::ANSWERS`], what was left of jobs
    /// whose names were given again, and one for each subscription that ended without being asked.
    pub(super) outbox: VecDeque<Frame>,
    /// What has to be done; at most one for each search, each selector and each of
    /// [`super::lanes::READS`].
    pub(super) requests: VecDeque<Request>,
    /// Commands that nobody has taken yet; with those that were taken, at most [`super::ANSWERS`].
    pub(super) asked: VecDeque<AskedCommand>,
    /// Commands that are being carried out, or wait for it.
    pub(super) commands: usize,
    /// The token that is being checked, or waits for it.
    pub(super) sign_in: Option<SignIn>,
    pub(super) searches: Searches,
    /// Positions that the reader came with, for jobs that its selectors bring.
    pub(super) positions: HashMap<JobId, Cursor>,
    /// When messages were refused, at most [`super::message::MISTAKES`] of them.
    pub(super) mistakes: VecDeque<Timestamp>,
}

impl Busy {
    /// Whether nothing is going on any more.
    pub(super) fn is_over(&mut self, now: Timestamp) -> bool {
        self.forget_mistakes(now);
        self.outbox.is_empty()
            && self.requests.is_empty()
            && self.asked.is_empty()
            && self.commands == 0
            && self.sign_in.is_none()
            && self.searches.is_empty()
            && self.positions.is_empty()
            && self.mistakes.is_empty()
    }

    /// Mistakes that lie long enough back are forgiven.
    pub(super) fn forget_mistakes(&mut self, now: Timestamp) {
        while self.mistakes.front().is_some_and(|then| now.since(*then) > MISTAKES_WITHIN_MS) {
            self.mistakes.pop_front();
        }
    }

    /// A subscription has gone: nothing is done for it alone any more.
    pub(super) fn leave(&mut self, subscription: u16) {
        self.searches.leave(subscription);
        let searches = &self.searches;
        self.requests.retain(|request| match request {
            Request::Watch { ticket, .. } => searches.by_ticket.contains_key(ticket),
            Request::Survey { subscription: asker, .. } => *asker != subscription,
            Request::Read { .. } => true,
        });
    }
}

/// Jobs that are being looked up.
#[derive(Debug, Default)]
pub(super) struct Searches {
    by_ticket: HashMap<u32, Search>,
    /// Those for selectors: one for each job, however many selectors brought it.
    by_job: HashMap<JobId, u32>,
}

/// A job that is being looked up.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) job: JobId,
    pub(super) cursor: Option<Cursor>,
    pub(super) subscriptions: Members,
    /// The caller may see other things since it began: that it finds nothing may be true no more.
    pub(super) outdated: bool,
}

impl Search {
    pub(super) fn new(job: JobId, cursor: Option<Cursor>, subscription: u16) -> Self {
        Self { job, cursor, subscriptions: Members::of(subscription), outdated: false }
    }
}

impl Searches {
    pub(super) fn len(&self) -> usize {
        self.by_ticket.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_ticket.is_empty()
    }

    /// Begins a search for one subscription, which others do not share.
    pub(super) fn begin(&mut self, ticket: u32, search: Search) {
        self.by_ticket.insert(ticket, search);
    }

    /// Begins a search that others may join.
    pub(super) fn begin_shared(&mut self, ticket: u32, search: Search) {
        self.by_job.insert(search.job.clone(), ticket);
        self.begin(ticket, search);
    }

    /// Joins the search for a job, if there is one to join.
    pub(super) fn join(&mut self, job: &JobId, subscription: u16) -> bool {
        let search = self.by_job.get(job).and_then(|ticket| self.by_ticket.get_mut(ticket));
        if let Some(search) = search {
            search.subscriptions.insert(subscription);
            return true;
        }
        false
    }

    /// The caller may see other things from now on.
    pub(super) fn outdate(&mut self) {
        for search in self.by_ticket.values_mut() {
            search.outdated = true;
        }
    }

    /// Ends a search.
    pub(super) fn end(&mut self, ticket: u32) -> Option<Search> {
        let search = self.by_ticket.remove(&ticket)?;
        if self.by_job.get(&search.job) == Some(&ticket) {
            self.by_job.remove(&search.job);
        }
        Some(search)
    }

    fn leave(&mut self, subscription: u16) {
        let Self { by_ticket, by_job } = self;
        by_ticket.retain(|ticket, search| {
            search.subscriptions.remove(subscription);
            let wanted = !search.subscriptions.is_empty();
            if !wanted && by_job.get(&search.job) == Some(ticket) {
                by_job.remove(&search.job);
            }
            wanted
        });
    }
}
