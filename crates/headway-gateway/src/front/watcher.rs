//! One watcher: its side of the hub, and what its transport needs. It owns no socket.
//!
//! Frames are taken from the session only when those before them have left, so that a reader who is
//! slow finds newer states instead of more of them.

mod lifetime;
mod polling;
mod sign_in;
mod speech;

use std::sync::Arc;

use bytes::Bytes;
use headway_hub::session::{Answer, Session};
use headway_hub::{Form as FrameForm, Frame};
use headway_protocol::frame::ClosingReason;
use headway_protocol::{ClientMessage, CloseCode, Problem};
use headway_websocket::{Message, close, deflate, frame};
use serde_json::Value;

use self::polling::Polling;
use super::admission::Place;
use super::answer::{self, Answer as HttpAnswer};
use super::conversation::Conversation;
use super::outbound::Outbound;
use super::shard::Context;
use crate::compatible::speech::Speech;
use crate::metrics::Connected;
use crate::observe::Seen;
use crate::stream::events::{BEGINNING, event};
use crate::stream::opening::{Form, Opening};
use crate::stream::poll::Collected;
use crate::stream::selection::Selection;

/// Requests of one session that are being done at once; others wait in the session.
const AT_ONCE: u8 = 8;

/// Requests that are done in a row before others have their turn: a selector may bring thousands of
/// jobs that are at hand.
const REQUESTS: usize = 128;

/// Frames that leave in one write.
const FRAMES: usize = 16;

/// Why a watcher is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It is closed with this code.
    Close(CloseCode),
    /// It is closed because of what it sent, or of what its format says, with this code and reason.
    Fault(u16, &'static str),
    /// The other side has said farewell, with this code.
    Left(u16),
    /// Its answer is complete.
    Answered,
}

/// How long a watcher lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// As long as both sides want it.
    Open,
    /// As long as its one job.
    OneJob,
    /// The last frame of its one job was taken, for which it is over.
    Ended(Over),
}

/// What a transport needs beside the session.
#[derive(Debug)]
enum Transport {
    Messages(Box<Conversation>),
    Events,
    Poll(Box<Polling>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Watcher {
    session: Session,
    transport: Transport,
    scope: Scope,
    /// Requests of the session on their way.
    working: u8,
    /// What the client has said or done at last: nothing more is read, and it is over once the
    /// answers to what was read before have left.
    last: Option<Over>,
    over: Option<Over>,
    /// A farewell was said.
    stopping: bool,
    /// Whether it is alone on its connection, which then ends with it.
    connected: Connected,
    places: Vec<Place>,
}

/// What came of taking frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// There are no more now.
    All,
    /// There may be more.
    Some,
}

impl Watcher {
    /// A watcher whose request was read, and its answer's beginning. `seen` is the request, unless
    /// somebody else has answered it, and whether it is the last on its connection.
    pub(super) fn open(
        opening: Opening,
        key: u32,
        places: Vec<Place>,
        seen: Option<(Seen, bool)>,
        context: &mut Context,
    ) -> (Self, Bytes) {
        let Opening { caller, address, page, form, format, selection, .. } = opening;
        let now = context.now;
        let transport = form.transport();
        let (side, answer) = match form {
            Form::Messages(handshake) => {
                let (status, headers) = handshake.answer();
                let mut conversation = Conversation::new(handshake.deflate(), address, context);
                conversation.speech = format.map(|format| Box::new(Speech::new(format, now)));
                let answer = HttpAnswer { status, headers, body: answer::Body::None };
                let answer = seen.map(|(seen, _)| context.bytes(answer, seen, false));
                (Transport::Messages(Box::new(conversation)), answer)
            }
            Form::Events => {
                let (status, mut headers) = crate::stream::events::head();
                page.mark(&mut headers);
                let answer = HttpAnswer { status, headers, body: answer::Body::Chunks };
                let answer = seen.map(|(seen, last)| {
                    let head = context.bytes(answer, seen, last);
                    [&*head, &*answer::chunk(BEGINNING)].concat().into()
                });
                (Transport::Events, answer)
            }
            Form::Poll(wait_ms) => {
                let collected = Collected::new(selection.cursor());
                let patience = now.after_ms(wait_ms);
                let one_job = selection.is_one_job();
                let polling = Polling { collected, patience, one_job, page, seen };
                (Transport::Poll(Box::new(polling)), None)
            }
        };
        let name = format!("{transport}-{}", context.app.number());
        let mut session = context.app.hub.session(Arc::clone(&caller), &name, &context.bell, key);
        if let Some(format) = format {
            session.speak(Arc::clone(context.app.dialects.of(format)));
        }
        let scope = if selection.single { Scope::OneJob } else { Scope::Open };
        let mut side = side;
        match &mut side {
            // What it asked for is looked at when it has said who it is.
            Transport::Messages(conversation) if caller.is_nobody() => {
                conversation.unsigned = Some(Box::new((now, selection)));
            }
            Transport::Messages(conversation) => {
                conversation.is_signed_in();
                apply(selection, &mut session, context);
            }
            Transport::Events | Transport::Poll(_) => apply(selection, &mut session, context),
        }
        let mut watcher = Self {
            session,
            transport: side,
            scope,
            working: 0,
            last: None,
            over: None,
            stopping: false,
            connected: Connected::new(&context.app.metrics, transport),
            places,
        };
        // Whoever was let in and then revoked, while a job was looked up or the connection was on its
        // way here, was nobody yet when all watchers were looked at.
        watcher.has_ended(context);
        (watcher, answer.unwrap_or_default())
    }

    /// The session, to be told what came of its requests, or what moved.
    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Takes what came of one of its requests.
    pub(super) fn answered(&mut self, answer: Answer, context: &Context) {
        self.working = self.working.saturating_sub(1);
        self.session.handle_answer(answer, context.time());
    }

    /// Takes what came of one of its commands.
    pub(super) fn commanded(&mut self, id: &str, outcome: Result<Value, Problem>) {
        self.session.handle_command_answer(id, outcome);
    }

    /// Says farewell, because the server stops.
    pub(super) fn stop(&mut self, context: &Context) {
        if !self.stopping {
            self.stopping = true;
            let retry_ms = context.app.retry_ms();
            let reason = ClosingReason::ServerShuttingDown;
            self.session.close(reason, retry_ms, CloseCode::Shutdown);
        }
    }

    /// Why it is over, once everything that was taken has left.
    pub(super) fn over(&self) -> Option<Over> {
        self.over
    }

    /// Whether bytes of the client are wanted: not while its answers have not left, nor while it
    /// has said more than it may.
    pub(super) fn wants_bytes(&mut self, outbound: &Outbound, context: &Context) -> bool {
        if self.last.is_some() || self.over.is_some() {
            return false;
        }
        match &mut self.transport {
            Transport::Messages(conversation) => {
                conversation.earn(context);
                let affords = conversation.affords_a_message();
                affords && self.session.wants_messages() && outbound.has_room(0, 0)
            }
            // Whoever asked has nothing more to say; that it is gone has to be heard all the same.
            Transport::Events | Transport::Poll(_) => true,
        }
    }

    /// Takes bytes of the client while they are wanted; moves `bytes` past them.
    pub(super) fn hear(&mut self, bytes: &mut &[u8], outbound: &mut Outbound, context: &Context) {
        while !bytes.is_empty() && self.wants_bytes(outbound, context) {
            let Transport::Messages(conversation) = &mut self.transport else {
                // What comes before its answer is complete is the next request, if anything.
                return;
            };
            conversation.heard = context.now;
            match conversation.reader.read(bytes) {
                Ok(None) => return,
                Ok(Some(message)) => {
                    conversation.spend();
                    self.message(message, outbound, context);
                }
                Err(fault) => {
                    tracing::debug!(%fault, "a watcher's message could not be read");
                    self.last = Some(Over::Fault(fault.code(), fault.reason()));
                }
            }
        }
    }

    fn message(&mut self, message: Message, outbound: &mut Outbound, context: &Context) {
        let now = context.time();
        match message {
            Message::Text(text) if self.speaks() => self.hear_text(&text, outbound, context),
            Message::Text(text) => self.session.handle_text(&text, now),
            Message::Binary(_) => {
                let what = "a binary message: send JSON as text";
                if self.minds_foreign() {
                    self.session.handle_foreign(what, now);
                }
            }
            Message::Ping(payload) => outbound.push(frame::pong(&payload)),
            Message::Pong => {}
            Message::Close(code) => self.last = Some(Over::Left(code.unwrap_or(close::NORMAL))),
        }
    }

    /// Has the session's requests done: those that need no read at once. Whether any was.
    pub(super) fn work(&mut self, key: u32, serial: u32, context: &Context) -> bool {
        let mut some = false;
        for _ in 0..REQUESTS {
            let free = self.working < AT_ONCE;
            let Some(request) = free.then(|| self.session.poll_request()).flatten() else { break };
            match context.app.hub.perform_now(&self.session, request) {
                Ok(answer) => {
                    some = true;
                    self.session.handle_answer(answer, context.time());
                }
                Err(request) => {
                    self.working += 1;
                    let done = context.app.hub.perform(&self.session, request);
                    context.perform(key, serial, done);
                }
            }
        }
        if let Transport::Messages(conversation) = &mut self.transport {
            let address = conversation.address;
            while let Some(command) = self.session.poll_command() {
                let caller = Arc::clone(self.session.caller());
                context.command((key, serial), (caller, address), command);
            }
            if let Some(token) = self.session.poll_sign_in() {
                conversation.spend_on_sign_in();
                self.sign_in(key, serial, token, address, context);
            }
        }
        some
    }

    /// Whether its client has more to say than its request.
    pub(super) fn converses(&self) -> bool {
        matches!(self.transport, Transport::Messages(_))
    }

    /// Takes frames that can leave now into `frames`.
    pub(super) fn take(
        &mut self,
        frames: &mut Vec<Frame>,
        outbound: &mut Outbound,
        context: &Context,
    ) -> Taken {
        if self.over.is_some() {
            return Taken::All;
        }
        if let Transport::Poll(_) = self.transport {
            return self.collect(outbound, context);
        }
        let now = context.time();
        let mut bytes = 0;
        while frames.len() < FRAMES && outbound.has_room(frames.len(), bytes) {
            if let Scope::Ended(over) = self.scope {
                self.over = Some(over);
                return Taken::All;
            }
            let Some(frame) = self.session.poll_frame(now) else {
                self.over = self.session.poll_close().map(Over::Close).or(self.last);
                return Taken::All;
            };
            if self.scope == Scope::OneJob
                && let Some(over) = self.last_after(&frame)
            {
                self.scope = Scope::Ended(over);
            }
            let Some(frame) = self.in_its_words(frame, context) else { continue };
            bytes += frame.text().len();
            frames.push(frame);
        }
        Taken::Some
    }

    /// A frame's bytes for this watcher; made once for all who share it.
    pub(super) fn encode<'a>(&self, frame: &'a Frame) -> &'a Bytes {
        match &self.transport {
            Transport::Messages(conversation) => message_bytes(frame, conversation.deflate),
            Transport::Events => frame.form(FrameForm::Chunk, |frame| answer::chunk(&event(frame))),
            // What is polled leaves in its answer alone.
            Transport::Poll(_) => frame.text(),
        }
    }

    /// What it is told at last, beside its frames.
    pub(super) fn farewell(&self, over: Over) -> Bytes {
        match (&self.transport, over) {
            (Transport::Messages(conversation), Over::Close(code)) => {
                conversation.close_frame(code)
            }
            (Transport::Messages(_), Over::Fault(code, reason)) => close::frame(code, reason),
            (Transport::Messages(_), Over::Left(code)) => close::frame(code, ""),
            (Transport::Events, _) => answer::LAST_CHUNK,
            (Transport::Poll(_), _) | (Transport::Messages(_), Over::Answered) => Bytes::new(),
        }
    }

    /// Whether another request may follow on its connection.
    pub(super) fn leaves_connection(&self) -> bool {
        match &self.transport {
            Transport::Messages(_) => false,
            Transport::Events | Transport::Poll(_) => !self.stopping,
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Subscribes a session to what was asked.
fn apply(selection: Selection, session: &mut Session, context: &Context) {
    let (subscriptions, positions) = selection.into_parts();
    session.resume(positions);
    for subscription in subscriptions {
        session.handle_message(ClientMessage::Subscribe(subscription), context.time());
    }
}

/// A frame as a WebSocket message.
fn message_bytes(frame: &Frame, deflate: bool) -> &Bytes {
    let plain = |frame: &Frame| frame::text(frame.text());
    if deflate && frame.text().len() >= deflate::WORTH_BYTES {
        frame.form(FrameForm::Compressed, |frame| {
            deflate::text(frame.text()).unwrap_or_else(|| plain(frame))
        })
    } else {
        frame.form(FrameForm::Message, plain)
    }
}
