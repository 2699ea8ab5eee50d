//! Runs a batch's items.
//!
//! One task owns a batch while it runs: it leases items in groups, runs as many at once as it may,
//! gathers what became of them, and writes that down as one event with all their rows, at most ten
//! times a second or every [`FLUSH_AT`] items. What it has not written down when the process is
//! killed is run again. Invariants: an item is started only under a lease and a reservation; the
//! counts in the document and the rows change together.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use headway_core::JobState;
use headway_core::batch::{Flight, Start};
use headway_protocol::batch::{OnFailure, Retry};
use headway_protocol::event::ItemsMoved;
use headway_protocol::report::{LogLevel, Report};
use headway_protocol::request::RetryItems;
use headway_protocol::{Amount, ItemStatus, JobError, JobStatus, Timestamp};
use headway_store::{ItemOutcome, LeaseRequest, LeasedItem, StoreError, Sweep, SweptAttempts};
use tokio_util::sync::CancellationToken;

use super::Run;
use super::attempt::{self, Finished};
use super::pace::Pace;
use crate::Error;
use crate::executor::{Execute, NewsSink};
use crate::shard::Change;

/// Items at once, unless the batch says.
const CONCURRENCY: u32 = 8;

/// Ended attempts that are written down together at the latest: some 100 KiB of one commit.
const FLUSH_AT: usize = 1_024;

/// The longest that an ended attempt waits to be written down.
const FLUSH_AFTER_MS: u64 = 100;

/// Ended attempts that may wait while the store is slow; then no more items are started.
const UNWRITTEN: usize = 8_192;

/// The most items leased at once.
const LEASE: usize = 1_024;

/// Items moved in one go by a sweep, so that other jobs' appends are not held up.
const SWEEP: usize = 20_000;

/// How long items in flight may go on when the engine stops.
const GRACE_MS: u64 = 5_000;

/// The longest wait between two tries to write down what the store did not take.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Runs the batch until it ends, pauses or the engine stops.
pub(super) async fn run(run: Run) -> Result<(), Error> {
    let mut state = run.follow.borrow().clone();
    put_back_interrupted(&run, &state).await?;
    state = begin(&run, state).await?;
    let Some(settings) = state.private.settings.executor.clone() else { return Ok(()) };
    let executor = match run.executor(&settings) {
        Ok(executor) => executor,
        Err(error) => return give_up(&run, error).await,
    };
    let mut batch = Batch::new(run, state, executor);
    let ended = batch.work().await;
    batch.executor.close().await;
    ended
}

/// Puts back what an earlier runner had taken, and what a retry of the batch runs again.
async fn put_back_interrupted(run: &Run, state: &JobState) -> Result<(), Error> {
    let back = |from: &[ItemStatus], attempted_only, attempts| Sweep {
        from: from.to_vec(),
        to: ItemStatus::Queued,
        attempted_only,
        attempts,
        max: SWEEP,
    };
    sweep(run, &back(&[ItemStatus::Running], false, SweptAttempts::TakeBack)).await?;
    sweep(run, &back(&[ItemStatus::Retrying], false, SweptAttempts::Keep)).await?;
    let Some(which) = state.private.batch.as_ref().and_then(|batch| batch.requeue) else {
        return Ok(());
    };
    let (failed, rest): (bool, &[ItemStatus]) = match which {
        RetryItems::Failed => (true, &[]),
        RetryItems::Cancelled => (false, &[ItemStatus::Cancelled]),
        RetryItems::Expired => (false, &[ItemStatus::Expired]),
        RetryItems::Unfinished => (true, &[ItemStatus::Cancelled, ItemStatus::Expired]),
    };
    if failed {
        sweep(run, &back(&[ItemStatus::Failed], true, SweptAttempts::Reset)).await?;
    }
    if !rest.is_empty() {
        sweep(run, &back(rest, false, SweptAttempts::Reset)).await?;
    }
    Ok(())
}

/// Moves all items that fit; answers how many.
async fn sweep(run: &Run, sweep: &Sweep) -> Result<u64, StoreError> {
    let mut moved = 0;
    loop {
        match run.context.store.sweep_items(&run.job, sweep).await? {
            0 => return Ok(moved),
            some => moved += some,
        }
    }
}

/// Takes the batch up, and makes the document say that nothing is running yet.
async fn begin(run: &Run, state: Arc<JobState>) -> Result<Arc<JobState>, Error> {
    let mut state = if state.job.status == JobStatus::Queued || requeues(&state) {
        run.say(Change::Begin).await?
    } else {
        state
    };
    let counted = state.job.items.is_some_and(|items| items.running + items.retrying > 0);
    if counted {
        let moved = ItemsMoved::default();
        state = run.say(Change::Moved { moved, outcomes: Arc::from([]) }).await?;
    }
    Ok(state)
}

fn requeues(state: &JobState) -> bool {
    state.private.batch.as_ref().is_some_and(|batch| batch.requeue.is_some())
}

/// Ends a batch whose executor cannot run at all.
async fn give_up(run: &Run, error: JobError) -> Result<(), Error> {
    run.report(vec![Report::Fail { error }]).await
}

/// What can happen to a running batch.
enum Happened {
    /// Somebody changed the batch.
    Changed,
    /// An attempt ended.
    Ended(Box<Finished>),
    /// What was gathered is written down, or could not be.
    Flushed(Result<Arc<JobState>, Error>),
    /// Items were leased, or could not be.
    Leased(Result<Lease, StoreError>),
    /// A time that was waited for has come.
    Woke,
    /// The engine stops.
    Stop,
}

struct Lease {
    items: Vec<LeasedItem>,
    /// Whether there were fewer than asked for.
    dry: bool,
    /// When the next item may be tried again.
    next_retry: Option<Timestamp>,
}

/// What is being written down; kept until it is, so that it can be tried again.
struct Unwritten {
    moved: ItemsMoved,
    outcomes: Arc<[ItemOutcome]>,
}

struct Batch {
    run: Run,
    state: Arc<JobState>,
    executor: Arc<dyn Execute>,
    news: NewsSink,
    retry: Retry,
    concurrency: usize,
    pace: Option<Pace>,
    fence: u64,
    flight: Flight,
    running: FuturesUnordered<BoxFuture<'static, Finished>>,
    /// Leased, not started.
    ready: VecDeque<LeasedItem>,
    lease: Option<BoxFuture<'static, Result<Lease, StoreError>>>,
    /// The last lease took all there was.
    dry: bool,
    next_retry: Option<Timestamp>,
    retrying: HashSet<u64>,
    outcomes: Vec<ItemOutcome>,
    gathered_since: Option<Timestamp>,
    unwritten: Option<Unwritten>,
    flush: Option<BoxFuture<'static, Result<Arc<JobState>, Error>>>,
    trouble: Duration,
    /// Nothing is started until what was gathered is written down.
    hold: bool,
    /// The budget does not allow an item of this estimate.
    exhausted: Option<Amount>,
    wake_at: Option<Timestamp>,
    /// Stops attempts.
    kill: CancellationToken,
    /// The engine stops: nothing is started any more, and what runs then is stopped.
    kill_at: Option<Timestamp>,
    unpriced: Vec<String>,
    unpriced_told: usize,
}

impl Batch {
    fn new(run: Run, state: Arc<JobState>, executor: Arc<dyn Execute>) -> Self {
        let settings = &state.private.settings;
        let now = run.context.now();
        let concurrency = settings.concurrency.unwrap_or(CONCURRENCY).max(1);
        let pace = settings.rate.as_ref().map(|rate| Pace::new(rate, now));
        let retry = settings.retry.clone().unwrap_or_default();
        Self {
            state,
            executor,
            news: Arc::new(|_, _| {}),
            retry,
            concurrency: usize::try_from(concurrency).unwrap_or(usize::MAX),
            pace,
            // Larger than any earlier one of this batch unless the clock was set back; random below
            // the milliseconds, so never equal.
            fence: (now.as_millis() << 20) | u64::from(rand::random::<u32>() >> 12),
            flight: Flight::new(),
            running: FuturesUnordered::new(),
            ready: VecDeque::new(),
            lease: None,
            dry: false,
            next_retry: None,
            retrying: HashSet::new(),
            outcomes: Vec::new(),
            gathered_since: None,
            unwritten: None,
            flush: None,
            trouble: Duration::ZERO,
            hold: false,
            exhausted: None,
            wake_at: None,
            kill: CancellationToken::new(),
            kill_at: None,
            unpriced: Vec::new(),
            unpriced_told: 0,
            run,
        }
    }

    async fn work(&mut self) -> Result<(), Error> {
        loop {
            self.wake_at = None;
            self.start_lease();
            self.start_items();
            self.start_flush();
            if self.at_rest() && self.rest().await? {
                return Ok(());
            }
            let happened = self.next().await;
            self.handle(happened)?;
        }
    }

    async fn next(&mut self) -> Happened {
        if let Some(at) = self.kill_at {
            self.wake(at);
        }
        let now = self.run.context.now();
        let wait = self.wake_at.map(|at| Duration::from_millis(at.since(now)));
        let stopping = self.kill_at.is_some();
        let Self { run, running, flush, lease, .. } = self;
        tokio::select! {
            Some(ended) = running.next(), if !running.is_empty() => Happened::Ended(Box::new(ended)),
            flushed = maybe(flush) => Happened::Flushed(flushed),
            leased = maybe(lease) => Happened::Leased(leased),
            Ok(()) = run.follow.changed() => Happened::Changed,
            () = run.stop.cancelled(), if !stopping => Happened::Stop,
            () = tokio::time::sleep(wait.unwrap_or(LONGEST_WAIT)) => Happened::Woke,
        }
    }

    fn handle(&mut self, happened: Happened) -> Result<(), Error> {
        match happened {
            Happened::Changed => {
                let state = Arc::clone(&self.run.follow.borrow_and_update());
                self.adopt(state);
            }
            Happened::Ended(finished) => {
                self.settle(*finished);
                while let Some(Some(finished)) = self.running.next().now_or_never() {
                    self.settle(finished);
                }
            }
            Happened::Flushed(flushed) => self.flushed(flushed)?,
            Happened::Leased(leased) => {
                self.lease = None;
                let lease = leased?;
                self.ready.extend(lease.items);
                self.dry = lease.dry;
                self.next_retry = lease.next_retry;
            }
            Happened::Woke => {
                if self.kill_at.is_some_and(|at| at <= self.run.context.now()) {
                    self.kill.cancel();
                }
            }
            Happened::Stop => self.kill_at = Some(self.run.context.now().plus(GRACE_MS)),
        }
        Ok(())
    }

    /// Takes a newer state over: a command may have changed it.
    fn adopt(&mut self, state: Arc<JobState>) {
        if state.job.cursor.offset < self.state.job.cursor.offset {
            return;
        }
        self.state = state;
        let batch = self.state.private.batch.as_ref();
        let waits = batch.and_then(|batch| batch.stopping.as_ref());
        let lets_finish = waits.is_some_and(|reason| reason.code == "item_failed");
        if self.state.job.status == JobStatus::Cancelling && !lets_finish {
            self.kill.cancel();
        }
    }

    fn runs(&self) -> bool {
        self.state.job.status == JobStatus::Running && self.kill_at.is_none()
    }

    fn start_lease(&mut self) {
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
            if !self.outcomes.is_empty() || self.flush.is_some() {
                return;
            }
        }
        let chunk = (self.concurrency * 4).clamp(64, LEASE);
        if self.ready.len() * 2 > chunk {
            return;
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

    fn start_items(&mut self) {
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
        self.flight.start(item.index, reserve);
        if self.retrying.remove(&item.index) {
            self.flight.set_retrying(self.retrying.len() as u64);
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

    fn settle(&mut self, finished: Finished) {
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
                let due = outcome.row.as_ref().and_then(|row| row.due_at);
                self.next_retry = match (self.next_retry, due) {
                    (Some(known), Some(due)) => Some(known.min(due)),
                    (known, due) => known.or(due),
                };
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

    fn gathered(&mut self, now: Timestamp) {
        self.gathered_since.get_or_insert(now);
    }

    /// Begins to write down what was gathered, when it is time to.
    fn start_flush(&mut self) {
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
            let applied = shards.apply(&job, crate::shard::Origin::Engine, change).await?;
            applied.state.ok_or(Error::ShuttingDown)
        }));
    }

    fn flushed(&mut self, flushed: Result<Arc<JobState>, Error>) -> Result<(), Error> {
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
                self.trouble = (self.trouble * 2)
                    .clamp(Duration::from_millis(200), LONGEST_WAIT);
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

    /// Whether nothing is in flight, and nothing waits to be written down.
    fn at_rest(&self) -> bool {
        self.running.is_empty()
            && self.outcomes.is_empty()
            && self.unwritten.is_none()
            && self.flush.is_none()
            && self.lease.is_none()
    }

    /// At rest: ends what is to end. Answers whether the runner is done.
    async fn rest(&mut self) -> Result<bool, Error> {
        self.tell_unpriced().await;
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
        let close = Sweep {
            from: vec![ItemStatus::Queued, ItemStatus::Retrying, ItemStatus::Running],
            to,
            attempted_only: false,
            attempts: SweptAttempts::Keep,
            max: SWEEP,
        };
        sweep(&self.run, &close).await?;
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
        tracing::warn!(job = %self.run.job, "{message}");
        let warning = Report::Log { level: LogLevel::Warning, message, fields: None };
        if let Err(error) = self.run.report(vec![warning]).await {
            tracing::warn!(job = %self.run.job, %error, "the warning could not be written down");
        }
    }

    fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
    }
}

/// The future's result, or never.
async fn maybe<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
