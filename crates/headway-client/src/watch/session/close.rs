//! How a connection ended, and what that means.

use std::time::Duration;

use headway_protocol::CloseCode;

use crate::Error;

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum Close {
    /// It could not be made, it broke off, or the server closed it.
    Failed(Error),
    /// A WebSocket was asked for, and the answer is no upgrade.
    NotUpgraded {
        /// The answer's status.
        status: u16,
        /// The same in words.
        error: Error,
        /// How long the server asked to stay away.
        retry_after: Option<Duration>,
    },
    /// The server has nothing more to say: every end was seen.
    Seen,
    /// Nothing came for too long.
    Silent,
    /// An update does not fit the last one, and nothing can be sent.
    Hole,
}

/// What to do after a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Come back.
    Lost,
    /// The token is not taken.
    SignedOut,
    /// The transport does not get through here.
    NoWay,
    /// Do not come back.
    Final,
    /// Everything was seen.
    Seen,
}

impl Close {
    /// What to do after it.
    pub(crate) fn meaning(&self) -> Meaning {
        match self {
            Self::Seen => Meaning::Seen,
            Self::Silent | Self::Hole | Self::NotUpgraded { status: 429 | 503, .. } => {
                Meaning::Lost
            }
            Self::NotUpgraded { status: 401, .. } => Meaning::SignedOut,
            Self::NotUpgraded { .. } => Meaning::NoWay,
            Self::Failed(error) if error.is_unauthenticated() => Meaning::SignedOut,
            Self::Failed(error) => meaning(error),
        }
    }

    /// How long the server asked to stay away, in milliseconds.
    pub(crate) fn pause_ms(&self) -> u64 {
        let pause = match self {
            Self::Failed(error) => error.retry_after(),
            Self::NotUpgraded { retry_after, .. } => *retry_after,
            Self::Seen | Self::Silent | Self::Hole => None,
        };
        let pause = pause.map(|pause| pause.as_millis());
        pause.and_then(|pause| u64::try_from(pause).ok()).unwrap_or_default()
    }

    /// Whether there is no such job.
    pub(crate) fn is_not_found(&self) -> bool {
        let Self::Failed(error) = self else { return false };
        error.problem().is_some_and(|problem| problem.code == "not_found")
    }
}

fn meaning(error: &Error) -> Meaning {
    let is_final = match error {
        Error::Closed { code, .. } => {
            let policy = [CloseCode::Policy.as_u16(), CloseCode::TooBig.as_u16()];
            (4500..5000).contains(code) || policy.contains(code)
        }
        Error::Refused { problem, .. } => {
            (300..500).contains(&problem.status) && !matches!(problem.status, 408 | 429)
        }
        Error::Unreachable { .. } | Error::NotUnderstood { .. } | Error::NoToken { .. } => false,
        // What is wrong on this side is so the next time as well, and so is who is not trusted.
        Error::Address { .. }
        | Error::Token
        | Error::Authority { .. }
        | Error::NotTrusted { .. }
        | Error::File { .. } => true,
    };
    if is_final { Meaning::Final } else { Meaning::Lost }
}
