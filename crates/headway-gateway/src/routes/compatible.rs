//! The formats of older progress services.

use axum::routing::{get, post};
use headway_access::Act;

use super::{Content, IDEMPOTENCY, Load, Reply, Route, Rule, TICKET, TOKEN, json, parameter};
use crate::compatible::{Format, handlers};
use crate::stream;

const ANY_OBJECT: Content = json(|_| schemars::json_schema!({ "type": "object" }));

const ACCEPTED: Content = json(|_| {
    schemars::json_schema!({
        "type": "object",
        "required": ["analysis_id", "status", "created_at"],
        "properties": {
            "analysis_id": { "type": "string" },
            "status": { "enum": ["queued", "running", "completed", "failed"] },
            "created_at": { "type": "string", "format": "date-time" },
        },
    })
});

const ANALYSIS: Content = json(|_| {
    schemars::json_schema!({
        "type": "object",
        "required": ["analysis_id", "status", "progress", "phase", "created_at"],
        "properties": {
            "analysis_id": { "type": "string" },
            "status": { "enum": ["queued", "running", "completed", "failed"] },
            "progress": { "type": "number", "minimum": 0, "maximum": 100 },
            "phase": { "type": "string" },
            "results": { "description": "What came out, once it is completed" },
            "error": { "type": "string", "description": "Why it failed" },
            "created_at": { "type": "string", "format": "date-time" },
            "started_at": { "type": "string", "format": "date-time" },
            "updated_at": { "type": "string", "format": "date-time" },
            "completed_at": { "type": "string", "format": "date-time" },
        },
    })
});

const UPGRADED: &[Reply] = &[Reply { status: 101, summary: "A WebSocket", contents: &[] }];

const fn stream_of(
    format: Format,
    operation: &'static str,
    summary: &'static str,
    handler: super::Handler,
) -> Route {
    Route {
        method: "GET",
        path: format.path(),
        operation,
        rule: Rule::Stream,
        load: Load::Light,
        summary,
        parameters: &[TOKEN, TICKET],
        headers: &[],
        body: &[],
        replies: UPGRADED,
        handler,
    }
}

/// The stream of an analysis.
pub(super) const ANALYSIS_STREAM: Route =
    stream_of(Format::Analysis, "watchAnalysis", "Watch an analysis", || get(stream::analysis));

/// The stream of jobs by name.
pub(super) const JOB_PROGRESS: Route =
    stream_of(Format::JobProgress, "watchJobProgress", "Watch a job, and others beside it", || {
        get(stream::job_progress)
    });

/// The stream of a session.
pub(super) const SESSION: Route = Route {
    parameters: &[
        parameter("last_event", "The `last_event` of each transaction, comma-separated"),
        TOKEN,
        TICKET,
    ],
    ..stream_of(Format::Session, "watchSession", "Watch the transactions of a session", || {
        get(stream::session)
    })
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/api/v1/analyze",
        operation: "analyze",
        rule: Rule::May(Act::Create),
        load: Load::Job,
        summary: "Begin an analysis of what the body holds",
        parameters: &[],
        headers: IDEMPOTENCY,
        body: &[ANY_OBJECT],
        replies: &[Reply { status: 202, summary: "It will be analysed", contents: &[ACCEPTED] }],
        handler: || post(handlers::analyze),
    },
    Route {
        method: "GET",
        path: "/api/v1/analyze/{analysis_id}",
        operation: "getAnalysis",
        rule: Rule::May(Act::Watch),
        load: Load::Light,
        summary: "Show an analysis",
        parameters: &[],
        headers: &[],
        body: &[],
        replies: &[Reply { status: 200, summary: "The analysis", contents: &[ANALYSIS] }],
        handler: || get(handlers::show),
    },
    ANALYSIS_STREAM,
    JOB_PROGRESS,
    SESSION,
];
