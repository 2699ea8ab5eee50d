//! Connections to the file, and their settings.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// How long a connection waits for another's short lock, such as the change of the log's header.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than there are statements, so that each is prepared once.
const STATEMENTS: usize = 128;

/// The write-ahead log's file is cut back to this size when it begins anew.
const LOG_BYTES: i64 = 64 << 20;

fn settle(connection: &Connection, cache_bytes: u32) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this a statement on a table with partial indexes is planned anew for every value that
    // is bound to it, in case the value makes another index fit.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_bytes >> 10))?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// The connection that writes; makes the file when it is not there.
pub(crate) fn writer(path: &Path, cache_bytes: u32) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    settle(&connection, cache_bytes)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An answer is given after the log is on the disk, not only with the system.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    Ok(connection)
}

/// A connection that moves pages from the log to the file.
pub(crate) fn checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    settle(&connection, 1 << 20)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path, cache_bytes: u32) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settle(&connection, cache_bytes)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
