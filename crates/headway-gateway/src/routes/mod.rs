//! The routes: one table, from which the router, the OpenAPI document and the rules of who may ask
//! are built. A route says all of it in one place, and one that lacks a part does not build.

mod access;
mod batches;
mod compatible;
mod jobs;
mod kinds;
mod operation;
mod streams;
mod webhooks;

use axum::routing::MethodRouter;
use headway_access::Act;
use headway_protocol::request::CommandRequest;
use headway_protocol::{Action, Job};
use schemars::{Schema, SchemaGenerator};

use crate::app::App;
use crate::compatible::Format;
use crate::options::Options;
use streams::{TICKET, TOKEN};

/// Makes the schema of a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A query parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
}

/// A body in one form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content {
    pub(crate) media: &'static str,
    /// Absent: text or bytes.
    pub(crate) schema: Option<SchemaOf>,
}

/// How a request may be answered, refusals left out: every route may answer with a problem.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) summary: &'static str,
    pub(crate) contents: &'static [Content],
}

/// Makes the handler of one method.
pub(crate) type Handler = fn() -> MethodRouter<App>;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Anybody, also who has not signed in.
    Open,
    /// Whoever has signed in.
    SignedIn,
    /// Whoever may do such a thing at all. Whether it may be done to what the request names is
    /// judged where that is known, by the same function.
    May(Act),
    /// Whoever may watch; a WebSocket may also say later who it is.
    Stream,
}

impl Rule {
    /// The act that is judged.
    pub(crate) const fn act(self) -> Option<Act> {
        match self {
            Self::Open | Self::SignedIn => None,
            Self::May(act) => Some(act),
            Self::Stream => Some(Act::Watch),
        }
    }
}

/// What a request adds to what the server has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Nothing that lasts: it goes on also when the server is busy.
    Light,
    /// Work for as long as it is answered: refused while the server has too much to do.
    Work,
    /// A job: refused likewise, and counted.
    Job,
    /// A key, a token, a ticket or a session: counted.
    Grant,
}

/// One way to ask something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Its name for programs.
    pub(crate) operation: &'static str,
    pub(crate) rule: Rule,
    pub(crate) load: Load,
    pub(crate) summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Headers that it reads.
    pub(crate) headers: &'static [Parameter],
    /// The forms of its body; empty: it has none.
    pub(crate) body: &'static [Content],
    pub(crate) replies: &'static [Reply],
    pub(crate) handler: Handler,
}

/// Every route.
pub(crate) fn table() -> impl Iterator<Item = &'static Route> {
    let tables = [
        jobs::ROUTES,
        batches::ROUTES,
        kinds::ROUTES,
        streams::ROUTES,
        compatible::ROUTES,
        access::ROUTES,
        webhooks::ROUTES,
        operation::ROUTES,
    ];
    tables.into_iter().flatten()
}

/// The route of one job's stream.
pub(crate) fn one_job_s_stream() -> &'static Route {
    const { &streams::ONE }
}

/// The route of the stream of many.
pub(crate) fn stream_of_many() -> &'static Route {
    const { &streams::MANY }
}

/// The route of a stream in a format of older services.
pub(crate) fn stream_in(format: Format) -> &'static Route {
    match format {
        Format::Analysis => const { &compatible::ANALYSIS_STREAM },
        Format::JobProgress => const { &compatible::JOB_PROGRESS },
        Format::Session => const { &compatible::SESSION },
    }
}

/// The routes that a gateway with these options has.
pub(crate) fn served(options: &Options) -> impl Iterator<Item = &'static Route> {
    let compatible = options.compatible.enabled;
    let older = |route: &Route| compatible::ROUTES.iter().any(|older| older.path == route.path);
    table().filter(move |route| compatible || !older(route))
}

/// The route of a method and a path.
#[cfg(test)]
pub(crate) fn find(method: &str, path: &str) -> Option<&'static Route> {
    table().find(|route| route.method == method && route.path == path)
}

const fn json(schema: SchemaOf) -> Content {
    Content { media: "application/json", schema: Some(schema) }
}

const fn plain(media: &'static str) -> Content {
    Content { media, schema: None }
}

const fn parameter(name: &'static str, summary: &'static str) -> Parameter {
    Parameter { name, summary }
}

/// A route by which something is asked of a job or a batch.
const fn command(
    action: Action,
    path: &'static str,
    operation: &'static str,
    summary: &'static str,
    handler: fn() -> MethodRouter<App>,
) -> Route {
    Route {
        method: "POST",
        path,
        operation,
        rule: Rule::May(Act::Command(action)),
        load: Load::Light,
        summary,
        parameters: &[],
        headers: &[],
        body: const { &[json(SchemaGenerator::subschema_for::<CommandRequest>)] },
        replies: &[Reply {
            status: 202,
            summary: "Asked; the document shows it",
            contents: &[DOCUMENT],
        }],
        handler,
    }
}

const DOCUMENT: Content = json(SchemaGenerator::subschema_for::<Job>);
const DOCUMENT_REPLIES: &[Reply] = &[
    Reply { status: 200, summary: "The document; `ETag` is its cursor", contents: &[DOCUMENT] },
    Reply { status: 304, summary: "`If-None-Match` holds", contents: &[] },
];
const IF_NONE_MATCH: &[Parameter] = &[parameter("If-None-Match", "The `ETag` that is held")];
const IDEMPOTENCY: &[Parameter] =
    &[parameter("Idempotency-Key", "A repeat with the same key finds what the first made")];
const STATUS: Parameter = parameter("status", "Only with one of these statuses, comma-separated");
const LIMIT: Parameter = parameter("limit", "At most so many");
