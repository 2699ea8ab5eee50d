//! Writes down what became of items, with the event that counts them.

use std::sync::Arc;
use std::time::Duration;

use headway_core::JobState;
use headway_protocol::JobStatus;
use headway_protocol::event::ItemsMoved;
use headway_store::ItemOutcome;

use super::{Batch, LONGEST_WAIT};
use crate::Error;
use crate::shard::{Change, Origin};

/// Ended attempts that are written down together at the latest: some 100 KiB of one commit.
const FLUSH_AT: usize = 1_024;

/// The longest that an ended attempt waits to be written down.
const FLUSH_AFTER_MS: u64 = 100;

/// What is being written down; kept until it is, so that it can be tried again.
pub(super) struct Unwritten {
    moved: ItemsMoved,
    outcomes: Arc<[ItemOutcome]>,
}

impl Batch {
    /// Begins to write down what was gathered, when it is time to.
    pub(super) fn start_flush(&mut self) {
        if self.flush.is_some() {
            return;
        }
        if self.unwritten.is_none() {
            let Some(since) = self.gathered_since else { return };
            let due = since.plus(FLUSH_AFTER_MS);
            let now = self.run.context.now();
            let urgent = self.hold
                || self.running.is_empty()
                || self.outcomes.len() >= FLUSH_AT
                || self.state.job.status != JobStatus::Running;
            if !urgent && now < due {
                self.wake(due);
                return;
            }
            self.gathered_since = None;
            if !self.flight.has_news() && self.outcomes.is_empty() {
                return;
            }
            let outcomes = std::mem::take(&mut self.outcomes);
            self.unwritten =
                Some(Unwritten { moved: self.flight.take(), outcomes: outcomes.into() });
        }
        self.send_unwritten();
    }

    fn send_unwritten(&mut self) {
        let Some(unwritten) = &self.unwritten else { return };
        let change = Change::Moved {
            moved: unwritten.moved.clone(),
            outcomes: Arc::clone(&unwritten.outcomes),
        };
        let (shards, job) = (self.run.shards.clone(), self.run.job.clone());
        let wait = self.trouble;
        self.flush = Some(Box::pin(async move {
            tokio::time::sleep(wait).await;
            let applied = shards.apply(&job, Origin::Engine, change).await?;
            applied.state.ok_or(Error::ShuttingDown)
        }));
    }

    /// What was sent is written down, or is to be sent again.
    pub(super) fn flushed(&mut self, flushed: Result<Arc<JobState>, Error>) -> Result<(), Error> {
        self.flush = None;
        match flushed {
            Ok(state) => {
                self.unwritten = None;
                self.trouble = Duration::ZERO;
                self.hold = false;
                self.adopt(state);
                Ok(())
            }
            Err(error @ (Error::Store(_) | Error::Overloaded | Error::Contended(_))) => {
                self.trouble = (self.trouble * 2).clamp(Duration::from_millis(200), LONGEST_WAIT);
                tracing::error!(job = %self.run.job, %error, retry_in = ?self.trouble,
                    "what became of items could not be written down");
                Ok(())
            }
            Err(error) => {
                self.kill.cancel();
                Err(error)
            }
        }
    }
}
