//! The keys that tokens may be signed with.

use headway_protocol::Secret;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use serde::Deserialize;
use serde_json::Value;

use crate::JwtAlgorithm;

/// The most keys of one set.
const KEYS: usize = 64;

/// The fewest characters of a modulus of 2,048 bits in base64.
const MODULUS_LETTERS: usize = 341;

/// The keys that tokens may be signed with. Two are equal when they were read from the same.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<SetKey>,
    /// Whether a token chooses by name. The one key of a configuration signs whatever it calls
    /// itself.
    by_name: bool,
    source: blake3::Hash,
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[derive(Debug)]
struct SetKey {
    id: Option<String>,
    algorithm: JwtAlgorithm,
    key: DecodingKey,
}

/// The key of a token.
pub(super) enum Choice<'a> {
    Key(&'a DecodingKey),
    /// There is none of that name: the provider may have it by now.
    Unknown,
    /// There is one, and not for this algorithm; or the token does not say which of several.
    Unfit,
}

impl KeySet {
    pub(super) fn of_secret(secret: &Secret) -> Self {
        let bytes = secret.expose().as_bytes();
        Self::of_one(JwtAlgorithm::Hs256, DecodingKey::from_secret(bytes), bytes)
    }

    /// The one public key of a PEM text. The error says what is wrong, as the end of a sentence.
    pub(super) fn of_pem(pem: &[u8], algorithms: &[JwtAlgorithm]) -> Result<Self, String> {
        let algorithm = algorithms.first().copied().unwrap_or(JwtAlgorithm::Rs256);
        let key = match algorithm {
            JwtAlgorithm::Hs256 => return Err("is no secret: use RS256, ES256 or EdDSA".to_owned()),
            JwtAlgorithm::Rs256 => DecodingKey::from_rsa_pem(pem),
            JwtAlgorithm::Es256 => DecodingKey::from_ec_pem(pem),
            JwtAlgorithm::EdDsa => DecodingKey::from_ed_pem(pem),
        };
        let key = key.map_err(|error| {
            format!("has no public key for {} in PEM form: {error}", algorithm.as_str())
        })?;
        Ok(Self::of_one(algorithm, key, pem))
    }

    fn of_one(algorithm: JwtAlgorithm, key: DecodingKey, source: &[u8]) -> Self {
        let keys = vec![SetKey { id: None, algorithm, key }];
        Self { keys, by_name: false, source: blake3::hash(source) }
    }

    /// A key set as a provider serves it. Keys for other purposes and of kinds that are not taken
    /// are passed over; the error says what is wrong when none is left.
    pub(super) fn of_jwks(bytes: &[u8], algorithms: &[JwtAlgorithm]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Served {
            keys: Vec<Value>,
        }
        let served: Served = serde_json::from_slice(bytes)
            .map_err(|error| format!("is no JSON Web Key Set: {error}"))?;
        if served.keys.len() > KEYS {
            return Err(format!("has {} keys, and at most {KEYS} are taken", served.keys.len()));
        }
        let keys: Vec<SetKey> = (served.keys.into_iter())
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
            .filter_map(|key| set_key(&key))
            .filter(|key| algorithms.contains(&key.algorithm))
            .collect();
        if keys.is_empty() {
            let names: Vec<_> = algorithms.iter().map(|one| one.as_str()).collect();
            return Err(format!("has no key for {}", names.join(" or ")));
        }
        Ok(Self { keys, by_name: true, source: blake3::hash(bytes) })
    }

    /// The key of a token that says this of itself.
    pub(super) fn choose(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Choice<'_> {
        let fitting = |key: &&SetKey| key.algorithm == algorithm;
        if let Some(id) = id.filter(|_| self.by_name) {
            let mut named = self.keys.iter().filter(|key| key.id.as_deref() == Some(id));
            return match named.clone().find(fitting) {
                Some(key) => Choice::Key(&key.key),
                None if named.next().is_some() => Choice::Unfit,
                None => Choice::Unknown,
            };
        }
        let mut all = self.keys.iter().filter(fitting);
        match (all.next(), all.next()) {
            (Some(key), None) => Choice::Key(&key.key),
            (_, _) => Choice::Unfit,
        }
    }
}

/// A key with the one algorithm that it is for.
fn set_key(jwk: &Jwk) -> Option<SetKey> {
    // Of other kinds, also later ones, none is taken; least of all a secret that is served to
    // everybody.
    let (algorithm, named) = if let AlgorithmParameters::RSA(key) = &jwk.algorithm
        && key.n.len() >= MODULUS_LETTERS
    {
        (JwtAlgorithm::Rs256, KeyAlgorithm::RS256)
    } else if let AlgorithmParameters::EllipticCurve(key) = &jwk.algorithm
        && key.curve == EllipticCurve::P256
    {
        (JwtAlgorithm::Es256, KeyAlgorithm::ES256)
    } else if let AlgorithmParameters::OctetKeyPair(key) = &jwk.algorithm
        && key.curve == EllipticCurve::Ed25519
    {
        (JwtAlgorithm::EdDsa, KeyAlgorithm::EdDSA)
    } else {
        return None;
    };
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|one| *one == PublicKeyUse::Signature);
    let verifies = (common.key_operations.as_ref())
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !signs || !verifies || common.key_algorithm.is_some_and(|one| one != named) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(SetKey { id: common.key_id.clone(), algorithm, key })
}
