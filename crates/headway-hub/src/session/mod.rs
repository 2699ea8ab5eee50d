//! One connection's side of the stream, without I/O.
//!
//! The caller feeds client messages ([`Session::handle_text`]) and answers
//! ([`Session::handle_answer`]), takes requests ([`Session::poll_request`]) and frames
//! ([`Session::poll_frame`]), and comes back at [`Session::next_deadline`] or when the session's
//! [`Bell`] rings for it. A token that its reader sends ([`Session::poll_sign_in`]) is checked by the
//! caller as well ([`Session::handle_sign_in`]). Frames are made when they are asked for: a caller that asks less often gets
//! newer states, never a backlog.
//!
//! One thread serves many of them: a ring names the session that has to look.
//!
//! ```no_run
//! # async fn example(hub: headway_hub::Handle) {
//! let bell = headway_hub::Bell::new(|| { /* make the thread look */ });
//! let caller = std::sync::Arc::new(headway_access::Caller::anyone());
//! let mut sessions = vec![hub.session(caller, "example", &bell, 0)];
//! let mut rings = Vec::new();
//! bell.take(&mut rings);
//! for ring in rings.drain(..) {
//!     let Some(session) = sessions.get_mut(ring.session as usize) else { continue };
//!     session.handle_ring(ring);
//!     while let Some(request) = session.poll_request() {
//!         match hub.perform_now(session, request) {
//!             Ok(answer) => session.handle_answer(answer, hub.now()),
//!             // Its answer is handed over when it is there.
//!             Err(request) => drop(tokio::spawn(hub.perform(session, request))),
//!         }
//!     }
//!     while let Some(frame) = session.poll_frame(hub.now()) {
//!         println!("{:?}", frame.text());
//!     }
//! }
//! # }
//! ```
//!
//! Owner: whoever serves the connection. Invariant: its memory is bounded by its lanes and
//! subscriptions, however fast jobs move and however slowly its reader reads; one that waits has
//! nothing but those, and with events the positions of a few jobs that have ended.

mod attach;
mod busy;
mod cover;
mod lane;
mod lanes;
mod members;
mod message;
mod past;
mod place;
mod request;
mod sign_in;
mod subscription;
#[cfg(test)]
mod tests;
mod wanted;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use headway_access::Caller;
use headway_protocol::frame::{self, ClosingReason};
use headway_protocol::{CloseCode, Cursor, JobId, Problem, ServerMessage, Timestamp};
use serde_json::Value;

pub use request::{Answer, AskedCommand, Found, Request, Surveyed};

use crate::dialect::Dialect;
use crate::frame::{Frame, FrameKind};
use crate::options::Setting;
use crate::wake::{Bell, Dirty, Ring};
use busy::Busy;
use lane::{Step, Terms};
use lanes::Lanes;
use past::Past;
use subscription::Subscriptions;

/// Answers to client messages that wait to be sent. A caller stops reading messages at this many;
/// see [`Session::wants_messages`].
const ANSWERS: usize = 64;

/// See the module.
#[derive(Debug)]
pub struct Session {
    setting: Arc<Setting>,
    caller: Arc<Caller>,
    bell: Arc<Bell>,
    /// Its number among those that the bell rings for.
    key: u32,
    /// The last ticket that was given out.
    tickets: u32,
    last_sent: Timestamp,
    lanes: Lanes,
    subscriptions: Subscriptions,
    busy: Option<Box<Busy>>,
    past: Option<Box<Past>>,
    closing: Option<CloseCode>,
    /// The words in which states are told, when they are not the stream's own.
    dialect: Option<Arc<Dialect>>,
}

impl Session {
    /// A session that begins now; its first frame is `hello`. `connection` is its name in logs.
    pub(crate) fn new(
        setting: Arc<Setting>,
        caller: Arc<Caller>,
        (bell, key): (Arc<Bell>, u32),
        connection: &str,
        now: Timestamp,
    ) -> Self {
        setting.metrics.connections.fetch_add(1, Ordering::Relaxed);
        let hello = ServerMessage::Hello {
            connection: connection.to_owned(),
            version: frame::VERSION,
            heartbeat_ms: setting.options.heartbeat_ms,
            max_message_bytes: setting.options.max_message_bytes,
            max_subscriptions: setting.options.max_subscriptions,
        };
        let mut session = Self {
            setting,
            caller,
            bell,
            key,
            tickets: 0,
            last_sent: now,
            lanes: Lanes::default(),
            subscriptions: Subscriptions::default(),
            busy: None,
            past: None,
            closing: None,
            dialect: None,
        };
        session.answer(&hello);
        session
    }

    /// From now on jobs' states are told in a dialect. To be called before anything is subscribed.
    pub fn speak(&mut self, dialect: Arc<Dialect>) {
        self.dialect = Some(dialect);
    }

    /// The dialect that it speaks.
    pub(crate) fn dialect(&self) -> Option<&Arc<Dialect>> {
        self.dialect.as_ref()
    }

    /// Positions that the reader holds of jobs that a selector may bring; those that it brings go on
    /// there.
    pub fn resume(&mut self, positions: impl IntoIterator<Item = (JobId, Cursor)>) {
        let mut positions = positions.into_iter().peekable();
        if positions.peek().is_some() {
            self.busy().positions.extend(positions);
        }
    }

    /// Whether another client message may be handed over. While it is not so, its answers have not
    /// been taken.
    ///
    /// Nor is another wanted of somebody who has sent a token and is nobody until it was checked:
    /// what they send behind it is for whom they will be.
    pub fn wants_messages(&self) -> bool {
        self.busy.as_ref().is_none_or(|busy| {
            let signs_in = busy.sign_in.is_some() && self.caller.is_nobody();
            !signs_in && busy.outbox.len() + busy.commands < ANSWERS
        })
    }

    /// Whether a subscription stands.
    pub fn has_subscriptions(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Whether something asked for has not been answered yet.
    pub fn is_waiting(&self) -> bool {
        self.busy.as_ref().is_some_and(|busy| !busy.searches.is_empty())
            || self.lanes.is_reading()
            || self.subscriptions.are_surveying()
    }

    /// Takes what its bell rang. A ring that was meant for a session that had the number before is
    /// a needless look.
    pub fn handle_ring(&mut self, ring: Ring) {
        match ring.dirty {
            Dirty::Lane(key) => self.lanes.make_ready(key),
            Dirty::Feed(subscription) => self.look_at_feed(subscription),
        }
    }

    /// Whose session it is.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// The bell that rings for it, and the number under which it does.
    pub(crate) fn bell(&self) -> (&Arc<Bell>, u32) {
        (&self.bell, self.key)
    }

    /// The next thing that has to be done.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.busy.as_mut()?.requests.pop_front()
    }

    /// The next command to carry out.
    pub fn poll_command(&mut self) -> Option<AskedCommand> {
        self.busy.as_mut()?.asked.pop_front()
    }

    /// The next frame to send.
    pub fn poll_frame(&mut self, now: Timestamp) -> Option<Frame> {
        let Some(frame) = self.next_frame(now) else {
            if self.busy.as_mut().is_some_and(|busy| busy.is_over(now)) {
                self.busy = None;
            }
            return None;
        };
        self.setting.metrics.sent(frame.kind());
        self.last_sent = now;
        Some(frame)
    }

    /// The code to close with, once every frame was taken.
    pub fn poll_close(&self) -> Option<CloseCode> {
        self.closing.filter(|_| self.busy.as_ref().is_none_or(|busy| busy.outbox.is_empty()))
    }

    /// When to come back at the latest.
    pub fn next_deadline(&self) -> Timestamp {
        let heartbeat = self.last_sent.plus(self.heartbeat_ms());
        let due = self.lanes.next_due().filter(|_| self.closing.is_none());
        due.map_or(heartbeat, |due| heartbeat.min(due))
    }

    /// The position of every job that is watched and has not ended for its reader.
    pub fn positions(&self) -> impl Iterator<Item = (&JobId, Cursor)> {
        self.lanes
            .iter()
            .filter(|(_, lane)| !lane.is_over())
            .filter_map(|(_, lane)| Some((lane.job(), lane.position()?)))
    }

    /// Says farewell: a `closing` frame, then the code. Nothing else follows.
    pub fn close(&mut self, reason: ClosingReason, retry_ms: u64, code: CloseCode) {
        if self.closing.is_some() {
            return;
        }
        self.closing = Some(code);
        let closing = Frame::of(&ServerMessage::Closing { reason, retry_ms });
        let busy = self.busy();
        busy.outbox.push_back(closing);
        busy.requests.clear();
        busy.asked.clear();
        busy.sign_in = None;
    }

    /// Takes the answer to a command.
    pub fn handle_command_answer(&mut self, id: &str, outcome: Result<Value, Problem>) {
        if let Some(busy) = &mut self.busy {
            busy.commands = busy.commands.saturating_sub(1);
        }
        let message = match outcome {
            Ok(data) => ServerMessage::Result { id: id.to_owned(), data: Some(data) },
            Err(problem) => ServerMessage::Error {
                id: Some(id.to_owned()),
                code: problem.code,
                message: problem.detail,
            },
        };
        self.answer(&message);
    }

    fn heartbeat_ms(&self) -> u64 {
        let spoken = self.dialect.as_ref().map(|dialect| dialect.heartbeat_ms);
        spoken.unwrap_or(self.setting.options.heartbeat_ms)
    }

    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    fn ticket(&mut self) -> u32 {
        self.tickets = self.tickets.wrapping_add(1);
        self.tickets
    }

    fn answer(&mut self, message: &ServerMessage) {
        if self.closing.is_none() {
            self.busy().outbox.push_back(Frame::of(message));
        }
    }

    fn next_frame(&mut self, now: Timestamp) -> Option<Frame> {
        if self.last_sent > now {
            // The clock was set back: what waits for a moment would wait for it once more.
            self.last_sent = now;
            self.lanes.make_due_ready(Timestamp::from_millis(u64::MAX));
        }
        if let Some(frame) = self.pop_answer() {
            return Some(frame);
        }
        if self.closing.is_some() {
            return None;
        }
        self.lanes.make_due_ready(now);
        while let Some(key) = self.lanes.pop_ready() {
            // A lane that is given up leaves an answer.
            if let Some(frame) = self.visit(key, now).or_else(|| self.pop_answer()) {
                return Some(frame);
            }
        }
        (now.since(self.last_sent) >= self.heartbeat_ms())
            .then(|| Frame::of(&ServerMessage::Heartbeat { at: now }))
    }

    fn pop_answer(&mut self) -> Option<Frame> {
        self.busy.as_mut()?.outbox.pop_front()
    }

    /// Looks at one lane.
    fn visit(&mut self, key: u32, now: Timestamp) -> Option<Frame> {
        let Setting { options, metrics } = &*self.setting;
        let max_lag = options.max_event_lag;
        let dialect = self.dialect.as_ref();
        let lane = self.lanes.get_mut(key)?;
        if lane.is_reading() {
            return None;
        }
        match lane.next(Terms { now, max_lag, metrics, dialect }) {
            Step::Last(frame) => Some(frame),
            Step::Frame(frame) => {
                self.lanes.make_ready(key);
                if frame.kind() == FrameKind::End {
                    self.leave_if_over(key);
                }
                Some(frame)
            }
            Step::Wait(due) => {
                self.lanes.wait(key, due);
                None
            }
            Step::Read(after) => {
                self.read(key, after);
                None
            }
            Step::Idle => {
                self.leave_if_over(key);
                None
            }
            Step::NewLog => {
                self.refit(key);
                None
            }
            Step::Removed => {
                self.part(key);
                None
            }
        }
    }

    fn read(&mut self, key: u32, after: u64) {
        if !self.lanes.begin_read(key) {
            return;
        }
        let Some(lane) = self.lanes.get_mut(key) else { return };
        lane.begin_read(after);
        let job = lane.job().clone();
        self.busy().requests.push_back(Request::Read { lane: key, job, after });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.setting.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        let standing = self.subscriptions.len() as u64;
        self.setting.metrics.subscriptions.fetch_sub(standing, Ordering::Relaxed);
    }
}
