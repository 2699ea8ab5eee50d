//! The stream as a long poll: what happened since a cursor, as soon as something did.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, BytesMut};
use headway_hub::{Connection, Frame, FrameKind, Output};
use headway_protocol::{Cursor, Owner};

use super::selection::{Selection, write_positions};
use crate::app::App;
use crate::metrics::Connected;
use crate::problem::{Answer, Refusal};
use crate::query::Query;

/// How long a poll waits when the request does not say, and at the most, in milliseconds.
const WAIT_MS: (u64, u64) = (25_000, 60_000);

/// An answer ends at this many bytes; the next poll brings the rest.
const ANSWER_BYTES: usize = 1024 * 1024;

/// Answers with the frames that there are, or with those that come first.
pub(super) async fn answer(
    app: &App,
    caller: Owner,
    selection: Selection,
    query: &Query,
) -> Answer {
    let wait_ms = query.read("wait_ms")?.unwrap_or(WAIT_MS.0);
    if wait_ms > WAIT_MS.1 {
        let detail = format!("`wait_ms` must be 0 to {}", WAIT_MS.1);
        return Err(Refusal::invalid("wait_ms", detail));
    }
    let _connected = Connected::new(&app.metrics, "poll");
    let _tracked = app.streams.token();
    let mut connection = app.hub.connect(caller, &format!("poll-{}", app.number()));
    let one = selection.is_one_job();
    let held = selection.cursor();
    selection.apply(&mut connection);
    let mut frames = Frames { text: BytesMut::from(&b"{\"frames\":["[..]), count: 0, cursor: held };
    let patience = tokio::time::sleep(Duration::from_millis(wait_ms));
    let mut patience = std::pin::pin!(patience);
    let mut patient = true;
    loop {
        match frames.take(&mut connection) {
            Taken::Full => break,
            Taken::All if connection.is_settled() && (frames.count > 0 || !patient) => break,
            Taken::All => {}
        }
        tokio::select! {
            () = connection.wait() => {}
            // Also an answer without frames waits for what was asked to be looked up.
            () = &mut patience, if patient => patient = false,
            () = app.stop.cancelled() => break,
        }
    }
    let cursor = if one {
        frames.cursor.map(|cursor| cursor.to_string()).unwrap_or_default()
    } else {
        write_positions(connection.positions())
    };
    Ok(frames.into_response(&cursor))
}

enum Taken {
    /// The answer is long enough.
    Full,
    /// There are no more now.
    All,
}

/// An answer in the making.
struct Frames {
    text: BytesMut,
    count: usize,
    cursor: Option<Cursor>,
}

impl Frames {
    fn take(&mut self, connection: &mut Connection) -> Taken {
        while let Some(output) = connection.poll_now() {
            match output {
                Output::Frame(frame) => self.add(&frame),
                Output::Close(_) => return Taken::Full,
                // There is no way to send a command here.
                Output::Command(_) => {}
            }
            if self.text.len() >= ANSWER_BYTES {
                return Taken::Full;
            }
        }
        Taken::All
    }

    fn add(&mut self, frame: &Frame) {
        match frame.kind {
            // What is about a connection means nothing to one that ends with its answer.
            FrameKind::Hello
            | FrameKind::Subscribed
            | FrameKind::Heartbeat
            | FrameKind::Pong
            | FrameKind::Result
            | FrameKind::Closing => return,
            FrameKind::Snapshot
            | FrameKind::Update
            | FrameKind::Event
            | FrameKind::Gap
            | FrameKind::End
            | FrameKind::Error => {}
        }
        if self.count > 0 {
            self.text.put_u8(b',');
        }
        self.count += 1;
        self.text.put_slice(&frame.text);
        self.cursor = frame.cursor.or(self.cursor);
    }

    fn into_response(mut self, cursor: &str) -> Response {
        // A cursor has no sign that JSON would escape.
        self.text.put_slice(format!("],\"cursor\":\"{cursor}\"}}").as_bytes());
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (StatusCode::OK, headers, self.text.freeze()).into_response()
    }
}
