//! One connection that speaks a format: what it says beside the states that all share, and when.
//!
//! Owner: the watcher. Bounded: a format, a few moments, and what a client has narrowed a session
//! to.

use headway_hub::session::Session;
use headway_hub::{Frame, FrameKind};
use headway_protocol::{CloseCode, ProblemCode, ServerMessage, Timestamp, misread};
use serde_json::Value;

use super::session::{Narrowing, Said};
use super::{Format, analysis, job_progress, session};
use crate::front::wheel::Tick;

/// See the module.
#[derive(Debug)]
pub(crate) struct Speech {
    format: Format,
    narrowing: Narrowing,
    /// When the client has said something, or was told that it has not.
    quiet_since: Tick,
    /// When the client has said something or was told of a job.
    idle_since: Tick,
}

impl Speech {
    /// A conversation in a format that begins now.
    pub(crate) fn new(format: Format, now: Tick) -> Self {
        let narrowing = Narrowing::default();
        Self { format, narrowing, quiet_since: now, idle_since: now }
    }

    /// The format.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Takes a client's text, which may have so many bytes; what it is answered at once.
    pub(crate) fn hear(
        &mut self,
        (text, most): (&[u8], u64),
        session: &mut Session,
        (tick, now): (Tick, Timestamp),
    ) -> Option<Value> {
        (self.quiet_since, self.idle_since) = (tick, tick);
        if text.len() as u64 > most {
            let size = text.len();
            let what = format!("a message of {size} bytes is above the limit of {most}");
            if self.listens() {
                session.handle_foreign(&what, now);
            }
            return None;
        }
        match self.format {
            // There is nothing to ask of an analysis: its service has never listened.
            Format::Analysis => None,
            Format::JobProgress => {
                job_progress::hear(text, session, now);
                None
            }
            Format::Session => match serde_json::from_slice::<Said>(text) {
                Ok(said) => said.carry_out(&mut self.narrowing, session, now),
                Err(error) => {
                    let why = misread::complaint::<Said>(text, &error);
                    session.handle_foreign(&format!("not a message: {why}"), now);
                    None
                }
            },
        }
    }

    /// Whether anything that a client says matters.
    pub(crate) fn listens(&self) -> bool {
        match self.format {
            Format::Analysis => false,
            Format::JobProgress | Format::Session => true,
        }
    }

    /// A frame of the session in the words of the format; `None`: the format has none for it.
    pub(crate) fn reword(
        &mut self,
        frame: Frame,
        session: &mut Session,
        (tick, now): (Tick, Timestamp),
    ) -> Option<Frame> {
        if matches!(frame.kind(), FrameKind::Snapshot | FrameKind::Update) {
            // A state, told in the format already.
            let told = match self.format {
                Format::Analysis | Format::JobProgress => frame,
                Format::Session => self.narrowing.of(frame)?,
            };
            self.idle_since = tick;
            return Some(told);
        }
        let message: ServerMessage = serde_json::from_slice(frame.text()).ok()?;
        let said = match self.format {
            Format::Analysis => analysis::reword(&message),
            Format::JobProgress => job_progress::reword(&message, now),
            Format::Session => session::reword(&message, &mut self.narrowing, session, now),
        }?;
        Some(frame.reworded(said.to_string()))
    }

    /// The code and the reason to close with after a frame of the session, when nothing follows it.
    /// `subscribed`: whether a subscription still stands.
    pub(crate) fn last(&self, frame: &Frame, subscribed: bool) -> Option<(u16, &'static str)> {
        if !matches!(frame.kind(), FrameKind::End | FrameKind::Error) {
            return None;
        }
        let ended = match serde_json::from_slice(frame.text()).ok()? {
            ServerMessage::End { status, .. } => Ok(status),
            ServerMessage::Error { code, .. } => Err(code),
            ServerMessage::Hello { .. }
            | ServerMessage::Subscribed { .. }
            | ServerMessage::Snapshot { .. }
            | ServerMessage::Update { .. }
            | ServerMessage::Event { .. }
            | ServerMessage::Gap { .. }
            | ServerMessage::Heartbeat { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. }
            | ServerMessage::Unknown => return None,
        };
        match (self.format, ended) {
            (Format::Analysis, Ok(status)) => {
                analysis::end(status).or(Some(self.format.close(CloseCode::Ended)))
            }
            (Format::Analysis | Format::Session, Err(code)) if !subscribed => {
                Some(self.format.close(why_not(&code)))
            }
            (Format::JobProgress, _) | (Format::Session, Ok(_)) | (_, Err(_)) => None,
        }
    }

    /// What to say because the client has said nothing for `silence_ms`.
    pub(crate) fn break_silence(
        &mut self,
        silence_ms: u64,
        (tick, now): (Tick, Timestamp),
    ) -> Option<Value> {
        if self.silence_due(silence_ms)? > tick {
            return None;
        }
        self.quiet_since = tick;
        Some(job_progress::heartbeat(now))
    }

    /// When that is due, in the format that does so.
    pub(crate) fn silence_due(&self, silence_ms: u64) -> Option<Tick> {
        match self.format {
            Format::JobProgress => Some(self.quiet_since.after_ms(silence_ms)),
            Format::Analysis | Format::Session => None,
        }
    }

    /// When the connection has been idle for `idle_ms`, in the format that ends with that.
    pub(crate) fn idle_due(&self, idle_ms: u64) -> Option<Tick> {
        match self.format {
            Format::Session => Some(self.idle_since.after_ms(idle_ms)),
            Format::Analysis | Format::JobProgress => None,
        }
    }
}

/// Why what a connection is for cannot be watched.
fn why_not(code: &str) -> CloseCode {
    let is = |known: ProblemCode| known.as_str() == code;
    if is(ProblemCode::NotFound) || is(ProblemCode::Forbidden) {
        CloseCode::NoSuchJob
    } else if is(ProblemCode::TooManyConnections) {
        CloseCode::ConnectionLimit
    } else {
        // A read that failed is no reason not to come back.
        CloseCode::Overloaded
    }
}
