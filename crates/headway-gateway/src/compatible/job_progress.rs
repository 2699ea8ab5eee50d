//! The format of jobs by name: a message for each change of a job, on a connection that can watch
//! several and stays when they end.

use headway_hub::Telling;
use headway_hub::session::Session;
use headway_protocol::frame::Subscribe;
use headway_protocol::{ClientMessage, JobStatus, ServerMessage, Timestamp, misread};
use serde::Deserialize;
use serde_json::{Value, json};

use super::document::Document;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Pending,
    Queued,
    InProgress,
    Completed,
    Failed,
}

impl Status {
    const fn of(status: JobStatus) -> Self {
        match status {
            JobStatus::Pending => Self::Pending,
            JobStatus::Queued => Self::Queued,
            JobStatus::Running | JobStatus::Pausing | JobStatus::Paused | JobStatus::Cancelling => {
                Self::InProgress
            }
            JobStatus::Completed => Self::Completed,
            JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired => Self::Failed,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Queued => "QUEUED",
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// A state as a message of the stream.
pub(super) fn tell(telling: &Telling<'_>) -> String {
    message(Document(telling.document)).to_string()
}

pub(super) fn message(document: Document<'_>) -> Value {
    let status = Status::of(document.status());
    let progress = match status {
        Status::Pending | Status::Queued | Status::Failed => document.percent(),
        Status::InProgress => Some(document.percent().unwrap_or_default()),
        Status::Completed => Some(100.0),
    };
    let said = document.message().or(document.phase()).map(str::to_owned);
    let said = if status == Status::Failed { Some(document.failure()) } else { said };
    json!({
        "job_id": document.id(),
        "status": status.as_str(),
        "progress": progress,
        "message": said,
        "timestamp": document.updated_at(),
        "metadata": metadata(document, status),
    })
}

/// The producer's own, and of a failed job also why it failed, as a program reads it.
fn metadata(document: Document<'_>, status: Status) -> Value {
    let mut metadata = document.metadata().cloned().unwrap_or_default();
    let error = document.error().filter(|_| status == Status::Failed);
    let error = error.and_then(|error| serde_json::to_value(error).ok());
    match (&mut metadata, error) {
        (Value::Object(members), Some(error)) => {
            members.entry("error").or_insert(error);
        }
        (Value::Null, Some(error)) => return json!({ "error": error }),
        (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_), Some(_))
        | (_, None) => {}
    }
    metadata
}

/// What is said beside states.
pub(super) fn reword(message: &ServerMessage, now: Timestamp) -> Option<Value> {
    match message {
        ServerMessage::Pong { .. } => Some(json!({ "type": "pong", "timestamp": now })),
        ServerMessage::Error { id, message, .. } => {
            let mut error = json!({ "type": "error", "message": message, "timestamp": now });
            if let (Some(id), Value::Object(members)) = (id, &mut error) {
                members.insert("job_id".to_owned(), id.as_str().into());
            }
            Some(error)
        }
        ServerMessage::Result { id, .. } => {
            Some(json!({ "type": "unsubscribed", "job_id": id, "timestamp": now }))
        }
        ServerMessage::Hello { .. }
        | ServerMessage::Subscribed { .. }
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

/// What is sent when the client has been silent for long.
pub(super) fn heartbeat(now: Timestamp) -> Value {
    json!({ "type": "heartbeat", "timestamp": now })
}

/// The message about a job that nobody can watch.
pub(super) fn unknown(job: &str, now: Timestamp) -> Value {
    let shown: String = job.chars().take(128).collect();
    json!({
        "type": "error", "job_id": shown, "message": format!("there is no job {shown}"),
        "timestamp": now,
    })
}

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Ping,
    Subscribe {
        job_id: String,
    },
    Unsubscribe {
        job_id: String,
    },
    /// Some clients answer a heartbeat.
    #[serde(alias = "heartbeat")]
    Pong,
}

/// Takes what a client says. A job's subscription has the job's name.
pub(super) fn hear(text: &[u8], session: &mut Session, now: Timestamp) {
    match serde_json::from_slice(text) {
        Ok(Said::Ping) => session.handle_message(ClientMessage::Ping { at: None }, now),
        Ok(Said::Pong) => {}
        Ok(Said::Subscribe { job_id }) => match job_id.parse() {
            Ok(job) => {
                // Who asks again wants to know where it is.
                session.unsubscribe(&job_id);
                let subscribe = Subscribe { id: job_id, job: Some(job), ..Subscribe::default() };
                session.handle_message(ClientMessage::Subscribe(subscribe), now);
            }
            Err(_) => session.handle_foreign(&format!("there is no job {}", shown(&job_id)), now),
        },
        Ok(Said::Unsubscribe { job_id }) => {
            session.handle_message(ClientMessage::Unsubscribe { id: job_id }, now);
        }
        Err(error) => {
            let why = misread::complaint::<Said>(text, &error);
            session.handle_foreign(&format!("not a message: {why}"), now);
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(128).collect()
}
