//! What a watch does, and when: no I/O, no clock, no chance of its own.
//!
//! Call [`Session::start`], then [`Session::poll_output`] until it gives nothing, then wait for the
//! next event or until [`Session::next_deadline`], and call the `handle_…` that says what happened.
//! Times are of one clock that does not jump; random numbers are from 0 to 1. It does what the cases
//! of `schema/corpus/session` say, as the clients in other languages do.
//!
//! **Invariants:** there is at most one connection; of one job, states reach the reader in a chain
//! and each event reaches it once; a token that was refused is not used again.

mod address;
mod close;
#[cfg(test)]
mod corpus;
mod credential;
mod lane;
mod names;
mod output;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use headway_protocol::frame::{ClientMessage, ClosingReason, ServerMessage};
use headway_protocol::{CloseCode, Secret, Timestamp};
use serde_json::Value;

pub(crate) use self::address::{Address, Wanted};
pub(crate) use self::close::Close;
use self::close::Meaning;
use self::credential::Credential;
pub(crate) use self::credential::after;
pub(crate) use self::output::{Connect, Output, Question, Transport};
use self::stream::{Fault, Stream};
use super::Selector;
use crate::{Backoff, Error};

/// How long a connection may take to say its first word.
const FIRST_WORD: Duration = Duration::from_secs(15);
/// The shortest time between two signs of life that is insisted on.
const SHORTEST_SILENCE_MS: u64 = 5_000;
/// How long a server may take to close after it has said so.
const CLOSING: Duration = Duration::from_secs(5);
/// The longest that a closing server can keep a watcher away, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 60_000;

/// How long to stay away from a server that does not serve something for now; by chance half of it.
/// Whatever else is watched may be well, so that the backoff would begin anew each time.
const NOT_SERVED: Duration = Duration::from_secs(5);

/// How a session connects.
#[derive(Clone, Debug)]
pub(crate) struct SessionOptions {
    /// Ways to connect, best first.
    pub(crate) transports: Vec<Transport>,
    /// Whether there is somebody to ask for a token.
    pub(crate) sign_in: bool,
    /// Failures in a row after which the next transport is tried, and after the last one nothing.
    pub(crate) attempts: u32,
}

/// Where the one connection is.
#[derive(Debug)]
enum Phase {
    /// There is nothing to be connected for.
    Idle,
    /// Somebody is asked for a token.
    Asking,
    /// A connection is being made, or was.
    Connected(Connected),
    /// It was lost and is tried again.
    Waiting { until: Timestamp },
    /// The reader was told why nothing follows.
    Over,
}

/// A connection.
#[derive(Clone, Copy, Debug)]
struct Connected {
    transport: Transport,
    /// Whether it said something.
    live: bool,
    /// When it is given up unless something comes.
    silent_at: Timestamp,
    silence: Duration,
    /// What the server said about closing it, and by when it has to.
    closing: Option<(ClosingReason, u64, Timestamp)>,
}

/// The one connection of a watch, and whoever has signed in for it.
#[derive(Debug)]
pub(crate) struct Session {
    options: SessionOptions,
    outputs: VecDeque<Output>,
    stream: Stream,
    credential: Credential,
    backoff: Backoff,
    /// The place of the transport in use, and of the best one that was live.
    transport: usize,
    worked: Option<usize>,
    /// The close that refused the token which is not used again.
    refusal: Option<Close>,
    phase: Phase,
}

impl Session {
    pub(crate) fn new(selectors: Vec<Selector>, wanted: Wanted, options: SessionOptions) -> Self {
        Self {
            outputs: VecDeque::new(),
            stream: Stream::new(selectors, wanted),
            credential: Credential::new(options.sign_in),
            backoff: Backoff::new(options.attempts),
            transport: 0,
            worked: None,
            refusal: None,
            phase: Phase::Idle,
            options,
        }
    }

    /// Begins.
    pub(crate) fn start(&mut self, now: Timestamp) {
        if self.is_wanted() {
            self.begin(now);
        }
    }

    /// The next thing to do; `None` when there is none.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.stream.poll_output())
    }

    /// When to call `handle_timeout`; `None` when only an event can change anything.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Connected(connected) => {
                let closing = connected.closing.map(|(_, _, by)| by);
                let renewal = self.credential.renew_at.filter(|_| self.stream.speaks());
                [Some(connected.silent_at), closing, renewal].into_iter().flatten().min()
            }
            Phase::Idle | Phase::Asking | Phase::Over => None,
        }
    }

    /// Whether nothing more comes of anything.
    pub(crate) fn is_finished(&self) -> bool {
        self.stream.is_finished()
    }

    /// A transport is through.
    pub(crate) fn handle_open(&mut self, now: Timestamp) {
        let Phase::Connected(connected) = &mut self.phase else { return };
        connected.heard(now);
        match connected.transport {
            Transport::WebSocket => {
                // The same token again: the answer says until when it holds.
                if let Some(token) = self.credential.untimed().cloned() {
                    self.outputs.push_back(Output::Send(ClientMessage::Auth { token }));
                }
                self.stream.open();
            }
            Transport::ServerSentEvents => {}
        }
    }

    /// Something came that is no message, such as a comment, or whoever reads was busy until now.
    pub(crate) fn handle_activity(&mut self, now: Timestamp) {
        if let Phase::Connected(connected) = &mut self.phase {
            connected.heard(now);
        }
    }

    /// A message came.
    pub(crate) fn handle_message(&mut self, message: ServerMessage, now: Timestamp, random: f64) {
        let Phase::Connected(connected) = &mut self.phase else { return };
        connected.heard(now);
        if !std::mem::replace(&mut connected.live, true) {
            self.worked = Some(self.worked.map_or(self.transport, |best| best.min(self.transport)));
        }
        match &message {
            ServerMessage::Hello { heartbeat_ms, .. } => {
                let silence = heartbeat_ms.saturating_mul(2).max(SHORTEST_SILENCE_MS);
                connected.silence = Duration::from_millis(silence);
                connected.heard(now);
            }
            ServerMessage::Closing { reason, retry_ms } => {
                connected.closing = Some((*reason, *retry_ms, after(now, CLOSING)));
            }
            ServerMessage::Error { id: Some(id), code, .. } if id == AUTH => {
                // A server that asks nobody to sign in says so; once is enough.
                if matches!(code.as_str(), "unauthenticated" | "sign_in_under_way") {
                    self.credential.failed(now);
                }
                return;
            }
            // A greeting or a refusal is no sign that the next connection will be better.
            ServerMessage::Error { .. } => {}
            ServerMessage::Result { id, data } if id == AUTH => {
                self.proven();
                if let Some(data) = data {
                    self.credential.holds_until(expiry(data), now, random);
                }
                return;
            }
            ServerMessage::Snapshot { .. }
            | ServerMessage::Update { .. }
            | ServerMessage::Event { .. }
            | ServerMessage::Gap { .. }
            | ServerMessage::End { .. }
            | ServerMessage::Subscribed { .. }
            | ServerMessage::Heartbeat { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Unknown => self.proven(),
        }
        let close = match self.stream.take(message) {
            Ok(()) => return,
            Err(Fault::Hole) => Close::Hole,
            Err(Fault::NotServed(problem)) => {
                tracing::warn!(
                    reason = problem.detail,
                    "not served for now: it is asked for again"
                );
                let retry_after = Some(NOT_SERVED.mul_f64(0.5 + 0.5 * random));
                Close::Failed(Error::Refused { problem: Box::new(problem), retry_after })
            }
        };
        self.outputs.push_back(Output::Disconnect);
        self.handle_close(close, now, random);
    }

    /// The connection is over.
    pub(crate) fn handle_close(&mut self, close: Close, now: Timestamp, random: f64) {
        let Phase::Connected(connected) = self.phase else { return };
        self.stream.close();
        self.phase = Phase::Idle;
        let said = connected.closing.and_then(|(reason, _, _)| signed_out(reason));
        let close = match said {
            Some(error) if close.meaning() != Meaning::SignedOut => Close::Failed(error),
            Some(_) | None => close,
        };
        match close.meaning() {
            Meaning::SignedOut if self.credential.is_replaceable() => {
                self.credential.refuse();
                self.refusal = Some(close);
                self.phase = Phase::Asking;
                self.outputs.push_back(Output::AskToken(Question::Instead));
            }
            // The plain request that follows is refused in words.
            Meaning::SignedOut | Meaning::NoWay
                if matches!(close, Close::NotUpgraded { .. }) && self.has_another_transport() =>
            {
                self.transport += 1;
                self.phase = Phase::Waiting { until: now };
            }
            Meaning::SignedOut | Meaning::Final => {
                if close.is_not_found() {
                    self.stream.refuse();
                }
                self.over(close);
            }
            Meaning::Seen => {
                self.stream.finish();
                self.come_back(close, 0, now, random);
            }
            Meaning::NoWay | Meaning::Lost => {
                if connected.live {
                    self.transport = self.worked.unwrap_or(self.transport);
                }
                let pause = connected.closing.map_or(close.pause_ms(), |(_, retry_ms, _)| retry_ms);
                self.come_back(close, pause, now, random);
            }
        }
    }

    /// A token came, and when to replace it, if whoever gave it knows.
    pub(crate) fn handle_token(
        &mut self,
        token: Secret,
        renew_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let is_new = self.credential.take(token.clone(), renew_at);
        match &self.phase {
            Phase::Asking if is_new => self.connect(now),
            // It was refused before, on this connection or on an earlier one.
            Phase::Asking => {
                let refusal = self.refusal.take().unwrap_or(Close::Failed(Error::Token));
                self.over(refusal);
            }
            // Renewing in place: whoever has no other token keeps this one until the server ends it.
            Phase::Connected(_) if is_new && self.stream.speaks() => {
                self.outputs.push_back(Output::Send(ClientMessage::Auth { token }));
            }
            Phase::Connected(_) | Phase::Idle | Phase::Waiting { .. } | Phase::Over => {}
        }
    }

    /// Whoever was asked has no other token than the one in use, and when to ask again. A connection
    /// that stands was shown it.
    pub(crate) fn handle_same_token(
        &mut self,
        token: Secret,
        renew_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        match &self.phase {
            Phase::Connected(_) => self.credential.keep(renew_at, now),
            Phase::Asking | Phase::Idle | Phase::Waiting { .. } | Phase::Over => {
                self.handle_token(token, renew_at, now);
            }
        }
    }

    /// There is no token to be had.
    pub(crate) fn handle_token_failure(&mut self, error: Error, now: Timestamp, random: f64) {
        self.credential.failed(now);
        if !matches!(self.phase, Phase::Asking) {
            return;
        }
        match self.backoff.next(random) {
            Some(wait) if error.is_retryable() => {
                self.phase = Phase::Waiting { until: after(now, wait) };
            }
            Some(_) | None => self.over(Close::Failed(error)),
        }
    }

    /// A deadline has passed.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp, random: f64) {
        match self.phase {
            Phase::Waiting { until } if until <= now => self.begin(now),
            Phase::Connected(connected) => {
                let closing = connected.closing.is_some_and(|(_, _, by)| by <= now);
                if connected.silent_at <= now || closing {
                    self.outputs.push_back(Output::Disconnect);
                    self.handle_close(Close::Silent, now, random);
                } else if self.stream.speaks()
                    && self.credential.renew_at.is_some_and(|renew_at| renew_at <= now)
                {
                    self.credential.renew_at = None;
                    self.outputs.push_back(Output::AskToken(Question::ToRenew));
                }
            }
            Phase::Waiting { .. } | Phase::Idle | Phase::Asking | Phase::Over => {}
        }
    }

    /// Waits for the next attempt; after enough of them the next transport has its turn at once, and
    /// after the last one the watch is over.
    fn come_back(&mut self, close: Close, pause_ms: u64, now: Timestamp, random: f64) {
        if !self.is_wanted() {
            self.phase = Phase::Idle;
            return;
        }
        let wait = match self.backoff.next(random) {
            Some(wait) => wait,
            None if self.has_another_transport() => {
                self.transport += 1;
                self.backoff.reset();
                Duration::ZERO
            }
            None => return self.over(close),
        };
        let pause = Duration::from_millis(pause_ms.min(LONGEST_PAUSE_MS));
        self.phase = Phase::Waiting { until: after(now, wait.max(pause)) };
    }

    fn over(&mut self, close: Close) {
        self.phase = Phase::Over;
        self.outputs.push_back(Output::Over(close));
    }

    fn begin(&mut self, now: Timestamp) {
        if self.credential.is_asked() {
            self.credential.renew_at = None;
            self.phase = Phase::Asking;
            self.outputs.push_back(Output::AskToken(Question::ToConnect));
        } else {
            self.connect(now);
        }
    }

    fn connect(&mut self, now: Timestamp) {
        let transport = self.transport();
        let connect = match transport {
            Transport::WebSocket => Connect::WebSocket,
            Transport::ServerSentEvents => Connect::ServerSentEvents(self.stream.address()),
        };
        self.outputs.push_back(Output::Connect(connect));
        self.phase = Phase::Connected(Connected {
            transport,
            live: false,
            silent_at: after(now, FIRST_WORD),
            silence: FIRST_WORD,
            closing: None,
        });
    }

    /// Whether there is anything to be connected for.
    fn is_wanted(&self) -> bool {
        self.stream.is_wanted(self.transport())
    }

    fn transport(&self) -> Transport {
        self.options.transports.get(self.transport).copied().unwrap_or(Transport::WebSocket)
    }

    fn has_another_transport(&self) -> bool {
        self.transport + 1 < self.options.transports.len()
    }

    fn proven(&mut self) {
        self.backoff.reset();
        self.credential.proven();
    }
}

/// The name of answers to `auth`.
const AUTH: &str = "auth";

impl Connected {
    fn heard(&mut self, now: Timestamp) {
        self.silent_at = after(now, self.silence);
    }
}

/// What a closing server says about who has signed in.
fn signed_out(reason: ClosingReason) -> Option<Error> {
    let reason = match reason {
        ClosingReason::TokenExpired => "the token's time ran out",
        ClosingReason::Revoked => "what was signed in with was revoked",
        ClosingReason::Unauthenticated => "nobody has signed in in time",
        ClosingReason::ServerShuttingDown
        | ClosingReason::Slow
        | ClosingReason::TooManyErrors
        | ClosingReason::Idle
        | ClosingReason::RateLimited
        | ClosingReason::TooManyConnections
        | ClosingReason::Unknown => return None,
    };
    Some(Error::Closed { code: CloseCode::InvalidToken.as_u16(), reason: reason.to_owned() })
}

/// Until when a token holds, as the answer to `auth` says it.
fn expiry(data: &Value) -> Option<Timestamp> {
    data.get("expires_at")?.as_str()?.parse().ok()
}
