//! Headers of requests.

use axum::http::HeaderMap;

use crate::problem::Refusal;

/// A header's text; `None` when it is absent.
pub(crate) fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty());
    text.map(Some)
        .ok_or_else(|| Refusal::invalid(name, format!("the header `{name}` must be visible ASCII")))
}
