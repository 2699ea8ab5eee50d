//! Why a request or a watch failed.

use std::time::Duration;

use headway_protocol::{CloseCode, Problem};

/// Why a request or a watch failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server's address cannot be used.
    #[error("`{address}` is not the address of a server: {reason}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token cannot be sent.
    #[error("the token has characters that cannot stand in a header")]
    Token,
    /// Whoever was asked for a token has none.
    #[error("no token to sign in with could be had")]
    NoToken {
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The certificates of the authorities to trust cannot be used.
    #[error("the authorities' certificates cannot be used: {reason}")]
    Authority {
        /// What is wrong with them.
        reason: String,
    },
    /// The server's certificate is not one that is trusted, so that nothing was sent.
    #[error("{server} cannot be trusted: {reason}")]
    NotTrusted {
        /// The server's address.
        server: String,
        /// What is wrong with its certificate.
        reason: String,
    },
    /// The server refused, and said why.
    #[error("{}", .problem.detail)]
    Refused {
        /// What the server said.
        problem: Box<Problem>,
        /// How long the server asked to wait before the next attempt.
        retry_after: Option<Duration>,
    },
    /// The server could not be reached, or the connection broke.
    #[error("{server} cannot be reached")]
    Unreachable {
        /// The server's address.
        server: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What came back is not what the protocol says.
    #[error("{server} does not answer as a Headway server: {reason}")]
    NotUnderstood {
        /// The server's address.
        server: String,
        /// What was wrong.
        reason: String,
    },
    /// A stream was closed with a code that says not to come back.
    #[error("the server closed the stream ({code}): {reason}")]
    Closed {
        /// The WebSocket close code.
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// A local file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What happened.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoToken { .. } => true,
            Self::Refused { problem, .. } => problem.status == 429 || problem.status == 503,
            Self::Address { .. }
            | Self::Token
            | Self::Authority { .. }
            | Self::NotTrusted { .. }
            | Self::NotUnderstood { .. }
            | Self::Closed { .. }
            | Self::File { .. } => false,
        }
    }

    /// Whether the server does not know who asks: there is no token, or it does not hold (any more).
    pub fn is_unauthenticated(&self) -> bool {
        match self {
            Self::Refused { problem, .. } => problem.status == 401,
            Self::Closed { code, .. } => *code == CloseCode::InvalidToken.as_u16(),
            Self::Address { .. }
            | Self::Token
            | Self::NoToken { .. }
            | Self::Authority { .. }
            | Self::NotTrusted { .. }
            | Self::Unreachable { .. }
            | Self::NotUnderstood { .. }
            | Self::File { .. } => false,
        }
    }

    /// What the server said, when it was the server that refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            Self::Address { .. }
            | Self::Token
            | Self::NoToken { .. }
            | Self::Authority { .. }
            | Self::NotTrusted { .. }
            | Self::Unreachable { .. }
            | Self::NotUnderstood { .. }
            | Self::Closed { .. }
            | Self::File { .. } => None,
        }
    }

    /// How long the server asked to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Address { .. }
            | Self::Token
            | Self::NoToken { .. }
            | Self::Authority { .. }
            | Self::NotTrusted { .. }
            | Self::Unreachable { .. }
            | Self::NotUnderstood { .. }
            | Self::Closed { .. }
            | Self::File { .. } => None,
        }
    }
}
