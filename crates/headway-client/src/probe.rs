//! Looking at a server from where its clients are: what it says of itself, and whether each
//! transport gets through whatever stands between.

use std::time::Duration;

use headway_protocol::frame::ServerMessage;
use headway_protocol::{Problem, Timestamp};
use reqwest::Method;
use reqwest::header::{ACCEPT, DATE, HeaderValue};
use serde_json::Value;

use crate::watch::{sse, websocket};
use crate::{Client, Error};

/// How long a stream's first words may take. A proxy that collects answers before it passes them on
/// is found by this.
const FIRST_WORDS: Duration = Duration::from_secs(5);

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Whether it takes new work.
    pub ready: bool,
    /// Why not, in its words.
    pub reason: Option<Problem>,
    /// Its clock, to the second.
    pub clock: Option<Timestamp>,
}

/// The first words of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The protocol's version.
    pub version: u32,
    /// A heartbeat comes when nothing else was sent for so long.
    pub heartbeat_ms: u64,
}

impl Client {
    /// Whether the server can be reached and takes new work. One attempt.
    pub async fn health(&self) -> Result<Health, Error> {
        let url = self.root(&["readyz"]);
        let response = self.request(Method::GET, url).send().await;
        let response = response.map_err(|error| self.unreachable(error))?;
        let clock = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let clock = clock.and_then(|date| httpdate::parse_http_date(date).ok());
        let clock = clock.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
        let clock = clock
            .and_then(|since| u64::try_from(since.as_millis()).ok())
            .map(Timestamp::from_millis);
        let ready = response.status().is_success();
        if ready {
            // Anything may answer 200; only a server of ours says these words.
            let body: Value = self.read(response).await?;
            return match body.get("status").and_then(Value::as_str) {
                Some("ready") => Ok(Health { ready, reason: None, clock }),
                Some(_) | None => Err(self.not_understood("its /readyz does not say `ready`")),
            };
        }
        let error = self.refusal(response).await;
        let reason = error.problem().filter(|problem| problem.code != "http").cloned();
        if reason.is_some() { Ok(Health { ready, reason, clock }) } else { Err(error) }
    }

    /// The version of the API that the server speaks, from its own description.
    pub async fn api_version(&self) -> Result<String, Error> {
        let request = self.request(Method::GET, self.address(&["openapi.json"]));
        let document: Value = self.read(self.send_once(request).await?).await?;
        let version = document.pointer("/info/version").and_then(Value::as_str);
        version
            .map(str::to_owned)
            .ok_or_else(|| self.not_understood("its description names no version"))
    }

    /// Opens a WebSocket, waits for its first words and closes it.
    pub async fn greet_websocket(&self) -> Result<Greeting, Error> {
        let greeting = async {
            let issued = self.tokens().current().await?;
            // A handshake is large, and this is done seldom.
            let text = Box::pin(websocket::first_text(self, issued.as_ref())).await?;
            self.greeting(&text)
        };
        self.in_time(greeting).await
    }

    /// Opens a stream of Server-Sent Events, waits for its first words and closes it.
    pub async fn greet_sse(&self) -> Result<Greeting, Error> {
        let mut url = self.address(&["stream"]);
        // A session that nobody has is watched by nobody else, and asks for no job.
        let nobody = format!("doctor-{:016x}", rand::random::<u64>());
        url.query_pairs_mut().append_pair("session", &nobody);
        let greeting = async {
            let request = self.request(Method::GET, url);
            let request = request.header(ACCEPT, HeaderValue::from_static("text/event-stream"));
            let response = self.send_once(request).await?;
            let text = sse::first_data(self, response).await?;
            self.greeting(&text)
        };
        self.in_time(greeting).await
    }

    fn greeting(&self, text: &str) -> Result<Greeting, Error> {
        match serde_json::from_str(text).map_err(|error| self.misread(&error))? {
            ServerMessage::Hello { version, heartbeat_ms, .. } => {
                Ok(Greeting { version, heartbeat_ms })
            }
            ServerMessage::Subscribed { .. }
            | ServerMessage::Snapshot { .. }
            | ServerMessage::Update { .. }
            | ServerMessage::Event { .. }
            | ServerMessage::Gap { .. }
            | ServerMessage::End { .. }
            | ServerMessage::Heartbeat { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. }
            | ServerMessage::Unknown => {
                Err(self.not_understood("its stream does not begin with `hello`"))
            }
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let within = tokio::time::timeout(FIRST_WORDS, work).await;
        within.unwrap_or_else(|elapsed| Err(self.unreachable(elapsed)))
    }
}
