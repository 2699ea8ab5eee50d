//! The stream as Server-Sent Events (WHATWG HTML, section 9.2).

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use headway_hub::{Connection, Frame, FrameKind, Output};
use headway_protocol::frame::ClosingReason;
use headway_protocol::{CloseCode, Owner};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::selection::Selection;
use crate::app::App;
use crate::metrics::Connected;

/// How long a browser waits before it comes back when the connection breaks, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Frames joined into one write when they are there at once.
const WRITE_BYTES: usize = 32 * 1024;

/// Answers with the stream.
pub(super) fn open(app: &App, caller: Owner, selection: Selection) -> Response {
    let mut connection = app.hub.connect(caller, &format!("sse-{}", app.number()));
    let single = selection.single;
    selection.apply(&mut connection);
    let events = Events {
        connection,
        single,
        stop: app.stop.clone(),
        retry_ms: app.retry_ms(),
        begun: false,
        over: false,
        _connected: Connected::new(&app.metrics, "sse"),
        _tracked: app.streams.token(),
    };
    let body = Body::from_stream(stream::unfold(events, |mut events| async move {
        let written = events.next().await?;
        Some((Ok::<_, std::convert::Infallible>(written), events))
    }));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would otherwise hold events back until its buffer is full.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (StatusCode::OK, headers, body).into_response()
}

/// A watcher by Server-Sent Events. The body asks for the next write when the last one is gone, so
/// that a slow reader gets newer states instead of more of them.
#[derive(Debug)]
struct Events {
    connection: Connection,
    single: bool,
    stop: CancellationToken,
    retry_ms: u64,
    begun: bool,
    over: bool,
    _connected: Connected,
    _tracked: TaskTrackerToken,
}

impl Events {
    /// The next write; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let mut text = BytesMut::new();
        if !self.begun {
            self.begun = true;
            text.put_slice(format!("retry: {RETRY_MS}\n\n").as_bytes());
        }
        loop {
            if self.stop.is_cancelled() {
                let reason = ClosingReason::ServerShuttingDown;
                self.connection.close(reason, self.retry_ms, CloseCode::Shutdown);
            }
            let Some(output) = self.connection.poll_now() else {
                if !text.is_empty() {
                    return Some(text.freeze());
                }
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = self.connection.wait() => {}
                }
                continue;
            };
            match output {
                Output::Frame(frame) => {
                    write_event(&mut text, &frame);
                    if self.single && frame.kind == FrameKind::End {
                        self.over = true;
                        return Some(text.freeze());
                    }
                    if text.len() >= WRITE_BYTES {
                        return Some(text.freeze());
                    }
                }
                Output::Close(_) => {
                    self.over = true;
                    return (!text.is_empty()).then(|| text.freeze());
                }
                // There is no way to send a command here.
                Output::Command(_) => {}
            }
        }
    }
}

/// Writes one frame as one event; a heartbeat as a comment.
fn write_event(text: &mut BytesMut, frame: &Frame) {
    if frame.kind == FrameKind::Heartbeat {
        text.put_slice(b": heartbeat\n\n");
        return;
    }
    text.reserve(frame.text.len() + 96);
    text.put_slice(b"event: ");
    text.put_slice(frame.kind.as_str().as_bytes());
    if let Some(cursor) = frame.cursor {
        text.put_slice(format!("\nid: {cursor}").as_bytes());
    }
    // A document may have been written with line ends by its producer; each line is a `data` line.
    for line in frame.text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        text.put_slice(b"\ndata: ");
        text.put_slice(line);
    }
    text.put_slice(b"\n\n");
}
