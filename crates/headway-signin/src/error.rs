//! Why somebody is not let in, is let go, or is not served.

use headway_access::Denial;
use headway_protocol::{Problem, ProblemCode};
use headway_store::{EntryError, StoreError};

/// Why somebody is not let in.
///
/// To the outside all but [`TooManyTries`](Self::TooManyTries) and
/// [`Unavailable`](Self::Unavailable) are the same answer, so that nobody learns which part of a
/// guess was right. [`Expired`](Self::Expired) and
/// [`Revoked`](Self::Revoked) are told, because only who held something genuine gets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing was presented.
    #[error("sign in first: send a key or token as `Authorization: Bearer …`")]
    Missing,
    /// It is not genuine, or not for this node.
    #[error("the key, token or session is not valid: check that it is whole and for this server")]
    Invalid,
    /// It was genuine, and has ended.
    #[error("the key, token or session has expired: get a new one")]
    Expired,
    /// It was genuine, and was revoked.
    #[error("the key, token or session was revoked: get a new one")]
    Revoked,
    /// Too many wrong ones came from this address.
    #[error("too many wrong keys or tokens came from your address: wait {retry_after_ms} ms")]
    TooManyTries {
        /// When the next may be tried, in milliseconds from now.
        retry_after_ms: u64,
    },
    /// Whether it is genuine cannot be told now: the identity provider, or the store, does not
    /// answer. Whoever holds it should keep it.
    #[error("whether the key, token or session is valid cannot be found out now: try again")]
    Unavailable {
        /// When to try again, in milliseconds from now.
        retry_after_ms: u64,
    },
    /// This node does not know yet whether it is genuine. Ask
    /// [`Handle::identify_patiently`](crate::Handle::identify_patiently), which finds out and never
    /// answers this.
    #[error("the key, token or session is not valid: check that it is whole and for this server")]
    NotKnownYet,
}

impl Refused {
    /// The kind in a word, for counters: `missing`, `invalid`, `expired`, `revoked`,
    /// `too_many_tries`, `unavailable`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid | Self::NotKnownYet => "invalid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::TooManyTries { .. } => "too_many_tries",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// What is told.
    pub fn problem(self) -> Problem {
        let code = match self {
            Self::TooManyTries { .. } => ProblemCode::RateLimited,
            Self::Unavailable { .. } => ProblemCode::Overloaded,
            Self::Missing | Self::Invalid | Self::Expired | Self::Revoked | Self::NotKnownYet => {
                ProblemCode::Unauthenticated
            }
        };
        Problem::new(code, self.to_string())
    }

    /// The value of `WWW-Authenticate` (RFC 6750, 3) for those that are answered 401.
    pub const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("Bearer realm=\"headway\""),
            Self::Invalid | Self::Revoked | Self::NotKnownYet => {
                Some("Bearer realm=\"headway\", error=\"invalid_token\"")
            }
            Self::Expired => Some(
                "Bearer realm=\"headway\", error=\"invalid_token\", \
                 error_description=\"expired\"",
            ),
            Self::TooManyTries { .. } | Self::Unavailable { .. } => None,
        }
    }

    /// The value of `Retry-After`, in milliseconds, for those that have one.
    pub const fn retry_after_ms(self) -> Option<u64> {
        match self {
            Self::TooManyTries { retry_after_ms } | Self::Unavailable { retry_after_ms } => {
                Some(retry_after_ms)
            }
            Self::Missing | Self::Invalid | Self::Expired | Self::Revoked | Self::NotKnownYet => {
                None
            }
        }
    }
}

/// Why somebody who was let in may not stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// What they came with has expired.
    #[error("the key, token or session has expired: get a new one")]
    Expired,
    /// What they came with was revoked.
    #[error("the key, token or session was revoked: get a new one")]
    Revoked,
}

impl From<Ended> for Refused {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Expired => Self::Expired,
            Ended::Revoked => Self::Revoked,
        }
    }
}

/// Why sign-in did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting cannot be used.
    #[error("sign_in.{field} {detail}")]
    Options {
        /// The setting, as it is called below `sign_in`.
        field: &'static str,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// The caller may not do it.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Whoever wants to sign in is not let in.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The request itself is wrong; said as the caller is told it.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The caller sees no such thing.
    #[error("there is no such key: `headway key list` shows those that there are")]
    NoSuchKey,
    /// There is no room for more.
    #[error("there is no room for more {what}: {remedy}")]
    Full {
        /// Of what.
        what: &'static str,
        /// What makes room.
        remedy: &'static str,
    },
    /// Others kept changing the same thing.
    #[error("others are changing the same thing: try again")]
    Contended,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// What the caller is told.
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::Denied(denial) => return denial.problem(),
            Self::Refused(refused) => return refused.problem(),
            Self::Problem(problem) => return (**problem).clone(),
            Self::NoSuchKey => ProblemCode::NotFound,
            Self::Full { .. } | Self::Contended => ProblemCode::Overloaded,
            Self::Store(_) => {
                // The rest is for whoever runs the node, and in the log.
                return Problem::new(
                    ProblemCode::StoreUnavailable,
                    "the store does not answer: try again in a moment",
                );
            }
            Self::Options { .. } => ProblemCode::Internal,
        };
        Problem::new(code, self.to_string())
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<EntryError> for Error {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::Conflict { .. } => Self::Contended,
            EntryError::Store(error) => Self::Store(error),
        }
    }
}
