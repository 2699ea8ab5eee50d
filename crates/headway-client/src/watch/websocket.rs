//! The stream over a WebSocket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use headway_protocol::frame::{ClientMessage, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use super::connection::Signal;
use super::session::Close;
use crate::client::retry_after;
use crate::token::Issued;
use crate::{Client, Error};

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a message may take to leave: the buffers before it hold far more than all that a watch
/// says.
const SEND: Duration = Duration::from_secs(10);
/// How long a farewell may take.
const COURTESY: Duration = Duration::from_millis(500);

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no connection.
enum NotOpen {
    /// The answer is no upgrade; for how long it asks to stay away.
    Answered(StatusCode, Option<Duration>),
    Failed(Error),
}

/// Connects.
pub(super) async fn connect(client: Client, issued: Option<Issued>) -> Result<Box<Socket>, Close> {
    match open(&client, issued.as_ref()).await {
        Ok(socket) => Ok(Box::new(socket)),
        Err(NotOpen::Answered(status, retry_after)) => Err(Close::NotUpgraded {
            status: status.as_u16(),
            error: not_upgraded(&client, status),
            retry_after,
        }),
        Err(NotOpen::Failed(error)) => Err(Close::Failed(error)),
    }
}

/// What comes next.
///
/// Cancel safety: a dropped call loses nothing.
pub(super) async fn next(client: &Client, socket: &mut Socket) -> Signal {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Signal::Text(text.as_str().to_owned()),
        // Pings are answered by the library with the next read.
        Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
            Signal::Activity
        }
        Some(Ok(Message::Close(frame))) => Signal::Closed(Close::Failed(closing(frame))),
        Some(Err(error)) => Signal::Closed(Close::Failed(client.unreachable(error))),
        None => Signal::Closed(Close::Failed(closing(None))),
    }
}

/// Sends a message.
pub(super) async fn send(
    client: &Client,
    socket: &mut Socket,
    message: &ClientMessage,
) -> Result<(), Close> {
    let text = serde_json::to_string(message)
        .map_err(|error| Close::Failed(client.not_understood(error.to_string())))?;
    match tokio::time::timeout(SEND, socket.send(Message::text(text))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Close::Failed(client.unreachable(error))),
        Err(elapsed) => Err(Close::Failed(client.unreachable(elapsed))),
    }
}

/// Says that the connection is not needed any more. The other side may be gone: a close is only a
/// courtesy.
pub(super) async fn close(socket: &mut Socket) {
    tokio::time::timeout(COURTESY, socket.close(None)).await.ok();
}

/// The first text of a new connection, which is then closed.
pub(crate) async fn first_text(client: &Client, issued: Option<&Issued>) -> Result<String, Error> {
    let mut socket = match open(client, issued).await {
        Ok(socket) => socket,
        Err(NotOpen::Answered(status, _)) => return Err(not_upgraded(client, status)),
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
        Ok(Err(SocketError::Http(response))) => {
            Err(NotOpen::Answered(response.status(), retry_after(response.headers())))
        }
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

fn closing(frame: Option<CloseFrame>) -> Error {
    match frame {
        Some(frame) => {
            Error::Closed { code: u16::from(frame.code), reason: frame.reason.to_string() }
        }
        None => Error::Closed { code: 1006, reason: String::new() },
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_upgrade_that_is_refused_for_now_says_until_when() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let client = Client::new(&format!("http://{}", listener.local_addr().unwrap()), None);
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
            let answer = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\n\
                          content-length: 0\r\nconnection: close\r\n\r\n";
            socket.write_all(answer.as_bytes()).await.unwrap();
            socket
        };
        let (close, _socket) = tokio::join!(connect(client.unwrap(), None), server);
        let Err(close) = close else { panic!("a connection was made") };
        assert!(matches!(close, Close::NotUpgraded { status: 503, .. }), "{close:?}");
        assert_eq!(close.pause_ms(), 7_000);
    }
}
