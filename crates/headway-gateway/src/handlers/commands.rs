//! Commands: what an operator asks of a job.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{MethodRouter, post};
use headway_protocol::request::CommandRequest;
use headway_protocol::{Action, Job, JobId};

use super::json;
use headway_signin::Actor;

use crate::app::{App, Id, Shared, job_id};
use crate::body::{self, Form};
use crate::door::Entry;
use crate::problem::{Answer, Refusal};

/// `POST /jobs/{id}/{action}`.
pub(crate) fn handler(action: Action) -> MethodRouter<App> {
    post(move |app: State<App>, entry: Entry, id: Id, headers: HeaderMap, body: Body| {
        command(app, entry, id, headers, body, action)
    })
}

/// Asks something of a job, or of a batch.
pub(super) async fn command(
    State(app): State<App>,
    entry: Entry,
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
    let who = (&entry.caller, entry.address);
    let document = ask(&app, who, &job, action, request).await?;
    json(StatusCode::ACCEPTED, &document)
}

/// Asks something of a job, and has it written down who did.
pub(crate) async fn ask(
    app: &Shared,
    (caller, address): (&Arc<headway_access::Caller>, IpAddr),
    job: &JobId,
    action: Action,
    request: CommandRequest,
) -> Result<Job, Refusal> {
    let outcome = app.engine.command(caller, job, action, request).await;
    let refused = outcome.as_ref().err().map(|error| error.problem().code);
    let what = match action {
        Action::Cancel => "job.cancel",
        Action::Pause => "job.pause",
        Action::Resume => "job.resume",
        Action::Retry => "job.retry",
    };
    let by = Actor { caller, address: Some(address) };
    app.audit(by, what, Some(job.as_str()), refused).await;
    Ok(outcome?)
}
