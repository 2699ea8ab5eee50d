//! The page: files that are part of the program.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headway_protocol::ProblemCode;

use crate::problem::{Answer, Refusal};

/// The page loads nothing from elsewhere, talks to nobody else, runs no text as a script, and
/// nobody frames it. Its forms are sent by its scripts alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What else browsers are told of every file. A page of another site that opens this one, or is
/// opened by it, gets no hold of it.
const RULES: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        /// The scripts that the page's own script imports, by name.
        const MODULES: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../page/modules/", $name)))),*];
    };
}

modules![
    "actions.js",
    "board.js",
    "detail.js",
    "element.js",
    "event_text.js",
    "format.js",
    "job_view.js",
    "jobs.js",
    "link.js",
    "masthead.js",
    "request.js",
    "session.js",
    "sign_in_form.js",
    "status.js",
    "stream.js",
];

/// `GET /`.
pub(crate) async fn index(headers: HeaderMap) -> Response {
    file(&headers, "text/html; charset=utf-8", include_bytes!("../../page/index.html"))
}

/// `GET /headway.js`.
pub(crate) async fn script(headers: HeaderMap) -> Response {
    file(&headers, "text/javascript; charset=utf-8", include_bytes!("../../page/headway.js"))
}

/// `GET /modules/{name}`.
pub(crate) async fn module(Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let found = MODULES.iter().find(|(known, _)| *known == name);
    let (_, bytes) =
        found.ok_or_else(|| Refusal::new(ProblemCode::NotFound, "the page has no such module"))?;
    Ok(file(&headers, "text/javascript; charset=utf-8", bytes))
}

/// `GET /headway.css`.
pub(crate) async fn style(headers: HeaderMap) -> Response {
    file(&headers, "text/css; charset=utf-8", include_bytes!("../../page/headway.css"))
}

/// `GET /icon.svg`.
pub(crate) async fn icon(headers: HeaderMap) -> Response {
    file(&headers, "image/svg+xml", include_bytes!("../../page/icon.svg"))
}

fn file(headers: &HeaderMap, media: &'static str, bytes: &'static [u8]) -> Response {
    // The files change only with the program: FNV-1a tells its versions apart.
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let tag = format!("\"{hash:016x}\"");
    let held = headers.get(header::IF_NONE_MATCH).is_some_and(|held| *held == *tag);
    let mut response = if held {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (StatusCode::OK, bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.extend(RULES);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
