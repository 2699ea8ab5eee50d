//! One process for each item.
//!
//! The input is on its standard input, its standard output is the output, and how it exits is the
//! outcome. It is confined, works in a folder of its own, and leads a process group of its own: when
//! it has ended, or has to, whatever is left of the group is killed before the attempt is over.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use headway_protocol::batch::CommandExecutor;
use headway_protocol::{JobError, Problem, ProblemCode, limits};
use nix::sys::signal::Signal;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio_util::sync::CancellationToken;

use super::group::Group;
use super::program::{Program, Started};
use super::spent::Spent;
use super::standard_error::StandardError;
use super::{Attempt, Ended, Execute, Failure, News, NewsSink, Surroundings, Terms, spoken};
use crate::input::json_text;

/// `EX_TEMPFAIL` of sysexits.h: the program asks to be run again.
const TEMPORARY_FAILURE: i32 = 75;
/// How much is read at once.
const BLOCK: usize = 16 * 1024;
/// How long a pipe may stay open after its program ended: a descendant outside the group may hold
/// it. What was written before is read at once.
const DRAIN: Duration = Duration::from_secs(1);

/// Runs a program once for each attempt.
#[derive(Debug)]
pub(super) struct CommandRunner {
    program: Program,
    /// What one attempt may write in all.
    output_bytes: u64,
}

impl CommandRunner {
    /// Finds the program.
    pub(super) fn new(
        executor: &CommandExecutor,
        terms: &Terms,
        surroundings: &Surroundings,
    ) -> Result<Self, Problem> {
        if executor.processes.is_some() {
            let detail = "`processes` is for the mode `stream`; `concurrency` says how many items \
                          run at once";
            return Err(Problem::new(ProblemCode::Invalid, detail).at_field("executor.processes"));
        }
        let program = Program::find(executor, terms, surroundings)?;
        Ok(Self { program, output_bytes: terms.limits.output_bytes() })
    }
}

#[async_trait]
impl Execute for CommandRunner {
    async fn run(&self, attempt: &Attempt, news: &NewsSink, stop: &CancellationToken) -> Ended {
        let mut said = Said::new(attempt, news, self.output_bytes);
        let outcome = self.outcome(attempt, stop, &mut said).await;
        Ended { outcome, usage: said.spent.usage, cost: said.spent.cost }
    }

    async fn close(&self) {}
}

impl CommandRunner {
    async fn outcome(
        &self,
        attempt: &Attempt,
        stop: &CancellationToken,
        said: &mut Said<'_>,
    ) -> Result<Box<RawValue>, Failure> {
        if stop.is_cancelled() {
            return Err(Failure::Stopped);
        }
        // The folder goes last, when nobody is left who works in it.
        let Started { mut child, folder: _folder } =
            match self.program.start(environment(attempt)).await {
                Ok(started) => started,
                Err(error) => return Err(failed(self.program.start_error(&error))),
            };
        let group = Group::of(&child);
        let limit = async {
            match attempt.timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let mut group = Some(group);
        let interrupted = tokio::select! {
            biased;
            () = stop.cancelled() => Failure::Stopped,
            () = limit => failed(timed_out(attempt)),
            ended = drive(&mut child, &mut group, attempt, said) => match ended {
                Ok(status) => {
                    return exit_error(status, &said.error.tail())
                        .map_or_else(|| said.output(), |error| Err(failed(error)));
                }
                Err(error) => failed(error),
            },
        };
        if let Some(group) = group {
            group.end(child.wait()).await;
        }
        Err(interrupted)
    }
}

/// Feeds the program and listens to it until it has ended and its pipes are empty. Takes the group
/// away when the program's own end has ended it.
async fn drive(
    child: &mut Child,
    group: &mut Option<Group>,
    attempt: &Attempt,
    said: &mut Said<'_>,
) -> Result<ExitStatus, JobError> {
    let stdin = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let Said { output, error, spent, attempt: about, news, written } = said;
    let say = |what: News| news(about, what);
    let talk = async {
        let listen = read(stdout, |bytes| {
            written.count(bytes.len())?;
            output.take(bytes, spent, say)
        });
        let complain = read(stderr, |bytes| {
            written.count(bytes.len())?;
            error.take(bytes, |line| say(News::Line(line)));
            Ok(())
        });
        tokio::try_join!(feed(stdin, attempt.input.get()), listen, complain).map(|_| ())
    };
    tokio::pin!(talk);
    let unseen = |error: std::io::Error| {
        JobError::passing("cannot_wait", format!("the end of the program was not seen: {error}"))
    };
    let status = tokio::select! {
        biased;
        talked = &mut talk => {
            talked?;
            let status = child.wait().await.map_err(unseen)?;
            drop(group.take());
            status
        }
        ended = child.wait() => {
            let status = ended.map_err(unseen)?;
            drop(group.take());
            if let Ok(talked) = tokio::time::timeout(DRAIN, &mut talk).await {
                talked?;
            }
            status
        }
    };
    Ok(status)
}

/// Writes the input. A program that does not read it is not at fault.
async fn feed(stdin: Option<ChildStdin>, input: &str) -> Result<(), JobError> {
    if let Some(mut stdin) = stdin {
        let written = async {
            stdin.write_all(input.as_bytes()).await?;
            stdin.write_all(b"\n").await
        };
        if let Err(error) = written.await {
            tracing::trace!(%error, "a program did not read its input");
        }
    }
    Ok(())
}

async fn read(
    pipe: Option<impl AsyncRead + Unpin>,
    mut take: impl FnMut(&[u8]) -> Result<(), JobError>,
) -> Result<(), JobError> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        match pipe.read_buf(&mut block).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => take(&block)?,
        }
    }
}

/// What a process has said so far.
struct Said<'a> {
    attempt: &'a Attempt,
    news: &'a NewsSink,
    output: Output,
    error: StandardError,
    spent: Spent,
    written: Written,
}

impl<'a> Said<'a> {
    fn new(attempt: &'a Attempt, news: &'a NewsSink, output_bytes: u64) -> Self {
        Self {
            written: Written::new(output_bytes),
            attempt,
            news,
            output: Output::default(),
            error: StandardError::default(),
            spent: Spent::default(),
        }
    }

    /// The output of a process that succeeded.
    fn output(&mut self) -> Result<Box<RawValue>, Failure> {
        let (attempt, news) = (self.attempt, self.news);
        self.error.end(|line| news(attempt, News::Line(line)));
        let output = self.output.end(&mut self.spent, |what| news(attempt, what));
        if output.get().len() > limits::OUTPUT_BYTES {
            return Err(failed(too_large()));
        }
        Ok(output)
    }
}

/// Standard output without the lines that report. Holds at most the largest output and one block.
#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    /// Where the line begins that has not ended yet.
    line: usize,
}

impl Output {
    fn take(
        &mut self,
        mut bytes: &[u8],
        spent: &mut Spent,
        mut say: impl FnMut(News),
    ) -> Result<(), JobError> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (piece, rest) = bytes.split_at_checked(end + 1).unwrap_or((bytes, &[]));
            self.bytes.extend_from_slice(piece);
            bytes = rest;
            self.end_line(spent, &mut say);
        }
        self.bytes.extend_from_slice(bytes);
        // One more byte: the line break that ends the output is not part of it.
        if self.bytes.len() > limits::OUTPUT_BYTES + 1 { Err(too_large()) } else { Ok(()) }
    }

    fn end_line(&mut self, spent: &mut Spent, say: impl FnMut(News)) {
        if spoken::take(self.bytes.get(self.line..).unwrap_or_default(), spent, say) {
            self.bytes.truncate(self.line);
        }
        self.line = self.bytes.len();
    }

    fn end(&mut self, spent: &mut Spent, say: impl FnMut(News)) -> Box<RawValue> {
        self.end_line(spent, say);
        let text = String::from_utf8_lossy(&self.bytes);
        if text.trim().is_empty() {
            return json_text::null();
        }
        json_text::keep(&text)
            .unwrap_or_else(|_| json_text::string(text.trim_end_matches(['\n', '\r'])))
    }
}

fn environment(attempt: &Attempt) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("HEADWAY_JOB", attempt.job.to_string()),
        ("HEADWAY_INDEX", attempt.index.to_string()),
        ("HEADWAY_ATTEMPT", attempt.number.to_string()),
    ];
    // A NUL cannot stand in an environment; the name is then left out.
    if let Some(custom_id) = attempt.custom_id.as_ref().filter(|id| !id.contains('\0')) {
        variables.push(("HEADWAY_CUSTOM_ID", custom_id.clone()));
    }
    variables
}

fn failed(error: JobError) -> Failure {
    Failure::Error { error, retry_after_ms: None }
}

/// An attempt that took longer than it may.
pub(super) fn timed_out(attempt: &Attempt) -> JobError {
    let limit = attempt.timeout.unwrap_or_default().as_millis();
    JobError::passing("timeout", format!("it took longer than {limit} ms"))
}

pub(super) fn too_large() -> JobError {
    let message = format!("the output is larger than {} bytes", limits::OUTPUT_BYTES);
    JobError::fatal("output_too_large", message)
}

/// How much a program has written, whatever became of it.
#[derive(Debug)]
pub(super) struct Written {
    bytes: AtomicU64,
    most: u64,
}

impl Written {
    /// Nothing yet, and at most so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self { bytes: AtomicU64::new(0), most }
    }

    /// Counts what was read; an error says that it is too much.
    pub(super) fn count(&self, bytes: usize) -> Result<(), JobError> {
        let more = u64::try_from(bytes).unwrap_or(u64::MAX);
        if self.bytes.fetch_add(more, Ordering::Relaxed).saturating_add(more) <= self.most {
            return Ok(());
        }
        let message = format!(
            "it wrote more than {} bytes to standard output and standard error; `output_bytes` \
             among the `limits` of its kind says how much it may",
            self.most
        );
        Err(JobError::fatal("output_too_large", message))
    }

    /// Begins again.
    pub(super) fn reset(&self) {
        self.bytes.store(0, Ordering::Relaxed);
    }
}

/// Why an exit is no success, with the end of standard error as the message.
pub(super) fn exit_error(status: ExitStatus, tail: &str) -> Option<JobError> {
    if status.success() {
        return None;
    }
    let (error, what) = match status.code() {
        Some(TEMPORARY_FAILURE) => (JobError::passing("tempfail", tail), json!({"exit_code": 75})),
        Some(code) => (JobError::fatal("exit_code", tail), json!({"exit_code": code})),
        None => {
            let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
            let name = signal.map_or("unknown", Signal::as_str);
            // A signal that others send (an operator, the kernel short of memory) may not come
            // again; one that a program's own fault raises will.
            let sent = matches!(
                signal,
                Some(Signal::SIGKILL | Signal::SIGTERM | Signal::SIGINT | Signal::SIGHUP)
            );
            let error = JobError { retryable: sent, ..JobError::fatal("signal", tail) };
            (error, json!({"signal": name}))
        }
    };
    let message = if tail.is_empty() {
        format!("the program ended with {}", describe(status))
    } else {
        error.message
    };
    Some(JobError { message, details: Some(what), ..error })
}

/// How a program ended, for people.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal().map(Signal::try_from)) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(Ok(signal))) => format!("signal {signal}"),
        (None, Some(Err(_)) | None) => "an unknown signal".to_owned(),
    }
}
