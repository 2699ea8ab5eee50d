//! What a server is told about TLS.

use std::path::PathBuf;

/// What a server's TLS is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A PEM file with the certificate chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// A PEM file with the private key of the first certificate: PKCS#8, PKCS#1 or SEC1, without
    /// a passphrase. It may be the same file.
    pub key: PathBuf,
    /// What is offered over ALPN, the most wanted first. Empty offers nothing.
    pub protocols: Vec<Protocol>,
    /// The oldest version that is spoken.
    pub oldest: Version,
    /// Whether a client that comes back may take up its last session and so spare both sides the
    /// key's signature. The state is in the ticket, which the client keeps: it costs the server no
    /// memory, and one message of about 200 bytes in each handshake.
    pub tickets: bool,
}

impl Settings {
    /// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with tickets.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            protocols: vec![Protocol::Http2, Protocol::Http11],
            oldest: Version::Tls12,
            tickets: true,
        }
    }
}

/// A protocol that is agreed on during the handshake (ALPN, RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `h2`
    Http2,
    /// `http/1.1`
    Http11,
}

impl Protocol {
    const ALL: [Self; 2] = [Self::Http2, Self::Http11];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http2 => "h2",
            Self::Http11 => "http/1.1",
        }
    }

    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().as_bytes() == name)
    }
}

/// A version of TLS. Older ones are not spoken at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.2 (RFC 5246), with forward secrecy and authenticated encryption only.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}
