//! Who somebody is.
//!
//! Whoever comes presents something: an API key, a token of an identity provider, a watch token,
//! a browser's session, a ticket. [`Handle::identify`] makes a [`Caller`](headway_access::Caller)
//! of it or a [`Refused`]; what the caller may do is then the business of
//! [`authorize`](headway_access::authorize). Keys, sessions, revocations and the audit log rest in
//! the store as entries and are shared by all nodes of it.
//!
//! **Invariants.**
//! - Checking somebody reads and writes nothing but memory, and is bounded by what is presented. The
//!   one exception, [`Handle::identify_patiently`], says so.
//! - No secret rests here or in the store, except those that this node signs with: keys, sessions and
//!   tickets are kept as hashes.
//! - A revocation outlives everything that it ends.
//! - What changes who may come in is written together with its line in the audit log, or not at all.
//! - Everything that decides takes the time as an argument.

mod base62;
mod error;
mod options;

pub use error::{Ended, Error, Refused};
pub use options::{GuessLimits, JwtAlgorithm, JwtKeys, JwtOptions, Modes, NotModes, Options};
