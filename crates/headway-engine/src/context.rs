//! What every part of the engine shares.

use std::collections::HashSet;
use std::sync::Arc;

use headway_core::rates::RateCard;
use headway_protocol::{JobId, Problem, Timestamp};
use headway_store::{Clock, Store};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, mpsc};

use crate::Options;
use crate::executor::Surroundings;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::webhooks::Webhooks;

/// Batches whose items are arriving now; one that is not here and not sealed was broken off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uploads(Arc<Mutex<HashSet<JobId>>>);

impl Uploads {
    /// Whether the batch's items are arriving now.
    pub(crate) fn holds(&self, job: &JobId) -> bool {
        self.0.lock().contains(job)
    }

    /// The batch's items begin to arrive, until the guard is dropped.
    pub(crate) fn begin(&self, job: &JobId) -> UploadGuard {
        self.0.lock().insert(job.clone());
        UploadGuard { uploads: self.clone(), job: job.clone() }
    }
}

/// While it lives, its batch's items are arriving.
#[derive(Debug)]
pub(crate) struct UploadGuard {
    uploads: Uploads,
    job: JobId,
}

impl Drop for UploadGuard {
    fn drop(&mut self) {
        self.uploads.0.lock().remove(&self.job);
    }
}

/// What every part of the engine shares.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    /// What executors share.
    pub(crate) surroundings: Surroundings,
    /// What the parts of webhooks share.
    pub(crate) webhooks: Webhooks,
    /// Batches whose items are arriving now.
    pub(crate) uploads: Uploads,
    /// Whether the store takes changes.
    pub(crate) readiness: Readiness,
    /// Prices for usage from now on.
    rates: RwLock<Arc<RateCard>>,
    /// Tells the supervisor of jobs that want an executor. Full: it looks through the store later.
    pub(crate) wanted: mpsc::Sender<JobId>,
    /// Tells retention of a log that has grown too long, and up to where it may go. Full: it is told
    /// when the log has grown by another step.
    pub(crate) overlong: mpsc::Sender<(JobId, u64)>,
    /// Tells the timer that a deadline is nearer than what it waits for.
    pub(crate) deadline_moved: Notify,
    /// The moment that the timer waits for, in milliseconds; it is woken for anything earlier.
    pub(crate) timer_waits_for: std::sync::atomic::AtomicU64,
}

impl Context {
    /// Refuses webhook secrets that are none.
    pub(crate) fn new(
        options: Options,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        surroundings: Surroundings,
        wanted: mpsc::Sender<JobId>,
        overlong: mpsc::Sender<(JobId, u64)>,
    ) -> Result<Self, Problem> {
        let webhooks = Webhooks::new(&options)?;
        let rates = RwLock::new(Arc::new(options.rates.clone()));
        let readiness = Readiness::new(metrics.takes_writes.clone());
        Ok(Self {
            options,
            store,
            clock,
            metrics,
            surroundings,
            webhooks,
            uploads: Uploads::default(),
            readiness,
            rates,
            wanted,
            overlong,
            deadline_moved: Notify::new(),
            timer_waits_for: std::sync::atomic::AtomicU64::new(0),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn rates(&self) -> Arc<RateCard> {
        Arc::clone(&self.rates.read())
    }

    pub(crate) fn set_rates(&self, rates: RateCard) {
        *self.rates.write() = Arc::new(rates);
    }

    /// A deadline was written down; wakes the timer if it is earlier than what it waits for.
    pub(crate) fn deadline_at(&self, due: Timestamp) {
        use std::sync::atomic::Ordering::Relaxed;
        if due.as_millis() < self.timer_waits_for.load(Relaxed) {
            self.deadline_moved.notify_one();
        }
    }
}
