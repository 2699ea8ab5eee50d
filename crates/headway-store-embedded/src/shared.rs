//! What the writer and the readers both see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use headway_store::Sink;
use parking_lot::{Mutex, RwLock};

use crate::rhythm::Waiting;
use crate::tail::Tails;

/// Shared by the handle, the writer's thread and the checkpointer's. The writer alone changes the
/// tails.
pub(crate) struct Shared {
    /// Where the store lies, for messages.
    pub(crate) place: String,
    /// What is not folded.
    pub(crate) tails: Mutex<Tails>,
    /// What waits for the writer.
    pub(crate) waiting: Waiting,
    /// Who hears of records.
    pub(crate) sinks: RwLock<Vec<Arc<dyn Sink>>>,
    /// Whether nothing may change any more.
    pub(crate) closed: AtomicBool,
    /// Pages of the write-ahead log, as of the last checkpoint.
    pub(crate) log_pages: AtomicI64,
    /// Held while a checkpoint runs.
    pub(crate) checkpoints: Mutex<()>,
    /// Commits so far.
    pub(crate) commits: AtomicU64,
    /// Whether the checkpointer waits to be called.
    pub(crate) checkpointer_sleeps: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Shared {
    /// With nothing in it yet.
    pub(crate) fn new(place: String) -> Self {
        Self {
            place,
            tails: Mutex::default(),
            waiting: Waiting::default(),
            sinks: RwLock::default(),
            closed: AtomicBool::new(false),
            log_pages: AtomicI64::new(0),
            checkpoints: Mutex::default(),
            commits: AtomicU64::new(0),
            checkpointer_sleeps: AtomicBool::new(true),
        }
    }
}
