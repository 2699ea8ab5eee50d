//! Somebody who is told in a dialect, believes only messages, and complains when one is not true.

use std::sync::Arc;

use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{ClientMessage, Cursor, ServerMessage};
use serde_json::{Value, json};

use super::world::{World, session};
use crate::dialect::{Dialect, Telling};
use crate::frame::{Frame, FrameKind};
use crate::session::Session;
use crate::wake::Bell;

/// Somebody who listens.
pub(super) struct Listener {
    session: Session,
    bell: Arc<Bell>,
    dialect: Arc<Dialect>,
    interval_ms: u64,
    /// The position of the newest message.
    pub(super) last: Option<Cursor>,
    /// A message may tell what was told, or pass over something: it is the first, or a gap was told.
    fresh: bool,
    /// Nobody has promised which events come along with the next message.
    unpromised: bool,
    pub(super) ended: bool,
}

/// The whole of what there is to tell.
fn tell(telling: &Telling<'_>) -> String {
    let events: Vec<Value> =
        telling.events.iter().map(|(at, event)| json!([at.offset, event])).collect();
    json!({ "document": telling.document, "events": events, "missed": telling.missed }).to_string()
}

impl Listener {
    pub(super) fn new(world: &World, events: usize, interval_ms: u64) -> Self {
        let bell = Bell::new(|| ());
        let dialect = Arc::new(Dialect {
            name: "test",
            tell,
            events,
            heartbeat_ms: 20_000,
            ended_within_ms: None,
        });
        let mut listener = Self {
            session: session(world, &bell),
            bell,
            dialect,
            interval_ms,
            last: None,
            fresh: true,
            unpromised: true,
            ended: false,
        };
        listener.begin(world);
        listener
    }

    fn begin(&mut self, world: &World) {
        self.session.speak(Arc::clone(&self.dialect));
        let tells_events = self.dialect.events > 0;
        let subscribe = Subscribe {
            id: "1".to_owned(),
            job: Some(world.job.clone()),
            cursor: self.last.filter(|_| tells_events),
            events: Some(EventFilter::All(tells_events)),
            min_interval_ms: Some(self.interval_ms),
            ..Subscribe::default()
        };
        self.session.handle_message(ClientMessage::Subscribe(subscribe), world.now);
    }

    /// The connection breaks, and the listener comes back with what it was told last.
    pub(super) fn come_back(&mut self, world: &World) {
        self.session = session(world, &self.bell);
        (self.fresh, self.ended) = (true, false);
        self.unpromised = self.last.is_none();
        self.begin(world);
    }

    /// Listens to at most so many frames. Whether there was one.
    pub(super) fn read(&mut self, world: &World, most: usize) -> bool {
        let mut read = false;
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
            if matches!(frame.kind(), FrameKind::Snapshot | FrameKind::Update) {
                self.take(world, &frame);
            } else {
                self.hear(world, &serde_json::from_slice(frame.text()).unwrap());
            }
        }
        read
    }

    fn hear(&mut self, world: &World, message: &ServerMessage) {
        match message {
            ServerMessage::Gap { from, reason: _, .. } => {
                self.fresh = true;
                self.unpromised |= self.last != Some(*from);
            }
            ServerMessage::End { cursor, status, .. } => {
                assert_eq!(Some(*cursor), self.last, "the end comes after its state");
                assert_eq!(*status, world.status(*cursor));
                assert!(status.is_terminal() && !self.ended, "an end twice, or of nothing");
                self.ended = true;
            }
            ServerMessage::Hello { .. }
            | ServerMessage::Subscribed { .. }
            | ServerMessage::Heartbeat { .. } => {}
            ServerMessage::Snapshot { .. }
            | ServerMessage::Update { .. }
            | ServerMessage::Event { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. }
            | ServerMessage::Unknown => panic!("not in a dialect: {message:?}"),
        }
    }

    fn take(&mut self, world: &World, frame: &Frame) {
        let cursor = frame.cursor().unwrap();
        let message: Value = serde_json::from_slice(frame.text()).unwrap();
        assert_eq!(&message["document"], world.truth(cursor), "not the truth at {cursor}");
        let since = self.last.filter(|last| last.epoch == cursor.epoch);
        if let (false, Some(last)) = (self.fresh, since) {
            assert!(cursor.offset > last.offset, "told again: {cursor} after {last}");
            let passed = frame.kind() == FrameKind::Update && world.changes_between(last, cursor);
            assert!(!passed, "a change of status was passed over between {last} and {cursor}");
        }
        let events = message["events"].as_array().unwrap();
        if self.unpromised || self.dialect.events == 0 {
            assert!(events.len() <= self.dialect.events, "{} events at once", events.len());
        }
        // The newest up to the state that is told, one after the other.
        let newest = (1..=cursor.offset).rev();
        for (event, offset) in events.iter().rev().zip(newest) {
            assert_eq!(event[0], offset);
            assert_eq!(event[1]["type"], world.words[&(cursor.epoch, offset)]);
        }
        let told = events.len() as u64 + message["missed"].as_u64().unwrap();
        if let (false, Some(last), true) = (self.unpromised, since, self.dialect.events > 0) {
            assert_eq!(told, cursor.offset - last.offset, "events between {last} and {cursor}");
        }
        self.last = Some(cursor);
        (self.fresh, self.unpromised, self.ended) = (false, false, false);
    }
}
