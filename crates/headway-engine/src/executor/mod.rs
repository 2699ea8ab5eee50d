//! What runs an attempt of an item: a program, a pool of programs, a request.
//!
//! An executor is built once for a batch, or for a kind, and runs many attempts at once. It owns
//! every process and connection that it starts; when an attempt is over, nothing that was started
//! for it alone is left.
//!
//! After a crash of the server (`kill -9`) a program that was running goes on until it writes: its
//! pipes are closed, so a pool's worker reads the end of its input and ends, and whatever an
//! orphan still puts out reaches nobody. Its item is run again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use headway_protocol::batch::{CommandMode, Executor};
use headway_protocol::report::Usage;
use headway_protocol::{Amount, JobError, JobId, Percent, Problem};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

mod command;
mod group;
pub mod guard;
mod http;
mod program;
mod spent;
mod spoken;
mod standard_error;
mod stream;

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
    /// It was stopped by its token; it does not count.
    Stopped,
}

/// Runs attempts. Many at once.
#[async_trait]
pub trait Execute: std::fmt::Debug + Send + Sync + 'static {
    /// Runs one attempt to its end, its time limit, or until `stop` is cancelled, whichever is
    /// first; what it started is gone by then.
    async fn run(&self, attempt: &Attempt, news: &NewsSink, stop: &CancellationToken) -> Ended;

    /// Ends whatever is kept between attempts.
    async fn close(&self);
}

/// What executors need of the engine.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where programs run, unless they say.
    pub work_dir: std::path::PathBuf,
    /// Addresses that may be reached although they are guarded; see [`crate::Options`].
    pub allow_hosts: Vec<String>,
}

/// An executor ready to run. Checks everything that can be checked before an item is run: an empty
/// `argv`, a program that is not there, an address that cannot be one, a template that names no
/// part of the item.
pub fn build(
    executor: &Executor,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Execute>, Problem> {
    Ok(match executor {
        Executor::Command(program) => match program.mode {
            CommandMode::Item => Arc::new(command::CommandRunner::new(program, surroundings)?),
            CommandMode::Stream => Arc::new(stream::StreamPool::new(program, surroundings)?),
        },
        Executor::Http(request) => Arc::new(http::HttpRunner::new(request, surroundings)?),
    })
}
