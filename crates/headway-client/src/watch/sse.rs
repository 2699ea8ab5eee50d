//! The stream over Server-Sent Events, for where a WebSocket does not get through.

use std::time::Duration;

use headway_protocol::frame::EventFilter;
use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, Response, Url};

use super::{Over, Watcher};
use crate::jobs::append;
use crate::{Client, Error};

/// How long a server may be silent: its heartbeat comes every 20 s unless it is set otherwise.
const SILENCE: Duration = Duration::from_secs(75);
/// The largest event that is read; a snapshot carries a result of at most 1 MiB beside the rest.
const EVENT_BYTES: usize = 4 * 1024 * 1024;

/// Connects and hands messages on until the connection is over.
pub(crate) async fn connect(watcher: &mut Watcher) -> Over {
    if let Err(over) = watcher.token().await {
        return over;
    }
    let request = watcher.client.request(Method::GET, address(watcher));
    let request = request.header(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let mut response = match watcher.client.send_once(request).await {
        Ok(response) => response,
        Err(error) if error.is_retryable() => return Over::Lost(error),
        Err(error) if error.is_unauthenticated() => return Over::SignIn(error),
        Err(error) => return Over::Fatal(error),
    };
    if response.status() == reqwest::StatusCode::NO_CONTENT {
        return Over::Finished;
    }
    let mut lines = EventReader::default();
    let sender = watcher.sender();
    loop {
        let chunk = tokio::select! {
            chunk = tokio::time::timeout(SILENCE, response.chunk()) => chunk,
            () = Watcher::abandoned(sender.clone()) => return Over::Finished,
        };
        let chunk = match chunk {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) if watcher.session.is_finished() => return Over::Finished,
            Ok(Ok(None)) => {
                return Over::Lost(watcher.client.not_understood("the stream broke off"));
            }
            Ok(Err(error)) => return Over::Lost(watcher.client.unreachable(error)),
            Err(elapsed) => return Over::Lost(watcher.client.unreachable(elapsed)),
        };
        let Some(events) = lines.push(&chunk) else {
            return Over::Lost(watcher.client.not_understood("an event is too large"));
        };
        for event in events {
            let over = match watcher.parse(&event) {
                Ok(message) => watcher.accept(message).await,
                Err(over) => Some(over),
            };
            if let Some(over) = over {
                return over;
            }
        }
    }
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

fn address(watcher: &Watcher) -> Url {
    let session = &watcher.session;
    let mut url = match session.single() {
        Some((job, held)) => {
            let mut url = watcher.client.address(&["jobs", job.as_str(), "stream"]);
            let held = held.map(|held| held.to_string());
            append(&mut url, &[("last_event_id", held.as_deref())]);
            url
        }
        None => watcher.client.address(&["stream"]),
    };
    let subscriptions = session.subscriptions();
    if session.single().is_none() {
        for subscribe in &subscriptions {
            append(
                &mut url,
                &[
                    ("job", subscribe.job.as_ref().map(headway_protocol::JobId::as_str)),
                    ("session", subscribe.session.as_deref()),
                    ("tag", subscribe.tag.as_deref()),
                    ("all", subscribe.all.map(|_| "true")),
                ],
            );
        }
    }
    if let Some(subscribe) = subscriptions.first() {
        let events = subscribe.events.as_ref().map(|events| match events {
            EventFilter::All(all) => all.to_string(),
            EventFilter::Types(types) => types.join(","),
        });
        let interval = subscribe.min_interval_ms.map(|interval| interval.to_string());
        append(
            &mut url,
            &[("events", events.as_deref()), ("min_interval_ms", interval.as_deref())],
        );
    }
    url
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
