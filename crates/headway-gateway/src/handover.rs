//! The server of all other requests: hyper, over connections that the front has looked at.

mod patience;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming as IncomingBody;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use patience::Patience;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::app::App;
use crate::front::admission::{Limit, Place};
use crate::front::{HandedOver, Secure};

/// Requests of one connection by HTTP/2 that are worked on at once. A page asks for a handful.
const STREAMS: u32 = 64;

/// Bytes of an answer by HTTP/2 that may wait for its reader.
const STREAM_BYTES: usize = 64 * 1024;

/// Bytes that are read of a connection before others have their turn. Frames of HTTP/2 that say nothing
/// are small and many: whoever floods the server with them would have a thread for itself otherwise.
const TURN_BYTES: usize = 16 * 1024;

/// Whose connection a request came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Serves connections that the front hands over.
#[derive(Debug)]
pub(crate) struct Server {
    app: App,
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
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_send_buf_size(STREAM_BYTES)
            .keep_alive_interval(app.options.ping_every)
            .keep_alive_timeout(app.options.pong_within);
        Self { app: App::clone(app), router, builder, graceful: GracefulShutdown::new() }
    }

    /// Serves a connection in a task of its own.
    pub(crate) fn serve(&self, handed_over: HandedOver) {
        let options = &self.app.options;
        let patience = Patience::new(options.limits.idle_within, options.write_within);
        let incoming = match Incoming::new(handed_over, Arc::clone(&patience)) {
            Ok(incoming) => incoming,
            Err(error) => {
                tracing::debug!(%error, "a connection was lost on its way");
                return;
            }
        };
        let peer = Peer(incoming.peer);
        let router = TowerToHyperService::new(self.router.clone());
        let watched = Arc::clone(&patience);
        let service = service_fn(move |mut request: Request<IncomingBody>| {
            request.extensions_mut().insert(peer);
            let exchange = watched.begin();
            let answered = router.call(request);
            async move { answered.await.map(|answer| answer.map(|body| exchange.answer(body))) }
        });
        let connection =
            self.builder.serve_connection_with_upgrades(TokioIo::new(incoming), service);
        let connection = self.graceful.watch(connection.into_owned());
        let app = App::clone(&self.app);
        tokio::spawn(async move {
            tokio::select! {
                // What can be done is done before anybody is judged.
                biased;
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(error = &*error, "a connection ended badly");
                    }
                }
                // To ask for nothing is no fault, and not counted as one.
                limit = patience.ends() => if limit != Limit::Idle {
                    app.admission.hit(limit);
                },
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
    patience: Arc<Patience>,
    /// Bytes that were read since others had their turn.
    read: usize,
}

#[derive(Debug)]
enum Wire {
    Plain(Reread),
    Secure(Box<headway_tls::Stream<TcpStream>>),
}

/// What [`Adopted`](crate::front::adopted::Adopted) is made of.
pub(crate) type Taken = (std::net::TcpStream, Option<Box<Secure>>, Vec<u8>, Place);

impl Incoming {
    fn new(handed_over: HandedOver, patience: Arc<Patience>) -> io::Result<Self> {
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
        Ok(Self { wire, peer, place, patience, read: 0 })
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
        if self.read >= TURN_BYTES {
            self.read = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let outcome = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        self.read = match outcome {
            Poll::Ready(_) => self.read + (buffer.filled().len() - before),
            Poll::Pending => 0,
        };
        outcome
    }
}

impl AsyncWrite for Incoming {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Plain(reread) => Pin::new(&mut reread.stream).poll_write(context, bytes),
            Wire::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        self.patience.wrote(&written, Instant::now());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Plain(reread) => {
                Pin::new(&mut reread.stream).poll_write_vectored(context, pieces)
            }
            Wire::Secure(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        };
        self.patience.wrote(&written, Instant::now());
        written
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(reread) => reread.stream.is_write_vectored(),
            Wire::Secure(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.wire {
            Wire::Plain(reread) => Pin::new(&mut reread.stream).poll_flush(context),
            Wire::Secure(stream) => Pin::new(stream).poll_flush(context),
        };
        self.patience.wrote(&flushed, Instant::now());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(reread) => Pin::new(&mut reread.stream).poll_shutdown(context),
            Wire::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
