//! Signing in: where a token goes, where it does not, and what happens when it is not taken.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use headway_client::{Client, Error, Selector, Token, Watch, WatchOptions};
use headway_protocol::{JobId, Secret, ServerMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const HELLO: &str = r#"{"type":"hello","connection":"c","version":1,"heartbeat_ms":20000,"max_message_bytes":65536,"max_subscriptions":256}"#;
const HEARTBEAT: &str = r#"{"type":"heartbeat","at":"2026-01-10T09:30:00.000Z"}"#;
const GONE: &str = r#"{"type":"error","id":"1","code":"not_found","message":"no such job"}"#;

/// A server that takes one token and writes down every `Authorization` that it is shown.
struct Server {
    address: SocketAddr,
    shown: Arc<Mutex<Vec<String>>>,
}

/// What a server does with a connection that shows a token it takes.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers requests, and a stream with a job that is gone.
    Kind,
    /// Sends every request on to another address.
    Elsewhere(SocketAddr),
    /// Lets a WebSocket in, and sends it away with 4500 when it has subscribed.
    SendsAway,
    /// Waits for the next token on the same connection before it says that the job is gone.
    WantsRenewal,
}

impl Server {
    async fn start(takes: &'static str, manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&shown);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(socket, takes, manner, Arc::clone(&notes)));
            }
        });
        Self { address, shown }
    }

    fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address), None).unwrap().with_attempts(0)
    }

    fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }
}

async fn serve(
    mut socket: TcpStream,
    takes: &'static str,
    manner: Manner,
    notes: Arc<Mutex<Vec<String>>>,
) {
    let mut head = [0; 4096];
    let length = socket.peek(&mut head).await.unwrap();
    let text = String::from_utf8_lossy(&head[..length]).to_lowercase();
    let token = text.lines().find_map(|line| line.strip_prefix("authorization: bearer "));
    let token = token.unwrap_or("nobody").trim().to_owned();
    notes.lock().unwrap().push(token.clone());
    if token == takes && text.contains("upgrade: websocket") {
        let socket = tokio_tungstenite::accept_hdr_async(socket, subprotocol).await.unwrap();
        return stream(socket, manner, &notes).await;
    }
    let mut rest = vec![0; 4096];
    assert!(socket.read(&mut rest).await.unwrap() > 0);
    let answer = match manner {
        Manner::Elsewhere(address) => {
            format!(
                "308 Permanent Redirect\r\nlocation: http://{address}/api/v1/identity?a=b\r\ncontent-length: 0"
            )
        }
        Manner::Kind | Manner::SendsAway | Manner::WantsRenewal if token != takes => {
            let body = r#"{"type":"urn:headway:problem:unauthenticated","title":"Sign in first","status":401,"code":"unauthenticated","detail":"the key is not valid"}"#;
            format!(
                "401 Unauthorized\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        }
        Manner::Kind | Manner::SendsAway | Manner::WantsRenewal => {
            let body = r#"{"sign_in":true,"owner":{"tenant":"acme"},"scopes":["watch"],"sees":"tenant","credential":"key"}"#;
            format!(
                "200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    };
    let end = if answer.contains("\r\n\r\n") { "" } else { "\r\n\r\n" };
    let close = answer.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    socket.write_all(format!("HTTP/1.1 {close}{end}").as_bytes()).await.unwrap();
    socket.shutdown().await.ok();
}

async fn stream(
    mut socket: WebSocketStream<TcpStream>,
    manner: Manner,
    notes: &Mutex<Vec<String>>,
) {
    socket.send(Message::text(HELLO)).await.unwrap();
    // The subscription.
    assert!(socket.next().await.unwrap().unwrap().is_text());
    socket.send(Message::text(HEARTBEAT)).await.unwrap();
    match manner {
        Manner::WantsRenewal => {
            let said = socket.next().await.unwrap().unwrap().into_text().unwrap();
            notes.lock().unwrap().push(said.to_string());
            socket.send(Message::text(GONE)).await.unwrap();
        }
        Manner::SendsAway => {
            let frame = CloseFrame { code: CloseCode::from(4500), reason: "revoked".into() };
            socket.close(Some(frame)).await.unwrap();
        }
        Manner::Kind | Manner::Elsewhere(_) => {
            socket.send(Message::text(GONE)).await.unwrap();
        }
    }
    while let Some(Ok(_)) = socket.next().await {}
}

#[expect(clippy::unnecessary_wraps, reason = "the library's signature")]
fn subprotocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let name = "sec-websocket-protocol";
    if let Some(wanted) = request.headers().get(name) {
        response.headers_mut().insert(name, wanted.clone());
    }
    Ok(response)
}

/// A client whose tokens are `t1`, `t2`, … for so long each.
fn asking(server: &Server, holds_for: Option<Duration>) -> (Client, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let client = server.client().with_tokens(move || {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        async move { Ok(Token { secret: Secret::new(format!("t{number}")), holds_for }) }
    });
    (client, asked)
}

fn watch(client: &Client) -> Watch {
    let job: JobId = "import-1".parse().unwrap();
    let options = WatchOptions { attempts: Some(3), ..WatchOptions::default() };
    client.watch(vec![Selector::job(job)], options)
}

/// The last words of a watch.
async fn end(mut watch: Watch) -> Result<ServerMessage, Error> {
    let mut last = None;
    while let Some(message) = watch.next().await {
        last = Some(message);
    }
    last.unwrap()
}

#[tokio::test]
async fn a_token_is_shown_on_every_transport() {
    let server = Server::start("k1", Manner::Kind).await;
    let client = server.client().with_token(Secret::new("k1")).unwrap();
    assert_eq!(client.identity().await.unwrap().owner.tenant, "acme");
    let last = end(watch(&client)).await.unwrap();
    assert!(matches!(last, ServerMessage::Error { .. }), "{last:?}");
    assert_eq!(server.shown(), ["k1", "k1"]);
}

#[tokio::test]
async fn a_token_does_not_follow_to_another_address() {
    let other = Server::start("k1", Manner::Kind).await;
    let server = Server::start("k1", Manner::Elsewhere(other.address)).await;
    let client = server.client().with_token(Secret::new("k1")).unwrap();
    let error = client.identity().await.unwrap_err().to_string();
    assert!(error.contains(&format!("http://{}", other.address)), "{error}");
    assert!(!error.contains("a=b"), "{error}");
    assert_eq!(other.shown(), Vec::<String>::new());
}

#[tokio::test]
async fn a_watch_with_a_wrong_token_ends_with_the_servers_words() {
    let server = Server::start("k1", Manner::Kind).await;
    let client = server.client().with_token(Secret::new("wrong")).unwrap();
    let error = end(watch(&client)).await.unwrap_err();
    assert!(error.is_unauthenticated(), "{error:?}");
    assert_eq!(error.to_string(), "the key is not valid");
    assert!(!format!("{error:?} {client:?}").contains("wrong"));
    assert_eq!(server.shown(), ["wrong", "wrong"], "a WebSocket, and the request that says why");
}

#[tokio::test]
async fn a_watch_that_is_sent_away_for_its_token_does_not_come_back() {
    let server = Server::start("k1", Manner::SendsAway).await;
    let client = server.client().with_token(Secret::new("k1")).unwrap();
    let error = end(watch(&client)).await.unwrap_err();
    assert!(matches!(error, Error::Closed { code: 4500, .. }), "{error:?}");
    assert_eq!(server.shown(), ["k1"]);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let server = Server::start("t2", Manner::Kind).await;
    let (client, asked) = asking(&server, None);
    client.identity().await.unwrap();
    assert_eq!(server.shown(), ["t1", "t2"]);
    client.identity().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2, "a token that is taken is kept");

    let never = Server::start("other", Manner::Kind).await;
    let (client, _) = asking(&never, None);
    assert!(client.identity().await.unwrap_err().is_unauthenticated());
    assert_eq!(never.shown(), ["t1", "t2"]);
}

#[tokio::test]
async fn a_watch_replaces_a_refused_token_and_stays_on_its_websocket() {
    let server = Server::start("t2", Manner::Kind).await;
    let (client, _) = asking(&server, None);
    let last = end(watch(&client)).await.unwrap();
    assert!(matches!(last, ServerMessage::Error { .. }), "{last:?}");
    assert_eq!(server.shown(), ["t1", "t2"]);
}

#[tokio::test]
async fn a_websocket_renews_its_token_in_place() {
    let server = Server::start("t1", Manner::WantsRenewal).await;
    let (client, _) = asking(&server, Some(Duration::from_secs(2)));
    let last = end(watch(&client)).await.unwrap();
    assert!(matches!(last, ServerMessage::Error { .. }), "{last:?}");
    assert_eq!(server.shown(), ["t1", r#"{"type":"auth","token":"t2"}"#], "one connection");
}

#[tokio::test]
async fn a_token_that_nobody_has_is_an_error_with_its_reason() {
    let server = Server::start("k1", Manner::Kind).await;
    let client = server.client().with_tokens(|| async { Err("the vault is shut".into()) });
    let error = client.identity().await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(matches!(error, Error::NoToken { .. }));
    assert_eq!(source, "the vault is shut");
    assert_eq!(server.shown(), Vec::<String>::new(), "nothing is sent without it");
}
