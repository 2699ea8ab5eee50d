//! The stream over Server-Sent Events, for where a WebSocket does not get through.

use std::collections::VecDeque;

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, Response, Url};

use super::connection::Signal;
use super::session::{Address, Close};
use crate::jobs::append;
use crate::token::Issued;
use crate::{Client, Error};

/// The largest event that is read; a snapshot carries a result of at most 1 MiB beside the rest.
const EVENT_BYTES: usize = 4 * 1024 * 1024;

/// A stream that stands.
#[derive(Debug)]
pub(super) struct Events {
    response: Response,
    reader: EventReader,
    /// What came and was not taken yet: the rest of one chunk.
    read: VecDeque<String>,
}

/// Connects.
pub(super) async fn connect(
    client: Client,
    issued: Option<Issued>,
    address: Address,
) -> Result<Box<Events>, Close> {
    let request = client.request(Method::GET, url(&client, &address));
    let request = request.header(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let response = client.send_signed(request, issued.as_ref()).await.map_err(Close::Failed)?;
    if response.status() == reqwest::StatusCode::NO_CONTENT {
        return Err(Close::Seen);
    }
    Ok(Box::new(Events { response, reader: EventReader::default(), read: VecDeque::new() }))
}

/// What comes next.
///
/// Cancel safety: a dropped call loses nothing.
pub(super) async fn next(client: &Client, events: &mut Events) -> Signal {
    if let Some(text) = events.read.pop_front() {
        return Signal::Text(text);
    }
    let failed = |error| Signal::Closed(Close::Failed(error));
    let chunk = match events.response.chunk().await {
        Ok(Some(chunk)) => chunk,
        Ok(None) => return failed(client.not_understood("the stream broke off")),
        Err(error) => return failed(client.unreachable(error)),
    };
    match events.reader.push(&chunk) {
        Some(read) => events.read.extend(read),
        None => return failed(client.not_understood("an event is too large")),
    }
    events.read.pop_front().map_or(Signal::Activity, Signal::Text)
}

/// Where a stream is.
pub(super) fn url(client: &Client, address: &Address) -> Url {
    let mut url = match &address.job {
        Some(job) => client.address(&["jobs", job.as_str(), "stream"]),
        None => client.address(&["stream"]),
    };
    let query: Vec<_> =
        address.query.iter().map(|(name, value)| (*name, Some(value.as_str()))).collect();
    append(&mut url, &query);
    url
}

/// The data of a stream's first event.
pub(crate) async fn first_data(client: &Client, mut response: Response) -> Result<String, Error> {
    let mut lines = EventReader::default();
    loop {
        let chunk = response.chunk().await.map_err(|error| client.unreachable(error))?;
        let chunk = chunk.ok_or_else(|| client.not_understood("the stream broke off"))?;
        let events = lines.push(&chunk);
        let events = events.ok_or_else(|| client.not_understood("an event is too large"))?;
        if let Some(first) = events.into_iter().next() {
            return Ok(first);
        }
    }
}

/// Cuts a byte stream into the `data` of its events (WHATWG HTML, section 9.2.6). Event names and
/// ids are inside the data as well, so that they are passed over.
#[derive(Debug, Default)]
struct EventReader {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_return: bool,
}

impl EventReader {
    /// The events that `bytes` complete; `None` when one is too large to be read.
    fn push(&mut self, bytes: &[u8]) -> Option<Vec<String>> {
        let mut events = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.end_line(&mut events),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > EVENT_BYTES {
                return None;
            }
        }
        Some(events)
    }

    fn end_line(&mut self, events: &mut Vec<String>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.has_data) {
                events.push(String::from_utf8_lossy(&data).into_owned());
            }
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&str], expected: &[&str]) {
        let mut reader = EventReader::default();
        let events: Vec<_> =
            chunks.iter().flat_map(|chunk| reader.push(chunk.as_bytes()).unwrap()).collect();
        assert_eq!(events, expected);
    }

    #[test]
    fn reads_events_however_they_are_cut() {
        check(&["event: update\nid: 1\ndata: {\"a\":1}\n\n"], &["{\"a\":1}"]);
        check(&["da", "ta: x\r", "\n\r\n", ": comment\n\n", "data:y\n\n"], &["x", "y"]);
        check(&["data: a\ndata: b\n\n"], &["a\nb"]);
        check(&["retry: 1000\n\n", "data: unfinished\n"], &[]);
        check(&["data:\n\n"], &[""]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut reader = EventReader::default();
        assert!(reader.push(&vec![b'x'; EVENT_BYTES + 1]).is_none());
    }
}
