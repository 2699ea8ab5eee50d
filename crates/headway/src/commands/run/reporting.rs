//! Telling the server about a run, in the background: a server that is slow or away costs the
//! command nothing.

use std::sync::Arc;
use std::time::Duration;

use headway_client::{Client, Error, Reporter};
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{CreateJob, ReportReply};
use headway_protocol::{Action, Command, JobId, JobStatus, Report};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::outbox::Outbox;
use crate::output;

/// How often what has gathered is told.
const TELL: Duration = Duration::from_millis(250);
/// Lines in one report; with [`TELL`] at most 400 lines a second.
const LINES: usize = 100;
/// How often the server is asked for commands when there is nothing to tell.
const ASK: Duration = Duration::from_secs(2);
/// How long a server that is away is left alone.
const AWAY: Duration = Duration::from_secs(2);
/// How long one request may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the end of a run is tried to be told after the command has ended.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// The same for a server that has not even heard of the job yet.
const FIRST_WORDS: Duration = Duration::from_secs(3);
/// Commands on their way to the process: there are four actions, and one of each is enough.
const COMMANDS: usize = 8;

/// The outbox that the readers of the output fill.
pub(crate) type SharedOutbox = Arc<std::sync::Mutex<Outbox>>;

/// What a run says at its end.
#[derive(Debug)]
pub(crate) struct LastWords {
    pub(crate) report: Report,
}

/// Telling in the background.
#[derive(Debug)]
pub(crate) struct Reporting {
    task: tokio::task::JoinHandle<bool>,
    end: watch::Sender<Option<Arc<LastWords>>>,
    acknowledge: mpsc::Sender<String>,
    /// Whether the server has created the job.
    known: watch::Receiver<bool>,
}

impl Reporting {
    /// Begins to tell. Commands of the server come out of the receiver.
    pub(crate) fn start(
        client: Client,
        request: CreateJob,
        outbox: SharedOutbox,
        announce: impl FnOnce(&JobId) + Send + 'static,
    ) -> (Self, mpsc::Receiver<Command>) {
        let (end, ended) = watch::channel(None);
        let (created, known) = watch::channel(false);
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (acknowledge, acknowledged) = mpsc::channel(COMMANDS);
        let teller = Teller {
            // This loop does the waiting, so that it can stop when the command has ended.
            client: client.with_attempts(0),
            outbox,
            ended,
            commands,
            acknowledged,
            heard: Vec::new(),
        };
        let task = tokio::spawn(teller.run(request, move |job| {
            created.send_replace(true);
            announce(job);
        }));
        (Self { task, end, acknowledge, known }, receiver)
    }

    /// Says that a command of the server was carried out.
    pub(crate) fn acknowledge(&self, command: String) {
        // A full queue means that the server is away; it asks again then.
        self.acknowledge.try_send(command).ok();
    }

    /// Says the last words, and waits a while until they have been heard. Whether they were.
    pub(crate) async fn finish(self, words: LastWords) -> bool {
        self.end.send_replace(Some(Arc::new(words)));
        let mut task = self.task;
        let patience = if *self.known.borrow() { LAST_WORDS } else { FIRST_WORDS };
        let told = tokio::time::timeout(patience, &mut task).await;
        // Without effect on a task that has ended.
        task.abort();
        told.is_ok_and(|told| told.unwrap_or(false))
    }
}

struct Teller {
    client: Client,
    outbox: SharedOutbox,
    ended: watch::Receiver<Option<Arc<LastWords>>>,
    commands: mpsc::Sender<Command>,
    acknowledged: mpsc::Receiver<String>,
    /// Ids of commands that were passed on.
    heard: Vec<String>,
}

impl Teller {
    /// Answers whether everything was told.
    async fn run(mut self, request: CreateJob, announce: impl FnOnce(&JobId)) -> bool {
        let Some(job) = self.create(&request).await else { return false };
        announce(&job);
        let mut reporter = self.client.reporter(job.clone());
        // A job that has not begun would be cancelled without a word to its worker.
        let mut first = vec![Report::Start {}];
        // Harmless while the job runs: nothing is written, and the answer carries the commands.
        let heartbeat = [SequencedReport { seq: None, report: Report::Start {} }];
        let mut spoke = Instant::now();
        let mut complained = false;
        let mut last = false;
        loop {
            let words = self.ended.borrow_and_update().clone();
            let mut reports = std::mem::take(&mut first);
            if reports.is_empty() {
                reports = self.next_reports(&reporter, words.is_some());
            }
            if !reporter.has_unanswered()
                && reports.is_empty()
                && let Some(words) = words.as_deref()
            {
                // In a request of their own: a line that is refused does not take them along.
                reports.push(words.report.clone());
                last = true;
            }
            let answer = if reporter.has_unanswered() || !reports.is_empty() {
                Some(within(reporter.report(reports), &self.client).await)
            } else if spoke.elapsed() >= ASK {
                Some(within(self.client.report(&job, None, &heartbeat), &self.client).await)
            } else {
                None
            };
            let mut wait = TELL;
            match answer {
                Some(Ok(reply)) => {
                    spoke = Instant::now();
                    complained = false;
                    self.hear(reply);
                    if last && !reporter.has_unanswered() {
                        return true;
                    }
                }
                Some(Err(error)) if error.is_retryable() => {
                    if !complained {
                        complained = true;
                        tracing::info!(%error, "the server is away; the command goes on");
                    }
                    wait = AWAY;
                }
                Some(Err(error)) => {
                    // Refused: the job has ended at the server, or does not exist any more.
                    tracing::debug!(%error, "a report was refused");
                    spoke = Instant::now();
                    self.stop_if_ended(&job).await;
                    if last {
                        return true;
                    }
                }
                None => {}
            }
            if words.is_some() {
                // Nobody waits for more output: only a server that is away is given time.
                if wait == AWAY {
                    tokio::time::sleep(TELL).await;
                }
            } else {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = self.ended.changed() => {}
                }
            }
        }
    }

    fn next_reports(&mut self, reporter: &Reporter, ended: bool) -> Vec<Report> {
        if reporter.has_unanswered() {
            return Vec::new();
        }
        let most = if ended { usize::MAX } else { LINES };
        let mut reports =
            self.outbox.lock().map(|mut outbox| outbox.take(most)).unwrap_or_default();
        // Progress and lines come before an acknowledgement.
        while let Ok(command) = self.acknowledged.try_recv() {
            reports.push(Report::Ack { command });
        }
        reports
    }

    /// A job that ended at the server without us, by a command that was not carried out in time or
    /// because its time ran out: the process ends as well.
    async fn stop_if_ended(&mut self, job: &JobId) {
        let Ok(document) = self.client.job(job).await else { return };
        if matches!(document.status, JobStatus::Cancelled | JobStatus::Expired) {
            self.pass_on(Command {
                id: Action::Cancel.to_string(),
                action: Action::Cancel,
                requested_at: document.updated_at,
                reason: None,
            });
        }
    }

    fn hear(&mut self, reply: ReportReply) {
        for command in reply.commands {
            self.pass_on(command);
        }
    }

    fn pass_on(&mut self, command: Command) {
        let known = self.heard.contains(&command.id);
        if !known && self.commands.try_send(command.clone()).is_ok() {
            self.heard.push(command.id);
        }
    }

    /// Creates the job, however long the server is away.
    async fn create(&mut self, request: &CreateJob) -> Option<JobId> {
        let key = format!("{:032x}", rand::random::<u128>());
        let mut complained = false;
        loop {
            match within(self.client.create_job_once(request, &key), &self.client).await {
                Ok(job) => return Some(job.id),
                Err(error) if error.is_retryable() => {
                    if !std::mem::replace(&mut complained, true) {
                        output::complain(&format!(
                            "{error}: the command runs, and the server is tried again"
                        ));
                    }
                }
                Err(error) => {
                    output::complain(&format!("the command runs, but not as a job: {error}"));
                    return None;
                }
            }
            tokio::time::sleep(AWAY.min(Duration::from_millis(500))).await;
        }
    }
}

/// One request, which counts as lost when it takes too long.
async fn within<T>(
    request: impl Future<Output = Result<T, Error>>,
    client: &Client,
) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER, request).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(Error::Unreachable {
            server: client.server().to_owned(),
            source: Box::new(elapsed),
        }),
    }
}

/// What a command asks of the process.
pub(crate) fn signal_of(action: Action) -> Option<nix::sys::signal::Signal> {
    use nix::sys::signal::Signal;
    match action {
        Action::Cancel => Some(Signal::SIGTERM),
        Action::Pause => Some(Signal::SIGSTOP),
        Action::Resume => Some(Signal::SIGCONT),
        // A new attempt is a new command line.
        Action::Retry => None,
    }
}
