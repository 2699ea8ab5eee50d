//! What the tests of the executors share: building one, running attempts, hearing their news.

#![allow(dead_code, reason = "each test file uses its part")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where it cannot go on"
)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headway_engine::executor::{
    Attempt, Ended, Execute, Failure, News, NewsSink, ProcessLimits, Surroundings, Terms, build,
};
use headway_protocol::batch::Executor;
use headway_protocol::{JobError, Problem};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

/// How long a test waits for a state before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn try_executor(json: Value, dir: &Path) -> Result<Arc<dyn Execute>, Problem> {
    limited_executor(json, dir, ProcessLimits::default())
}

pub(crate) fn limited_executor(
    json: Value,
    dir: &Path,
    limits: ProcessLimits,
) -> Result<Arc<dyn Execute>, Problem> {
    let executor: Executor = serde_json::from_value(json).unwrap();
    let surroundings = Surroundings::new(dir.to_owned(), &["127.0.0.1".to_owned()])?;
    build(&executor, &Terms { limits, ..Terms::default() }, &surroundings)
}

pub(crate) fn executor(json: Value) -> Arc<dyn Execute> {
    try_executor(json, &std::env::temp_dir()).unwrap()
}

pub(crate) fn attempt(index: u64, input: &Value) -> Attempt {
    Attempt {
        job: "bat_test".parse().unwrap(),
        index,
        custom_id: None,
        number: 1,
        input: RawValue::from_string(input.to_string()).unwrap(),
        timeout: None,
    }
}

/// Keeps all news.
#[derive(Clone, Default)]
pub(crate) struct Heard(pub(crate) Arc<Mutex<Vec<(u64, News)>>>);

impl Heard {
    pub(crate) fn sink(&self) -> NewsSink {
        let heard = Arc::clone(&self.0);
        Arc::new(move |attempt: &Attempt, news| {
            heard.lock().unwrap().push((attempt.index, news));
        })
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let heard = self.0.lock().unwrap();
        heard
            .iter()
            .filter_map(|(_, news)| match news {
                News::Line(line) => Some(line.clone()),
                News::Progress { .. } | News::Report(_) => None,
            })
            .collect()
    }
}

pub(crate) async fn run(executor: &Arc<dyn Execute>, attempt: &Attempt) -> Ended {
    run_until(executor, attempt, &CancellationToken::new()).await
}

pub(crate) async fn run_until(
    executor: &Arc<dyn Execute>,
    attempt: &Attempt,
    stop: &CancellationToken,
) -> Ended {
    let news = Heard::default().sink();
    tokio::time::timeout(PATIENCE, executor.run(attempt, &news, stop)).await.expect("an end")
}

#[track_caller]
pub(crate) fn output(ended: &Ended) -> Value {
    match &ended.outcome {
        Ok(output) => serde_json::from_str(output.get()).unwrap(),
        Err(failure) => panic!("{failure:?}"),
    }
}

#[track_caller]
pub(crate) fn error(ended: &Ended) -> &JobError {
    match &ended.outcome {
        Err(Failure::Error { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

/// Waits for a state that a test can only ask for.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what} did not come about"));
}

/// Whether a process of this number is there and not a zombie.
pub(crate) fn lives(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// The process numbers in a file that a test's program writes, one a line.
pub(crate) fn pids(path: &Path) -> Vec<i32> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}
