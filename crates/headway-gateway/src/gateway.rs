//! The listener: takes connections, and lets them end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use prometheus_client::collector::Collector;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::app::{App, Shared};
use crate::error::Error;
use crate::options::Options;
use crate::router::router;

/// How long to wait when the system has no room for another connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A gateway that has its address and does not serve yet.
#[derive(Debug)]
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
}

impl Gateway {
    /// Takes the address. Refuses one beyond loopback, unless the options say that it may.
    pub async fn bind(
        options: Options,
        engine: headway_engine::Handle,
        hub: headway_hub::Handle,
    ) -> Result<Self, Error> {
        Self::bind_with(options, engine, hub, Vec::new()).await
    }

    /// The same, with more to tell at `/metrics`.
    pub async fn bind_with(
        options: Options,
        engine: headway_engine::Handle,
        hub: headway_hub::Handle,
        collectors: Vec<Box<dyn Collector>>,
    ) -> Result<Self, Error> {
        let address = options.listen;
        if !address.ip().to_canonical().is_loopback() && !options.insecure {
            return Err(Error::NotLoopback(address));
        }
        let failed = |source| Error::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let app = Arc::new(Shared::new(options, engine, hub, collectors));
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
        let Self { listener, address: _, app } = self;
        let service = TowerToHyperService::new(router(Arc::clone(&app)));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(app.options.head_timeout)
            .half_close(true);
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let stream = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be taken");
                        tokio::time::sleep(ACCEPT_AGAIN).await;
                        continue;
                    }
                },
            };
            without_delay(&stream);
            let connection =
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service.clone());
            let connection = graceful.watch(connection.into_owned());
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(error = &*error, "a connection ended badly");
                }
            });
        }
        app.ready.store(false, Ordering::Release);
        drop(listener);
        app.stop.cancel();
        app.streams.close();
        let ended = async { tokio::join!(graceful.shutdown(), app.streams.wait()) };
        if timeout(app.options.drain_within, ended).await.is_err() {
            let left = app.streams.len();
            tracing::warn!(left, "connections did not end in time and are cut");
        }
    }
}

/// Small frames leave at once instead of waiting to be joined with later ones.
fn without_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
