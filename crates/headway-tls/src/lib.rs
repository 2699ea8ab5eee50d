//! TLS for a server that holds many connections open and mostly idle.
//!
//! A [`Session`] is one connection's TLS without input or output: ciphertext in, plaintext and
//! ciphertext out. It keeps no buffers of its own between two calls, except the bytes of a record
//! that has not fully arrived, so that a thread with thousands of watchers needs one set of buffers
//! and not thousands. [`Stream`] is the same session under `AsyncRead` and `AsyncWrite`, and the
//! two turn into each other without the peer noticing: a connection can begin on a thread that
//! waits for readiness and go on to an HTTP library, or the other way round.
//!
//! An [`Acceptor`] owns the certificate and the key, makes sessions of them and reads the files
//! again when they are renewed.
//!
//! This crate knows no protocol above TLS and nothing of the program that it is a part of. No type
//! of the TLS library is in its interface.
//!
//! ```
//! use headway_tls::{Acceptor, Received, Session, SessionError};
//!
//! /// What a thread does when a socket has given it `ciphertext`.
//! fn readable(
//!     session: &mut Session,
//!     ciphertext: &mut [u8],
//!     plaintext: &mut Vec<u8>,
//!     outgoing: &mut Vec<u8>,
//! ) -> Result<(), SessionError> {
//!     // What is in `outgoing` is sent even if this fails: it tells the peer why.
//!     match session.receive(ciphertext, plaintext, outgoing)? {
//!         Received::Open => {}
//!         Received::Closed => session.close(outgoing),
//!     }
//!     if plaintext.starts_with(b"ping") {
//!         session.send([b"pong".as_slice()], outgoing)?;
//!     }
//!     Ok(())
//! }
//! # fn main() {}
//! ```

mod acceptor;
mod identity;
mod plain;
mod session;
mod settings;

#[cfg(feature = "stream")]
mod renewal;
#[cfg(feature = "stream")]
mod stream;

pub use acceptor::{Acceptor, Reloaded};
pub use identity::IdentityError;
pub use session::{Received, Session, SessionError, Violation};
pub use settings::{Protocol, Settings, Version};

#[cfg(feature = "stream")]
pub use renewal::Renewal;
#[cfg(feature = "stream")]
pub use stream::{Parts, Stream};
