//! The stream as Server-Sent Events (WHATWG HTML, section 9.2): how a frame is written.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use headway_hub::{Frame, FrameKind};

/// What comes first: how long a browser waits, in milliseconds, before it comes back when the
/// connection breaks.
pub(crate) const BEGINNING: &[u8] = b"retry: 1000\n\n";

/// The head of the answer.
pub(crate) fn head() -> (StatusCode, HeaderMap) {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would otherwise hold events back until its buffer is full.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (StatusCode::OK, headers.into_iter().collect())
}

/// One frame as one event; a heartbeat as a comment.
pub(crate) fn event(frame: &Frame) -> Bytes {
    if frame.kind() == FrameKind::Heartbeat {
        return Bytes::from_static(b": heartbeat\n\n");
    }
    let mut text = Vec::with_capacity(frame.text().len() + 96);
    text.extend_from_slice(b"event: ");
    text.extend_from_slice(frame.kind().as_str().as_bytes());
    if let Some(cursor) = frame.cursor() {
        text.extend_from_slice(format!("\nid: {cursor}").as_bytes());
    }
    // A document may have been written with line ends by its producer; each line is a `data` line.
    for line in frame.text().split(|byte| matches!(byte, b'\n' | b'\r')) {
        text.extend_from_slice(b"\ndata: ");
        text.extend_from_slice(line);
    }
    text.extend_from_slice(b"\n\n");
    text.into()
}
