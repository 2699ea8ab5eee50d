//! Watching jobs live: one stream of messages over whichever transport gets through.
//!
//! A task owns the connection and a [`Session`] that knows what was seen; the reader holds a
//! [`Watch`]. Between them is a short channel: a slow reader slows the socket down, and the server
//! sends it newer state instead of more.

mod session;
pub(crate) mod sse;
pub(crate) mod websocket;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use headway_protocol::frame::{EventFilter, ServerMessage, Subscribe};
use headway_protocol::{Cursor, JobId};
use tokio::sync::mpsc;

use self::session::{Session, Verdict};
use crate::token::Issued;
use crate::{Backoff, Client, Error};

/// Messages between the connection and the reader. Few: the server conflates what waits there,
/// this side does not.
const BUFFERED: usize = 64;
/// The longest time that a closing server can keep a watcher away.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// One job, from a position that is held if there is one.
    Job {
        /// The job.
        id: JobId,
        /// The position held.
        cursor: Option<Cursor>,
    },
    /// All jobs of a session, also those that come later.
    Session(String),
    /// All jobs with a tag, also those that come later.
    Tag(String),
    /// All jobs.
    All,
}

impl Selector {
    /// One job from a snapshot on.
    pub fn job(id: JobId) -> Self {
        Self::Job { id, cursor: None }
    }
}

/// How to watch.
#[derive(Clone, Debug, Default)]
pub struct WatchOptions {
    /// Which events come beside the state; none unless said.
    pub events: Option<EventFilter>,
    /// The shortest time between two state messages of one job, in milliseconds; the server's
    /// default unless said.
    pub min_interval_ms: Option<u64>,
    /// Failures in a row after which the watch gives up on a transport; 5 unless said.
    pub attempts: Option<u32>,
}

/// A live stream of messages. Dropping it closes the connection.
///
/// Updates come only where they fit what was seen before, so that [`crate::Watched`] can apply each
/// of them. When only jobs are watched the stream ends after each has ended.
#[derive(Debug)]
pub struct Watch {
    messages: mpsc::Receiver<Result<ServerMessage, Error>>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    /// The next message; `None` after the last. After an error nothing follows.
    ///
    /// Cancel safety: a dropped call loses no message.
    pub async fn next(&mut self) -> Option<Result<ServerMessage, Error>> {
        self.messages.recv().await
    }
}

impl Stream for Watch {
    type Item = Result<ServerMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Watches jobs live. A lost connection is made again with backoff, from the position that was
    /// seen; where a WebSocket does not get through, Server-Sent Events are used. Selectors should
    /// not overlap.
    ///
    /// A token that the server does not take (401, 4500) ends the watch with that error. Where tokens
    /// are asked for ([`Client::with_tokens`]) it does so only when the next token is not taken either,
    /// and a WebSocket renews its token in place.
    ///
    /// Must be called inside a Tokio runtime.
    pub fn watch(&self, selectors: Vec<Selector>, options: WatchOptions) -> Watch {
        let (sender, messages) = mpsc::channel(BUFFERED);
        let client = self.clone();
        let task = tokio::spawn(async move {
            let session = Session::new(selectors, &options);
            let attempts = options.attempts.unwrap_or(5);
            let watcher = Watcher {
                client,
                session,
                sender,
                backoff: Backoff::new(attempts),
                come_back: Duration::ZERO,
                issued: None,
                renewed: false,
            };
            watcher.run().await;
        });
        Watch { messages, task }
    }
}

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Over {
    /// Everything that was watched has ended, or nobody reads any more.
    Finished,
    /// Come back: over the same transport.
    Lost(Error),
    /// The transport does not get through here.
    Refused(Error),
    /// The token is not taken: come back with another one, or not at all.
    SignIn(Error),
    /// Do not come back.
    Fatal(Error),
}

/// The connection's side of a watch.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) client: Client,
    pub(crate) session: Session,
    sender: mpsc::Sender<Result<ServerMessage, Error>>,
    backoff: Backoff,
    /// How long the server asked to stay away.
    come_back: Duration,
    /// The token of the last connection.
    issued: Option<Issued>,
    /// Whether the token in use took the place of one that was refused, and nothing came since.
    renewed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    WebSocket,
    ServerSentEvents,
}

impl Watcher {
    async fn run(mut self) {
        let mut transport = Transport::WebSocket;
        while !self.session.is_finished() {
            self.session.begin_connection();
            let over = match transport {
                Transport::WebSocket => websocket::connect(&mut self).await,
                Transport::ServerSentEvents => sse::connect(&mut self).await,
            };
            let error = match over {
                Over::Finished => return,
                Over::Fatal(error) => return self.fail(error).await,
                Over::SignIn(error) if !self.may_renew() => return self.fail(error).await,
                Over::SignIn(error) => {
                    self.renewed = true;
                    if let Some(issued) = self.issued.take() {
                        self.client.tokens().refuse(&issued).await;
                    }
                    error
                }
                Over::Refused(error) if transport == Transport::WebSocket => {
                    tracing::info!(%error, "no WebSocket here: using Server-Sent Events");
                    transport = Transport::ServerSentEvents;
                    continue;
                }
                Over::Refused(error) | Over::Lost(error) => error,
            };
            match self.backoff.next_random() {
                Some(wait) => {
                    let wait = wait.max(std::mem::take(&mut self.come_back));
                    tracing::debug!(%error, ?wait, "the stream was lost: coming back");
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.sender.closed() => return,
                    }
                }
                None => return self.fail(error).await,
            }
        }
    }

    /// The token to connect with.
    async fn token(&mut self) -> Result<Option<Issued>, Over> {
        let issued = self.client.tokens().current().await.map_err(|error| {
            if error.is_retryable() { Over::Lost(error) } else { Over::Fatal(error) }
        })?;
        self.issued.clone_from(&issued);
        Ok(issued)
    }

    /// Whether another token is worth an attempt after one was refused.
    fn may_renew(&self) -> bool {
        self.client.tokens().can_renew() && !self.renewed
    }

    async fn fail(&self, error: Error) {
        // A reader that is gone needs no error.
        self.sender.send(Err(error)).await.ok();
    }

    /// Hands a message on if it fits. `Some` when the connection is of no further use.
    pub(crate) async fn accept(&mut self, message: ServerMessage) -> Option<Over> {
        match self.session.handle_message(&message) {
            Verdict::Pass => {
                match &message {
                    ServerMessage::Closing { retry_ms, .. } => {
                        self.come_back = Duration::from_millis(*retry_ms).min(LONGEST_PAUSE);
                    }
                    // A greeting or a refusal is no sign that the next connection will be better.
                    ServerMessage::Hello { .. } | ServerMessage::Error { .. } => {}
                    ServerMessage::Subscribed { .. }
                    | ServerMessage::Snapshot { .. }
                    | ServerMessage::Update { .. }
                    | ServerMessage::Event { .. }
                    | ServerMessage::Gap { .. }
                    | ServerMessage::End { .. }
                    | ServerMessage::Heartbeat { .. }
                    | ServerMessage::Result { .. }
                    | ServerMessage::Pong { .. }
                    | ServerMessage::Unknown => {
                        self.backoff.reset();
                        self.renewed = false;
                    }
                }
                if self.sender.send(Ok(message)).await.is_err() {
                    return Some(Over::Finished);
                }
                self.session.is_finished().then_some(Over::Finished)
            }
            Verdict::Skip => None,
            Verdict::Hole => {
                Some(Over::Lost(self.client.not_understood("an update does not fit the last one")))
            }
        }
    }

    /// Reads one message of the stream.
    pub(crate) fn parse(&self, text: &str) -> Result<ServerMessage, Over> {
        serde_json::from_str(text)
            .map_err(|error| Over::Lost(self.client.not_understood(error.to_string())))
    }

    /// When nobody reads any more.
    pub(crate) async fn abandoned(sender: mpsc::Sender<Result<ServerMessage, Error>>) {
        sender.closed().await;
    }

    pub(crate) fn sender(&self) -> mpsc::Sender<Result<ServerMessage, Error>> {
        self.sender.clone()
    }
}

/// Subscriptions as the server is told them.
pub(crate) type Subscriptions = Vec<Subscribe>;
