//! What a request to watch asks for, and what it is answered with: the same whoever owns its socket.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use headway_protocol::frame::SUBPROTOCOL;
use headway_protocol::{CloseCode, Cursor, JobId, JobStatus, Owner, ProblemCode};
use headway_websocket::handshake::{Handshake, Refused};
use percent_encoding::percent_decode_str;

use super::poll;
use super::selection::Selection;
use crate::accept;
use crate::app::caller_of;
use crate::front::admission::Limit;
use crate::problem::Refusal;
use crate::query::Query;
use crate::routes;

/// Which stream a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// One job's; whether its name can be one is not known yet.
    Job(String),
    /// That of many.
    Many,
}

impl Address {
    /// The route of one job's stream.
    pub(crate) const ONE: &str = "/api/v1/jobs/{id}/stream";
    /// The route of the stream of many.
    pub(crate) const SEVERAL: &str = "/api/v1/stream";

    /// The stream at a path; `None` when there is something else, or nothing.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        if path == Self::SEVERAL {
            return Some(Self::Many);
        }
        let (before, after) = Self::ONE.split_once("{id}")?;
        let id = path.strip_prefix(before)?.strip_suffix(after)?;
        if id.is_empty() || id.contains('/') {
            return None;
        }
        percent_decode_str(id).decode_utf8().ok().map(|id| Self::Job(id.into_owned()))
    }

    /// The route, as it is counted.
    pub(crate) fn route(&self) -> &'static str {
        match self {
            Self::Job(_) => Self::ONE,
            Self::Many => Self::SEVERAL,
        }
    }
}

/// How a watcher wants its frames.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// As WebSocket messages.
    Messages(Handshake),
    /// As Server-Sent Events.
    Events,
    /// As one answer, after at most so many milliseconds.
    Poll(u64),
}

impl Form {
    /// Its name in figures.
    pub(crate) fn transport(&self) -> &'static str {
        match self {
            Self::Messages(_) => "websocket",
            Self::Events => "sse",
            Self::Poll(_) => "poll",
        }
    }
}

/// Where a job's log is, and what became of the job.
pub(crate) type Standing = (Cursor, JobStatus);

/// What a request to watch asks for.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) caller: Arc<Owner>,
    pub(crate) form: Form,
    pub(crate) selection: Selection,
    /// The one job that the address names.
    pub(crate) job: Option<JobId>,
}

/// What a request to watch is answered with.
#[derive(Debug)]
pub(crate) enum Begin {
    /// The stream.
    Stream(Opening),
    /// Nothing: the watcher has seen the end. It is not to come back.
    NothingFollows,
    /// A WebSocket that closes at once: a browser cannot read the status of a refused upgrade, but
    /// it can read a close code.
    Close(Handshake, CloseCode),
    /// A refusal.
    Refuse(Refusal),
}

impl Opening {
    /// Reads a request. A WebSocket for a name that no job can have is [`Begin::Close`] at once.
    pub(crate) fn read(parts: &Parts, address: &Address) -> Result<Self, Begin> {
        let query = Query::parse(
            parts.uri.query().unwrap_or_default(),
            routes::parameters("GET", address.route()),
        )
        .map_err(Begin::Refuse)?;
        let form = form(parts, &query).map_err(Begin::Refuse)?;
        let (job, selection) = match address {
            Address::Job(id) => match id.parse::<JobId>() {
                Ok(job) => {
                    let selection = Selection::one(job.clone(), &query, &parts.headers);
                    (Some(job), selection)
                }
                Err(_) => return Err(no_such_job(form, id)),
            },
            Address::Many => {
                // A conversation may name its jobs later.
                let named_later = matches!(form, Form::Messages(_));
                let read = if named_later { Selection::optional } else { Selection::many };
                (None, read(&query, &parts.headers))
            }
        };
        let selection = selection.map_err(Begin::Refuse)?;
        Ok(Self { caller: Arc::new(caller_of(parts)), form, selection, job })
    }

    /// What it is answered with when a limit on connections is reached.
    pub(crate) fn refuse(self, limit: Limit) -> Begin {
        match self.form {
            Form::Messages(handshake) => Begin::Close(handshake, CloseCode::ConnectionLimit),
            Form::Events | Form::Poll(_) => Begin::Refuse(limit.into()),
        }
    }

    /// What it is answered with, by what is known of the job that it names: `None` when the caller
    /// sees no such job. A stream of many needs no job.
    pub(crate) fn begin(self, standing: Option<Standing>) -> Begin {
        let Some(job) = &self.job else { return Begin::Stream(self) };
        match standing {
            None => no_such_job(self.form, job.as_str()),
            Some((cursor, status))
                if matches!(self.form, Form::Events)
                    && status.is_terminal()
                    && self.selection.cursor() == Some(cursor) =>
            {
                Begin::NothingFollows
            }
            Some(_) => Begin::Stream(self),
        }
    }
}

fn no_such_job(form: Form, id: &str) -> Begin {
    match form {
        Form::Messages(handshake) => Begin::Close(handshake, CloseCode::NoSuchJob),
        Form::Events | Form::Poll(_) => Begin::Refuse(Refusal::no_such_job(id)),
    }
}

fn form(parts: &Parts, query: &Query) -> Result<Form, Refusal> {
    if wants_upgrade(&parts.headers) {
        let Parts { method, version, headers, .. } = parts;
        return Ok(Form::Messages(Handshake::read(method, *version, headers, SUBPROTOCOL)?));
    }
    if accept::events(&parts.headers)? {
        return Ok(Form::Events);
    }
    poll::wait_ms(query).map(Form::Poll)
}

/// Whether a request asks for a WebSocket, well or badly.
fn wants_upgrade(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::UPGRADE).iter();
    let mut tokens = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    tokens.any(|token| token.trim().eq_ignore_ascii_case("websocket"))
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::Version => ProblemCode::UpgradeRequired,
            Refused::Request | Refused::Upgrade | Refused::Key => ProblemCode::Malformed,
        };
        Self::new(code, format!("no WebSocket: {refused}"))
    }
}
