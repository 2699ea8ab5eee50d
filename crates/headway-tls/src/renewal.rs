//! Keeping up with a certificate that something else renews.

use std::sync::Arc;

use crate::{Acceptor, IdentityError, Reloaded};

/// Looks at the files of an acceptor when it is asked to, and says in the log what came of it.
///
/// A pair that cannot be used is told of once, and not again before something changes.
#[derive(Debug)]
pub struct Renewal {
    acceptor: Arc<Acceptor>,
    /// What was wrong the last time.
    known: Option<IdentityError>,
}

impl Renewal {
    /// Looks after `acceptor`, whose files have just been read.
    pub fn new(acceptor: Arc<Acceptor>) -> Self {
        Self { acceptor, known: None }
    }

    /// Reads the files, away from the threads that serve, and uses what is new. Cancel safe: the
    /// files are then read all the same, and nothing is said about them.
    pub async fn look(&mut self) {
        let acceptor = Arc::clone(&self.acceptor);
        // Only a runtime that is shutting down refuses the task.
        let Ok(found) = tokio::task::spawn_blocking(move || acceptor.reload()).await else {
            return;
        };
        let certificate = self.acceptor.settings().certificate.display();
        let wrong = match found {
            Ok(Reloaded::Renewed) => {
                tracing::info!(%certificate, "new connections are shown the renewed certificate");
                None
            }
            Ok(Reloaded::Unchanged) => None,
            Err(error) => {
                if self.known.as_ref() != Some(&error) {
                    tracing::error!("{error}: the certificate stays as it was");
                }
                Some(error)
            }
        };
        self.known = wrong;
    }
}
