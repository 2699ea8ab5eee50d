//! Reading: a few connections, lent to one read at a time, on threads that may block.
//!
//! Every read looks at the tails first and at the tables second (see [`crate::tail`]).

mod entries;
mod items;
mod jobs;
mod list;

use std::path::Path;
use std::sync::Arc;

use headway_store::StoreError;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connection;
use crate::failure::Failure;
use crate::shared::Shared;

/// The connections that read.
#[derive(Debug)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
    /// Those that are not lent.
    resting: Arc<Mutex<Vec<Connection>>>,
    /// As many places as there are connections: more reads wait here, each a parked task, and
    /// their number is bounded by whoever asks.
    places: Arc<Semaphore>,
}

/// A connection on loan; it goes back when it is dropped.
struct Loan {
    connection: Option<Connection>,
    resting: Arc<Mutex<Vec<Connection>>>,
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.resting.lock().extend(self.connection.take());
    }
}

impl Readers {
    /// Opens so many connections.
    pub(crate) fn open(
        path: &Path,
        count: usize,
        cache_bytes: u32,
        shared: Arc<Shared>,
    ) -> Result<Self, Failure> {
        let mut resting = Vec::new();
        for _ in 0..count.max(1) {
            resting.push(connection::reader(path, cache_bytes)?);
        }
        let places = Arc::new(Semaphore::new(resting.len()));
        Ok(Self { shared, resting: Arc::new(Mutex::new(resting)), places })
    }

    /// Reads on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection, &Shared) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Failed { doing, detail: "the reader is gone".to_owned() };
        let place =
            Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let loan = {
            let connection = self.resting.lock().pop();
            Loan { connection, resting: Arc::clone(&self.resting) }
        };
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            // Declared first, dropped last: the place is free after its connection is back.
            let _place = place;
            let loan = loan;
            let connection = loan.connection.as_ref().ok_or_else(gone)?;
            work(connection, &shared).map_err(|failure| failure.told(&shared.place, doing))
        })
        .await
        .map_err(|_| gone())?
    }
}

pub(crate) use entries::{changed_entries, count_entries, entries, entry};
pub(crate) use items::{count, next_retry, page, summaries};
pub(crate) use jobs::{due, expendable, find_key, history, load, newest};
pub(crate) use list::list;
