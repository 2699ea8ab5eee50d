//! Servers over TLS, with a certificate of an authority that no system knows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::StreamExt;
use headway_client::{Client, Error, Selector, WatchOptions};
use headway_protocol::JobId;
use headway_tls::{Acceptor, Settings, Stream};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

struct Server {
    address: SocketAddr,
    /// Its certificate, which nobody else has signed.
    pem: String,
}

impl Server {
    /// Answers requests with 400 in words, and a WebSocket with a close of its own.
    async fn start() -> Self {
        Self::with("localhost", IsCa::NoCa).await
    }

    async fn with(name: &str, is_ca: IsCa) -> Self {
        let mut made = CertificateParams::new([name.to_owned()]).unwrap();
        made.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let made = made.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings =
            Settings::new(folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::write(&settings.certificate, made.pem()).unwrap();
        std::fs::write(&settings.key, key.serialize_pem()).unwrap();
        let settings = Settings { protocols: vec![headway_tls::Protocol::Http11], ..settings };
        let acceptor = Arc::new(Acceptor::open(settings).unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(Stream::new(socket, acceptor.session().unwrap())));
            }
        });
        Self { address, pem: made.pem() }
    }

    fn client(&self, scheme: &str) -> Client {
        let url = format!("{scheme}://localhost:{}", self.address.port());
        Client::new(&url, None).unwrap().with_attempts(0)
    }
}

async fn serve(mut stream: Stream<TcpStream>) {
    // A client that does not trust the server, or speaks plain text, ends here.
    let Ok(()) = stream.handshake().await else { return };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    if !head.starts_with(b"GET /api/v1/stream ") {
        let answer = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
                      content-length: 8\r\n\r\nover TLS";
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.ok();
        return;
    }
    // The request was read to the byte, so that the library is given it again.
    let (ours, theirs) = tokio::io::duplex(4096);
    let mut theirs = theirs;
    theirs.write_all(&head).await.unwrap();
    let carrying =
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut theirs).await });
    let mut socket = tokio_tungstenite::accept_hdr_async(ours, subprotocol).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_text());
    let frame = CloseFrame { code: CloseCode::from(4599), reason: "over TLS".into() };
    socket.close(Some(frame)).await.unwrap();
    while socket.next().await.is_some() {}
    drop(socket);
    carrying.await.unwrap().ok();
}

#[expect(clippy::unnecessary_wraps, reason = "the library's signature")]
fn subprotocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let name = "sec-websocket-protocol";
    if let Some(wanted) = request.headers().get(name) {
        response.headers_mut().insert(name, wanted.clone());
    }
    Ok(response)
}

fn job() -> JobId {
    "import-1".parse().unwrap()
}

async fn ask(client: Client) -> Error {
    client.job(&job()).await.unwrap_err()
}

async fn watch(client: Client) -> Error {
    let mut watch = client.watch(vec![Selector::job(job())], WatchOptions::default());
    watch.next().await.unwrap().unwrap_err()
}

#[tokio::test]
async fn a_named_authority_is_trusted_for_requests_and_streams() {
    let server = Server::start().await;
    let client = server.client("https").with_authorities(server.pem.as_bytes()).unwrap();
    let error = ask(client.clone()).await;
    assert_eq!(error.to_string(), "the server answered 400 Bad Request: over TLS");
    let error = watch(client).await;
    assert!(
        matches!(&error, Error::Closed { code: 4599, reason } if reason == "over TLS"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_not_trusted_now_or_later() {
    let server = Server::start().await;
    let other = Server::start().await;
    let mistaken = server.client("https").with_authorities(other.pem.as_bytes()).unwrap();
    for client in [server.client("https"), mistaken] {
        for error in [ask(client.clone()).await, watch(client).await] {
            assert!(matches!(error, Error::NotTrusted { .. }), "{error:?}");
            assert!(!error.is_retryable());
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let check = async |server: Server, trusted: bool, words: &str| {
        let client = server.client("https");
        let client =
            if trusted { client.with_authorities(server.pem.as_bytes()).unwrap() } else { client };
        let error = ask(client).await.to_string();
        assert!(error.contains(words), "{words} in {error}");
    };
    check(Server::start().await, false, "nobody who is trusted has signed").await;
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    check(Server::with("localhost", authority).await, true, "CA:FALSE").await;
    let elsewhere = Server::with("elsewhere.example", IsCa::NoCa).await;
    check(elsewhere, true, "only valid for DnsName(\"elsewhere.example\")").await;
}

#[tokio::test]
async fn a_server_that_speaks_tls_says_so_to_a_client_that_does_not() {
    let server = Server::start().await;
    let error = ask(server.client("http")).await.to_string();
    assert!(error.contains("use https://"), "{error}");
}

#[test]
fn authorities_that_are_none_are_refused() {
    let client = || Client::new("https://localhost", None).unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "no certificate", broken, "-----BEGIN CERTIFICATE-----\nAAAA"] {
        let error = client().with_authorities(pem.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Authority { .. }), "{pem:?}: {error}");
    }
}
