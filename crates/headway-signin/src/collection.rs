//! The collections of entries in which sign-in keeps what it knows.

use headway_protocol::Timestamp;

/// API keys, by id.
pub(crate) const KEYS: &str = "signin.keys";
/// When keys and sessions were used last, by [`use_of_key`] and [`use_of_session`]. Apart from these,
/// so that noting a use never meets a revocation.
pub(crate) const USES: &str = "signin.uses";
/// Subjects and tokens that were revoked.
pub(crate) const REVOCATIONS: &str = "signin.revocations";
/// Sessions of browsers, by the hash of what the browser holds.
pub(crate) const SESSIONS: &str = "signin.sessions";
/// What this server's own tokens are signed with, under [`RING`].
pub(crate) const SIGNING: &str = "signin.signing";
/// Tickets that were not used yet, by their end and hash.
pub(crate) const TICKETS: &str = "signin.tickets";
/// The audit log, by time.
pub(crate) const AUDIT: &str = "signin.audit";

/// The key of the one entry of [`SIGNING`].
pub(crate) const RING: &str = "tokens";

/// Those that are kept in memory, and read again when they change.
pub(crate) const KNOWN: [&str; 5] = [KEYS, USES, REVOCATIONS, SESSIONS, SIGNING];

/// Entries that are asked for at once.
pub(crate) const PAGE: usize = 1_000;

pub(crate) fn use_of_key(id: &str) -> String {
    format!("key.{id}")
}

pub(crate) fn use_of_session(id: &str) -> String {
    format!("session.{id}")
}

/// A key's beginning, or a bound between keys, that sorts as the moment does.
pub(crate) fn at(moment: Timestamp) -> String {
    format!("{:015}", moment.as_millis())
}
