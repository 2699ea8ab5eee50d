//! What a request to watch asks for, and what it is answered with: the same whoever owns its socket.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use headway_access::Caller;
use headway_protocol::frame::SUBPROTOCOL;
use headway_protocol::{CloseCode, Cursor, JobId, JobStatus, ProblemCode, Timestamp};
use headway_signin::Refused as Unknown;
use headway_websocket::handshake::{Handshake, Refused};
use percent_encoding::percent_decode_str;

use super::poll;
use super::selection::Selection;
use crate::accept;
use crate::app::Shared;
use crate::compatible::Format as WireFormat;
use crate::compatible::farewell::Farewell;
use crate::door::site::Origin;
use crate::door::{Entry, Turned, credential};
use crate::front::admission::Limit;
use crate::options::Site;
use crate::problem::Refusal;
use crate::query::Query;
use crate::routes::{self, Route};

/// Which stream a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// One job's; whether its name can be one is not known yet.
    Job(String),
    /// That of many.
    Many,
    /// One in the format of an older service, by its name there.
    Compatible(WireFormat, String),
}

impl Address {
    /// The route of one job's stream.
    pub(crate) const ONE: &str = "/api/v1/jobs/{id}/stream";
    /// The route of the stream of many.
    pub(crate) const SEVERAL: &str = "/api/v1/stream";

    /// The stream at a path; `None` when there is something else, or nothing. `compatible`: whether
    /// the formats of older services are served.
    pub(crate) fn of_path(path: &str, compatible: bool) -> Option<Self> {
        if path == Self::SEVERAL {
            return Some(Self::Many);
        }
        if let Some(id) = name_in(path, Self::ONE) {
            return Some(Self::Job(id));
        }
        let mut formats = WireFormat::ALL.into_iter().filter(|_| compatible);
        formats.find_map(|format| Some(Self::Compatible(format, name_in(path, format.path())?)))
    }

    /// The path of its route, as it is counted.
    pub(crate) fn route(&self) -> &'static str {
        match self {
            Self::Job(_) => Self::ONE,
            Self::Many => Self::SEVERAL,
            Self::Compatible(format, _) => format.path(),
        }
    }

    /// The format, when it is not the stream's own.
    fn format(&self) -> Option<WireFormat> {
        match self {
            Self::Job(_) | Self::Many => None,
            Self::Compatible(format, _) => Some(*format),
        }
    }

    /// The query of a request. The older services have passed over what they did not know.
    fn query(&self, parts: &Parts) -> Result<Query, Refusal> {
        let (text, known) = (parts.uri.query().unwrap_or_default(), self.to_route().parameters);
        match self {
            Self::Job(_) | Self::Many => Query::parse(text, known),
            Self::Compatible(..) => Ok(Query::parse_known(text, known)),
        }
    }

    fn to_route(&self) -> &'static Route {
        match self {
            Self::Job(_) => routes::one_job_s_stream(),
            Self::Many => routes::stream_of_many(),
            Self::Compatible(format, _) => routes::stream_in(*format),
        }
    }
}

/// What stands at a path where its route has a name in braces.
fn name_in(path: &str, route: &str) -> Option<String> {
    let (before, rest) = route.split_once('{')?;
    let (_, after) = rest.split_once('}')?;
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    if name.is_empty() || name.contains('/') {
        return None;
    }
    percent_decode_str(name).decode_utf8().ok().map(Cow::into_owned)
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
    pub(crate) caller: Arc<Caller>,
    /// Where it comes from.
    pub(crate) address: IpAddr,
    /// The page that may read the answer.
    pub(crate) page: Page,
    pub(crate) form: Form,
    /// The words in which it is answered, when they are not the stream's own.
    pub(crate) format: Option<WireFormat>,
    pub(crate) selection: Selection,
    /// The one job that the address names.
    pub(crate) job: Option<JobId>,
    /// When it was asked.
    now: Timestamp,
}

/// The page of another origin that a request comes from, if it may read the answer.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    origin: Origin,
    name: Option<HeaderValue>,
}

impl Page {
    /// Also of a request that is refused: a page that may ask has to know why.
    fn of(app: &Shared, parts: &Parts) -> Self {
        let origin = app.options.site.judge(parts, false).unwrap_or(Origin::Unsaid);
        let name = parts.headers.get(header::ORIGIN).filter(|_| origin == Origin::Allowed);
        Self { origin, name: name.cloned() }
    }

    fn refuse(&self, refusal: Refusal) -> Begin {
        Begin::Refuse(refusal.with(|headers| self.mark(headers)))
    }

    /// Tells the browser so.
    pub(crate) fn mark(&self, answer: &mut HeaderMap) {
        Site::mark(self.origin, self.name.as_ref(), answer);
    }
}

/// What a request to watch is answered with.
#[derive(Debug)]
pub(crate) enum Begin {
    /// The stream.
    Stream(Opening),
    /// Nothing: the watcher has seen the end. It is not to come back.
    NothingFollows(Page),
    /// A WebSocket that closes at once: a browser cannot read the status of a refused upgrade, but
    /// it can read a close code.
    Close(Handshake, Farewell),
    /// A refusal.
    Refuse(Refusal),
    /// Nothing yet: who asks has to be found out first, which takes a wait.
    Wait,
}

impl Opening {
    /// Reads a request and asks at the door. A WebSocket for a name that no job can have is
    /// [`Begin::Close`] at once. `known`: who asks, when that was found out after [`Begin::Wait`].
    pub(crate) fn read(
        app: &Shared,
        parts: &Parts,
        address: &Address,
        peer: IpAddr,
        known: Option<Arc<Caller>>,
    ) -> Result<Self, Begin> {
        let route = address.to_route();
        let page = Page::of(app, parts);
        let refuse = |refusal: Refusal| page.refuse(refusal);
        let query = address.query(parts).map_err(refuse)?;
        let format = address.format();
        let form = form(parts, &query).map_err(refuse)?;
        let entry = match app.admit(parts, &query, route, peer, known) {
            // Who speaks another format has no words to say later who they are.
            Ok(entry) if format.is_some() && entry.caller.is_nobody() => {
                return Err(turn_away(form, format, Turned::Unknown(Unknown::Missing), &page));
            }
            Ok(entry) => entry,
            Err(turned) => return Err(turn_away(form, format, turned, &page)),
        };
        if format.is_some() && !matches!(form, Form::Messages(_)) {
            let detail = "this is a WebSocket: ask for it with `Upgrade: websocket`";
            return Err(refuse(Refusal::new(ProblemCode::UpgradeRequired, detail)));
        }
        let (job, selection) = match address {
            Address::Job(id) => match id.parse::<JobId>() {
                Ok(job) => {
                    let selection = Selection::one(job.clone(), &query, &parts.headers);
                    (Some(job), selection)
                }
                Err(_) => return Err(no_such_job(form, None, id, &page, app.hub.now())),
            },
            Address::Compatible(format, name) => {
                let Some(selection) = format.selection(name, &query).map_err(refuse)? else {
                    let now = app.hub.now();
                    return Err(no_such_job(form, Some(*format), name, &page, now));
                };
                (selection.job().cloned(), Ok(selection))
            }
            Address::Many => {
                // A conversation may name its jobs later.
                let named_later = matches!(form, Form::Messages(_));
                let read = if named_later { Selection::optional } else { Selection::many };
                (None, read(&query, &parts.headers))
            }
        };
        let selection = selection.map_err(refuse)?;
        let Entry { caller, address, origin: _, left: _ } = entry;
        Ok(Self { caller, address, page, form, format, selection, job, now: app.hub.now() })
    }

    /// The job to look up before the stream begins: none for somebody who has not said who they are,
    /// to whom nothing may be told of it.
    pub(crate) fn to_look_up(&self) -> Option<&JobId> {
        self.job.as_ref().filter(|_| !self.caller.is_nobody())
    }

    /// What it is answered with when a limit on connections is reached.
    pub(crate) fn refuse(self, limit: Limit) -> Begin {
        match self.form {
            Form::Messages(handshake) => {
                let farewell = Farewell::close(self.format, CloseCode::ConnectionLimit);
                Begin::Close(handshake, farewell)
            }
            Form::Events | Form::Poll(_) => self.page.refuse(limit.into()),
        }
    }

    /// What it is answered with, by what is known of the job that it names: `None` when the caller
    /// sees no such job. A stream of many needs no job.
    pub(crate) fn begin(self, standing: Option<Standing>) -> Begin {
        let Some(job) = self.to_look_up() else { return Begin::Stream(self) };
        match standing {
            None => no_such_job(self.form.clone(), self.format, job.as_str(), &self.page, self.now),
            Some((cursor, status))
                if matches!(self.form, Form::Events)
                    && status.is_terminal()
                    && self.selection.cursor() == Some(cursor) =>
            {
                Begin::NothingFollows(self.page)
            }
            Some(_) => Begin::Stream(self),
        }
    }
}

/// The same, after finding out who asks.
pub(crate) async fn read_patiently(
    app: &Shared,
    parts: &Parts,
    address: &Address,
    peer: IpAddr,
) -> Result<Opening, Begin> {
    let route = address.to_route();
    let page = Page::of(app, parts);
    let query = address.query(parts).map_err(|refusal| page.refuse(refusal))?;
    let presented = credential::presented(parts, &query, route);
    let from = app.admission.address_of(peer, &parts.headers);
    match app.door.signin.identify_patiently(presented, from, app.hub.now()).await {
        Ok(caller) => Opening::read(app, parts, address, peer, Some(caller)),
        Err(refused) => match form(parts, &query) {
            Ok(form) => Err(turn_away(form, address.format(), Turned::Unknown(refused), &page)),
            Err(refusal) => Err(page.refuse(refusal)),
        },
    }
}

fn no_such_job(
    form: Form,
    format: Option<WireFormat>,
    id: &str,
    page: &Page,
    now: Timestamp,
) -> Begin {
    match form {
        Form::Messages(handshake) => Begin::Close(handshake, Farewell::unknown(format, id, now)),
        Form::Events | Form::Poll(_) => page.refuse(Refusal::no_such_job(id)),
    }
}

/// What somebody is told who was not let in. A browser cannot read why an upgrade was refused, but
/// it can read a close code; one of a page that may not ask at all gets no WebSocket.
fn turn_away(form: Form, format: Option<WireFormat>, turned: Turned, page: &Page) -> Begin {
    let code = match &turned {
        Turned::Unknown(Unknown::NotKnownYet) => return Begin::Wait,
        Turned::Foreign(_) => None,
        Turned::Unknown(Unknown::TooManyTries { .. }) | Turned::Busy(_) => {
            Some(CloseCode::RateLimited)
        }
        Turned::Unknown(Unknown::Unavailable { .. }) => Some(CloseCode::Overloaded),
        Turned::Unknown(
            Unknown::Missing | Unknown::Invalid | Unknown::Expired | Unknown::Revoked,
        ) => Some(CloseCode::InvalidToken),
        Turned::Denied(_) => Some(CloseCode::NotAllowed),
    };
    match (form, code) {
        (Form::Messages(handshake), Some(code)) => {
            Begin::Close(handshake, Farewell::close(format, code))
        }
        (Form::Messages(_) | Form::Events | Form::Poll(_), _) => page.refuse(turned.into()),
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
