//! One job as its stream tells it: positions, and what was seen.

use headway_protocol::frame::ServerMessage;
use headway_protocol::{Cursor, JobStatus};
use serde::Deserialize;
use serde_json::Value;

/// What to do with a message about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// The reader gets it.
    News,
    /// The reader has it already, or it waits for a snapshot that was asked for.
    Known,
    /// It does not fit the position held: a snapshot is needed.
    Hole,
}

/// Where the reader is in one job.
///
/// **Invariants:** states reach the reader in a chain, each update on the position before it; each
/// event reaches it once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lane {
    /// The position of the state that the reader has.
    held: Option<Cursor>,
    /// The status in that state, unless the reader had the state from elsewhere.
    status: Option<JobStatus>,
    /// The position to come back from; `None` when a snapshot is needed.
    cursor: Option<Cursor>,
    /// The position up to which events were seen.
    event: Option<Cursor>,
    /// Where it began: older events are not for its reader.
    since: Option<Cursor>,
    ended: bool,
    /// Whether a snapshot was asked for.
    waiting: bool,
}

impl Lane {
    /// A job of which the reader has the state and the events up to a position.
    pub(crate) fn from(cursor: Option<Cursor>) -> Self {
        Self { held: cursor, cursor, event: cursor, ..Self::default() }
    }

    /// Whether the attempt is over and its end was seen.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The position and the status of the last state, where one came and nothing is missing after it.
    pub(crate) fn state(&self) -> Option<(Cursor, JobStatus)> {
        Some((self.cursor?, self.status?))
    }

    /// The server said that the end was seen. Whether that is news.
    pub(crate) fn finish(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    /// The position to come back from. Without a state to go on from, whoever reads events comes
    /// back from the last one.
    pub(crate) fn position(&self, events: bool) -> Option<Cursor> {
        let seen = if events { self.event.or(self.since) } else { None };
        self.cursor.or(seen)
    }

    /// Takes a message about this job.
    pub(crate) fn apply(&mut self, message: &ServerMessage) -> Applied {
        match message {
            ServerMessage::Snapshot { cursor, state, .. } => self.snapshot(*cursor, state.status),
            ServerMessage::Update { cursor, prev, patch, .. } => self.update(*cursor, *prev, patch),
            ServerMessage::Event { cursor, .. } => {
                let before = self.since != Some(*cursor) && reaches(self.since, *cursor);
                if reaches(self.event, *cursor) || before {
                    return Applied::Known;
                }
                self.event = Some(*cursor);
                Applied::News
            }
            ServerMessage::Gap { to, .. } => {
                // Every event up to a state comes before it.
                if reaches(self.event, *to) || reaches(self.cursor, *to) {
                    return Applied::Known;
                }
                self.event = Some(*to);
                Applied::News
            }
            ServerMessage::End { .. } if self.finish() => Applied::News,
            ServerMessage::End { .. }
            | ServerMessage::Hello { .. }
            | ServerMessage::Subscribed { .. }
            | ServerMessage::Heartbeat { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. }
            | ServerMessage::Unknown => Applied::Known,
        }
    }

    fn snapshot(&mut self, cursor: Cursor, status: JobStatus) -> Applied {
        self.waiting = false;
        let same = self.held == Some(cursor);
        if (same && self.ended) || (!same && reaches(self.held, cursor)) {
            // A subscription that was behind begins with what is known.
            self.cursor = self.held;
            return Applied::Known;
        }
        self.since = self.since.or(Some(cursor));
        (self.held, self.cursor) = (Some(cursor), Some(cursor));
        self.status = Some(status);
        self.ended = false;
        Applied::News
    }

    fn update(&mut self, cursor: Cursor, prev: Cursor, patch: &Value) -> Applied {
        if self.cursor == Some(prev) {
            (self.held, self.cursor) = (Some(cursor), Some(cursor));
            if let Some(status) = patch.get("status") {
                self.status = JobStatus::deserialize(status).ok();
            }
            self.ended = false;
            return Applied::News;
        }
        if self.waiting || reaches(self.cursor, cursor) {
            return Applied::Known;
        }
        // Every event up to a state comes before it.
        if let Some(fitted) = self.cursor.take()
            && !reaches(self.event, fitted)
        {
            self.event = Some(fitted);
        }
        self.waiting = true;
        Applied::Hole
    }
}

/// Whether a position is in the same log as `cursor` and not before it.
fn reaches(held: Option<Cursor>, cursor: Cursor) -> bool {
    held.is_some_and(|held| held.epoch == cursor.epoch && held.offset >= cursor.offset)
}
