//! The stream over a WebSocket.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use headway_protocol::frame::{ClientMessage, SUBPROTOCOL};
use headway_protocol::problem::CloseCode;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use super::{Over, Watcher};
use crate::token::{Issued, Tokens};
use crate::{Backoff, Client, Error};

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a server may be silent: its ping comes every 30 s, and it gives a client 60 s.
const SILENCE: Duration = Duration::from_secs(75);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no connection.
enum NotOpen {
    /// The answer is no upgrade.
    Answered(StatusCode),
    Failed(Error),
}

/// Connects, subscribes and hands messages on until the connection is over.
pub(crate) async fn connect(watcher: &mut Watcher) -> Over {
    let mut issued = match watcher.token().await {
        Ok(issued) => issued,
        Err(over) => return over,
    };
    let mut socket = match open(&watcher.client, issued.as_ref()).await {
        Ok(socket) => socket,
        Err(NotOpen::Answered(status)) => return refused(watcher, status),
        Err(NotOpen::Failed(error)) => return lost(error),
    };
    for subscribe in watcher.session.subscriptions() {
        let message = serde_json::to_string(&ClientMessage::Subscribe(subscribe));
        let Ok(text) = message else { continue };
        if let Err(error) = socket.send(Message::text(text)).await {
            return Over::Lost(watcher.client.unreachable(error));
        }
    }
    let sender = watcher.sender();
    let tokens = watcher.client.tokens().clone();
    let mut renewal = pin!(next_token(&tokens, issued.take()));
    loop {
        let message = tokio::select! {
            message = tokio::time::timeout(SILENCE, socket.next()) => message,
            next = &mut renewal => {
                let auth = ClientMessage::Auth { token: next.secret().expose().to_owned().into() };
                // A message of ours can be written as JSON.
                let Ok(text) = serde_json::to_string(&auth) else { continue };
                watcher.issued = Some(next.clone());
                renewal.set(next_token(&tokens, Some(next)));
                if let Err(error) = socket.send(Message::text(text)).await {
                    return Over::Lost(watcher.client.unreachable(error));
                }
                continue;
            }
            () = Watcher::abandoned(sender.clone()) => return Over::Finished,
        };
        let over = match message {
            Ok(Some(Ok(Message::Text(text)))) => match watcher.parse(&text) {
                Ok(message) => watcher.accept(message).await,
                Err(over) => Some(over),
            },
            Ok(Some(Ok(Message::Close(frame)))) => Some(closed(watcher, frame)),
            // Pings are answered by the library with the next read.
            Ok(Some(Ok(
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
            ))) => None,
            Ok(Some(Err(error))) => Some(Over::Lost(watcher.client.unreachable(error))),
            Ok(None) => Some(closed(watcher, None)),
            Err(elapsed) => Some(Over::Lost(watcher.client.unreachable(elapsed))),
        };
        if let Some(over) = over {
            // The other side may be gone; a close is only a courtesy.
            socket.close(None).await.ok();
            return over;
        }
    }
}

/// A connection that was not made. A server that is not trusted will not be trusted later.
fn lost(error: Error) -> Over {
    if error.is_retryable() { Over::Lost(error) } else { Over::Fatal(error) }
}

/// Waits until a token is to be replaced, and gets the one that takes its place. Nobody is kept from
/// reading in the meantime; a token that ends all the same is the server's to refuse.
async fn next_token(tokens: &Tokens, issued: Option<Issued>) -> Issued {
    let Some(last) = issued else { return pending().await };
    let mut due = last.renew_at;
    let mut backoff = Backoff::new(u32::MAX);
    loop {
        match due {
            Some(at) => tokio::time::sleep_until(at).await,
            None => pending().await,
        }
        match tokens.current().await {
            Ok(Some(next)) if next.is(&last) => due = next.renew_at,
            Ok(Some(next)) => return next,
            Ok(None) => due = None,
            Err(error) => {
                tracing::warn!(%error, "no token to renew a stream's sign-in with: asking again");
                tokio::time::sleep(backoff.next_random().unwrap_or(SILENCE)).await;
            }
        }
    }
}

/// The first text of a new connection, which is then closed.
pub(crate) async fn first_text(client: &Client, issued: Option<&Issued>) -> Result<String, Error> {
    let mut socket = match open(client, issued).await {
        Ok(socket) => socket,
        Err(NotOpen::Answered(status)) => return Err(not_upgraded(client, status)),
        Err(NotOpen::Failed(error)) => return Err(error),
    };
    while let Some(message) = socket.next().await {
        match message.map_err(|error| client.unreachable(error))? {
            Message::Text(text) => {
                // What is needed is here; a close is only a courtesy.
                socket.close(None).await.ok();
                return Ok(text.to_string());
            }
            Message::Close(frame) => return Err(closing(frame)),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    Err(closing(None))
}

async fn open(client: &Client, issued: Option<&Issued>) -> Result<Socket, NotOpen> {
    let request = request(client, issued).map_err(NotOpen::Failed)?;
    let tls = client.authorities().map(|known| Connector::Rustls(known.for_websocket()));
    let connecting = connect_async_tls_with_config(request, None, false, tls);
    match tokio::time::timeout(HANDSHAKE, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(SocketError::Http(response))) => Err(NotOpen::Answered(response.status())),
        Ok(Err(error)) => Err(NotOpen::Failed(client.unreachable(error))),
        Err(elapsed) => Err(NotOpen::Failed(client.unreachable(elapsed))),
    }
}

fn request(client: &Client, issued: Option<&Issued>) -> Result<Request, Error> {
    let mut url = client.address(&["stream"]);
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    let wrong = |reason: &str| Error::Address {
        address: client.server().to_owned(),
        reason: reason.to_owned(),
    };
    url.set_scheme(scheme).map_err(|()| wrong("it cannot be a WebSocket's"))?;
    let mut request =
        url.as_str().into_client_request().map_err(|error| wrong(&error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Some(issued) = issued {
        headers.insert(header::AUTHORIZATION, issued.authorization()?);
    }
    Ok(request)
}

fn not_upgraded(client: &Client, status: StatusCode) -> Error {
    client.not_understood(format!("the upgrade was answered with {status}"))
}

/// What an answer other than an upgrade means. One that is about the caller is said again, in
/// words, by the plain request that follows.
fn refused(watcher: &Watcher, status: StatusCode) -> Over {
    let error = not_upgraded(&watcher.client, status);
    if status == StatusCode::UNAUTHORIZED && watcher.may_renew() {
        Over::SignIn(error)
    } else if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        Over::Lost(error)
    } else {
        Over::Refused(error)
    }
}

/// What a close means: 4500–4999, a broken rule and a too large message say not to come back.
fn closed(watcher: &Watcher, frame: Option<CloseFrame>) -> Over {
    let code = frame.as_ref().map_or(1006, |frame| u16::from(frame.code));
    if watcher.session.is_finished() {
        return Over::Finished;
    }
    let final_word = (4500..5000).contains(&code)
        || code == CloseCode::Policy.as_u16()
        || code == CloseCode::TooBig.as_u16();
    let error = closing(frame);
    if error.is_unauthenticated() {
        Over::SignIn(error)
    } else if final_word {
        Over::Fatal(error)
    } else {
        Over::Lost(error)
    }
}

fn closing(frame: Option<CloseFrame>) -> Error {
    match frame {
        Some(frame) => {
            Error::Closed { code: u16::from(frame.code), reason: frame.reason.to_string() }
        }
        None => Error::Closed { code: 1006, reason: String::new() },
    }
}
