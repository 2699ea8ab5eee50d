//! Gives places to run to jobs that want an executor.
//!
//! One task owns the list of those that wait and of those that run. It hears of jobs from the shards
//! and, at the start and whenever it could not be told, looks through the store. Invariant: a job
//! has one runner at the most.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use headway_core::JobState;
use headway_protocol::{JobId, JobStatus};
use headway_store::{ListQuery, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::context::Context;
use crate::runner;
use crate::shard::{Change, Origin, Shards, wants_executor};

/// Jobs that may wait in memory; beyond it they are found again in the store.
const WAITING: usize = 10_000;

/// How soon the store is looked through again after a job could not be told of, or not be read.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Jobs read at once when the store is looked through.
const PAGE: usize = 500;

/// The task's own state.
pub(crate) struct Supervisor {
    context: Arc<Context>,
    shards: Shards,
    waiting: VecDeque<JobId>,
    known: HashSet<JobId>,
    running: JoinSet<JobId>,
    stop: CancellationToken,
}

impl Supervisor {
    pub(crate) fn new(context: Arc<Context>, shards: Shards, stop: CancellationToken) -> Self {
        Self {
            context,
            shards,
            waiting: VecDeque::new(),
            known: HashSet::new(),
            running: JoinSet::new(),
            stop,
        }
    }

    /// Works until it is stopped and nothing runs any more.
    pub(crate) async fn run(mut self, mut wanted: mpsc::Receiver<JobId>) {
        self.look_through_the_store().await;
        loop {
            self.start_what_fits();
            tokio::select! {
                () = self.stop.cancelled() => break,
                message = wanted.recv() => match message {
                    Some(job) => self.add(job),
                    None => break,
                },
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                    self.ended(ended).await;
                }
                () = tokio::time::sleep(LOOK_AGAIN), if self.context.metrics.wanted_overflowed.load(Relaxed) => {}
            }
            let overflowed = self.context.metrics.wanted_overflowed.swap(false, Relaxed);
            if overflowed && self.waiting.len() < WAITING {
                self.look_through_the_store().await;
            }
        }
        while let Some(ended) = self.running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a runner broke off");
            }
        }
    }

    fn add(&mut self, job: JobId) {
        if self.known.contains(&job) {
            return;
        }
        if self.waiting.len() >= WAITING {
            self.context.metrics.wanted_overflowed.store(true, Relaxed);
            return;
        }
        self.known.insert(job.clone());
        self.waiting.push_back(job);
    }

    fn start_what_fits(&mut self) {
        while self.running.len() < self.context.options.max_running.max(1) {
            let Some(job) = self.waiting.pop_front() else { break };
            let runner = runner::run(
                Arc::clone(&self.context),
                self.shards.clone(),
                job.clone(),
                self.stop.child_token(),
            );
            self.running.spawn(async move {
                runner.await;
                job
            });
        }
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.context.metrics.jobs_waiting.set(count(self.waiting.len()));
        self.context.metrics.jobs_running.set(count(self.running.len()));
    }

    /// A runner ended: its job may want one again, if it was resumed in between.
    async fn ended(&mut self, ended: Result<JobId, tokio::task::JoinError>) {
        let job = match ended {
            Ok(job) => job,
            Err(error) => {
                // Which job it was is not known any more: forget all that do not wait, and look.
                tracing::error!(%error, "a runner broke off; its job is taken up again");
                self.known = self.waiting.iter().cloned().collect();
                self.look_through_the_store().await;
                return;
            }
        };
        self.known.remove(&job);
        if self.stop.is_cancelled() {
            return;
        }
        match self.shards.apply(&job, Origin::Engine, Change::Peek).await {
            Ok(applied) => {
                if applied.state.is_some_and(|state| wants_executor(&state)) {
                    self.add(job);
                }
            }
            Err(Error::NoSuchJob(_)) => {}
            Err(error) => {
                tracing::warn!(%job, %error, "whether the job wants to run again is looked up later");
                self.context.metrics.wanted_overflowed.store(true, Relaxed);
            }
        }
    }

    /// Finds the jobs that were to run when the last engine stopped, oldest first, and forgets
    /// batches whose items never all arrived.
    async fn look_through_the_store(&mut self) {
        let mut found = Vec::new();
        let mut abandoned = Vec::new();
        let mut query = ListQuery {
            statuses: vec![
                JobStatus::Pending,
                JobStatus::Queued,
                JobStatus::Running,
                JobStatus::Pausing,
                JobStatus::Cancelling,
            ],
            limit: PAGE,
            ..ListQuery::default()
        };
        loop {
            let page = match self.context.store.list(&query).await {
                Ok(page) => page,
                Err(error) => {
                    self.could_not_look(&error);
                    break;
                }
            };
            for stored in page.jobs {
                let id = stored.document.get("id").cloned();
                let restored = JobState::restore(stored.document, stored.cursor, stored.private);
                let state = match restored {
                    Ok(state) => state,
                    Err(error) => {
                        tracing::error!(job = ?id, %error, "a job cannot be read and is left alone");
                        continue;
                    }
                };
                let unsealed =
                    state.private.batch.as_ref().is_some_and(|batch| batch.seal.is_none());
                if unsealed && !self.context.uploads.holds(&state.job.id) {
                    abandoned.push(state.job.id);
                } else if wants_executor(&state) {
                    found.push(state.job.id);
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        for job in found.into_iter().rev() {
            self.add(job);
        }
        if !abandoned.is_empty() {
            tracing::info!(count = abandoned.len(), "batches whose upload broke off are forgotten");
            if let Err(error) = self.context.store.remove(&abandoned).await {
                self.could_not_look(&error);
            }
            self.shards.forget(&abandoned).await;
        }
    }

    fn could_not_look(&self, error: &StoreError) {
        tracing::error!(%error, "the store could not be looked through for jobs to run");
        self.context.metrics.wanted_overflowed.store(true, Relaxed);
    }
}
