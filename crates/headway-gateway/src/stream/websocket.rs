//! The stream as a WebSocket.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, SplitSink};
use futures_util::{FutureExt, SinkExt, StreamExt};
use headway_hub::{Connection, Frame, FrameKind, Output};
use headway_protocol::frame::{ClosingReason, SUBPROTOCOL};
use headway_protocol::{CloseCode, Owner, Problem, ProblemCode};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::carry_out;
use super::selection::Selection;
use crate::app::App;
use crate::metrics::{Connected, Transport};
use crate::problem::{Answer, Refusal};

/// A message up to this size is read and then refused with a reason; a larger one closes the
/// connection.
const READ_BYTES: usize = 256 * 1024;

/// The read buffer of a connection, in bytes. Messages of watchers are small.
const BUFFER_BYTES: usize = 4 * 1024;

/// Upgrades, and then serves what was asked.
pub(super) async fn open(
    app: App,
    caller: Owner,
    selection: Selection,
    request: Request,
) -> Answer {
    let upgrade = upgrade(request).await?;
    let connection = app.hub.connect(caller.clone(), &format!("ws-{}", app.number()));
    // Counted from here, so that a stop between the answer and the upgrade waits for it.
    let tracked = app.streams.token();
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _tracked = tracked;
        let _connected = Connected::new(&app.metrics, "websocket");
        serve(socket, connection, selection, &app, &caller).await;
    }))
}

/// Upgrades only to say that there is no such job.
pub(super) async fn refuse(request: Request) -> Answer {
    let upgrade = upgrade(request).await?;
    Ok(upgrade.on_upgrade(|mut socket| async move {
        let close = close_frame(CloseCode::NoSuchJob);
        // The other side may be gone already; then it needs no reason.
        let _told = socket.send(Message::Close(Some(close))).await;
    }))
}

async fn upgrade(request: Request) -> Result<WebSocketUpgrade, Refusal> {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|rejection| {
        Refusal::new(ProblemCode::Malformed, format!("no WebSocket: {}", rejection.body_text()))
    })?;
    Ok(upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(READ_BYTES)
        .max_frame_size(READ_BYTES)
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0))
}

type Writer = SplitSink<WebSocket, Message>;
type Commanded = (String, Result<Value, Problem>);

/// Why a connection is over.
enum Over {
    /// It is closed with this code.
    Close(CloseCode),
    /// The other side has said farewell.
    Left,
    /// The other side is gone.
    Gone,
}

async fn serve(
    socket: WebSocket,
    mut connection: Connection,
    selection: Selection,
    app: &App,
    caller: &Owner,
) {
    let single = selection.single;
    selection.apply(&mut connection);
    let (mut writer, mut reader) = socket.split();
    let mut commands: FuturesUnordered<BoxFuture<'_, Commanded>> = FuturesUnordered::new();
    let mut pings = interval(app.options.ping_every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut heard = Instant::now();
    let mut stopping = false;
    let over = loop {
        tokio::select! {
            () = app.stop.cancelled(), if !stopping => {
                stopping = true;
                let retry_ms = app.retry_ms();
                let reason = ClosingReason::ServerShuttingDown;
                connection.close(reason, retry_ms, CloseCode::Shutdown);
            }
            output = connection.next() => match output {
                Output::Frame(frame) => {
                    let ended = single && frame.kind == FrameKind::End;
                    if let Err(over) = send(&mut writer, app, text(frame)).await {
                        break over;
                    }
                    if ended {
                        break Over::Close(CloseCode::Ended);
                    }
                }
                Output::Command(command) => commands.push(
                    async move {
                        let outcome = carry_out(app, caller, &command).await;
                        (command.id, outcome)
                    }
                    .boxed(),
                ),
                Output::Close(code) => break Over::Close(code),
            },
            message = reader.next(), if connection.wants_messages() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => connection.handle_text(text.as_bytes()),
                    Some(Ok(Message::Binary(_))) => {
                        connection.handle_foreign("a binary message: send JSON as text");
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_))) => break Over::Left,
                    None => break Over::Gone,
                    Some(Err(error)) => {
                        tracing::debug!(%error, "a watcher's connection broke");
                        break if is_too_big(&error) {
                            Over::Close(CloseCode::TooBig)
                        } else {
                            Over::Gone
                        };
                    }
                }
            }
            _ = pings.tick() => {
                if heard.elapsed() > app.options.pong_within {
                    break Over::Close(CloseCode::NoPong);
                }
                let ping = Message::Ping(bytes::Bytes::new());
                if let Err(over) = send(&mut writer, app, ping).await {
                    break over;
                }
            }
            Some((id, outcome)) = commands.next() => connection.answer_command(&id, outcome),
        }
    };
    match over {
        Over::Close(code) => {
            if matches!(code, CloseCode::NoPong | CloseCode::TooSlow) {
                app.metrics.failed.get_or_create(&Transport { transport: "websocket" }).inc();
            }
            let closing = writer.send(Message::Close(Some(close_frame(code))));
            // Whoever does not take the reason in time is cut off without it.
            let _told = timeout(app.options.head_timeout, closing).await;
        }
        Over::Left => {
            // The answer to its farewell is written already and only has to leave.
            let _told = timeout(app.options.head_timeout, writer.close()).await;
        }
        Over::Gone => {}
    }
}

/// Writes one message; a write that stands still for too long ends the connection.
async fn send(writer: &mut Writer, app: &App, message: Message) -> Result<(), Over> {
    match timeout(app.options.write_within, writer.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Over::Gone),
        Err(_) => Err(Over::Close(CloseCode::TooSlow)),
    }
}

fn text(frame: Frame) -> Message {
    // Frames are JSON, which is UTF-8; anything else would be sent as what it is.
    match Utf8Bytes::try_from(frame.text.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(frame.text),
    }
}

fn close_frame(code: CloseCode) -> CloseFrame {
    let reason = match code {
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
    };
    CloseFrame { code: code.as_u16(), reason: Utf8Bytes::from_static(reason) }
}

fn is_too_big(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.to_string().contains("too long") || error.to_string().contains("too big") {
            return true;
        }
        source = error.source();
    }
    false
}
