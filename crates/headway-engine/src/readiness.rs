//! Whether new work would be taken: the store is asked to keep something, now and then.
//!
//! A store that answers reads says nothing about its writes: its disk may be full, or may have
//! become one that is only read. So a small change is made, durably. That is done for whoever asks
//! and never by itself, at most once in [`TRUSTED`] however many ask; a node that is not ready is
//! found ready again by the next one who asks after its cause has gone.
//!
//! Owner: the engine. **Invariant:** one probe runs at a time, and nobody waits for it for longer
//! than [`PATIENCE`].

use std::sync::Arc;
use std::time::Duration;

use headway_store::{EntryError, PutEntry, Store, StoreError};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How long an answer is good: shorter than balancers take between two looks, and so seldom that
/// the writes are nothing beside those of any work.
const TRUSTED: Duration = Duration::from_secs(2);

/// How long a probe is waited for. A store that takes longer for a small change takes no work.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is kept to see whether anything can be: more than the few pages that an ordinary report
/// takes, so that a node with room for its last few bytes does not say that it is ready.
const PROBE_BYTES: usize = 16 * 1024;

/// Where it lies; always the one entry.
const COLLECTION: &str = "readiness";
const KEY: &str = "probe";

/// Why new work is not taken, in words that anybody may read: what names a place on this machine is
/// for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// There is no room.
    #[error(
        "the store of this node has no room left, so new work would be refused: make room on its \
         disk, and it takes work again by itself"
    )]
    Full,
    /// Writing fails.
    #[error(
        "the store of this node fails to write, so new work would be refused: its log says why"
    )]
    Fails,
    /// Writing stands still.
    #[error("the store of this node does not get on with writing, so new work would have to wait")]
    Stuck,
    /// The node stops.
    #[error("the server stops: go to another")]
    Stops,
}

/// The last answer, and the probe that runs.
#[derive(Debug)]
pub(crate) struct Readiness {
    looks: Mutex<Looks>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Looks {
    last: Option<(Instant, Result<(), NotReady>)>,
    /// One that was waited for in vain, and may still end.
    running: Option<JoinHandle<Result<(), NotReady>>>,
}

impl Readiness {
    /// `gauge` is 1 while the last answer was that new work is taken.
    pub(crate) fn new(gauge: Gauge) -> Self {
        gauge.set(1);
        Self { looks: Mutex::default(), gauge }
    }

    /// Whether the store takes changes: the last answer while it is good, else a probe's.
    pub(crate) async fn ask(&self, store: &Arc<dyn Store>) -> Result<(), NotReady> {
        let mut looks = self.looks.lock().await;
        if let Some((at, answer)) = looks.last
            && at.elapsed() < TRUSTED
        {
            return answer;
        }
        let probe = looks.running.get_or_insert_with(|| tokio::spawn(probe(Arc::clone(store))));
        let answer = match timeout(PATIENCE, probe).await {
            Err(_) => Err(NotReady::Stuck),
            Ok(ended) => {
                looks.running = None;
                ended.unwrap_or(Err(NotReady::Fails))
            }
        };
        looks.last = Some((Instant::now(), answer));
        self.gauge.set(i64::from(answer.is_ok()));
        answer
    }
}

/// Has the store keep something.
async fn probe(store: Arc<dyn Store>) -> Result<(), NotReady> {
    let kept = "0".repeat(PROBE_BYTES);
    let error = match PutEntry::new(COLLECTION, KEY, &kept) {
        Ok(put) => match store.put_entries(vec![put]).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        },
        Err(error) => error.into(),
    };
    tracing::error!(%error, "the store does not take what it was given to see whether it does");
    match error {
        EntryError::Store(StoreError::Full { .. }) => Err(NotReady::Full),
        EntryError::Store(StoreError::Closed) => Err(NotReady::Stops),
        EntryError::Store(
            StoreError::Damaged { .. }
            | StoreError::TooNew { .. }
            | StoreError::InUse { .. }
            | StoreError::Failed { .. }
            | StoreError::Refused(_),
        )
        | EntryError::Conflict { .. } => Err(NotReady::Fails),
    }
}
