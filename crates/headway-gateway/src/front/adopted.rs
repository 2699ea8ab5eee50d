//! Watchers whose request came by the server of all other requests, on a connection that had been
//! used before.

use std::net::TcpStream;

use super::admission::Place;
use super::socket::Secure;
use crate::compatible::farewell::Farewell;
use crate::stream::opening::Opening;

/// What an adopted connection is for.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// To watch this.
    Watch(Box<Opening>),
    /// To be told this and closed.
    Close(Farewell),
}

/// A WebSocket that was answered and has to be served.
#[derive(Debug)]
pub(crate) struct Adopted {
    /// The socket; it never waits.
    pub(crate) stream: TcpStream,
    /// What it keeps for TLS.
    pub(crate) secure: Option<Box<Secure>>,
    /// What the client sent early.
    pub(crate) early: Vec<u8>,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// Its connection's place.
    pub(crate) place: Place,
    /// Its other places.
    pub(crate) places: Vec<Place>,
}
