//! Forgetting jobs: at once for whoever looks, and on the disk a little at a time.
//!
//! A job's row, its key, its tags and its document go in the commit that answers. What may be large
//! (its segments, its items) is noted as debris under its number, which no other job ever gets, and
//! deleted in slices beside later commits or while nothing else is to do.

use headway_protocol::JobId;
use rusqlite::OptionalExtension;

use super::{Change, Staged, Writer};
use crate::failure::Failure;
use crate::rows;

/// Items deleted in one slice beside other work: about 10 ms of it.
const ITEMS: i64 = 1_000;

/// Segments deleted in one slice.
const SEGMENTS: i64 = 64;

impl Writer {
    pub(super) fn remove(&mut self, jobs: &[JobId], staged: &mut Staged) -> Result<(), Failure> {
        for job in jobs {
            let Some(head) = self.head(job, staged)? else { continue };
            for statement in [
                "DELETE FROM jobs WHERE number = ?1",
                "DELETE FROM documents WHERE number = ?1",
                "DELETE FROM keys WHERE number = ?1",
                "DELETE FROM trims WHERE number = ?1",
                "INSERT INTO debris VALUES (?1)",
            ] {
                self.connection.prepare_cached(statement)?.execute([head.number])?;
            }
            self.delete_tags(job, &head.facets)?;
            self.debris = true;
            staged.heads.insert(job.clone(), None);
            staged.news.removed(job.clone());
            staged.changes.push(Change::Remove(job.clone()));
        }
        Ok(())
    }

    /// Deletes a slice of what removed jobs left.
    pub(super) fn sweep_debris(&mut self, idle: bool) -> Result<(), Failure> {
        if !self.debris {
            return Ok(());
        }
        let more = if idle { 4 } else { 1 };
        let number: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(number) FROM debris")?
            .query_row([], |row| row.get(0))
            .optional()?
            .flatten();
        let Some(number) = number else {
            self.debris = false;
            return Ok(());
        };
        let segments = self
            .connection
            .prepare_cached(
                "DELETE FROM segments WHERE id IN
                     (SELECT id FROM segments WHERE number = ?1 ORDER BY last LIMIT ?2)",
            )?
            .execute((number, SEGMENTS * more))?;
        let (first, last) = rows::item_range(number);
        let begin: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(id) FROM items WHERE id BETWEEN ?1 AND ?2")?
            .query_row((first, last), |row| row.get(0))?;
        if let Some(begin) = begin {
            let end = begin.saturating_add(ITEMS * more).min(last.saturating_add(1));
            for statement in [
                "DELETE FROM items WHERE id >= ?1 AND id < ?2",
                "DELETE FROM item_inputs WHERE id >= ?1 AND id < ?2",
                "DELETE FROM item_outcomes WHERE id >= ?1 AND id < ?2",
            ] {
                self.connection.prepare_cached(statement)?.execute((begin, end))?;
            }
        } else if segments == 0 {
            self.connection
                .prepare_cached("DELETE FROM debris WHERE number = ?1")?
                .execute([number])?;
        }
        Ok(())
    }
}
