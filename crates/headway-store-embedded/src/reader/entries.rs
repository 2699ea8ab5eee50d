//! Entries. They lie in their table alone.

use headway_store::{Entry, EntryOrder, EntryQuery};
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::rows;

fn entry_of(collection: &str, row: &Row<'_>) -> Result<Entry, Failure> {
    let value = RawValue::from_string(row.get(2)?).map_err(|error| {
        Failure::Damaged(format!("an entry of {collection} is no JSON: {error}"))
    })?;
    Ok(Entry {
        collection: collection.to_owned(),
        key: row.get(1)?,
        value,
        revision: rows::to_whole(row.get(0)?),
    })
}

/// The entry of this key.
pub(crate) fn entry(
    connection: &Connection,
    collection: &str,
    key: &str,
) -> Result<Option<Entry>, Failure> {
    connection
        .prepare_cached(
            "SELECT revision, key, value FROM entries WHERE collection = ?1 AND key = ?2",
        )?
        .query_row((collection, key), |row| Ok(entry_of(collection, row)))
        .optional()?
        .transpose()
}

/// A page of entries by key.
pub(crate) fn entries(
    connection: &Connection,
    collection: &str,
    query: &EntryQuery,
) -> Result<Vec<Entry>, Failure> {
    let (first, end) = bounds(query);
    let mut statement = connection.prepare_cached(match query.order {
        EntryOrder::Ascending => {
            "SELECT revision, key, value FROM entries INDEXED BY entries_by_key
             WHERE collection = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4"
        }
        EntryOrder::Descending => {
            "SELECT revision, key, value FROM entries INDEXED BY entries_by_key
             WHERE collection = ?1 AND key >= ?2 AND key < ?3 ORDER BY key DESC LIMIT ?4"
        }
    })?;
    let limit = i64::try_from(query.limit.max(1)).unwrap_or(i64::MAX);
    collect(collection, statement.query((collection, first, end, limit))?)
}

/// The first key that a query may find, and one beyond the last. A key has no control characters
/// and no [`char::MAX`], so that the one is smaller than whatever a key goes on with, and the other
/// larger.
fn bounds(query: &EntryQuery) -> (String, String) {
    let EntryQuery { prefix, after, order, limit: _ } = query;
    let end = format!("{prefix}{}", char::MAX);
    match (order, after) {
        (_, None) => (prefix.clone(), end),
        (EntryOrder::Ascending, Some(after)) => (prefix.clone().max(format!("{after}\u{1}")), end),
        (EntryOrder::Descending, Some(after)) => (prefix.clone(), end.min(after.clone())),
    }
}

/// Entries that were put after a revision.
pub(crate) fn changed_entries(
    connection: &Connection,
    collection: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT revision, key, value FROM entries INDEXED BY entries_by_revision
         WHERE collection = ?1 AND revision > ?2 ORDER BY revision LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(collection, statement.query((collection, rows::whole(after), limit))?)
}

/// How many entries a collection has.
pub(crate) fn count_entries(connection: &Connection, collection: &str) -> Result<u64, Failure> {
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM entries INDEXED BY entries_by_revision WHERE collection = ?1",
        )?
        .query_row([collection], |row| row.get(0))?;
    Ok(rows::to_whole(count))
}

fn collect(collection: &str, mut rows: rusqlite::Rows<'_>) -> Result<Vec<Entry>, Failure> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(entry_of(collection, row)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A poll is one look into an index, whatever else the table holds.
    #[test]
    fn what_changed_is_found_by_an_index() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::schema::prepare(&mut connection, "here", crate::schema::MIGRATIONS).unwrap();
        let plan: String = connection
            .query_row(
                "EXPLAIN QUERY PLAN SELECT revision, key, value FROM entries
                     INDEXED BY entries_by_revision
                 WHERE collection = 'c' AND revision > 5 ORDER BY revision LIMIT 3",
                [],
                |row| row.get(3),
            )
            .unwrap();
        assert!(plan.starts_with("SEARCH entries USING INDEX entries_by_revision"), "{plan}");
        assert!(plan.contains("collection=? AND rowid>?"), "{plan}");
    }
}
