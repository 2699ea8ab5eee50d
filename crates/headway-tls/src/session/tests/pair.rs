//! Both ends of a connection in memory.

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::super::*;
use crate::{Acceptor, Settings};

/// A certificate for `localhost` in files, and an acceptor that shows it.
pub(super) struct Place {
    pub(super) acceptor: Acceptor,
    pub(super) roots: Arc<RootCertStore>,
}

pub(super) static PLACE: LazyLock<Place> = LazyLock::new(|| place(true));
pub(super) static WITHOUT_TICKETS: LazyLock<Place> = LazyLock::new(|| place(false));

fn place(tickets: bool) -> Place {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        tickets,
        ..Settings::new(folder.path().join("chain.pem"), folder.path().join("key.pem"))
    };
    std::fs::write(&settings.certificate, made.cert.pem()).unwrap();
    std::fs::write(&settings.key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    Place { acceptor: Acceptor::open(settings).unwrap(), roots: Arc::new(roots) }
}

pub(super) fn client_config(place: &Place, version: Version) -> ClientConfig {
    let version = match version {
        Version::Tls12 => &rustls::version::TLS12,
        Version::Tls13 => &rustls::version::TLS13,
    };
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(Arc::clone(&place.roots))
        .with_no_client_auth()
}

pub(super) fn client(config: ClientConfig) -> ClientConnection {
    ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
}

/// The two ends, and what each has got from the other.
pub(super) struct Pair {
    pub(super) client: ClientConnection,
    pub(super) server: Session,
    /// How many bytes the server is given at once.
    pub(super) step: usize,
    pub(super) at_server: Vec<u8>,
    pub(super) at_client: Vec<u8>,
    pub(super) server_error: Option<SessionError>,
    pub(super) client_error: Option<rustls::Error>,
    pub(super) client_closed: bool,
}

impl Pair {
    pub(super) fn new(place: &Place, config: ClientConfig, step: usize) -> Self {
        let server = place.acceptor.session().unwrap();
        Self {
            client: client(config),
            server,
            step,
            at_server: Vec::new(),
            at_client: Vec::new(),
            server_error: None,
            client_error: None,
            client_closed: false,
        }
    }

    pub(super) fn connected(version: Version, step: usize) -> Self {
        let mut pair = Self::new(&PLACE, client_config(&PLACE, version), step);
        pair.run();
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
        pair
    }

    /// Carries everything to and fro until nobody has more to say.
    pub(super) fn run(&mut self) {
        while self.client.wants_write() {
            let mut wire = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut wire).unwrap();
            }
            let answer = self.give_server(&mut wire);
            self.give_client(&answer);
        }
    }

    pub(super) fn give_server(&mut self, wire: &mut [u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        for part in wire.chunks_mut(self.step) {
            if let Err(error) = self.server.receive(part, &mut self.at_server, &mut answer) {
                self.server_error.get_or_insert(error);
            }
            assert!(self.server.waiting() <= WAITING);
        }
        answer
    }

    pub(super) fn give_client(&mut self, mut wire: &[u8]) {
        while !wire.is_empty() {
            self.client.read_tls(&mut wire).unwrap();
            match self.client.process_new_packets() {
                Ok(state) => self.client_closed |= state.peer_has_closed(),
                Err(error) => {
                    self.client_error = Some(error);
                    return;
                }
            }
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = self.client.reader().read(&mut buffer) {
                self.at_client.extend_from_slice(&buffer[..count]);
            }
        }
    }

    pub(super) fn server_sends(&mut self, pieces: &[&[u8]]) -> usize {
        let mut wire = Vec::new();
        self.server.send(pieces.iter().copied(), &mut wire).unwrap();
        self.give_client(&wire);
        wire.len()
    }

    pub(super) fn client_sends(&mut self, bytes: &[u8]) {
        self.client.set_buffer_limit(None);
        self.client.writer().write_all(bytes).unwrap();
        self.run();
    }
}
