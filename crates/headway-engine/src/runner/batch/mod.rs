//! Runs a batch's items.
//!
//! One task owns a batch while it runs: it leases items in groups, runs as many at once as it may,
//! gathers what became of them, and writes that down as one event with all their rows, at most ten
//! times a second or every thousand items. What it has not written down when the process is
//! killed is run again. Invariants: an item is started only under a lease and a reservation; the
//! counts in the document and the rows change together.

mod flush;
mod recover;
mod rest;
mod start;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use headway_core::JobState;
use headway_core::batch::Flight;
use headway_protocol::batch::Retry;
use headway_protocol::report::Report;
use headway_protocol::{Amount, ItemStatus, JobError, JobStatus, Timestamp};
use headway_store::{ItemOutcome, LeasedItem, StoreError};
use tokio_util::sync::CancellationToken;

use self::flush::Unwritten;
use self::recover::{begin, close_open_items, put_back_interrupted};
use self::start::Lease;
use super::Run;
use super::attempt::Finished;
use super::pace::Pace;
use crate::Error;
use crate::executor::{Execute, NewsSink};

/// Items at once, unless the batch says.
const CONCURRENCY: u32 = 8;

/// How long items in flight may go on when the engine stops.
const GRACE_MS: u64 = 5_000;

/// The longest wait between two tries to write down what the store did not take.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Runs the batch until it ends, pauses or the engine stops.
pub(super) async fn run(run: Run) -> Result<(), Error> {
    let mut state = run.follow.borrow().clone();
    put_back_interrupted(&run, &state).await?;
    state = begin(&run, state).await?;
    let executor = match run.executor(&state) {
        Ok(Some(executor)) => executor,
        Ok(None) => return Ok(()),
        Err(error) => return give_up(&run, error).await,
    };
    let mut batch = Batch::new(run, state, executor);
    let ended = batch.work().await;
    batch.executor.close().await;
    ended
}

/// Ends a batch whose executor cannot run at all.
async fn give_up(run: &Run, error: JobError) -> Result<(), Error> {
    close_open_items(run, ItemStatus::Cancelled).await?;
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
    /// Why nothing is started although there are items: for the batch's log, once for each time.
    waits_for: Option<String>,
    waits_told: bool,
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
            waits_for: None,
            waits_told: false,
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
                self.leased(leased?);
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
