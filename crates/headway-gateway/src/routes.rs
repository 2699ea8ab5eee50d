//! The routes: one table, from which both the router and the OpenAPI document are built.

use axum::routing::{MethodRouter, get, post};
use headway_protocol::batch::{BatchRequest, Estimate};
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{
    CommandRequest, CreateJob, HistoryPage, ItemPage, JobPage, ReportReply,
};
use headway_protocol::{Job, ServerMessage};
use schemars::{Schema, SchemaGenerator};

use crate::app::App;
use crate::handlers::{batches, commands, events, jobs, operation, results};
use crate::stream;

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

/// One way to ask something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Its name for programs.
    pub(crate) operation: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Headers that it reads.
    pub(crate) headers: &'static [Parameter],
    /// The forms of its body; empty: it has none.
    pub(crate) body: &'static [Content],
    pub(crate) replies: &'static [Reply],
    pub(crate) handler: Handler,
}

/// The parameters that a route knows.
pub(crate) fn parameters(method: &str, path: &str) -> &'static [Parameter] {
    let route = TABLE.iter().find(|route| route.method == method && route.path == path);
    route.map_or(&[], |route| route.parameters)
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

const DOCUMENT: Content = json(SchemaGenerator::subschema_for::<Job>);
const FRAMES: Content = json(|generator| {
    let message = generator.subschema_for::<ServerMessage>();
    schemars::json_schema!({
        "type": "object",
        "required": ["frames", "cursor"],
        "properties": {
            "frames": { "type": "array", "items": message },
            "cursor": { "type": "string", "description": "Passed as `cursor`, gives what follows" },
        },
    })
});
const REPORT: Content = json(|generator| {
    let event = generator.subschema_for::<SequencedReport>();
    schemars::json_schema!({ "anyOf": [event, { "type": "array", "items": event }] })
});
const UPLOAD: Content = Content {
    media: "multipart/form-data",
    schema: Some(|generator| {
        let options = generator.subschema_for::<headway_protocol::batch::BatchOptions>();
        schemars::json_schema!({
            "type": "object",
            "required": ["options", "file"],
            "properties": {
                "options": options,
                "file": { "type": "string", "format": "binary",
                          "description": "JSONL or CSV in UTF-8, after `options`" },
            },
        })
    }),
};
const BATCH_BODY: &[Content] = &[json(SchemaGenerator::subschema_for::<BatchRequest>), UPLOAD];
const COMMAND_BODY: &[Content] = &[json(SchemaGenerator::subschema_for::<CommandRequest>)];
const COMMAND_REPLIES: &[Reply] =
    &[Reply { status: 202, summary: "Asked; the document shows it", contents: &[DOCUMENT] }];
const DOCUMENT_REPLIES: &[Reply] = &[
    Reply { status: 200, summary: "The document; `ETag` is its cursor", contents: &[DOCUMENT] },
    Reply { status: 304, summary: "`If-None-Match` holds", contents: &[] },
];
const IF_NONE_MATCH: &[Parameter] = &[parameter("If-None-Match", "The `ETag` that is held")];
const IDEMPOTENCY: &[Parameter] =
    &[parameter("Idempotency-Key", "A repeat with the same key finds what the first made")];
const LAST_EVENT_ID: &[Parameter] =
    &[parameter("Last-Event-ID", "The cursor held, from an `EventSource` that comes back")];
const STATUS: Parameter = parameter("status", "Only with one of these statuses, comma-separated");
const LIMIT: Parameter = parameter("limit", "At most so many");
const STREAM_REPLIES: &[Reply] = &[
    Reply { status: 101, summary: "A WebSocket, subprotocol `headway.v1`", contents: &[] },
    Reply {
        status: 200,
        summary: "Server-Sent Events, or the answer to a long poll",
        contents: &[FRAMES, plain("text/event-stream")],
    },
    Reply { status: 204, summary: "The job has ended, and that was seen", contents: &[] },
];

/// Every route.
pub(crate) const TABLE: &[Route] = &[
    Route {
        method: "POST",
        path: "/api/v1/jobs",
        operation: "createJob",
        summary: "Create a job",
        parameters: &[],
        headers: IDEMPOTENCY,
        body: &[json(SchemaGenerator::subschema_for::<CreateJob>)],
        replies: &[Reply { status: 201, summary: "The new job", contents: &[DOCUMENT] }],
        handler: || post(jobs::create),
    },
    Route {
        method: "GET",
        path: "/api/v1/jobs",
        operation: "listJobs",
        summary: "List jobs, newest first",
        parameters: &[
            STATUS,
            parameter("kind", "Only of this kind"),
            parameter("session", "Only of this session"),
            parameter("tag", "Only with this tag"),
            parameter("page", "The `next` of the page before"),
            LIMIT,
        ],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "A page",
            contents: &[json(SchemaGenerator::subschema_for::<JobPage>)],
        }],
        handler: || get(jobs::list),
    },
    Route {
        method: "GET",
        path: "/api/v1/jobs/{id}",
        operation: "getJob",
        summary: "Show a job",
        parameters: &[],
        headers: IF_NONE_MATCH,
        body: &[],
        replies: DOCUMENT_REPLIES,
        handler: || get(jobs::show),
    },
    Route {
        method: "POST",
        path: "/api/v1/jobs/{id}/events",
        operation: "reportEvents",
        summary: "Report events of a job: all are applied, or none",
        parameters: &[],
        headers: &[
            parameter("Producer-Id", "The producer's name for itself"),
            parameter("Producer-Seq", "Its number for this request; a repeat changes nothing"),
        ],
        body: &[REPORT, plain("application/x-ndjson")],
        replies: &[Reply {
            status: 200,
            summary: "Durable; commands that wait for the worker are in the reply",
            contents: &[json(SchemaGenerator::subschema_for::<ReportReply>)],
        }],
        handler: || post(events::append),
    },
    Route {
        method: "GET",
        path: "/api/v1/jobs/{id}/events",
        operation: "listEvents",
        summary: "Read a job's history, oldest first",
        parameters: &[parameter("after", "A cursor; events after it"), LIMIT],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "A page, or its events one a line",
            contents: &[
                json(SchemaGenerator::subschema_for::<HistoryPage>),
                plain("application/x-ndjson"),
            ],
        }],
        handler: || get(events::history),
    },
    Route {
        method: "GET",
        path: "/api/v1/jobs/{id}/stream",
        operation: "watchJob",
        summary: "Watch a job: WebSocket, Server-Sent Events or long poll",
        parameters: &[
            parameter("cursor", "The position held"),
            parameter("last_event_id", "The same, for an `EventSource`"),
            parameter("events", "`true`, or the types of events wanted, comma-separated"),
            parameter("min_interval_ms", "The shortest time between two state frames"),
            parameter("wait_ms", "How long a poll waits, at most 60000"),
        ],
        headers: LAST_EVENT_ID,
        body: &[],
        replies: STREAM_REPLIES,
        handler: || get(stream::one),
    },
    Route {
        method: "GET",
        path: "/api/v1/stream",
        operation: "watchMany",
        summary: "Watch many jobs: WebSocket, Server-Sent Events or long poll",
        parameters: &[
            parameter("job", "A job; may be repeated"),
            parameter("session", "All jobs of a session; may be repeated"),
            parameter("tag", "All jobs with a tag; may be repeated"),
            parameter("all", "`true`: all jobs"),
            parameter("cursor", "With one job its position, else what a poll's answer carried"),
            parameter("last_event_id", "With one job: its position, for an `EventSource`"),
            parameter("events", "`true`, or the types of events wanted, comma-separated"),
            parameter("min_interval_ms", "The shortest time between two state frames of a job"),
            parameter("wait_ms", "How long a poll waits, at most 60000"),
        ],
        headers: LAST_EVENT_ID,
        body: &[],
        replies: STREAM_REPLIES,
        handler: || get(stream::many),
    },
    Route {
        method: "POST",
        path: "/api/v1/jobs/{id}/cancel",
        operation: "cancelJob",
        summary: "Ask a job to stop for good",
        parameters: &[],
        headers: &[],
        body: COMMAND_BODY,
        replies: COMMAND_REPLIES,
        handler: || post(commands::cancel),
    },
    Route {
        method: "POST",
        path: "/api/v1/jobs/{id}/pause",
        operation: "pauseJob",
        summary: "Ask a job to stand still",
        parameters: &[],
        headers: &[],
        body: COMMAND_BODY,
        replies: COMMAND_REPLIES,
        handler: || post(commands::pause),
    },
    Route {
        method: "POST",
        path: "/api/v1/jobs/{id}/resume",
        operation: "resumeJob",
        summary: "Ask a job to go on, with a larger budget if one is given",
        parameters: &[],
        headers: &[],
        body: COMMAND_BODY,
        replies: COMMAND_REPLIES,
        handler: || post(commands::resume),
    },
    Route {
        method: "POST",
        path: "/api/v1/jobs/{id}/retry",
        operation: "retryJob",
        summary: "Begin a new attempt of an ended job",
        parameters: &[],
        headers: &[],
        body: COMMAND_BODY,
        replies: COMMAND_REPLIES,
        handler: || post(commands::retry),
    },
    Route {
        method: "POST",
        path: "/api/v1/batches",
        operation: "createBatch",
        summary: "Create a batch, its items in the request or in a file",
        parameters: &[],
        headers: IDEMPOTENCY,
        body: BATCH_BODY,
        replies: &[Reply { status: 202, summary: "All items are durable", contents: &[DOCUMENT] }],
        handler: || post(batches::create),
    },
    Route {
        method: "POST",
        path: "/api/v1/estimates",
        operation: "estimateBatch",
        summary: "Say what a batch would cost; nothing is run",
        parameters: &[],
        headers: &[],
        body: BATCH_BODY,
        replies: &[Reply {
            status: 200,
            summary: "The estimate",
            contents: &[json(SchemaGenerator::subschema_for::<Estimate>)],
        }],
        handler: || post(batches::estimate),
    },
    Route {
        method: "GET",
        path: "/api/v1/batches/{id}",
        operation: "getBatch",
        summary: "Show a batch",
        parameters: &[],
        headers: IF_NONE_MATCH,
        body: &[],
        replies: DOCUMENT_REPLIES,
        handler: || get(jobs::show),
    },
    Route {
        method: "GET",
        path: "/api/v1/batches/{id}/items",
        operation: "listItems",
        summary: "List a batch's items, by index",
        parameters: &[STATUS, parameter("after", "The `next` of the page before"), LIMIT],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "A page",
            contents: &[json(SchemaGenerator::subschema_for::<ItemPage>)],
        }],
        handler: || get(batches::items),
    },
    Route {
        method: "GET",
        path: "/api/v1/batches/{id}/results",
        operation: "streamResults",
        summary: "Read a batch's results, one for every item",
        parameters: &[STATUS, parameter("format", "`jsonl` or `csv`")],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "The results",
            contents: &[plain("application/x-ndjson"), plain("text/csv")],
        }],
        handler: || get(results::stream),
    },
    Route {
        method: "POST",
        path: "/api/v1/batches/{id}/cancel",
        operation: "cancelBatch",
        summary: "Ask a batch to stop for good",
        parameters: &[],
        headers: &[],
        body: COMMAND_BODY,
        replies: COMMAND_REPLIES,
        handler: || post(commands::cancel),
    },
    Route {
        method: "POST",
        path: "/api/v1/batches/{id}/pause",
        operation: "pauseBatch",
        summary: "Ask a batch to stand still",
        parameters: &[],
        headers: &[],
        body: COMMAND_BODY,
        replies: COMMAND_REPLIES,
        handler: || post(commands::pause),
    },
    Route {
        method: "POST",
        path: "/api/v1/batches/{id}/resume",
        operation: "resumeBatch",
        summary: "Ask a batch to go on, with a larger budget if one is given",
        parameters: &[],
        headers: &[],
        body: COMMAND_BODY,
        replies: COMMAND_REPLIES,
        handler: || post(commands::resume),
    },
    Route {
        method: "POST",
        path: "/api/v1/batches/{id}/retry",
        operation: "retryBatch",
        summary: "Begin a new attempt over items that did not succeed",
        parameters: &[],
        headers: &[],
        body: COMMAND_BODY,
        replies: COMMAND_REPLIES,
        handler: || post(commands::retry),
    },
    Route {
        method: "GET",
        path: "/api/v1/openapi.json",
        operation: "describe",
        summary: "This document",
        parameters: &[],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "OpenAPI 3.1",
            contents: &[plain("application/json")],
        }],
        handler: || get(operation::describe),
    },
    Route {
        method: "GET",
        path: "/healthz",
        operation: "health",
        summary: "Whether the process answers",
        parameters: &[],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "It does",
            contents: &[plain("application/json")],
        }],
        handler: || get(operation::health),
    },
    Route {
        method: "GET",
        path: "/readyz",
        operation: "ready",
        summary: "Whether the process takes new work",
        parameters: &[],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "It does",
            contents: &[plain("application/json")],
        }],
        handler: || get(operation::ready),
    },
    Route {
        method: "GET",
        path: "/metrics",
        operation: "metrics",
        summary: "Counters for Prometheus",
        parameters: &[],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "OpenMetrics",
            contents: &[plain("application/openmetrics-text")],
        }],
        handler: || get(operation::metrics),
    },
];
