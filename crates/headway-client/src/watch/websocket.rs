//! The stream over a WebSocket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use headway_protocol::frame::{ClientMessage, SUBPROTOCOL};
use headway_protocol::problem::CloseCode;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

use super::{Over, Watcher};
use crate::Error;

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a server may be silent: its ping comes every 30 s, and it gives a client 60 s.
const SILENCE: Duration = Duration::from_secs(75);

/// Connects, subscribes and hands messages on until the connection is over.
pub(crate) async fn connect(watcher: &mut Watcher) -> Over {
    let request = match request(watcher) {
        Ok(request) => request,
        Err(error) => return Over::Fatal(error),
    };
    let tls = watcher.client.authorities().map(|known| Connector::Rustls(known.for_websocket()));
    let connecting = connect_async_tls_with_config(request, None, false, tls);
    let mut socket = match tokio::time::timeout(HANDSHAKE, connecting).await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(SocketError::Http(response))) => return refused(watcher, response.status()),
        Ok(Err(error)) => return lost(watcher.client.unreachable(error)),
        Err(elapsed) => return Over::Lost(watcher.client.unreachable(elapsed)),
    };
    for subscribe in watcher.session.subscriptions() {
        let message = serde_json::to_string(&ClientMessage::Subscribe(subscribe));
        let Ok(text) = message else { continue };
        if let Err(error) = socket.send(Message::text(text)).await {
            return Over::Lost(watcher.client.unreachable(error));
        }
    }
    let sender = watcher.sender();
    loop {
        let message = tokio::select! {
            message = tokio::time::timeout(SILENCE, socket.next()) => message,
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

fn request(
    watcher: &Watcher,
) -> Result<tokio_tungstenite::tungstenite::handshake::client::Request, Error> {
    let mut url = watcher.client.address(&["stream"]);
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    let wrong = |reason: &str| Error::Address {
        address: watcher.client.server().to_owned(),
        reason: reason.to_owned(),
    };
    url.set_scheme(scheme).map_err(|()| wrong("it cannot be a WebSocket's"))?;
    let mut request =
        url.as_str().into_client_request().map_err(|error| wrong(&error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Some(token) = watcher.client.token() {
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Error::Token)?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(request)
}

/// What an answer other than an upgrade means. One that is about the caller is said again, in
/// words, by the plain request that follows.
fn refused(watcher: &Watcher, status: StatusCode) -> Over {
    let error = watcher.client.not_understood(format!("the upgrade was answered with {status}"));
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        Over::Lost(error)
    } else {
        Over::Refused(error)
    }
}

/// What a close means: 4500–4999, a broken rule and a too large message say not to come back.
fn closed(watcher: &Watcher, frame: Option<CloseFrame>) -> Over {
    let code = frame.as_ref().map_or(1006, |frame| u16::from(frame.code));
    let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
    if watcher.session.is_finished() {
        return Over::Finished;
    }
    let final_word = (4500..5000).contains(&code)
        || code == CloseCode::Policy.as_u16()
        || code == CloseCode::TooBig.as_u16();
    let error = Error::Closed { code, reason };
    if final_word { Over::Fatal(error) } else { Over::Lost(error) }
}
