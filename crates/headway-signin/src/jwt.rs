//! Tokens of an identity provider: JWT (RFC 7519), checked as RFC 8725 asks.
//!
//! A token is believed nothing before its signature was checked. The algorithms are pinned by the
//! configuration and again by the kind of each key; a token's header chooses among these and cannot
//! add one. Keys that a token brings or points to (`jwk`, `jku`, `x5u`) are not looked at.

mod claims;
mod fault;
mod keeper;
mod key_set;

use std::sync::Arc;

use hashlink::LruCache;
use headway_access::Caller;
use headway_protocol::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use parking_lot::{Mutex, RwLock};
use serde_json::Value;

pub(crate) use fault::Fault;
pub(crate) use keeper::Keeper;
use key_set::{Choice, KeySet};

use crate::options::JwtKeys;
use crate::{Error, JwtAlgorithm, JwtOptions};

/// Callers whose tokens were checked already: when ten thousand streams come back at once, the
/// signature of each is checked once. About half a kilobyte each.
const REMEMBERED: usize = 10_000;

/// How long keys are used that could not be read again, in milliseconds: 24 hours.
const LAST_GOOD_MS: u64 = 24 * 3_600_000;

/// What tokens are checked with.
#[derive(Debug)]
pub(crate) struct Tokens {
    options: JwtOptions,
    keys: RwLock<Option<Held>>,
    /// By the hash of the whole token; the token itself is not kept.
    seen: Mutex<LruCache<blake3::Hash, Arc<Caller>>>,
}

#[derive(Clone, Debug)]
struct Held {
    set: Arc<KeySet>,
    /// When it was read; `None` for keys of the configuration, which do not age.
    read_at: Option<Timestamp>,
}

/// What is known of a token before its signature is checked.
pub(crate) enum Seen {
    /// It was checked before.
    Before(Arc<Caller>),
    /// It is new.
    New(blake3::Hash),
}

impl Tokens {
    /// Reads the keys of the configuration; a key set is read by the [`Keeper`] afterwards.
    pub(crate) fn new(options: JwtOptions) -> Result<Self, Error> {
        // The first to say so wins; there is one provider in the build.
        let _first = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let set = match &options.keys {
            JwtKeys::Jwks { .. } | JwtKeys::JwksFile { .. } => None,
            JwtKeys::Secret(secret) => Some(KeySet::of_secret(secret)),
            JwtKeys::PublicKey { pem } => {
                let set = KeySet::of_pem(pem.as_bytes(), &options.algorithms);
                Some(set.map_err(|detail| unusable("jwt.public_key", detail))?)
            }
            JwtKeys::PublicKeyFile { path } => {
                let field = "jwt.public_key_file";
                let pem = std::fs::read(path).map_err(|error| {
                    unusable(field, format!("cannot be read from {}: {error}", path.display()))
                })?;
                let set = KeySet::of_pem(&pem, &options.algorithms);
                Some(set.map_err(|detail| unusable(field, detail))?)
            }
        };
        let keys = set.map(|set| Held { set: Arc::new(set), read_at: None });
        let seen = Mutex::new(LruCache::new(REMEMBERED));
        Ok(Self { options, keys: RwLock::new(keys), seen })
    }

    pub(crate) fn options(&self) -> &JwtOptions {
        &self.options
    }

    /// Looks whether a token was checked before.
    pub(crate) fn look(&self, token: &str) -> Seen {
        let hash = blake3::hash(token.as_bytes());
        self.seen.lock().get(&hash).map_or(Seen::New(hash), |caller| Seen::Before(caller.clone()))
    }

    /// Checks a new token, and remembers it when it is good.
    pub(crate) fn check(
        &self,
        token: &str,
        hash: blake3::Hash,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Fault> {
        let Some(held) = self.keys.read().clone().filter(|held| held.is_good(now)) else {
            return Err(check_unsigned(token, &self.options).err().unwrap_or(Fault::NoKeys));
        };
        let caller = Arc::new(check(token, &held.set, &self.options, now)?);
        let mut seen = self.seen.lock();
        // Whoever has put other keys in place meanwhile has emptied what was seen.
        let same =
            self.keys.read().as_ref().is_some_and(|now_held| Arc::ptr_eq(&now_held.set, &held.set));
        if same {
            seen.insert(hash, Arc::clone(&caller));
        }
        Ok(caller)
    }

    /// Puts other keys in place. What was checked with the old ones is checked again.
    fn replace(&self, set: KeySet, now: Timestamp) {
        let mut keys = self.keys.write();
        let same = keys.as_ref().is_some_and(|held| *held.set == set);
        if let Some(held) = keys.as_mut().filter(|_| same) {
            held.read_at = Some(now);
        } else {
            *keys = Some(Held { set: Arc::new(set), read_at: Some(now) });
            drop(keys);
            self.seen.lock().clear();
        }
    }

    /// When the key set was read; `None` when it was not, or is not one that is read again.
    pub(crate) fn read_at(&self) -> Option<Timestamp> {
        self.keys.read().as_ref().and_then(|held| held.read_at)
    }

    /// Whether there are keys to check with.
    pub(crate) fn has_keys(&self, now: Timestamp) -> bool {
        self.keys.read().as_ref().is_some_and(|held| held.is_good(now))
    }
}

impl Held {
    fn is_good(&self, now: Timestamp) -> bool {
        self.read_at.is_none_or(|read_at| now.since(read_at) <= LAST_GOOD_MS)
    }
}

fn unusable(field: &'static str, detail: String) -> Error {
    Error::Options { field, detail }
}

/// Checks a token against keys. Nothing but the arguments is asked.
fn check(
    token: &str,
    keys: &KeySet,
    options: &JwtOptions,
    now: Timestamp,
) -> Result<Caller, Fault> {
    let (algorithm, key_id) = check_unsigned(token, options)?;
    let key = match keys.choose(key_id.as_deref(), algorithm) {
        Choice::Key(key) => key,
        Choice::Unknown => return Err(Fault::UnknownKey),
        Choice::Unfit => return Err(Fault::Key),
    };
    // The library's own checks ask the machine's clock; ours are told the time.
    let mut signature_only = Validation::new(library_algorithm(algorithm));
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_nbf = false;
    signature_only.validate_aud = false;
    let token = decode::<Value>(token, key, &signature_only).map_err(|_| Fault::Signature)?;
    claims::check(&token.claims, options, now)
}

/// What can be told of a token before its signature is: its algorithm and the name of its key.
/// Refuses what no key could make good, so that only a token that may be one is worth asking the
/// provider for keys.
fn check_unsigned(
    token: &str,
    options: &JwtOptions,
) -> Result<(JwtAlgorithm, Option<String>), Fault> {
    let header = decode_header(token).map_err(|_| Fault::Form)?;
    let algorithm = own_algorithm(header.alg)
        .filter(|algorithm| options.algorithms.contains(algorithm))
        .ok_or(Fault::Algorithm)?;
    // An extension that must be understood is not; and it is signed, not packed or encrypted.
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err(Fault::Extension);
    }
    let is_access_or_id = header.typ.as_deref().is_none_or(|kind| {
        let kind = kind.strip_prefix("application/").unwrap_or(kind);
        kind.eq_ignore_ascii_case("jwt") || kind.eq_ignore_ascii_case("at+jwt")
    });
    if !is_access_or_id {
        return Err(Fault::Purpose);
    }
    let said: Value =
        jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| Fault::Form)?;
    claims::check_audience(&said, options)?;
    Ok((algorithm, header.kid))
}

fn own_algorithm(algorithm: Algorithm) -> Option<JwtAlgorithm> {
    JwtAlgorithm::ALL.iter().copied().find(|own| library_algorithm(*own) == algorithm)
}

const fn library_algorithm(algorithm: JwtAlgorithm) -> Algorithm {
    match algorithm {
        JwtAlgorithm::Hs256 => Algorithm::HS256,
        JwtAlgorithm::Rs256 => Algorithm::RS256,
        JwtAlgorithm::Es256 => Algorithm::ES256,
        JwtAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

#[cfg(test)]
mod tests;
