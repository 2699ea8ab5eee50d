//! Kinds: what is configured.

use axum::extract::State;
use axum::http::StatusCode;

use super::json;
use crate::app::App;
use crate::problem::Answer;

/// `GET /kinds`.
pub(crate) async fn list(State(app): State<App>) -> Answer {
    json(StatusCode::OK, &app.engine.kinds())
}
