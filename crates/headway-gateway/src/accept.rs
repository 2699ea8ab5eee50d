//! Which form of an answer a request accepts (RFC 9110, section 12.5.1, without weights: the first
//! form that we have and the request names, however much it likes another).

use axum::http::{HeaderMap, header};
use headway_protocol::ProblemCode;

use crate::problem::Refusal;

/// The media ranges of a request, lower case, without parameters; empty when it says nothing.
fn ranges(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .filter(|range| !range.is_empty())
        .collect()
}

/// The first of `forms` that the request accepts; the first of all when it says nothing.
fn choose<'a>(headers: &HeaderMap, forms: &[&'a str]) -> Result<&'a str, Refusal> {
    let ranges = ranges(headers);
    if ranges.is_empty() {
        return forms.first().copied().ok_or_else(|| not_acceptable(forms));
    }
    let fits = |range: &str, form: &str| {
        range == form
            || range == "*/*"
            || range.strip_suffix("/*").is_some_and(|kind| {
                form.split_once('/').is_some_and(|(form_kind, _)| form_kind == kind)
            })
    };
    ranges
        .iter()
        .find_map(|range| forms.iter().find(|form| fits(range, form)).copied())
        .ok_or_else(|| not_acceptable(forms))
}

fn not_acceptable(forms: &[&str]) -> Refusal {
    Refusal::new(ProblemCode::NotAcceptable, format!("there is {}", forms.join(", ")))
}

/// Whether a history is wanted as lines.
pub(crate) fn lines(headers: &HeaderMap) -> Result<bool, Refusal> {
    let lines = ["application/x-ndjson", "application/ndjson", "application/jsonl"];
    let [a, b, c] = lines;
    choose(headers, &["application/json", a, b, c]).map(|form| lines.contains(&form))
}

/// Whether a stream is wanted as Server-Sent Events.
pub(crate) fn events(headers: &HeaderMap) -> Result<bool, Refusal> {
    let stream = "text/event-stream";
    choose(headers, &["application/json", stream]).map(|form| form == stream)
}

/// Whether results are wanted as CSV.
pub(crate) fn csv(headers: &HeaderMap) -> Result<bool, Refusal> {
    let csv = "text/csv";
    let forms = ["application/x-ndjson", "application/jsonl", "application/json", csv];
    choose(headers, &forms).map(|form| form == csv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_named_is_taken() {
        let check = |accept: Option<&str>, wanted: Option<bool>| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(events(&headers).ok(), wanted, "{accept:?}");
        };
        check(None, Some(false));
        check(Some("*/*"), Some(false));
        check(Some("text/event-stream"), Some(true));
        check(Some("text/event-stream, application/json;q=0.5"), Some(true));
        check(Some("text/*;q=0.9"), Some(true));
        check(Some("application/*"), Some(false));
        check(Some("image/png"), None);
    }
}
