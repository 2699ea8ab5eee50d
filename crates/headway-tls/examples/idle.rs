//! What an idle TLS connection costs in memory: `cargo run --release -p headway-tls --example idle`.
//!
//! Shakes hands with as many sessions as the first argument says (2,000), sends each some messages,
//! keeps them, and divides what the process has grown by. Everything is counted, whoever allocated
//! it: the program, the TLS library, its cryptography in C, and what the allocator makes of it. The
//! clients are in the same process, one at a time and gone before the next one comes.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no result")]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use headway_tls::{Acceptor, Session, Settings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};

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
    let place = Place::new(&rustls::version::TLS13, true);
    let (bytes, _buffered) = grown(count, || place.connect_buffered());
    println!("{bytes:5} bytes per idle connection of the library that has buffers: TLS 1.3");
}

/// Bytes per session, and the sessions.
pub(crate) fn measure(
    count: usize,
    version: &'static SupportedProtocolVersion,
    tickets: bool,
) -> (usize, Vec<Option<Session>>) {
    let place = Place::new(version, tickets);
    let mut buffers = Buffers::default();
    grown(count, || place.connect(&mut buffers))
}

/// By how much the process grows for each of `count` things, and the things.
fn grown<T>(count: usize, mut make: impl FnMut() -> T) -> (usize, Vec<Option<T>>) {
    // What is allocated once, and pages that the allocator has at hand.
    let warm: Vec<T> = (0..50).map(|_| make()).collect();
    let mut things = Vec::with_capacity(count);
    things.resize_with(count, || None);
    let before = resident();
    for place in &mut things {
        *place = Some(make());
    }
    let after = resident();
    drop(warm);
    (after.saturating_sub(before) / count, things)
}

/// A certificate, and the two sides that know it.
struct Place {
    acceptor: Acceptor,
    client: Arc<ClientConfig>,
    buffered: Arc<ServerConfig>,
}

impl Place {
    fn new(version: &'static SupportedProtocolVersion, tickets: bool) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            tickets,
            ..Settings::new(folder.path().join("chain.pem"), folder.path().join("key.pem"))
        };
        std::fs::write(&settings.certificate, made.cert.pem()).unwrap();
        std::fs::write(&settings.key, made.signing_key.serialize_pem()).unwrap();
        let key = PrivateKeyDer::from_pem_file(&settings.key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        client.resumption = rustls::client::Resumption::disabled();
        let buffered = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = Acceptor::open(settings).unwrap();
        Self { acceptor, client: Arc::new(client), buffered: Arc::new(buffered) }
    }

    fn client(&self) -> ClientConnection {
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        client.writer().write_all(b"subscribe").unwrap();
        client
    }

    /// A session after its handshake, one message from its client and ten to it.
    fn connect(&self, buffers: &mut Buffers) -> Session {
        let mut client = self.client();
        let mut session = self.acceptor.session().unwrap();
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

    /// The same with a connection as most servers have it.
    fn connect_buffered(&self) -> Box<ServerConnection> {
        let mut client = self.client();
        let mut server = Box::new(ServerConnection::new(Arc::clone(&self.buffered)).unwrap());
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            wire.clear();
            answer(&mut server, &mut client, &mut wire);
        }
        let mut said = [0; 9];
        server.reader().read_exact(&mut said).unwrap();
        for _ in 0..10 {
            server.writer().write_all(&[b'x'; 300]).unwrap();
            answer(&mut server, &mut client, &mut wire);
        }
        server
    }
}

fn answer(server: &mut ServerConnection, client: &mut ClientConnection, wire: &mut Vec<u8>) {
    while server.wants_write() {
        server.write_tls(wire).unwrap();
    }
    take(client, wire);
}

/// One set for all sessions, as a thread has it.
#[derive(Default)]
struct Buffers {
    ciphertext: Vec<u8>,
    plaintext: Vec<u8>,
    outgoing: Vec<u8>,
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
