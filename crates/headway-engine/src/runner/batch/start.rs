//! Leases items and starts attempts.

use std::sync::Arc;
use std::time::Duration;

use headway_core::batch::Start;
use headway_protocol::batch::OnFailure;
use headway_protocol::{Amount, ItemStatus, Timestamp};
use headway_store::{LeaseRequest, LeasedItem};

use super::super::attempt::{self, Finished};
use super::Batch;
use crate::executor::Readiness;

/// Ended attempts that may wait while the store is slow; then no more items are started.
const UNWRITTEN: usize = 8_192;

/// The most items leased at once.
const LEASE: usize = 1_024;

/// Items that were leased.
pub(super) struct Lease {
    pub(super) items: Vec<LeasedItem>,
    /// Whether there were fewer than asked for.
    pub(super) dry: bool,
    /// When the next item may be tried again.
    pub(super) next_retry: Option<Timestamp>,
}

impl Batch {
    /// Begins to lease items, when few are left and there may be more.
    pub(super) fn start_lease(&mut self) {
        if self.lease.is_some() || !self.runs() || self.exhausted.is_some() {
            return;
        }
        let now = self.run.context.now();
        if self.dry {
            let Some(at) = self.next_retry else { return };
            if at > now {
                self.wake(at);
                return;
            }
            // Items to be tried again are leased once their rows say so.
            if !self.outcomes.is_empty() || self.unwritten.is_some() || self.flush.is_some() {
                return;
            }
        }
        let chunk = (self.concurrency * 4).clamp(64, LEASE);
        if self.ready.len() * 2 > chunk {
            return;
        }
        if self.dry {
            // Every row says when it is due, so the lease tells what comes after it.
            self.next_retry = None;
        }
        let request = LeaseRequest { fence: self.fence, now, max: chunk };
        let store = Arc::clone(&self.run.context.store);
        let job = self.run.job.clone();
        self.lease = Some(Box::pin(async move {
            let items = store.lease_items(&job, &request).await?;
            let dry = items.len() < request.max;
            let next_retry = if dry { store.next_retry(&job).await? } else { None };
            Ok(Lease { items, dry, next_retry })
        }));
    }

    /// Starts as many items as may run.
    pub(super) fn start_items(&mut self) {
        let budgeted = self.state.private.settings.budget.is_some();
        while self.runs()
            && !self.hold
            && self.exhausted.is_none()
            && self.running.len() < self.concurrency
            && self.outcomes.len() < UNWRITTEN
            // What is being written down is neither pending nor spent yet.
            && !(budgeted && self.flush.is_some())
        {
            let Some(item) = self.ready.front() else { break };
            match self.executor.readiness() {
                Readiness::Ready => self.waits_for = None,
                Readiness::ForOne if self.running.is_empty() => {}
                Readiness::ForOne => break,
                Readiness::NotBefore { until, why } => {
                    self.waits_told &= self.waits_for.is_some();
                    self.waits_for = Some(why);
                    self.wake(until);
                    break;
                }
            }
            match self.flight.may_start(&self.state, item.estimate) {
                Start::Go { reserve } => {
                    if !self.take_pace() {
                        break;
                    }
                    self.start_one(reserve);
                }
                Start::Hold => break,
                Start::Exhausted { next } => self.exhausted = Some(next),
            }
        }
    }

    fn take_pace(&mut self) -> bool {
        let Some(pace) = &mut self.pace else { return true };
        let now = self.run.context.now();
        match pace.take(now) {
            Ok(()) => true,
            Err(wait_ms) => {
                self.wake(now.plus(wait_ms));
                false
            }
        }
    }

    fn start_one(&mut self, reserve: Amount) {
        let Some(item) = self.ready.pop_front() else { return };
        if self.retrying.remove(&item.index) {
            self.flight.start_again(item.index, reserve);
        } else {
            self.flight.start(item.index, reserve);
        }
        self.gathered(self.run.context.now());
        self.running.push(Box::pin(attempt::run(
            Arc::clone(&self.run.context),
            Arc::clone(&self.executor),
            self.run.job.clone(),
            item,
            self.state.private.settings.timeout_ms.map(Duration::from_millis),
            Arc::clone(&self.news),
            self.kill.child_token(),
        )));
    }

    /// Takes in what became of an attempt.
    pub(super) fn settle(&mut self, finished: Finished) {
        let settings = &self.state.private.settings;
        let (batch_rates, on_failure) = (settings.batch_rates, settings.on_failure);
        let outcome = finished.outcome(
            &self.run.context,
            self.fence,
            &self.retry,
            batch_rates,
            &mut self.unpriced,
        );
        self.unpriced.sort_unstable();
        self.unpriced.dedup();
        match outcome.settled.status {
            ItemStatus::Retrying => {
                self.retrying.insert(outcome.settled.index);
                self.expect_retry(outcome.row.as_ref().and_then(|row| row.due_at));
            }
            ItemStatus::Failed => self.hold |= on_failure == OnFailure::Stop,
            ItemStatus::Queued
            | ItemStatus::Running
            | ItemStatus::Succeeded
            | ItemStatus::Skipped
            | ItemStatus::Cancelled
            | ItemStatus::Expired => {}
        }
        self.flight.settle(outcome.settled);
        self.outcomes.extend(outcome.row);
        self.gathered(self.run.context.now());
    }

    /// Takes in what a lease brought. It may have been read before the rows of items that are to be
    /// tried again said so: what is known of those stays.
    pub(super) fn leased(&mut self, lease: Lease) {
        self.ready.extend(lease.items);
        self.dry = lease.dry;
        self.expect_retry(lease.next_retry);
    }

    fn expect_retry(&mut self, due: Option<Timestamp>) {
        self.next_retry = self.next_retry.into_iter().chain(due).min();
    }

    fn gathered(&mut self, now: Timestamp) {
        self.gathered_since.get_or_insert(now);
    }
}
