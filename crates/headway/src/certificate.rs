//! The certificate's files: read again from time to time, and when somebody says so.

use std::future::pending;

use headway_tls::Renewal;
use tokio::signal::unix::{SignalKind, signal};

use crate::configuration::Tls;

/// Reads the files again as often as is configured, and on SIGHUP. A pair that cannot be used is
/// logged, and the old one stays. Runs until it is dropped.
pub(crate) async fn watch(tls: Tls) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::warn!(%error, "SIGHUP is not listened to: the certificate is not reloaded");
            return;
        }
    };
    let mut renewal = Renewal::new(tls.acceptor);
    loop {
        let due = async {
            match tls.reload {
                Some(period) => tokio::time::sleep(period).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            _ = hangup.recv() => {}
        }
        renewal.look().await;
    }
}
