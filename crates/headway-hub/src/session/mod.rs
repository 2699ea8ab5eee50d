//! One connection's side of the stream, without I/O.
//!
//! The caller feeds client messages ([`Session::handle_text`]) and answers
//! ([`Session::handle_answer`]), takes requests ([`Session::poll_request`]) and frames
//! ([`Session::poll_frame`]), and comes back at [`Session::next_deadline`] or when the session's
//! [`Bell`] rings for it. Frames are made when they are asked for: a caller that asks less often gets
//! newer states, never a backlog.
//!
//! Owner: the connection. Invariant: its memory is bounded by its lanes and subscriptions, however
//! fast jobs move and however slowly its reader reads.

mod lane;
mod message;
mod subscription;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use headway_protocol::frame::{self, ClosingReason};
use headway_protocol::{
    Action, CloseCode, Cursor, JobId, Owner, Problem, ServerMessage, Timestamp,
};
use headway_store::History;
use serde_json::Value;
use slab::Slab;

use crate::error::Error;
use crate::feed::{FeedReader, Selector};
use crate::frame::{Frame, FrameKind};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::topic::Topic;
use crate::wake::{Bell, Dirty, Ring};
use lane::{Lane, Step};
use subscription::{Attaching, Subscription};

/// Lanes of one session that read the log at once. Each holds a page, so this bounds their memory.
const READS: usize = 4;

/// Answers to client messages that wait to be sent. A caller stops reading messages at this many;
/// see [`Session::wants_messages`].
const ANSWERS: usize = 64;

/// Something that a session needs done; every request is answered once by
/// [`Session::handle_answer`].
#[derive(Clone, Debug)]
pub enum Request {
    /// Watch a job.
    Watch {
        /// Comes back with the answer.
        ticket: u32,
        /// The job.
        job: JobId,
        /// The position that the reader holds: records after it are wanted at hand.
        cursor: Option<Cursor>,
    },
    /// Join a selector's feed, then list its jobs.
    Survey {
        /// The subscription.
        subscription: u32,
        /// What it is about.
        selector: Selector,
    },
    /// Read a page of a job's log.
    Read {
        /// The lane that needs it.
        lane: u32,
        /// The job.
        job: JobId,
        /// The position after which it begins.
        after: u64,
    },
}

/// A command that a watcher sent; answered by [`Session::handle_command_answer`].
#[derive(Clone, Debug)]
pub struct AskedCommand {
    /// The watcher's message.
    pub id: String,
    /// The job.
    pub job: JobId,
    /// What is asked.
    pub action: Action,
}

/// What came of a request.
#[derive(Debug)]
pub enum Answer {
    /// Of `Watch`.
    Watched {
        /// The request's.
        ticket: u32,
        /// The job; `None` when the caller sees no such job.
        outcome: Result<Option<Found>, Error>,
    },
    /// Of `Survey`.
    Surveyed {
        /// The request's.
        subscription: u32,
        /// The jobs.
        outcome: Result<Surveyed, Error>,
    },
    /// Of `Read`.
    Read {
        /// The request's.
        lane: u32,
        /// The request's.
        job: JobId,
        /// The request's.
        after: u64,
        /// The page; `None` when there is no such job any more.
        outcome: Result<Option<History>, Error>,
    },
}

/// A job that can be watched.
#[derive(Clone, Debug)]
pub struct Found {
    /// The job.
    pub topic: Arc<Topic>,
    /// Its log is known to begin after this position.
    pub trimmed_to: u64,
}

/// The jobs of a selector.
#[derive(Debug)]
pub struct Surveyed {
    /// The subscription's place in the feed.
    pub reader: FeedReader,
    /// Jobs that have not ended, the newest.
    pub jobs: Vec<JobId>,
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    options: Arc<Options>,
    metrics: Arc<Metrics>,
    caller: Arc<Owner>,
    bell: Arc<Bell>,
    /// Its number among those that the bell rings for.
    key: u32,
    /// Answers and the like; see [`ANSWERS`].
    outbox: VecDeque<Frame>,
    requests: VecDeque<Request>,
    /// Commands that nobody has taken yet; with those that were taken, at most [`ANSWERS`].
    asked: VecDeque<AskedCommand>,
    /// Commands that are being carried out.
    commands: usize,
    serial: u32,
    /// Boxed, because a tree has room for eleven as soon as it has one.
    subscriptions: BTreeMap<u32, Box<Subscription>>,
    names: HashMap<String, u32>,
    attaching: HashMap<u32, Attaching>,
    /// Positions that the reader came with, for jobs that its selectors bring.
    positions: HashMap<JobId, Cursor>,
    lanes: Slab<Lane>,
    jobs: HashMap<JobId, u32>,
    /// Lanes to look at, each at most once.
    ready: VecDeque<u32>,
    /// Lanes that wait for their next state frame.
    timers: BTreeSet<(Timestamp, u32)>,
    reads: usize,
    /// Lanes that wait for a read to end; each at most once.
    read_queue: VecDeque<u32>,
    last_sent: Timestamp,
    /// When messages were refused, at most [`message::MISTAKES`] of them.
    mistakes: VecDeque<Timestamp>,
    closing: Option<CloseCode>,
}

impl Session {
    /// A session that begins now; its first frame is `hello`. `connection` is its name in logs.
    pub(crate) fn new(
        options: Arc<Options>,
        metrics: Arc<Metrics>,
        caller: Arc<Owner>,
        (bell, key): (Arc<Bell>, u32),
        connection: &str,
        now: Timestamp,
    ) -> Self {
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        let hello = ServerMessage::Hello {
            connection: connection.to_owned(),
            version: frame::VERSION,
            heartbeat_ms: options.heartbeat_ms,
            max_message_bytes: options.max_message_bytes,
            max_subscriptions: options.max_subscriptions,
        };
        Self {
            options,
            metrics,
            caller,
            bell,
            key,
            outbox: VecDeque::from([Frame::of(&hello)]),
            requests: VecDeque::new(),
            asked: VecDeque::new(),
            commands: 0,
            serial: 0,
            subscriptions: BTreeMap::new(),
            names: HashMap::new(),
            attaching: HashMap::new(),
            positions: HashMap::new(),
            lanes: Slab::new(),
            jobs: HashMap::new(),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
            reads: 0,
            read_queue: VecDeque::new(),
            last_sent: now,
            mistakes: VecDeque::new(),
            closing: None,
        }
    }

    /// Positions that the reader holds of jobs that a selector may bring; those that it brings go on
    /// there.
    pub fn resume(&mut self, positions: impl IntoIterator<Item = (JobId, Cursor)>) {
        self.positions.extend(positions);
    }

    /// Whether another client message may be handed over. While it is not so, its answers have not
    /// been taken.
    pub fn wants_messages(&self) -> bool {
        self.outbox.len() + self.commands < ANSWERS
    }

    /// Whether a subscription stands.
    pub fn has_subscriptions(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Whether something asked for has not been answered yet.
    pub fn is_waiting(&self) -> bool {
        !self.attaching.is_empty()
            || self.reads > 0
            || self.subscriptions.values().any(|subscription| subscription.surveying)
    }

    /// Takes what its bell rang. A ring that was meant for a session that had the number before is
    /// a needless look.
    pub fn handle_ring(&mut self, ring: Ring) {
        match ring.dirty {
            Dirty::Lane(key) => self.make_ready(key),
            Dirty::Feed(subscription) => self.look_at_feed(subscription),
        }
    }

    /// Whose session it is.
    pub fn caller(&self) -> &Arc<Owner> {
        &self.caller
    }

    /// The bell that rings for it, and the number under which it does.
    pub(crate) fn bell(&self) -> (&Arc<Bell>, u32) {
        (&self.bell, self.key)
    }

    /// The next thing that has to be done.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// The next command to carry out.
    pub fn poll_command(&mut self) -> Option<AskedCommand> {
        self.asked.pop_front()
    }

    /// The next frame to send.
    pub fn poll_frame(&mut self, now: Timestamp) -> Option<Frame> {
        let Some(frame) = self.next_frame(now) else {
            self.rest();
            return None;
        };
        self.metrics.sent(frame.kind());
        self.last_sent = now;
        Some(frame)
    }

    /// The code to close with, once every frame was taken.
    pub fn poll_close(&self) -> Option<CloseCode> {
        self.closing.filter(|_| self.outbox.is_empty())
    }

    /// When to come back at the latest.
    pub fn next_deadline(&self) -> Timestamp {
        let heartbeat = self.last_sent.plus(self.options.heartbeat_ms);
        self.timers.first().map_or(heartbeat, |(due, _)| heartbeat.min(*due))
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
        self.outbox.push_back(Frame::of(&ServerMessage::Closing { reason, retry_ms }));
        self.ready.clear();
        self.timers.clear();
        self.requests.clear();
        self.asked.clear();
    }

    /// Takes the answer to a command.
    pub fn handle_command_answer(&mut self, id: &str, outcome: Result<Value, Problem>) {
        self.commands = self.commands.saturating_sub(1);
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

    fn answer(&mut self, message: &ServerMessage) {
        if self.closing.is_none() {
            self.outbox.push_back(Frame::of(message));
        }
    }

    fn next_frame(&mut self, now: Timestamp) -> Option<Frame> {
        if let Some(frame) = self.outbox.pop_front() {
            return Some(frame);
        }
        if self.closing.is_some() {
            return None;
        }
        while let Some((due, key)) = self.timers.first().copied() {
            if due > now {
                break;
            }
            self.timers.pop_first();
            self.make_ready(key);
        }
        // A feed may have refused jobs, which is told in the outbox.
        if let Some(frame) = self.outbox.pop_front() {
            return Some(frame);
        }
        while let Some(key) = self.next_ready() {
            if let Some(frame) = self.visit(key, now) {
                return Some(frame);
            }
        }
        if self.last_sent > now {
            self.last_sent = now;
        }
        (now.since(self.last_sent) >= self.options.heartbeat_ms)
            .then(|| Frame::of(&ServerMessage::Heartbeat { at: now }))
    }

    /// Gives back the room that a beginning or a conversation needed: most of its life a session
    /// waits for its jobs to move.
    fn rest(&mut self) {
        if self.outbox.is_empty() {
            self.outbox = VecDeque::new();
        }
        if self.requests.is_empty() {
            self.requests = VecDeque::new();
        }
        if self.asked.is_empty() {
            self.asked = VecDeque::new();
        }
        if self.attaching.is_empty() {
            self.attaching = HashMap::new();
        }
    }

    /// The next lane to look at: one that waits for a read only when there is room for another, for
    /// those before it may have gone without one.
    fn next_ready(&mut self) -> Option<u32> {
        if let Some(key) = self.ready.pop_front() {
            return Some(key);
        }
        if self.reads < READS { self.read_queue.pop_front() } else { None }
    }

    /// Looks at one lane.
    fn visit(&mut self, key: u32, now: Timestamp) -> Option<Frame> {
        let max_lag = self.options.max_event_lag;
        let lane = self.lanes.get_mut(key as usize)?;
        lane.ready = false;
        if let Some(due) = lane.timer.take() {
            self.timers.remove(&(due, key));
        }
        if lane.reading.is_some() {
            return None;
        }
        match lane.next(now, max_lag, &self.metrics) {
            Step::Frame(frame) => {
                let ended = frame.kind() == FrameKind::End;
                self.make_ready(key);
                if ended {
                    self.leave_if_over(key);
                }
                Some(frame)
            }
            Step::Wait(due) => {
                lane.rest();
                lane.timer = Some(due);
                self.timers.insert((due, key));
                None
            }
            Step::Read(after) => {
                self.read(key, after);
                None
            }
            Step::Idle => {
                lane.rest();
                None
            }
        }
    }

    fn make_ready(&mut self, key: u32) {
        if let Some(lane) = self.lanes.get_mut(key as usize)
            && !lane.ready
        {
            lane.ready = true;
            self.ready.push_back(key);
        }
    }

    fn read(&mut self, key: u32, after: u64) {
        let Some(lane) = self.lanes.get_mut(key as usize) else { return };
        if self.reads >= READS {
            if !self.read_queue.contains(&key) {
                self.read_queue.push_back(key);
            }
            return;
        }
        self.reads += 1;
        lane.reading = Some(after);
        let job = lane.job().clone();
        self.requests.push_back(Request::Read { lane: key, job, after });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        let standing = self.subscriptions.len() as u64;
        self.metrics.subscriptions.fetch_sub(standing, Ordering::Relaxed);
    }
}
