//! Jobs: made, shown, listed.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headway_hub::JobFilter;
use headway_protocol::request::CreateJob;

use super::{IDEMPOTENCY_KEY, created, json_text};
use crate::app::{App, Caller, Id, job_id};
use crate::body::{self, Form};
use crate::headers::{holds, text_of};
use crate::problem::{Answer, Refusal};
use crate::query::Query;

/// Jobs of a page, unless the request says; and at the most.
const PAGE: (usize, usize) = (50, 200);

/// The longest text that is searched for: as long as the longest session.
const TEXT_CHARACTERS: usize = 256;

/// `POST /jobs`.
pub(crate) async fn create(
    State(app): State<App>,
    Caller(caller): Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    body::form(&headers, &[Form::Json])?;
    let key = text_of(&headers, IDEMPOTENCY_KEY)?;
    let text = body::read(&headers, body, app.options.body_bytes).await?;
    let request: CreateJob = body::parse(&text)?;
    let job = app.engine.create_job(&caller, request, key).await?;
    created(StatusCode::CREATED, "jobs", &job)
}

/// `GET /jobs/{id}`.
pub(crate) async fn show(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    headers: HeaderMap,
) -> Answer {
    let job = job_id(&id)?;
    let (cursor, document) =
        app.hub.document(&caller, &job).await?.ok_or_else(|| Refusal::no_such_job(&id))?;
    let tag = format!("\"{cursor}\"");
    let mut response = if holds(&headers, tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json_text(StatusCode::OK, document)
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// `GET /jobs`.
pub(crate) async fn list(
    State(app): State<App>,
    Caller(caller): Caller,
    query: Query,
) -> Result<Response, Refusal> {
    let filter = JobFilter {
        statuses: query.read_list("status")?,
        kind: query.one("kind")?.map(str::to_owned),
        session: query.one("session")?.map(str::to_owned),
        tag: query.one("tag")?.map(str::to_owned),
        text: text_of_search(&query)?,
        page: query.one("page")?.map(str::to_owned),
        limit: query.limit(PAGE.0, PAGE.1)?,
    };
    Ok(json_text(StatusCode::OK, app.hub.list(&caller, &filter).await?))
}

/// The words that are searched for.
fn text_of_search(query: &Query) -> Result<Option<String>, Refusal> {
    match query.one("text")? {
        Some(text) if text.chars().count() > TEXT_CHARACTERS => {
            let detail = format!("`text` must have at most {TEXT_CHARACTERS} characters");
            Err(Refusal::invalid("text", detail))
        }
        text => Ok(text.map(str::to_owned)),
    }
}
