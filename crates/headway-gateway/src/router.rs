//! The router over the table of routes, and what is answered where the table ends.

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use headway_protocol::ProblemCode;

use crate::app::App;
use crate::handlers::page;
use crate::problem::Refusal;
use crate::routes::{self, Rule, table};
use crate::{door, observe};

/// The folder of the page whose files have names that change with their content. They are one route,
/// so that what is counted by route does not grow with every version.
const ASSETS: &str = "/assets/{*name}";

/// The methods that a path takes; the table's order.
fn methods(path: &str) -> String {
    let mut methods: Vec<&str> =
        table().filter(|route| route.path == path).map(|route| route.method).collect();
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
    for route in routes::served(&app.options) {
        let handler = (route.handler)();
        router = match route.rule {
            // Whoever watches is answered in the form of a transport, also by a refusal: the stream
            // asks at the door itself.
            Rule::Stream => router.route(route.path, handler),
            Rule::Open | Rule::SignedIn | Rule::May(_) => {
                let door = middleware::from_fn_with_state((app.clone(), route), door::enter);
                router.route(route.path, handler.layer(door))
            }
        };
    }
    // The page is no part of the interface.
    let files = app.options.page.routes().filter(|path| !path.starts_with("/assets/"));
    for path in files.chain([ASSETS.to_owned()]) {
        router = router.route(&path, get(page::file));
    }
    router
        .method_not_allowed_fallback(other_method)
        .fallback(nowhere)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// A method that a path does not take. `OPTIONS` is answered with those that it takes.
async fn other_method(State(app): State<App>, request: Request) -> Response {
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
    if request.method() == Method::OPTIONS {
        let (parts, _) = request.into_parts();
        door::preflight(&app, &parts, response.headers_mut());
    }
    response
}

async fn nowhere(request: Request) -> Response {
    Refusal::nothing_at(request.uri().path()).into_response()
}
