//! The server of all other requests: hyper, over connections that the front has looked at.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming as IncomingBody;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::app::App;
use crate::front::admission::Place;
use crate::front::{HandedOver, Secure};

/// Whose connection a request came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Serves connections that the front hands over.
#[derive(Debug)]
pub(crate) struct Server {
    router: Router,
    builder: auto::Builder<TokioExecutor>,
    graceful: GracefulShutdown,
}

impl Server {
    pub(crate) fn new(app: &App, router: Router) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(app.options.head_timeout)
            .half_close(true);
        Self { router, builder, graceful: GracefulShutdown::new() }
    }

    /// Serves a connection in a task of its own.
    pub(crate) fn serve(&self, handed_over: HandedOver) {
        let incoming = match Incoming::new(handed_over) {
            Ok(incoming) => incoming,
            Err(error) => {
                tracing::debug!(%error, "a connection was lost on its way");
                return;
            }
        };
        let peer = Peer(incoming.peer);
        let service = self.router.clone().map_request(move |mut request: Request<IncomingBody>| {
            request.extensions_mut().insert(peer);
            request
        });
        let service = TowerToHyperService::new(service);
        let connection =
            self.builder.serve_connection_with_upgrades(TokioIo::new(incoming), service);
        let connection = self.graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = &*error, "a connection ended badly");
            }
        });
    }

    /// Lets requests end; nobody is served any more.
    pub(crate) async fn shutdown(self) {
        self.graceful.shutdown().await;
    }
}

/// A connection of which the beginning was read by the front.
#[derive(Debug)]
pub(crate) struct Incoming {
    wire: Wire,
    peer: IpAddr,
    place: Place,
}

#[derive(Debug)]
enum Wire {
    Plain(Reread),
    Secure(Box<headway_tls::Stream<TcpStream>>),
}

/// What [`Adopted`](crate::front::adopted::Adopted) is made of.
pub(crate) type Taken = (std::net::TcpStream, Option<Box<Secure>>, Vec<u8>, Place);

impl Incoming {
    fn new(handed_over: HandedOver) -> io::Result<Self> {
        let HandedOver { stream, secure, read, place } = handed_over;
        let peer = stream.peer_addr()?.ip();
        let stream = TcpStream::from_std(stream)?;
        let wire = match secure {
            None => Wire::Plain(Reread { stream, read, taken: 0 }),
            Some(secure) => {
                let Secure { session, unsent } = *secure;
                let parts = headway_tls::Parts { socket: stream, session, unread: read, unsent };
                Wire::Secure(Box::new(headway_tls::Stream::from_parts(parts)))
            }
        };
        Ok(Self { wire, peer, place })
    }

    /// The socket, what it keeps for TLS, what of its bytes nobody has read, and its place.
    pub(crate) fn into_parts(self) -> io::Result<Taken> {
        match self.wire {
            Wire::Plain(Reread { stream, mut read, taken }) => {
                read.drain(..taken);
                Ok((stream.into_std()?, None, read, self.place))
            }
            Wire::Secure(stream) => {
                let parts = stream.into_parts();
                let headway_tls::Parts { socket, session, unread, unsent } = parts;
                let secure = Box::new(Secure { session, unsent });
                Ok((socket.into_std()?, Some(secure), unread, self.place))
            }
        }
    }
}

/// A socket of which the beginning is read again.
#[derive(Debug)]
struct Reread {
    stream: TcpStream,
    /// What was read, and how much of it was read again.
    read: Vec<u8>,
    taken: usize,
}

impl AsyncRead for Reread {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let left = this.read.get(this.taken..).unwrap_or_default();
        if left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let length = left.len().min(buffer.remaining());
        buffer.put_slice(left.get(..length).unwrap_or_default());
        this.taken += length;
        if this.taken == this.read.len() {
            (this.read, this.taken) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Incoming {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.wire {
            Wire::Plain(reread) => Pin::new(&mut reread.stream).poll_write(context, bytes),
            Wire::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.wire {
            Wire::Plain(reread) => {
                Pin::new(&mut reread.stream).poll_write_vectored(context, pieces)
            }
            Wire::Secure(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(reread) => reread.stream.is_write_vectored(),
            Wire::Secure(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(reread) => Pin::new(&mut reread.stream).poll_flush(context),
            Wire::Secure(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(reread) => Pin::new(&mut reread.stream).poll_shutdown(context),
            Wire::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
