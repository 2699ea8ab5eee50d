//! Headers of requests.

use axum::http::{HeaderMap, header};

use crate::problem::Refusal;

/// A header's text; `None` when it is absent.
pub(crate) fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty());
    text.map(Some)
        .ok_or_else(|| Refusal::invalid(name, format!("the header `{name}` must be visible ASCII")))
}

/// Whether a request says that it holds the version with this entity tag (RFC 9110, section 13.1.2).
pub(crate) fn holds(headers: &HeaderMap, tag: &[u8]) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held).as_bytes() == tag)
}
