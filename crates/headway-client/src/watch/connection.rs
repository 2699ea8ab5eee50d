//! The one connection of a watch, whichever transport it is over.

use std::future::pending;
use std::pin::Pin;

use headway_protocol::frame::ClientMessage;

use super::session::{Close, Connect};
use super::sse::{self, Events};
use super::websocket::{self, Socket};
use crate::Client;
use crate::token::Issued;

/// What a connection says.
#[derive(Debug)]
pub(crate) enum Signal {
    /// It is through.
    Open,
    /// A message came.
    Text(String),
    /// Something came that is no message.
    Activity,
    /// It is over.
    Closed(Close),
}

/// A connection, or none.
pub(crate) enum Connection {
    /// None, or one that is over.
    None,
    /// One that is being made.
    Connecting(Connecting),
    WebSocket(Box<Socket>),
    ServerSentEvents(Box<Events>),
}

type Connecting = Pin<Box<dyn Future<Output = Result<Connection, Close>> + Send>>;

impl Connection {
    /// Begins to make one. Without a token that was asked for, the client's own is used.
    pub(crate) fn make(client: &Client, issued: Option<Issued>, connect: Connect) -> Self {
        let client = client.clone();
        Self::Connecting(Box::pin(async move {
            let issued = match issued {
                Some(issued) => Some(issued),
                None => client.tokens().current().await.map_err(Close::Failed)?,
            };
            match connect {
                Connect::WebSocket => {
                    websocket::connect(client, issued).await.map(Connection::WebSocket)
                }
                Connect::ServerSentEvents(address) => {
                    sse::connect(client, issued, address).await.map(Connection::ServerSentEvents)
                }
            }
        }))
    }

    /// What it says next; never, if there is none.
    ///
    /// Cancel safety: a dropped call loses nothing.
    pub(crate) async fn next(&mut self, client: &Client) -> Signal {
        let signal = match self {
            Self::None => pending().await,
            Self::Connecting(connecting) => match connecting.await {
                Ok(connection) => {
                    *self = connection;
                    return Signal::Open;
                }
                Err(close) => Signal::Closed(close),
            },
            Self::WebSocket(socket) => websocket::next(client, socket).await,
            Self::ServerSentEvents(events) => sse::next(client, events).await,
        };
        if matches!(signal, Signal::Closed(_)) {
            *self = Self::None;
        }
        signal
    }

    /// Sends a message, where one can be sent.
    pub(crate) async fn send(
        &mut self,
        client: &Client,
        message: &ClientMessage,
    ) -> Result<(), Close> {
        match self {
            Self::WebSocket(socket) => websocket::send(client, socket, message).await,
            Self::None | Self::Connecting(_) | Self::ServerSentEvents(_) => Ok(()),
        }
    }

    /// Lets it go, politely.
    pub(crate) async fn close(&mut self) {
        match self {
            Self::WebSocket(socket) => websocket::close(socket).await,
            Self::None | Self::Connecting(_) | Self::ServerSentEvents(_) => {}
        }
        *self = Self::None;
    }
}
