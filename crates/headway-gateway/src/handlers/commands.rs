//! Commands: what an operator asks of a job.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use headway_protocol::Action;
use headway_protocol::request::CommandRequest;

use super::json;
use crate::app::{App, Caller, Id, job_id};
use crate::body::{self, Form};
use crate::problem::Answer;

/// `POST /jobs/{id}/cancel`.
pub(crate) async fn cancel(
    app: State<App>,
    caller: Caller,
    id: Id,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    command(app, caller, id, headers, body, Action::Cancel).await
}

/// `POST /jobs/{id}/pause`.
pub(crate) async fn pause(
    app: State<App>,
    caller: Caller,
    id: Id,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    command(app, caller, id, headers, body, Action::Pause).await
}

/// `POST /jobs/{id}/resume`.
pub(crate) async fn resume(
    app: State<App>,
    caller: Caller,
    id: Id,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    command(app, caller, id, headers, body, Action::Resume).await
}

/// `POST /jobs/{id}/retry`.
pub(crate) async fn retry(
    app: State<App>,
    caller: Caller,
    id: Id,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    command(app, caller, id, headers, body, Action::Retry).await
}

async fn command(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
    action: Action,
) -> Answer {
    let job = job_id(&id)?;
    let text = body::read(&headers, body, app.options.body_bytes).await?;
    let request = if text.trim_ascii().is_empty() {
        CommandRequest::default()
    } else {
        body::form(&headers, &[Form::Json])?;
        body::parse(&text)?
    };
    let document = app.engine.command(&caller, &job, action, request).await?;
    json(StatusCode::ACCEPTED, &document)
}
