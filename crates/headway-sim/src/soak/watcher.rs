//! Those who watch over a network, each over one of the three transports.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use headway_protocol::frame::{EventFilter, SUBPROTOCOL, Subscribe};
use headway_protocol::{ClientMessage, Cursor, JobId};
use parking_lot::Mutex;
use serde_json::Value;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};

use super::known::{Known, report_of, report_of_event};
use crate::chance::Chance;
use crate::invariant::{Invariant, Violation};
use crate::reader::{Counts, Reader};
use crate::viewer::Viewer;

/// How long a connection may take to stand, and may be silent: the server says something every 20
/// seconds.
const PATIENCE: Duration = Duration::from_secs(40);

/// Positions whose report is remembered, for each job.
const REMEMBERED: usize = 64;

/// How somebody watches.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Several jobs over one WebSocket, each with its cursor.
    Sockets(Vec<JobId>),
    /// A selector over a WebSocket.
    Selector,
    /// One job by Server-Sent Events.
    Events(JobId),
    /// One job by polls.
    Polls(JobId),
}

/// What a watcher has come to.
#[derive(Debug)]
pub(crate) struct Progress {
    reader: Reader,
    /// The newest state that it holds of each job, and whether it was told the end.
    latest: BTreeMap<JobId, (Cursor, bool)>,
    /// The report of the last log line of each job; `None` after a gap.
    lines: BTreeMap<JobId, u64>,
    /// The report at positions it may come back to.
    reports: BTreeMap<JobId, VecDeque<(Cursor, u64)>>,
    violation: Option<Violation>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) manner: Manner,
    events: bool,
    interval_ms: u64,
    proxy: SocketAddr,
    client: reqwest::Client,
    known: Arc<Known>,
    progress: Mutex<Progress>,
    chance: Mutex<Chance>,
    /// Whether connections are made to stay.
    pub(crate) ending: AtomicBool,
}

/// Why a connection is over; a violation ends the watching.
type Over = Result<(), Violation>;

impl Watcher {
    pub(crate) fn new(
        manner: Manner,
        proxy: SocketAddr,
        client: reqwest::Client,
        known: Arc<Known>,
        mut chance: Chance,
    ) -> Self {
        let progress = Progress {
            reader: Reader::new(Viewer::of_tenant("default")),
            latest: BTreeMap::new(),
            lines: BTreeMap::new(),
            reports: BTreeMap::new(),
            violation: None,
        };
        let events = !matches!(manner, Manner::Selector) && !chance.one_in(3);
        let interval_ms = chance.pick(&[0, 0, 100, 400]).copied().unwrap_or_default();
        Self {
            manner,
            events,
            interval_ms,
            proxy,
            client,
            known,
            progress: Mutex::new(progress),
            chance: Mutex::new(chance),
            ending: AtomicBool::new(false),
        }
    }

    /// What it saw.
    pub(crate) fn counts(&self) -> Counts {
        self.progress.lock().reader.counts()
    }

    /// The promise that was broken to it.
    pub(crate) fn violation(&self) -> Option<Violation> {
        self.progress.lock().violation.clone()
    }

    /// Whether it watches a job.
    pub(crate) fn watches(&self, job: &JobId) -> bool {
        match &self.manner {
            Manner::Sockets(jobs) => jobs.contains(job),
            Manner::Selector => true,
            Manner::Events(own) | Manner::Polls(own) => own == job,
        }
    }

    /// What it holds of a job: the newest position, and whether the end was told.
    pub(crate) fn latest(&self, job: &JobId) -> Option<(Cursor, bool)> {
        self.progress.lock().latest.get(job).copied()
    }

    /// Watches for as long as it is polled, or until a promise is broken.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            let over = match &self.manner {
                Manner::Sockets(_) | Manner::Selector => self.by_socket().await,
                Manner::Events(job) => self.by_events(job).await,
                Manner::Polls(job) => self.by_poll(job).await,
            };
            if let Err(violation) = over {
                self.progress.lock().violation = Some(violation);
                return;
            }
            let pause = 10 + self.below(400);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    fn below(&self, end: u64) -> u64 {
        self.chance.lock().below(end)
    }

    /// A position to come back to a job with: mostly the last that was seen, at times an old one.
    fn cursor(&self, job: &JobId) -> Option<Cursor> {
        let cursors = self.progress.lock().reader.cursors(job, self.events);
        let newest = cursors.iter().max_by_key(|cursor| cursor.offset).copied();
        let settled = self.ending.load(Ordering::Relaxed);
        let mut chance = self.chance.lock();
        if !settled && chance.one_in(8) { chance.pick(&cursors).copied() } else { newest }
    }

    fn subscription(&self, id: &str, job: Option<&JobId>, cursor: Option<Cursor>) -> Subscribe {
        Subscribe {
            id: id.to_owned(),
            job: job.cloned(),
            all: job.is_none().then_some(true),
            cursor,
            events: Some(EventFilter::All(self.events)),
            min_interval_ms: Some(self.interval_ms),
            ..Subscribe::default()
        }
    }

    /// A connection begins with this; the report at each cursor is where the log lines go on.
    fn begin(&self, greets: bool, subscriptions: &[Subscribe]) {
        let mut progress = self.progress.lock();
        progress.reader.connect(greets);
        progress.lines.clear();
        for subscribe in subscriptions {
            progress.reader.ask(subscribe.clone());
            if let (Some(job), Some(cursor)) = (&subscribe.job, subscribe.cursor) {
                let known = progress.reports.get(job);
                let known = known.and_then(|known| known.iter().find(|(at, _)| *at == cursor));
                if let Some((_, report)) = known.copied() {
                    progress.lines.insert(job.clone(), report);
                }
            }
        }
    }

    fn take(&self, text: &[u8]) -> Over {
        self.progress.lock().take(text, &self.known, self.events)
    }

    async fn by_socket(&self) -> Over {
        let subscriptions: Vec<Subscribe> = match &self.manner {
            Manner::Sockets(jobs) => jobs
                .iter()
                .map(|job| self.subscription(job.as_str(), Some(job), self.cursor(job)))
                .collect(),
            Manner::Selector | Manner::Events(_) | Manner::Polls(_) => {
                vec![self.subscription("all", None, None)]
            }
        };
        self.begin(true, &subscriptions);
        let url = format!("ws://{}/api/v1/stream", self.proxy);
        let Ok(mut request) = url.into_client_request() else { return Ok(()) };
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        let connecting = tokio::time::timeout(PATIENCE, connect_async(request)).await;
        let Ok(Ok((mut socket, _))) = connecting else { return Ok(()) };
        for subscribe in subscriptions {
            let message = serde_json::to_string(&ClientMessage::Subscribe(subscribe));
            if socket.send(Message::text(message.unwrap_or_default())).await.is_err() {
                return Ok(());
            }
        }
        loop {
            match tokio::time::timeout(PATIENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => self.take(text.as_bytes())?,
                Ok(Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                ))) => {}
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return Ok(()),
            }
            if self.is_slow() {
                tokio::time::sleep(Duration::from_millis(self.below(1_500))).await;
            }
        }
    }

    /// Now and then it stops to read.
    fn is_slow(&self) -> bool {
        !self.ending.load(Ordering::Relaxed) && self.below(300) == 0
    }

    async fn by_events(&self, job: &JobId) -> Over {
        let cursor = self.cursor(job);
        self.begin(true, &[self.subscription(job.as_str(), Some(job), cursor)]);
        let mut request =
            self.client.get(self.address(job, None)).header(header::ACCEPT, "text/event-stream");
        if let Some(cursor) = cursor {
            request = request.header("last-event-id", cursor.to_string());
        }
        let Ok(Ok(response)) = tokio::time::timeout(PATIENCE, request.send()).await else {
            return Ok(());
        };
        if response.status() != reqwest::StatusCode::OK {
            return Ok(());
        }
        let mut body = response.bytes_stream();
        let mut waiting = Vec::new();
        while let Ok(Some(Ok(bytes))) = tokio::time::timeout(PATIENCE, body.next()).await {
            waiting.extend_from_slice(&bytes);
            while let Some(end) = waiting.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = waiting.drain(..end + 2).collect();
                let data = event.split(|byte| *byte == b'\n').find_map(|line| {
                    line.strip_prefix(b"data: ").or_else(|| line.strip_prefix(b"data:"))
                });
                if let Some(data) = data {
                    self.take(data)?;
                }
            }
        }
        Ok(())
    }

    async fn by_poll(&self, job: &JobId) -> Over {
        let cursor = self.cursor(job);
        self.begin(false, &[self.subscription(job.as_str(), Some(job), cursor)]);
        self.progress.lock().reader.assume_standing(job.as_str());
        let request = self.client.get(self.address(job, cursor)).timeout(PATIENCE);
        let Ok(response) = request.send().await else { return Ok(()) };
        if response.status() != reqwest::StatusCode::OK {
            return Ok(());
        }
        let Ok(answer) = response.json::<Value>().await else { return Ok(()) };
        for frame in answer.get("frames").and_then(Value::as_array).into_iter().flatten() {
            self.take(frame.to_string().as_bytes())?;
        }
        Ok(())
    }

    fn address(&self, job: &JobId, cursor: Option<Cursor>) -> String {
        let (proxy, events, interval) = (self.proxy, self.events, self.interval_ms);
        let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        format!(
            "http://{proxy}/api/v1/jobs/{job}/stream?events={events}&min_interval_ms={interval}\
             &wait_ms=3000{cursor}"
        )
    }
}

impl Progress {
    fn take(&mut self, text: &[u8], known: &Known, events: bool) -> Over {
        self.reader.take(text, None, known)?;
        let frame: Value = serde_json::from_slice(text).unwrap_or_default();
        let word = |member: &str| frame.get(member).and_then(Value::as_str).unwrap_or_default();
        let Ok(job) = word("job").parse::<JobId>() else { return Ok(()) };
        let kind = word("type");
        if kind == "gap" {
            self.lines.remove(&job);
            return Ok(());
        }
        let Ok(cursor) = word("cursor").parse::<Cursor>() else { return Ok(()) };
        let report = match kind {
            "event" => {
                let event = frame.get("event").unwrap_or(&Value::Null);
                let report = report_of_event(event);
                if event.get("type").is_some_and(|kind| kind == "log") {
                    self.judge_line(&job, cursor, report)?;
                }
                report
            }
            "snapshot" | "update" => {
                self.latest.insert(job.clone(), (cursor, false));
                let report = self.reader.held(&job).and_then(|(_, document)| report_of(document));
                if events {
                    self.judge_state(&job, cursor, report)?;
                }
                report
            }
            _ => {
                self.latest.insert(job, (cursor, true));
                return Ok(());
            }
        };
        if let Some(report) = report {
            self.lines.insert(job.clone(), report);
            let known = self.reports.entry(job).or_default();
            known.push_back((cursor, report));
            if known.len() > REMEMBERED {
                known.pop_front();
            }
        }
        Ok(())
    }

    /// Every report has one log line, so that their numbers follow each other.
    fn judge_line(&self, job: &JobId, at: Cursor, report: Option<u64>) -> Over {
        match (self.lines.get(job), report) {
            (Some(last), Some(report)) if last + 1 != report => {
                let how = format!("{job} at {at}: the line of report {report} after {last}");
                Err(Invariant::EventsWhole.broken(how))
            }
            _ => Ok(()),
        }
    }

    /// A state comes after the lines of its report, and before those of the next.
    fn judge_state(&self, job: &JobId, at: Cursor, report: Option<u64>) -> Over {
        match (self.lines.get(job), report) {
            (Some(last), Some(report)) if *last != report => {
                let how = format!("{job} at {at}: the state of report {report}, lines to {last}");
                Err(Invariant::EventsBeforeState.broken(how))
            }
            _ => Ok(()),
        }
    }
}
