//! At rest: nothing is in flight and nothing waits to be written down. Pauses, stops and ends happen
//! here.

use std::sync::Arc;

use headway_protocol::event::ItemsMoved;
use headway_protocol::report::{LogLevel, Report};
use headway_protocol::{ItemStatus, JobStatus};
use headway_store::{StoreError, Sweep, SweptAttempts};

use super::Batch;
use super::recover::{SWEEP, close_open_items, sweep};
use crate::Error;
use crate::shard::Change;

impl Batch {
    /// Whether nothing is in flight, and nothing waits to be written down.
    pub(super) fn at_rest(&self) -> bool {
        self.running.is_empty()
            && self.outcomes.is_empty()
            && self.unwritten.is_none()
            && self.flush.is_none()
            && self.lease.is_none()
    }

    /// At rest: ends what is to end. Answers whether the runner is done.
    pub(super) async fn rest(&mut self) -> Result<bool, Error> {
        self.tell_unpriced().await;
        self.tell_waiting().await;
        match self.state.job.status {
            JobStatus::Running if self.kill_at.is_some() => {
                self.give_back().await?;
                Ok(true)
            }
            JobStatus::Running => {
                let Some(next) = self.exhausted.take() else { return self.nothing_to_do() };
                self.give_back().await?;
                let state = self.run.say(Change::BudgetReached { next }).await?;
                self.adopt(state);
                Ok(false)
            }
            JobStatus::Pausing => {
                self.give_back().await?;
                self.close_account(ItemsMoved::default()).await?;
                Ok(false)
            }
            JobStatus::Cancelling => {
                self.cancel_open_items().await?;
                Ok(false)
            }
            JobStatus::Paused => {
                self.give_back().await?;
                Ok(true)
            }
            JobStatus::Pending
            | JobStatus::Queued
            | JobStatus::Completed
            | JobStatus::Failed
            | JobStatus::Cancelled
            | JobStatus::Expired => Ok(true),
        }
    }

    /// Running, and nothing in flight: there must be something to lease, now or later.
    fn nothing_to_do(&self) -> Result<bool, Error> {
        let waits = !self.ready.is_empty() || !self.dry || self.next_retry.is_some();
        if waits {
            return Ok(false);
        }
        let detail = format!(
            "batch {} counts {} open items, and none can be leased",
            self.run.job,
            self.state.job.items.map_or(0, |items| items.open())
        );
        Err(StoreError::Refused(detail).into())
    }

    /// Puts leased items back that were not started, or whose attempts were stopped.
    async fn give_back(&mut self) -> Result<(), Error> {
        self.ready.clear();
        self.dry = false;
        let back = Sweep {
            from: vec![ItemStatus::Running],
            to: ItemStatus::Queued,
            attempted_only: false,
            only: None,
            attempts: SweptAttempts::TakeBack,
            max: SWEEP,
        };
        sweep(&self.run, &back).await?;
        Ok(())
    }

    async fn cancel_open_items(&mut self) -> Result<(), Error> {
        self.give_back().await?;
        let expired = self
            .state
            .private
            .batch
            .as_ref()
            .and_then(|batch| batch.stopping.as_ref())
            .is_some_and(|reason| reason.code == "expired");
        let to = if expired { ItemStatus::Expired } else { ItemStatus::Cancelled };
        close_open_items(&self.run, to).await?;
        let open = self.state.job.items.map_or(0, |items| items.open());
        let moved = if expired {
            ItemsMoved { expired: open, ..ItemsMoved::default() }
        } else {
            ItemsMoved { cancelled: open, ..ItemsMoved::default() }
        };
        self.close_account(moved).await
    }

    /// The last word about items: nothing is running, nothing waits.
    async fn close_account(&mut self, moved: ItemsMoved) -> Result<(), Error> {
        self.retrying.clear();
        let state = self.run.say(Change::Moved { moved, outcomes: Arc::from([]) }).await?;
        self.adopt(state);
        Ok(())
    }

    /// Says once, each time, that nothing is started because the other side is away.
    async fn tell_waiting(&mut self) {
        let Some(why) = self.waits_for.as_ref().filter(|_| !self.waits_told) else { return };
        let message = format!("{why}: no item is started until it answers again");
        self.waits_told = true;
        self.warn(message).await;
    }

    async fn warn(&mut self, message: String) {
        tracing::warn!(job = %self.run.job, "{message}");
        let warning = Report::Log { level: LogLevel::Warning, message, fields: None };
        if let Err(error) = self.run.report(vec![warning]).await {
            tracing::warn!(job = %self.run.job, %error, "the warning could not be written down");
        }
    }

    /// Says once of every unit without a price that it has none.
    async fn tell_unpriced(&mut self) {
        if self.unpriced.len() == self.unpriced_told {
            return;
        }
        self.unpriced_told = self.unpriced.len();
        let message = format!(
            "the rate card has no price for {}: its use is not in the cost",
            self.unpriced.join(", ")
        );
        self.warn(message).await;
    }
}
