//! Tokens of an identity provider that serves its keys over HTTP, changes them, and fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, which fail by panicking"
)]

mod bench;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bench::{HERE, Node, actor, at};
use headway_access::{Caller, Credential, Reach};
use headway_protocol::Secret;
use headway_protocol::access::{RevocationRequest, SignInRequest};
use headway_signin::{
    Ended, Error, Handle, JwtAlgorithm, JwtKeys, JwtOptions, Modes, Options, Presented, Refused,
};
use headway_store::memory::MemoryStore;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parking_lot::Mutex;
use rcgen::{KeyPair, PKCS_ED25519};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const ISSUER: &str = "https://issuer.example";
const ADMIN: &str = "an-admin-key-of-more-than-32-characters";

/// A key of the provider.
struct Signer {
    id: String,
    pair: KeyPair,
}

impl Signer {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), pair: KeyPair::generate_for(&PKCS_ED25519).unwrap() }
    }

    fn jwk(&self) -> Value {
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.pair.public_key_raw());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "use": "sig" })
    }

    fn token(&self, subject: &str, now: u64) -> String {
        self.token_with(&json!({ "sub": subject }), now)
    }

    fn token_with(&self, change: &Value, now: u64) -> String {
        let seconds = now / 1_000;
        let mut claims = json!({
            "iss": ISSUER, "aud": "headway", "sub": "ada", "tenant": "acme", "role": "viewer",
            "jti": "t1", "iat": seconds, "exp": seconds + 3_600,
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::EdDSA) };
        let key = EncodingKey::from_ed_pem(self.pair.serialize_pem().as_bytes()).unwrap();
        encode(&header, &claims, &key).unwrap()
    }
}

/// A provider that answers every request with what the test has laid out.
struct Provider {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    async fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(answer)),
            asked: Arc::default(),
        };
        let (answer, asked) = (Arc::clone(&provider.answer), Arc::clone(&provider.asked));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        match socket.read_u8().await {
                            Ok(byte) => head.push(byte),
                            Err(_) => return,
                        }
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                    let text = answer.lock().clone();
                    // Whoever does not want to hear all of it hangs up.
                    drop(socket.write_all(text.as_bytes()).await);
                });
            }
        });
        provider
    }

    fn answer(&self, answer: String) {
        *self.answer.lock() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn options(&self) -> Options {
        let url = format!("http://{}/keys", self.address);
        let keys = JwtKeys::Jwks { url, allow_loopback: true };
        Options {
            modes: Modes { keys: false, jwt: true },
            jwt: Some(JwtOptions::new(ISSUER, "headway", keys, JwtAlgorithm::EdDsa)),
            admin_key: Some(Secret::new(ADMIN)),
            ..Options::default()
        }
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}

fn serves(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    http("200 OK", "cache-control: max-age=86400\r\n", &json!({ "keys": keys }).to_string())
}

async fn who(node: &Node, token: &str) -> Result<Arc<Caller>, Refused> {
    node.handle.identify_patiently(Presented::Bearer(token), HERE, node.now()).await
}

#[tokio::test]
async fn a_provider_changes_its_keys_and_strangers_cannot_make_it_busy() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let provider = Provider::start(serves(&[&old])).await;
    let node = Node::start(provider.options()).await;
    let now = node.now().as_millis();
    let caller = who(&node, &old.token("ada", now)).await.unwrap();
    assert_eq!((caller.tenant(), caller.owner.subject.as_deref()), ("acme", Some("ada")));
    assert_eq!(caller.reach, Reach::Tenant);
    let at_first = provider.asked();
    assert_eq!(at_first, 1, "by plan, or for the first who came");

    // A minute has not gone by: an unknown key is not asked for.
    let token = new.token("bob", now);
    let passing = node.handle.identify(Presented::Bearer(&token), HERE, node.now());
    assert_eq!(passing.unwrap_err(), Refused::NotKnownYet);
    assert_eq!(who(&node, &token).await.unwrap_err(), Refused::Invalid);
    assert_eq!(provider.asked(), at_first);

    // Then it is, once for all who come.
    node.advance(60_000);
    provider.answer(serves(&[&old, &new]));
    let coming: Vec<_> = (0..100)
        .map(|number| {
            let (handle, now) = (node.handle.clone(), node.now());
            let token = new.token(&format!("bob{number}"), now.as_millis());
            tokio::spawn(async move {
                handle.identify_patiently(Presented::Bearer(&token), HERE, now).await
            })
        })
        .collect();
    for one in coming {
        assert!(one.await.unwrap().is_ok());
    }
    assert_eq!(provider.asked(), at_first + 1);
    let strangers: Vec<String> =
        (0..50).map(|number| Signer::new(&format!("stranger{number}")).token("eve", now)).collect();
    for token in &strangers {
        let refused = who(&node, token).await.unwrap_err();
        assert!(matches!(refused, Refused::Invalid | Refused::TooManyTries { .. }));
    }
    assert_eq!(provider.asked(), at_first + 1);

    // A key that the provider withdraws is worth nothing from the next reading on.
    node.advance(60_000);
    provider.answer(serves(&[&new]));
    assert!(who(&node, &Signer::new("other").token("eve", now)).await.is_err());
    assert_eq!(provider.asked(), at_first + 2);
    assert!(who(&node, &old.token("ada", now)).await.is_err());
    assert!(who(&node, &new.token("bob", now)).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_fails_takes_nothing_away_for_a_day() {
    let signer = Signer::new("one");
    let provider = Provider::start(serves(&[&signer])).await;
    let node = Node::start(provider.options()).await;
    let token = |node: &Node, subject: &str| signer.token(subject, node.now().as_millis());
    assert!(who(&node, &token(&node, "ada")).await.is_ok());
    let good = json!({ "keys": [signer.jwk()] }).to_string();
    let elsewhere = Provider::start(serves(&[&Signer::new("evil")])).await;
    let location = format!("location: http://{}/keys\r\n", elsewhere.address);
    for answer in [
        http("500 Internal Server Error", "", &good),
        http("302 Found", &location, &good),
        http("200 OK", "", "<html>down for maintenance</html>"),
        http("200 OK", "", "{\"keys\":[]}"),
        http("200 OK", "", &format!("{good}{}", " ".repeat(300_000))),
        "this is not HTTP\r\n\r\n".to_owned(),
    ] {
        node.advance(60_000);
        provider.answer(answer.clone());
        let asked = provider.asked();
        let stranger = Signer::new("evil").token("eve", node.now().as_millis());
        assert_eq!(who(&node, &stranger).await.unwrap_err(), Refused::Invalid, "{answer:.40}");
        assert_eq!(provider.asked(), asked + 1, "{answer:.40}");
        assert!(who(&node, &token(&node, "ada")).await.is_ok(), "{answer:.40}");
    }
    assert_eq!(elsewhere.asked(), 0, "a redirect is not followed");
    node.advance(24 * 3_600_000);
    let told = who(&node, &token(&node, "ada")).await.unwrap_err();
    assert!(matches!(told, Refused::Unavailable { .. }), "{told:?}");
    assert_eq!(told.problem().status, 503);
}

#[tokio::test]
async fn a_node_starts_without_its_provider_and_keeps_nobody_out_for_good() {
    let signer = Signer::new("one");
    let provider = Provider::start(http("503 Service Unavailable", "", "")).await;
    let node = Node::start(provider.options()).await;
    let token = signer.token("ada", node.now().as_millis());
    let told = who(&node, &token).await.unwrap_err();
    assert!(
        matches!(told, Refused::Unavailable { .. }),
        "a good token is not called bad: {told:?}"
    );
    let forged = Signer::new("one").token_with(&json!({ "iss": "https://evil.example" }), 0);
    assert_eq!(who(&node, &forged).await.unwrap_err(), Refused::Invalid);
    // Whoever has the configured key comes in.
    assert!(who(&node, ADMIN).await.is_ok());
    provider.answer(serves(&[&signer]));
    node.advance(5_000);
    assert!(who(&node, &token).await.is_ok());
}

#[tokio::test]
async fn a_persons_token_is_revoked_by_id_and_by_subject_also_where_it_was_seen() {
    let signer = Signer::new("one");
    let provider = Provider::start(serves(&[&signer])).await;
    let node = Node::start(provider.options()).await;
    let made = |id: &str| {
        let claims = json!({ "jti": id, "role": "admin" });
        signer.token_with(&claims, node.now().as_millis())
    };
    let (first, second) = (made("t1"), made("t2"));
    let caller = who(&node, &first).await.unwrap();
    let other = who(&node, &second).await.unwrap();
    assert!(matches!(&other.credential, Credential::Jwt { id: Some(id), .. } if id == "t2"));
    let revoke = RevocationRequest { token: Some("t1".to_owned()), ..Default::default() };
    node.handle.revoke(actor(&other), &revoke, node.now()).await.unwrap();
    assert_eq!(who(&node, &first).await.unwrap_err(), Refused::Revoked);
    assert_eq!(node.handle.stands(&caller, node.now()), Err(Ended::Revoked));
    assert!(who(&node, &second).await.is_ok());

    let request = SignInRequest { token: Some(Secret::new(second.as_str())), key: None };
    let session = node.handle.sign_in(&request, HERE, node.now()).await.unwrap();
    assert_eq!(session.identity.credential, "jwt");
    let revoke = RevocationRequest { subject: Some("ada".to_owned()), ..Default::default() };
    node.handle.revoke(actor(&other), &revoke, node.now()).await.unwrap();
    assert_eq!(who(&node, &second).await.unwrap_err(), Refused::Revoked);
    let cookie = Presented::Cookie(session.cookie.expose());
    let told = node.handle.identify(cookie, HERE, node.now()).unwrap_err();
    assert_eq!(told, Refused::Revoked);
    node.advance(1_000);
    assert!(who(&node, &made("t3")).await.is_ok(), "what is made later holds");
}

#[tokio::test]
async fn behind_a_busy_address_a_token_that_was_seen_is_taken_and_a_new_one_has_its_share() {
    let signer = Signer::new("one");
    let provider = Provider::start(serves(&[&signer])).await;
    let node = Node::start(provider.options()).await;
    let now = node.now().as_millis();
    let seen = signer.token("ada", now);
    assert!(who(&node, &seen).await.is_ok());
    let forged = |number: usize| {
        let mut token = signer.token(&format!("eve{number}"), now);
        let keeps = token.len() - 20;
        token.replace_range(keeps.., "AAAAAAAAAAAAAAAAAAAA");
        token
    };
    for number in 0..20 {
        assert_eq!(who(&node, &forged(number)).await.unwrap_err(), Refused::Invalid);
    }
    assert!(who(&node, &signer.token("bob", now)).await.is_ok(), "within the share");
    for number in 0..300 {
        let told = who(&node, &forged(number)).await.unwrap_err();
        assert!(matches!(told, Refused::TooManyTries { .. }));
    }
    let told = who(&node, &signer.token("carol", now)).await.unwrap_err();
    assert!(matches!(told, Refused::TooManyTries { .. }), "the share is used up");
    assert!(who(&node, &seen).await.is_ok());
    node.advance(10);
    assert!(who(&node, &signer.token("carol", now)).await.is_ok());
}

#[tokio::test]
async fn keys_in_a_file_are_read_again() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let write = |signer: &Signer| {
        std::fs::write(&path, json!({ "keys": [signer.jwk()] }).to_string()).unwrap();
    };
    let keys = JwtKeys::JwksFile { path: path.clone() };
    let options = Options {
        modes: Modes { keys: false, jwt: true },
        jwt: Some(JwtOptions::new(ISSUER, "headway", keys, JwtAlgorithm::EdDsa)),
        ..Options::default()
    };
    let clock = bench::TestClock::starting_at(at(1_800_000_000_000));
    let store: Arc<MemoryStore> = Arc::default();
    let refused = Handle::start(options.clone(), store, clock).await.unwrap_err();
    assert!(matches!(refused, Error::Options { field: "jwt.jwks_file", .. }), "{refused}");

    write(&old);
    let node = Node::start(options).await;
    let now = node.now().as_millis();
    assert!(who(&node, &old.token("ada", now)).await.is_ok());
    write(&new);
    node.advance(60_000);
    assert!(who(&node, &new.token("ada", now)).await.is_ok());
    assert!(who(&node, &old.token("ada", now)).await.is_err());
}
