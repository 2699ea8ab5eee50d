//! Kinds.

use axum::routing::get;
use headway_access::Act;
use headway_protocol::kind::Kinds;
use schemars::SchemaGenerator;

use super::{Load, Reply, Route, Rule, json};
use crate::handlers::kinds;

pub(super) const ROUTES: &[Route] = &[Route {
    method: "GET",
    path: "/api/v1/kinds",
    operation: "listKinds",
    // They are there to make jobs of. Who only watches is not told what else the server does.
    rule: Rule::May(Act::Create),
    load: Load::Light,
    summary: "List the configured kinds",
    parameters: &[],
    headers: &[],
    body: &[],
    replies: &[Reply {
        status: 200,
        summary: "All of them, by name",
        contents: &[json(SchemaGenerator::subschema_for::<Kinds>)],
    }],
    handler: || get(kinds::list),
}];
