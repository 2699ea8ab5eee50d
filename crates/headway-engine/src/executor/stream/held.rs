//! The attempts that one worker holds, in the order in which it got them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use super::ticket::Ticket;

/// The attempts that one worker holds.
///
/// Only the oldest has a running clock: a worker that takes one item after the other began it no
/// sooner than when it became the oldest, and one that takes many at a time answers or runs out
/// of time on the oldest first.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// By index; a worker never holds two of one index.
    tickets: HashMap<u64, (u64, Arc<Ticket>)>,
    /// Indexes by the order in which they were sent.
    order: BTreeMap<u64, u64>,
    sent: u64,
    /// Since when the oldest has been the oldest.
    since: Option<Instant>,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.tickets.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    pub(super) fn has(&self, index: u64) -> bool {
        self.tickets.contains_key(&index)
    }

    pub(super) fn get(&self, index: u64) -> Option<&Arc<Ticket>> {
        self.tickets.get(&index).map(|(_, ticket)| ticket)
    }

    pub(super) fn add(&mut self, ticket: Arc<Ticket>, now: Instant) {
        if self.order.is_empty() {
            self.since = Some(now);
        }
        self.sent += 1;
        self.order.insert(self.sent, ticket.index);
        self.tickets.insert(ticket.index, (self.sent, ticket));
    }

    pub(super) fn remove(&mut self, index: u64, now: Instant) -> Option<Arc<Ticket>> {
        let (place, ticket) = self.tickets.remove(&index)?;
        let was_oldest = self.order.first_key_value().is_some_and(|(first, _)| *first == place);
        self.order.remove(&place);
        if was_oldest {
            self.since = Some(now);
        }
        Some(ticket)
    }

    /// The one that the worker has had for longest.
    pub(super) fn oldest(&self) -> Option<&Arc<Ticket>> {
        self.order.first_key_value().and_then(|(_, index)| self.get(*index))
    }

    /// When the oldest runs out of time.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let timeout = self.oldest()?.timeout?;
        self.since?.checked_add(timeout)
    }

    /// Whether nobody waits for any of them.
    pub(super) fn all_abandoned(&self) -> bool {
        self.tickets.values().all(|(_, ticket)| ticket.is_abandoned())
    }

    /// All of them, the oldest first.
    pub(super) fn take_all(&mut self) -> Vec<Arc<Ticket>> {
        let order = std::mem::take(&mut self.order);
        order
            .into_values()
            .filter_map(|index| self.tickets.remove(&index).map(|(_, ticket)| ticket))
            .collect()
    }
}
