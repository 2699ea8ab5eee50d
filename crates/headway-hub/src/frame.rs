//! Frames: messages in the form in which they leave, encoded once and shared.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use headway_protocol::{Cursor, JobId, ServerMessage, Timestamp};

/// The type of a frame; its word is SSE's `event`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// The first frame of a connection.
    Hello,
    /// A subscription stands.
    Subscribed,
    /// A whole document.
    Snapshot,
    /// A patch of a document.
    Update,
    /// Something that happened.
    Event,
    /// Events are missing.
    Gap,
    /// An attempt is over.
    End,
    /// The connection lives.
    Heartbeat,
    /// A client's message was carried out.
    Result,
    /// A client's message was refused.
    Error,
    /// The answer to a client's ping.
    Pong,
    /// The server is about to close.
    Closing,
}

impl FrameKind {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::Hello,
        Self::Subscribed,
        Self::Snapshot,
        Self::Update,
        Self::Event,
        Self::Gap,
        Self::End,
        Self::Heartbeat,
        Self::Result,
        Self::Error,
        Self::Pong,
        Self::Closing,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Subscribed => "subscribed",
            Self::Snapshot => "snapshot",
            Self::Update => "update",
            Self::Event => "event",
            Self::Gap => "gap",
            Self::End => "end",
            Self::Heartbeat => "heartbeat",
            Self::Result => "result",
            Self::Error => "error",
            Self::Pong => "pong",
            Self::Closing => "closing",
        }
    }
}

/// A form in which a transport writes frames. What the bytes are is the transport's business; the
/// frame only keeps them, so that all its readers share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A WebSocket message.
    Message,
    /// A WebSocket message, compressed.
    Compressed,
    /// An event of Server-Sent Events.
    Event,
    /// An event of Server-Sent Events as one chunk of an HTTP/1.1 body.
    Chunk,
}

/// One message to a watcher. A clone is the same message: its bytes are shared.
#[derive(Clone, Debug)]
pub struct Frame(Arc<Body>);

#[derive(Debug)]
struct Body {
    kind: FrameKind,
    job: Option<JobId>,
    cursor: Option<Cursor>,
    at: Option<Timestamp>,
    text: Bytes,
    /// The bytes of each [`Form`] that somebody needed so far.
    message: OnceLock<Bytes>,
    compressed: OnceLock<Bytes>,
    event: OnceLock<Bytes>,
    chunk: OnceLock<Bytes>,
}

impl Frame {
    /// Its type.
    pub fn kind(&self) -> FrameKind {
        self.0.kind
    }

    /// The job that it is about.
    pub fn job(&self) -> Option<&JobId> {
        self.0.job.as_ref()
    }

    /// The position that its reader has reached with it; SSE's `id`.
    pub fn cursor(&self) -> Option<Cursor> {
        self.0.cursor
    }

    /// Of an update: when the newest record in it was decided.
    pub fn at(&self) -> Option<Timestamp> {
        self.0.at
    }

    /// The message, JSON text in UTF-8.
    pub fn text(&self) -> &Bytes {
        &self.0.text
    }

    /// A message that is encoded for one reader: everything that is not about a job's state.
    pub fn of(message: &ServerMessage) -> Self {
        let (kind, job, cursor) = match message {
            ServerMessage::Hello { .. } => (FrameKind::Hello, None, None),
            ServerMessage::Subscribed { .. } => (FrameKind::Subscribed, None, None),
            ServerMessage::Snapshot { job, cursor, .. } => {
                (FrameKind::Snapshot, Some(job), Some(cursor))
            }
            ServerMessage::Update { job, cursor, .. } => {
                (FrameKind::Update, Some(job), Some(cursor))
            }
            ServerMessage::Event { job, cursor, .. } => (FrameKind::Event, Some(job), Some(cursor)),
            // The snapshot after a gap carries the position: whoever is cut off between the two
            // must meet the gap again.
            ServerMessage::Gap { job, .. } => (FrameKind::Gap, Some(job), None),
            ServerMessage::End { job, cursor, .. } => (FrameKind::End, Some(job), Some(cursor)),
            ServerMessage::Heartbeat { .. } => (FrameKind::Heartbeat, None, None),
            ServerMessage::Result { .. } => (FrameKind::Result, None, None),
            ServerMessage::Error { .. } | ServerMessage::Unknown => (FrameKind::Error, None, None),
            ServerMessage::Pong { .. } => (FrameKind::Pong, None, None),
            ServerMessage::Closing { .. } => (FrameKind::Closing, None, None),
        };
        let (job, cursor) = (job.cloned(), cursor.copied());
        let text = serde_json::to_vec(message).unwrap_or_default().into();
        Self::new(kind, job, cursor, None, text)
    }

    /// The frame's bytes in a form: made by the first reader who needs them, shared by all others.
    pub fn form(&self, form: Form, make: impl FnOnce(&Self) -> Bytes) -> &Bytes {
        let slot = match form {
            Form::Message => &self.0.message,
            Form::Compressed => &self.0.compressed,
            Form::Event => &self.0.event,
            Form::Chunk => &self.0.chunk,
        };
        slot.get_or_init(|| make(self))
    }

    /// A `snapshot`; `document` is JSON text.
    pub(crate) fn snapshot(job: &JobId, cursor: Cursor, document: &str) -> Self {
        let text = format!(
            r#"{{"type":"snapshot","job":"{job}","cursor":"{cursor}","state":{document}}}"#
        );
        Self::shared(FrameKind::Snapshot, job, cursor, None, text)
    }

    /// An `update` by a record's own patch, an object in JSON text without the document's `cursor`,
    /// which is added; `at` is when the record was decided.
    pub(crate) fn update(
        job: &JobId,
        cursor: Cursor,
        prev: Cursor,
        at: Timestamp,
        patch: &str,
    ) -> Self {
        let members = patch.trim_end().strip_suffix('}').unwrap_or("{").trim_end();
        let comma = if members.ends_with('{') { "" } else { "," };
        let (reached, prev) = (cursor.to_string(), prev.to_string());
        let text = [
            r#"{"type":"update","job":""#,
            job.as_str(),
            r#"","cursor":""#,
            &reached,
            r#"","prev":""#,
            &prev,
            r#"","patch":"#,
            members,
            comma,
            r#""cursor":""#,
            &reached,
            r#""}}"#,
        ]
        .concat();
        Self::shared(FrameKind::Update, job, cursor, Some(at), text)
    }

    /// A job's state in the words of a dialect, JSON text; `at` is when what is new in it was decided,
    /// for a reader who knew the rest.
    pub(crate) fn retold(job: &JobId, cursor: Cursor, at: Option<Timestamp>, text: String) -> Self {
        let kind = if at.is_some() { FrameKind::Update } else { FrameKind::Snapshot };
        Self::shared(kind, job, cursor, at, text)
    }

    /// The same message in other words, JSON text, for the one reader who has it.
    #[must_use]
    pub fn reworded(&self, text: impl Into<Bytes>) -> Self {
        let Body { kind, job, cursor, at, .. } = &*self.0;
        Self::new(*kind, job.clone(), *cursor, *at, text.into())
    }

    /// An `event`; `event` is JSON text.
    pub(crate) fn event(job: &JobId, cursor: Cursor, event: &str) -> Self {
        let text =
            format!(r#"{{"type":"event","job":"{job}","cursor":"{cursor}","event":{event}}}"#);
        Self::shared(FrameKind::Event, job, cursor, None, text)
    }

    fn shared(
        kind: FrameKind,
        job: &JobId,
        cursor: Cursor,
        at: Option<Timestamp>,
        text: String,
    ) -> Self {
        Self::new(kind, Some(job.clone()), Some(cursor), at, text.into())
    }

    fn new(
        kind: FrameKind,
        job: Option<JobId>,
        cursor: Option<Cursor>,
        at: Option<Timestamp>,
        text: Bytes,
    ) -> Self {
        Self(Arc::new(Body {
            kind,
            job,
            cursor,
            at,
            text,
            message: OnceLock::new(),
            compressed: OnceLock::new(),
            event: OnceLock::new(),
            chunk: OnceLock::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_s_patch_becomes_an_update_that_keeps_the_document_s_cursor() {
        let job: JobId = "job_1".parse().unwrap();
        let (prev, cursor) = (Cursor { epoch: 1, offset: 4 }, Cursor { epoch: 1, offset: 5 });
        for (patch, expected) in [
            (r#"{"phase":"x"}"#, serde_json::json!({"phase":"x","cursor":cursor})),
            ("{}", serde_json::json!({"cursor":cursor})),
            ("{ }", serde_json::json!({"cursor":cursor})),
        ] {
            let frame = Frame::update(&job, cursor, prev, Timestamp::from_millis(9), patch);
            assert_eq!(frame.at(), Some(Timestamp::from_millis(9)));
            let message: ServerMessage = serde_json::from_slice(frame.text()).unwrap();
            let job = job.clone();
            assert_eq!(message, ServerMessage::Update { job, cursor, prev, patch: expected });
        }
    }

    #[test]
    fn a_form_is_made_once_for_all_who_share_the_frame() {
        let frame = Frame::of(&ServerMessage::Pong { at: None });
        let shared = frame.clone();
        let made = frame.form(Form::Event, |frame| frame.text().clone());
        let again = shared.form(Form::Event, |_| panic!("it is there already"));
        assert_eq!(made.as_ptr(), again.as_ptr());
        let other = shared.form(Form::Message, |_| Bytes::from_static(b"another form"));
        assert_eq!(other, "another form");
    }

    #[test]
    fn the_words_are_those_of_the_messages() {
        for kind in FrameKind::ALL {
            let message: ServerMessage = serde_json::from_value(serde_json::json!({
                "type": kind.as_str(), "connection": "c", "version": 1, "heartbeat_ms": 1,
                "max_message_bytes": 1, "max_subscriptions": 1, "id": "1", "recovered": true,
                "was_recovering": true, "job": "j", "cursor": "00000000-1",
                "prev": "00000000-0", "patch": {}, "event": {}, "from": "00000000-0",
                "to": "00000000-1", "reason": "slow", "status": "completed",
                "at": "2026-01-10T09:30:00.000Z", "code": "c", "message": "m", "retry_ms": 1,
                "state": {"id":"j","kind":"k","status":"running","attempt":1,
                    "owner":{"tenant":"t"},"cursor":"00000000-1",
                    "created_at":"2026-01-10T09:30:00.000Z",
                    "updated_at":"2026-01-10T09:30:00.000Z"},
            }))
            .unwrap();
            assert_eq!(Frame::of(&message).kind(), kind);
        }
    }
}
