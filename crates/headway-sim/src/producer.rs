//! What happens to jobs.

use headway_protocol::{JobId, JobStatus, Timestamp};
use serde_json::{Value, json};

use crate::chance::Chance;

/// Tenants, and the one that nobody belongs to.
pub(crate) const TENANTS: [&str; 2] = ["default", "others"];
/// Subjects that jobs belong to, in every tenant.
pub(crate) const SUBJECTS: [&str; 2] = ["ann", "bob"];
/// Sessions that jobs and subscriptions name.
pub(crate) const SESSIONS: [&str; 2] = ["s-1", "s-2"];
/// Tags likewise.
pub(crate) const TAGS: [&str; 2] = ["nightly", "urgent"];

/// The beginning of a job: its document and its events' types.
pub(crate) fn create(
    job: &JobId,
    at: Timestamp,
    chance: &mut Chance,
) -> (Value, Vec<&'static str>) {
    let tenant = if chance.one_in(5) { TENANTS[1] } else { TENANTS[0] };
    let mut owner = json!({"tenant": tenant});
    if !chance.one_in(3) {
        set(&mut owner, "subject", json!(chance.pick(&SUBJECTS)));
    }
    let mut document = json!({
        "id": job, "kind": "custom", "status": "pending", "attempt": 1, "progress": {},
        "owner": owner, "stalled": false, "created_at": at, "updated_at": at,
    });
    if chance.one_in(2) {
        set(&mut document, "session", json!(chance.pick(&SESSIONS)));
    }
    if chance.one_in(2) {
        set(&mut document, "tags", json!([chance.pick(&TAGS)]));
    }
    let mut words = vec!["created"];
    if chance.one_in(2) {
        set(&mut document, "status", json!("running"));
        words.push("started");
    }
    (document, words)
}

/// What happens to a job next: its document afterwards and its events' types, at least one.
pub(crate) fn happen(
    document: &Value,
    status: JobStatus,
    at: Timestamp,
    chance: &mut Chance,
) -> (Value, Vec<&'static str>) {
    let mut next = document.clone();
    set(&mut next, "updated_at", json!(at));
    if status.is_terminal() {
        let words = if chance.one_in(3) {
            // Something late, which belongs to the attempt that is over.
            set(&mut next, "message", json!(format!("late {}", chance.below(1_000))));
            vec!["log"]
        } else {
            let attempt = document.get("attempt").and_then(Value::as_u64).unwrap_or(1);
            set(&mut next, "status", json!("queued"));
            set(&mut next, "attempt", json!(attempt + 1));
            drop_member(&mut next, "result");
            vec!["retried"]
        };
        return (next, words);
    }
    let words = match chance.below(16) {
        0..=6 => {
            let done = chance.below(1_000);
            set(&mut next, "progress", json!({"done": done, "total": 1_000}));
            vec!["progress"]
        }
        7..=9 => {
            let count = 1 + chance.place(5);
            set(&mut next, "message", json!(format!("line {}", chance.below(1_000))));
            ["log", "partial", "log", "cost", "log"].into_iter().take(count).collect()
        }
        // A member that goes and comes back as an object: no one merge patch can say both.
        10 | 11 => {
            if document.get("cost").is_some() {
                drop_member(&mut next, "cost");
            } else {
                set(&mut next, "cost", json!({"currency": "USD", "spent": "0.1"}));
            }
            vec!["cost"]
        }
        12 => {
            let step = format!("step-{}", chance.below(3));
            let mut steps = document.get("steps").cloned().unwrap_or_else(|| json!({}));
            if steps.get(&step).is_some() {
                drop_member(&mut steps, &step);
            } else {
                set(&mut steps, &step, json!({"status": "running", "tasks": [at]}));
            }
            set(&mut next, "steps", steps);
            vec!["step_started", "log"]
        }
        _ => {
            let live: Vec<JobStatus> =
                JobStatus::ALL.iter().copied().filter(|other| *other != status).collect();
            let status = chance.pick(&live).copied().unwrap_or(JobStatus::Running);
            set(&mut next, "status", json!(status));
            if status == JobStatus::Completed {
                set(&mut next, "result", json!({"n": chance.below(1_000)}));
            }
            vec!["status"]
        }
    };
    (next, words)
}

fn set(document: &mut Value, member: &str, value: Value) {
    if let Value::Object(members) = document {
        members.insert(member.to_owned(), value);
    }
}

fn drop_member(document: &mut Value, member: &str) {
    if let Value::Object(members) = document {
        members.remove(member);
    }
}
