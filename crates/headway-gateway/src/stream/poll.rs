//! The stream as a long poll: what happened since a cursor, in one answer.

use bytes::{BufMut, BytesMut};
use headway_hub::{Frame, FrameKind};
use headway_protocol::{Cursor, JobId};

use super::selection::write_positions;
use crate::problem::Refusal;
use crate::query::Query;

/// How long a poll waits when the request does not say, and at the most, in milliseconds.
const WAIT_MS: (u64, u64) = (25_000, 60_000);

/// An answer ends at this many bytes; the next poll brings the rest.
const ANSWER_BYTES: usize = 1024 * 1024;

/// How long a request wants to wait, in milliseconds.
pub(crate) fn wait_ms(query: &Query) -> Result<u64, Refusal> {
    let wait_ms = query.read("wait_ms")?.unwrap_or(WAIT_MS.0);
    if wait_ms > WAIT_MS.1 {
        let detail = format!("`wait_ms` must be 0 to {}", WAIT_MS.1);
        return Err(Refusal::invalid("wait_ms", detail));
    }
    Ok(wait_ms)
}

/// The frames of an answer in the making. Without frames it owns no memory beside itself.
#[derive(Debug)]
pub(crate) struct Collected {
    frames: BytesMut,
    cursor: Option<Cursor>,
}

impl Collected {
    /// An answer to somebody who holds this position.
    pub(crate) fn new(cursor: Option<Cursor>) -> Self {
        Self { frames: BytesMut::new(), cursor }
    }

    /// Adds a frame. Whether the answer is long enough.
    pub(crate) fn add(&mut self, frame: &Frame) -> bool {
        match frame.kind() {
            // What is about a connection means nothing to one that ends with its answer.
            FrameKind::Hello
            | FrameKind::Subscribed
            | FrameKind::Heartbeat
            | FrameKind::Pong
            | FrameKind::Result
            | FrameKind::Closing => return false,
            FrameKind::Snapshot
            | FrameKind::Update
            | FrameKind::Event
            | FrameKind::Gap
            | FrameKind::End
            | FrameKind::Error => {}
        }
        if self.has_frames() {
            self.frames.put_u8(b',');
        }
        self.frames.put_slice(frame.text());
        self.cursor = frame.cursor().or(self.cursor);
        self.frames.len() >= ANSWER_BYTES
    }

    /// Whether there is anything to tell.
    pub(crate) fn has_frames(&self) -> bool {
        !self.frames.is_empty()
    }

    /// The answer. `positions` are those of all jobs that are watched, for a poll over many.
    pub(crate) fn finish<'a>(
        &self,
        one_job: bool,
        positions: impl Iterator<Item = (&'a JobId, Cursor)>,
    ) -> Vec<u8> {
        let cursor = if one_job {
            self.cursor.map(|cursor| cursor.to_string()).unwrap_or_default()
        } else {
            write_positions(positions)
        };
        let mut text = Vec::with_capacity(self.frames.len() + cursor.len() + 32);
        text.extend_from_slice(b"{\"frames\":[");
        text.extend_from_slice(&self.frames);
        // A cursor has no sign that JSON would escape.
        text.extend_from_slice(format!("],\"cursor\":\"{cursor}\"}}").as_bytes());
        text
    }
}
