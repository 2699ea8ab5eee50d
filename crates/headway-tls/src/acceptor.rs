//! The certificate and the key in use, and the sessions made of them.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::{IdentityError, Session, SessionError, Settings, Version, identity};

/// Makes sessions with the newest usable certificate and key.
///
/// It owns both. Sessions keep what they began with: a renewal changes what the next handshake
/// shows and disturbs nobody who is connected.
pub struct Acceptor {
    settings: Settings,
    provider: Arc<CryptoProvider>,
    /// Outlives every renewal, so that clients can take their sessions up again after one.
    ticketer: Option<Arc<dyn ProducesTickets>>,
    current: RwLock<Current>,
}

struct Current {
    identity: Arc<CertifiedKey>,
    config: Arc<ServerConfig>,
}

/// What [`Acceptor::reload`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The files hold what is in use.
    Unchanged,
    /// The files held something new, which the next handshake shows.
    Renewed,
}

impl Acceptor {
    /// Reads and checks the files that `settings` names.
    pub fn open(settings: Settings) -> Result<Self, IdentityError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let ticketer = settings.tickets.then(aws_lc_rs::Ticketer::new).transpose();
        let ticketer = ticketer.map_err(|error| refused(&error))?;
        let identity = identity::read(&settings, &provider)?;
        let config = configure(&settings, &provider, ticketer.as_ref(), &identity)?;
        let current = RwLock::new(Current { identity, config });
        Ok(Self { settings, provider, ticketer, current })
    }

    /// What this acceptor was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The server's end of a new connection, before its handshake.
    ///
    /// # Errors
    ///
    /// Only when the system has no random numbers to give.
    pub fn session(&self) -> Result<Session, SessionError> {
        Session::new(Arc::clone(&self.current.read().config))
    }

    /// Reads the files again. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// When they cannot be used. The old pair then stays in use: a broken renewal takes no server
    /// down. Certificate and key are two files, and between the writing of one and the other they
    /// do not belong together; the next call will find them whole.
    pub fn reload(&self) -> Result<Reloaded, IdentityError> {
        let identity = identity::read(&self.settings, &self.provider)?;
        // The chain stands for the key as well: the key was checked against the first certificate.
        if identity.cert == self.current.read().identity.cert {
            return Ok(Reloaded::Unchanged);
        }
        let config = configure(&self.settings, &self.provider, self.ticketer.as_ref(), &identity)?;
        *self.current.write() = Current { identity, config };
        Ok(Reloaded::Renewed)
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn configure(
    settings: &Settings,
    provider: &Arc<CryptoProvider>,
    ticketer: Option<&Arc<dyn ProducesTickets>>,
    identity: &Arc<CertifiedKey>,
) -> Result<Arc<ServerConfig>, IdentityError> {
    let versions: &[_] = match settings.oldest {
        Version::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        Version::Tls13 => &[&rustls::version::TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(|error| refused(&error))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity))));
    config.alpn_protocols =
        settings.protocols.iter().map(|protocol| protocol.name().into()).collect();
    // Tickets carry their state; a store of sessions would be memory that grows with clients.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    match ticketer {
        Some(ticketer) => {
            config.ticketer = Arc::clone(ticketer);
            // A browser opens more than one connection, but one ticket may be used for all.
            config.send_tls13_tickets = 1;
        }
        None => config.send_tls13_tickets = 0,
    }
    Ok(Arc::new(config))
}

fn refused(error: &rustls::Error) -> IdentityError {
    IdentityError::Refused { reason: error.to_string() }
}
