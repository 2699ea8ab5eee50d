//! A job's events: reported by its producer, read back as history; and the changes that they made.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use headway_hub::{HistoryPlace, HistoryQuery};
use headway_protocol::ProblemCode;
use headway_protocol::event::Producer;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::HistoryPage;

use super::json;
use super::reports::reports;
use crate::accept;
use crate::app::{App, Caller, Id, job_id};
use crate::body::{self, Form};
use crate::headers::text_of;
use crate::problem::{Answer, Refusal};
use crate::query::Query;

/// Events of a page of history, unless the request says; and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// What `before` is, instead of a cursor, to begin with the newest event.
const LATEST: &str = "latest";

/// Types that a history may be asked for by name, and the length of such a name.
const TYPES: (usize, usize) = (32, 64);

/// Records of a page, unless the request says; and at the most.
const RECORDS: (usize, usize) = (200, 1_000);

/// `POST /jobs/{id}/events`.
pub(crate) async fn append(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let form = body::form(&headers, &[Form::Json, Form::Lines])?;
    let job = job_id(&id)?;
    let text = body::read(&headers, body, app.options.body_bytes).await?;
    let reports = reports(&text, form)?;
    let producer = producer(&headers, &reports)?;
    let reply = app.engine.report(&caller, &job, producer, reports).await?;
    json(StatusCode::OK, &reply)
}

/// `GET /jobs/{id}/events`.
pub(crate) async fn history(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let lines = accept::lines(&headers)?;
    let wanted = HistoryQuery {
        place: place(&query)?,
        types: types(&query)?,
        limit: query.limit(PAGE.0, PAGE.1)?,
    };
    let job = job_id(&id)?;
    let page = app.hub.history(&caller, &job, &wanted).await?;
    let page = page.ok_or_else(|| Refusal::no_such_job(&id))?;
    if !lines {
        return json(StatusCode::OK, &page);
    }
    let mut text = Vec::new();
    for event in &page.events {
        serde_json::to_writer(&mut text, event).map_err(|error| {
            Refusal::new(ProblemCode::Internal, format!("an event could not be written: {error}"))
        })?;
        text.push(b'\n');
    }
    let media = HeaderValue::from_static("application/x-ndjson");
    let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, media)], text).into_response();
    if let Some(link) = link(&page, &wanted) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Where a page of lines leads on, which these cannot say: the address relative to that of the page.
fn link(page: &HistoryPage, wanted: &HistoryQuery) -> Option<HeaderValue> {
    let (parameter, cursor, relation) = match (page.next, page.previous) {
        (Some(next), _) => ("after", next, "next"),
        (None, Some(previous)) => ("before", previous, "prev"),
        (None, None) => return None,
    };
    let limit = wanted.limit;
    let types = match wanted.types.join(",") {
        types if types.is_empty() => types,
        types => format!("&types={types}"),
    };
    let link = format!("<?{parameter}={cursor}&limit={limit}{types}>; rel=\"{relation}\"");
    HeaderValue::from_str(&link).ok()
}

/// The types of events that a history is asked for; one that does not exist is no mistake, as a
/// client may know more of them than this server.
fn types(query: &Query) -> Result<Vec<String>, Refusal> {
    let types: Vec<String> = query.read_list("types")?;
    let (most, longest) = TYPES;
    if types.len() > most {
        let detail = format!("`types` names more than {most} types: leave it out to get all");
        return Err(Refusal::invalid("types", detail));
    }
    let is_word = |word: &String| {
        (1..=longest).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    match types.iter().find(|word| !is_word(word)) {
        None => Ok(types),
        Some(word) => {
            let detail = format!(
                "`{}` is no type of events: give such as `log` or `partial`, with commas between",
                word.chars().take(longest).collect::<String>()
            );
            Err(Refusal::invalid("types", detail))
        }
    }
}

/// From where a history is asked for.
fn place(query: &Query) -> Result<HistoryPlace, Refusal> {
    let after = query.read("after")?;
    match query.one("before")? {
        None => Ok(HistoryPlace::After(after)),
        Some(_) if after.is_some() => {
            let detail = "`before` reads backwards and `after` forwards: give one of them";
            Err(Refusal::invalid("before", detail))
        }
        Some(LATEST) => Ok(HistoryPlace::Before(None)),
        Some(_) => query.read("before").map(HistoryPlace::Before),
    }
}

/// `GET /jobs/{id}/records`.
pub(crate) async fn records(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    query: Query,
) -> Answer {
    let after = query.read("after")?;
    let limit = query.limit(RECORDS.0, RECORDS.1)?;
    let job = job_id(&id)?;
    let page = app.hub.records(&caller, &job, after, limit).await?;
    json(StatusCode::OK, &page.ok_or_else(|| Refusal::no_such_job(&id))?)
}

/// Who reports, by the headers `Producer-Id` and `Producer-Seq`; the numbers may be on the events
/// instead of in the header.
fn producer(headers: &HeaderMap, reports: &[SequencedReport]) -> Result<Option<Producer>, Refusal> {
    let (id, seq) = (text_of(headers, "producer-id")?, text_of(headers, "producer-seq")?);
    let Some(id) = id else {
        return match seq {
            None => Ok(None),
            Some(_) => {
                Err(Refusal::invalid("Producer-Id", "Producer-Seq needs Producer-Id beside it"))
            }
        };
    };
    if id.len() > 128 {
        let detail = "Producer-Id must have 1 to 128 characters";
        return Err(Refusal::invalid("Producer-Id", detail));
    }
    let seq = match seq {
        Some(seq) => seq.parse().map_err(|_| {
            let detail = "Producer-Seq must be a whole number, one more than the last";
            Refusal::invalid("Producer-Seq", detail)
        })?,
        None => reports.iter().filter_map(|report| report.seq).max().ok_or_else(|| {
            let detail = "Producer-Id needs Producer-Seq beside it, or `seq` on the events";
            Refusal::invalid("Producer-Seq", detail)
        })?,
    };
    Ok(Some(Producer { id: id.to_owned(), seq }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producer_numbers_its_requests_or_its_events() {
        let check = |headers: &[(&'static str, &'static str)], events: &str| {
            let headers = headers
                .iter()
                .map(|(name, value)| {
                    (header::HeaderName::from_static(name), HeaderValue::from_static(value))
                })
                .collect();
            let reports = reports(events.as_bytes(), Form::Json).unwrap();
            producer(&headers, &reports)
                .map(|producer| producer.map(|producer| (producer.id, producer.seq)))
                .map_err(|refusal| refusal.problem().field.clone())
        };
        let (plain, numbered) =
            (r#"{"type":"start"}"#, r#"[{"type":"start","seq":6},{"type":"start","seq":7}]"#);
        let me = |seq| Ok(Some(("me".to_owned(), seq)));
        let wrong = |field: &str| Err(Some(field.to_owned()));
        assert_eq!(check(&[], plain), Ok(None));
        assert_eq!(check(&[("producer-id", "me"), ("producer-seq", "3")], plain), me(3));
        assert_eq!(check(&[("producer-id", "me")], numbered), me(7));
        assert_eq!(check(&[("producer-id", "me")], plain), wrong("Producer-Seq"));
        assert_eq!(check(&[("producer-seq", "3")], plain), wrong("Producer-Id"));
        let worded = [("producer-id", "me"), ("producer-seq", "three")];
        assert_eq!(check(&worded, plain), wrong("Producer-Seq"));
    }
}
