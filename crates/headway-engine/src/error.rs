//! Why the engine did not do what it was asked.

use headway_access::Denial;
use headway_core::Refusal;
use headway_protocol::{JobId, Problem, ProblemCode};
use headway_store::StoreError;

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The job's rules forbid it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller sees no such job.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// The request itself is wrong; said as the caller is told it.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine stops.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// Too much waits already.
    #[error("the server has too much to do: try again in a moment")]
    Overloaded,
    /// The idempotency key belongs to another job.
    #[error("the idempotency key was used for job {job}")]
    KeyTaken {
        /// That job.
        job: JobId,
        /// What the request was that brought the key.
        fingerprint: u64,
    },
    /// Another holder works on the items.
    #[error("the items of {0} are held by somebody else")]
    LeaseLost(JobId),
    /// Others kept changing the job.
    #[error("job {0} is being changed by too many at once: try again")]
    Contended(JobId),
}

impl Error {
    /// Why a caller may not do something to a job. One that it does not see is not there.
    pub(crate) fn denied(denial: Denial, job: &JobId) -> Self {
        match denial {
            Denial::Hidden => Self::NoSuchJob(job.clone()),
            Denial::Scope(_)
            | Denial::Action(_)
            | Denial::NotListed
            | Denial::WholeTenant
            | Denial::Node => denial.problem().into(),
        }
    }

    /// What the caller is told.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Refused(refusal) => refusal.problem(),
            Self::NoSuchJob(_) => Problem::new(ProblemCode::NotFound, self.to_string()),
            Self::Problem(problem) => (**problem).clone(),
            Self::ShuttingDown => Problem::new(ProblemCode::ShuttingDown, self.to_string()),
            Self::Overloaded | Self::Contended(_) | Self::Store(StoreError::Full { .. }) => {
                Problem::new(ProblemCode::Overloaded, self.to_string())
            }
            Self::Store(_) => Problem::new(ProblemCode::StoreUnavailable, self.to_string()),
            Self::KeyTaken { .. } => Problem::new(ProblemCode::KeyReused, self.to_string()),
            Self::LeaseLost(_) => Problem::new(ProblemCode::WrongStatus, self.to_string()),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}
