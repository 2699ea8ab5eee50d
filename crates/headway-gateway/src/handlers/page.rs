//! The page: files that the program gave the gateway, under rules that browsers hold to.

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::headers::holds;
use crate::problem::{Answer, Refusal};

/// The page loads nothing from elsewhere, talks to nobody else, runs no text as a script, and
/// nobody frames it. Its forms are sent by its scripts alone. `data:` pictures cannot run anything.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                      manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What else browsers are told of every file. A page of another site that opens this one, or is
/// opened by it, gets no hold of it, and nothing in it reaches for the device.
const RULES: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Asked for again before every use, which costs an answer without a body while it is the same.
const ASKED_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// Kept for a year, which is as long as a cache keeps anything.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What a program without a page shows.
const NO_PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Headway</title>
<h1>This server was built without its dashboard</h1>
<p>Everything else works: see <a href=\"/api/v1/openapi.json\">what it answers</a>.</p>
<p>To have the dashboard, run <code>cargo xtask dashboard</code> in the sources, build the program
again and start it again.</p>
</html>
";

/// `GET /` and every other file of the page.
pub(crate) async fn file(
    State(app): State<App>,
    OriginalUri(address): OriginalUri,
    headers: HeaderMap,
) -> Answer {
    let held = app.options.page.find(address.path());
    let Some((held, form)) = held.and_then(|held| Some((held, held.form(&headers)?))) else {
        return if address.path() == "/" {
            Ok(no_page())
        } else {
            Err(Refusal::nothing_at(address.path()))
        };
    };
    let mut response = if holds(&headers, form.tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = form.bytes.clone().into_response();
        if let Some(coding) = form.coding.header() {
            response.headers_mut().insert(header::CONTENT_ENCODING, coding);
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, held.media.clone());
    headers.insert(header::ETAG, form.tag.clone());
    headers.insert(header::CACHE_CONTROL, if held.immutable { KEPT } else { ASKED_AGAIN });
    if held.varies() {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    headers.extend(RULES);
    Ok(response)
}

fn no_page() -> Response {
    let media = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, media)], NO_PAGE).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, ASKED_AGAIN);
    response.headers_mut().extend(RULES);
    response
}
