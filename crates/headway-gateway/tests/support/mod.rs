//! A whole server on a free port of loopback, and readers of its three transports.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use headway_gateway::{Gateway, Options};
use headway_protocol::Secret;
use headway_signin::{JwtAlgorithm, JwtKeys, JwtOptions, Modes};
use headway_store::memory::MemoryStore;
use headway_store::{Clock, Store, SystemClock};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

/// No wait of these tests is shorter; one that lasts longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The key that guarded servers are configured with.
pub(crate) const ADMIN_KEY: &str = "the-administrator-of-these-tests-0123456789";

/// What the tokens are signed with that guarded servers take.
pub(crate) const JWT_SECRET: &str = "a-secret-of-these-tests-that-is-long-enough";

pub(crate) fn signin_options() -> headway_signin::Options {
    let secret = JwtKeys::Secret(Secret::new(JWT_SECRET));
    let mut jwt = JwtOptions::new("https://issuer.example", "headway", secret, JwtAlgorithm::Hs256);
    jwt.tenant = Some("default".to_owned());
    headway_signin::Options {
        modes: Modes { keys: true, jwt: true },
        admin_key: Some(Secret::new(ADMIN_KEY)),
        jwt: Some(jwt),
        ..headway_signin::Options::default()
    }
}

pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) client: reqwest::Client,
    pub(crate) store: Arc<MemoryStore>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default(), headway_hub::Options::default()).await
    }

    pub(crate) async fn start_with(options: Options, hub: headway_hub::Options) -> Self {
        Self::start_whole(options, hub, headway_signin::Options::default()).await
    }

    /// A server that asks for keys, or for tokens that are signed with [`JWT_SECRET`].
    pub(crate) async fn start_guarded(options: Options) -> Self {
        Self::start_whole(options, headway_hub::Options::default(), signin_options()).await
    }

    pub(crate) async fn start_whole(
        options: Options,
        hub: headway_hub::Options,
        signin: headway_signin::Options,
    ) -> Self {
        Self::start_over(Arc::new(MemoryStore::new()), options, hub, signin).await
    }

    /// A server over a store that there is.
    pub(crate) async fn start_over(
        memory: Arc<MemoryStore>,
        options: Options,
        hub: headway_hub::Options,
        signin: headway_signin::Options,
    ) -> Self {
        Self::start_on(Arc::clone(&memory) as _, memory, options, hub, signin).await
    }

    /// A server over a store that puts things into `memory`.
    pub(crate) async fn start_on(
        store: Arc<dyn Store>,
        memory: Arc<MemoryStore>,
        options: Options,
        hub: headway_hub::Options,
        signin: headway_signin::Options,
    ) -> Self {
        // The client has TLS built in and wants to be told whose, also where none is spoken.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let engine = headway_engine::Options { allow_exec: true, ..Default::default() };
        let engine =
            headway_engine::Handle::start(engine, Arc::clone(&store), Arc::clone(&clock)).unwrap();
        let hub = headway_hub::Hub::start(hub, Arc::clone(&store), Arc::clone(&clock)).unwrap();
        let signin = headway_signin::Handle::start(signin, store, clock).await.unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let gateway =
            Gateway::bind(Options { listen, ..options }, engine, hub, signin).await.unwrap();
        let address = gateway.address().to_string();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(gateway.serve(stop.clone().cancelled_owned()));
        Self { address, client: reqwest::Client::new(), store: memory, stop, serving }
    }

    /// A key that the administrator of the node makes.
    pub(crate) async fn key(&self, request: Value) -> String {
        let made = self.as_caller(Method::POST, "/api/v1/keys", ADMIN_KEY).json(&request);
        let response = made.send().await.unwrap();
        let status = response.status();
        let key: Value = response.json().await.unwrap();
        assert_eq!(status, 201, "{key}");
        key["key"].as_str().unwrap().to_owned()
    }

    /// A request of somebody who has signed in.
    pub(crate) fn as_caller(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(token)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    /// Makes a job that a producer reports to.
    pub(crate) async fn job(&self, id: &str) -> Value {
        self.job_with(json!({"kind":"import","id":id})).await
    }

    /// Makes a job. A server that is woken late, as it is on a machine that has others to do as well,
    /// takes none for a time and says until when.
    pub(crate) async fn job_with(&self, body: Value) -> Value {
        let made = async {
            loop {
                let response = self.post("/api/v1/jobs", &body).await;
                let Some(after) = response.headers().get("retry-after") else { break response };
                let after = after.to_str().unwrap().parse().unwrap();
                tokio::time::sleep(Duration::from_secs(after)).await;
            }
        };
        let response = within("a server that takes new work", made).await;
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    }

    pub(crate) async fn report(&self, id: &str, events: Value) -> Value {
        let response = self.post(&format!("/api/v1/jobs/{id}/events"), &events).await;
        let status = response.status();
        let reply: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{reply}");
        reply
    }

    pub(crate) async fn document(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/jobs/{id}")).await.json().await.unwrap()
    }

    /// Stops, and waits until everything has ended.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }

    pub(crate) fn begin_stop(&self) {
        self.stop.cancel();
    }
}

/// A client each of whose requests comes by a connection of its own.
pub(crate) fn unpooled() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap()
}

/// A figure of a server, 0 where there is none. Each time by a new connection, and again when that
/// was let go: some tests give connections little time.
pub(crate) async fn metric(server: &Server, name: &str) -> u64 {
    let client = unpooled();
    let url = format!("http://{}/metrics", server.address);
    let asking = async {
        loop {
            if let Ok(response) = client.get(&url).send().await
                && let Ok(text) = response.text().await
            {
                return text;
            }
        }
    };
    let text = within("the metrics", asking).await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

/// Waits until a figure is so high.
pub(crate) async fn counted(server: &Server, name: &str, least: u64) {
    let wait = async { while metric(server, name).await < least {} };
    within(name, wait).await;
}

/// What is waited for; says so when it does not come.
pub(crate) async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// A refusal's parts that a program looks at.
pub(crate) async fn refusal(response: Response) -> (u16, String, Option<String>, Option<u64>) {
    let media = response.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    assert_eq!(media, "application/problem+json");
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status);
    let code = problem["code"].as_str().unwrap().to_owned();
    let field = problem["field"].as_str().map(str::to_owned);
    (status, code, field, problem["index"].as_u64())
}

/// Folds a reader's frames to documents, and complains when one does not fit.
#[derive(Default)]
pub(crate) struct Folded {
    pub(crate) types: Vec<String>,
    pub(crate) document: Value,
    pub(crate) cursor: Option<String>,
    pub(crate) events: Vec<Value>,
    pub(crate) end: Option<String>,
}

impl Folded {
    pub(crate) fn take(&mut self, frame: &Value) {
        let word = frame["type"].as_str().unwrap().to_owned();
        match word.as_str() {
            "snapshot" => self.document = frame["state"].clone(),
            "update" => {
                assert_eq!(frame["prev"].as_str(), self.cursor.as_deref(), "{frame}");
                headway_protocol::patch::apply(&mut self.document, &frame["patch"]);
            }
            "event" => self.events.push(frame["event"].clone()),
            "end" => self.end = Some(frame["status"].as_str().unwrap().to_owned()),
            _ => {}
        }
        if matches!(word.as_str(), "snapshot" | "update") {
            self.cursor = Some(frame["cursor"].as_str().unwrap().to_owned());
        }
        self.types.push(word);
    }
}

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) protocol: Option<String>,
    pub(crate) folded: Folded,
}

impl Socket {
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        Self::open_with(server, path, &[]).await
    }

    /// The same with more headers.
    pub(crate) async fn open_with(server: &Server, path: &str, headers: &[(&str, &str)]) -> Self {
        let address = format!("ws://{}{path}", server.address);
        let mut request = address.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "headway.v1".parse().unwrap());
        for (name, value) in headers {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (stream, response) = tokio_tungstenite::connect_async(request).await.unwrap();
        let protocol = response.headers().get("sec-websocket-protocol");
        let protocol = protocol.map(|value| value.to_str().unwrap().to_owned());
        Self { stream, protocol, folded: Folded::default() }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// Sends messages in one piece, so that the server has all of them at once.
    pub(crate) async fn send_at_once(&mut self, messages: impl IntoIterator<Item = Value>) {
        for message in messages {
            self.stream.feed(Message::text(message.to_string())).await.unwrap();
        }
        self.stream.flush().await.unwrap();
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// The next frame, or the code that the server closed with.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = within("a frame", self.stream.next()).await;
            match message {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    self.folded.take(&frame);
                    return Ok(frame);
                }
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(
                    Message::Binary(_)
                    | Message::Ping(_)
                    | Message::Pong(_)
                    | Message::Frame(_)
                    | Message::Close(None),
                )) => {}
                Some(Err(tungstenite::Error::ConnectionClosed)) | None => return Err(0),
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    /// Reads up to the frame of a type.
    pub(crate) async fn until(&mut self, word: &str) -> Value {
        self.until_any(&[word]).await
    }

    /// Reads up to a frame of one of these types.
    pub(crate) async fn until_any(&mut self, words: &[&str]) -> Value {
        loop {
            let frame = self.next().await.expect("the server closed");
            if words.iter().any(|word| frame["type"] == *word) {
                return frame;
            }
        }
    }

    /// Reads until the folded document is as wanted.
    pub(crate) async fn until_state(&mut self, wanted: impl Fn(&Value) -> bool) {
        while !wanted(&self.folded.document) {
            self.next().await.expect("the server closed");
        }
    }

    /// Reads up to the close, and answers its code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

/// A reader of Server-Sent Events.
pub(crate) struct Events {
    response: Response,
    text: String,
    pub(crate) last_id: Option<String>,
    pub(crate) folded: Folded,
}

impl Events {
    pub(crate) async fn open(server: &Server, path: &str, last_event_id: Option<&str>) -> Self {
        let request = server.request(Method::GET, path);
        Self::open_by(request, last_event_id).await
    }

    /// The same by a request of one's own.
    pub(crate) async fn open_by(request: RequestBuilder, last_event_id: Option<&str>) -> Self {
        let mut request = request.header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let folded = Folded::default();
        Self { response, text: String::new(), last_id: None, folded }
    }

    /// The next frame; `None` when the server has ended the stream.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let block = self.block().await?;
            let line = |name: &str| {
                block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
            };
            let Some(data) = line("data: ") else { continue };
            let frame: Value = serde_json::from_str(&data).unwrap();
            assert_eq!(line("event: ").as_deref(), frame["type"].as_str());
            let id = line("id: ");
            assert_eq!(id.as_deref(), frame["cursor"].as_str());
            self.last_id = id.or(self.last_id.take());
            self.folded.take(&frame);
            return Some(frame);
        }
    }

    /// Reads up to a comment.
    pub(crate) async fn until_comment(&mut self) {
        while !self.block().await.expect("the stream ended").starts_with(':') {}
    }

    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let piece = within("an event", self.response.chunk()).await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    pub(crate) async fn until(&mut self, word: &str) -> Value {
        loop {
            let frame = self.next().await.expect("the stream ended");
            if frame["type"] == word {
                return frame;
            }
        }
    }
}
