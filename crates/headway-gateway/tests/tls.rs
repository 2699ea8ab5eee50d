//! The same gateway under TLS: every transport of a stream, over HTTP/1.1 and HTTP/2.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

mod support;

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use headway_gateway::Options;
use headway_tls::{Acceptor, Settings};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Version;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use support::{Server, within};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;

/// A server with a certificate of its own, and the certificate.
struct Secured {
    server: Server,
    certificate: rcgen::Certificate,
    _folder: TempDir,
}

impl Secured {
    async fn start() -> Self {
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("server.pem");
        std::fs::write(&path, certificate.pem() + &key.serialize_pem()).unwrap();
        let acceptor = Acceptor::open(Settings::new(&path, &path)).unwrap();
        let options = Options { tls: Some(Arc::new(acceptor)), ..Options::default() };
        let server = Server::start_with(options, headway_hub::Options::default()).await;
        Self { server, certificate, _folder: folder }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.server.address)
    }

    fn client(&self, http2: bool) -> reqwest::Client {
        let root = reqwest::Certificate::from_der(self.certificate.der()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([root]);
        let client = if http2 { client } else { client.http1_only() };
        client.build().unwrap()
    }

    async fn post(&self, path: &str, body: Value) {
        let request = self.client(true).post(self.url(path)).json(&body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

#[tokio::test]
async fn events_and_polls_over_both_versions_of_http() {
    let secured = Secured::start().await;
    secured.post("/api/v1/jobs", json!({"id":"a","kind":"k"})).await;
    for (http2, version) in [(true, Version::HTTP_2), (false, Version::HTTP_11)] {
        let client = secured.client(http2);
        let poll = client.get(secured.url("/api/v1/jobs/a/stream?wait_ms=0")).send().await.unwrap();
        assert_eq!(poll.version(), version);
        let answer: Value = poll.json().await.unwrap();
        assert_eq!(answer["frames"][0]["type"], "snapshot");
        let events = client.get(secured.url("/api/v1/jobs/a/stream"));
        let mut events = events.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(events.version(), version);
        let mut read = String::new();
        let message = format!("over {version:?}");
        let mut told = false;
        while !read.contains(&format!("\"message\":\"{message}\"")) {
            let piece = within("an event", events.chunk()).await.unwrap().unwrap();
            read.push_str(std::str::from_utf8(&piece).unwrap());
            if !told && read.contains("event: snapshot") {
                told = true;
                let report = json!({"type":"progress","percent":10.0,"message":message});
                secured.post("/api/v1/jobs/a/events", report).await;
            }
        }
    }
    secured.server.stop().await;
}

#[tokio::test]
async fn a_websocket_from_the_snapshot_to_the_end() {
    let secured = Secured::start().await;
    let large = "x".repeat(100_000);
    secured.post("/api/v1/jobs", json!({"id":"a","kind":"k"})).await;
    let mut roots = RootCertStore::empty();
    roots.add(secured.certificate.der().clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let socket = TcpStream::connect(&secured.server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap();
    let url = "wss://localhost/api/v1/jobs/a/stream";
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let mut types = Vec::new();
    let code = loop {
        match within("a frame", socket.next()).await.unwrap().unwrap() {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                let word = frame["type"].as_str().unwrap().to_owned();
                if word == "snapshot" {
                    socket.send(Message::text(r#"{"type":"ping","at":1}"#)).await.unwrap();
                }
                if word == "pong" {
                    let partial = json!({"type":"complete","result":{"text":large}});
                    secured.post("/api/v1/jobs/a/events", partial).await;
                }
                if word == "update" {
                    assert_eq!(frame["patch"]["result"]["text"], large);
                }
                types.push(word);
            }
            Message::Close(frame) => break u16::from(frame.unwrap().code),
            Message::Ping(_) | Message::Pong(_) => {}
            other @ (Message::Binary(_) | Message::Frame(_)) => panic!("{other:?}"),
        }
    };
    assert_eq!(types, ["hello", "subscribed", "snapshot", "pong", "update", "end"]);
    assert_eq!(code, 1000);
    secured.server.stop().await;
}

#[tokio::test]
async fn whoever_does_not_speak_tls_is_told_so() {
    let secured = Secured::start().await;
    let mut socket = TcpStream::connect(&secured.server.address).await.unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    // The server may reset what it does not read.
    within("an answer", socket.read_to_string(&mut answer)).await.ok();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("https"), "{answer}");
    secured.server.stop().await;
}
