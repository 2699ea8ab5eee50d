//! A job's events: reported by its producer, read back as history.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use headway_protocol::event::Producer;
use headway_protocol::report::SequencedReport;
use headway_protocol::{Problem, ProblemCode, limits};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json;
use crate::accept;
use crate::app::{App, Caller, Id, job_id};
use crate::body::{self, Form};
use crate::headers::text_of;
use crate::problem::{Answer, Refusal};
use crate::query::Query;

/// Events of a page of history, unless the request says; and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// Members of a refused event that are tried for being at fault.
const MEMBERS_TRIED: usize = 32;

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
    let after = query.read("after")?;
    let limit = query.limit(PAGE.0, PAGE.1)?;
    let job = job_id(&id)?;
    let page = app.hub.history(&caller, &job, after, limit).await?;
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
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media)], text).into_response())
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

/// The events of a body: one, an array, or one a line. Each is read for itself, so that a mistake
/// is told with its place.
fn reports(text: &[u8], form: Form) -> Result<Vec<SequencedReport>, Refusal> {
    let pieces: Vec<&[u8]> = match form {
        Form::Lines => {
            text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect()
        }
        Form::Json | Form::Multipart if text.trim_ascii_start().starts_with(b"[") => {
            let events: Vec<&RawValue> = body::parse_borrowed(text)?;
            events.into_iter().map(|event| event.get().as_bytes()).collect()
        }
        Form::Json | Form::Multipart => vec![text],
    };
    if pieces.is_empty() {
        return Err(Refusal::new(ProblemCode::Invalid, "there is no event in the body"));
    }
    if pieces.len() > limits::EVENTS_PER_REPORT {
        let most = limits::EVENTS_PER_REPORT;
        let detail = format!("a report has at most {most} events: send several");
        return Err(Refusal::new(ProblemCode::TooLarge, detail));
    }
    (0..)
        .zip(pieces)
        .map(|(index, piece)| {
            body::parse(piece).map_err(|problem| locate(problem, piece).at_index(index).into())
        })
        .collect()
}

/// Names the member at fault: the one without which the mistake is another one, or none. The parser
/// cannot tell, because it reads an event's members before it knows its type.
fn locate(problem: Problem, piece: &[u8]) -> Problem {
    if problem.field.is_some() || problem.status != ProblemCode::Invalid.status() {
        return problem;
    }
    let Ok(Value::Object(event)) = serde_json::from_slice(piece) else { return problem };
    // Without the place in the text that the first telling has.
    let Err(mistake) = body::parse_value::<SequencedReport>(Value::Object(event.clone())) else {
        return problem;
    };
    if let Some(field) = mistake.field {
        return problem.at_field(field);
    }
    let culprit = event.keys().take(MEMBERS_TRIED).find(|name| {
        let mut rest = event.clone();
        rest.remove(*name);
        match body::parse_value::<SequencedReport>(Value::Object(rest)) {
            Ok(_) => true,
            Err(other) => {
                other.detail != mistake.detail && other.field.as_ref().is_none_or(|it| it == *name)
            }
        }
    });
    match culprit {
        Some(name) => problem.at_field(name.clone()),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_an_array_and_lines_are_read_alike() {
        let event = r#"{"type":"progress","percent":5}"#;
        let check = |text: String, form: Form, count: usize| {
            assert_eq!(reports(text.as_bytes(), form).unwrap().len(), count, "{text}");
        };
        check(event.to_owned(), Form::Json, 1);
        check(format!("[{event},{event}]"), Form::Json, 2);
        check(format!("{event}\n\n{event}\n"), Form::Lines, 2);
    }

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

    #[test]
    fn a_refused_event_is_named_with_its_member() {
        let check = |event: &str, field: Option<&str>| {
            let text = format!(r#"[{{"type":"start"}},{event}]"#);
            let refusal = reports(text.as_bytes(), Form::Json).unwrap_err();
            let problem = refusal.problem();
            assert_eq!((problem.status, problem.index), (422, Some(1)), "{problem:?}");
            assert_eq!(problem.field.as_deref(), field, "{problem:?}");
        };
        check(r#"{"type":"progress","percent":150}"#, Some("percent"));
        check(r#"{"type":"progress","percent":"half","message":"x"}"#, Some("percent"));
        check(r#"{"type":"progress","done":-1}"#, Some("done"));
        check(r#"{"type":"log","level":"loud","message":"x"}"#, Some("level"));
        check(r#"{"type":"log"}"#, Some("message"));
        check(r#"{"type":"dance"}"#, Some("type"));
        check(r#"{"percent":1}"#, Some("type"));
        check("7", None);
    }

    #[test]
    fn what_is_no_json_and_what_is_no_event_are_told_apart() {
        assert_eq!(reports(b"{", Form::Json).unwrap_err().problem().status, 400);
        assert_eq!(reports(b"[]", Form::Json).unwrap_err().problem().status, 422);
    }
}
