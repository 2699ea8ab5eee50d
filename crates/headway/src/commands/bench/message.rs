//! A message of the stream, looked at without parsing JSON: its envelope comes first, and the load
//! knows what it put inside.

use std::fmt::Write;
use std::time::Duration;

use headway_protocol::Cursor;
use memchr::memmem;

/// What begins the text of each report of the load; the moment at which it was due follows, in
/// nanoseconds since the load began.
const DUE: &[u8] = b"\"message\":\"due ";

/// A message, as far as the load needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Snapshot {
        cursor: Cursor,
    },
    Update {
        cursor: Cursor,
        prev: Cursor,
        due: Option<Duration>,
    },
    Event {
        cursor: Cursor,
        due: Option<Duration>,
    },
    Gap,
    End,
    /// One that says nothing about a job.
    Other,
}

impl Message {
    /// Reads a message; `None` when it is not one of the protocol, or tells of an error.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let kind = text.strip_prefix(b"{\"type\":\"")?;
        let kind = kind.split(|byte| *byte == b'"').next()?;
        Some(match kind {
            b"snapshot" => Self::Snapshot { cursor: cursor(text, b"\"cursor\":\"")? },
            b"update" => Self::Update {
                cursor: cursor(text, b"\"cursor\":\"")?,
                prev: cursor(text, b"\"prev\":\"")?,
                due: due(text),
            },
            b"event" => Self::Event { cursor: cursor(text, b"\"cursor\":\"")?, due: due(text) },
            b"gap" => Self::Gap,
            b"end" => Self::End,
            b"hello" | b"subscribed" | b"heartbeat" | b"pong" => Self::Other,
            _ => return None,
        })
    }
}

/// The cursor that the acknowledgement of a report carries.
pub(super) fn acknowledged(answer: &[u8]) -> Option<Cursor> {
    cursor(answer, b"\"cursor\":\"")
}

/// Writes the text of a report that was due at a moment: about as long as what people report.
pub(super) fn write_text(text: &mut String, due: Duration) {
    let nanos = due.as_nanos();
    // Writing to a string cannot fail.
    let _written = write!(text, "due {nanos} {:<150}", "reading rows of a file and scoring each");
}

/// The cursor behind a member's first appearance.
fn cursor(text: &[u8], member: &[u8]) -> Option<Cursor> {
    let rest = text.get(memmem::find(text, member)? + member.len()..)?;
    std::str::from_utf8(rest.split(|byte| *byte == b'"').next()?).ok()?.parse().ok()
}

fn due(text: &[u8]) -> Option<Duration> {
    let rest = text.get(memmem::find(text, DUE)? + DUE.len()..)?;
    let digits = rest.split(|byte| *byte == b' ').next()?;
    Some(Duration::from_nanos(std::str::from_utf8(digits).ok()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use headway_protocol::ServerMessage;
    use serde_json::json;

    use super::*;

    const CURSOR: Cursor = Cursor { epoch: 0x1f, offset: 12 };
    const PREV: Cursor = Cursor { epoch: 0x1f, offset: 10 };

    /// The protocol's own writing of a message is what is read.
    #[track_caller]
    fn check(message: &serde_json::Value, expected: Option<Message>) {
        let message: ServerMessage = serde_json::from_value(message.clone()).unwrap();
        let text = serde_json::to_vec(&message).unwrap();
        assert_eq!(Message::read(&text), expected, "{message:?}");
    }

    #[test]
    fn messages_are_understood_without_parsing() {
        let mut text = String::new();
        write_text(&mut text, Duration::from_nanos(1_234));
        let due = Some(Duration::from_nanos(1_234));
        let job = "job_1";
        let patch = json!({"message": text, "updated_at": "x"});
        check(
            &json!({"type":"update","job":job,"cursor":CURSOR,"prev":PREV,"patch":patch}),
            Some(Message::Update { cursor: CURSOR, prev: PREV, due }),
        );
        check(
            &json!({"type":"update","job":job,"cursor":CURSOR,"prev":PREV,"patch":{"cursor":PREV}}),
            Some(Message::Update { cursor: CURSOR, prev: PREV, due: None }),
        );
        let event = json!({"type":"log","level":"info","message":text});
        check(
            &json!({"type":"event","job":job,"cursor":CURSOR,"event":event}),
            Some(Message::Event { cursor: CURSOR, due }),
        );
        check(
            &json!({"type":"gap","job":job,"from":PREV,"to":CURSOR,"reason":"slow"}),
            Some(Message::Gap),
        );
        check(
            &json!({"type":"end","job":job,"cursor":CURSOR,"status":"completed"}),
            Some(Message::End),
        );
        check(&json!({"type":"heartbeat","at":"2026-01-10T09:30:00.000Z"}), Some(Message::Other));
        check(&json!({"type":"error","code":"x","message":"y"}), None);
        assert_eq!(Message::read(b"[]"), None);
    }

    #[test]
    fn an_acknowledgement_tells_its_cursor() {
        let answer = format!(r#"{{"cursor":"{CURSOR}","status":"running","commands":[]}}"#);
        assert_eq!(acknowledged(answer.as_bytes()), Some(CURSOR));
        assert_eq!(acknowledged(b"{}"), None);
    }
}
