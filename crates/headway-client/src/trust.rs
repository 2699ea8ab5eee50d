//! Which servers are taken for genuine.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::Error;

/// The authorities whose word is taken for a server's name, instead of the system's.
#[derive(Clone)]
pub(crate) struct Authorities(ClientConfig);

impl Authorities {
    /// Reads the certificates of a PEM file.
    pub(crate) fn read(pem: &[u8]) -> Result<Self, Error> {
        install_provider();
        let wrong = |reason: String| Error::Authority { reason };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("there is no `-----BEGIN CERTIFICATE-----` in it".to_owned()));
        }
        Ok(Self(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
    }

    /// For requests: HTTP/2 where the server speaks it.
    pub(crate) fn for_requests(&self) -> ClientConfig {
        let mut config = self.0.clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    /// For a WebSocket, which begins as HTTP/1.1.
    pub(crate) fn for_websocket(&self) -> Arc<ClientConfig> {
        let mut config = self.0.clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// Names the TLS provider of this process, unless the program has named one.
pub(crate) fn install_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing a race means that another thread named one: just as well.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    }
}

/// What is wrong with the server's certificate, if that is why a connection was not made.
pub(crate) fn refused(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
            return Some(words(reason));
        }
        // An `io::Error` passes over what it carries when it is asked for its source.
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

/// What is wrong with a certificate, where the library's word is only a name.
fn words(reason: &CertificateError) -> String {
    let text = reason.to_string();
    if *reason == CertificateError::UnknownIssuer {
        "nobody who is trusted has signed its certificate".to_owned()
    } else if text.contains("CaUsedAsEndEntity") {
        "its certificate is an authority's (CA:TRUE) and not a server's; openssl makes one with \
         `-addext basicConstraints=critical,CA:FALSE`"
            .to_owned()
    } else {
        text
    }
}
