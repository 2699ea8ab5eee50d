//! The socket of a connection that the front serves itself, plain or under TLS.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};

use headway_tls::{Received, Session};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::inbox::is_momentary;
use super::outbound::Written;

/// What is read at once.
const READ_BYTES: usize = 32 * 1024;

/// What all connections of a thread read into and encrypt into: none of it is a connection's own.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    raw: Vec<u8>,
    plain: Vec<u8>,
    sealed: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { raw: vec![0; READ_BYTES], plain: Vec::new(), sealed: Vec::new() }
    }

    /// The bytes of a read.
    pub(super) fn of(&self, read: Read) -> &[u8] {
        let from = if read.secure { &self.plain } else { &self.raw };
        from.get(..read.length).unwrap_or_default()
    }
}

/// What came of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// So many bytes; 0: the other side says no more.
    pub(super) length: usize,
    /// Whether there may be more at once.
    pub(super) more: bool,
    secure: bool,
}

/// A socket that never waits.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    secure: Option<Box<Secure>>,
}

/// What a connection keeps for TLS.
#[derive(Debug)]
pub(crate) struct Secure {
    pub(crate) session: Session,
    /// Ciphertext that the system has not taken yet: at most one write's.
    pub(crate) unsent: Vec<u8>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, secure: Option<Box<Secure>>) -> Self {
        Self { stream, secure }
    }

    /// Has the poll tell of it, each change once.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Takes it away from the poll, for another owner.
    pub(super) fn leave(
        mut self,
        registry: &Registry,
    ) -> io::Result<(TcpStream, Option<Box<Secure>>)> {
        registry.deregister(&mut self.stream)?;
        Ok((self.stream, self.secure))
    }

    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Reads what is there into `buffers`.
    pub(super) fn read(&mut self, buffers: &mut Buffers) -> io::Result<Read> {
        let Some(secure) = &mut self.secure else {
            let length = self.stream.read(&mut buffers.raw)?;
            return Ok(Read { length, more: length == buffers.raw.len(), secure: false });
        };
        let Buffers { raw, plain, sealed } = buffers;
        plain.clear();
        if secure.session.peer_closed() {
            return Ok(Read { length: 0, more: false, secure: true });
        }
        loop {
            let length = self.stream.read(raw)?;
            if length == 0 {
                return Ok(Read { length: 0, more: false, secure: true });
            }
            sealed.clear();
            let ciphertext = raw.get_mut(..length).unwrap_or_default();
            let outcome = secure.session.receive(ciphertext, plain, sealed);
            secure.send(&mut self.stream, sealed)?;
            let closed = match outcome {
                Ok(Received::Open) => false,
                Ok(Received::Closed) => true,
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            };
            if closed || !plain.is_empty() {
                let more = closed || length == raw.len();
                return Ok(Read { length: plain.len(), more, secure: true });
            }
        }
    }

    /// Writes what the system takes at once. Under TLS everything is taken that is tried, and what
    /// the system leaves behind is kept for [`Self::flush`].
    pub(super) fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(secure) = &mut self.secure else {
            return match pieces {
                // One piece costs less without a vector around it.
                [piece] => self.stream.write(piece),
                [] | [_, _, ..] => self.stream.write_vectored(pieces),
            };
        };
        if secure.flush(&mut self.stream)? != Written::All {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        SEALED.with_borrow_mut(|sealed| {
            sealed.clear();
            secure.session.send(pieces.iter().map(|piece| &**piece), sealed).map_err(broken)?;
            secure.send(&mut self.stream, sealed)
        })?;
        Ok(pieces.iter().map(|piece| piece.len()).sum())
    }

    /// Writes what an earlier write left behind.
    pub(super) fn flush(&mut self) -> io::Result<Written> {
        match &mut self.secure {
            Some(secure) => secure.flush(&mut self.stream),
            None => Ok(Written::All),
        }
    }

    /// Whether an earlier write left something behind.
    pub(super) fn is_behind(&self) -> bool {
        self.secure.as_ref().is_some_and(|secure| !secure.unsent.is_empty())
    }

    /// Says that nothing more is written.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Some(secure) = &mut self.secure {
            SEALED.with_borrow_mut(|sealed| {
                sealed.clear();
                secure.session.close(sealed);
                secure.send(&mut self.stream, sealed)
            })?;
        }
        self.stream.shutdown(Shutdown::Write)
    }
}

impl Secure {
    /// Sends what was encrypted, as far as the system takes it, after what it has not taken yet.
    fn send(&mut self, stream: &mut TcpStream, sealed: &[u8]) -> io::Result<()> {
        if self.flush(stream)? != Written::All {
            self.unsent.extend_from_slice(sealed);
            return Ok(());
        }
        let sent = send_some(stream, sealed)?;
        self.unsent.extend_from_slice(sealed.get(sent..).unwrap_or_default());
        Ok(())
    }

    fn flush(&mut self, stream: &mut TcpStream) -> io::Result<Written> {
        if self.unsent.is_empty() {
            return Ok(Written::All);
        }
        let sent = send_some(stream, &self.unsent)?;
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
            return Ok(Written::All);
        }
        Ok(Written::Blocked { some: sent > 0 })
    }
}

thread_local! {
    /// What all connections of a thread encrypt into.
    static SEALED: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Sends as much as the system takes at once; how much that was.
fn send_some(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<usize> {
    let all = bytes.len();
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_momentary(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(all - bytes.len())
}

fn broken(error: headway_tls::SessionError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
