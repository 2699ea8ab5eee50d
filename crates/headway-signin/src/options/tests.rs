use super::*;

fn keys() -> Options {
    Options { modes: Modes { keys: true, jwt: false }, ..Options::default() }
}

fn jwt(keys: JwtKeys, algorithm: JwtAlgorithm) -> Options {
    let jwt = JwtOptions::new("https://issuer.example", "headway", keys, algorithm);
    Options { modes: Modes { keys: false, jwt: true }, jwt: Some(jwt), ..Options::default() }
}

fn jwks(url: &str) -> Options {
    let keys = JwtKeys::Jwks { url: url.to_owned(), allow_loopback: true };
    jwt(keys, JwtAlgorithm::Rs256)
}

fn shared(length: usize) -> JwtKeys {
    JwtKeys::Secret(Secret::new("s".repeat(length)))
}

#[track_caller]
fn check(options: &Options, refused_at: Option<&str>) {
    let refused = options.check().err().map(|error| error.to_string());
    let found = refused.as_deref().and_then(|text| text.strip_prefix("sign_in."));
    let found = found.and_then(|text| text.split_once(' ')).map(|(field, _)| field);
    assert_eq!(found, refused_at);
}

#[test]
fn what_can_be_used_is_taken() {
    check(&Options::default(), None);
    check(&keys(), None);
    check(&Options { admin_key: Some(Secret::new("k".repeat(32))), ..keys() }, None);
    check(&jwt(shared(32), JwtAlgorithm::Hs256), None);
    check(&jwks("https://issuer.example/keys"), None);
    check(&jwks("http://127.0.0.1:9000/keys"), None);
    check(&jwks("http://[::1]:9000/keys"), None);
}

#[test]
fn what_would_let_anybody_in_is_refused_by_its_name() {
    let key = |text: &str| Some(Secret::new(text));
    check(&Options { admin_key: key(&"k".repeat(40)), ..Options::default() }, Some("admin_key"));
    check(&Options { admin_key: key("short"), ..keys() }, Some("admin_key"));
    check(&Options { admin_key: key(&"k ".repeat(20)), ..keys() }, Some("admin_key"));
    check(&Options { poll_every_ms: 60_000, ..keys() }, Some("poll_every_ms"));
    check(&Options { session_ttl_ms: u64::MAX, ..keys() }, Some("session_ttl_ms"));
    check(&Options { modes: Modes { keys: true, jwt: true }, ..keys() }, Some("jwt"));
    check(&jwt(shared(31), JwtAlgorithm::Hs256), Some("jwt.secret"));
    check(&jwt(shared(32), JwtAlgorithm::Rs256), Some("jwt.algorithms"));
    let public = JwtKeys::PublicKey { pem: String::new() };
    check(&jwt(public, JwtAlgorithm::Hs256), Some("jwt.algorithms"));
    check(&jwks("http://issuer.example/keys"), Some("jwt.jwks_url"));
    check(&jwks("http://127.0.0.1.example/keys"), Some("jwt.jwks_url"));
    check(&jwks("https://user:password@issuer.example/keys"), Some("jwt.jwks_url"));
    check(&jwks("file:///etc/keys"), Some("jwt.jwks_url"));
    check(&jwks("keys"), Some("jwt.jwks_url"));
}

#[test]
fn modes_are_words() {
    let read = |words: &[&str]| Modes::from_words(words.iter().copied()).ok();
    assert_eq!(read(&["none"]), Some(Modes::default()));
    assert_eq!(read(&[]), Some(Modes::default()));
    assert_eq!(read(&["keys", "jwt"]), Some(Modes { keys: true, jwt: true }));
    assert_eq!(read(&["none", "keys"]), None);
    assert_eq!(read(&["open"]), None);
}
