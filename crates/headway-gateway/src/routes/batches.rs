//! Batches: jobs whose work is a list of items.

use axum::routing::{get, post};
use headway_access::Act;
use headway_protocol::Action;
use headway_protocol::batch::{BatchRequest, ErrorGroups, Estimate, Timings};
use headway_protocol::request::ItemPage;
use schemars::SchemaGenerator;

use super::{
    Content, DOCUMENT, DOCUMENT_REPLIES, IDEMPOTENCY, IF_NONE_MATCH, LIMIT, Load, Reply, Route,
    Rule, STATUS, command, json, parameter, plain,
};
use crate::handlers::{batches, results};

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

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/api/v1/batches",
        operation: "createBatch",
        rule: Rule::May(Act::Create),
        load: Load::Job,
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
        rule: Rule::May(Act::Create),
        load: Load::Work,
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
        rule: Rule::May(Act::Watch),
        load: Load::Light,
        summary: "Show a batch",
        parameters: &[],
        headers: IF_NONE_MATCH,
        body: &[],
        replies: DOCUMENT_REPLIES,
        handler: || get(batches::show),
    },
    Route {
        method: "GET",
        path: "/api/v1/batches/{id}/items",
        operation: "listItems",
        rule: Rule::May(Act::Watch),
        load: Load::Light,
        summary: "List a batch's items, by index",
        parameters: &[
            STATUS,
            parameter(
                "error",
                "Only failed items whose error has this code; a page may then be short and have a \
                 `next`",
            ),
            parameter("after", "The `next` of the page before"),
            LIMIT,
        ],
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
        path: "/api/v1/batches/{id}/errors",
        operation: "groupErrors",
        rule: Rule::May(Act::Watch),
        load: Load::Work,
        summary: "Show why a batch's items failed, alike ones together",
        parameters: &[parameter("limit", "At most so many groups")],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "The largest groups",
            contents: &[json(SchemaGenerator::subschema_for::<ErrorGroups>)],
        }],
        handler: || get(batches::errors),
    },
    Route {
        method: "GET",
        path: "/api/v1/batches/{id}/timings",
        operation: "showTimings",
        rule: Rule::May(Act::Watch),
        load: Load::Work,
        summary: "Show how fast a batch's items finished over time, and how long they took",
        parameters: &[parameter("points", "At most so many points")],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "The points, and how long items took",
            contents: &[json(SchemaGenerator::subschema_for::<Timings>)],
        }],
        handler: || get(batches::timings),
    },
    Route {
        method: "GET",
        path: "/api/v1/batches/{id}/results",
        operation: "streamResults",
        rule: Rule::May(Act::Watch),
        load: Load::Light,
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
    command(
        Action::Cancel,
        "/api/v1/batches/{id}/cancel",
        "cancelBatch",
        "Ask a batch to stop for good",
        || batches::command(Action::Cancel),
    ),
    command(
        Action::Pause,
        "/api/v1/batches/{id}/pause",
        "pauseBatch",
        "Ask a batch to stand still",
        || batches::command(Action::Pause),
    ),
    command(
        Action::Resume,
        "/api/v1/batches/{id}/resume",
        "resumeBatch",
        "Ask a batch to go on, with a larger budget if one is given",
        || batches::command(Action::Resume),
    ),
    command(
        Action::Retry,
        "/api/v1/batches/{id}/retry",
        "retryBatch",
        "Begin a new attempt over items that did not succeed",
        || batches::command(Action::Retry),
    ),
];
