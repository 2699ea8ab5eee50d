//! A store whose appends wait until they are let through, or turned away, and whose sweeps of chosen
//! items can come to a halt.

use std::sync::Arc;

use async_trait::async_trait;
use headway_protocol::JobId;
use headway_store::intercept::{Intercept, Intercepted};
use headway_store::memory::MemoryStore;
use headway_store::{Append, AppendError, Store, StoreError, Sweep};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};

/// A call of [`Store::append`] that waits for its turn.
pub(crate) struct Waiting {
    pub(crate) appends: Vec<Append>,
    turn: oneshot::Sender<bool>,
}

impl Waiting {
    /// Lets the call through.
    pub(crate) fn go(self) {
        self.turn.send(true).unwrap();
    }

    /// Turns the call away: nothing is appended.
    pub(crate) fn fail(self) {
        self.turn.send(false).unwrap();
    }
}

/// A store in memory behind a gate.
pub(crate) type GatedStore = Intercepted<Gate>;

/// The gate.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) inner: Arc<MemoryStore>,
    calls: mpsc::Sender<Waiting>,
    /// So many chosen items are swept; then a sweep is not answered any more.
    pub(crate) sweeps: Mutex<Option<u64>>,
    /// Told when a sweep is not answered.
    pub(crate) halted: Notify,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("appends", &self.appends.len()).finish_non_exhaustive()
    }
}

/// A store behind a gate, and its calls in order.
pub(crate) fn gated() -> (Arc<GatedStore>, mpsc::Receiver<Waiting>) {
    let (calls, waiting) = mpsc::channel(100);
    let inner = Arc::new(MemoryStore::new());
    let (sweeps, halted) = (Mutex::new(None), Notify::new());
    (Arc::new(Intercepted(Gate { inner, calls, sweeps, halted })), waiting)
}

#[async_trait]
impl Intercept for Gate {
    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
        let (turn, waits) = oneshot::channel();
        let waiting = Waiting { appends: appends.clone(), turn };
        self.calls.send(waiting).await.unwrap();
        if waits.await.unwrap() {
            return self.inner.append(appends).await;
        }
        let failed = StoreError::Failed { doing: "append", detail: "the gate is shut".to_owned() };
        appends.iter().map(|_| Err(failed.clone().into())).collect()
    }

    async fn sweep_items(&self, job: &JobId, sweep: &Sweep) -> Result<u64, StoreError> {
        let left = *self.sweeps.lock();
        let Some(left) = left.filter(|_| sweep.only.is_some()) else {
            return self.inner.sweep_items(job, sweep).await;
        };
        if left == 0 {
            self.halted.notify_one();
            std::future::pending::<()>().await;
        }
        let max = sweep.max.min(usize::try_from(left).unwrap());
        let moved = self.inner.sweep_items(job, &Sweep { max, ..sweep.clone() }).await?;
        *self.sweeps.lock() = Some(left - moved);
        Ok(moved)
    }
}
