//! The socket of a connection that the front serves itself.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::outbound::Written;

/// A socket that never waits.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream }
    }

    /// Has the poll tell of it, each change once.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Takes it away from the poll, for another owner.
    pub(super) fn leave(mut self, registry: &Registry) -> io::Result<TcpStream> {
        registry.deregister(&mut self.stream)?;
        Ok(self.stream)
    }

    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Reads what is there; 0: the other side says no more.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    /// Writes what the system takes at once.
    pub(super) fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            // One piece costs less without a vector around it.
            [piece] => self.stream.write(piece),
            [] | [_, _, ..] => self.stream.write_vectored(pieces),
        }
    }

    /// Writes what an earlier write left behind.
    pub(super) fn flush(&mut self) -> io::Result<Written> {
        Ok(Written::All)
    }

    /// Says that nothing more is written.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }
}
