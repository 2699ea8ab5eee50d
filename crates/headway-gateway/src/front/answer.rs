//! Answers to requests that the front serves itself, as bytes (RFC 9112, section 4).

use std::time::{Duration, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use headway_protocol::Timestamp;

use crate::problem::Refusal;

/// The last chunk of a body (RFC 9112, section 7.1).
pub(super) const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

/// What follows an answer's head.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Nothing, by its status.
    None,
    /// All of it.
    Whole(Vec<u8>),
    /// Chunks, until the last one.
    Chunks,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

impl Answer {
    /// A refusal.
    pub(super) fn refuse(refusal: Refusal) -> Self {
        let (status, headers, body) = refusal.into_parts();
        Self { status, headers, body: Body::Whole(body) }
    }

    /// An answer of JSON text.
    pub(super) fn json(body: Vec<u8>) -> Self {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Self {
            status: StatusCode::OK,
            headers: headers.into_iter().collect(),
            body: Body::Whole(body),
        }
    }

    /// Its bytes; `close` says that the connection ends with it.
    pub(super) fn into_bytes(self, close: bool, now: Timestamp) -> Bytes {
        let now = UNIX_EPOCH + Duration::from_millis(now.as_millis());
        let Self { status, headers, body } = self;
        let mut text = Vec::with_capacity(512);
        text.extend_from_slice(b"HTTP/1.1 ");
        text.extend_from_slice(status.as_str().as_bytes());
        text.push(b' ');
        text.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
        text.extend_from_slice(b"\r\n");
        for (name, value) in &headers {
            line(&mut text, name, value.as_bytes());
        }
        line(&mut text, &header::DATE, httpdate::fmt_http_date(now).as_bytes());
        if close {
            line(&mut text, &header::CONNECTION, b"close");
        }
        match body {
            Body::None => text.extend_from_slice(b"\r\n"),
            Body::Whole(body) => {
                line(&mut text, &header::CONTENT_LENGTH, body.len().to_string().as_bytes());
                text.extend_from_slice(b"\r\n");
                text.extend_from_slice(&body);
            }
            Body::Chunks => {
                line(&mut text, &header::TRANSFER_ENCODING, b"chunked");
                text.extend_from_slice(b"\r\n");
            }
        }
        text.into()
    }
}

/// One chunk of a body.
pub(super) fn chunk(content: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(content.len() + 12);
    text.extend_from_slice(format!("{:x}\r\n", content.len()).as_bytes());
    text.extend_from_slice(content);
    text.extend_from_slice(b"\r\n");
    text.into()
}

fn line(text: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    text.extend_from_slice(name.as_str().as_bytes());
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}
