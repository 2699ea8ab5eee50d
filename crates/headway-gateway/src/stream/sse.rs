//! The stream as Server-Sent Events (WHATWG HTML, section 9.2).

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use headway_hub::{Connection, Form, Frame, FrameKind, Output};
use headway_protocol::frame::ClosingReason;
use headway_protocol::{CloseCode, Owner};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::selection::Selection;
use crate::app::App;
use crate::metrics::Connected;

/// How long a browser waits before it comes back when the connection breaks, in milliseconds.
const RETRY_MS: u64 = 1_000;

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

/// A watcher by Server-Sent Events. The body asks for the next event when those before it are gone,
/// so that a slow reader gets newer states instead of more of them.
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
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some(Bytes::from(format!("retry: {RETRY_MS}\n\n")));
        }
        loop {
            if self.stop.is_cancelled() {
                let reason = ClosingReason::ServerShuttingDown;
                self.connection.close(reason, self.retry_ms, CloseCode::Shutdown);
            }
            match self.connection.poll_now() {
                Some(Output::Frame(frame)) => {
                    self.over = self.single && frame.kind == FrameKind::End;
                    return Some(frame.form(Form::Event, event));
                }
                Some(Output::Close(_)) => {
                    self.over = true;
                    return None;
                }
                // There is no way to send a command here.
                Some(Output::Command(_)) => {}
                None => tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = self.connection.wait() => {}
                },
            }
        }
    }
}

/// One frame as one event; a heartbeat as a comment.
fn event(frame: &Frame) -> Bytes {
    if frame.kind == FrameKind::Heartbeat {
        return Bytes::from_static(b": heartbeat\n\n");
    }
    let mut text = Vec::with_capacity(frame.text.len() + 96);
    text.extend_from_slice(b"event: ");
    text.extend_from_slice(frame.kind.as_str().as_bytes());
    if let Some(cursor) = frame.cursor {
        text.extend_from_slice(format!("\nid: {cursor}").as_bytes());
    }
    // A document may have been written with line ends by its producer; each line is a `data` line.
    for line in frame.text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        text.extend_from_slice(b"\ndata: ");
        text.extend_from_slice(line);
    }
    text.extend_from_slice(b"\n\n");
    text.into()
}
