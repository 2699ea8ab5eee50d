//! What a shard is asked.

use std::sync::Arc;

use headway_access::Caller;
use headway_core::{BatchSeal, Create, ItemChoice, JobState};
use headway_protocol::event::{ItemsMoved, Producer};
use headway_protocol::report::SequencedReport;
use headway_protocol::request::ReportReply;
use headway_protocol::{Action, Amount, JobId};
use headway_store::{ItemOutcome, UniqueKey};
use tokio::sync::{oneshot, watch};

use crate::Error;

/// The answer's way back.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// One thing that a shard is asked.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every message is the large one")]
pub(crate) enum Message {
    /// Make a job.
    Create {
        /// What makes it.
        create: Box<Create>,
        /// A key that no other job may have.
        key: Option<UniqueKey>,
        /// Gets its first state.
        reply: Reply<Arc<JobState>>,
    },
    /// Say something to a job.
    Apply(Asked),
    /// Tell of every change of a job from now on.
    Follow {
        /// The job.
        job: JobId,
        /// Gets its present state and those to come.
        reply: Reply<watch::Receiver<Arc<JobState>>>,
    },
    /// Forget what is remembered of jobs that are no more.
    Forget {
        /// The jobs.
        jobs: Vec<JobId>,
    },
}

/// Something that is said to a job.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The job.
    pub(crate) job: JobId,
    /// Who says it.
    pub(crate) origin: Origin,
    /// What.
    pub(crate) change: Change,
    /// How often this was tried; others may have changed the job in between.
    pub(crate) tries: u32,
    /// Gets what came of it, once that is durable.
    pub(crate) reply: Reply<Applied>,
}

/// Who says something to a job.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Somebody outside, who may see the job and do what is said, or not.
    Caller(Arc<Caller>),
    /// The engine itself.
    Engine,
}

/// What is said to a job.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Its producer reports.
    Report {
        /// Who.
        producer: Option<Producer>,
        /// What.
        reports: Vec<SequencedReport>,
    },
    /// An operator asks.
    Command {
        /// What.
        action: Action,
        /// With `resume`.
        max_budget: Option<Amount>,
        /// With `retry` of a batch.
        retry_items: ItemChoice,
    },
    /// A deadline may have passed.
    Tick,
    /// All items are there.
    Seal(BatchSeal),
    /// Its executor takes it up.
    Begin,
    /// Items moved; their outcomes are settled in the same append.
    Moved {
        /// The fold.
        moved: ItemsMoved,
        /// The items.
        outcomes: Arc<[ItemOutcome]>,
    },
    /// The budget does not allow the next item.
    BudgetReached {
        /// What it was expected to cost.
        next: Amount,
    },
    /// Nothing: only the answer is wanted.
    Peek,
}

/// What came of something that was said to a job.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    /// Position, status and waiting commands.
    pub(crate) reply: ReportReply,
    /// The whole state, for changes other than reports.
    pub(crate) state: Option<Arc<JobState>>,
}
