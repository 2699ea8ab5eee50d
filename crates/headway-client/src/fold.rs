//! The document that a watcher holds, folded from the stream.

use headway_protocol::frame::ServerMessage;
use headway_protocol::patch;
use headway_protocol::{Cursor, Job};
use serde_json::Value;

/// One job as its stream tells it: a snapshot and every update that fitted.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    document: Value,
    cursor: Option<Cursor>,
    ended: bool,
}

/// What a message did to the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The document changed.
    Changed,
    /// The message is not about the state, or tells what is known.
    Unchanged,
    /// The update does not fit the position held: a snapshot is needed.
    Hole,
}

impl Watched {
    /// The document as JSON; `null` before the first snapshot.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The document, once there is one.
    pub fn job(&self) -> Option<Job> {
        serde_json::from_value(self.document.clone()).ok()
    }

    /// The position that the document shows.
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    /// Whether the attempt is over and its last state was seen.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes a message of this job's stream. An update is applied only when its `prev` is the
    /// position held, so that the document is at every moment one that the server had.
    pub fn apply(&mut self, message: &ServerMessage) -> Applied {
        match message {
            ServerMessage::Snapshot { cursor, state, .. } => {
                self.document = patch::value_of(state);
                self.cursor = Some(*cursor);
                self.ended = false;
                Applied::Changed
            }
            ServerMessage::Update { cursor, prev, patch, .. } => match self.cursor {
                Some(held) if held == *prev => {
                    patch::apply(&mut self.document, patch);
                    if let Value::Object(members) = &mut self.document {
                        members.insert("cursor".to_owned(), patch::value_of(cursor));
                    }
                    self.cursor = Some(*cursor);
                    self.ended = false;
                    Applied::Changed
                }
                Some(held) if held.epoch == cursor.epoch && cursor.offset <= held.offset => {
                    Applied::Unchanged
                }
                Some(_) | None => Applied::Hole,
            },
            ServerMessage::End { .. } => {
                self.ended = true;
                Applied::Unchanged
            }
            ServerMessage::Hello { .. }
            | ServerMessage::Subscribed { .. }
            | ServerMessage::Event { .. }
            | ServerMessage::Gap { .. }
            | ServerMessage::Heartbeat { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. }
            | ServerMessage::Unknown => Applied::Unchanged,
        }
    }
}

#[cfg(test)]
mod tests {
    use headway_protocol::Percent;
    use serde_json::json;

    use super::*;

    fn message(value: Value) -> ServerMessage {
        serde_json::from_value(value).unwrap()
    }

    fn snapshot(offset: u64) -> ServerMessage {
        let cursor = format!("0000000a-{offset}");
        message(json!({
            "type": "snapshot", "job": "j", "cursor": cursor,
            "state": {
                "id": "j", "kind": "k", "status": "running", "attempt": 1, "phase": "one",
                "owner": {"tenant": "default"}, "cursor": cursor,
                "created_at": "2026-01-10T09:30:00.000Z", "updated_at": "2026-01-10T09:30:00.000Z",
            },
        }))
    }

    fn update(prev: u64, offset: u64, patch: &Value) -> ServerMessage {
        message(json!({
            "type": "update", "job": "j", "prev": format!("0000000a-{prev}"),
            "cursor": format!("0000000a-{offset}"), "patch": patch,
        }))
    }

    #[test]
    fn updates_fold_only_where_they_fit() {
        let mut watched = Watched::default();
        assert_eq!(watched.apply(&update(1, 2, &json!({}))), Applied::Hole);
        assert_eq!(watched.apply(&snapshot(3)), Applied::Changed);
        let half = json!({"progress": {"percent": 50.0}, "phase": null});
        assert_eq!(watched.apply(&update(3, 5, &half)), Applied::Changed);
        let job = watched.job().unwrap();
        assert_eq!(job.progress.percent, Some(Percent::new(50.0).unwrap()));
        assert_eq!(job.phase, None);
        assert_eq!(Some(job.cursor), watched.cursor());

        assert_eq!(watched.apply(&update(3, 5, &json!({"phase": "old"}))), Applied::Unchanged);
        assert_eq!(watched.apply(&update(6, 7, &json!({"phase": "far"}))), Applied::Hole);
        assert_eq!(watched.job().unwrap().phase, None);
    }

    #[test]
    fn an_update_after_the_end_is_a_new_attempt() {
        let mut watched = Watched::default();
        watched.apply(&snapshot(3));
        watched.apply(&message(json!({
            "type": "end", "job": "j", "cursor": "0000000a-3", "status": "failed",
        })));
        assert!(watched.has_ended());
        watched.apply(&update(3, 4, &json!({"attempt": 2})));
        assert!(!watched.has_ended());
    }
}
