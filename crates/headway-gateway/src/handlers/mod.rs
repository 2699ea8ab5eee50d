//! What each route does: read the request, ask the engine or the hub, say what came of it.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod batches;
pub(crate) mod commands;
pub(crate) mod events;
pub(crate) mod jobs;
pub(crate) mod kinds;
pub(crate) mod operation;
pub(crate) mod page;
mod reports;
pub(crate) mod results;
pub(crate) mod upload;
pub(crate) mod webhooks;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headway_engine::Created;
use serde::Serialize;

use crate::problem::{Answer, Refusal};

/// The header of a request that may be repeated without harm.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Says that an earlier request with the same key had done it.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A JSON response.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    let text = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "a reply could not be written");
        Refusal::new(headway_protocol::ProblemCode::Internal, "the reply could not be written")
    })?;
    Ok(json_text(status, text))
}

/// A response whose body is JSON text already.
fn json_text(status: StatusCode, text: impl Into<Body>) -> Response {
    let media = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, media)], text.into()).into_response()
}

/// The answer to a request that made something, or found it made.
fn created(status: StatusCode, folder: &str, created: &Created) -> Answer {
    let mut response = json(status, &created.job)?;
    let headers = response.headers_mut();
    if let Ok(location) = format!("/api/v1/{folder}/{}", created.job.id).parse() {
        headers.insert(header::LOCATION, location);
    }
    if created.repeated {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
