//! The gateway's life: it takes an address, serves it, and lets everybody go.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Shared};
use crate::door::overload::Overload;
use crate::error::Error;
use crate::front::{Front, Running};
use crate::handover::Server;
use crate::options::Options;
use crate::router::router;

/// Connections that the system keeps while they wait to be taken: after a restart everybody comes at
/// once. The system may have a smaller limit of its own.
const BACKLOG: i32 = 4_096;

/// Bytes that the system takes of a connection beyond what is on its way. What a slow reader has not
/// taken stays in its session, where newer states replace it, instead of in a queue of the system.
const UNSENT_BYTES: u32 = 16 * 1024;

/// A gateway that has its address and does not serve yet.
#[derive(Debug)]
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
}

impl Gateway {
    /// Takes the address. Refuses one beyond loopback where nobody has to sign in, unless the options
    /// say that it may. Whoever
    /// comes before [`Self::serve`] is called waits.
    pub async fn bind(
        options: Options,
        engine: headway_engine::Handle,
        hub: headway_hub::Handle,
        signin: headway_signin::Handle,
    ) -> Result<Self, Error> {
        Self::bind_with(options, engine, hub, signin, Vec::new()).await
    }

    /// The same, with more to tell at `/metrics`.
    #[expect(clippy::unused_async, reason = "that binding needs no wait is nobody's business")]
    pub async fn bind_with(
        options: Options,
        engine: headway_engine::Handle,
        hub: headway_hub::Handle,
        signin: headway_signin::Handle,
        collectors: Vec<Box<dyn Collector>>,
    ) -> Result<Self, Error> {
        let address = options.listen;
        let reachable = !address.ip().to_canonical().is_loopback();
        if reachable && !signin.asks() && !options.insecure {
            return Err(Error::NotLoopback(address));
        }
        let failed = |source| Error::Bind { address, source };
        let listener = listen(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let app = Arc::new(Shared::new(options, engine, hub, signin, collectors));
        Ok(Self { listener, address, app })
    }

    /// The address that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, and then lets go in order: `/readyz` says no, nobody new is
    /// let in, every watcher is told `closing server_shutting_down` with its own `retry_ms`, and
    /// requests end. What has not ended within [`Options::drain_within`] is cut.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) {
        let Self { listener, address, app } = self;
        let threads = app.options.threads();
        let running = match Front::start(&app, &listener, threads) {
            Ok(running) => running,
            Err(error) => {
                tracing::error!(%error, %address, "the threads that take connections cannot start");
                return;
            }
        };
        // Each thread has its own; when the last one lets go, the system refuses whoever comes.
        drop(listener);
        let (front, mut handed_over, threads) = running.into_parts();
        app.has_front(Arc::clone(&front));
        let server = Server::new(&app, router(Arc::clone(&app)));
        tokio::spawn(Overload::watch(Arc::downgrade(&app), app.stop.clone()));
        let revoked = app.door.signin.watch_changes();
        tokio::spawn(tell_of_revocations(revoked, Arc::clone(&front), app.stop.clone()));
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                connection = handed_over.recv() => match connection {
                    Some(connection) => server.serve(connection),
                    None => break,
                },
            }
        }
        app.ready.store(false, Ordering::Release);
        front.stop();
        app.stop.cancel();
        app.streams.close();
        let ended = async {
            let gone = spawn_blocking(move || Running::join(threads));
            // Whoever was on the way when the stop came is still served.
            while let Some(connection) = handed_over.recv().await {
                server.serve(connection);
            }
            tokio::join!(server.shutdown(), app.streams.wait(), async { drop(gone.await) })
        };
        if timeout(app.options.drain_within, ended).await.is_err() {
            tracing::warn!("connections did not end in time and are cut");
        }
    }
}

/// Has everybody who watches looked at again whenever somebody's sign-in has ended.
async fn tell_of_revocations(
    mut revoked: watch::Receiver<u64>,
    front: Arc<Front>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            moved = revoked.changed() => match moved {
                Ok(()) => front.revoked(),
                Err(_) => return,
            },
        }
    }
}

/// A listener that never waits.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart may take the address while connections of its predecessor are remembered.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Both are inherited by every connection. Small frames leave at once instead of waiting to be
    // joined with later ones.
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
