//! Webhooks that could not be delivered: seen, sent again, removed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

use super::json;
use crate::app::{App, Id};
use crate::door::Entry;
use crate::problem::Answer;
use crate::query::Query;

/// Letters of a page, unless the request says; and at the most.
const PAGE: (usize, usize) = (100, 500);

/// `GET /webhooks/dead`.
pub(crate) async fn dead(State(app): State<App>, entry: Entry, query: Query) -> Answer {
    let limit = query.limit(PAGE.0, PAGE.1)?;
    let after = query.one("after")?;
    let page = app.engine.dead_letters(entry.caller.tenant(), after, limit).await?;
    json(StatusCode::OK, &page)
}

/// `POST /webhooks/dead/{id}/replay`.
pub(crate) async fn replay(State(app): State<App>, entry: Entry, Id(id): Id) -> Answer {
    let outcome = app.engine.replay_dead_letter(entry.caller.tenant(), &id).await;
    let refused = outcome.as_ref().err().map(|error| error.problem().code);
    app.audit(entry.actor(), "webhook.replay", Some(&id), refused).await;
    outcome?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `POST /webhooks/dead/replay`.
pub(crate) async fn replay_all(State(app): State<App>, entry: Entry) -> Answer {
    let outcome = app.engine.replay_dead_letters(entry.caller.tenant()).await;
    let refused = outcome.as_ref().err().map(|error| error.problem().code);
    app.audit(entry.actor(), "webhook.replay", None, refused).await;
    json(StatusCode::ACCEPTED, &json!({ "replayed": outcome? }))
}

/// `DELETE /webhooks/dead/{id}`.
pub(crate) async fn remove(State(app): State<App>, entry: Entry, Id(id): Id) -> Answer {
    let outcome = app.engine.remove_dead_letter(entry.caller.tenant(), &id).await;
    let refused = outcome.as_ref().err().map(|error| error.problem().code);
    app.audit(entry.actor(), "webhook.drop", Some(&id), refused).await;
    outcome?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
