//! Events of the log as `progress_events` tell of them.

use headway_protocol::event::{Event, EventKind, SystemEvent};
use headway_protocol::report::{LogLevel, Report};
use headway_protocol::{Cursor, StepStatus, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::agents::{Agents, Place, Worker};

/// What an event says, before it is written.
#[derive(Debug)]
struct Saying {
    word: &'static str,
    status: &'static str,
    message: String,
    /// The step that it is about.
    step: Option<About>,
    more: Option<(&'static str, Value)>,
}

/// A step, as an event itself names it.
#[derive(Debug)]
struct About {
    key: String,
    name: Option<String>,
}

impl Saying {
    fn new(word: &'static str, status: &'static str, message: impl Into<String>) -> Self {
        Self { word, status, message: message.into(), step: None, more: None }
    }

    fn of(self, key: String, name: Option<String>) -> Self {
        Self { step: Some(About { key, name }), ..self }
    }

    fn with(self, name: &'static str, value: Value) -> Self {
        Self { more: Some((name, value)), ..self }
    }
}

/// An event, if the format tells of it: what it costs, what a worker is asked and what a batch's
/// items do is none of its business. One of a later version is passed over.
pub(super) fn event(cursor: Cursor, text: &RawValue, agents: &Agents) -> Option<Value> {
    let Event { at, what, producer: _ } = serde_json::from_str(text.get()).ok()?;
    let saying = match what {
        EventKind::System(event) => of_the_system(event),
        EventKind::Report(report) => of_the_producer(report),
    }?;
    Some(written(cursor, at, saying, agents))
}

fn of_the_system(event: SystemEvent) -> Option<Saying> {
    let reason = |reason: Option<headway_protocol::JobError>, else_said: &str| {
        reason.map_or_else(|| else_said.to_owned(), |reason| reason.message)
    };
    match event {
        SystemEvent::Created { .. } => {
            Some(Saying::new("transaction_created", "pending", "created"))
        }
        SystemEvent::Queued { .. } => {
            Some(Saying::new("transaction_queued", "queued", "waits for a place to run"))
        }
        SystemEvent::Stopping { reason } => {
            Some(Saying::new("transaction_stopping", "running", reason.message))
        }
        SystemEvent::Paused { reason: why } => {
            Some(Saying::new("transaction_paused", "paused", reason(why, "paused")))
        }
        SystemEvent::Resumed { .. } => {
            Some(Saying::new("transaction_resumed", "running", "goes on"))
        }
        SystemEvent::Cancelled { reason: why } => {
            Some(Saying::new("transaction_cancelled", "cancelled", reason(why, "cancelled")))
        }
        SystemEvent::Expired {} => {
            Some(Saying::new("transaction_expired", "failed", "its time ran out"))
        }
        SystemEvent::Retried { attempt, .. } => {
            let message = format!("attempt {attempt} begins");
            let saying = Saying::new("transaction_retried", "queued", message);
            Some(saying.with("attempt", attempt.into()))
        }
        SystemEvent::Stalled {} => {
            let message = "its worker has been silent for long";
            Some(Saying::new("transaction_stalled", "running", message))
        }
        SystemEvent::Requested(_)
        | SystemEvent::Withdrawn { .. }
        | SystemEvent::Items(_)
        | SystemEvent::BudgetWarning { .. }
        | SystemEvent::Priced { .. } => None,
    }
}

fn of_the_producer(report: Report) -> Option<Saying> {
    match report {
        Report::Start {} => Some(Saying::new("transaction_start", "running", "started")),
        Report::Progress { percent, message, phase, .. } => {
            let message = message.or(phase)?;
            let saying = Saying::new("progress", "running", message);
            Some(match percent {
                Some(percent) => saying.with("progress", json!(percent)),
                None => saying,
            })
        }
        Report::Phase { name } => Some(Saying::new("phase", "running", name)),
        Report::StepStart { step, name, tasks, .. } => {
            let tasks = tasks.unwrap_or_default();
            let message = if tasks.is_empty() { "started".to_owned() } else { tasks.join(", ") };
            Some(Saying::new("start", "running", message).of(step, name))
        }
        Report::StepUpdate { step, percent, tasks, message } => {
            let tasks = tasks.unwrap_or_default();
            let message = message.unwrap_or_else(|| tasks.join(", "));
            let saying = Saying::new("progress", "running", message).of(step, None);
            Some(match percent {
                Some(percent) => saying.with("progress", json!(percent)),
                None => saying,
            })
        }
        Report::StepFinish { step, status, error } => {
            let (word, said) = match status {
                StepStatus::Pending | StepStatus::Running => ("progress", "running"),
                StepStatus::Completed => ("complete", "completed"),
                StepStatus::Failed => ("failed", "failed"),
                StepStatus::Skipped => ("skipped", "skipped"),
                StepStatus::Cancelled => ("cancelled", "cancelled"),
            };
            let message = error.as_ref().map_or_else(|| said.to_owned(), |e| e.message.clone());
            let saying = Saying::new(word, said, message).of(step, None);
            Some(match error {
                Some(error) => saying.with("error", error.message.into()),
                None => saying,
            })
        }
        Report::Log { level, message, .. } => {
            let level = match level {
                LogLevel::Debug => "debug",
                LogLevel::Info => "info",
                LogLevel::Warning => "warning",
                LogLevel::Error => "error",
            };
            Some(Saying::new("log", "running", message).with("level", level.into()))
        }
        Report::Partial { name, data } => {
            Some(Saying::new("partial_result", "running", name).with("data", data))
        }
        Report::Complete { .. } => {
            Some(Saying::new("transaction_complete", "completed", "completed"))
        }
        Report::Fail { error } => {
            let saying = Saying::new("transaction_failed", "failed", error.message.clone());
            Some(saying.with("error", error.message.into()))
        }
        Report::Usage(_) | Report::Cost { .. } | Report::Ack { .. } => None,
    }
}

fn written(cursor: Cursor, at: Timestamp, saying: Saying, agents: &Agents) -> Value {
    let Saying { word, status, message, step, more } = saying;
    let worker = step.as_ref().map(|About { key, name }| {
        // Of a step that is not in the document, nothing is known but what the event says.
        let alone = Worker { agent: name.as_ref().unwrap_or(key), task: None, place: None };
        agents.worker(key).unwrap_or(alone)
    });
    let word = match worker {
        None => word.to_owned(),
        Some(Worker { task: None, .. }) => format!("agent_{word}"),
        Some(Worker { task: Some(_), .. }) => format!("task_{word}"),
    };
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("timestamp", json!(at));
    put("agent", worker.map(|worker| worker.agent).into());
    put("event_type", word.into());
    put("message", message.into());
    put("status", status.into());
    if let Some(worker) = worker {
        if let Some(task) = worker.task {
            put("task_name", task.into());
        }
        if let Some(Place { order, parallel }) = worker.place {
            put("execution_order", order.into());
            put("is_parallel", parallel.into());
        }
    }
    if let Some((name, value)) = more {
        put(name, value);
    }
    put("event_id", cursor.to_string().into());
    members.into()
}
