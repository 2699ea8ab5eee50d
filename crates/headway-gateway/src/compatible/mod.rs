//! The wire formats of three older progress services, served as they were.
//!
//! Each is a translation of the same log and nothing else. A state is told by a pure function of
//! the document and of the events since the last message ([`headway_hub::Dialect`]), made once for
//! all watchers of a format; what is about one connection alone is reworded on its way out
//! ([`speech`]). Who may come, how many, how fast, how slowly they may read and when they have to go
//! is as everywhere: a watcher of these formats is a watcher like all others.
//!
//! `document.rs` is what the formats read of a document, [`analysis`], [`job_progress`] and
//! [`session`] are the formats.
//!
//! Invariant: nothing is kept of a job here. Two nodes, or one before and after a restart, say the
//! same of the same log.

pub(crate) mod analysis;
mod document;
pub(crate) mod farewell;
pub(crate) mod handlers;
mod job_progress;
mod session;
pub(crate) mod speech;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use headway_hub::Dialect;
use headway_protocol::CloseCode;
use headway_protocol::frame::Subscribe;

use crate::options::Compatible;
use crate::problem::Refusal;
use crate::query::Query;
use crate::stream::selection::Selection;

/// One of the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One analysis: progress, then its results or its error.
    Analysis,
    /// Jobs by name, on a connection that stays.
    JobProgress,
    /// All transactions of a session, with the agents that work on them.
    Session,
}

/// How long a format without heartbeats of the stream's kind goes without one, in milliseconds: a
/// day, after which one is made and passed over.
const NO_HEARTBEAT_MS: u64 = 86_400_000;

impl Format {
    /// Every format.
    pub(crate) const ALL: [Self; 3] = [Self::Analysis, Self::JobProgress, Self::Session];

    /// The path of its stream.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Analysis => "/api/v1/analyze/{analysis_id}/stream",
            Self::JobProgress => "/progress/ws/{job_id}",
            Self::Session => "/ws/progress/{session_id}",
        }
    }

    /// Its name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Analysis => "analysis",
            Self::JobProgress => "job_progress",
            Self::Session => "session",
        }
    }

    /// What a connection for `name` watches from its beginning. `None`: nothing can have that name.
    pub(crate) fn selection(self, name: &str, query: &Query) -> Result<Option<Selection>, Refusal> {
        match self {
            Self::Analysis | Self::JobProgress => Ok(name.parse().ok().map(|job| {
                let id = name.to_owned();
                let subscribe = Subscribe { id, job: Some(job), ..Subscribe::default() };
                Selection::named(subscribe, Vec::new(), self == Self::Analysis)
            })),
            Self::Session => {
                let positions = Selection::positions(query, "last_event")?;
                let subscribe = session::subscribe(name);
                Ok(Some(Selection::named(subscribe, positions, true)))
            }
        }
    }

    /// The code and the reason with which a connection is closed that would have been closed with
    /// another: those that the format names, else the standard's (RFC 6455, section 7.4.1), because
    /// its clients know no others.
    pub(crate) const fn close(self, code: CloseCode) -> (u16, &'static str) {
        match code {
            CloseCode::Ended => (1000, "everything was sent"),
            CloseCode::GoingAway => (1001, "idle"),
            CloseCode::Shutdown => (1001, "the server stops"),
            CloseCode::Policy => (1008, "too many messages that could not be understood"),
            CloseCode::TooBig => (1009, "a message was too large"),
            CloseCode::NoPong => (1011, "no pong came"),
            CloseCode::Overloaded => (1013, "too many connections now"),
            CloseCode::TooSlow => (1013, "reading too slowly"),
            CloseCode::RateLimited => (1013, "too many messages"),
            CloseCode::InvalidToken => (1008, "the token is not valid"),
            CloseCode::NotAllowed => (1008, "not allowed"),
            CloseCode::ConnectionLimit => (1008, "Too many connections"),
            CloseCode::SubscriptionLimit => (1008, "too many subscriptions"),
            CloseCode::NoSuchJob => match self {
                Self::Analysis => (4004, "Analysis not found"),
                Self::JobProgress => (1008, "Job not found"),
                Self::Session => (1008, "Invalid session"),
            },
        }
    }
}

/// The dialects of a gateway, one of each: watchers share messages by them.
#[derive(Clone, Debug)]
pub(crate) struct Dialects([Arc<Dialect>; 3]);

impl Dialects {
    pub(crate) fn new(options: &Compatible) -> Self {
        let millis =
            |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self(Format::ALL.map(|format| {
            let plain = |tell: fn(&headway_hub::Telling<'_>) -> String| Dialect {
                name: format.as_str(),
                tell,
                events: 0,
                heartbeat_ms: NO_HEARTBEAT_MS,
                ended_within_ms: None,
            };
            Arc::new(match format {
                Format::Analysis => Dialect {
                    events: analysis::EVENTS,
                    heartbeat_ms: millis(options.analysis_heartbeat),
                    ..plain(analysis::tell)
                },
                Format::JobProgress => plain(job_progress::tell),
                Format::Session => Dialect {
                    events: session::EVENTS,
                    ended_within_ms: Some(millis(options.session_ttl)),
                    ..plain(session::tell)
                },
            })
        }))
    }

    /// The dialect of a format.
    pub(crate) fn of(&self, format: Format) -> &Arc<Dialect> {
        let Self([analysis, job_progress, session]) = self;
        match format {
            Format::Analysis => analysis,
            Format::JobProgress => job_progress,
            Format::Session => session,
        }
    }
}
