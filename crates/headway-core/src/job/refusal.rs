//! Why an input was refused.

use headway_protocol::{JobStatus, Problem, ProblemCode};

/// Why an input was refused; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The job has ended; only `retry` leads out.
    #[error("the job is {status}: it takes no more {what}; retry it to begin a new attempt")]
    Ended {
        /// How it ended.
        status: JobStatus,
        /// What was refused.
        what: &'static str,
    },
    /// The status does not allow it.
    #[error("{what} is not possible while the job is {status}: {hint}")]
    WrongStatus {
        /// The job's status.
        status: JobStatus,
        /// What was refused.
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A value cannot be used.
    #[error("{message}")]
    Invalid {
        /// Which event of the request, from 0.
        index: Option<u64>,
        /// Which member.
        field: String,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// A value is larger than its limit.
    #[error("{field} has {found} bytes, the limit is {limit}: {hint}")]
    TooLarge {
        /// Which event of the request, from 0.
        index: Option<u64>,
        /// Which member.
        field: &'static str,
        /// Its size.
        found: usize,
        /// The limit.
        limit: usize,
        /// What to do.
        hint: &'static str,
    },
}

impl Refusal {
    /// A value that cannot be used, outside of any list.
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { index: None, field: field.into(), message: message.into() }
    }

    /// The same refusal, of the event at this place of its request.
    pub(crate) fn at(self, place: usize) -> Self {
        let index = u64::try_from(place).ok();
        match self {
            Self::Invalid { field, message, .. } => Self::Invalid { index, field, message },
            Self::TooLarge { field, found, limit, hint, .. } => {
                Self::TooLarge { index, field, found, limit, hint }
            }
            Self::Ended { .. } | Self::WrongStatus { .. } => self,
        }
    }

    /// The refusal as the caller is told it.
    pub fn problem(&self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Ended { .. } => Problem::new(ProblemCode::JobEnded, detail),
            Self::WrongStatus { .. } => Problem::new(ProblemCode::WrongStatus, detail),
            Self::Invalid { index, field, .. } => {
                at(Problem::new(ProblemCode::Invalid, detail), *index).at_field(field.clone())
            }
            Self::TooLarge { index, field, .. } => {
                at(Problem::new(ProblemCode::Invalid, detail), *index).at_field(*field)
            }
        }
    }
}

fn at(problem: Problem, index: Option<u64>) -> Problem {
    match index {
        Some(index) => problem.at_index(index),
        None => problem,
    }
}
