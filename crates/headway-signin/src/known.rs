//! What a node knows of who may come in, in memory: keys, revocations, sessions, and what its own
//! tokens are signed with.
//!
//! It is a fold of entries of the store. A node folds its own changes at once and others' when it
//! next looks, so an entry may come more than once and late: one that is older than what is held
//! changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use headway_access::{Caller, Credential};
use headway_protocol::Timestamp;
use headway_store::{Entry, StoreError};
use serde::{Deserialize, Serialize};

use crate::Ended;
use crate::collection;
use crate::key_record::{HeldKey, KeyRecord, LastUse};
use crate::revocation::{Revocation, Revocations};
use crate::ring::Ring;
use crate::session::{HeldSession, Over, SessionRecord};

/// What a node knows of who may come in.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By id, oldest first.
    pub(crate) keys: BTreeMap<String, HeldKey>,
    /// By name.
    pub(crate) sessions: HashMap<String, HeldSession>,
    pub(crate) revocations: Revocations,
    pub(crate) ring: Ring,
    /// The revision of the ring.
    pub(crate) ring_revision: u64,
}

/// When something was used last, as it rests in the store.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct UseRecord {
    pub(crate) at: Timestamp,
}

impl Known {
    /// Takes an entry in; answers whether somebody may have lost something by it.
    pub(crate) fn fold(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        match entry.collection.as_str() {
            collection::KEYS => self.fold_key(entry),
            collection::USES => {
                let UseRecord { at } = entry.parse()?;
                if let Some(last_use) = self.use_named(&entry.key) {
                    last_use.learn(at);
                }
                Ok(false)
            }
            collection::REVOCATIONS => Ok(self.revocations.add(entry.parse::<Revocation>()?)),
            collection::SESSIONS => self.fold_session(entry),
            collection::SIGNING if entry.key == collection::RING => self.fold_ring(entry),
            _ => Ok(false),
        }
    }

    fn fold_key(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        let held = self.keys.get(&entry.key);
        if held.is_some_and(|held| held.revision >= entry.revision) {
            return Ok(false);
        }
        let record: KeyRecord = entry.parse()?;
        let was_revoked = held.is_some_and(|held| held.record.revoked_at.is_some());
        let ends = record.revoked_at.is_some() && !was_revoked;
        let last_use = held.map_or_else(Arc::default, |held| Arc::clone(&held.last_use));
        let key = HeldKey::new(&entry.key, record, entry.revision, last_use);
        let key = key.ok_or_else(|| damaged(entry, "its hash is none"))?;
        self.keys.insert(entry.key.clone(), key);
        Ok(ends)
    }

    fn fold_session(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        let held = self.sessions.get(&entry.key);
        if held.is_some_and(|held| held.revision >= entry.revision) {
            return Ok(false);
        }
        let record: SessionRecord = entry.parse()?;
        let ends = record.ended_at.is_some();
        let last_use = held.map_or_else(Arc::default, |held| Arc::clone(&held.last_use));
        let session = HeldSession::new(record, entry.revision, last_use);
        self.sessions.insert(entry.key.clone(), session);
        Ok(ends)
    }

    fn fold_ring(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        if self.ring_revision >= entry.revision {
            return Ok(false);
        }
        self.ring = entry.parse()?;
        self.ring_revision = entry.revision;
        Ok(false)
    }

    fn use_named(&self, key: &str) -> Option<&LastUse> {
        match key.split_once('.')? {
            ("key", id) => self.keys.get(id).map(|held| &*held.last_use),
            ("session", name) => self.sessions.get(name).map(|held| &*held.last_use),
            _ => None,
        }
    }

    /// Uses that are to be written, as keys of [`collection::USES`], at most `limit`.
    pub(crate) fn unwritten_uses(&self, limit: usize) -> Vec<(String, UseRecord)> {
        let keys = self.keys.iter().filter_map(|(id, held)| {
            Some((collection::use_of_key(id), UseRecord { at: held.last_use.unwritten()? }))
        });
        let sessions = self.sessions.iter().filter_map(|(name, held)| {
            Some((collection::use_of_session(name), UseRecord { at: held.last_use.unwritten()? }))
        });
        keys.chain(sessions).take(limit).collect()
    }

    /// Notes that these were written.
    pub(crate) fn wrote_uses(&self, uses: &[(String, UseRecord)]) {
        for (key, UseRecord { at }) in uses {
            if let Some(last_use) = self.use_named(key) {
                last_use.learn(*at);
            }
        }
    }

    /// When the subject of a key was revoked, if that ended the key.
    pub(crate) fn key_ended_at(&self, record: &KeyRecord) -> Option<Timestamp> {
        let subject = record.owner.subject.as_deref()?;
        let before = self.revocations.of_subject(&record.owner.tenant, subject)?;
        (record.created_at <= before).then_some(before)
    }

    /// Whether a caller's credential still holds, apart from its session.
    pub(crate) fn stands(&self, caller: &Caller, now: Timestamp) -> Result<(), Ended> {
        let tenant = caller.tenant();
        let subject = caller.owner.subject.as_deref();
        let revoked = match &caller.credential {
            Credential::None | Credential::AdminKey => false,
            Credential::Key { id } => !self.has_key(id),
            Credential::Jwt { id, issued_at } => {
                self.revocations.ends(tenant, subject, *issued_at)
                    || id.as_deref().is_some_and(|id| self.revocations.has_token(tenant, id))
            }
            Credential::Token { id, issued_at, by_key, by_subject } => {
                self.revocations.has_token(tenant, id)
                    || self.revocations.ends(tenant, subject, *issued_at)
                    || self.revocations.ends(tenant, by_subject.as_deref(), *issued_at)
                    || by_key.as_deref().is_some_and(|key| !self.has_key(key))
            }
        };
        if revoked {
            Err(Ended::Revoked)
        } else if caller.expires_at.is_some_and(|end| now >= end) {
            Err(Ended::Expired)
        } else {
            Ok(())
        }
    }

    /// Whether there is such a key and nobody has revoked it or its subject.
    fn has_key(&self, id: &str) -> bool {
        self.keys.get(id).is_some_and(|held| {
            held.record.revoked_at.is_none() && self.key_ended_at(&held.record).is_none()
        })
    }

    /// What has been over for long enough, about `limit` of each at most. Every node tells by the
    /// same rules.
    pub(crate) fn over(&self, now: Timestamp, idle_ms: u64, limit: usize) -> Gone {
        // Another node may have seen a session used, and not said so yet.
        let earlier = Timestamp::from_millis(now.as_millis().saturating_sub(TOLD_MS));
        let sessions = self.sessions.iter().filter(|(_, held)| match held.over(earlier, idle_ms) {
            // Until every node has seen that it has ended.
            Some(Over::SignedOut) => {
                held.record.ended_at.is_some_and(|ended| now.since(ended) > SEEN_BY_ALL_MS)
            }
            Some(Over::Expired) => true,
            None => false,
        });
        let keys = self.keys.iter().filter(|(_, HeldKey { record, .. })| {
            let by_subject = self.key_ended_at(record);
            let ended = [record.revoked_at, record.expires_at, by_subject];
            let ended = ended.into_iter().flatten().min();
            ended.is_some_and(|ended| now.since(ended) > DEAD_KEYS_MS)
        });
        Gone {
            sessions: sessions.map(|(name, _)| name.clone()).take(limit).collect(),
            keys: keys.map(|(id, _)| id.clone()).take(limit).collect(),
            revocations: self.revocations_over(now, limit),
        }
    }

    /// Revocations that nothing is left of which they ended.
    fn revocations_over(&self, now: Timestamp, limit: usize) -> Vec<Revocation> {
        let mut oldest: HashMap<(&str, &str), Timestamp> = HashMap::new();
        for HeldKey { record, .. } in self.keys.values() {
            let owner = &record.owner;
            if let (Some(subject), None) = (owner.subject.as_deref(), record.revoked_at) {
                let oldest = oldest.entry((&owner.tenant, subject)).or_insert(record.created_at);
                *oldest = record.created_at.min(*oldest);
            }
        }
        self.revocations.over(now, limit, |tenant, subject, before| {
            oldest.get(&(tenant, subject)).is_some_and(|created_at| *created_at <= before)
        })
    }

    /// Forgets what is over.
    pub(crate) fn forget(&mut self, gone: &Gone) {
        for name in &gone.sessions {
            self.sessions.remove(name);
        }
        for id in &gone.keys {
            self.keys.remove(id);
        }
        for revocation in &gone.revocations {
            self.revocations.forget(revocation);
        }
    }
}

/// What has been over for long enough.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    sessions: Vec<String>,
    keys: Vec<String>,
    revocations: Vec<Revocation>,
}

impl Gone {
    /// What is to be removed from the store, as collection and key.
    pub(crate) fn entries(&self) -> Vec<(&'static str, String)> {
        let sessions = self.sessions.iter().flat_map(|name| {
            let used = (collection::USES, collection::use_of_session(name));
            [used, (collection::SESSIONS, name.clone())]
        });
        let keys = self.keys.iter().flat_map(|id| {
            [(collection::USES, collection::use_of_key(id)), (collection::KEYS, id.clone())]
        });
        let revocations = self.revocations.iter();
        let revocations = revocations.map(|one| (collection::REVOCATIONS, one.entry_key()));
        sessions.chain(keys).chain(revocations).collect()
    }
}

/// How long a session that has ended is kept, so that every node sees it: longer than a node may be
/// cut off from the store and still let people in.
const SEEN_BY_ALL_MS: u64 = 24 * 3_600_000;

/// Within what time a node has told others of uses.
const TOLD_MS: u64 = 10 * 60_000;

/// How long revoked and expired keys are shown.
const DEAD_KEYS_MS: u64 = 90 * 24 * 3_600_000;

fn damaged(entry: &Entry, detail: &str) -> StoreError {
    StoreError::Damaged {
        place: format!("entry {} of {}", entry.key, entry.collection),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests;
