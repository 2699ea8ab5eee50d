//! WebSocket, the server's side, without I/O (RFC 6455, and RFC 7692 for compression).
//!
//! [`handshake`] answers the request, [`Reader`] turns bytes into messages, and [`frame`],
//! [`deflate`] and [`close`] make the bytes of what is sent. Who owns the socket, what the messages
//! mean and when something is sent is not known here.
//!
//! What is sent is complete bytes that belong to nobody: a server does not mask, and every message
//! is compressed by itself, so that all connections share one frame. What is read costs a connection
//! nothing between messages: the caller lends the bytes, and whole messages leave as they come.
//!
//! ```
//! use headway_websocket::{Message, Reader, frame};
//!
//! // "Hello", masked, as RFC 6455 shows it in section 5.7, and one byte of the next frame.
//! let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0x89];
//! let mut input = &bytes[..];
//! let mut reader = Reader::new(64 * 1024, false);
//! assert_eq!(reader.read(&mut input)?, Some(Message::Text(b"Hello".to_vec())));
//! assert_eq!(reader.heap_bytes(), 0);
//! assert_eq!(reader.read(&mut input)?, None);
//!
//! assert_eq!(&*frame::text(b"Hello"), b"\x81\x05Hello");
//! # Ok::<(), headway_websocket::Fault>(())
//! ```

pub mod close;
pub mod deflate;
pub mod frame;
pub mod handshake;
mod message;
mod read;
#[cfg(test)]
mod tests;

pub use message::{Fault, Message};
pub use read::Reader;
