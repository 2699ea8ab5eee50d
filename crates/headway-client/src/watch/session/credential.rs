//! The token that a session shows, and when to ask for the next one.

use std::time::Duration;

use headway_protocol::{Secret, Timestamp};

/// The share of its life after which a token is replaced, and how much earlier it may be.
const REPLACED_AFTER: f64 = 0.8;
const SPREAD: f64 = 0.2;

/// The shortest time between two questions while a token still holds.
const PAUSE: Duration = Duration::from_secs(10);

/// A token and what became of it.
///
/// **Invariants:** a token that was refused is not used again; after two refusals in a row nobody is
/// asked for another one.
#[derive(Debug)]
pub(crate) struct Credential {
    /// Whether there is somebody to ask.
    asked: bool,
    pub(super) token: Option<Secret>,
    /// Whether whoever gave the token has said for how long it holds.
    is_timed: bool,
    refused: Option<Secret>,
    /// Whether the token took the place of one that was refused, and nothing came since.
    replaced: bool,
    pub(crate) renew_at: Option<Timestamp>,
}

impl Credential {
    pub(crate) fn new(asked: bool) -> Self {
        Self { asked, token: None, is_timed: false, refused: None, replaced: false, renew_at: None }
    }

    /// Whether there is somebody to ask for a token.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked
    }

    /// A token to be told again on a new connection, when only the server's answer says for how long
    /// it holds.
    pub(crate) fn untimed(&self) -> Option<&Secret> {
        self.token.as_ref().filter(|_| !self.is_timed)
    }

    /// Takes a token and when to replace it, if whoever gave it has said that. Whether it can be
    /// used: one that was refused cannot.
    pub(crate) fn take(&mut self, token: Secret, renew_at: Option<Timestamp>) -> bool {
        if self.refused.as_ref().is_some_and(|refused| refused.expose() == token.expose()) {
            return false;
        }
        self.token = Some(token);
        self.is_timed = renew_at.is_some();
        self.renew_at = renew_at;
        true
    }

    /// There is no other token: asks again at a moment, and not too soon.
    pub(crate) fn keep(&mut self, renew_at: Option<Timestamp>, now: Timestamp) {
        self.renew_at = renew_at.map(|at| at.max(after(now, PAUSE)));
    }

    /// The server said until when the token holds; `None`: until it is revoked.
    pub(crate) fn holds_until(&mut self, end: Option<Timestamp>, now: Timestamp, random: f64) {
        if self.is_timed {
            return;
        }
        self.renew_at = end.map(|end| {
            let share = REPLACED_AFTER - SPREAD * random;
            let life = Duration::from_millis(end.since(now));
            after(now, life.mul_f64(share).max(PAUSE))
        });
    }

    /// The next token could not be had, or was not taken: ask again soon.
    pub(crate) fn failed(&mut self, now: Timestamp) {
        if self.asked {
            self.renew_at = Some(after(now, PAUSE));
        }
    }

    /// Whether another token is worth an attempt when this one is refused.
    pub(crate) fn is_replaceable(&self) -> bool {
        self.asked && !self.replaced
    }

    /// The server does not take the token.
    pub(crate) fn refuse(&mut self) {
        self.refused = self.token.take();
        self.renew_at = None;
        self.replaced = true;
    }

    /// The server serves whoever shows the token.
    pub(crate) fn proven(&mut self) {
        self.replaced = false;
    }
}

/// A moment and so much more, to the millisecond.
pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.plus(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}
