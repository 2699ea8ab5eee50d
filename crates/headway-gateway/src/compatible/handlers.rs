//! The requests of the analysis format.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use headway_hub::{HistoryPlace, HistoryQuery};
use headway_protocol::JobStatus;
use headway_protocol::request::CreateJob;
use serde_json::{Map, Value, json};

use super::analysis;
use super::document::Document;
use crate::app::{App, Caller, Id};
use crate::body::{self, Form};
use crate::handlers::{self, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
use crate::headers::text_of;
use crate::problem::{Answer, Refusal};

/// `POST /analyze`: the body is what is analysed.
pub(crate) async fn analyze(
    State(app): State<App>,
    Caller(caller): Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    body::form(&headers, &[Form::Json])?;
    let key = text_of(&headers, IDEMPOTENCY_KEY)?;
    let text = body::read(&headers, body, app.options.body_bytes).await?;
    let input: Map<String, Value> = body::parse(&text)?;
    let request = request(&app, input);
    let created = app.engine.create_job(&caller, request, key).await?;
    let job = &created.job;
    let answer = json!({
        "analysis_id": job.id,
        "status": analysis::Status::of(job.status).as_str(),
        "created_at": job.created_at,
    });
    let mut response = handlers::json(StatusCode::ACCEPTED, &answer)?;
    let headers = response.headers_mut();
    if let Ok(location) = format!("/api/v1/analyze/{}", job.id).parse() {
        headers.insert(header::LOCATION, location);
    }
    if created.repeated {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// What makes the job: its executor gets what is analysed as its input, and a producer of its own
/// finds it in the metadata.
fn request(app: &App, input: Map<String, Value>) -> CreateJob {
    let kind = app.options.compatible.analysis_kind.clone();
    let kinds = app.engine.kinds().kinds;
    let known = kinds.into_iter().find(|known| known.name == kind);
    if known.is_some_and(|known| known.executor.is_some()) {
        CreateJob { kind, input: Some(input.into()), ..CreateJob::default() }
    } else {
        CreateJob { kind, metadata: json!({ "input": input }), ..CreateJob::default() }
    }
}

/// `GET /analyze/{analysis_id}`.
pub(crate) async fn show(State(app): State<App>, Caller(caller): Caller, Id(id): Id) -> Answer {
    let nothing = || {
        let shown: String = id.chars().take(128).collect();
        let detail = format!("there is no analysis {shown}");
        Refusal::new(headway_protocol::ProblemCode::NotFound, detail)
    };
    let job = id.parse().map_err(|_| nothing())?;
    let unreadable = |error: serde_json::Error| {
        tracing::error!(%job, %error, "a document could not be read");
        Refusal::new(headway_protocol::ProblemCode::Internal, "the analysis could not be read")
    };
    let (_, document) = app.hub.document(&caller, &job).await?.ok_or_else(nothing)?;
    let document: Value = serde_json::from_str(&document).map_err(unreadable)?;
    let document = Document(&document);
    let mut events = Vec::new();
    if document.status() == JobStatus::Completed {
        let (place, limit) = (HistoryPlace::Before(None), analysis::EVENTS);
        let newest = HistoryQuery { place, types: Vec::new(), limit };
        let page = app.hub.history(&caller, &job, &newest).await?;
        for event in page.ok_or_else(nothing)?.events {
            events.push(serde_json::value::to_raw_value(&event.event).map_err(unreadable)?);
        }
    }
    let answer = analysis::answer(document, events.iter().map(|event| &**event));
    handlers::json(StatusCode::OK, &answer)
}
