//! What somebody presents to sign in: keys, watch tokens, sessions, tickets.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use headway_protocol::Timestamp;

use crate::api_key::KeyText;
use crate::ring::Ring;
use crate::{base62, collection, session, ticket, watch_token};

static RING: LazyLock<Ring> = LazyLock::new(|| Ring::first(Timestamp::from_millis(1)));

/// Any text as each of them: nothing passes for genuine, and what has the right form is taken apart
/// as it was put together. Any bytes as what a token of ours says: what is understood, says the same
/// when it is said again.
pub fn presented(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        form(text);
    }
    said(bytes);
}

fn form(text: &str) {
    if let Some(key) = KeyText::read(text) {
        assert!(text.starts_with(&format!("hw_{}_", key.id())) && text.len() == 65, "{text:?}");
        assert!(!key.hash().to_hex().contains(text));
    }
    if let Some((key, ends_at)) = ticket::entry_key(text) {
        assert!(key.starts_with(&collection::at(ends_at)) && !key.contains(text), "{text:?}");
        let end = base62::number::<8>(ends_at.as_millis());
        assert!(text.starts_with(&format!("hwo_{end}")), "{text:?}");
    }
    if let Some(name) = session::name_of(text) {
        assert!(text.starts_with("hws_") && text.len() == 47 && name.len() == 64, "{text:?}");
    }
    let now = Timestamp::from_millis(0);
    assert!(watch_token::check(text, &RING, now).is_err(), "{text:?} passes for a token of ours");
}

fn said(bytes: &[u8]) {
    let Some(signer) = RING.signs() else { return };
    let body = format!("hwt_{signer}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
    let Some(signature) = RING.sign(&body) else { return };
    let now = Timestamp::from_millis(0);
    let Ok(caller) = watch_token::check(&format!("{body}.{signature}"), &RING, now) else { return };
    let claims: watch_token::Claims = serde_json::from_slice(bytes).unwrap();
    let again = claims.sign(&RING).unwrap();
    assert_eq!(watch_token::check(again.expose(), &RING, now).ok(), Some(caller));
}
