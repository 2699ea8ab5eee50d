//! Entries: written straight to their table, in the transaction of whatever they go with. As in an
//! append, everything is checked first, so that a refusal has nothing to take back.

use headway_store::{EntryError, PutEntry, StoreError};
use rusqlite::{Connection, OptionalExtension};

use super::Writer;
use crate::failure::Failure;
use crate::rows;

/// An entry that is not as was expected.
pub(super) struct Conflict {
    pub(super) collection: String,
    pub(super) key: String,
    pub(super) found: Option<u64>,
}

/// The last revision that was ever given.
pub(super) fn last_revision(connection: &Connection) -> Result<u64, Failure> {
    let kept: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE name = 'revision'", [], |row| row.get(0))
        .optional()?;
    let kept = kept.ok_or_else(|| Failure::Damaged("its last revision is missing".to_owned()))?;
    let largest: Option<i64> =
        connection.query_row("SELECT max(revision) FROM entries", [], |row| row.get(0))?;
    if largest.is_some_and(|largest| largest > kept) {
        return Err(Failure::Damaged("an entry is newer than its last revision".to_owned()));
    }
    Ok(rows::to_whole(kept))
}

impl Writer {
    pub(super) fn put_entries(
        &mut self,
        puts: &[PutEntry],
    ) -> Result<Result<Vec<u64>, EntryError>, Failure> {
        if let Some(Conflict { collection, key, found }) = self.find_conflict(puts)? {
            return Ok(Err(EntryError::Conflict { collection, key, found }));
        }
        puts.iter().map(|put| self.put_entry(put)).collect::<Result<_, _>>().map(Ok)
    }

    /// The first change whose entry is not as expected.
    pub(super) fn find_conflict(&self, puts: &[PutEntry]) -> Result<Option<Conflict>, Failure> {
        for put in puts {
            let found = self.revision_of(put)?;
            if !put.expected.fits(found) {
                let (collection, key) = (put.collection.clone(), put.key.clone());
                return Ok(Some(Conflict { collection, key, found }));
            }
        }
        Ok(None)
    }

    fn revision_of(&self, put: &PutEntry) -> Result<Option<u64>, Failure> {
        let found: Option<i64> = self
            .connection
            .prepare_cached("SELECT revision FROM entries WHERE collection = ?1 AND key = ?2")?
            .query_row((&put.collection, &put.key), |row| row.get(0))
            .optional()?;
        Ok(found.map(rows::to_whole))
    }

    /// Makes a change, and answers its revision.
    pub(super) fn put_entry(&mut self, put: &PutEntry) -> Result<u64, Failure> {
        self.revision = self.revision.checked_add(1).ok_or_else(|| StoreError::Full {
            detail: "every revision has been given".to_owned(),
        })?;
        match &put.value {
            Some(value) => self
                .connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO entries (revision, collection, key, value)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((rows::whole(self.revision), &put.collection, &put.key, value.get()))?,
            None => self
                .connection
                .prepare_cached("DELETE FROM entries WHERE collection = ?1 AND key = ?2")?
                .execute((&put.collection, &put.key))?,
        };
        Ok(self.revision)
    }

    /// Keeps the last revision with the group's other changes.
    pub(super) fn keep_revision(&mut self, before: u64) -> Result<(), Failure> {
        if self.revision != before {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO meta VALUES ('revision', ?1)")?
                .execute([rows::whole(self.revision)])?;
        }
        Ok(())
    }

    pub(super) fn trim_entries(
        &self,
        collection: &str,
        before: &str,
        limit: usize,
    ) -> Result<u64, Failure> {
        let removed = self
            .connection
            .prepare_cached(
                "DELETE FROM entries WHERE revision IN
                     (SELECT revision FROM entries INDEXED BY entries_by_key
                      WHERE collection = ?1 AND key < ?2 ORDER BY key LIMIT ?3)",
            )?
            .execute((collection, before, i64::try_from(limit).unwrap_or(i64::MAX)))?;
        Ok(removed as u64)
    }
}
