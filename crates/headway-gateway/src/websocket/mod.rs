//! WebSocket, the server's side, without I/O (RFC 6455, and RFC 7692 for compression).
//!
//! [`handshake`] answers the request, [`read`] turns bytes into messages, [`frame`], [`deflate`] and
//! [`close`] make the bytes of what is sent. Who owns the socket, and when something is sent, is not
//! known here.

pub(crate) mod close;
pub(crate) mod deflate;
pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod message;
pub(crate) mod read;
#[cfg(test)]
mod tests;
