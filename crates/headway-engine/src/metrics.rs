//! What the engine counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The end of an item's attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Ending {
    pub(crate) status: &'static str,
}

/// What the engine counts; cheap to clone, every clone counts into the same.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) append_seconds: Histogram,
    pub(crate) events: Counter,
    pub(crate) conflicts: Counter,
    pub(crate) attempts: Family<Ending, Counter>,
    pub(crate) attempt_seconds: Histogram,
    pub(crate) attempts_running: Gauge,
    pub(crate) jobs_waiting: Gauge,
    pub(crate) jobs_running: Gauge,
    pub(crate) spent_units: Counter<f64, std::sync::atomic::AtomicU64>,
    pub(crate) removed: Counter,
    pub(crate) trimmed: Counter,
    /// Set when a job that wants an executor could not be told: the supervisor looks for it.
    pub(crate) wanted_overflowed: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            append_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            events: Counter::default(),
            conflicts: Counter::default(),
            attempts: Family::default(),
            attempt_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 20)),
            attempts_running: Gauge::default(),
            jobs_waiting: Gauge::default(),
            jobs_running: Gauge::default(),
            spent_units: Counter::default(),
            removed: Counter::default(),
            trimmed: Counter::default(),
            wanted_overflowed: std::sync::Arc::default(),
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "append_seconds",
            "Time from deciding a group of events to their being durable",
            self.append_seconds.clone(),
        );
        registry.register("events", "Events appended", self.events.clone());
        registry.register(
            "append_conflicts",
            "Appends decided again because another changed the job",
            self.conflicts.clone(),
        );
        registry.register("attempts", "Attempts of items by how they ended", self.attempts.clone());
        registry.register(
            "attempt_seconds",
            "How long attempts of items took",
            self.attempt_seconds.clone(),
        );
        registry.register(
            "attempts_running",
            "Attempts of items running now",
            self.attempts_running.clone(),
        );
        registry.register(
            "executor_jobs_waiting",
            "Jobs and batches that wait for a place to run",
            self.jobs_waiting.clone(),
        );
        registry.register(
            "executor_jobs_running",
            "Jobs and batches that run now",
            self.jobs_running.clone(),
        );
        registry.register(
            "spent",
            "Money booked by batches and executor jobs, in currency units",
            self.spent_units.clone(),
        );
        registry.register("jobs_removed", "Finished jobs forgotten", self.removed.clone());
        registry.register(
            "logs_trimmed",
            "Times that the beginning of a job's log was forgotten",
            self.trimmed.clone(),
        );
    }
}
