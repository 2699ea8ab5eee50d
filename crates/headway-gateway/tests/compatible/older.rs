//! A client of an older service: it knows messages and close codes, and nothing of Headway.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{Server, within};

pub(crate) struct Older {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Every message that came.
    pub(crate) seen: Vec<Value>,
}

impl Older {
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        Self::open_with(server, path, &[]).await.unwrap()
    }

    /// The same with more headers; the status when it is refused.
    pub(crate) async fn open_with(
        server: &Server,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
        for (name, value) in headers {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((stream, _)) => Ok(Self { stream, seen: Vec::new() }),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// The same on a connection that has been used for another request.
    pub(crate) async fn open_after_a_request(server: &Server, path: &str) -> Self {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        let head = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(br#"{"status":"ok"}"#) {
            answer.push(within("an answer", stream.read_u8()).await.unwrap());
        }
        let request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
        let stream = MaybeTlsStream::Plain(stream);
        let (stream, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        Self { stream, seen: Vec::new() }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn close(&mut self) {
        self.stream.close(None).await.unwrap();
    }

    /// The next message, or the code and the reason that the server closed with.
    pub(crate) async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match within("a message", self.stream.next()).await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    self.seen.push(message.clone());
                    return Ok(message);
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(
                    Message::Binary(_)
                    | Message::Ping(_)
                    | Message::Pong(_)
                    | Message::Frame(_)
                    | Message::Close(None),
                )) => {}
                Some(Err(tungstenite::Error::ConnectionClosed)) | None => {
                    return Err((0, "no close frame".to_owned()));
                }
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    /// Reads up to a message that is wanted.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await.expect("the server closed");
            if wanted(&message) {
                return message;
            }
        }
    }

    /// Reads up to the close.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(closed) = self.next().await {
                return closed;
            }
        }
    }

    /// All `progress_events` of a transaction that came.
    pub(crate) fn events(&self, transaction: &str) -> Vec<&Value> {
        let its = self.seen.iter().filter(|message| message["transaction_id"] == transaction);
        its.filter_map(|message| message["progress_events"].as_array()).flatten().collect()
    }
}
