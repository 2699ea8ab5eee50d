//! One watcher: its socket and its side of the hub, in one task.
//!
//! The task takes frames from the hub only when those before them have left, so that a reader who
//! is slow finds newer states instead of more of them. It reads into a buffer that all connections
//! of a thread share, and only while there is something to read.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use headway_hub::{AskedCommand, Connection, Form, Frame, FrameKind, Output};
use headway_protocol::frame::ClosingReason;
use headway_protocol::{CloseCode, Owner, Problem};
use headway_websocket::{Message, Reader, close, deflate, frame};
use serde_json::Value;
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::outbound::{Outbound, Written};
use super::reason;
use crate::app::App;
use crate::metrics::Transport;
use crate::stream::carry_out;
use crate::stream::selection::Selection;

/// A message up to this size is read and then refused with a reason; a larger one closes the
/// connection.
const MESSAGE_BYTES: u32 = 256 * 1024;

/// What is read at once.
const READ_BYTES: usize = 16 * 1024;

/// What an ending connection may still send before it is cut, in reads of [`READ_BYTES`].
const LAST_READS: usize = 64;

/// How long the other side has to close its end once the close frame has left.
const LINGER: Duration = Duration::from_secs(1);

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

type Commanded = (String, Result<Value, Problem>);

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// It is closed with this code and reason.
    Close(u16, &'static str),
    /// The other side has said farewell, with this code.
    Left(u16),
    /// The other side is gone.
    Gone,
}

impl From<CloseCode> for Over {
    fn from(code: CloseCode) -> Self {
        Self::Close(code.as_u16(), reason(code))
    }
}

/// How long a connection lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// As long as both sides want it.
    Open,
    /// As long as its one job.
    OneJob,
    /// The last frame of its one job was taken.
    Ended,
}

/// What happened while the task waited.
enum Woken {
    Stopped,
    Socket(io::Result<()>),
    Commanded(Commanded),
    News,
    Due,
}

/// See the module.
pub(super) struct Watcher {
    app: App,
    caller: Owner,
    connection: Connection,
    socket: TcpStream,
    reader: Reader,
    /// What was read and waits until the session takes messages again: at most one read.
    unread: Bytes,
    outbound: Outbound,
    /// Commands that are being carried out; their number is bounded by the session.
    commands: Option<FuturesUnordered<BoxFuture<'static, Commanded>>>,
    deflate: bool,
    scope: Scope,
    stopping: bool,
    /// Nothing more is read, and it is over once the answers to what was read before have left.
    over: Option<Over>,
    /// Since when the socket has taken nothing, while something waits.
    blocked: Option<Instant>,
    heard: Instant,
    pinged: Instant,
}

impl Watcher {
    pub(super) fn new(
        app: App,
        caller: Owner,
        mut connection: Connection,
        selection: Selection,
        socket: TcpStream,
        early: Bytes,
        deflate: bool,
    ) -> Self {
        let scope = if selection.single { Scope::OneJob } else { Scope::Open };
        selection.apply(&mut connection);
        let now = Instant::now();
        Self {
            app,
            caller,
            connection,
            socket,
            reader: Reader::new(MESSAGE_BYTES, deflate),
            unread: early,
            outbound: Outbound::default(),
            commands: None,
            deflate,
            scope,
            stopping: false,
            over: None,
            blocked: None,
            heard: now,
            pinged: now,
        }
    }

    /// Serves until either side ends it. Boxed, because a future keeps its arguments twice.
    pub(super) async fn serve(mut self: Box<Self>) {
        let over = self.run().await;
        let failed = [CloseCode::NoPong, CloseCode::TooSlow].map(Over::from).contains(&over);
        if failed {
            self.app.metrics.failed.get_or_create(&Transport { transport: "websocket" }).inc();
        }
        let Self { app, connection, socket, outbound, .. } = *self;
        // Whoever takes its time to leave holds nothing of the hub.
        drop(connection);
        let ending = Ending { socket, outbound, within: app.options.head_timeout };
        match over {
            Over::Close(code, reason) => ending.close(code, reason).await,
            Over::Left(code) => ending.close(code, "").await,
            Over::Gone => {}
        }
    }

    async fn run(&mut self) -> Over {
        let mut timer = std::pin::pin!(sleep_until(self.due()));
        loop {
            match self.work() {
                Ok(Rest::More) => {
                    tokio::task::consume_budget().await;
                    continue;
                }
                Ok(Rest::Done) => {}
                Err(over) => return over,
            }
            // The timer is only ever moved forward when it has run out or is too late.
            let due = self.due();
            if due < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(due);
            }
            match self.wait(timer.as_mut()).await {
                Woken::Stopped => {
                    self.stopping = true;
                    let retry_ms = self.app.retry_ms();
                    let reason = ClosingReason::ServerShuttingDown;
                    self.connection.close(reason, retry_ms, CloseCode::Shutdown);
                }
                Woken::Socket(Ok(())) => self.read(),
                Woken::Socket(Err(_)) => return Over::Gone,
                Woken::Commanded((id, outcome)) => self.connection.answer_command(&id, outcome),
                Woken::News => {}
                Woken::Due => {
                    if let Err(over) = self.keep_alive() {
                        return over;
                    }
                }
            }
        }
    }

    /// Waits for the next cause of work. What is watched may move unheard while the socket is
    /// blocked: nobody could be told.
    async fn wait(&mut self, timer: Pin<&mut Sleep>) -> Woken {
        let (reads, blocked) = (self.wants_bytes(), self.blocked.is_some());
        let interest = match (reads, blocked) {
            (_, false) => Interest::READABLE,
            (false, true) => Interest::WRITABLE,
            (true, true) => Interest::READABLE | Interest::WRITABLE,
        };
        let Self { app, connection, socket, commands, stopping, .. } = self;
        tokio::select! {
            () = app.stop.cancelled(), if !*stopping => Woken::Stopped,
            able = socket.ready(interest), if reads || blocked => Woken::Socket(able.map(drop)),
            commanded = next_of(commands), if commands.is_some() => Woken::Commanded(commanded),
            () = connection.news(), if !blocked => Woken::News,
            () = timer => Woken::Due,
        }
    }

    /// When there is something to do although nothing happened.
    fn due(&self) -> Instant {
        let options = &self.app.options;
        if let Some(since) = self.blocked {
            return since + options.write_within;
        }
        let ping = self.pinged + options.ping_every;
        ping.min(Instant::now() + self.connection.due_in())
    }

    /// Whether bytes of the client may be read: not while its answers have not left.
    fn wants_bytes(&self) -> bool {
        self.unread.is_empty() && self.wants_messages()
    }

    fn wants_messages(&self) -> bool {
        self.over.is_none() && self.connection.wants_messages() && self.outbound.has_room()
    }

    /// Hands over what was read, takes what there is to send, and writes it; one round.
    fn work(&mut self) -> Result<Rest, Over> {
        self.hand_over();
        let was_blocked = self.blocked.is_some();
        let filled = self.fill();
        match self.outbound.write(&self.socket) {
            Ok(Written::All) => self.blocked = None,
            Ok(Written::Blocked { some }) => {
                let since = self.blocked.filter(|_| !some);
                self.blocked = Some(since.unwrap_or_else(Instant::now));
                return self.over.map_or(Ok(Rest::Done), Err);
            }
            Err(error) => {
                tracing::debug!(%error, "a watcher's connection broke");
                return Err(Over::Gone);
            }
        }
        match filled {
            Filled::Closing(code) => Err(code.into()),
            Filled::Some => Ok(Rest::More),
            Filled::Nothing => {
                let unread = !self.unread.is_empty() && self.wants_messages();
                if was_blocked || unread {
                    return Ok(Rest::More);
                }
                self.over.map_or(Ok(Rest::Done), Err)
            }
        }
    }

    /// Takes frames while there is room. While the socket is blocked, none: only what was taken
    /// before has to leave.
    fn fill(&mut self) -> Filled {
        let mut filled = Filled::Nothing;
        while self.outbound.has_room() && (self.blocked.is_none() || self.outbound.is_empty()) {
            if self.scope == Scope::Ended {
                return Filled::Closing(CloseCode::Ended);
            }
            match self.connection.poll_now() {
                Some(Output::Frame(frame)) => {
                    if self.scope == Scope::OneJob && frame.kind == FrameKind::End {
                        self.scope = Scope::Ended;
                    }
                    self.outbound.push(encode(&frame, self.deflate));
                    filled = Filled::Some;
                }
                Some(Output::Command(command)) => self.command(command),
                Some(Output::Close(code)) => return Filled::Closing(code),
                None => break,
            }
        }
        filled
    }

    fn command(&mut self, command: AskedCommand) {
        let (app, caller) = (App::clone(&self.app), self.caller.clone());
        let commanded = async move {
            let outcome = carry_out(&app, &caller, &command).await;
            (command.id, outcome)
        };
        self.commands.get_or_insert_default().push(commanded.boxed());
    }

    /// Reads what is there, up to a bound that leaves time for others.
    fn read(&mut self) {
        if !self.wants_bytes() {
            return;
        }
        READ_BUFFER.with_borrow_mut(|buffer| match self.socket.try_read(buffer) {
            Ok(0) => self.over = Some(Over::Gone),
            Ok(length) => {
                self.heard = Instant::now();
                let mut bytes = buffer.get(..length).unwrap_or_default();
                self.take(&mut bytes);
                self.unread = Bytes::copy_from_slice(bytes);
            }
            Err(error) if is_momentary(&error) => {}
            Err(error) => {
                tracing::debug!(%error, "a watcher's connection broke");
                self.over = Some(Over::Gone);
            }
        });
    }

    /// Hands over what had to wait.
    fn hand_over(&mut self) {
        if self.unread.is_empty() {
            return;
        }
        let unread = std::mem::take(&mut self.unread);
        let mut bytes = &*unread;
        self.take(&mut bytes);
        self.unread = unread.slice(unread.len() - bytes.len()..);
    }

    /// Takes messages while they are wanted; moves `bytes` past them.
    fn take(&mut self, bytes: &mut &[u8]) {
        while self.wants_messages() {
            match self.reader.read(bytes) {
                Ok(Some(Message::Text(text))) => self.connection.handle_text(&text),
                Ok(Some(Message::Binary(_))) => {
                    self.connection.handle_foreign("a binary message: send JSON as text");
                }
                Ok(Some(Message::Ping(content))) => self.outbound.push(frame::pong(&content)),
                Ok(Some(Message::Pong)) => {}
                Ok(Some(Message::Close(code))) => {
                    self.over = Some(Over::Left(code.unwrap_or(close::NORMAL)));
                }
                Ok(None) => return,
                Err(fault) => {
                    tracing::debug!(%fault, "a watcher's message could not be read");
                    self.over = Some(Over::Close(fault.code(), fault.reason()));
                }
            }
        }
    }

    /// Sees to it that a connection whose other side is gone does not stay.
    fn keep_alive(&mut self) -> Result<(), Over> {
        let options = &self.app.options;
        // A reader that does not take what was sent before a ping cannot answer it.
        if let Some(since) = self.blocked {
            let stalled = since.elapsed() >= options.write_within;
            return if stalled { Err(CloseCode::TooSlow.into()) } else { Ok(()) };
        }
        if self.pinged.elapsed() < options.ping_every {
            return Ok(());
        }
        if self.heard.elapsed() > options.pong_within {
            return Err(CloseCode::NoPong.into());
        }
        self.pinged = Instant::now();
        self.outbound.push(frame::ping());
        Ok(())
    }
}

/// Whether there is something left to do at once.
enum Rest {
    More,
    Done,
}

/// What came of taking frames.
enum Filled {
    /// There were none.
    Nothing,
    /// There were some, and there may be more.
    Some,
    /// There are no more; the connection closes with this code.
    Closing(CloseCode),
}

/// The end of a connection: what was taken leaves, then the close frame, and then the other side
/// has a moment to read it all. What has not happened in time is cut.
#[derive(Debug)]
pub(super) struct Ending {
    socket: TcpStream,
    outbound: Outbound,
    within: Duration,
}

impl Ending {
    /// The end of a connection to which nothing was sent yet.
    pub(super) fn new(socket: TcpStream, within: Duration) -> Self {
        Self { socket, outbound: Outbound::default(), within }
    }

    /// Sends the close frame and lets go.
    pub(super) async fn close(mut self, code: u16, reason: &str) {
        self.outbound.push(close::frame(code, reason));
        match timeout(self.within, self.leave()).await {
            Ok(Ok(())) => {
                // Whoever keeps its end open for longer is cut off.
                let _left = timeout(LINGER, self.linger()).await;
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, code, "a watcher left before its close frame");
            }
            Err(_) => tracing::debug!(code, "a watcher did not take its close frame in time"),
        }
    }

    /// Writes everything, and says that nothing follows.
    async fn leave(&mut self) -> io::Result<()> {
        while let Written::Blocked { .. } = self.outbound.write(&self.socket)? {
            self.socket.writable().await?;
        }
        self.socket.shutdown().await
    }

    /// A socket that is closed with unread bytes is reset, which may destroy the close frame on its
    /// way: what still comes is read and dropped.
    async fn linger(&mut self) {
        for _ in 0..LAST_READS {
            if self.socket.readable().await.is_err() {
                return;
            }
            match READ_BUFFER.with_borrow_mut(|buffer| self.socket.try_read(buffer)) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if is_momentary(&error) => {}
                Err(_) => return,
            }
        }
    }
}

fn is_momentary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The next command that was carried out. Never ready when there is none.
async fn next_of(
    commands: &mut Option<FuturesUnordered<BoxFuture<'static, Commanded>>>,
) -> Commanded {
    if let Some(working) = commands
        && let Some(commanded) = working.next().await
    {
        if working.is_empty() {
            *commands = None;
        }
        return commanded;
    }
    std::future::pending().await
}

/// A frame's bytes for this watcher; made once for all.
fn encode(frame: &Frame, deflate: bool) -> Bytes {
    let plain = |frame: &Frame| frame.form(Form::Message, |frame| frame::text(&frame.text));
    if deflate && frame.text.len() >= deflate::WORTH_BYTES {
        frame.form(Form::Compressed, |frame| {
            deflate::text(&frame.text).unwrap_or_else(|| plain(frame))
        })
    } else {
        plain(frame)
    }
}
