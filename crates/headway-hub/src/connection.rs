//! A session with its I/O done, for a watcher that is served by a task of its own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use headway_access::Caller;
use headway_protocol::frame::{ClosingReason, Subscribe};
use headway_protocol::{ClientMessage, CloseCode, Cursor, JobId, Problem, Secret};
use serde_json::Value;
use tokio::sync::Notify;

use crate::dialect::Dialect;
use crate::frame::Frame;
use crate::handle::Handle;
use crate::session::{Answer, AskedCommand, Session};
use crate::wake::{Bell, Ring};

/// Requests of one connection that are being done at once; others wait in the session.
const AT_ONCE: usize = 8;

type Working = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A watcher's side of the hub.
pub struct Connection {
    hub: Handle,
    session: Session,
    bell: Arc<Bell>,
    rung: Arc<Notify>,
    rings: Vec<Ring>,
    working: FuturesUnordered<Working>,
}

/// What a connection does next.
#[derive(Debug)]
pub enum Output {
    /// It sends this.
    Frame(Frame),
    /// It has a command carried out.
    Command(AskedCommand),
    /// It closes with this code.
    Close(CloseCode),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn new(hub: Handle, caller: Arc<Caller>, name: &str) -> Self {
        let rung = Arc::new(Notify::new());
        let bell = {
            let rung = Arc::clone(&rung);
            Bell::new(move || rung.notify_one())
        };
        let session = hub.session(caller, name, &bell, 0);
        let (rings, working) = (Vec::new(), FuturesUnordered::new());
        Self { hub, session, bell, rung, rings, working }
    }

    /// Has states told in a dialect; see [`Session::speak`].
    pub fn speak(&mut self, dialect: Arc<Dialect>) {
        self.session.speak(dialect);
    }

    /// Takes a client's message as it came, JSON text.
    pub fn handle_text(&mut self, text: &[u8]) {
        self.session.handle_text(text, self.hub.now());
    }

    /// Refuses something that is no text message.
    pub fn handle_foreign(&mut self, what: &str) {
        self.session.handle_foreign(what, self.hub.now());
    }

    /// Subscribes on the watcher's behalf.
    pub fn subscribe(&mut self, subscribe: Subscribe) {
        self.session.handle_message(ClientMessage::Subscribe(subscribe), self.hub.now());
    }

    /// Positions of jobs that a selector may bring.
    pub fn resume(&mut self, positions: impl IntoIterator<Item = (JobId, Cursor)>) {
        self.session.resume(positions);
    }

    /// The position of every job that is watched and has not ended for its reader.
    pub fn positions(&self) -> impl Iterator<Item = (&JobId, Cursor)> {
        self.session.positions()
    }

    /// Whether a subscription stands.
    pub fn has_subscriptions(&self) -> bool {
        self.session.has_subscriptions()
    }

    /// Whether another message may be handed over; see [`Session::wants_messages`].
    pub fn wants_messages(&self) -> bool {
        self.session.wants_messages()
    }

    /// Says farewell; what is left comes out of [`Self::next`].
    pub fn close(&mut self, reason: ClosingReason, retry_ms: u64, code: CloseCode) {
        self.session.close(reason, retry_ms, code);
    }

    /// The token to check; see [`Session::poll_sign_in`].
    pub fn poll_sign_in(&mut self) -> Option<Secret> {
        self.session.poll_sign_in()
    }

    /// Answers for it; see [`Session::handle_sign_in`].
    pub fn handle_sign_in(&mut self, outcome: Result<Arc<Caller>, Problem>) {
        self.session.handle_sign_in(outcome, self.hub.now());
    }

    /// Answers a command.
    pub fn answer_command(&mut self, id: &str, outcome: Result<Value, Problem>) {
        self.session.handle_command_answer(id, outcome);
    }

    /// What there is now, without waiting for anything.
    pub fn poll_now(&mut self) -> Option<Output> {
        self.bell.take(&mut self.rings);
        for ring in self.rings.drain(..) {
            self.session.handle_ring(ring);
        }
        self.start_requests();
        if let Some(command) = self.session.poll_command() {
            return Some(Output::Command(command));
        }
        if let Some(frame) = self.session.poll_frame(self.hub.now()) {
            return Some(Output::Frame(frame));
        }
        self.start_requests();
        self.session.poll_close().map(Output::Close)
    }

    /// Whether everything that is known was handed out: no read or look-up is on its way.
    pub fn is_settled(&self) -> bool {
        self.working.is_empty() && !self.session.is_waiting()
    }

    /// What comes next. Cancel safe: nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Output {
        loop {
            if let Some(output) = self.poll_now() {
                return output;
            }
            self.wait().await;
        }
    }

    /// Waits until there may be something. Cancel safe.
    pub async fn wait(&mut self) {
        let due = self.due_in();
        tokio::select! {
            () = self.news() => {}
            () = tokio::time::sleep(due) => {}
        }
    }

    /// How long until there may be something although no news came. A caller with a timer of its
    /// own waits for both this and [`Self::news`] instead of calling [`Self::wait`].
    pub fn due_in(&self) -> Duration {
        // Also when the clock was set back, a heartbeat is not late by more than its interval.
        let heartbeat = Duration::from_millis(self.hub.options().heartbeat_ms);
        self.hub.until(self.session.next_deadline()).min(heartbeat)
    }

    /// Waits until something that is watched moved, or a request was answered. Cancel safe.
    pub async fn news(&mut self) {
        tokio::select! {
            () = self.rung.notified() => {}
            Some(answer) = self.working.next() => {
                self.session.handle_answer(answer, self.hub.now());
            }
        }
    }

    fn start_requests(&mut self) {
        while self.working.len() < AT_ONCE {
            let Some(request) = self.session.poll_request() else { return };
            match self.hub.perform_now(&self.session, request) {
                Ok(answer) => self.session.handle_answer(answer, self.hub.now()),
                Err(request) => {
                    let work = self.hub.perform(&self.session, request);
                    self.working.push(Box::pin(work));
                }
            }
        }
    }
}
