//! Webhooks that could not be delivered.

use axum::routing::{delete, get, post};
use headway_access::Act;
use headway_protocol::webhook::DeadLetterPage;
use schemars::SchemaGenerator;

use super::{LIMIT, Load, Reply, Route, Rule, json, parameter};
use crate::handlers::webhooks;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/api/v1/webhooks/dead",
        operation: "listDeadLetters",
        rule: Rule::May(Act::Administer),
        load: Load::Light,
        summary: "List deliveries that were given up, oldest first",
        parameters: &[parameter("after", "The `next` of the page before"), LIMIT],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "A page",
            contents: &[json(SchemaGenerator::subschema_for::<DeadLetterPage>)],
        }],
        handler: || get(webhooks::dead),
    },
    Route {
        method: "POST",
        path: "/api/v1/webhooks/dead/replay",
        operation: "replayDeadLetters",
        rule: Rule::May(Act::Administer),
        load: Load::Light,
        summary: "Send all of them again",
        parameters: &[],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 202,
            summary: "They are in the queue again; how many",
            contents: &[json(|_| {
                schemars::json_schema!({
                    "type": "object",
                    "required": ["replayed"],
                    "properties": { "replayed": { "type": "integer", "minimum": 0 } },
                })
            })],
        }],
        handler: || post(webhooks::replay_all),
    },
    Route {
        method: "POST",
        path: "/api/v1/webhooks/dead/{id}/replay",
        operation: "replayDeadLetter",
        rule: Rule::May(Act::Administer),
        load: Load::Light,
        summary: "Send one of them again",
        parameters: &[],
        headers: &[],
        body: &[],
        replies: &[Reply { status: 202, summary: "It is in the queue again", contents: &[] }],
        handler: || post(webhooks::replay),
    },
    Route {
        method: "DELETE",
        path: "/api/v1/webhooks/dead/{id}",
        operation: "removeDeadLetter",
        rule: Rule::May(Act::Administer),
        load: Load::Light,
        summary: "Remove one of them",
        parameters: &[],
        headers: &[],
        body: &[],
        replies: &[Reply { status: 204, summary: "It is gone", contents: &[] }],
        handler: || delete(webhooks::remove),
    },
];
