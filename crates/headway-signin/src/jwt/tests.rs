use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use headway_access::{Credential, Reach, Role};
use headway_protocol::Secret;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use super::*;

/// Seconds.
const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://issuer.example";

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1_000)
}

/// What a provider signs with, and what it shows.
struct Signer {
    algorithm: JwtAlgorithm,
    key: EncodingKey,
    public: Shown,
}

enum Shown {
    Secret(String),
    Pem(String, Vec<u8>),
}

fn signer(algorithm: JwtAlgorithm) -> Signer {
    let kind = match algorithm {
        JwtAlgorithm::Hs256 => {
            let secret = crate::base62::random(32);
            let key = EncodingKey::from_secret(secret.as_bytes());
            return Signer { algorithm, key, public: Shown::Secret(secret) };
        }
        JwtAlgorithm::Rs256 => &PKCS_RSA_SHA256,
        JwtAlgorithm::Es256 => &PKCS_ECDSA_P256_SHA256,
        JwtAlgorithm::EdDsa => &PKCS_ED25519,
    };
    let pair = KeyPair::generate_for(kind).unwrap();
    let pem = pair.serialize_pem();
    let key = match algorithm {
        JwtAlgorithm::Hs256 | JwtAlgorithm::Rs256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
        JwtAlgorithm::Es256 => EncodingKey::from_ec_pem(pem.as_bytes()),
        JwtAlgorithm::EdDsa => EncodingKey::from_ed_pem(pem.as_bytes()),
    };
    let public = Shown::Pem(pair.public_key_pem(), pair.public_key_raw().to_vec());
    Signer { algorithm, key: key.unwrap(), public }
}

impl Signer {
    fn keys(&self) -> JwtKeys {
        match &self.public {
            Shown::Secret(secret) => JwtKeys::Secret(Secret::new(secret.as_str())),
            Shown::Pem(pem, _) => JwtKeys::PublicKey { pem: pem.clone() },
        }
    }

    fn jwk(&self, id: &str) -> Value {
        let mut jwk = match (&self.public, self.algorithm) {
            // The library reads no Ed25519 keys of the form that the generator writes.
            (Shown::Pem(_, raw), JwtAlgorithm::EdDsa) => {
                let x = BASE64_URL_SAFE_NO_PAD.encode(raw);
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA" })
            }
            (_, algorithm) => {
                let jwk = Jwk::from_encoding_key(&self.key, library_algorithm(algorithm));
                serde_json::to_value(jwk.unwrap()).unwrap()
            }
        };
        jwk["kid"] = json!(id);
        jwk
    }

    fn options(&self) -> JwtOptions {
        JwtOptions::new(ISSUER, "headway", self.keys(), self.algorithm)
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.key).unwrap()
    }

    fn header(&self) -> Header {
        Header::new(library_algorithm(self.algorithm))
    }

    fn token(&self, change: &Value) -> String {
        self.sign(&self.header(), &claims(change))
    }
}

/// Making an RSA key takes a while.
static RSA: LazyLock<Signer> = LazyLock::new(|| signer(JwtAlgorithm::Rs256));

/// Good claims with some changed, or taken away by `null`.
fn claims(change: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "headway", "sub": "ada", "tenant": "acme",
        "scope": "openid watch", "iat": NOW - 10, "exp": NOW + 600,
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn checked(token: &str, options: &JwtOptions) -> Result<Caller, Fault> {
    let tokens = Tokens::new(options.clone()).unwrap();
    let Seen::New(hash) = tokens.look(token) else { panic!("nothing was seen before") };
    tokens.check(token, hash, now()).map(|caller| (*caller).clone())
}

fn key_set(keys: &[Value], algorithms: &[JwtAlgorithm]) -> Result<KeySet, String> {
    KeySet::of_jwks(&serde_json::to_vec(&json!({ "keys": keys })).unwrap(), algorithms)
}

#[test]
fn every_algorithm_is_checked_with_its_own_key_alone() {
    let signers: Vec<Signer> = JwtAlgorithm::ALL.iter().map(|one| signer(*one)).collect();
    for signer in &signers {
        for other in &signers {
            let checked = checked(&other.token(&json!({})), &signer.options());
            let same = std::ptr::eq(signer, other);
            assert_eq!(checked.is_ok(), same, "{:?} {:?}", signer.algorithm, other.algorithm);
        }
        let again = self::signer(signer.algorithm);
        let checked = checked(&again.token(&json!({})), &signer.options());
        assert_eq!(checked, Err(Fault::Signature), "{:?}", signer.algorithm);
    }
}

#[test]
fn what_a_token_claims_is_held_against_the_configuration() {
    let signer = signer(JwtAlgorithm::EdDsa);
    let cases = [
        (json!({}), None),
        (json!({ "aud": ["other", "headway"] }), None),
        (json!({ "sub": 42 }), None),
        (json!({ "nbf": NOW + 60, "iat": null }), None),
        (json!({ "exp": NOW - 59 }), None),
        (json!({ "exp": (NOW as f64) + 0.5 }), None),
        (json!({ "iss": "https://issuer.example/" }), Some(Fault::Issuer)),
        (json!({ "iss": null }), Some(Fault::Issuer)),
        (json!({ "aud": "other" }), Some(Fault::Audience)),
        (json!({ "aud": ["other"] }), Some(Fault::Audience)),
        (json!({ "aud": null }), Some(Fault::Audience)),
        (json!({ "aud": { "headway": true } }), Some(Fault::Audience)),
        (json!({ "exp": NOW - 60 }), Some(Fault::Expired)),
        (json!({ "exp": 0 }), Some(Fault::Expired)),
        (json!({ "exp": null }), Some(Fault::Times)),
        (json!({ "exp": "tomorrow" }), Some(Fault::Times)),
        (json!({ "exp": -1 }), Some(Fault::Times)),
        (json!({ "exp": u64::MAX }), Some(Fault::TooLong)),
        (json!({ "exp": NOW + 91 * 86_400 }), Some(Fault::TooLong)),
        (json!({ "nbf": NOW + 61 }), Some(Fault::TooEarly)),
        (json!({ "nbf": "now" }), Some(Fault::Times)),
        (json!({ "iat": NOW + 61 }), Some(Fault::TooEarly)),
        (json!({ "tenant": null }), Some(Fault::Tenant)),
        (json!({ "tenant": "" }), Some(Fault::Tenant)),
        (json!({ "tenant": ["acme"] }), Some(Fault::Tenant)),
        (json!({ "sub": null }), Some(Fault::Subject)),
        (json!({ "sub": "a\u{0}b" }), Some(Fault::Subject)),
        (json!({ "sub": "x".repeat(257) }), Some(Fault::Subject)),
        (json!({ "jti": 5 }), Some(Fault::Id)),
    ];
    for (change, fault) in cases {
        let checked = checked(&signer.token(&change), &signer.options());
        assert_eq!(checked.err(), fault, "{change}");
    }
    let strict = JwtOptions { leeway_ms: 0, ..signer.options() };
    for (change, fault) in [
        (json!({ "exp": NOW + 1, "nbf": NOW, "iat": NOW }), None),
        (json!({ "exp": NOW }), Some(Fault::Expired)),
        (json!({ "nbf": NOW + 1 }), Some(Fault::TooEarly)),
    ] {
        assert_eq!(checked(&signer.token(&change), &strict).err(), fault, "{change}");
    }
}

#[test]
fn a_header_adds_nothing_to_the_configuration() {
    let signer = signer(JwtAlgorithm::EdDsa);
    let good = claims(&json!({}));
    let with = |change: fn(&mut Header)| {
        let mut header = signer.header();
        change(&mut header);
        signer.sign(&header, &good)
    };
    let cases = [
        (with(|header| header.typ = None), None),
        (with(|header| header.typ = Some("at+jwt".to_owned())), None),
        (with(|header| header.typ = Some("application/at+jwt".to_owned())), None),
        (with(|header| header.kid = Some("whatever".to_owned())), None),
        (with(|header| header.jku = Some("https://evil.example/keys".to_owned())), None),
        (with(|header| header.typ = Some("logout+jwt".to_owned())), Some(Fault::Purpose)),
        (with(|header| header.crit = Some(vec!["b64".to_owned()])), Some(Fault::Extension)),
        (with(|header| header.crit = Some(vec![])), Some(Fault::Extension)),
    ];
    for (token, fault) in cases {
        assert_eq!(checked(&token, &signer.options()).err(), fault, "{token}");
    }
    // A key that a token brings itself does not count.
    let stranger = self::signer(JwtAlgorithm::EdDsa);
    let mut header = stranger.header();
    header.jwk = Some(serde_json::from_value(stranger.jwk("k")).unwrap());
    let token = stranger.sign(&header, &good);
    assert_eq!(checked(&token, &signer.options()), Err(Fault::Signature));
}

#[test]
fn a_public_key_is_no_secret_and_no_signature_is_none() {
    let Shown::Pem(pem, _) = &RSA.public else { panic!("it has a public key") };
    let good = claims(&json!({}));
    let forged =
        encode(&Header::new(Algorithm::HS256), &good, &EncodingKey::from_secret(pem.as_bytes()))
            .unwrap();
    assert_eq!(checked(&forged, &RSA.options()), Err(Fault::Algorithm));
    // Nor with both algorithms taken, as nobody can configure it.
    let both = [JwtAlgorithm::Rs256, JwtAlgorithm::Hs256];
    let keys = key_set(&[RSA.jwk("k")], &both).unwrap();
    let lax = JwtOptions { algorithms: both.to_vec(), ..RSA.options() };
    assert_eq!(check(&forged, &keys, &lax, now()), Err(Fault::Key));

    let text = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", "NONE", "", "RS257"] {
        let unsigned = format!("{}.{}.", text(json!({ "alg": algorithm })), text(good.clone()));
        assert_eq!(checked(&unsigned, &RSA.options()), Err(Fault::Form), "{algorithm}");
    }
    let stronger = format!("{}.{}.AAAA", text(json!({ "alg": "RS512" })), text(good));
    assert_eq!(checked(&stronger, &RSA.options()), Err(Fault::Algorithm));
}

#[test]
fn a_token_chooses_its_key_by_name_and_kind() {
    let (one, other) = (signer(JwtAlgorithm::EdDsa), signer(JwtAlgorithm::EdDsa));
    let curve = signer(JwtAlgorithm::Es256);
    let both = [JwtAlgorithm::EdDsa, JwtAlgorithm::Es256];
    let keys = key_set(&[one.jwk("one"), other.jwk("other"), curve.jwk("curve")], &both).unwrap();
    let options = JwtOptions { algorithms: both.to_vec(), ..one.options() };
    let named = |signer: &Signer, id: Option<&str>| {
        let header = Header { kid: id.map(str::to_owned), ..signer.header() };
        check(&signer.sign(&header, &claims(&json!({}))), &keys, &options, now()).err()
    };
    assert_eq!(named(&one, Some("one")), None);
    assert_eq!(named(&other, Some("other")), None);
    assert_eq!(named(&curve, Some("curve")), None);
    assert_eq!(named(&curve, None), None, "the only one of its kind");
    assert_eq!(named(&one, None), Some(Fault::Key), "one of two");
    assert_eq!(named(&one, Some("other")), Some(Fault::Signature));
    assert_eq!(named(&one, Some("curve")), Some(Fault::Key));
    assert_eq!(named(&one, Some("third")), Some(Fault::UnknownKey));
}

#[test]
fn keys_for_other_purposes_are_passed_over() {
    let signer = signer(JwtAlgorithm::EdDsa);
    let with = |member: &str, value: Value| {
        let mut key = signer.jwk("k");
        key[member] = value;
        key
    };
    let kept = |key: Value| key_set(&[key], &[JwtAlgorithm::EdDsa]).is_ok();
    assert!(kept(signer.jwk("k")) && kept(with("use", json!("sig"))));
    assert!(kept(with("key_ops", json!(["verify"]))));
    assert!(!kept(with("use", json!("enc"))));
    assert!(!kept(with("key_ops", json!(["encrypt"]))));
    assert!(!kept(with("alg", json!("ES256"))));
    assert!(!kept(with("kty", json!("new"))));
    assert!(!kept(json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "k" })));
    assert!(!kept(json!({ "kty": "RSA", "n": "c2hvcnQ", "e": "AQAB", "kid": "k" })));
    // One that is not understood spoils nothing.
    let mixed = [json!({ "kty": "new" }), json!(5), signer.jwk("k")];
    assert!(key_set(&mixed, &[JwtAlgorithm::EdDsa]).is_ok());
    assert!(KeySet::of_jwks(b"<html>", &[JwtAlgorithm::EdDsa]).is_err());
    let many: Vec<Value> = (0..65).map(|_| signer.jwk("k")).collect();
    assert!(key_set(&many, &[JwtAlgorithm::EdDsa]).is_err());
}

#[test]
fn what_a_person_may_and_sees() {
    let signer = signer(JwtAlgorithm::EdDsa);
    let default = |role| JwtOptions { default_role: Some(role), ..signer.options() };
    let usual = signer.options();
    let deep = JwtOptions {
        role_claim: "/realm_access/roles".to_owned(),
        tenant: Some("fixed".to_owned()),
        ..signer.options()
    };
    let roles = json!({ "scope": null, "realm_access": { "roles": ["viewer", "x"] } });
    let cases = [
        (&usual, json!({ "scope": "openid watch report" }), "watch report", Reach::Own),
        (&usual, json!({ "scope": ["watch", "control email"] }), "watch control", Reach::Own),
        (&usual, json!({ "scope": null, "role": "viewer" }), "watch", Reach::Tenant),
        (&usual, json!({ "role": ["operator", "x"] }), "watch report control", Reach::Tenant),
        (&usual, json!({ "role": "operator", "sees": "own" }), "watch report control", Reach::Own),
        (&usual, json!({ "sees": "tenant" }), "watch", Reach::Tenant),
        (&usual, json!({ "sees": "everything" }), "watch", Reach::Own),
        (&usual, json!({ "scope": "openid" }), "", Reach::Own),
        (&default(Role::Viewer), json!({ "scope": "openid" }), "watch", Reach::Tenant),
        (&default(Role::Admin), json!({ "scope": "watch" }), "watch", Reach::Own),
        (&deep, roles, "watch", Reach::Tenant),
    ];
    for (options, change, scopes, reach) in cases {
        let caller = checked(&signer.token(&change), options).unwrap();
        assert_eq!((&*caller.scopes.to_string(), caller.reach), (scopes, reach), "{change}");
    }
    let caller = checked(&signer.token(&json!({ "jti": "t1" })), &deep).unwrap();
    assert_eq!(caller.owner.tenant, "fixed");
    assert_eq!(caller.owner.subject.as_deref(), Some("ada"));
    assert_eq!(caller.expires_at, Some(Timestamp::from_millis((NOW + 660) * 1_000)));
    let issued_at = Timestamp::from_millis((NOW - 10) * 1_000);
    assert_eq!(caller.credential, Credential::Jwt { id: Some("t1".to_owned()), issued_at });
}

#[test]
fn a_providers_fast_clock_makes_no_token_that_outlives_a_revocation() {
    let signer = signer(JwtAlgorithm::EdDsa);
    for (iat, issued_at) in [(json!(NOW + 30), NOW), (Value::Null, 0)] {
        let caller = checked(&signer.token(&json!({ "iat": iat })), &signer.options()).unwrap();
        let issued_at = Timestamp::from_millis(issued_at * 1_000);
        assert_eq!(caller.credential, Credential::Jwt { id: None, issued_at });
    }
}

#[test]
fn a_token_is_checked_once_and_again_when_the_keys_change() {
    let (old, new) = (signer(JwtAlgorithm::EdDsa), signer(JwtAlgorithm::EdDsa));
    let file = JwtKeys::JwksFile { path: "never-read".into() };
    let tokens = Tokens::new(JwtOptions { keys: file, ..old.options() }).unwrap();
    let header = Header { kid: Some("old".to_owned()), ..old.header() };
    let token = old.sign(&header, &claims(&json!({})));
    let hash = blake3::hash(token.as_bytes());
    let seen = || matches!(tokens.look(&token), Seen::Before(_));
    let set = |signer: &Signer, id| key_set(&[signer.jwk(id)], &[JwtAlgorithm::EdDsa]).unwrap();

    assert_eq!(tokens.check(&token, hash, now()), Err(Fault::NoKeys));
    tokens.replace(set(&old, "old"), now());
    assert!(tokens.check(&token, hash, now()).is_ok() && seen());
    // Reading the same again forgets nothing.
    tokens.replace(set(&old, "old"), now());
    assert!(seen());
    tokens.replace(set(&new, "new"), now());
    assert!(!seen());
    assert_eq!(tokens.check(&token, hash, now()), Err(Fault::UnknownKey));
    // What cannot be read again is used for a day.
    let day = 24 * 3_600_000;
    assert!(tokens.has_keys(now().plus(day)) && !tokens.has_keys(now().plus(day + 1)));
}

#[test]
fn what_cannot_be_good_is_not_worth_asking_the_provider() {
    let signer = signer(JwtAlgorithm::EdDsa);
    let file = JwtKeys::JwksFile { path: "never-read".into() };
    let options = JwtOptions { keys: file, ..signer.options() };
    let foreign = signer.token(&json!({ "iss": "https://evil.example" }));
    assert_eq!(checked(&foreign, &options), Err(Fault::Issuer));
    assert_eq!(checked(&RSA.token(&json!({})), &options), Err(Fault::Algorithm));
    assert_eq!(checked(&signer.token(&json!({})), &options), Err(Fault::NoKeys));
}

proptest! {
    #[test]
    fn any_text_is_refused_and_nothing_worse(text in "\\PC*", parts in "[-_A-Za-z0-9]*\\.[-_A-Za-z0-9]*\\.[-_A-Za-z0-9]*") {
        prop_assert!(checked(&text, &RSA.options()).is_err());
        prop_assert!(checked(&parts, &RSA.options()).is_err());
    }

    #[test]
    fn one_changed_letter_is_noticed(place: prop::sample::Index, letter in "[-_A-Za-z0-9.]") {
        static TOKEN: LazyLock<String> = LazyLock::new(|| RSA.token(&json!({})));
        let mut text = TOKEN.clone();
        let place = place.index(text.len());
        text.replace_range(place..=place, &letter);
        prop_assert_eq!(checked(&text, &RSA.options()).is_ok(), text == *TOKEN);
    }

    #[test]
    fn a_cut_token_is_refused(at: prop::sample::Index) {
        let token = RSA.token(&json!({}));
        prop_assert!(checked(&token[..at.index(token.len())], &RSA.options()).is_err());
    }
}
