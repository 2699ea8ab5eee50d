//! What a client says, and how it is answered when it cannot be understood.

use std::sync::atomic::Ordering;

use headway_protocol::frame::ClosingReason;
use headway_protocol::{ClientMessage, CloseCode, ServerMessage, Timestamp, misread};
use serde_json::Value;

use super::{AskedCommand, Session};

/// Refused messages in [`MISTAKES_WITHIN_MS`] that close the connection.
pub(super) const MISTAKES: usize = 10;
pub(super) const MISTAKES_WITHIN_MS: u64 = 60_000;
/// When a client may come back that made too many mistakes, in milliseconds.
const RETRY_AFTER_MISTAKES_MS: u64 = 60_000;

/// Why a message is refused: a word for programs, and what, where, what to do.
pub(super) type Refused = (&'static str, String);

impl Session {
    /// Takes a message as it came.
    pub fn handle_text(&mut self, text: &[u8], now: Timestamp) {
        if text.len() as u64 > self.setting.options.max_message_bytes {
            let limit = self.setting.options.max_message_bytes;
            let size = text.len();
            let message = format!("a message of {size} bytes is above the limit of {limit}");
            self.mistake(None, ("too_large", message), now);
            return;
        }
        match serde_json::from_slice(text) {
            Ok(message) => self.handle_message(message, now),
            Err(error) => {
                let value: Option<Value> = serde_json::from_slice(text).ok();
                let id = value.as_ref().and_then(|value| value.get("id")?.as_str());
                let id = id.map(|id| id.chars().take(128).collect());
                let why = misread::complaint::<ClientMessage>(text, &error);
                self.mistake(id, ("malformed", format!("not a message: {why}")), now);
            }
        }
    }

    /// Says that something came that is no text message.
    pub fn handle_foreign(&mut self, what: &str, now: Timestamp) {
        self.mistake(None, ("malformed", what.to_owned()), now);
    }

    /// Takes a message.
    pub fn handle_message(&mut self, message: ClientMessage, now: Timestamp) {
        if self.closing.is_some() {
            return;
        }
        match message {
            ClientMessage::Subscribe(subscribe) => {
                let id = subscribe.id.clone();
                if let Err(refused) = self.subscribe(subscribe) {
                    self.mistake(Some(id), refused, now);
                }
            }
            ClientMessage::Unsubscribe { id } => {
                if self.unsubscribe(&id) {
                    self.answer(&ServerMessage::Result { id, data: None });
                } else {
                    let message = format!("there is no subscription `{id}` on this connection");
                    self.mistake(Some(id), ("no_such_subscription", message), now);
                }
            }
            ClientMessage::Command { id, job, action } => {
                if let Err(refused) = self.is_signed_in() {
                    self.mistake(Some(id), refused, now);
                    return;
                }
                let busy = self.busy();
                busy.commands += 1;
                busy.asked.push_back(AskedCommand { id, job, action });
            }
            ClientMessage::Auth { token } => self.ask_to_sign_in(token, now),
            ClientMessage::Ping { at } => self.answer(&ServerMessage::Pong { at }),
        }
    }

    pub(super) fn mistake(
        &mut self,
        id: Option<String>,
        (code, message): (&str, String),
        now: Timestamp,
    ) {
        self.setting.metrics.refused.fetch_add(1, Ordering::Relaxed);
        self.answer(&ServerMessage::Error { id, code: code.to_owned(), message });
        let busy = self.busy();
        busy.mistakes.push_back(now);
        busy.forget_mistakes(now);
        if busy.mistakes.len() >= MISTAKES {
            let reason = ClosingReason::TooManyErrors;
            self.close(reason, RETRY_AFTER_MISTAKES_MS, CloseCode::Policy);
        }
    }
}
