//! The other direction of a WebSocket: what a client says, and how much it may.

use std::net::IpAddr;

use bytes::Bytes;
use headway_protocol::CloseCode;
use headway_websocket::{Reader, close};

use super::admission::Limit;
use super::shard::Context;
use super::wheel::Tick;
use crate::compatible::speech::Speech;
use crate::stream::selection::Selection;

/// A message up to this size is read and then refused with a reason; a larger one closes the
/// connection.
const MESSAGE_BYTES: u32 = 256 * 1024;

/// The same for somebody who has not said who they are: a token and what is around it. Anybody may keep
/// a part of a message here, on every connection that they are let have.
const UNSIGNED_MESSAGE_BYTES: u32 = 16 * 1024;

/// What a message costs of a watcher's credit, which grows by the messages a second that it may send
/// in every millisecond.
const MESSAGE_CREDIT: u32 = 1_000;

/// What a sign-in costs more than any message.
const SIGN_IN_CREDIT: u32 = 9 * MESSAGE_CREDIT;

/// The other direction of a WebSocket.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) reader: Reader,
    pub(super) deflate: bool,
    pub(super) heard: Tick,
    pub(super) pinged: Tick,
    /// What messages may still cost; see [`MESSAGE_CREDIT`].
    pub(super) credit: u32,
    pub(super) credited: Tick,
    /// Since when it has sent more than it may.
    pub(super) flooding: Option<Tick>,
    /// Since when nothing is subscribed.
    pub(super) idle: Option<Tick>,
    /// Where it comes from.
    pub(super) address: IpAddr,
    /// Since when it has not said who it is, and what it wants to watch then.
    pub(super) unsigned: Option<Box<(Tick, Selection)>>,
    /// What it says in another format than the stream's own.
    pub(super) speech: Option<Box<Speech>>,
}

impl Conversation {
    /// A conversation with somebody of whom nothing is known that begins now; `deflate` says whether
    /// compression was agreed on.
    pub(super) fn new(deflate: bool, address: IpAddr, context: &Context) -> Self {
        let now = context.now;
        Self {
            reader: Reader::new(UNSIGNED_MESSAGE_BYTES, deflate),
            deflate,
            heard: now,
            pinged: now,
            credit: full_credit(context.admission.limits().message_burst),
            credited: now,
            flooding: None,
            idle: Some(now),
            address,
            unsigned: None,
            speech: None,
        }
    }

    /// It is known with whom.
    pub(super) fn is_signed_in(&mut self) {
        self.reader.allow(MESSAGE_BYTES);
    }

    /// What it is closed with.
    pub(super) fn close_frame(&self, code: CloseCode) -> Bytes {
        let (code, reason) = match &self.speech {
            None => (code.as_u16(), crate::stream::reason(code)),
            Some(speech) => speech.format().close(code),
        };
        close::frame(code, reason)
    }

    /// Whether it may say something now.
    pub(super) fn affords_a_message(&self) -> bool {
        self.credit >= MESSAGE_CREDIT
    }

    /// Adds what the time since the last message allows.
    pub(super) fn earn(&mut self, context: &Context) {
        let limits = context.admission.limits();
        let earned = context.now.ms_since(self.credited) * u64::from(limits.messages_per_second);
        let full = full_credit(limits.message_burst);
        let credit = u64::from(self.credit).saturating_add(earned).min(u64::from(full));
        self.credited = context.now;
        self.credit = u32::try_from(credit).unwrap_or(full);
        if self.credit >= MESSAGE_CREDIT {
            if self.credit == full {
                self.flooding = None;
            }
        } else if self.flooding.is_none() {
            self.flooding = Some(context.now);
            context.admission.hit(Limit::Messages);
        }
    }

    pub(super) fn spend(&mut self) {
        self.credit = self.credit.saturating_sub(MESSAGE_CREDIT);
    }

    /// Takes what a sign-in costs: it may have everything that is watched looked up again.
    pub(super) fn spend_on_sign_in(&mut self) {
        self.credit = self.credit.saturating_sub(SIGN_IN_CREDIT);
    }

    /// When it may say something again that may not now.
    pub(super) fn credit_due(&self, context: &Context) -> Option<Tick> {
        let rate = u64::from(context.admission.limits().messages_per_second);
        let missing = u64::from(MESSAGE_CREDIT.saturating_sub(self.credit));
        (missing > 0).then(|| context.now.after_ms(missing.div_ceil(rate.max(1))))
    }
}

fn full_credit(burst: u32) -> u32 {
    burst.saturating_mul(MESSAGE_CREDIT)
}
