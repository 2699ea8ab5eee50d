//! The asynchronous face of a session.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use crate::{Received, Session, SessionError};

/// How much is read from a socket at once: a whole record and the beginning of the next.
const READ: usize = 20 * 1024;
/// How much ciphertext may wait for a socket before nothing more is taken for it: four records, so
/// that a fast reader never waits and a slow one costs little.
const UNSENT: usize = 64 * 1024;

thread_local! {
    /// What a socket gave, for as long as it takes to decrypt it. All streams of a thread share it.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A TLS connection over `S`, most often a `tokio::net::TcpStream`.
///
/// It holds bytes only while the reader or the socket is behind: a connection that is idle costs
/// its [`Session`]. Reading and writing do what is left of the handshake first.
///
/// A peer that vanishes without saying so reads as [`io::ErrorKind::UnexpectedEof`]; one that
/// breaks a rule as [`io::ErrorKind::InvalidData`], after it was told why.
pub struct Stream<S> {
    socket: S,
    session: Session,
    /// Decrypted and not yet read.
    unread: Pending,
    /// Encrypted and not yet sent.
    unsent: Pending,
    /// Why the session is over; told to whoever reads or writes once the peer was told.
    failure: Option<SessionError>,
    ended: bool,
}

/// A [`Stream`] in its parts, none of which may be dropped if the connection is to go on.
#[derive(Debug)]
pub struct Parts<S> {
    /// The socket.
    pub socket: S,
    /// The state of TLS.
    pub session: Session,
    /// What the peer said and nobody has read.
    pub unread: Vec<u8>,
    /// Ciphertext that has to be sent before anything else.
    pub unsent: Vec<u8>,
}

impl<S> Stream<S> {
    /// A connection that begins with `session`, mostly before its handshake.
    pub fn new(socket: S, session: Session) -> Self {
        Self::from_parts(Parts { socket, session, unread: Vec::new(), unsent: Vec::new() })
    }

    /// Goes on with a connection that was served elsewhere.
    pub fn from_parts(parts: Parts<S>) -> Self {
        Self {
            ended: parts.session.peer_closed(),
            socket: parts.socket,
            session: parts.session,
            unread: Pending::from(parts.unread),
            unsent: Pending::from(parts.unsent),
            failure: None,
        }
    }

    /// Takes the connection apart, so that it can be served elsewhere.
    pub fn into_parts(self) -> Parts<S> {
        Parts {
            socket: self.socket,
            session: self.session,
            unread: self.unread.into_rest(),
            unsent: self.unsent.into_rest(),
        }
    }

    /// The state of TLS.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The socket. Writing to it or reading from it breaks the connection.
    pub fn socket(&self) -> &S {
        &self.socket
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Does the handshake, and returns once the peer has been sent its part of it.
    ///
    /// Nothing limits how long that takes: give it a time. Cancel safe: what was done is kept.
    ///
    /// # Errors
    ///
    /// When the peer and this side do not come to terms. The peer was told why, as far as its
    /// socket took it.
    pub async fn handshake(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_handshake(cx)).await
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            if !ready!(self.poll_fill(cx))? {
                return Poll::Ready(Err(cut_off()));
            }
        }
        self.poll_send(cx)
    }

    /// Reads from the socket once and takes what it gave. False at the end of input.
    ///
    /// What TLS itself has to answer is sent at once, unless a writer is waiting for the socket
    /// already: it sends that as well, and a reader in another task would take the socket's
    /// readiness from it.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.failure.is_some() {
            return self.poll_fail(cx);
        }
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        if self.session.is_handshaking() {
            ready!(self.poll_send(cx))?;
        }
        let nobody_writes = self.unsent.is_empty();
        let count = ready!(self.poll_receive(cx))?;
        if self.failure.is_some() {
            // What came before the error is read first.
            return if self.unread.is_empty() { self.poll_fail(cx) } else { Poll::Ready(Ok(true)) };
        }
        if nobody_writes && let Poll::Ready(sent) = self.poll_send(cx) {
            sent?;
        }
        if count == 0 {
            self.ended = true;
            return Poll::Ready(Err(cut_off()));
        }
        Poll::Ready(Ok(!self.ended || !self.unread.is_empty()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { socket, session, unread, unsent, failure, ended } = self;
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            scratch.reserve(READ);
            let count = ready!(poll_read_buf(Pin::new(socket), cx, scratch))?;
            match session.receive(scratch, unread.tail(), unsent.tail()) {
                Ok(Received::Open) => {}
                Ok(Received::Closed) => *ended = true,
                Err(error) => *failure = Some(error),
            }
            Poll::Ready(Ok(count))
        })
    }

    /// Tells the peer what it did wrong, closes the socket, and then tells the caller.
    fn poll_fail(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        // That the peer cannot be told is not the news.
        if ready!(self.poll_send(cx)).is_ok() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx)).ok();
        }
        self.unsent = Pending::default();
        let error = self.failure.clone().unwrap_or(SessionError::Over);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)))
    }

    /// Sends what waits, until the socket has taken it all.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, self.unsent.rest()))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.take(sent);
        }
        Poll::Ready(Ok(()))
    }

    /// Encrypts as much of `pieces` as there is room for and returns how much that is.
    fn poll_write_pieces<'a>(
        &mut self,
        cx: &mut Context<'_>,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        if self.failure.is_some() {
            return self.poll_fail(cx).map_ok(|_| 0);
        }
        ready!(self.poll_handshake(cx))?;
        let mut room = UNSENT;
        let taken = pieces.map_while(|piece| {
            let now = piece.get(..room.min(piece.len())).filter(|_| room > 0)?;
            room -= now.len();
            Some(now)
        });
        let sent = self.session.send(taken, self.unsent.tail());
        sent.map_err(|error| io::Error::new(io::ErrorKind::BrokenPipe, error))?;
        // A socket that takes nothing now is waited for by the next write, flush or shutdown.
        if let Poll::Ready(sent) = self.poll_send(cx) {
            sent?;
        }
        Poll::Ready(Ok(UNSENT - room))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        while this.unread.is_empty() {
            if !ready!(this.poll_fill(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
        let rest = this.unread.rest();
        let now = rest.get(..buffer.remaining()).unwrap_or(rest);
        buffer.put_slice(now);
        let count = now.len();
        this.unread.take(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_pieces(cx, std::iter::once(buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_pieces(cx, buffers.iter().map(|buffer| &**buffer))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.session.close(this.unsent.tail());
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

impl<S> fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("session", &self.session)
            .field("unread", &self.unread.len())
            .field("unsent", &self.unsent.len())
            .finish_non_exhaustive()
    }
}

/// Bytes that are taken from the front. Their memory is given back when the last one is taken.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    taken: usize,
}

impl Pending {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.bytes.len());
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Where more is appended.
    fn tail(&mut self) -> &mut Vec<u8> {
        if self.taken > 0 {
            self.bytes.drain(..mem::take(&mut self.taken));
        }
        &mut self.bytes
    }

    fn into_rest(mut self) -> Vec<u8> {
        mem::take(self.tail())
    }
}

impl From<Vec<u8>> for Pending {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, taken: 0 }
    }
}

fn cut_off() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the peer ended the connection without closing it over TLS",
    )
}
