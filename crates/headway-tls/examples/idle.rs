//! What an idle TLS connection costs in memory: `cargo run --release -p headway-tls --example idle`.
//!
//! Shakes hands with as many sessions as the first argument says (2,000), sends each some messages,
//! keeps them, and divides what the process has grown by. Everything is counted, whoever allocated
//! it: the program, the TLS library, its cryptography in C, and what the allocator makes of it. The
//! clients are in the same process, one at a time and gone before the next one comes.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no result")]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::sync::Arc;

use headway_tls::{Acceptor, Session, Settings};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

fn main() {
    let count = std::env::args().nth(1).map_or(2_000, |count| count.parse().unwrap());
    // Kept to the end: what one case gives back would otherwise be what the next one grows into.
    let mut kept = Vec::new();
    for (version, name) in
        [(&rustls::version::TLS13, "TLS 1.3"), (&rustls::version::TLS12, "TLS 1.2")]
    {
        for tickets in [true, false] {
            let (bytes, sessions) = measure(count, version, tickets);
            kept.push(sessions);
            let words = if tickets { "with a ticket" } else { "without tickets" };
            println!("{bytes:5} bytes per idle session: {name}, {words}");
        }
    }
}

/// Bytes per session, and the sessions.
pub(crate) fn measure(
    count: usize,
    version: &'static SupportedProtocolVersion,
    tickets: bool,
) -> (usize, Vec<Option<Session>>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        tickets,
        ..Settings::new(folder.path().join("chain.pem"), folder.path().join("key.pem"))
    };
    std::fs::write(&settings.certificate, made.cert.pem()).unwrap();
    std::fs::write(&settings.key, made.signing_key.serialize_pem()).unwrap();
    let acceptor = Acceptor::open(settings).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    let config = Arc::new(config);
    let mut buffers = Buffers::default();
    // What is allocated once, and pages that the allocator has at hand.
    let warm: Vec<_> = (0..50).map(|_| connected(&acceptor, &config, &mut buffers)).collect();
    let mut sessions = Vec::with_capacity(count);
    sessions.resize_with(count, || None);
    let before = resident();
    for place in &mut sessions {
        *place = Some(connected(&acceptor, &config, &mut buffers));
    }
    let after = resident();
    drop(warm);
    (after.saturating_sub(before) / count, sessions)
}

/// One set for all sessions, as a thread has it.
#[derive(Default)]
struct Buffers {
    ciphertext: Vec<u8>,
    plaintext: Vec<u8>,
    outgoing: Vec<u8>,
}

/// A session after its handshake, one message from its client and ten to it.
fn connected(acceptor: &Acceptor, config: &Arc<ClientConfig>, buffers: &mut Buffers) -> Session {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut session = acceptor.session().unwrap();
    std::io::Write::write_all(&mut client.writer(), b"subscribe").unwrap();
    while client.wants_write() {
        client.write_tls(&mut buffers.ciphertext).unwrap();
        let Buffers { ciphertext, plaintext, outgoing } = buffers;
        session.receive(ciphertext, plaintext, outgoing).unwrap();
        ciphertext.clear();
        take(&mut client, outgoing);
    }
    assert_eq!(buffers.plaintext, b"subscribe");
    buffers.plaintext.clear();
    for _ in 0..10 {
        session.send([[b'x'; 300].as_slice()], &mut buffers.outgoing).unwrap();
        take(&mut client, &mut buffers.outgoing);
    }
    session
}

fn take(client: &mut ClientConnection, wire: &mut Vec<u8>) {
    let mut rest = wire.as_slice();
    while !rest.is_empty() {
        client.read_tls(&mut rest).unwrap();
        client.process_new_packets().unwrap();
        std::io::copy(&mut client.reader(), &mut std::io::sink()).ok();
    }
    wire.clear();
}

/// The memory of this process that is in use, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
