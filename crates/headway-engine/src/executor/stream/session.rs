//! One worker's life: what it is sent, what it answers, and why it ended.
//!
//! One task moves both directions and never waits for one while the other could go on: a worker
//! that does not read cannot keep its answers from being read. Lines are written many at a time,
//! and a block of answers is read at once.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use headway_protocol::{JobError, limits};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::News;
use super::super::command::{Written, describe, too_large};
use super::super::folder::Folder;
use super::super::group::{GRACE, Group};
use super::super::program::Started;
use super::super::standard_error::StandardError;
use super::answer::{self, Line, Word};
use super::board::{Board, millis};
use super::held::Held;
use super::ticket::Ticket;
use super::worker::Cause;
use crate::input::json_text;

/// The longest line of an answer: the largest output and room for what is around it.
const LINE_BYTES: usize = limits::OUTPUT_BYTES + 1024;
/// How much is read at once.
const BLOCK: usize = 64 * 1024;
/// So many lines in a row that are no answers, and the worker is taken to talk something else.
const GARBAGE: u32 = 1_000;
/// How long a worker that closed a pipe has to end, and how long what it wrote is read after it
/// ended: a descendant outside its group may hold the pipes.
const DRAIN: Duration = Duration::from_secs(1);

/// How a worker left: what it still held, the oldest first, and why.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) held: Vec<Arc<Ticket>>,
    pub(super) cause: Cause,
}

impl Farewell {
    /// Of a worker that could not be started.
    pub(super) fn unstarted(error: JobError) -> Self {
        let error = JobError { retryable: true, ..error };
        Self { held: Vec::new(), cause: Cause::Died(error) }
    }
}

/// How a worker's process ended.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// With this status.
    Status(ExitStatus),
    /// The system did not say.
    Unseen,
}

/// One worker's life.
#[derive(Debug)]
pub(super) struct Session<'a> {
    board: &'a Board,
    slot: usize,
    name: &'a str,
    group: Group,
    /// Tells how it ended; not asked again once `status` is there.
    exit: oneshot::Receiver<Ending>,
    status: Option<Ending>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    held: Held,
    /// What is being written, and how much of it has been.
    outgoing: Vec<u8>,
    written: usize,
    /// What was read and holds no whole line yet.
    incoming: Vec<u8>,
    errors: StandardError,
    answers: u64,
    garbage: u32,
    /// Since the last answer.
    between: Written,
    /// Goes with the session, when nobody is left who works in it.
    _folder: Folder,
}

/// What wakes the session.
enum Event {
    Read(std::io::Result<usize>),
    Wrote(std::io::Result<usize>),
    Complained(std::io::Result<usize>),
    Woken,
    Deadline,
    Exited(Ending),
    HungUp,
    Closed,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        board: &'a Board,
        slot: usize,
        name: &'a str,
        started: Started,
        between: Written,
    ) -> Self {
        let Started { mut child, folder } = started;
        let group = Group::of(&child);
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (tell, exit) = oneshot::channel();
        // A task of its own, so that waiting costs nothing while the worker talks. It ends with
        // the worker, and that with the group.
        tokio::spawn(async move {
            let ending = child.wait().await.map_or(Ending::Unseen, Ending::Status);
            if tell.send(ending).is_err() {
                tracing::trace!("nobody waits for a worker that ended");
            }
        });
        Self {
            board,
            slot,
            name,
            group,
            exit,
            status: None,
            stdin,
            stdout,
            stderr,
            held: Held::default(),
            outgoing: Vec::new(),
            written: 0,
            incoming: Vec::new(),
            errors: StandardError::default(),
            answers: 0,
            garbage: 0,
            between,
            _folder: folder,
        }
    }

    /// Lives until the worker ends or has to. Says how many items it answered.
    pub(super) async fn run(mut self) -> (Farewell, u64) {
        let cause = self.talk().await;
        let answers = self.answers;
        (self.part(cause).await, answers)
    }

    /// Talks; the cause is absent when the worker itself ended.
    async fn talk(&mut self) -> Option<Cause> {
        let mut complaints = Vec::with_capacity(4 * 1024);
        let deadline = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(deadline);
        let mut armed = false;
        let hang_up = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(hang_up);
        loop {
            self.fill();
            if !armed && let Some(at) = self.held.deadline() {
                deadline.as_mut().reset(at);
                armed = true;
            }
            complaints.clear();
            let deaf = self.stdin.is_none();
            let event = tokio::select! {
                read = read(self.stdout.as_mut(), &mut self.incoming) => Event::Read(read),
                wrote = write(self.stdin.as_mut(), &self.outgoing, self.written) => {
                    Event::Wrote(wrote)
                }
                () = self.board.woken(self.slot) => Event::Woken,
                read = read(self.stderr.as_mut(), &mut complaints) => Event::Complained(read),
                () = &mut deadline, if armed => Event::Deadline,
                status = &mut self.exit => Event::Exited(status.unwrap_or(Ending::Unseen)),
                () = &mut hang_up, if deaf => Event::HungUp,
                () = self.board.closed.cancelled() => Event::Closed,
            };
            match event {
                Event::Read(Ok(bytes)) if bytes > 0 => {
                    let cause = self.too_much(bytes).or_else(|| self.listen());
                    if cause.is_some() {
                        return cause;
                    }
                }
                Event::Exited(status) => {
                    self.status = Some(status);
                    return None;
                }
                Event::Read(_) | Event::HungUp => return None,
                Event::Wrote(Ok(bytes)) => {
                    self.written += bytes;
                    if self.written >= self.outgoing.len() {
                        self.outgoing.clear();
                        self.written = 0;
                    }
                }
                Event::Wrote(Err(_)) => {
                    self.stdin = None;
                    hang_up.as_mut().reset(Instant::now() + DRAIN);
                }
                Event::Complained(Ok(bytes)) if bytes > 0 => {
                    self.complain(&complaints);
                    if let Some(cause) = self.too_much(bytes) {
                        return Some(cause);
                    }
                }
                Event::Complained(_) => self.stderr = None,
                Event::Woken => {
                    if self.board.was_abandoned(self.slot)
                        && !self.held.is_empty()
                        && self.held.all_abandoned()
                    {
                        return Some(Cause::Useless);
                    }
                }
                Event::Deadline => {
                    armed = false;
                    let late = self.held.deadline().is_some_and(|at| at <= Instant::now());
                    if late && let Some(oldest) = self.held.oldest() {
                        let limit = millis(oldest.timeout.unwrap_or_default());
                        let message = format!("it took longer than {limit} ms");
                        let error = JobError::passing("timeout", message);
                        return Some(Cause::Ended { item: oldest.index, error });
                    }
                }
                Event::Closed => return Some(Cause::Closed),
            }
        }
    }

    /// Takes from the board what the worker has room for, once what it was given is written.
    fn fill(&mut self) {
        if !self.outgoing.is_empty() || self.stdin.is_none() {
            return;
        }
        self.board.take(self.slot, &mut self.held, &mut self.outgoing);
    }

    /// Reads every whole line that has come.
    fn listen(&mut self) -> Option<Cause> {
        let incoming = std::mem::take(&mut self.incoming);
        let now = Instant::now();
        let mut rest = incoming.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = after.get(1..).unwrap_or_default();
            if line.len() > LINE_BYTES {
                return Some(self.endless(line));
            }
            self.hear(line, now);
            if self.garbage >= GARBAGE {
                let message = format!(
                    "`{}` wrote {GARBAGE} lines in a row that are not answers: its standard \
                     output is for lines of JSON with an `index`",
                    self.name
                );
                return Some(Cause::Died(JobError::passing("worker_died", message)));
            }
        }
        if rest.len() > LINE_BYTES {
            return Some(self.endless(rest));
        }
        let left = rest.len();
        self.incoming = incoming;
        let read = self.incoming.len() - left;
        self.incoming.drain(..read);
        None
    }

    fn hear(&mut self, line: &[u8], now: Instant) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Ok(parsed) = serde_json::from_slice::<Line<'_>>(line) else {
            self.garbage += 1;
            let text = String::from_utf8_lossy(line);
            self.remark(News::Line(json_text::beginning(text.trim_end(), 8 * 1024).to_owned()));
            return;
        };
        let Some(ticket) = self.held.get(parsed.index) else {
            // Not an answer to anything: of no more use than a line that cannot be read.
            self.garbage += 1;
            tracing::warn!(
                program = self.name,
                index = parsed.index,
                "a worker answered an item that it does not hold"
            );
            return;
        };
        self.garbage = 0;
        match parsed.word(|why| ticket.say(News::Line(why))) {
            Word::News(news) => ticket.say(news),
            Word::End(ended) => {
                self.answers += 1;
                self.between.reset();
                if self.answers == 1 {
                    self.board.answered();
                }
                if let Some(ticket) = self.held.remove(parsed.index, now) {
                    ticket.end(ended);
                }
            }
        }
    }

    /// Counts what was read; the cause when it is too much: the oldest item is what the worker is
    /// most likely at.
    fn too_much(&self, read: usize) -> Option<Cause> {
        let error = self.between.count(read).err()?;
        Some(match self.held.oldest() {
            Some(oldest) => Cause::Ended { item: oldest.index, error },
            None => Cause::Died(JobError { retryable: true, ..error }),
        })
    }

    /// A line beyond the limit: its item failed; without an index nobody knows which.
    fn endless(&self, line: &[u8]) -> Cause {
        if let Some(item) = answer::index_of(line).filter(|index| self.held.has(*index)) {
            return Cause::Ended { item, error: too_large() };
        }
        let message = format!("`{}` wrote a line of more than {LINE_BYTES} bytes", self.name);
        Cause::Died(JobError::passing("worker_died", message))
    }

    fn complain(&mut self, bytes: &[u8]) {
        let Self { errors, held, name, .. } = self;
        errors.take(bytes, |line| {
            if let Some(oldest) = held.oldest() {
                oldest.say(News::Line(line));
            } else {
                tracing::debug!(program = name, line, "a worker wrote to standard error");
            }
        });
    }

    /// Something that nobody can tell the item of: the oldest is what most workers work on.
    fn remark(&self, news: News) {
        if let Some(oldest) = self.held.oldest() {
            oldest.say(news);
        }
    }

    /// Ends whatever is left of the worker and finds out why it ended.
    async fn part(mut self, cause: Option<Cause>) -> Farewell {
        // The end of its input asks an idle worker to end by itself.
        self.stdin = None;
        let cause = if let Some(cause) = cause {
            let idle = matches!(cause, Cause::Closed) && self.held.is_empty();
            if !(idle && self.ends_within(GRACE).await) {
                let Self { group, exit, .. } = self;
                group.end(exit).await;
            }
            cause
        } else {
            let ended = self.ends_within(DRAIN).await;
            self.group.kill();
            match tokio::time::timeout(DRAIN, self.drain()).await {
                Ok(Some(cause)) => cause,
                Ok(None) | Err(_) => Cause::Died(self.obituary(ended)),
            }
        };
        Farewell { held: self.held.take_all(), cause }
    }

    /// Whether the worker has ended, or does so within this time.
    async fn ends_within(&mut self, time: Duration) -> bool {
        if self.status.is_none()
            && let Ok(status) = tokio::time::timeout(time, &mut self.exit).await
        {
            self.status = Some(status.unwrap_or(Ending::Unseen));
        }
        self.status.is_some()
    }

    /// Reads what the worker wrote before it ended.
    async fn drain(&mut self) -> Option<Cause> {
        let mut complaints = Vec::with_capacity(4 * 1024);
        while self.stdout.is_some() || self.stderr.is_some() {
            complaints.clear();
            tokio::select! {
                read = read(self.stdout.as_mut(), &mut self.incoming) => match read {
                    Ok(bytes) if bytes > 0 => {
                        if let Some(cause) = self.listen() {
                            return Some(cause);
                        }
                    }
                    Ok(_) | Err(_) => self.stdout = None,
                },
                read = read(self.stderr.as_mut(), &mut complaints) => match read {
                    Ok(bytes) if bytes > 0 => self.complain(&complaints),
                    Ok(_) | Err(_) => self.stderr = None,
                },
            }
        }
        None
    }

    fn obituary(&self, ended: bool) -> JobError {
        let status = match self.status {
            Some(Ending::Status(status)) => Some(status),
            Some(Ending::Unseen) | None => None,
        };
        let how = match status {
            Some(status) => format!("ended with {}", describe(status)),
            None if ended => "ended".to_owned(),
            None => "closed a pipe and did not end".to_owned(),
        };
        let tail = self.errors.tail();
        let what = if tail.is_empty() { "it wrote no error" } else { tail.as_str() };
        let message = format!("the worker `{}` {how}: {what}", self.name);
        JobError {
            details: status
                .map(|status| json!({"exit_code": status.code(), "signal": status.signal()})),
            ..JobError::passing("worker_died", message)
        }
    }
}

async fn read(
    pipe: Option<&mut (impl tokio::io::AsyncRead + Unpin)>,
    into: &mut Vec<u8>,
) -> std::io::Result<usize> {
    match pipe {
        Some(pipe) => {
            into.reserve(BLOCK);
            pipe.read_buf(into).await
        }
        None => std::future::pending().await,
    }
}

async fn write(
    pipe: Option<&mut ChildStdin>,
    outgoing: &[u8],
    written: usize,
) -> std::io::Result<usize> {
    match (pipe, outgoing.get(written..)) {
        (Some(pipe), Some(rest)) if !rest.is_empty() => pipe.write(rest).await,
        (Some(_) | None, Some(_) | None) => std::future::pending().await,
    }
}
