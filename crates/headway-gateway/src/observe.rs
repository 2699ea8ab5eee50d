//! What is done to every request: a name, a count, a line in the log, and an answer even when a
//! handler panics.

use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use headway_protocol::ProblemCode;
use tokio::time::Instant;

use crate::app::App;
use crate::metrics::Answered;
use crate::problem::Refusal;

/// The header that names a request, in requests and answers.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps every request. Neither queries nor bodies are logged: they may carry secrets.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(&app, request.headers());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = outcome.unwrap_or_else(|_| {
        // The panic hook has written what happened and where.
        tracing::error!(%method, route, request = ?id, "a handler panicked");
        Refusal::new(ProblemCode::Internal, "the request met a fault of the server").into_response()
    });
    let status = response.status();
    let took = began.elapsed();
    tracing::debug!(%method, route, %status, ?took, request = ?id, "answered");
    if !route.ends_with("/stream") {
        app.metrics.request_seconds.observe(took.as_secs_f64());
    }
    let method = known_method(&method).to_owned();
    let answered = Answered { route, method, status: status.as_u16() };
    app.metrics.requests.get_or_create(&answered).inc();
    mark(response.headers_mut(), id);
    response
}

/// A method as it is counted. Anybody can make up others, and each would be counted for ever.
fn known_method(method: &Method) -> &'static str {
    const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    NAMES.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// A request that the front answers itself.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    id: HeaderValue,
    route: &'static str,
}

impl Seen {
    /// A request to watch, by its headers.
    pub(crate) fn new(app: &App, headers: &HeaderMap, route: &'static str) -> Self {
        Self { id: request_id(app, headers), route }
    }

    /// Counts its answer, and gives that the headers which every answer has.
    pub(crate) fn mark(self, app: &App, status: StatusCode, headers: &mut HeaderMap) {
        let Self { id, route } = self;
        tracing::debug!(route, %status, request = ?id, "answered");
        let (method, status) = ("GET".to_owned(), status.as_u16());
        let answered = Answered { route: route.to_owned(), method, status };
        app.metrics.requests.get_or_create(&answered).inc();
        mark(headers, id);
    }
}

fn mark(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What is answered to one caller is not for the next one of the same browser or proxy.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The name that a request brought, if it can be one, else a new one.
fn request_id(app: &App, headers: &HeaderMap) -> HeaderValue {
    let brought = headers.get(&REQUEST_ID).filter(|value| {
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    brought.cloned().unwrap_or_else(|| {
        let made = format!("{:x}-{:x}", std::process::id(), app.number());
        HeaderValue::from_str(&made).unwrap_or(HeaderValue::from_static("unnamed"))
    })
}
