//! The format of a session: which agents work on each of its transactions, and what they have done.
//!
//! A transaction is a job, an agent is a step. A message tells one transaction whole and carries
//! what happened in it since the last one, so that several updates become one message when they
//! come fast or are read slowly.

mod agents;
mod events;
mod said;

use headway_hub::Telling;
use headway_hub::session::Session;
use headway_protocol::frame::{ClosingReason, EventFilter, Subscribe};
use headway_protocol::{ServerMessage, Timestamp};
use serde_json::{Value, json};

use super::document::Document;
use agents::Agents;
pub(super) use said::{Narrowing, Said};

/// The newest events of the log that whoever comes for the first time is told of: about as many as a
/// page shows.
pub(super) const EVENTS: usize = 100;

/// The name of the subscription to the whole session.
const WHOLE: &str = "session";

/// What a connection watches from its beginning.
pub(super) fn subscribe(session: &str) -> Subscribe {
    let events = Some(EventFilter::All(true));
    Subscribe {
        id: WHOLE.to_owned(),
        session: Some(session.to_owned()),
        events,
        ..Subscribe::default()
    }
}

/// A state as a message of the stream.
pub(super) fn tell(telling: &Telling<'_>) -> String {
    message(telling).to_string()
}

pub(super) fn message(telling: &Telling<'_>) -> Value {
    let document = Document(telling.document);
    let agents = Agents::new(document);
    let events: Vec<Value> = telling
        .events
        .iter()
        .filter_map(|(cursor, event)| events::event(*cursor, event, &agents))
        .collect();
    json!({
        "type": "progress_update",
        "session_id": document.session(),
        "transaction_id": document.id(),
        "status": document.status(),
        "current_agent": agents.current(),
        "current_tasks": agents.tasks(),
        "progress_events": events,
        "missed_events": telling.missed,
        "execution_order": agents.order(),
        "last_event": format!("{}@{}", document.id(), telling.cursor),
        "timestamp": document.updated_at(),
    })
}

/// What is said beside states.
pub(super) fn reword(
    message: &ServerMessage,
    narrowing: &mut Narrowing,
    session: &mut Session,
    now: Timestamp,
) -> Option<Value> {
    match message {
        ServerMessage::Pong { .. } => Some(json!({ "type": "pong", "timestamp": now })),
        ServerMessage::Closing { reason: ClosingReason::ServerShuttingDown, retry_ms } => {
            Some(json!({
                "type": "server_shutting_down", "retry_ms": retry_ms, "timestamp": now,
            }))
        }
        ServerMessage::Subscribed { id, .. } => narrowing.subscribed(id, session, now),
        ServerMessage::Result { id, data } => said::done(id, data.as_ref(), now),
        // What is wrong with the session is said by the code that closes it.
        ServerMessage::Error { id: Some(id), .. } if id == WHOLE => None,
        ServerMessage::Error { id, code, message } => {
            Some(narrowing.refused(id.as_deref(), (code, message), session, now))
        }
        ServerMessage::Hello { .. }
        | ServerMessage::Snapshot { .. }
        | ServerMessage::Update { .. }
        | ServerMessage::Event { .. }
        | ServerMessage::Gap { .. }
        | ServerMessage::End { .. }
        | ServerMessage::Heartbeat { .. }
        | ServerMessage::Closing { .. }
        | ServerMessage::Unknown => None,
    }
}
