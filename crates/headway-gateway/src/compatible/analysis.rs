//! The format of an analysis: `progress` until `complete` or `error`, a `heartbeat` in between when
//! nothing else came, and then the end of the connection.

use headway_hub::Telling;
use headway_protocol::{JobStatus, ServerMessage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::document::Document;

/// The code of a connection whose analysis failed.
const FAILED: (u16, &str) = (4000, "Analysis failed");

/// Where an analysis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Queued,
    Running,
    Completed,
    Failed,
}

impl Status {
    /// The status of a job in the words of this format, which has fewer.
    pub(super) const fn of(status: JobStatus) -> Self {
        match status {
            JobStatus::Pending | JobStatus::Queued => Self::Queued,
            JobStatus::Running | JobStatus::Pausing | JobStatus::Paused | JobStatus::Cancelling => {
                Self::Running
            }
            JobStatus::Completed => Self::Completed,
            JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired => Self::Failed,
        }
    }

    /// The word on the wire.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// The newest events in which the results are looked for: what may follow the end of a job, such as
/// the price of its last step.
pub(super) const EVENTS: usize = 16;

/// A state as a message of the stream.
pub(super) fn tell(telling: &Telling<'_>) -> String {
    let events = telling.events.iter().map(|(_, event)| *event);
    message(Document(telling.document), events).to_string()
}

/// The results as they were reported. A document has no members that are `null`, for a merge patch
/// cannot carry them; the event does, and is what clients of this format know.
fn results<'a>(document: Document<'_>, events: impl Iterator<Item = &'a RawValue>) -> Value {
    #[derive(Deserialize)]
    struct Ended {
        #[serde(rename = "type")]
        word: String,
        #[serde(default)]
        result: Value,
    }
    let events = events.filter_map(|event| serde_json::from_str::<Ended>(event.get()).ok());
    let reported = events.filter(|event| event.word == "complete").last();
    reported.map_or_else(|| document.result(), |event| event.result)
}

/// A state, and the newest events up to it.
pub(super) fn message<'a>(
    document: Document<'_>,
    events: impl Iterator<Item = &'a RawValue>,
) -> Value {
    let status = Status::of(document.status());
    let timestamp = document.updated_at();
    match status {
        Status::Queued | Status::Running => json!({
            "type": "progress",
            "progress": percent(document),
            "phase": phase(document),
            "timestamp": timestamp,
        }),
        Status::Completed => json!({
            "type": "complete",
            "results": results(document, events),
            "timestamp": timestamp,
        }),
        Status::Failed => json!({
            "type": "error",
            "message": document.failure(),
            "timestamp": timestamp,
        }),
    }
}

/// An analysis, as somebody sees it who asks for it.
pub(super) fn answer<'a>(
    document: Document<'_>,
    events: impl Iterator<Item = &'a RawValue>,
) -> Value {
    let status = Status::of(document.status());
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("analysis_id", document.id().into());
    put("status", status.as_str().into());
    put("progress", percent(document).into());
    put("phase", phase(document).into());
    match status {
        Status::Queued | Status::Running => {}
        Status::Completed => {
            put("results", results(document, events));
        }
        Status::Failed => {
            put("error", document.failure().into());
        }
    }
    let moments = [
        ("created_at", "created_at"),
        ("started_at", "started_at"),
        ("updated_at", "updated_at"),
        ("completed_at", "finished_at"),
    ];
    for (name, member) in moments {
        if let Some(moment) = document.moment(member) {
            put(name, moment.into());
        }
    }
    members.into()
}

/// What is said beside states.
pub(super) fn reword(message: &ServerMessage) -> Option<Value> {
    match message {
        ServerMessage::Heartbeat { at } => Some(json!({ "type": "heartbeat", "timestamp": at })),
        // An `error` here means that the analysis failed, so nothing else is told by one.
        ServerMessage::Hello { .. }
        | ServerMessage::Subscribed { .. }
        | ServerMessage::Snapshot { .. }
        | ServerMessage::Update { .. }
        | ServerMessage::Event { .. }
        | ServerMessage::Gap { .. }
        | ServerMessage::End { .. }
        | ServerMessage::Result { .. }
        | ServerMessage::Error { .. }
        | ServerMessage::Pong { .. }
        | ServerMessage::Closing { .. }
        | ServerMessage::Unknown => None,
    }
}

/// How a connection ends with its analysis.
pub(super) const fn end(status: JobStatus) -> Option<(u16, &'static str)> {
    match Status::of(status) {
        Status::Failed => Some(FAILED),
        Status::Completed | Status::Queued | Status::Running => None,
    }
}

/// A number in any case: clients draw a bar of it. What ended well is whole.
fn percent(document: Document<'_>) -> f64 {
    match Status::of(document.status()) {
        Status::Completed => 100.0,
        Status::Queued | Status::Running | Status::Failed => document.percent().unwrap_or_default(),
    }
}

/// A word in any case: before the first phase that of the status.
fn phase(document: Document<'_>) -> &str {
    let status = Status::of(document.status());
    document.phase().unwrap_or(status.as_str())
}
