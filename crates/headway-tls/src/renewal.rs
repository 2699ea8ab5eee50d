//! Keeping up with a certificate that something else renews.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{Acceptor, IdentityError, Reloaded};

/// Reads the files of `acceptor` every `period`, for ever, and says in the log what came of it.
/// Never returns: spawn it, and abort it with the server.
///
/// A pair that cannot be used is told of once, and not again before something changes. Cancelling
/// it is safe at any time.
pub async fn keep_fresh(acceptor: Arc<Acceptor>, period: Duration) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, and the files have just been read.
    ticks.tick().await;
    let mut known: Option<IdentityError> = None;
    loop {
        ticks.tick().await;
        let reading = Arc::clone(&acceptor);
        let Ok(found) = tokio::task::spawn_blocking(move || reading.reload()).await else {
            // Only a runtime that is shutting down refuses the task.
            return;
        };
        known = report(&acceptor, found, known.as_ref());
    }
}

fn report(
    acceptor: &Acceptor,
    found: Result<Reloaded, IdentityError>,
    known: Option<&IdentityError>,
) -> Option<IdentityError> {
    let certificate = acceptor.settings().certificate.display();
    match found {
        Ok(Reloaded::Renewed) => {
            tracing::info!(%certificate, "new connections are shown the renewed certificate");
            None
        }
        Ok(Reloaded::Unchanged) => None,
        Err(error) => {
            if known != Some(&error) {
                tracing::warn!(%error, "the renewed certificate cannot be used; the old one stays");
            }
            Some(error)
        }
    }
}
