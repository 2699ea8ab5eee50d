//! What this server's own tokens are signed with: one secret that signs, and the one before it,
//! which is still taken.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use headway_protocol::{Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::base62::{self, SECRET_LETTERS};

/// The secret that signs and the one before it.
const HELD: usize = 2;

const KEY_CONTEXT: &str = "headway 2026-11 watch token";

/// The secrets, newest first, as they rest in the store.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ring {
    keys: Vec<RingKey>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RingKey {
    id: String,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    secret: Secret,
    made_at: Timestamp,
}

/// What a signature turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    Genuine,
    Wrong,
    /// By a secret that is not held here.
    Unknown,
}

impl Ring {
    /// A first secret.
    pub(crate) fn first(now: Timestamp) -> Self {
        Self::default().turned(now)
    }

    /// The same with a new secret to sign with. What the last but one has signed is not taken any
    /// more.
    pub(crate) fn turned(&self, now: Timestamp) -> Self {
        let secret = Secret::new(base62::random(SECRET_LETTERS));
        let mut keys = vec![RingKey { id: base62::random(6), secret, made_at: now }];
        keys.extend(self.keys.iter().take(HELD - 1).cloned());
        Self { keys }
    }

    /// The name of the secret that signs.
    pub(crate) fn signs(&self) -> Option<&str> {
        self.keys.first().map(|key| key.id.as_str())
    }

    /// The signature of a text by the newest secret, as letters.
    pub(crate) fn sign(&self, text: &str) -> Option<String> {
        let key = self.keys.first()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode(key.code_of(text).as_bytes()))
    }

    /// Holds a signature against the secret that it names, in constant time.
    pub(crate) fn check(&self, id: &str, text: &str, signature: &str) -> Signature {
        let Some(key) = self.keys.iter().find(|key| key.id == id) else {
            return Signature::Unknown;
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).ok();
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        match bytes {
            Some(bytes) if key.code_of(text) == blake3::Hash::from_bytes(bytes) => {
                Signature::Genuine
            }
            Some(_) | None => Signature::Wrong,
        }
    }
}

impl RingKey {
    fn code_of(&self, text: &str) -> blake3::Hash {
        let key = blake3::derive_key(KEY_CONTEXT, self.secret.expose().as_bytes());
        blake3::keyed_hash(&key, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_secrets_are_taken_and_a_third_turn_forgets_the_first() {
        let now = Timestamp::from_millis(1);
        let first = Ring::first(now);
        let id = first.signs().unwrap().to_owned();
        let signature = first.sign("text").unwrap();
        assert_eq!(first.check(&id, "text", &signature), Signature::Genuine);
        assert_eq!(first.check(&id, "texT", &signature), Signature::Wrong);
        assert_eq!(first.check(&id, "text", ""), Signature::Wrong);
        let second = first.turned(now);
        assert_eq!(second.check(&id, "text", &signature), Signature::Genuine);
        assert_ne!(second.sign("text").unwrap(), signature);
        let third = second.turned(now);
        assert_eq!(third.check(&id, "text", &signature), Signature::Unknown);
    }

    #[test]
    fn it_shows_no_secret_and_comes_back_from_the_store() {
        let ring = Ring::first(Timestamp::from_millis(1));
        let text = serde_json::to_string(&ring).unwrap();
        let secret = ring.keys[0].secret.expose();
        assert!(text.contains(secret) && !format!("{ring:?}").contains(secret));
        let back: Ring = serde_json::from_str(&text).unwrap();
        let signature = ring.sign("text").unwrap();
        assert_eq!(back.check(ring.signs().unwrap(), "text", &signature), Signature::Genuine);
    }
}
