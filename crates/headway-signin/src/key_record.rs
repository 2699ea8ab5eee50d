//! An API key as it rests in the store, and as it is held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headway_access::{Caller, Credential, Reach, Scopes};
use headway_protocol::access::KeyInfo;
use headway_protocol::{Owner, Timestamp};
use serde::{Deserialize, Serialize};

/// An API key as it rests in the store. It only grows, by members that may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    pub(crate) name: String,
    pub(crate) owner: Owner,
    pub(crate) scopes: Scopes,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) own_only: bool,
    /// Of the whole key, hexadecimal.
    pub(crate) hash: String,
    pub(crate) created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked_at: Option<Timestamp>,
}

impl KeyRecord {
    fn caller(&self, id: &str) -> Caller {
        Caller {
            owner: self.owner.clone(),
            scopes: self.scopes,
            reach: if self.own_only { Reach::Own } else { Reach::Tenant },
            credential: Credential::Key { id: id.to_owned() },
            expires_at: self.expires_at,
            session: None,
        }
    }

    /// What is told of it. `ended_at` is when its subject was revoked, if that ended it.
    pub(crate) fn info(
        &self,
        id: &str,
        ended_at: Option<Timestamp>,
        last_used_at: Option<Timestamp>,
    ) -> KeyInfo {
        KeyInfo {
            id: id.to_owned(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            scopes: self.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            own_only: self.own_only,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at,
            revoked_at: match (self.revoked_at, ended_at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
        }
    }
}

/// A key as it is held in memory.
#[derive(Clone, Debug)]
pub(crate) struct HeldKey {
    pub(crate) record: KeyRecord,
    pub(crate) hash: blake3::Hash,
    pub(crate) caller: Arc<Caller>,
    pub(crate) revision: u64,
    pub(crate) last_use: Arc<LastUse>,
}

impl HeldKey {
    /// `None` when the hash of the record is none.
    pub(crate) fn new(
        id: &str,
        record: KeyRecord,
        revision: u64,
        last_use: Arc<LastUse>,
    ) -> Option<Self> {
        let hash = blake3::Hash::from_hex(&record.hash).ok()?;
        let caller = Arc::new(record.caller(id));
        Some(Self { record, hash, caller, revision, last_use })
    }
}

/// When something was used last, to the step that it is noted with.
///
/// It is noted in memory alone, and written by the service now and then: the path of a request writes
/// nothing, and a crash costs at most what came since.
#[derive(Debug, Default)]
pub(crate) struct LastUse {
    noted: AtomicU64,
    written: AtomicU64,
}

impl LastUse {
    /// Notes a use.
    pub(crate) fn note(&self, now: Timestamp, step_ms: u64) {
        let now = now.as_millis();
        let step = now - now % step_ms.max(1);
        // Nearly always there is nothing to write, and reading shares the cache line.
        if self.noted.load(Ordering::Relaxed) < step {
            self.noted.fetch_max(step, Ordering::Relaxed);
        }
    }

    /// Takes over what some node has written.
    pub(crate) fn learn(&self, at: Timestamp) {
        self.noted.fetch_max(at.as_millis(), Ordering::Relaxed);
        self.written.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// When it was; `None` when never.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        match self.noted.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        }
    }

    /// What is to be written, if anything is.
    pub(crate) fn unwritten(&self) -> Option<Timestamp> {
        let noted = self.noted.load(Ordering::Relaxed);
        let due = noted > self.written.load(Ordering::Relaxed);
        due.then(|| Timestamp::from_millis(noted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_to_its_step_and_written_once() {
        let at = Timestamp::from_millis;
        let last = LastUse::default();
        assert_eq!((last.at(), last.unwritten()), (None, None));
        last.note(at(125_000), 60_000);
        assert_eq!(last.at(), Some(at(120_000)));
        assert_eq!(last.unwritten(), Some(at(120_000)));
        last.learn(at(120_000));
        assert_eq!(last.unwritten(), None);
        last.note(at(130_000), 60_000);
        assert_eq!(last.unwritten(), None);
        last.note(at(180_000), 60_000);
        assert_eq!(last.unwritten(), Some(at(180_000)));
        last.learn(at(240_000));
        assert_eq!((last.at(), last.unwritten()), (Some(at(240_000)), None));
    }
}
