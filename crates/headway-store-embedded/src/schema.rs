//! The tables, how older ones become today's, and what is checked before anything is trusted.
//!
//! Each migration is one file of SQL that leads from one version to the next; a file that has been
//! released is never edited. A file is migrated in one transaction, before anything else reads it.

use std::path::Path;

use headway_store::StoreError;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::failure::Failure;

/// In the file's header, so that no other program's database is taken for a store: `Hdwy`.
const APPLICATION: i32 = 0x4864_7779;

/// In order, from an empty file.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_trims.sql"),
    include_str!("schema/0003_entries.sql"),
];

/// The oldest SQLite without the damage that two connections could do while one checkpoints
/// (fixed in 3.51.3).
const SQLITE: i32 = 3_051_003;

/// Up to this size a file is read through after an unclean end: a tenth of a second at most. A
/// larger one is not, for it would delay each start after a crash; its damage is found, and told,
/// when the damaged page is met.
const CHECKED_BYTES: i64 = 16 << 20;

/// Refuses an SQLite that is too old to be trusted.
pub(crate) fn check_library() -> Result<(), StoreError> {
    if rusqlite::version_number() >= SQLITE {
        return Ok(());
    }
    Err(StoreError::Failed {
        doing: "start",
        detail: format!("SQLite {} is too old, 3.51.3 is needed", rusqlite::version()),
    })
}

/// Refuses a write-ahead log whose database is gone: opening it would begin an empty store.
pub(crate) fn check_files(database: &Path) -> Result<(), StoreError> {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    if size(database) == 0 && size(Path::new(&log)) > 0 {
        return Err(StoreError::Damaged {
            place: database.display().to_string(),
            detail: "the write-ahead log is there and the database is not".to_owned(),
        });
    }
    Ok(())
}

/// Makes the connection's file a store of today's version, and notes that it is in use.
pub(crate) fn prepare(
    connection: &mut Connection,
    place: &str,
    migrations: &[&str],
) -> Result<(), Failure> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    let found = if application == APPLICATION {
        find_version(connection)?
    } else if application == 0 && tables == 0 {
        0
    } else {
        return Err(Failure::Damaged("it is a database of another program".to_owned()));
    };
    if found > known {
        return Err(StoreError::TooNew { place: place.to_owned(), found, known }.into());
    }
    if found > 0 {
        check_after_crash(connection)?;
    }
    if found < known {
        migrate(connection, found, migrations)?;
    }
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', 0)", [])?;
    Ok(())
}

fn find_version(connection: &Connection) -> Result<u32, Failure> {
    connection
        .query_row("SELECT value FROM meta WHERE name = 'schema'", [], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Failure::Damaged("its schema version is missing".to_owned()))
}

fn check_after_crash(connection: &Connection) -> Result<(), Failure> {
    let clean: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE name = 'clean'", [], |row| row.get(0))
        .optional()?;
    if clean == Some(1) {
        return Ok(());
    }
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    if pages.saturating_mul(page) > CHECKED_BYTES {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Failure::Damaged(found)) }
}

fn migrate(connection: &mut Connection, found: u32, migrations: &[&str]) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if found == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.execute_batch(
            "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",
        )?;
    }
    for migration in migrations.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    let version = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    transaction.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?1)", [version])?;
    transaction.commit()?;
    tracing::info!(from = found, to = version, "the store's tables are made");
    Ok(())
}

/// Notes that everything was written down before the end.
pub(crate) fn mark_clean(connection: &Connection) -> Result<(), Failure> {
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', 1)", [])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &str = "ALTER TABLE jobs ADD COLUMN colour TEXT; UPDATE jobs SET colour = 'red';";

    #[test]
    fn an_older_file_becomes_todays_and_keeps_its_jobs() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection, "here", MIGRATIONS).unwrap();
        connection
            .execute(
                "INSERT INTO jobs (id, epoch, position, tenant, status, kind, created_at)
                 VALUES ('job_1', 1, 1, 'default', 'running', 'k', 5)",
                [],
            )
            .unwrap();
        let later: Vec<&str> = MIGRATIONS.iter().copied().chain([LATER]).collect();
        prepare(&mut connection, "here", &later).unwrap();
        // A second opening does not migrate again: the column is there already.
        prepare(&mut connection, "here", &later).unwrap();
        let colour: String =
            connection.query_row("SELECT colour FROM jobs", [], |row| row.get(0)).unwrap();
        assert_eq!(colour, "red");
        assert!(matches!(
            prepare(&mut connection, "here", MIGRATIONS),
            Err(Failure::Told(StoreError::TooNew { found, known, .. })) if found == known + 1
        ));
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection, "here", MIGRATIONS).unwrap();
        let broken = format!("{LATER} SELECT nonsense FROM nowhere;");
        let later: Vec<&str> = MIGRATIONS.iter().copied().chain([broken.as_str()]).collect();
        assert!(prepare(&mut connection, "here", &later).is_err());
        prepare(&mut connection, "here", MIGRATIONS).unwrap();
        assert!(connection.query_row("SELECT colour FROM jobs", [], |_| Ok(())).is_err());
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
        assert!(matches!(
            prepare(&mut connection, "here", MIGRATIONS),
            Err(Failure::Damaged(detail)) if detail.contains("another program")
        ));
    }
}
