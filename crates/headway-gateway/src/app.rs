//! What every handler shares.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use bytes::Bytes;
use headway_hub::Frame;
use headway_protocol::{JobId, ProblemCode, Timestamp};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::compatible::Dialects;
use crate::door::quota::Quotas;
use crate::door::{Door, Entry};
use crate::front::Front;
use crate::front::admission::Admission;
use crate::front::adopted::Adopted;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::problem::Refusal;

/// What every handler shares; cheap to clone.
pub(crate) type App = Arc<Shared>;

/// See [`App`].
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: headway_engine::Handle,
    pub(crate) hub: headway_hub::Handle,
    pub(crate) door: Door,
    pub(crate) options: Options,
    pub(crate) metrics: Metrics,
    pub(crate) registry: Registry,
    /// Whether new work is welcome.
    pub(crate) ready: AtomicBool,
    /// Cancelled when watchers have to go.
    pub(crate) stop: CancellationToken,
    /// Every watcher that is not the front's.
    pub(crate) streams: TaskTracker,
    pub(crate) admission: Arc<Admission>,
    /// The older formats, as this gateway speaks them.
    pub(crate) dialects: Dialects,
    /// The description, made once: it follows from the program and its options, and whoever asks
    /// for it need not be anybody.
    pub(crate) description: OnceLock<Bytes>,
    front: OnceLock<Arc<Front>>,
    counter: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        engine: headway_engine::Handle,
        hub: headway_hub::Handle,
        signin: headway_signin::Handle,
        extra: Vec<Box<dyn prometheus_client::collector::Collector>>,
    ) -> Self {
        let mut registry = Registry::default();
        let admission = Admission::new(options.limits.clone());
        let metrics = Metrics::new(&hub, &admission, &mut registry);
        let named = registry.sub_registry_with_prefix("headway");
        engine.register_metrics(named);
        signin.register_metrics(named);
        let dialects = Dialects::new(&options.compatible);
        let door = Door::new(signin, Quotas::new(&options.limits));
        for collector in extra {
            registry.register_collector(collector);
        }
        Self {
            engine,
            hub,
            door,
            options,
            metrics,
            registry,
            ready: AtomicBool::new(true),
            stop: CancellationToken::new(),
            streams: TaskTracker::new(),
            admission,
            dialects,
            description: OnceLock::new(),
            front: OnceLock::new(),
            counter: AtomicU64::new(0),
        }
    }

    /// Says who owns the sockets of watchers, once.
    pub(crate) fn has_front(&self, front: Arc<Front>) {
        drop(self.front.set(front));
    }

    /// Gives a watcher to the front; without one nobody is served, and it is let go.
    pub(crate) fn adopt(&self, adopted: Adopted) {
        if let Some(front) = self.front.get() {
            front.adopt(adopted);
        }
    }

    /// Observes how long frames took from their record's decision to the socket.
    pub(crate) fn delivered(&self, frames: &[Frame], now: Timestamp) {
        for decided in frames.iter().filter_map(Frame::at) {
            self.hub.metrics().delivered(now.since(decided));
        }
    }

    /// A number that no other connection or request of this process has.
    pub(crate) fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// When a watcher should come back that is sent away by a stop, in milliseconds: spread over
    /// five seconds, so that they do not all come at once.
    pub(crate) fn retry_ms(&self) -> u64 {
        // Multiples of the golden ratio's fraction spread evenly (Knuth, volume 3, 6.4).
        let turn = self.number().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        500 + ((turn * 4_500) >> 32)
    }
}

/// Who asks: put into each request by [`crate::door::enter`].
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Arc<headway_access::Caller>);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Entry::from_request_parts(parts, state).await.map(|entry| Self(entry.caller))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Entry {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // A route that nobody guards serves nobody.
        let entry = parts.extensions.get::<Self>().cloned();
        entry.ok_or_else(|| Refusal::new(ProblemCode::Internal, "the request came by no door"))
    }
}

/// The `{id}` of a path.
#[derive(Clone, Debug)]
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(id) = Path::<String>::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// A job's name from a path; what cannot name a job is no job.
pub(crate) fn job_id(text: &str) -> Result<JobId, Refusal> {
    text.parse().map_err(|_| Refusal::no_such_job(text))
}
