//! What a batch adds to a job's private state.

use headway_protocol::event::ItemSums;
use headway_protocol::request::RetryItems;
use headway_protocol::{JobError, diff_struct, diff_whole};
use serde::{Deserialize, Serialize};

use crate::job::BatchSeal;

/// What a batch adds to a job's private state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchState {
    /// What was known when it was sealed; absent while items are still being added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<BatchSeal>,
    /// Sums over items that finished with a cost.
    pub sums: ItemSums,
    /// Why it is being stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopping: Option<JobError>,
    /// Items that its executor must put back into the queue before anything else. Forgotten once
    /// the batch begins or items move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue: Option<RetryItems>,
    /// The same for items that were chosen one by one, ascending; `requeue` is then absent. A member
    /// of its own, so that a reader who does not know it puts nothing back that nobody chose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requeue_items: Vec<u64>,
}

diff_struct!(BatchState { seal, sums, stopping, requeue, requeue_items });

impl BatchState {
    /// Whether items are to be put back into the queue before anything else.
    pub fn requeues(&self) -> bool {
        self.requeue.is_some() || !self.requeue_items.is_empty()
    }

    /// What was to be put back is in the queue.
    pub(crate) fn forget_requeue(&mut self) {
        self.requeue = None;
        self.requeue_items.clear();
    }
}

diff_whole!(BatchSeal);
