//! Why the hub could not answer.

use headway_access::Denial;
use headway_protocol::{Cursor, JobId, Problem, ProblemCode};
use headway_store::StoreError;

/// Why the hub could not answer. That a caller sees no such job is no error: such reads answer
/// `None`, the same whether the job belongs to another tenant or never was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cursor belongs to a log that is gone.
    #[error("the cursor {cursor} belongs to a log that is gone: read without `{field}`, anew")]
    OtherLog {
        /// What it was passed as.
        field: &'static str,
        /// The cursor.
        cursor: Cursor,
    },
    /// What is asked of a batch alone was asked of a job that the caller sees.
    #[error("{0} is a job, not a batch: it has no items, and is asked under /api/v1/jobs")]
    NotABatch(JobId),
    /// The caller may not ask for that.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// A place in a list that no list gave.
    #[error(transparent)]
    Page(#[from] headway_store::NotAPageKey),
    /// A limit is out of its range.
    #[error("`{option}` must be {range}")]
    Option {
        /// The option.
        option: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// As many connections watch this as may.
    #[error("{most} connections watch this session already: close one of them")]
    TooManyConnections {
        /// How many may.
        most: usize,
    },
    /// What rests in the store is no JSON, or lacks what every document has.
    #[error("the stored state of a job cannot be read: {0}")]
    Unreadable(String),
}

impl Error {
    /// What the caller is told.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Store(StoreError::Full { .. }) => {
                Problem::new(ProblemCode::Overloaded, self.to_string())
            }
            Self::Store(_) => Problem::new(ProblemCode::StoreUnavailable, self.to_string()),
            Self::OtherLog { field, .. } => {
                Problem::new(ProblemCode::Invalid, self.to_string()).at_field(*field)
            }
            Self::NotABatch(_) => Problem::new(ProblemCode::NotFound, self.to_string()),
            Self::Denied(denial) => denial.problem(),
            Self::Page(_) => Problem::new(ProblemCode::Invalid, self.to_string()).at_field("page"),
            Self::TooManyConnections { .. } => {
                Problem::new(ProblemCode::TooManyConnections, self.to_string())
            }
            Self::Option { .. } | Self::Unreadable(_) => {
                Problem::new(ProblemCode::Internal, self.to_string())
            }
        }
    }
}
