//! What every handler shares.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use headway_hub::Frame;
use headway_protocol::{JobId, Owner, Timestamp};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
    front: OnceLock<Arc<Front>>,
    counter: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        engine: headway_engine::Handle,
        hub: headway_hub::Handle,
        extra: Vec<Box<dyn prometheus_client::collector::Collector>>,
    ) -> Self {
        let mut registry = Registry::default();
        let admission = Admission::new(options.limits.clone());
        let metrics = Metrics::new(&hub, &admission, &mut registry);
        engine.register_metrics(&mut registry);
        for collector in extra {
            registry.register_collector(collector);
        }
        Self {
            engine,
            hub,
            options,
            metrics,
            registry,
            ready: AtomicBool::new(true),
            stop: CancellationToken::new(),
            streams: TaskTracker::new(),
            admission,
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

/// Who asks. There is no sign-in yet: everybody is the default owner, which is why the gateway
/// stays on loopback.
pub(crate) fn caller_of(_: &Parts) -> Owner {
    Owner::default()
}

/// Who asks; see [`caller_of`].
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Owner);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(caller_of(parts)))
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
