//! Moves pages from the write-ahead log to the file, on a thread and a connection of its own, so
//! that no commit waits for it.
//!
//! While something is written, it works every [`PERIOD`]; else it sleeps until it is called. It
//! never begins the log anew while records keep coming: the writer does that itself between two
//! commits when the log has grown past [`LOG_PAGES`].

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use rusqlite::Connection;

use crate::shared::Shared;

/// Between two checkpoints. Longer, and each is a larger burst for the disk; shorter, and pages
/// that are about to change again are written twice.
const PERIOD: Duration = Duration::from_millis(250);

/// Periods without a commit after which a large log is given back to the file system.
const QUIET: u32 = 8;

/// A log of so many pages (64 MiB of 4 KiB) is worth beginning anew: after a crash it is read
/// through before the store is ready.
const LOG_PAGES: i64 = 16_384;

/// A log of so many pages (256 MiB) grows no further.
const LONGEST_LOG_PAGES: i64 = 4 * LOG_PAGES;

/// Runs until the writer, who holds the other end of `calls`, is gone.
pub(crate) fn run(connection: &Connection, calls: &Receiver<()>, shared: &Arc<Shared>) {
    let mut seen = 0;
    while calls.recv().is_ok() {
        let mut quiet = 0;
        while quiet < QUIET {
            match calls.recv_timeout(PERIOD) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let commits = shared.commits.load(Ordering::Acquire);
            if commits == seen {
                quiet += 1;
            } else {
                seen = commits;
                quiet = 0;
                checkpoint(connection, shared, "PASSIVE");
            }
            if quiet == QUIET {
                if shared.log_pages.load(Ordering::Relaxed) > LOG_PAGES {
                    checkpoint(connection, shared, "TRUNCATE");
                }
                shared.checkpointer_sleeps.store(true, Ordering::SeqCst);
                if shared.commits.load(Ordering::SeqCst) != seen
                    && shared.checkpointer_sleeps.swap(false, Ordering::SeqCst)
                {
                    quiet = 0;
                }
            }
        }
    }
}

/// Wakes the checkpointer when it sleeps. Called by the writer after each commit, and after one for
/// which there was no room.
pub(crate) fn call(calls: &SyncSender<()>, shared: &Shared) {
    shared.commits.fetch_add(1, Ordering::SeqCst);
    if shared.checkpointer_sleeps.swap(false, Ordering::SeqCst) {
        // One call is enough, and the checkpointer may be gone at the end.
        let _called = calls.try_send(());
    }
}

/// Checkpoints and remembers how large the log is. A failure is told and left to the next time.
///
/// One at a time: SQLite would turn a second one away.
pub(crate) fn checkpoint(connection: &Connection, shared: &Shared, mode: &'static str) {
    let _turn = shared.checkpoints.lock();
    checkpoint_in_turn(connection, shared, mode);
}

/// Lets the next commit begin the log anew, when it is long: nobody adds to it while the writer is
/// here, so that a checkpoint reaches its end. Under load the checkpointer never finds that moment.
///
/// When the checkpointer is at work there is another moment later, unless the log is so long that
/// commits have to wait: then the disk is slower than what is asked of it.
pub(crate) fn begin_log_anew(connection: &Connection, shared: &Shared) {
    let pages = shared.log_pages.load(Ordering::Relaxed);
    if pages <= LOG_PAGES {
        return;
    }
    let turn = if pages > LONGEST_LOG_PAGES {
        Some(shared.checkpoints.lock())
    } else {
        shared.checkpoints.try_lock()
    };
    if turn.is_some() {
        checkpoint_in_turn(connection, shared, "PASSIVE");
        shared.log_pages.store(0, Ordering::Relaxed);
    }
}

fn checkpoint_in_turn(connection: &Connection, shared: &Shared, mode: &'static str) {
    let pages = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (log, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(if log == moved && mode != "PASSIVE" { 0 } else { log })
    });
    match pages {
        Ok(pages) => shared.log_pages.store(pages, Ordering::Relaxed),
        Err(error) => tracing::warn!(%error, mode, "the store's log could not be checkpointed"),
    }
}
