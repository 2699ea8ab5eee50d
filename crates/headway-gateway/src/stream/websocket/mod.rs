//! The stream as a WebSocket.
//!
//! The request is answered by hyper; then the socket is taken back from it, and a task of its own
//! serves it: [`watcher`]. Nothing of HTTP stays behind with an open stream.

mod outbound;
mod watcher;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headway_protocol::frame::SUBPROTOCOL;
use headway_protocol::{CloseCode, Owner, ProblemCode};
use headway_websocket::handshake::{Handshake, Refused};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::net::TcpStream;

use super::selection::Selection;
use crate::app::App;
use crate::metrics::Connected;
use crate::problem::{Answer, Refusal};
use watcher::{Ending, Watcher};

/// Upgrades, and then serves what was asked.
pub(super) fn open(app: App, caller: Owner, selection: Selection, request: Request) -> Answer {
    let (handshake, upgraded) = read(request)?;
    let deflate = handshake.deflate();
    let connection = app.hub.connect(caller.clone(), &format!("ws-{}", app.number()));
    // Counted from here, so that a stop between the answer and the upgrade waits for it.
    let tracked = app.streams.token();
    tokio::spawn(async move {
        let Some((socket, early)) = take_socket(upgraded).await else { return };
        let connected = Connected::new(&app.metrics, "websocket");
        let watcher = Watcher::new(app, caller, connection, selection, socket, early, deflate);
        let watcher = Box::new(watcher);
        // The task that waited for the upgrade ends here; the one that stays is as small as can be.
        tokio::spawn(async move {
            let _held = (tracked, connected);
            watcher.serve().await;
        });
    });
    Ok(switch(&handshake))
}

/// Upgrades only to say that there is no such job.
pub(super) fn refuse(app: App, request: Request) -> Answer {
    let (handshake, upgraded) = read(request)?;
    tokio::spawn(async move {
        if let Some((socket, _)) = take_socket(upgraded).await {
            let ending = Ending::new(socket, app.options.head_timeout);
            ending.close(CloseCode::NoSuchJob.as_u16(), reason(CloseCode::NoSuchJob)).await;
        }
    });
    Ok(switch(&handshake))
}

fn read(mut request: Request) -> Result<(Handshake, OnUpgrade), Refusal> {
    let (method, version) = (request.method(), request.version());
    let handshake = Handshake::read(method, version, request.headers(), SUBPROTOCOL)?;
    Ok((handshake, hyper::upgrade::on(&mut request)))
}

fn switch(handshake: &Handshake) -> Response {
    let (status, headers) = handshake.answer();
    (status, headers, Body::empty()).into_response()
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::Version => ProblemCode::UpgradeRequired,
            Refused::Request | Refused::Upgrade | Refused::Key => ProblemCode::Malformed,
        };
        Self::new(code, format!("no WebSocket: {refused}"))
    }
}

/// The socket itself, with what the client sent early.
async fn take_socket(upgraded: OnUpgrade) -> Option<(TcpStream, Bytes)> {
    let upgraded = match upgraded.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "a watcher left before its upgrade");
            return None;
        }
    };
    if let Ok(parts) = downcast::<TokioIo<TcpStream>>(upgraded) {
        // A copy, because what it is part of is the whole read buffer of the request.
        let early = Bytes::copy_from_slice(&parts.read_buf);
        return Some((parts.io.into_inner(), early));
    }
    tracing::error!("an upgraded connection is no TCP socket");
    None
}

/// What a code says in words.
fn reason(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Ended => "the job has ended",
        CloseCode::GoingAway | CloseCode::Shutdown => "the server stops",
        CloseCode::Policy => "too many messages that could not be understood",
        CloseCode::TooBig => "a message was too large",
        CloseCode::Overloaded => "too many connections now",
        CloseCode::TooSlow => "reading too slowly",
        CloseCode::NoPong => "no pong came",
        CloseCode::RateLimited => "too many messages",
        CloseCode::InvalidToken => "the token is not valid",
        CloseCode::ConnectionLimit => "too many connections",
        CloseCode::SubscriptionLimit => "too many subscriptions",
        CloseCode::NotAllowed => "not allowed",
        CloseCode::NoSuchJob => "no such job",
    }
}
