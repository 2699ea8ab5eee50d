//! What runs an attempt of an item: a program, a pool of programs, a request.
//!
//! An executor is built once for a batch, or for a kind, and runs many attempts at once. It owns
//! every process and connection that it starts; when an attempt is over, nothing that was started
//! for it alone is left.
//!
//! What a program may use and touch is bounded before it runs its first instruction: [`confine`] says
//! by what. When the server is killed (`kill -9`) the kernel kills what it had started; what those
//! had started in turn reads the end of its input. Their items are run again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use headway_protocol::batch::{CommandMode, Executor};
use headway_protocol::report::Usage;
use headway_protocol::{Amount, JobError, JobId, Percent, Problem, Timestamp};
use headway_store::{Clock, SystemClock};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::metrics::Circuits;
use crate::outgoing::Outgoing;
pub(crate) use folder::Folders;
use starter::Starter;

mod command;
mod confine;
mod folder;
mod group;
mod http;
mod limits;
mod program;
mod spent;
mod spoken;
mod standard_error;
mod starter;
mod stream;

pub use limits::ProcessLimits;

/// One attempt of one item (or of a job that an executor runs).
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The job or batch.
    pub job: JobId,
    /// The item's place in the input; 0 for a job.
    pub index: u64,
    /// Its producer's name for it.
    pub custom_id: Option<String>,
    /// Which attempt this is, from 1.
    pub number: u32,
    /// What it works on, JSON text.
    pub input: Box<RawValue>,
    /// The longest that it may take.
    pub timeout: Option<Duration>,
}

/// What an attempt says before it ends.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It moved, or has something to say.
    Progress {
        /// The share done.
        percent: Option<Percent>,
        /// For people.
        message: Option<String>,
    },
    /// A line of its standard error.
    Line(String),
    /// Any report of the protocol, from a line `{"headway":{"type":…}}`: steps, phases, logs,
    /// partial results. Only jobs make use of it.
    Report(headway_protocol::Report),
}

/// Takes news; called on the executor's task, must not block. What it cannot take it drops.
pub type NewsSink = Arc<dyn Fn(&Attempt, News) + Send + Sync>;

/// How an attempt ended, and what it used. Usage counts also when it failed.
#[derive(Debug)]
pub struct Ended {
    /// The output, JSON text; or why there is none.
    pub outcome: Result<Box<RawValue>, Failure>,
    /// Units used.
    pub usage: Vec<Usage>,
    /// Money spent beside them.
    pub cost: Amount,
}

/// Why an attempt has no output.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// It failed; `error.retryable` says whether to try again.
    Error {
        /// Why.
        error: JobError,
        /// How long the other side asked to wait.
        retry_after_ms: Option<u64>,
    },
    /// The other side is away. Nothing was sent to it, or only to find out whether it is back: it
    /// does not count, however often.
    Away {
        /// Why.
        error: JobError,
        /// How long it is left alone.
        retry_after_ms: u64,
    },
    /// It was stopped by its token; it does not count.
    Stopped,
}

/// Whether an executor has use for an attempt now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It has, for any number.
    Ready,
    /// For one: it finds out whether the other side is back.
    ForOne,
    /// Not before then.
    NotBefore {
        /// When to ask again.
        until: Timestamp,
        /// Why, for people.
        why: String,
    },
}

/// Runs attempts. Many at once.
#[async_trait]
pub trait Execute: std::fmt::Debug + Send + Sync + 'static {
    /// Runs one attempt to its end, its time limit, or until `stop` is cancelled, whichever is
    /// first; what it started is gone by then.
    async fn run(&self, attempt: &Attempt, news: &NewsSink, stop: &CancellationToken) -> Ended;

    /// Ends whatever is kept between attempts.
    async fn close(&self);

    /// Whether an attempt that began now would get anywhere. Whoever begins one nevertheless is told
    /// so by its failure.
    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// What executors need of the engine. Cheap to clone; every clone shares connections, circuits and
/// what starts programs.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// What programs, their arguments and their folders are relative to.
    work_dir: PathBuf,
    folders: Folders,
    starter: Arc<Starter>,
    outgoing: Outgoing,
    /// The way out for what requests bring.
    of_requests: Outgoing,
    clock: Arc<dyn Clock>,
}

impl Surroundings {
    /// Surroundings by themselves: for a tool, or a test. Fails when one of the allowed hosts (see
    /// [`crate::Options`]) cannot be one.
    pub fn new(work_dir: PathBuf, allow_hosts: &[String]) -> Result<Self, Problem> {
        let outgoing = Outgoing::new(allow_hosts, Circuits::default())?;
        let folders = Folders::among_others();
        let ways = (outgoing.clone(), outgoing);
        Ok(Self::of(work_dir, folders, ways, Arc::new(SystemClock)))
    }

    pub(crate) fn of(
        work_dir: PathBuf,
        folders: Folders,
        (outgoing, of_requests): (Outgoing, Outgoing),
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { work_dir, folders, starter: Arc::default(), outgoing, of_requests, clock }
    }

    /// The same for an executor that a request brings.
    pub(crate) fn for_requests(&self) -> Self {
        Self { outgoing: self.of_requests.clone(), ..self.clone() }
    }

    /// The way out to other servers for what requests bring.
    pub(crate) fn outgoing_of_requests(&self) -> &Outgoing {
        &self.of_requests
    }
}

/// On whose behalf something is run, and what it may use.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Whose job it is.
    pub tenant: String,
    /// What a program may use.
    pub limits: ProcessLimits,
}

/// An executor ready to run. Checks everything that can be checked before an item is run: an empty
/// `argv`, a program that is not there, an address that cannot be one, a template that names no
/// part of the item.
pub fn build(
    executor: &Executor,
    terms: &Terms,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Execute>, Problem> {
    Ok(match executor {
        Executor::Command(program) => match program.mode {
            CommandMode::Item => {
                Arc::new(command::CommandRunner::new(program, terms, surroundings)?)
            }
            CommandMode::Stream => Arc::new(stream::StreamPool::new(program, terms, surroundings)?),
        },
        Executor::Http(request) => {
            Arc::new(http::HttpRunner::new(request, &terms.tenant, surroundings)?)
        }
    })
}
