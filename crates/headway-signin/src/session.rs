//! A person's session in a browser: what the browser holds, and what is kept of it.
//!
//! The browser holds a secret of its own, not the key or token that it signed in with. A session ends
//! when its time is over, when it was not used for a while, when somebody signs out, and with
//! the credential that it came from.

use std::sync::Arc;

use headway_access::{Caller, Credential};
use headway_protocol::{Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::base62::{self, SECRET_LETTERS};
use crate::key_record::LastUse;
use crate::stored::StoredCaller;

/// What a browser's session begins with.
pub(crate) const PREFIX: &str = "hws_";

/// The most sessions of one subject (or key): the oldest ends when there is another.
pub(crate) const PER_SUBJECT: usize = 32;

const HASH_CONTEXT: &str = "headway 2026-11 browser session";

/// To what uses of sessions are noted, in milliseconds.
pub(crate) const USE_STEP_MS: u64 = 5 * 60_000;

/// A session as it rests in the store. It only grows, by members that may be absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    pub(crate) caller: StoredCaller,
    pub(crate) created_at: Timestamp,
    /// When it ends at the latest.
    pub(crate) ends_at: Timestamp,
    /// A mark of the configured key that it came from, which is no good for guessing that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) admin_mark: Option<u32>,
    /// When somebody signed out. Kept for a while, so that other nodes see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
}

/// A session as it is held in memory.
#[derive(Clone, Debug)]
pub(crate) struct HeldSession {
    pub(crate) record: SessionRecord,
    pub(crate) caller: Arc<Caller>,
    pub(crate) revision: u64,
    pub(crate) last_use: Arc<LastUse>,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    SignedOut,
    Expired,
}

impl HeldSession {
    pub(crate) fn new(record: SessionRecord, revision: u64, last_use: Arc<LastUse>) -> Self {
        let caller = Arc::new(Caller::from(record.caller.clone()));
        Self { record, caller, revision, last_use }
    }

    /// Whether it is over, by itself.
    pub(crate) fn over(&self, now: Timestamp, idle_ms: u64) -> Option<Over> {
        let used = self.last_use.at().unwrap_or_default().max(self.record.created_at);
        // A use is noted to its step, so the last may have been a step later.
        let idle = now.since(used) >= idle_ms.saturating_add(USE_STEP_MS.min(idle_ms));
        if self.record.ended_at.is_some() {
            Some(Over::SignedOut)
        } else if now >= self.record.ends_at || idle {
            Some(Over::Expired)
        } else {
            None
        }
    }

    /// Whose sessions are counted together.
    pub(crate) fn holder(&self) -> Holder<'_> {
        Holder::of(&self.caller)
    }
}

/// Whose sessions are counted together: a key's, a token's, or a subject's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Holder<'a> {
    tenant: &'a str,
    kind: &'static str,
    name: Option<&'a str>,
}

impl<'a> Holder<'a> {
    pub(crate) fn of(caller: &'a Caller) -> Self {
        let name = match &caller.credential {
            Credential::None | Credential::AdminKey => None,
            Credential::Key { id } | Credential::Token { id, .. } => Some(id.as_str()),
            Credential::Jwt { .. } => caller.owner.subject.as_deref(),
        };
        Self { tenant: caller.tenant(), kind: caller.credential.kind(), name }
    }
}

/// What a browser is to hold.
pub(crate) fn make() -> Secret {
    Secret::new(format!("{PREFIX}{}", base62::random(SECRET_LETTERS)))
}

/// The name of the session that a browser holds, which is no secret; `None` for what has another
/// form.
pub(crate) fn name_of(value: &str) -> Option<String> {
    let secret = value.strip_prefix(PREFIX)?;
    if secret.len() != SECRET_LETTERS || !base62::is_base62(secret) {
        return None;
    }
    let hash = blake3::Hasher::new_derive_key(HASH_CONTEXT).update(value.as_bytes()).finalize();
    Some(hash.to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_name_does_not_show_what_the_browser_holds() {
        let held = make();
        let name = name_of(held.expose()).unwrap();
        assert_eq!(name.len(), 64);
        assert!(!held.expose().contains(&name));
        assert_eq!(name_of(held.expose()), Some(name));
        for text in ["", "hws_", "hws_short", &held.expose()[4..], &format!("{}x", held.expose())] {
            assert_eq!(name_of(text), None, "{text}");
        }
    }

    #[test]
    fn it_ends_in_the_end_and_when_it_is_left_alone() {
        let hour = 3_600_000;
        let record = SessionRecord {
            caller: (&Caller::anyone()).into(),
            created_at: at(0),
            ends_at: at(10 * hour),
            admin_mark: None,
            ended_at: None,
        };
        let held = HeldSession::new(record.clone(), 1, Arc::default());
        assert_eq!(held.over(at(hour), hour), None);
        assert_eq!(held.over(at(hour + USE_STEP_MS), hour), Some(Over::Expired));
        held.last_use.note(at(9 * hour), USE_STEP_MS);
        assert_eq!(held.over(at(10 * hour - 1), hour), None);
        assert_eq!(held.over(at(10 * hour), hour), Some(Over::Expired));
        let out = SessionRecord { ended_at: Some(at(1)), ..record };
        let out = HeldSession::new(out, 2, Arc::default());
        assert_eq!(out.over(at(1), hour), Some(Over::SignedOut));
    }
}
