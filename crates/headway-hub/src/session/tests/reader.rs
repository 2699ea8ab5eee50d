//! Somebody who believes only frames, and complains as soon as one breaks a promise.

use std::sync::Arc;

use headway_protocol::frame::{EventFilter, GapReason, Subscribe};
use headway_protocol::{ClientMessage, Cursor, ServerMessage, Timestamp, patch};
use serde_json::Value;

use super::world::{World, session};
use crate::frame::FrameKind;
use crate::session::Session;
use crate::wake::Bell;

/// Somebody who watches.
pub(super) struct Reader {
    pub(super) session: Session,
    pub(super) bell: Arc<Bell>,
    pub(super) wanted: Option<EventFilter>,
    pub(super) interval_ms: u64,
    /// The document that the frames folded to.
    pub(super) document: Value,
    pub(super) held: Option<Cursor>,
    /// Every wanted event up to here was given, or a gap told of it.
    pub(super) events_at: Option<Cursor>,
    /// The cursor of the newest frame that had one.
    pub(super) last: Option<Cursor>,
    /// A gap was told; the next frame must be a snapshot.
    pub(super) after_gap: bool,
    /// A snapshot may come without a gap: the subscription has just begun.
    pub(super) fresh: bool,
    pub(super) ended: bool,
    pub(super) last_state_at: Option<Timestamp>,
}

impl Reader {
    pub(super) fn new(world: &World, wanted: Option<EventFilter>, interval_ms: u64) -> Self {
        let bell = Bell::new(|| ());
        let mut reader = Self {
            session: session(world, &bell),
            bell,
            wanted,
            interval_ms,
            document: Value::Null,
            held: None,
            events_at: None,
            last: None,
            after_gap: false,
            fresh: true,
            ended: false,
            last_state_at: None,
        };
        reader.subscribe(world);
        reader
    }

    pub(super) fn subscribe(&mut self, world: &World) {
        let subscribe = Subscribe {
            id: "1".to_owned(),
            job: Some(world.job.clone()),
            cursor: self.last,
            events: self.wanted.clone(),
            min_interval_ms: Some(self.interval_ms),
            ..Subscribe::default()
        };
        self.session.handle_message(ClientMessage::Subscribe(subscribe), world.now);
    }

    /// The connection breaks, and the reader comes back with what it saw last.
    pub(super) fn come_back(&mut self, world: &World) {
        self.session = session(world, &self.bell);
        self.events_at = self.last;
        self.after_gap = false;
        self.fresh = true;
        self.ended = false;
        self.last_state_at = None;
        self.subscribe(world);
    }

    pub(super) fn wants(&self, word: &str) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.wants(word))
    }

    /// Whether a wanted event lies after one position and not after another.
    pub(super) fn misses(&self, world: &World, epoch: u32, after: u64, until: u64) -> bool {
        let between = (epoch, after + 1)..=(epoch, until.max(after + 1));
        until > after && world.words.range(between).any(|(_, word)| self.wants(word))
    }

    /// Reads at most so many frames. Whether there was one.
    pub(super) fn read(&mut self, world: &World, most: usize) -> bool {
        let mut read = false;
        // Those of a session that this one replaced are among them.
        let mut rings = Vec::new();
        self.bell.take(&mut rings);
        for ring in rings {
            self.session.handle_ring(ring);
        }
        for _ in 0..most {
            world.serve(&mut self.session);
            let Some(frame) = self.session.poll_frame(world.now) else {
                if self.session.busy.as_ref().is_none_or(|busy| busy.requests.is_empty()) {
                    break;
                }
                continue;
            };
            read = true;
            if let Some(cursor) = frame.cursor() {
                self.last = Some(cursor);
            }
            if frame.kind() == FrameKind::Snapshot {
                let mut message: Value = serde_json::from_slice(frame.text()).unwrap();
                self.after_gap = false;
                self.snapshot(world, frame.cursor().unwrap(), message["state"].take());
            } else {
                assert!(!self.after_gap, "a snapshot follows a gap: {frame:?}");
                self.take(world, serde_json::from_slice(frame.text()).unwrap());
            }
        }
        read
    }

    pub(super) fn take(&mut self, world: &World, message: ServerMessage) {
        match message {
            ServerMessage::Snapshot { .. } | ServerMessage::Unknown => panic!("{message:?}"),
            ServerMessage::Update { cursor, prev, patch, .. } => {
                assert_eq!(Some(prev), self.held, "an update whose `prev` is not held");
                let passed = world.changes_between(prev, cursor);
                assert!(!passed, "a change of status was passed over");
                patch::apply(&mut self.document, &patch);
                // What leads to a change of status is not held back, in two frames if need be.
                let end = Cursor { offset: u64::MAX, ..cursor };
                self.state(world, cursor, world.changes_between(prev, end));
            }
            ServerMessage::Event { cursor, event, .. } => {
                let at = self.events_at.expect("an event before the first snapshot");
                assert_eq!(at.epoch, cursor.epoch);
                assert!(cursor.offset > at.offset, "an event came twice: {cursor} after {at}");
                let missed = self.misses(world, at.epoch, at.offset, cursor.offset - 1);
                assert!(!missed, "an event was skipped between {at} and {cursor}");
                let kind = &world.words[&(cursor.epoch, cursor.offset)];
                assert_eq!(event["type"], *kind);
                assert!(self.wants(kind), "nobody asked for {kind}");
                self.events_at = Some(cursor);
            }
            ServerMessage::Gap { from, to, reason, .. } => {
                match reason {
                    GapReason::Epoch => assert!(from.epoch != to.epoch || from.offset > to.offset),
                    GapReason::Retention => assert!(from.offset < world.trimmed_to),
                    GapReason::Slow => assert!(from.offset < to.offset),
                    GapReason::Unknown => panic!("a reason that nobody knows"),
                }
                self.events_at = Some(to);
                self.after_gap = true;
                self.fresh = true;
            }
            ServerMessage::End { cursor, status, .. } => {
                assert_eq!(Some(cursor), self.held, "the end comes after its state");
                assert_eq!(status, world.status(cursor));
                assert!(status.is_terminal() && !self.ended, "an end twice, or of nothing");
                self.ended = true;
            }
            ServerMessage::Subscribed { was_recovering, .. } => {
                assert_eq!(was_recovering, self.last.is_some());
            }
            ServerMessage::Hello { .. } | ServerMessage::Heartbeat { .. } => {}
            ServerMessage::Result { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. } => panic!("nobody asked: {message:?}"),
        }
    }

    pub(super) fn snapshot(&mut self, world: &World, cursor: Cursor, state: Value) {
        if let (false, Some(held)) = (self.fresh, self.held) {
            let passed = world.changes_between(held, cursor);
            let told = self.wanted == Some(EventFilter::All(true));
            assert!(!passed || told, "a change of status was passed over without a gap");
        }
        self.document = state;
        self.state(world, cursor, true);
        self.fresh = false;
    }

    /// What holds of both state frames.
    pub(super) fn state(&mut self, world: &World, cursor: Cursor, free: bool) {
        assert_eq!(self.document, world.document(cursor), "not the truth at {cursor}");
        if let Some(at) = self.events_at.filter(|at| at.epoch == cursor.epoch) {
            let missed = self.misses(world, at.epoch, at.offset, cursor.offset);
            assert!(!missed, "{cursor} came before an event after {at}");
        }
        if self.events_at.is_none_or(|at| at.offset < cursor.offset || at.epoch != cursor.epoch) {
            self.events_at = Some(cursor);
        }
        if let (Some(last), false) = (self.last_state_at, free) {
            let early = world.now.since(last) < self.interval_ms;
            assert!(!early, "two state frames within {} ms", self.interval_ms);
        }
        if let (true, false, Some(held)) = (self.ended, self.fresh, self.held) {
            let after = Cursor { offset: cursor.offset + 1, ..cursor };
            assert!(world.changes_between(held, after), "something followed the end");
        }
        self.ended = false;
        self.last_state_at = Some(world.now);
        self.held = Some(cursor);
    }
}
