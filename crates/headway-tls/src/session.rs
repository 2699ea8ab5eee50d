//! One connection's TLS, without input or output and without buffers of its own.

mod send;
#[cfg(test)]
mod tests;

use std::fmt;
use std::mem;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, InsufficientSizeError, UnbufferedStatus,
};

use crate::{Protocol, Version, plain};

/// The most plaintext of one record (RFC 8446, section 5.1).
const RECORD_PLAINTEXT: usize = 16 * 1024;
/// The most ciphertext that waits for its rest: the largest record that TLS 1.2 allows (RFC 5246,
/// section 6.2.3). A handshake message over several records may be as long in all; that of a
/// browser has about 2 KB.
const WAITING: usize = 5 + RECORD_PLAINTEXT + 2048;

/// The server's end of one TLS connection.
///
/// The caller owns the socket and the buffers. The order of calls is free: [`receive`] whatever the
/// socket gave, send what that put into `outgoing`, and once [`is_handshaking`] is false, [`send`].
/// [`close`] comes last. Nothing here looks at a clock: how long a handshake may take is the
/// caller's to say.
///
/// Invariants: between two calls it holds no plaintext and nothing to send, and of what it received
/// at most one record that is not whole. No input makes it panic. After an error it does nothing
/// any more.
///
/// It is one pointer wide, so that a place that may hold one costs little while it holds none.
///
/// [`receive`]: Self::receive
/// [`send`]: Self::send
/// [`close`]: Self::close
/// [`is_handshaking`]: Self::is_handshaking
pub struct Session {
    state: Box<State>,
}

struct State {
    tls: UnbufferedServerConnection,
    /// What was received and is not yet whole. The TLS library remembers places in it, counted
    /// from its beginning, so that it is given to every call and only ever shortened as told.
    waiting: Vec<u8>,
    stage: Stage,
    peer_closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was received yet.
    New,
    /// TLS is spoken.
    Open,
    /// The end was told to the peer.
    Closed,
    /// A rule was broken.
    Failed,
}

/// How a connection stands after it was given bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// More may come.
    Open,
    /// The peer has said that nothing more comes, and everything it sent was given out.
    Closed,
}

/// Why a session is over, or cannot do what is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The peer speaks HTTP without TLS. An answer that says so is in `outgoing`.
    #[error("the peer speaks HTTP without TLS")]
    PlainHttp,
    /// The peer broke a rule of TLS, or nothing could be agreed on. An alert is in `outgoing`,
    /// unless it was the peer that said so.
    #[error("the TLS connection failed: {0}")]
    Violation(Violation),
    /// A handshake message is longer than any that is expected.
    #[error("a handshake message is longer than {WAITING} bytes")]
    TooLong,
    /// There is nothing to send with before the handshake is over.
    #[error("the TLS handshake is not over")]
    Handshaking,
    /// The connection was closed or has failed before.
    #[error("the TLS connection is over")]
    Over,
}

/// What the TLS library says about a connection that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<rustls::Error> for SessionError {
    fn from(error: rustls::Error) -> Self {
        Self::Violation(Violation(error.to_string()))
    }
}

impl Session {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Result<Self, SessionError> {
        let tls = UnbufferedServerConnection::new(config)?;
        let (waiting, stage) = (Vec::new(), Stage::New);
        Ok(Self { state: Box::new(State { tls, waiting, stage, peer_closed: false }) })
    }

    /// Takes what the socket gave, in place: `ciphertext` is scratch afterwards. Appends what the
    /// peer says to `plaintext` and what has to be sent to `outgoing`.
    ///
    /// One call takes everything; `plaintext` grows by less than `ciphertext` is long and one
    /// record. After [`Received::Closed`] and after [`Session::close`], further bytes are ignored.
    ///
    /// # Errors
    ///
    /// When the connection is over. What is in `outgoing` then tells the peer why; send it and
    /// close the socket. What was appended to `plaintext` before is valid.
    pub fn receive(
        &mut self,
        ciphertext: &mut [u8],
        plaintext: &mut Vec<u8>,
        outgoing: &mut Vec<u8>,
    ) -> Result<Received, SessionError> {
        match self.state.stage {
            Stage::New => match ciphertext.first() {
                Some(first) if plain::is_request(*first) => {
                    self.state.stage = Stage::Failed;
                    outgoing.extend_from_slice(plain::ANSWER);
                    return Err(SessionError::PlainHttp);
                }
                Some(_) => self.state.stage = Stage::Open,
                None => return Ok(Received::Open),
            },
            Stage::Open => {}
            Stage::Closed => return Ok(self.received()),
            Stage::Failed => return Err(SessionError::Over),
        }
        if self.state.peer_closed {
            return Ok(Received::Closed);
        }
        let taken = if self.state.waiting.is_empty() {
            let taken = self.process(ciphertext, plaintext, outgoing);
            if let Ok(used) = taken
                && let Some(rest) = ciphertext.get(used..)
                && !rest.is_empty()
            {
                self.state.waiting = rest.to_vec();
            }
            taken
        } else {
            let mut waiting = mem::take(&mut self.state.waiting);
            waiting.extend_from_slice(ciphertext);
            let taken = self.process(&mut waiting, plaintext, outgoing);
            if let Ok(used) = taken {
                self.state.waiting = rest(waiting, used);
            }
            taken
        };
        taken.inspect_err(|_| self.state.stage = Stage::Failed)?;
        if self.state.peer_closed {
            self.state.waiting = Vec::new();
        } else if self.state.waiting.len() > WAITING {
            self.state.waiting = Vec::new();
            self.state.stage = Stage::Failed;
            return Err(SessionError::TooLong);
        }
        Ok(self.received())
    }

    fn received(&self) -> Received {
        if self.state.peer_closed { Received::Closed } else { Received::Open }
    }

    /// Lets the library work through `buffer` until it wants more. Returns how many bytes of it
    /// are done with.
    fn process(
        &mut self,
        buffer: &mut [u8],
        plaintext: &mut Vec<u8>,
        outgoing: &mut Vec<u8>,
    ) -> Result<usize, SessionError> {
        let mut used = 0;
        loop {
            let Some(unused) = buffer.get_mut(used..) else { return Ok(used) };
            let UnbufferedStatus { mut discard, state, .. } =
                self.state.tls.process_tls_records(unused);
            let wants_more = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        plaintext.extend_from_slice(record.payload);
                        discard += record.discard;
                    }
                    false
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut data, outgoing)?;
                    false
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    false
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.state.peer_closed = true;
                    false
                }
                Ok(
                    ConnectionState::BlockedHandshake
                    | ConnectionState::WriteTraffic(_)
                    | ConnectionState::Closed,
                ) => true,
                // Early data was not offered, and there are no other states.
                Ok(_) => return Err(SessionError::Over),
                Err(error) => {
                    used += discard;
                    if let Some(unused) = buffer.get_mut(used..) {
                        self.collect_alerts(unused, outgoing);
                    }
                    return Err(error.into());
                }
            };
            used += discard;
            if wants_more {
                return Ok(used.min(buffer.len()));
            }
        }
    }

    /// Takes out what the library wants to say about an error.
    ///
    /// It gives that out before it looks at `buffer`. Once there is nothing left it would go on
    /// with what it has found wrong already, so that it is not asked again.
    fn collect_alerts(&mut self, buffer: &mut [u8], outgoing: &mut Vec<u8>) {
        while self.state.tls.wants_write() {
            match self.state.tls.process_tls_records(buffer).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    if encode(&mut data, outgoing).is_err() {
                        return;
                    }
                }
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Whether the handshake is still going on. A session that has failed or was closed before its
    /// end says true for ever.
    pub fn is_handshaking(&self) -> bool {
        self.state.tls.is_handshaking()
    }

    /// Whether a socket that ends now ends in good order: the peer has said that nothing more
    /// comes. Otherwise someone may have cut off what it sent. A protocol that says its own
    /// lengths, such as HTTP, notices that itself, and many of its clients never say.
    pub fn peer_closed(&self) -> bool {
        self.state.peer_closed
    }

    /// What was agreed on over ALPN. `None` until then, and for a client that named none.
    pub fn protocol(&self) -> Option<Protocol> {
        self.state.tls.alpn_protocol().and_then(Protocol::of)
    }

    /// The version that was agreed on, and `None` until then.
    pub fn version(&self) -> Option<Version> {
        // No other is ever agreed on: `Settings::oldest` has no word for it.
        let version = self.state.tls.protocol_version()?;
        let newest = version == rustls::ProtocolVersion::TLSv1_3;
        Some(if newest { Version::Tls13 } else { Version::Tls12 })
    }

    /// Whether the client took up an earlier session with a ticket.
    pub fn is_resumed(&self) -> bool {
        self.state.tls.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Bytes that were received and wait for the rest of their record.
    pub fn waiting(&self) -> usize {
        self.state.waiting.len()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("stage", &self.state.stage)
            .field("version", &self.version())
            .field("protocol", &self.protocol())
            .field("waiting", &self.state.waiting.len())
            .finish_non_exhaustive()
    }
}

/// The end of `waiting` from `used` on, in no more memory than it needs.
fn rest(mut waiting: Vec<u8>, used: usize) -> Vec<u8> {
    if used == 0 {
        return waiting;
    }
    waiting.drain(..used.min(waiting.len()));
    waiting.shrink_to_fit();
    waiting
}

fn encode(
    data: &mut EncodeTlsData<'_, ServerConnectionData>,
    outgoing: &mut Vec<u8>,
) -> Result<(), SessionError> {
    let start = outgoing.len();
    let mut room = 0;
    loop {
        outgoing.resize(start + room, 0);
        match data.encode(outgoing.get_mut(start..).unwrap_or_default()) {
            Ok(length) => {
                outgoing.truncate(start + length);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                room = required_size;
            }
            Err(EncodeError::AlreadyEncoded) => return Err(SessionError::Over),
        }
    }
}
