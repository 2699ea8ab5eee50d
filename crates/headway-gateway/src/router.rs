//! The router over the table of routes, and what is answered where the table ends.

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use headway_protocol::ProblemCode;

use crate::app::App;
use crate::handlers::page;
use crate::problem::Refusal;
use crate::routes::{Handler, TABLE};
use crate::{observe, query};

/// The page's files; they are no part of the interface.
const FILES: &[(&str, Handler)] = &[
    ("/", || get(page::index)),
    ("/headway.js", || get(page::script)),
    ("/modules/{name}", || get(page::module)),
    ("/headway.css", || get(page::style)),
    ("/icon.svg", || get(page::icon)),
];

/// The methods that a path takes; the table's order.
fn methods(path: &str) -> String {
    let mut methods: Vec<&str> =
        TABLE.iter().filter(|route| route.path == path).map(|route| route.method).collect();
    if methods.is_empty() || methods.contains(&"GET") {
        methods.retain(|method| *method != "GET");
        methods.splice(0..0, ["GET", "HEAD"]);
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

/// The router over the whole table.
pub(crate) fn router(app: App) -> Router {
    let mut router = Router::new();
    for route in TABLE {
        let check = middleware::from_fn_with_state(route.parameters, query::check);
        router = router.route(route.path, (route.handler)().layer(check));
    }
    for (path, handler) in FILES {
        router = router.route(path, handler());
    }
    router
        .method_not_allowed_fallback(other_method)
        .fallback(nowhere)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// A method that a path does not take. `OPTIONS` is answered with those that it takes.
async fn other_method(request: Request) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let methods = methods(path.map_or("", MatchedPath::as_str));
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let method = request.method();
        let detail = format!("{method} is not taken here: use {methods}");
        Refusal::new(ProblemCode::MethodNotAllowed, detail).into_response()
    };
    if let Ok(methods) = HeaderValue::from_str(&methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

async fn nowhere(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    let detail = format!("there is nothing at {path}: see /api/v1/openapi.json");
    Refusal::new(ProblemCode::NotFound, detail).into_response()
}
