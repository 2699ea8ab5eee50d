//! The stream in bodies of HTTP answers: for watchers over HTTP/2, and for those on a connection
//! that had been used for other requests.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use headway_access::Caller;
use headway_hub::{Connection, Form, Output};
use headway_protocol::CloseCode;
use headway_protocol::frame::ClosingReason;
use headway_signin::Ended;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::events::{self, BEGINNING, event};
use super::last_of_job;
use super::opening::Opening;
use super::poll::Collected;
use super::selection::Selection;
use crate::app::App;
use crate::front::admission::Place;
use crate::metrics::Connected;

fn connect(app: &App, opening: Opening, name: &str) -> Connection {
    let Opening { caller, selection, .. } = opening;
    let name = format!("{name}-{}", app.number());
    let mut connection = app.hub.connect(caller, &name);
    apply(selection, &mut connection);
    connection
}

fn apply(selection: Selection, connection: &mut Connection) {
    let (subscriptions, positions) = selection.into_parts();
    connection.resume(positions);
    for subscription in subscriptions {
        connection.subscribe(subscription);
    }
}

/// Answers with Server-Sent Events.
pub(super) fn events(app: &App, opening: Opening, places: Vec<Place>) -> Response {
    let single = opening.selection.single;
    let page = opening.page.clone();
    let events = Events {
        app: App::clone(app),
        standing: Standing::new(app, &opening.caller),
        connection: connect(app, opening, "sse"),
        single,
        stop: app.stop.clone(),
        retry_ms: app.retry_ms(),
        begun: false,
        over: false,
        _connected: Connected::new(&app.metrics, "sse"),
        _tracked: app.streams.token(),
        _places: places,
    };
    let body = Body::from_stream(stream::unfold(events, |mut events| async move {
        let written = events.next().await?;
        Some((Ok::<_, std::convert::Infallible>(written), events))
    }));
    let (status, mut headers) = events::head();
    page.mark(&mut headers);
    (status, headers, body).into_response()
}

/// A watcher by Server-Sent Events. The body asks for the next event when those before it are gone,
/// so that a slow reader gets newer states instead of more of them.
#[derive(Debug)]
struct Events {
    app: App,
    standing: Standing,
    connection: Connection,
    single: bool,
    stop: CancellationToken,
    retry_ms: u64,
    begun: bool,
    over: bool,
    _connected: Connected,
    _tracked: TaskTrackerToken,
    _places: Vec<Place>,
}

impl Events {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some(Bytes::from_static(BEGINNING));
        }
        loop {
            if self.stop.is_cancelled() {
                let reason = ClosingReason::ServerShuttingDown;
                self.connection.close(reason, self.retry_ms, CloseCode::Shutdown);
            }
            if let Some(reason) = self.standing.ended(&self.app) {
                self.connection.close(reason, 0, CloseCode::InvalidToken);
            }
            match self.connection.poll_now() {
                Some(Output::Frame(frame)) => {
                    let subscribed = self.connection.has_subscriptions();
                    self.over = self.single && last_of_job(&frame, subscribed).is_some();
                    let now = self.app.hub.now();
                    self.app.delivered(std::slice::from_ref(&frame), now);
                    return Some(frame.form(Form::Event, event).clone());
                }
                Some(Output::Close(_)) => {
                    self.over = true;
                    return None;
                }
                // There is no way to send a command here.
                Some(Output::Command(_)) => {}
                None => tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = self.standing.moves(&self.app) => {}
                    () = self.connection.wait() => {}
                },
            }
        }
    }
}

/// Answers with the frames that there are, or with those that come first.
pub(super) async fn poll(
    app: &App,
    opening: Opening,
    wait_ms: u64,
    places: Vec<Place>,
) -> Response {
    let _held = (Connected::new(&app.metrics, "poll"), app.streams.token(), places);
    let one_job = opening.selection.is_one_job();
    let page = opening.page.clone();
    let mut standing = Standing::new(app, &opening.caller);
    let mut collected = Collected::new(opening.selection.cursor());
    let mut connection = connect(app, opening, "poll");
    let patience = tokio::time::sleep(Duration::from_millis(wait_ms));
    let mut patience = std::pin::pin!(patience);
    let mut patient = true;
    loop {
        if let Some(reason) = standing.ended(app) {
            connection.close(reason, 0, CloseCode::InvalidToken);
        }
        let full = take(&mut connection, &mut collected);
        if full || connection.is_settled() && (collected.has_frames() || !patient) {
            break;
        }
        tokio::select! {
            () = connection.wait() => {}
            // Also an answer without frames waits for what was asked to be looked up.
            () = &mut patience, if patient => patient = false,
            () = standing.moves(app) => {}
            () = app.stop.cancelled() => break,
        }
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let body = collected.finish(one_job, connection.positions());
    let mut response = (StatusCode::OK, headers, body).into_response();
    page.mark(response.headers_mut());
    response
}

/// How often a watcher says that its browser's session is used, in milliseconds.
const SESSION_USE_MS: u64 = 30_000;

/// Whether the sign-in of a watcher still stands.
#[derive(Debug)]
struct Standing {
    caller: Arc<Caller>,
    revoked: watch::Receiver<u64>,
}

impl Standing {
    fn new(app: &App, caller: &Arc<Caller>) -> Self {
        Self { caller: Arc::clone(caller), revoked: app.door.signin.watch_changes() }
    }

    /// Why it does not, if so.
    fn ended(&self, app: &App) -> Option<ClosingReason> {
        match app.door.signin.stands(&self.caller, app.hub.now()) {
            Ok(()) => None,
            Err(Ended::Expired) => Some(ClosingReason::TokenExpired),
            Err(Ended::Revoked) => Some(ClosingReason::Revoked),
        }
    }

    /// Waits until it may not any more. Cancel safe.
    async fn moves(&mut self, app: &App) {
        // A browser's session ends when nobody uses it; to watch is to use it.
        let used = self.caller.session.as_ref().map(|_| SESSION_USE_MS);
        let left = self.caller.expires_at.map(|at| at.since(app.hub.now()));
        let left = left.into_iter().chain(used).min();
        let expires = async {
            match left {
                Some(left) => tokio::time::sleep(Duration::from_millis(left)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = expires => {}
            moved = self.revoked.changed() => {
                if moved.is_err() {
                    // Nobody is there any more who could revoke anything.
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

/// Takes the frames that there are. Whether the answer is long enough.
fn take(connection: &mut Connection, collected: &mut Collected) -> bool {
    while let Some(output) = connection.poll_now() {
        match output {
            Output::Frame(frame) if collected.add(&frame) => return true,
            Output::Close(_) => return true,
            // There is no way to send a command here.
            Output::Frame(_) | Output::Command(_) => {}
        }
    }
    false
}
