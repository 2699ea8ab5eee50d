//! Files that cannot be used, and files that are renewed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headway_tls::{Acceptor, IdentityError, Reloaded, Renewal, Session, Settings};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use support::{Authority, NAMES};

fn refusal(settings: &Settings) -> String {
    Acceptor::open(settings.clone()).expect_err("these files cannot be used").to_string()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_is_wrong_is_said_with_the_file_and_the_remedy() {
    let authority = Authority::new();
    let good = authority.sign(NAMES);
    let folder = authority.folder.path();
    let certificate = |path: PathBuf| Settings { certificate: path, ..good.clone() };
    let key = |path: PathBuf| Settings { key: path, ..good.clone() };
    let check = |settings: &Settings, words: &[&str]| {
        let said = refusal(settings);
        for words in words {
            assert!(said.contains(words), "{words} in {said}");
        }
    };
    check(&certificate(folder.join("absent.pem")), &["absent.pem cannot be read", "No such file"]);
    check(&key(folder.join("absent.pem")), &["absent.pem cannot be read"]);
    check(&certificate(write(folder, "empty", "")), &["empty is not a PEM file", "openssl"]);
    check(&key(write(folder, "der", "\u{1}\u{2}")), &["der is not a PEM file"]);
    let cut = write(folder, "cut", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    check(&certificate(cut), &["cut is not a PEM file"]);
    check(&certificate(good.key.clone()), &["holds no certificate", "swapped?"]);
    check(&key(good.certificate.clone()), &["holds no private key", "swapped?"]);
    let request = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
    let request = write(folder, "request", request);
    let said = refusal(&certificate(request));
    assert!(said.contains("holds no certificate") && !said.contains("swapped"), "{said}");
    for head in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED",
    ] {
        let protected = write(folder, "protected", &format!("{head}\nAAAA\n"));
        check(&key(protected), &["protected by a passphrase", "openssl pkey"]);
    }
    let nonsense = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    check(&key(write(folder, "nonsense", nonsense)), &["nonsense cannot be used", "ECDSA"]);
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check(&certificate(write(folder, "no-cert", nonsense)), &["no-cert cannot be used"]);
    let other = Authority::new();
    check(&key(other.sign(NAMES).key.clone()), &["does not belong", "key.pem", "certificate.pem"]);
    assert!(Acceptor::open(good.clone()).is_ok());
}

#[test]
fn certificate_and_key_may_be_one_file() {
    let authority = Authority::new();
    let parts = authority.sign(NAMES);
    let text = [&parts.key, &parts.certificate].map(|path| std::fs::read_to_string(path).unwrap());
    let both = write(authority.folder.path(), "both.pem", &text.concat());
    assert!(Acceptor::open(Settings::new(&both, &both)).is_ok());
}

/// Whether a client that trusts `authority` is content with what a new session shows for `name`.
fn shows(acceptor: &Acceptor, authority: &Authority, name: &str) -> bool {
    connected(acceptor, &Arc::new(authority.client()), name).is_some()
}

/// A session after its handshake with a client that calls it `name`, if they come to terms.
fn connected(acceptor: &Acceptor, config: &Arc<ClientConfig>, name: &str) -> Option<Session> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut server = acceptor.session().unwrap();
    // Also the ticket, which follows the handshake, is taken.
    while client.wants_write() {
        let (mut wire, mut answer) = (Vec::new(), Vec::new());
        client.write_tls(&mut wire).unwrap();
        if server.receive(&mut wire, &mut Vec::new(), &mut answer).is_err() {
            return None;
        }
        let mut answer = answer.as_slice();
        while !answer.is_empty() {
            client.read_tls(&mut answer).unwrap();
            if client.process_new_packets().is_err() {
                return None;
            }
        }
    }
    (!client.is_handshaking()).then_some(server)
}

#[test]
fn sessions_are_taken_up_again_across_a_renewal() {
    let authority = Authority::new();
    let acceptor = Acceptor::open(authority.sign(&["one.example"])).unwrap();
    let client = Arc::new(authority.client());
    let resumed = || connected(&acceptor, &client, "one.example").unwrap().is_resumed();
    assert!(!resumed(), "there is nothing to take up");
    assert!(resumed());
    authority.sign(&["one.example"]);
    assert_eq!(acceptor.reload(), Ok(Reloaded::Renewed));
    assert!(resumed());
}

#[test]
fn a_renewed_pair_is_shown_and_a_broken_one_is_not() {
    let authority = Authority::new();
    let acceptor = Acceptor::open(authority.sign(&["one.example"])).unwrap();
    assert!(shows(&acceptor, &authority, "one.example"));
    assert_eq!(acceptor.reload(), Ok(Reloaded::Unchanged));

    // Half of a renewal: the key is the old one's.
    let key = std::fs::read(&acceptor.settings().key).unwrap();
    authority.sign(&["two.example"]);
    let new_key = std::fs::read(&acceptor.settings().key).unwrap();
    std::fs::write(&acceptor.settings().key, key).unwrap();
    assert!(matches!(acceptor.reload(), Err(IdentityError::Mismatch { .. })));
    assert!(shows(&acceptor, &authority, "one.example"));
    assert!(!shows(&acceptor, &authority, "two.example"));

    std::fs::write(&acceptor.settings().key, new_key).unwrap();
    assert_eq!(acceptor.reload(), Ok(Reloaded::Renewed));
    assert!(shows(&acceptor, &authority, "two.example"));
    assert!(!shows(&acceptor, &authority, "one.example"));

    std::fs::remove_file(&acceptor.settings().certificate).unwrap();
    assert!(matches!(acceptor.reload(), Err(IdentityError::Unreadable { .. })));
    assert!(shows(&acceptor, &authority, "two.example"));
}

#[tokio::test]
async fn a_look_uses_what_is_new() {
    let authority = Authority::new();
    let acceptor = Arc::new(Acceptor::open(authority.sign(&["one.example"])).unwrap());
    let mut renewal = Renewal::new(Arc::clone(&acceptor));
    authority.sign(&["two.example"]);
    std::fs::rename(&acceptor.settings().key, authority.folder.path().join("away")).unwrap();
    renewal.look().await;
    assert!(shows(&acceptor, &authority, "one.example"));
    std::fs::rename(authority.folder.path().join("away"), &acceptor.settings().key).unwrap();
    renewal.look().await;
    assert!(shows(&acceptor, &authority, "two.example"));
}
