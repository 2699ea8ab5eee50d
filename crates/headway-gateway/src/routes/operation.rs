//! For those who run the server.

use axum::routing::get;
use headway_access::Act;

use super::{Load, Reply, Route, Rule, plain};
use crate::handlers::operation;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/api/v1/openapi.json",
        operation: "describe",
        rule: Rule::Open,
        load: Load::Light,
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
        rule: Rule::Open,
        load: Load::Light,
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
        rule: Rule::Open,
        load: Load::Light,
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
        rule: Rule::May(Act::Operate),
        load: Load::Light,
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
