//! The stream: one address, three transports, one cursor.
//!
//! A request that asks for an upgrade gets a WebSocket, one that accepts `text/event-stream` gets
//! Server-Sent Events, and every other gets a long poll. All three ask the same kind of
//! [`headway_hub::Connection`] for frames; none of them keeps frames.

mod poll;
mod selection;
mod sse;
mod websocket;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use headway_hub::AskedCommand;
use headway_protocol::request::CommandRequest;
use headway_protocol::{Owner, Problem};
use serde_json::Value;

use crate::accept;
use crate::app::{App, Caller, Id, Shared, job_id};
use crate::problem::{Answer, Refusal};
use crate::query::Query;
use selection::Selection;

/// `GET /jobs/{id}/stream`.
pub(crate) async fn one(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    query: Query,
    request: Request,
) -> Answer {
    let upgrade = wants_upgrade(&request);
    let events = !upgrade && accept::events(request.headers())?;
    let standing = match job_id(&id) {
        Ok(job) => app.hub.standing(&caller, &job).await?.map(|standing| (job, standing)),
        Err(_) => None,
    };
    let Some((job, (cursor, status))) = standing else {
        // A browser cannot read the status of a refused upgrade; it can read a close code.
        return if upgrade {
            websocket::refuse(app, request)
        } else {
            Err(Refusal::no_such_job(&id))
        };
    };
    let selection = Selection::one(job, &query, request.headers())?;
    if upgrade {
        return websocket::open(app, caller, selection, request);
    }
    if events {
        if status.is_terminal() && selection.cursor() == Some(cursor) {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        return Ok(sse::open(&app, caller, selection));
    }
    poll::answer(&app, caller, selection, &query).await
}

/// `GET /stream`.
pub(crate) async fn many(
    State(app): State<App>,
    Caller(caller): Caller,
    query: Query,
    request: Request,
) -> Answer {
    if wants_upgrade(&request) {
        let selection = Selection::optional(&query, request.headers())?;
        return websocket::open(app, caller, selection, request);
    }
    let events = accept::events(request.headers())?;
    let selection = Selection::many(&query, request.headers())?;
    if events {
        return Ok(sse::open(&app, caller, selection));
    }
    poll::answer(&app, caller, selection, &query).await
}

fn wants_upgrade(request: &Request) -> bool {
    let lines = request.headers().get_all(header::UPGRADE).iter();
    let mut tokens = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    tokens.any(|token| token.trim().eq_ignore_ascii_case("websocket"))
}

/// Carries a watcher's command out.
async fn carry_out(app: &Shared, caller: &Owner, command: &AskedCommand) -> Result<Value, Problem> {
    let request = CommandRequest::default();
    let done = app.engine.command(caller, &command.job, command.action, request).await;
    let job = done.map_err(|error| error.problem())?;
    Ok(serde_json::json!({ "status": job.status, "cursor": job.cursor }))
}
