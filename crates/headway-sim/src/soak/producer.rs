//! Somebody who reports on a job, and repeats what was not answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use headway_protocol::{Cursor, JobId};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::known::Known;
use crate::chance::Chance;
use crate::invariant::{Invariant, Violation};

/// How long a request may take before it is repeated.
const PATIENCE: Duration = Duration::from_secs(10);

/// A job and where it is, as far as was acknowledged.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) job: JobId,
    pub(crate) newest: Mutex<Option<(Cursor, bool)>>,
}

/// What producers share.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) server: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) known: Arc<Known>,
    /// Reports that were acknowledged.
    pub(crate) reports: AtomicU64,
    /// Whether it is time to come to an end.
    pub(crate) ending: AtomicBool,
}

impl Work {
    /// Reports on a job until it is time to come to an end, then a last time; `completes`: and ends
    /// the job with that. `Err`: what was acknowledged is not so.
    pub(crate) async fn produce(
        &self,
        line: &Line,
        completes: bool,
        mut chance: Chance,
    ) -> Result<(), Violation> {
        let job = &line.job;
        let mut report = 0;
        let created = json!({"kind": "soak", "id": job, "session": "s-1", "tags": ["nightly"]});
        self.ask("jobs", None, &created).await;
        loop {
            let last = self.ending.load(Ordering::Relaxed);
            report += 1;
            let mut events = Vec::new();
            if report == 1 {
                events.push(json!({"type": "start"}));
            }
            events.push(json!({"type": "log", "level": "info", "message": "a line",
                "fields": {"n": report}}));
            events.push(json!({"type": "progress", "done": report, "total": 1_000_000_000,
                "message": format!("n={report}")}));
            let fails = !last && chance.one_in(150);
            if fails {
                let error = json!({"code": "tried", "message": "once more", "retryable": true});
                events.push(json!({"type": "fail", "error": error}));
            }
            if last && completes {
                events.push(json!({"type": "complete"}));
            }
            let path = format!("jobs/{job}/events");
            let answer = self.ask(&path, Some(report), &json!(events)).await;
            let at = answer.get("cursor").and_then(Value::as_str);
            let Some(at) = at.and_then(|text| text.parse().ok()) else {
                let how = format!("{job}: report {report} was answered {answer}");
                return Err(Invariant::ResumeMissesNothing.broken(how));
            };
            self.known
                .acknowledge(job, at, report)
                .map_err(|how| Invariant::StateIsTrue.broken(format!("{job} at {at}: {how}")))?;
            self.reports.fetch_add(1, Ordering::Relaxed);
            *line.newest.lock() = Some((at, last && completes));
            if last {
                return Ok(());
            }
            if fails {
                tokio::time::sleep(Duration::from_millis(chance.below(500))).await;
                self.ask(&format!("jobs/{job}/retry"), None, &Value::Null).await;
                self.ask(&path, None, &json!([{"type": "start"}])).await;
            }
            tokio::time::sleep(Duration::from_millis(5 + chance.below(60))).await;
        }
    }

    /// Sends a request until it is answered. What the server refuses was done before: a repeat.
    async fn ask(&self, path: &str, number: Option<u64>, body: &Value) -> Value {
        let url = format!("http://{}/api/v1/{path}", self.server);
        loop {
            let mut request = self.client.post(&url).timeout(PATIENCE);
            if let Some(number) = number {
                let number = number.to_string();
                request = request.header("producer-id", "soak").header("producer-seq", number);
            }
            if !body.is_null() {
                request = request.json(body);
            }
            if let Ok(response) = request.send().await
                && !response.status().is_server_error()
                && let Ok(answer) = response.json().await
            {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
