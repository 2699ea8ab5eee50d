//! Refusals: problem documents (RFC 9457) and WebSocket close codes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A refusal: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// A name for the kind of problem, `urn:headway:problem:<code>`.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A word for programs.
    pub code: String,
    /// What went wrong this time, where, and what to do.
    pub detail: String,
    /// The index of the event or item at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The member at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Whether the same request may succeed later.
    #[serde(default)]
    pub retryable: bool,
    /// Whatever else helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl Problem {
    /// A problem of this kind, with its story.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            type_uri: format!("urn:headway:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code: code.as_str().to_owned(),
            detail: detail.into(),
            index: None,
            field: None,
            retryable: code.retryable(),
            details: None,
        }
    }

    /// The same, naming the event or item at fault.
    #[must_use]
    pub fn at_index(mut self, index: u64) -> Self {
        self.index = Some(index);
        self
    }

    /// The same, naming the member at fault.
    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

macro_rules! problem_codes {
    ($( $(#[$doc:meta])* $variant:ident = $status:literal, $word:literal, $title:literal, $retryable:literal; )*) => {
        /// The kinds of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemCode { $( $(#[$doc])* $variant ),* }

        impl ProblemCode {
            /// Every kind.
            pub const ALL: &'static [Self] = &[ $( Self::$variant ),* ];

            /// The word for programs.
            pub const fn as_str(self) -> &'static str { match self { $( Self::$variant => $word ),* } }

            /// The HTTP status.
            pub const fn status(self) -> u16 { match self { $( Self::$variant => $status ),* } }

            /// The kind in words.
            pub const fn title(self) -> &'static str { match self { $( Self::$variant => $title ),* } }

            /// Whether the same request may succeed later.
            pub const fn retryable(self) -> bool { match self { $( Self::$variant => $retryable ),* } }
        }
    };
}

problem_codes! {
    /// The request could not be read.
    Malformed = 400, "malformed", "The request could not be read", false;
    /// No valid sign-in.
    Unauthenticated = 401, "unauthenticated", "Sign in first", false;
    /// Signed in, but not for this.
    Forbidden = 403, "forbidden", "Not allowed", false;
    /// Nothing of that name is visible to the caller.
    NotFound = 404, "not_found", "There is no such thing", false;
    /// The path has no such method.
    MethodNotAllowed = 405, "method_not_allowed", "The path does not take this method", false;
    /// No representation that the caller accepts.
    NotAcceptable = 406, "not_acceptable", "No form that the request accepts", false;
    /// The job's status forbids it.
    WrongStatus = 409, "wrong_status", "The status forbids it", false;
    /// The job has ended.
    JobEnded = 409, "job_ended", "The job has ended", false;
    /// The name is taken.
    AlreadyExists = 409, "already_exists", "The name is taken", false;
    /// The idempotency key was used for another request.
    KeyReused = 409, "key_reused", "The idempotency key was used for another request", false;
    /// Too many bytes.
    TooLarge = 413, "too_large", "Too large", false;
    /// A body of the wrong kind.
    UnsupportedMediaType = 415, "unsupported_media_type", "The body is of the wrong kind", false;
    /// A value that cannot be understood or is not allowed.
    Invalid = 422, "invalid", "A value cannot be used", false;
    /// A WebSocket of a version that is not spoken.
    UpgradeRequired = 426, "upgrade_required", "Another version of the protocol is needed", false;
    /// The caller has as many connections as one may have.
    TooManyConnections = 429, "too_many_connections", "Too many connections", true;
    /// Too many requests.
    RateLimited = 429, "rate_limited", "Too many requests", true;
    /// A fault of the server.
    Internal = 500, "internal", "A fault of the server", true;
    /// The server cannot take more now.
    Overloaded = 503, "overloaded", "The server cannot take more now", true;
    /// The server stops.
    ShuttingDown = 503, "shutting_down", "The server stops", true;
    /// The store does not answer, or its disk is full.
    StoreUnavailable = 503, "store_unavailable", "The store does not answer", true;
}

/// Why a WebSocket is closed. 4000–4499: come back with backoff; 4500–4999: do not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// Everything that was watched has ended.
    Ended = 1000,
    /// The server stops.
    GoingAway = 1001,
    /// The client broke a rule.
    Policy = 1008,
    /// A message was too large.
    TooBig = 1009,
    /// The server cannot take more connections now.
    Overloaded = 1013,
    /// The server stops; another will take over.
    Shutdown = 4001,
    /// The watcher reads too slowly.
    TooSlow = 4008,
    /// No pong came.
    NoPong = 4012,
    /// Too many messages.
    RateLimited = 4029,
    /// The token is not valid.
    InvalidToken = 4500,
    /// Too many connections.
    ConnectionLimit = 4504,
    /// Too many subscriptions.
    SubscriptionLimit = 4505,
    /// Not allowed.
    NotAllowed = 4507,
    /// No such job.
    NoSuchJob = 4540,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn as_u16(self) -> u16 {
        self as u16
    }
}
