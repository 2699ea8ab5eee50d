//! TLS: the certificate and the key that a configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headway_tls::{Acceptor, IdentityError, Version};

use super::{Configuration, ConfigurationError};

/// TLS for everything that is served.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) acceptor: Arc<Acceptor>,
    /// How often its files are read again; `None`: never.
    pub(crate) reload: Option<Duration>,
}

impl Configuration {
    /// Reads both files, so that a certificate that cannot be used is told of before anything
    /// starts.
    pub(super) fn tls(&self) -> Result<Option<Tls>, ConfigurationError> {
        let file = |path| self.optional_text(path).filter(|text| !text.is_empty());
        let (certificate, key) = match (file("tls.certificate"), file("tls.key")) {
            (Some(certificate), Some(key)) => (PathBuf::from(certificate), PathBuf::from(key)),
            (None, None) => return Ok(None),
            (Some(_), None) => {
                let message = "`tls.key` is needed as well: the file of its private key";
                return Err(self.wrong("tls.certificate", message));
            }
            (None, Some(_)) => {
                let message = "`tls.certificate` is needed as well: the file that it is the key of";
                return Err(self.wrong("tls.key", message));
            }
        };
        let oldest = match self.text("tls.oldest").as_str() {
            "1.2" => Version::Tls12,
            "1.3" => Version::Tls13,
            other => {
                let message = format!("`{other}` is no version of TLS here: use `1.2` or `1.3`");
                return Err(self.wrong("tls.oldest", message));
            }
        };
        let settings = headway_tls::Settings {
            oldest,
            ..headway_tls::Settings::new(certificate, key.clone())
        };
        let acceptor = Acceptor::open(settings)
            .map_err(|error| self.wrong(place(&error, &key), error.to_string()))?;
        let reload = Duration::from_millis(self.whole("tls.reload_ms"));
        let reload = (!reload.is_zero()).then_some(reload);
        Ok(Some(Tls { acceptor: Arc::new(acceptor), reload }))
    }
}

/// The key of the configuration that an error is about.
fn place(error: &IdentityError, key: &Path) -> &'static str {
    match error {
        IdentityError::Unreadable { path, .. } | IdentityError::NotPem { path, .. }
            if path == key =>
        {
            "tls.key"
        }
        IdentityError::NoKey { .. }
        | IdentityError::Protected { .. }
        | IdentityError::Key { .. }
        | IdentityError::Mismatch { .. } => "tls.key",
        IdentityError::Unreadable { .. }
        | IdentityError::NotPem { .. }
        | IdentityError::NoCertificate { .. }
        | IdentityError::Certificate { .. }
        | IdentityError::Refused { .. } => "tls.certificate",
    }
}
