//! For those who run the server: is it alive, is it ready, what does it do, what does it offer.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headway_engine::NotReady;
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

/// `GET /readyz`: the process takes new work, and its store would keep it.
pub(crate) async fn ready(State(app): State<App>) -> Answer {
    let ready = if app.ready.load(Ordering::Acquire) {
        app.engine.ready().await
    } else {
        Err(NotReady::Stops)
    };
    let Err(reason) = ready else {
        return Ok(json_text(StatusCode::OK, r#"{"status":"ready"}"#));
    };
    let code = match reason {
        NotReady::Full => ProblemCode::Overloaded,
        NotReady::Fails | NotReady::Stuck => ProblemCode::StoreUnavailable,
        NotReady::Stops => ProblemCode::ShuttingDown,
    };
    Err(Refusal::new(code, reason.to_string()))
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(app): State<App>) -> Answer {
    // What the store was last found to do is among the counters.
    let _found = app.engine.ready().await;
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
