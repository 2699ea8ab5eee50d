//! Streams.

use axum::routing::get;
use headway_protocol::ServerMessage;

use super::{Content, Load, Parameter, Reply, Route, Rule, json, parameter, plain};
use crate::stream;

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
const LAST_EVENT_ID: &[Parameter] =
    &[parameter("Last-Event-ID", "The cursor held, from an `EventSource` that comes back")];
const STREAM_REPLIES: &[Reply] = &[
    Reply { status: 101, summary: "A WebSocket, subprotocol `headway.v1`", contents: &[] },
    Reply {
        status: 200,
        summary: "Server-Sent Events, or the answer to a long poll",
        contents: &[FRAMES, plain("text/event-stream")],
    },
    Reply { status: 204, summary: "The job has ended, and that was seen", contents: &[] },
];

pub(super) const TOKEN: Parameter =
    parameter("token", "A key or token, where no header can be sent");
pub(super) const TICKET: Parameter = parameter("ticket", "A ticket, where no header can be sent");

/// The stream of one job.
pub(super) const ONE: Route = Route {
    method: "GET",
    path: "/api/v1/jobs/{id}/stream",
    operation: "watchJob",
    rule: Rule::Stream,
    load: Load::Light,
    summary: "Watch a job: WebSocket, Server-Sent Events or long poll",
    parameters: &[
        parameter("cursor", "The position held"),
        parameter("last_event_id", "The same, for an `EventSource`"),
        parameter("events", "`true`, or the types of events wanted, comma-separated"),
        parameter("min_interval_ms", "The shortest time between two state frames"),
        parameter("wait_ms", "How long a poll waits, at most 60000"),
        TOKEN,
        TICKET,
    ],
    headers: LAST_EVENT_ID,
    body: &[],
    replies: STREAM_REPLIES,
    handler: || get(stream::one),
};

/// The stream of many.
pub(super) const MANY: Route = Route {
    method: "GET",
    path: "/api/v1/stream",
    operation: "watchMany",
    rule: Rule::Stream,
    load: Load::Light,
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
        TOKEN,
        TICKET,
    ],
    headers: LAST_EVENT_ID,
    body: &[],
    replies: STREAM_REPLIES,
    handler: || get(stream::many),
};

pub(super) const ROUTES: &[Route] = &[ONE, MANY];
