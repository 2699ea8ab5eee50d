//! What a pool's slots and those who wait for attempts share: the queue, who holds how much, and
//! whether workers can be started at all.
//!
//! Attempts wait in one queue and a slot takes them when its worker has room, so that nothing is
//! bound to a worker that is slow or down. A worker's room is its share of the attempts that are
//! open now, `open / slots` rounded up: all open attempts are with workers at once (a worker may
//! work on many at a time), and a worker that answers sooner takes more of those that follow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headway_protocol::JobError;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::{Ended, Failure};
use super::held::Held;
use super::ticket::Ticket;

/// How many workers in a row may die soon after their start, without an answer from any worker,
/// before items fail instead of waiting for the next.
const BARREN_STARTS: u32 = 5;
/// How much is written to a worker at once: a few pipes full.
const WRITE_BYTES: usize = 256 * 1024;
/// What a slot that may not start a worker yet counts as holding: more than any other.
const RESTING: usize = usize::MAX / 2;

/// What a pool's slots and those who wait for attempts share.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    slots: Vec<Slot>,
    /// Cancelled when the pool closes.
    pub(super) closed: CancellationToken,
}

#[derive(Debug, Default)]
struct Slot {
    /// There may be work, or something that is held was abandoned.
    wake: Notify,
    /// Something that it holds was abandoned since it last looked.
    abandoned: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// Bounded by `open` and the abandoned ones, which are at most as many again.
    queue: VecDeque<Arc<Ticket>>,
    /// How many of the queue may be abandoned.
    stale: usize,
    /// Attempts that somebody waits for.
    open: usize,
    /// How many attempts each slot holds, those included that it was woken to take.
    held: Vec<usize>,
    /// How many workers of each slot have died soon and in a row since any worker answered.
    barren: Vec<u32>,
    /// Until when items fail at once, and why.
    broken: Option<(Instant, JobError)>,
}

impl State {
    fn set_held(&mut self, slot: usize, count: usize) {
        if let Some(held) = self.held.get_mut(slot) {
            *held = count;
        }
    }
}

impl Board {
    pub(super) fn new(slots: usize) -> Self {
        let state = State {
            queue: VecDeque::new(),
            stale: 0,
            open: 0,
            held: vec![0; slots],
            barren: vec![0; slots],
            broken: None,
        };
        Self {
            state: Mutex::new(state),
            slots: std::iter::repeat_with(Slot::default).take(slots).collect(),
            closed: CancellationToken::new(),
        }
    }

    /// Takes in an attempt that somebody waits for, unless no worker can be started.
    pub(super) fn enter(&self, ticket: &Arc<Ticket>) -> Result<(), Failure> {
        if self.closed.is_cancelled() {
            return Err(Failure::Stopped);
        }
        let mut state = self.state.lock();
        if let Some((until, error)) = &state.broken {
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                let error = error.clone();
                return Err(Failure::Error { error, retry_after_ms: Some(millis(left)) });
            }
            state.broken = None;
        }
        state.open += 1;
        state.queue.push_back(Arc::clone(ticket));
        // Counted as held until the slot has looked, so that the next attempt wakes another.
        let least = state.held.iter_mut().enumerate().min_by_key(|(_, held)| **held);
        let slot = least.map(|(slot, held)| {
            *held += 1;
            slot
        });
        drop(state);
        self.wake(slot);
        Ok(())
    }

    /// Nobody waits for an attempt any more: it ended, or it was stopped.
    pub(super) fn leave(&self, ticket: &Ticket, ended: bool) {
        let mut state = self.state.lock();
        state.open = state.open.saturating_sub(1);
        if ended {
            return;
        }
        ticket.abandon();
        let slot = ticket.slot();
        if slot.is_none() {
            state.stale += 1;
            if state.stale > state.open + 16 {
                state.queue.retain(|ticket| !ticket.is_abandoned());
                state.stale = 0;
            }
        }
        drop(state);
        if let Some(held_by) = slot.and_then(|slot| self.slots.get(slot)) {
            held_by.abandoned.store(true, Ordering::Release);
            held_by.wake.notify_one();
        }
    }

    /// Gives a slot what its worker has room for, as attempts that it holds and as lines to write.
    /// A worker holds one attempt of an index at a time: its answers name nothing but the index.
    pub(super) fn take(&self, slot: usize, held: &mut Held, lines: &mut Vec<u8>) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let room = state.open.div_ceil(self.slots.len().max(1)).max(1).saturating_sub(held.len());
        let mut taken = 0;
        let mut passed: Vec<Arc<Ticket>> = Vec::new();
        let mut pass_on = false;
        while taken < room && lines.len() < WRITE_BYTES {
            let Some(ticket) = state.queue.pop_front() else { break };
            if ticket.is_abandoned() {
                state.stale = state.stale.saturating_sub(1);
            } else if held.has(ticket.index) {
                let hops = ticket.hops.fetch_add(1, Ordering::Relaxed);
                pass_on |= usize::try_from(hops).is_ok_and(|hops| hops < self.slots.len());
                passed.push(ticket);
            } else {
                taken += 1;
                lines.extend_from_slice(&ticket.line);
                ticket.set_slot(Some(slot));
                held.add(ticket, now);
            }
        }
        for ticket in passed.into_iter().rev() {
            state.queue.push_front(ticket);
        }
        state.set_held(slot, held.len());
        drop(state);
        if pass_on {
            self.wake(Some((slot + 1) % self.slots.len().max(1)));
        }
    }

    /// Puts attempts back to the head of the queue, the first one first.
    pub(super) fn put_back(&self, tickets: Vec<Arc<Ticket>>) {
        let mut state = self.state.lock();
        for ticket in tickets.into_iter().rev() {
            ticket.set_slot(None);
            if !ticket.is_abandoned() {
                state.queue.push_front(ticket);
            }
        }
    }

    /// Waits until the slot is woken and there is something to start a worker for.
    pub(super) async fn work(&self, slot: usize) {
        let Some(own) = self.slots.get(slot) else { return std::future::pending().await };
        loop {
            own.wake.notified().await;
            let mut state = self.state.lock();
            if state.queue.iter().any(|ticket| !ticket.is_abandoned()) {
                return;
            }
            state.set_held(slot, 0);
        }
    }

    /// Waits until the slot is woken.
    pub(super) async fn woken(&self, slot: usize) {
        match self.slots.get(slot) {
            Some(own) => own.wake.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Whether something that the slot holds was abandoned since this was last asked.
    pub(super) fn was_abandoned(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|own| own.abandoned.swap(false, Ordering::AcqRel))
    }

    /// A worker answered: workers can be started.
    pub(super) fn answered(&self) {
        let mut state = self.state.lock();
        state.barren.fill(0);
        state.broken = None;
    }

    /// A slot's worker is gone; what the slot held is settled or back in the queue. A slot that
    /// rests is the last to be woken, until it has rested.
    pub(super) fn gone(&self, slot: usize, rests: bool) {
        self.state.lock().set_held(slot, if rests { RESTING } else { 0 });
        for slot in 0..self.slots.len() {
            self.wake(Some(slot));
        }
    }

    /// A slot may start a worker again.
    pub(super) fn rested(&self, slot: usize) {
        self.state.lock().set_held(slot, 0);
        self.wake(Some(slot));
    }

    /// A worker died soon after its start and without an answer, and the next is not started
    /// before `delay`. Says whether that happened so often that items fail, and fails those that
    /// wait.
    pub(super) fn barren(
        &self,
        slot: usize,
        delay: Duration,
        error: &JobError,
    ) -> Option<JobError> {
        let mut state = self.state.lock();
        let deaths = state.barren.get_mut(slot)?;
        *deaths = deaths.saturating_add(1);
        if *deaths < BARREN_STARTS {
            return None;
        }
        let message = format!("the workers end as soon as they are started: {}", error.message);
        let error = JobError {
            details: error.details.clone(),
            ..JobError::passing("worker_cannot_start", message)
        };
        state.broken = Some((Instant::now() + delay, error.clone()));
        let waiting = std::mem::take(&mut state.queue);
        state.stale = 0;
        drop(state);
        for ticket in waiting {
            ticket.end(failed(error.clone(), Some(millis(delay))));
        }
        Some(error)
    }

    fn wake(&self, slot: Option<usize>) {
        if let Some(own) = slot.and_then(|slot| self.slots.get(slot)) {
            own.wake.notify_one();
        }
    }
}

/// An attempt that failed and used nothing.
pub(super) fn failed(error: JobError, retry_after_ms: Option<u64>) -> Ended {
    ended(Err(Failure::Error { error, retry_after_ms }))
}

/// An attempt that ended and used nothing.
pub(super) fn ended(outcome: Result<Box<serde_json::value::RawValue>, Failure>) -> Ended {
    Ended { outcome, usage: Vec::new(), cost: headway_protocol::Amount::ZERO }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
