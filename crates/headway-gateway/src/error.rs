//! Why a gateway could not be opened.

use std::net::SocketAddr;

/// Why a gateway could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody has to sign in, so only this machine may reach it.
    #[error(
        "refusing to listen on {0}: without sign-in everybody who reaches that address could read \
         and stop every job; listen on a loopback address such as 127.0.0.1, or say --insecure"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be taken.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}
