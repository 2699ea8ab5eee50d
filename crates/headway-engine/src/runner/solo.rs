//! Runs a job of a kind with an executor: one item, whose news become the job's progress.

use std::sync::Arc;
use std::time::Duration;

use headway_core::JobState;
use headway_core::retry;
use headway_protocol::report::{LogLevel, Report};
use headway_protocol::{JobError, JobStatus};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::Error;
use crate::executor::{Attempt, Ended, Execute, Failure, News, NewsSink};
use crate::shard::Change;

/// News that wait to be written down. A program that says more than that between two appends loses
/// the newest, and the job's log says how many.
const NEWS: usize = 1_024;

/// The shortest wait for another side that is away, in milliseconds.
const SHORTEST_ABSENCE_MS: u64 = 100;

/// How long news gather before they are written down together.
const GATHER: Duration = Duration::from_millis(50);

/// Runs the job until it ends or the engine stops.
pub(super) async fn run(run: Run) -> Result<(), Error> {
    let mut state = run.follow.borrow().clone();
    if state.job.status == JobStatus::Queued {
        state = run.say(Change::Begin).await?;
    }
    if state.job.status == JobStatus::Cancelling {
        // Asked before an earlier engine stopped, with which the program ended.
        return run.report(vec![cancelled()]).await;
    }
    let executor = match run.executor(&state) {
        Ok(Some(executor)) => executor,
        Ok(None) => return Ok(()),
        Err(error) => return run.report(vec![Report::Fail { error }]).await,
    };
    let mut solo = Solo { run, state, executor: Arc::clone(&executor) };
    let ended = solo.work().await;
    executor.close().await;
    ended
}

struct Solo {
    run: Run,
    state: Arc<JobState>,
    executor: Arc<dyn Execute>,
}

/// Why an attempt of a job is over.
enum Over {
    /// It ended by itself.
    Ended(Ended),
    /// The engine stops; the job is taken up again at the next start.
    EngineStops,
}

impl Solo {
    async fn work(&mut self) -> Result<(), Error> {
        let retry_policy = self.state.private.settings.retry.clone().unwrap_or_default();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let ended = match self.attempt(attempts).await? {
                Over::Ended(ended) => ended,
                Over::EngineStops => return Ok(()),
            };
            let mut reports: Vec<Report> = ended.usage.into_iter().map(Report::Usage).collect();
            if ended.cost != headway_protocol::Amount::ZERO {
                reports.push(Report::Cost { amount: ended.cost, sku: None });
            }
            let (error, wait) = match ended.outcome {
                Ok(output) => {
                    let result = serde_json::from_str(output.get()).unwrap_or_default();
                    reports.push(Report::Complete { result: Some(result) });
                    return self.run.report(reports).await;
                }
                Err(Failure::Stopped) => {
                    reports.push(cancelled());
                    return self.run.report(reports).await;
                }
                Err(Failure::Error { error, retry_after_ms }) => {
                    let chance = rand::random();
                    let wait =
                        retry::delay(&retry_policy, attempts, &error, retry_after_ms, chance);
                    (error, wait)
                }
                Err(Failure::Away { error, retry_after_ms }) => {
                    attempts -= 1;
                    (error, Some(retry_after_ms.max(SHORTEST_ABSENCE_MS)))
                }
            };
            let Some(wait_ms) = wait else {
                reports.push(Report::Fail { error });
                return self.run.report(reports).await;
            };
            reports.push(will_retry(wait_ms, &error));
            self.run.report(reports).await?;
            if !self.wait(Duration::from_millis(wait_ms)).await? {
                return Ok(());
            }
        }
    }

    /// Runs one attempt, writing down its news as they come.
    async fn attempt(&mut self, number: u32) -> Result<Over, Error> {
        let settings = &self.state.private.settings;
        let input = settings.input.clone().unwrap_or_default();
        let input =
            serde_json::value::to_raw_value(&input).unwrap_or_else(|_| RawValue::NULL.to_owned());
        let attempt = Attempt {
            job: self.run.job.clone(),
            index: 0,
            custom_id: None,
            number,
            input,
            timeout: settings.timeout_ms.map(Duration::from_millis),
        };
        let (sender, mut news) = mpsc::channel(NEWS);
        let sink: NewsSink = Arc::new(move |_, news| {
            // Full: the newest is lost; the next one that fits says as much as it did.
            drop(sender.try_send(news));
        });
        let kill = CancellationToken::new();
        let executor = Arc::clone(&self.executor);
        let ending = executor.run(&attempt, &sink, &kill);
        tokio::pin!(ending);
        let mut engine_stops = false;
        let ended = loop {
            tokio::select! {
                ended = &mut ending => break ended,
                Some(first) = news.recv() => {
                    let gather = tokio::time::sleep(GATHER);
                    tokio::pin!(gather);
                    let early = tokio::select! {
                        ended = &mut ending => Some(ended),
                        () = &mut gather => None,
                    };
                    self.write_down(first, &mut news).await;
                    if let Some(ended) = early {
                        break ended;
                    }
                }
                Ok(()) = self.run.follow.changed() => {
                    self.state = Arc::clone(&self.run.follow.borrow_and_update());
                    if self.state.job.status == JobStatus::Cancelling || self.over() {
                        kill.cancel();
                    }
                }
                () = self.run.stop.cancelled(), if !engine_stops => {
                    engine_stops = true;
                    kill.cancel();
                }
            }
        };
        if let Ok(last) = news.try_recv() {
            self.write_down(last, &mut news).await;
        }
        let stopped = matches!(ended.outcome, Err(Failure::Stopped));
        Ok(if stopped && (engine_stops || self.over()) {
            Over::EngineStops
        } else {
            Over::Ended(ended)
        })
    }

    fn over(&self) -> bool {
        self.state.job.status.is_terminal()
    }

    /// Writes news down; what the job's rules refuse is logged for the operator and left out.
    async fn write_down(&self, first: News, news: &mut mpsc::Receiver<News>) {
        let mut reports = vec![report(first)];
        while let Ok(next) = news.try_recv() {
            reports.push(report(next));
        }
        let Err(error) = self.run.report(reports.clone()).await else { return };
        if reports.len() == 1 {
            tracing::warn!(job = %self.run.job, %error, "news of the job were refused");
            return;
        }
        for report in reports {
            if let Err(error) = self.run.report(vec![report]).await {
                tracing::warn!(job = %self.run.job, %error, "news of the job were refused");
            }
        }
    }

    /// Waits before the next attempt; answers whether there is to be one.
    async fn wait(&mut self, wait: Duration) -> Result<bool, Error> {
        let slept = tokio::time::sleep(wait);
        tokio::pin!(slept);
        loop {
            tokio::select! {
                () = &mut slept => return Ok(true),
                () = self.run.stop.cancelled() => return Ok(false),
                Ok(()) = self.run.follow.changed() => {
                    self.state = Arc::clone(&self.run.follow.borrow_and_update());
                    if self.over() {
                        return Ok(false);
                    }
                    if self.state.job.status == JobStatus::Cancelling {
                        self.run.report(vec![cancelled()]).await?;
                        return Ok(false);
                    }
                }
            }
        }
    }
}

fn cancelled() -> Report {
    Report::Ack { command: "cancel".to_owned() }
}

fn report(news: News) -> Report {
    match news {
        News::Progress { percent, message } => Report::Progress {
            percent,
            done: None,
            total: None,
            message,
            phase: None,
            metadata: None,
        },
        News::Line(message) => Report::Log { level: LogLevel::Info, message, fields: None },
        News::Report(report) => report,
    }
}

fn will_retry(wait_ms: u64, error: &JobError) -> Report {
    let wait = wait_ms as f64 / 1_000.0;
    Report::Log {
        level: LogLevel::Warning,
        message: format!(
            "an attempt failed ({}: {}); the next one begins in {wait:.1} s",
            error.code, error.message
        ),
        fields: None,
    }
}
