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

/// How circuits to other servers stand. Without labels: servers are not bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Circuits {
    pub(crate) open: Gauge,
    pub(crate) opened: Counter,
    pub(crate) refused: Counter,
}

/// What became of an attempt of a webhook's delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Sent {
    pub(crate) outcome: &'static str,
}

/// Webhooks. Without labels that name a receiver or a tenant: neither is bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct WebhookCounts {
    attempts: Family<Sent, Counter>,
    pub(crate) running: Gauge,
    pub(crate) queued: Gauge,
    pub(crate) oldest_seconds: Gauge,
}

impl WebhookCounts {
    /// An attempt ended: `delivered`, `failed` when it is made again, or the reason why it was given
    /// up.
    pub(crate) fn count(&self, outcome: &'static str) {
        self.attempts.get_or_create(&Sent { outcome }).inc();
    }
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
    pub(crate) takes_writes: Gauge,
    pub(crate) circuits: Circuits,
    pub(crate) webhooks: WebhookCounts,
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
            takes_writes: Gauge::default(),
            circuits: Circuits::default(),
            webhooks: WebhookCounts::default(),
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
        registry.register(
            "store_takes_writes",
            "Whether the store kept what it was last given to see that: 1 or 0",
            self.takes_writes.clone(),
        );
        registry.register(
            "outgoing_circuits_open",
            "Servers that do not answer and are not asked, or by one request at a time",
            self.circuits.open.clone(),
        );
        registry.register(
            "outgoing_circuits_opened",
            "Times that a server was found not to answer",
            self.circuits.opened.clone(),
        );
        registry.register(
            "outgoing_circuits_refused",
            "Requests that were not sent because their server does not answer",
            self.circuits.refused.clone(),
        );
        registry.register(
            "webhook_attempts",
            "Attempts of webhooks' deliveries by what came of them: delivered, failed (another \
             follows), or why the delivery was given up",
            self.webhooks.attempts.clone(),
        );
        registry.register(
            "webhook_attempts_running",
            "Deliveries of webhooks that are being sent",
            self.webhooks.running.clone(),
        );
        registry.register(
            "webhook_queue",
            "Deliveries of webhooks that are not delivered yet, dead letters not among them",
            self.webhooks.queued.clone(),
        );
        registry.register(
            "webhook_oldest_seconds",
            "Age of the oldest event that is not delivered yet",
            self.webhooks.oldest_seconds.clone(),
        );
    }
}
