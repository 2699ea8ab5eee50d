//! Who the server is: a certificate chain and its private key, read from files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::Settings;

/// Why a certificate and its key cannot be used. Each says which file, what is wrong with it and
/// what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A file is not PEM.
    #[error(
        "{} is not a PEM file ({reason}): it consists of blocks between `-----BEGIN …-----` and \
         `-----END …-----`; `openssl x509 -inform der` and `openssl pkey -inform der` make PEM of \
         DER",
        path.display()
    )]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of the certificate holds none.
    #[error(
        "{} holds no certificate: it needs the server's own certificate and, after it, those of \
         the authorities between it and the root, each as `-----BEGIN CERTIFICATE-----`{}",
        path.display(),
        swapped_words(*swapped)
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// Whether it holds a private key instead.
        swapped: bool,
    },
    /// The file of the key holds none.
    #[error(
        "{} holds no private key: it needs one as `-----BEGIN PRIVATE KEY-----`{}",
        path.display(),
        swapped_words(*swapped)
    )]
    NoKey {
        /// The file.
        path: PathBuf,
        /// Whether it holds a certificate instead.
        swapped: bool,
    },
    /// The key is protected by a passphrase.
    #[error(
        "the private key in {} is protected by a passphrase, and a server has nobody to ask for \
         it: `openssl pkey -in FILE -out FILE.plain` takes it off; let the file be readable by the \
         server's user alone",
        path.display()
    )]
    Protected {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is not one that can be served.
    #[error("the certificate in {} cannot be used: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is of a kind that TLS servers cannot use here.
    #[error(
        "the private key in {} cannot be used ({reason}): RSA of 2048 to 8192 bits, ECDSA on P-256, \
         P-384 or P-521, and Ed25519 can",
        path.display()
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate is for another key.
    #[error(
        "the private key in {} does not belong to the first certificate in {}: they were made at \
         different times, or the chain does not begin with the server's own certificate",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The TLS library refuses the settings.
    #[error("TLS cannot be set up: {reason}")]
    Refused {
        /// What it says.
        reason: String,
    },
}

fn swapped_words(swapped: bool) -> &'static str {
    if swapped { "; are the certificate and the key swapped?" } else { "" }
}

/// Reads the certificate chain and the key, and checks that they belong together.
pub(crate) fn read(
    settings: &Settings,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, IdentityError> {
    let chain = chain(&settings.certificate)?;
    let key = key(&settings.key)?;
    let path = || settings.key.clone();
    let signer = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| IdentityError::Key { path: path(), reason: error.to_string() })?;
    let identity = CertifiedKey::new(chain, signer);
    match identity.keys_match() {
        Ok(()) => Ok(Arc::new(identity)),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(IdentityError::Mismatch {
                certificate: settings.certificate.clone(),
                key: settings.key.clone(),
            })
        }
        Err(error) => Err(IdentityError::Certificate {
            path: settings.certificate.clone(),
            reason: error.to_string(),
        }),
    }
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let text = contents(path)?;
    let sections = sections(path, &text)?;
    let swapped = sections.iter().any(|(kind, _)| is_key(*kind));
    let chain: Vec<_> = sections
        .into_iter()
        .filter(|(kind, _)| *kind == SectionKind::Certificate)
        .map(|(_, der)| CertificateDer::from(der))
        .collect();
    if chain.is_empty() {
        return Err(IdentityError::NoCertificate { path: path.to_owned(), swapped });
    }
    Ok(chain)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, IdentityError> {
    let text = contents(path)?;
    // PKCS#8 says so in its label, the older forms in a header below it.
    if contains(&text, b"BEGIN ENCRYPTED PRIVATE KEY") || contains(&text, b"Proc-Type: 4,ENCRYPTED")
    {
        return Err(IdentityError::Protected { path: path.to_owned() });
    }
    let sections = sections(path, &text)?;
    let swapped = sections.iter().any(|(kind, _)| *kind == SectionKind::Certificate);
    sections
        .into_iter()
        .find_map(|(kind, der)| PrivateKeyDer::from_pem(kind, der))
        .ok_or_else(|| IdentityError::NoKey { path: path.to_owned(), swapped })
}

fn contents(path: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(path).map_err(|error: io::Error| IdentityError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn sections(path: &Path, text: &[u8]) -> Result<Vec<(SectionKind, Vec<u8>)>, IdentityError> {
    let wrong = |reason: String| IdentityError::NotPem { path: path.to_owned(), reason };
    if !contains(text, b"-----BEGIN ") {
        return Err(wrong("no block begins in it".to_owned()));
    }
    <(SectionKind, Vec<u8>)>::pem_slice_iter(text)
        .collect::<Result<_, pem::Error>>()
        .map_err(|error| wrong(error.to_string()))
}

fn is_key(kind: SectionKind) -> bool {
    matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}
