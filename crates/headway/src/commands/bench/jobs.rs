//! The jobs of a load: made before it, ended after it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::connection::Connection;
use super::target::Target;
use crate::failure::Failure;

/// Connections that make or end jobs: a group commit takes what they send together.
const HANDS: usize = 16;
/// How often a refusal for too many requests is waited out.
const WAITS: u32 = 600;
/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

const JOB: &str = r#"{"kind":"bench","total":1000000000,"unit":"reports"}"#;
const START: &str = r#"{"type":"start"}"#;
const COMPLETE: &str = r#"{"type":"complete"}"#;

/// Makes and starts jobs; their ids.
pub(super) async fn create(target: &Target, count: usize) -> Result<Vec<String>, Failure> {
    let jobs = Rc::new(RefCell::new(Vec::with_capacity(count)));
    let mut hands = Vec::new();
    for hand in 0..HANDS.min(count) {
        let (target, jobs) = (target.clone(), Rc::clone(&jobs));
        hands.push(spawn_local(async move {
            let mut connection = Connection::open(&target).await?;
            for _ in (hand..count).step_by(HANDS) {
                let document = insist(&mut connection, "/api/v1/jobs", JOB).await?;
                let id = serde_json::from_slice::<Value>(&document).ok();
                let id = id.as_ref().and_then(|job| job.get("id")?.as_str());
                let id = id.ok_or_else(|| Failure::new("the server made a job without an id"))?;
                insist(&mut connection, &events_of(id), START).await?;
                jobs.borrow_mut().push(id.to_owned());
            }
            Ok(())
        }));
    }
    finish(hands).await?;
    Ok(jobs.take())
}

/// Ends jobs, so that the load leaves none that run.
pub(super) async fn complete(target: &Target, jobs: &[String]) -> Result<(), Failure> {
    let jobs: Rc<[String]> = jobs.into();
    let mut hands = Vec::new();
    for hand in 0..HANDS.min(jobs.len()) {
        let (target, jobs) = (target.clone(), Rc::clone(&jobs));
        hands.push(spawn_local(async move {
            let mut connection = Connection::open(&target).await?;
            for id in jobs.iter().skip(hand).step_by(HANDS) {
                insist(&mut connection, &events_of(id), COMPLETE).await?;
            }
            Ok(())
        }));
    }
    finish(hands).await
}

/// Waits for tasks; the first failure is the whole's.
pub(super) async fn finish(tasks: Vec<JoinHandle<Result<(), Failure>>>) -> Result<(), Failure> {
    for task in tasks {
        task.await
            .map_err(|error| Failure::because("a part of the load ended early", &error))??;
    }
    Ok(())
}

/// The address of a job's events.
pub(super) fn events_of(job: &str) -> String {
    format!("/api/v1/jobs/{job}/events")
}

/// Sends a request, again when there were too many.
async fn insist(connection: &mut Connection, path: &str, body: &str) -> Result<Vec<u8>, Failure> {
    for _ in 0..WAITS {
        let answer = connection.post(path, body).await?;
        if answer.status != 429 {
            return answer.granted().map(<[u8]>::to_vec);
        }
        let wait = Duration::from_secs(answer.retry_after.unwrap_or(1));
        sleep(wait.min(LONGEST_WAIT)).await;
    }
    Err(Failure::new("the server refuses jobs for too many requests"))
}
