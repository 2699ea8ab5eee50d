//! The stream: one address, three transports, one cursor.
//!
//! A request that asks for an upgrade gets a WebSocket, one that accepts `text/event-stream` gets
//! Server-Sent Events, and every other gets a long poll. What a request asks for is read in
//! [`opening`], the same for everybody. The sockets of watchers are the [`crate::front`]'s; what is
//! here serves those whose request came by the server of all other requests, over HTTP/2 or on a
//! connection that had been used before: each WebSocket goes back to the front, and the rest is
//! streamed from here, in [`http`].

pub(crate) mod events;
mod http;
pub(crate) mod opening;
pub(crate) mod poll;
pub(crate) mod selection;

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use headway_access::Caller;
use headway_hub::{AskedCommand, Frame, FrameKind};
use headway_protocol::request::CommandRequest;
use headway_protocol::{CloseCode, Problem, ProblemCode, ServerMessage};
use headway_websocket::handshake::Handshake;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use serde_json::Value;

use crate::app::{App, Id, Shared};
use crate::compatible::Format;
use crate::front::admission::Place;
use crate::front::adopted::{Adopted, Purpose};
use crate::handlers::commands;
use crate::handover::{Incoming, Peer};
use crate::problem::{Answer, Refusal};
use opening::{Address, Begin, Form, Opening};

/// `GET /jobs/{id}/stream`.
pub(crate) async fn one(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    request: Request,
) -> Answer {
    serve(app, peer, &Address::Job(id), request).await
}

/// `GET /stream`.
pub(crate) async fn many(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Answer {
    serve(app, peer, &Address::Many, request).await
}

/// `GET /api/v1/analyze/{analysis_id}/stream`.
pub(crate) async fn analysis(
    app: State<App>,
    peer: Extension<Peer>,
    id: Id,
    request: Request,
) -> Answer {
    in_format(app, peer, id, request, Format::Analysis).await
}

/// `GET /progress/ws/{job_id}`.
pub(crate) async fn job_progress(
    app: State<App>,
    peer: Extension<Peer>,
    id: Id,
    request: Request,
) -> Answer {
    in_format(app, peer, id, request, Format::JobProgress).await
}

/// `GET /ws/progress/{session_id}`.
pub(crate) async fn session(
    app: State<App>,
    peer: Extension<Peer>,
    id: Id,
    request: Request,
) -> Answer {
    in_format(app, peer, id, request, Format::Session).await
}

async fn in_format(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    request: Request,
    format: Format,
) -> Answer {
    serve(app, peer, &Address::Compatible(format, id), request).await
}

async fn serve(app: App, peer: Peer, address: &Address, request: Request) -> Answer {
    let (mut parts, _) = request.into_parts();
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let opening = match Opening::read(&app, &parts, address, peer.0, None) {
        Err(Begin::Wait) => opening::read_patiently(&app, &parts, address, peer.0).await,
        opening => opening,
    };
    let (begin, places) = match opening {
        Err(begin) => (begin, Vec::new()),
        Ok(opening) => match app.admission.places(Some(peer.0), &parts, &opening.caller) {
            Err(limit) => (opening.refuse(limit), Vec::new()),
            Ok(places) => {
                let standing = match opening.to_look_up() {
                    Some(job) => app.hub.warm(&opening.caller, job).await?,
                    None => None,
                };
                (opening.begin(standing), places)
            }
        },
    };
    match begin {
        Begin::Refuse(refusal) => Err(refusal),
        // Whoever was found out about is known.
        Begin::Wait => Err(headway_signin::Refused::Invalid.into()),
        Begin::NothingFollows(page) => {
            let mut answer = StatusCode::NO_CONTENT.into_response();
            page.mark(answer.headers_mut());
            Ok(answer)
        }
        Begin::Close(handshake, farewell) => {
            Ok(upgrade_to(app, upgrade, &handshake, Purpose::Close(farewell), places))
        }
        Begin::Stream(opening) => match opening.form.clone() {
            Form::Messages(handshake) => {
                Ok(upgrade_to(app, upgrade, &handshake, Purpose::Watch(Box::new(opening)), places))
            }
            Form::Events => Ok(http::events(&app, opening, places)),
            Form::Poll(wait_ms) => Ok(http::poll(&app, opening, wait_ms, places).await),
        },
    }
}

/// Answers the handshake, and gives the socket to the front once the answer has left.
fn upgrade_to(
    app: App,
    upgrade: Option<OnUpgrade>,
    handshake: &Handshake,
    purpose: Purpose,
    places: Vec<Place>,
) -> Response {
    // Counted from here, so that a stop between the answer and the upgrade waits for it.
    let tracked = app.streams.token();
    tokio::spawn(async move {
        let _tracked = tracked;
        if let Some(adopted) = take_socket(upgrade, purpose, places).await {
            app.adopt(adopted);
        }
    });
    let (status, headers) = handshake.answer();
    (status, headers, Body::empty()).into_response()
}

/// The socket itself, with what the client sent early.
async fn take_socket(
    upgrade: Option<OnUpgrade>,
    purpose: Purpose,
    places: Vec<Place>,
) -> Option<Adopted> {
    let upgraded = match upgrade?.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "a watcher left before its upgrade");
            return None;
        }
    };
    let Ok(parts) = downcast::<TokioIo<Incoming>>(upgraded) else {
        tracing::error!("an upgraded connection is none of ours");
        return None;
    };
    match parts.io.into_inner().into_parts() {
        Ok((stream, secure, unread, place)) => {
            let early = [&*parts.read_buf, &*unread].concat();
            Some(Adopted { stream, secure, early, purpose, place, places })
        }
        Err(error) => {
            tracing::warn!(%error, "a watcher could not be taken over");
            None
        }
    }
}

/// Carries a watcher's command out.
pub(crate) async fn carry_out(
    app: &Shared,
    who: (&Arc<Caller>, IpAddr),
    asked: &AskedCommand,
) -> Result<Value, Problem> {
    let request = CommandRequest::default();
    let done = commands::ask(app, who, &asked.job, asked.action, request).await;
    let job = done.map_err(Refusal::into_problem)?;
    Ok(serde_json::json!({ "status": job.status, "cursor": job.cursor }))
}

/// The code to close with after a frame of a stream of one job, when nothing of the job follows: it
/// has ended, or there is no such job any more. `subscribed`: whether a subscription still stands.
pub(crate) fn last_of_job(frame: &Frame, subscribed: bool) -> Option<CloseCode> {
    if frame.kind() == FrameKind::End {
        return Some(CloseCode::Ended);
    }
    if subscribed || frame.kind() != FrameKind::Error {
        return None;
    }
    // A read that failed is no reason not to come back.
    match serde_json::from_slice(frame.text()) {
        Ok(ServerMessage::Error { code, .. }) if code == ProblemCode::NotFound.as_str() => {
            Some(CloseCode::NoSuchJob)
        }
        Ok(_) | Err(_) => None,
    }
}

/// What a code says in words.
pub(crate) fn reason(code: CloseCode) -> &'static str {
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
