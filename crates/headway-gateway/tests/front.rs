//! The front: what it does with connections before and between requests, and the limits on them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

mod support;

use std::time::Duration;

use headway_gateway::{Limits, Options};
use serde_json::{Value, json};
use support::{Server, Socket, counted, metric, unpooled, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A client that speaks HTTP/1.1 by hand, so that it decides what goes over which connection.
struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    async fn open(server: &Server) -> Self {
        Self { stream: TcpStream::connect(&server.address).await.unwrap(), read: Vec::new() }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn get(&mut self, path: &str, more: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")).await;
        self.answer().await
    }

    /// Reads up to a mark, which is taken as well; `None` when the connection ended before.
    async fn until(&mut self, mark: &str) -> Option<String> {
        loop {
            let found = self.read.windows(mark.len()).position(|window| window == mark.as_bytes());
            if let Some(at) = found {
                let taken: Vec<u8> = self.read.drain(..at + mark.len()).collect();
                // Byte for byte, because frames are read here as well.
                return Some(taken.into_iter().map(char::from).collect());
            }
            let mut buffer = [0; 4_096];
            // A connection that is reset is as gone as one that is closed.
            let length = within(mark, self.stream.read(&mut buffer)).await.unwrap_or(0);
            if length == 0 {
                return None;
            }
            self.read.extend_from_slice(&buffer[..length]);
        }
    }

    /// An answer with a length, or without a body.
    async fn answer(&mut self) -> (u16, String) {
        let head = self.until("\r\n\r\n").await.expect("an answer");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
        });
        let length: usize = length.unwrap_or(0);
        while self.read.len() < length {
            let mut buffer = [0; 4_096];
            let read = within("a body", self.stream.read(&mut buffer)).await.unwrap();
            assert!(read > 0, "a body ends early");
            self.read.extend_from_slice(&buffer[..read]);
        }
        let body: Vec<u8> = self.read.drain(..length).collect();
        (status, String::from_utf8(body).unwrap())
    }

    async fn is_gone(&mut self) -> bool {
        self.until("something that never comes").await.is_none()
    }
}

async fn with(limits: Limits) -> Server {
    let options = Options { limits, ..Options::default() };
    Server::start_with(options, headway_hub::Options::default()).await
}

#[tokio::test]
async fn one_connection_serves_requests_of_every_kind_in_turn() {
    let server = Server::start().await;
    server.job("a").await;
    let mut raw = Raw::open(&server).await;
    // The front answers polls itself, one after another.
    let (status, body) = raw.get("/api/v1/jobs/a/stream?wait_ms=0", "").await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &answer["frames"][0]["type"]), (200, &json!("snapshot")));
    let cursor = answer["cursor"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/jobs/a/stream?wait_ms=0&cursor={cursor}");
    let (status, body) = raw.get(&path, "").await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &answer["frames"], &answer["cursor"]), (200, &json!([]), &json!(cursor)));
    assert_eq!(raw.get("/api/v1/jobs/nobody/stream", "").await.0, 404);
    assert_eq!(raw.get("/api/v1/stream", "").await.0, 422);
    // Two requests in one write are answered in order, also when the second is none of the front's.
    raw.send(
        "GET /api/v1/jobs/a/stream?wait_ms=0 HTTP/1.1\r\nHost: localhost\r\n\r\n\
         GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .await;
    assert!(raw.answer().await.1.contains("snapshot"));
    assert_eq!(raw.answer().await.0, 200);
    // From here on it is another server's, which answers polls as well and hands WebSockets back.
    let (status, body) = raw.get(&path, "").await;
    assert_eq!(status, 200, "{body}");
    raw.send(
        "GET /api/v1/jobs/a/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .await;
    assert_eq!(raw.answer().await.0, 101);
    raw.until("\"type\":\"snapshot\"").await.unwrap();
    server.report("a", json!({"type":"complete"})).await;
    raw.until("\"type\":\"end\"").await.unwrap();
    assert!(raw.is_gone().await);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_of_events_ends_and_leaves_its_connection() {
    let server = Server::start().await;
    server.job("a").await;
    let mut raw = Raw::open(&server).await;
    raw.send("GET /api/v1/jobs/a/stream HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n").await;
    let head = raw.until("\r\n\r\n").await.unwrap();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert!(head.contains("x-request-id: "), "{head}");
    raw.until("event: snapshot").await.unwrap();
    server.report("a", json!({"type":"complete"})).await;
    raw.until("event: end\nid: ").await.unwrap();
    let cursor = raw.until("\n").await.unwrap();
    raw.until("\r\n0\r\n\r\n").await.unwrap();
    let seen = format!("Accept: text/event-stream\r\nLast-Event-ID: {cursor}\r\n");
    assert_eq!(raw.get("/api/v1/jobs/a/stream", &seen).await, (204, String::new()));
    server.stop().await;
}

#[tokio::test]
async fn whoever_says_that_nothing_follows_is_let_go() {
    let server = Server::start().await;
    server.job("a").await;
    let close = "Connection: close\r\n";
    for path in ["/api/v1/jobs/a/stream?wait_ms=0", "/api/v1/jobs/nobody/stream"] {
        let mut raw = Raw::open(&server).await;
        raw.send(&format!("GET {path} HTTP/1.1\r\n{close}\r\n")).await;
        assert!(raw.until("\r\n\r\n").await.unwrap().contains("connection: close"));
        assert!(raw.is_gone().await);
    }
    let mut raw = Raw::open(&server).await;
    let path = "/api/v1/jobs/a/stream";
    raw.send(&format!("GET {path} HTTP/1.1\r\nAccept: text/event-stream\r\n{close}\r\n")).await;
    raw.until("event: snapshot").await.unwrap();
    server.report("a", json!({"type":"complete"})).await;
    raw.until("\r\n0\r\n\r\n").await.unwrap();
    assert!(raw.is_gone().await);
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_at_once_leaves_all_the_same() {
    let server = Server::start().await;
    server.job("a").await;
    let text = "x".repeat(900_000);
    server.report("a", json!({"type":"complete","result":{"text":text}})).await;
    let mut raw = Raw::open(&server).await;
    for _ in 0..2 {
        let (status, body) = raw.get("/api/v1/jobs/a/stream?wait_ms=0", "").await;
        assert_eq!(status, 200);
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["frames"][0]["state"]["result"]["text"], text);
    }
    server.stop().await;
}

#[tokio::test]
async fn there_is_room_for_so_many_connections() {
    let server = with(Limits { connections: 2, ..Limits::default() }).await;
    let mut first = Raw::open(&server).await;
    assert_eq!(first.get("/healthz", "").await.0, 200);
    let mut second = Raw::open(&server).await;
    assert_eq!(second.get("/healthz", "").await.0, 200);
    let mut third = Raw::open(&server).await;
    let (status, body) = third.answer().await;
    assert_eq!(status, 503);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["code"], "overloaded");
    assert!(third.is_gone().await);
    drop(second);
    // As soon as the server has seen that one has left, there is room.
    let wait = async {
        loop {
            let mut next = Raw::open(&server).await;
            next.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            let Some(head) = next.until("\r\n\r\n").await else { continue };
            if head.starts_with("HTTP/1.1 200") {
                break next.until("headway_limits_total{limit=\"connections\"} ").await;
            }
        }
    };
    assert!(within("room", wait).await.is_some());
    server.stop().await;
}

#[tokio::test]
async fn whoever_says_nothing_is_let_go() {
    let options = Options { head_timeout: Duration::from_millis(50), ..Options::default() };
    let server = Server::start_with(options, headway_hub::Options::default()).await;
    let mut silent = Raw::open(&server).await;
    assert!(silent.is_gone().await);
    let mut slow = Raw::open(&server).await;
    slow.send("GET /api/v1/stream HTT").await;
    assert!(slow.is_gone().await);
    counted(&server, "headway_limits_total{limit=\"head\"}", 2).await;
    server.stop().await;
}

#[tokio::test]
async fn a_websocket_without_a_subscription_is_closed() {
    let idle_within = Duration::from_millis(50);
    let mut server = with(Limits { idle_within, ..Limits::default() }).await;
    // A connection of requests is let go as soon: each has one of its own.
    server.client = unpooled();
    server.job("a").await;
    let mut watching = Socket::open(&server, "/api/v1/stream?job=a").await;
    let mut idle = Socket::open(&server, "/api/v1/stream").await;
    assert_eq!(idle.until("closing").await["reason"], "idle");
    assert_eq!(idle.closed().await, 1000);
    assert_eq!(metric(&server, "headway_limits_total{limit=\"idle\"}").await, 1);
    // Whoever watches something stays, and is counted from the moment it watches nothing.
    watching.send(&json!({"type":"ping","at":1})).await;
    watching.until("pong").await;
    watching.send(&json!({"type":"unsubscribe","id":"job:a"})).await;
    assert_eq!(watching.until("closing").await["reason"], "idle");
    server.stop().await;
}

#[tokio::test]
async fn whoever_talks_too_fast_is_read_more_slowly() {
    let limits = Limits { messages_per_second: 500, message_burst: 2, ..Limits::default() };
    let server = with(limits).await;
    let mut socket = Socket::open(&server, "/api/v1/stream").await;
    socket.send_at_once((0..50).map(|at| json!({"type":"ping","at":at}))).await;
    for at in 0..50 {
        assert_eq!(socket.until("pong").await["at"], at);
    }
    counted(&server, "headway_limits_total{limit=\"messages\"}", 1).await;
    server.stop().await;
}

#[tokio::test]
async fn a_flood_that_does_not_end_is_sent_away() {
    let limits = Limits {
        messages_per_second: 1,
        message_burst: 1,
        flood_within: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = with(limits).await;
    let mut socket = Socket::open(&server, "/api/v1/stream").await;
    socket.send_at_once((0..10).map(|at| json!({"type":"ping","at":at}))).await;
    let closing = socket.until("closing").await;
    assert_eq!(closing["reason"], "rate_limited");
    assert!(closing["retry_ms"].as_u64().unwrap() > 0, "{closing}");
    assert_eq!(socket.closed().await, 4029);
    server.stop().await;
}

#[tokio::test]
async fn an_address_behind_a_trusted_proxy_has_its_own_limit() {
    let limits = Limits {
        connections_per_address: 1,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Limits::default()
    };
    let server = with(limits).await;
    server.job("a").await;
    let path = "/api/v1/jobs/a/stream";
    let of = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    let mut held = Raw::open(&server).await;
    held.send(&format!(
        "GET {path} HTTP/1.1\r\nAccept: text/event-stream\r\n{}\r\n",
        of("192.0.2.1")
    ))
    .await;
    held.until("event: snapshot").await.unwrap();
    let path = "/api/v1/jobs/a/stream?wait_ms=0";
    let mut other = Raw::open(&server).await;
    assert_eq!(other.get(path, &of("192.0.2.1")).await.0, 429);
    assert_eq!(other.get(path, &of("192.0.2.2")).await.0, 200);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert_eq!(other.get(path, &format!("{upgrade}{}", of("192.0.2.1"))).await.0, 101);
    // A browser sees the code of a close frame: 4504.
    let closed = other.until("too many connections").await.unwrap();
    assert!(closed.contains("\u{11}\u{98}"), "{closed:?}");
    drop(held);
    let wait = async {
        loop {
            let mut next = Raw::open(&server).await;
            if next.get(path, &of("192.0.2.1")).await.0 == 200 {
                break;
            }
        }
    };
    within("room", wait).await;
    server.stop().await;
}

#[tokio::test]
async fn a_session_is_watched_by_so_many_connections() {
    let server = Server::start().await;
    let path = "/api/v1/stream?session=s";
    let mut watching = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&server, path).await;
        socket.until("subscribed").await;
        watching.push(socket);
    }
    // One that has the session already may name it again.
    watching[0].send(&json!({"type":"subscribe","id":"again","session":"s"})).await;
    watching[0].until("subscribed").await;
    let mut fourth = Socket::open(&server, path).await;
    assert_eq!(fourth.until("error").await["code"], "too_many_connections");
    assert_eq!(fourth.until("closing").await["reason"], "too_many_connections");
    assert_eq!(fourth.closed().await, 4504);
    // Whoever watches something else is only told.
    let mut other = Socket::open(&server, "/api/v1/stream?tag=t").await;
    other.until("subscribed").await;
    other.send(&json!({"type":"subscribe","id":"2","session":"s"})).await;
    assert_eq!(other.until("error").await["id"], "2");
    other.send(&json!({"type":"ping","at":1})).await;
    other.until("pong").await;
    let limit = "headway_limits_total{limit=\"connections_per_session\"}";
    assert_eq!(metric(&server, limit).await, 2);
    drop(watching);
    let wait = async {
        loop {
            let mut next = Socket::open(&server, path).await;
            if next.until_any(&["subscribed", "error"]).await["type"] == "subscribed" {
                break;
            }
        }
    };
    within("room", Box::pin(wait)).await;
    server.stop().await;
}
