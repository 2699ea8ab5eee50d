//! Watching jobs live: one stream of messages over whichever transport gets through.
//!
//! A [`Session`] decides what is done, a task does it (`watcher`), and the reader holds a [`Watch`].
//! Between the two is a short channel: a slow reader slows the socket down, and the server sends it
//! newer state instead of more.

mod connection;
mod session;
pub(crate) mod sse;
mod watcher;
pub(crate) mod websocket;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use headway_protocol::frame::{EventFilter, ServerMessage};
use headway_protocol::{Cursor, Job, JobId};
use tokio::sync::mpsc;

use self::session::{Session, SessionOptions, Transport, Wanted};
use self::watcher::Watcher;
use crate::{Client, Error};

/// Messages between the connection and the reader. Few: the server conflates what waits there,
/// this side does not.
const BUFFERED: usize = 64;
/// Failures in a row after which another transport is tried, unless it is said.
const ATTEMPTS: u32 = 5;

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

    /// The job that it names.
    fn named(&self) -> Option<&JobId> {
        match self {
            Self::Job { id, .. } => Some(id),
            Self::Session(_) | Self::Tag(_) | Self::All => None,
        }
    }

    /// Whether it brings a job.
    fn brings(&self, job: &Job) -> bool {
        match self {
            Self::Job { id, .. } => *id == job.id,
            Self::Session(session) => job.session.as_ref() == Some(session),
            Self::Tag(tag) => job.tags.contains(tag),
            Self::All => true,
        }
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
    /// Failures in a row after which a transport is given up; 5 unless said. After a WebSocket come
    /// Server-Sent Events, and after those the watch ends with the last failure.
    pub attempts: Option<u32>,
}

/// A live stream of messages. Dropping it closes the connection.
///
/// Updates come only where they fit what was seen before, so that [`crate::Watched`] can apply each
/// of them. When only jobs are watched the stream ends after each has ended. Whatever is not served
/// is told by a [`ServerMessage::Error`] whose `id` is what it is about, such as `job:import-1`,
/// `session:s`, `tag:t` or `all`; nothing more comes of it, and the stream ends when nothing more
/// comes of anything.
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
    /// A job that a selector brought and that was open when the connection was lost is asked for by
    /// its name, since it may have ended in the meantime. That is so for 64 of them. Of each further
    /// one the reader is told by an error named `job:` and its id with the code `not_followed`: it
    /// begins anew with a snapshot if it is still open, and its document tells if it is not. A job
    /// that is not there any more is told in the same way, in the server's words.
    ///
    /// What the server cannot serve for the moment (`store_unavailable`, `overloaded`) is as a lost
    /// connection.
    ///
    /// A token that the server does not take (401, 4500) ends the watch with that error. Where tokens
    /// are asked for ([`Client::with_tokens`]) it does so only when the next token is not taken either,
    /// and a WebSocket renews its token in place.
    ///
    /// Must be called inside a Tokio runtime.
    pub fn watch(&self, selectors: Vec<Selector>, options: WatchOptions) -> Watch {
        let (sender, messages) = mpsc::channel(BUFFERED);
        let wanted = Wanted { events: options.events, min_interval_ms: options.min_interval_ms };
        let options = SessionOptions {
            transports: vec![Transport::WebSocket, Transport::ServerSentEvents],
            sign_in: self.tokens().can_renew(),
            attempts: options.attempts.unwrap_or(ATTEMPTS),
        };
        let session = Session::new(selectors, wanted, options);
        let task = tokio::spawn(Watcher::new(self.clone(), session, sender).run());
        Watch { messages, task }
    }
}
