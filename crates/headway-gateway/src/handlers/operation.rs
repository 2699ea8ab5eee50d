//! For those who run the server: is it alive, is it ready, what does it do, what does it offer.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headway_protocol::ProblemCode;

use super::json_text;
use crate::app::App;
use crate::openapi;
use crate::problem::{Answer, Refusal};
use crate::routes;

/// `GET /healthz`: the process answers.
pub(crate) async fn health() -> Response {
    json_text(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// `GET /readyz`: the process takes new work.
pub(crate) async fn ready(State(app): State<App>) -> Answer {
    if app.ready.load(Ordering::Acquire) {
        Ok(json_text(StatusCode::OK, r#"{"status":"ready"}"#))
    } else {
        Err(Refusal::new(ProblemCode::ShuttingDown, "the server stops: go to another"))
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(app): State<App>) -> Answer {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &app.registry)
        .map_err(|_| Refusal::new(ProblemCode::Internal, "the counters could not be written"))?;
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let media = HeaderValue::from_static(media);
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media)], text).into_response())
}

/// `GET /openapi.json`.
pub(crate) async fn describe(State(app): State<App>) -> Response {
    let description = app
        .description
        .get_or_init(|| openapi::document_of(routes::served(&app.options)).to_string().into());
    json_text(StatusCode::OK, description.clone())
}
