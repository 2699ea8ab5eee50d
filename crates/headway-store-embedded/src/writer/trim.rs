//! Forgetting the beginning of a log that goes on.
//!
//! Where the log begins is noted in the commit that answers; from then on nobody reads what was
//! before. The segments are deleted in slices beside later commits, or while nothing else is to do.
//! The job is folded in the same commit, so that whatever is forgotten is in segments.

use headway_protocol::JobId;
use rusqlite::OptionalExtension;

use super::{Change, Staged, Writer};
use crate::codec::{self, Reader};
use crate::failure::Failure;
use crate::rows;
use crate::tail::Head;

/// Segments deleted in one slice beside other work.
const SEGMENTS: i64 = 64;

impl Writer {
    /// Forgets the records that end at or before `before`, and answers where the log begins then.
    pub(super) fn trim(
        &mut self,
        job: &JobId,
        before: u64,
        staged: &mut Staged,
    ) -> Result<Option<u64>, Failure> {
        let Some(head) = self.head(job, staged)? else { return Ok(None) };
        let begin = self.last_end(job, head.number, before)?.max(head.trimmed_to);
        if begin > head.trimmed_to {
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO trims (number, upto, swept) VALUES (?1, ?2, 0)",
                )?
                .execute((head.number, rows::whole(begin)))?;
            self.trims = true;
            staged.trimmed.push(job.clone());
            staged.heads.insert(job.clone(), Some(Head { trimmed_to: begin, ..head }));
            staged.changes.push(Change::Trim(job.clone(), begin));
        }
        Ok(Some(begin))
    }

    /// The end of the job's last record that ends at or before `before`; 0 when there is none. What
    /// this group appends is not looked at.
    fn last_end(&self, job: &JobId, number: i64, before: u64) -> Result<u64, Failure> {
        if let Some(tail) = self.shared.tails.lock().get(job)
            && tail.head.number == number
            && tail.base <= before
        {
            let ends = tail.records.iter().map(|record| record.to);
            return Ok(ends.take_while(|end| *end <= before).last().unwrap_or(tail.base));
        }
        let whole: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(last) FROM segments WHERE number = ?1 AND last <= ?2")?
            .query_row((number, rows::whole(before)), |row| row.get(0))?;
        let mut end = whole.map(rows::to_whole).unwrap_or_default();
        let across: Option<Vec<u8>> = self
            .connection
            .prepare_cached(
                "SELECT body FROM segments WHERE number = ?1 AND last > ?2 ORDER BY last LIMIT 1",
            )?
            .query_row((number, rows::whole(before)), |row| row.get(0))
            .optional()?;
        if let Some(body) = across {
            let body = codec::unpack(&body)?;
            let mut reader = Reader::new(&body);
            while !reader.is_empty() {
                let sketch = reader.sketch()?;
                if sketch.to > before {
                    break;
                }
                end = end.max(sketch.to);
            }
        }
        Ok(end)
    }

    /// Folds the jobs that were trimmed in this group and are not folded in it yet.
    pub(super) fn fold_trimmed(&mut self, staged: &mut Staged) -> Result<(), Failure> {
        for job in std::mem::take(&mut staged.trimmed) {
            if !staged.folded.contains(&job) {
                let fold = self.fold_job(&job, staged);
                staged.folded.push(job);
                fold?;
            }
        }
        Ok(())
    }

    /// Deletes a slice of what trimmed logs left.
    pub(super) fn sweep_trims(&mut self, idle: bool) -> Result<(), Failure> {
        if !self.trims {
            return Ok(());
        }
        let more = if idle { 4 } else { 1 };
        let found: Option<(i64, i64)> = self
            .connection
            .prepare_cached("SELECT number, upto FROM trims WHERE swept = 0 LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((number, upto)) = found else {
            self.trims = false;
            return Ok(());
        };
        let deleted = self
            .connection
            .prepare_cached(
                "DELETE FROM segments WHERE id IN
                     (SELECT id FROM segments WHERE number = ?1 AND last <= ?2
                      ORDER BY last LIMIT ?3)",
            )?
            .execute((number, upto, SEGMENTS * more))?;
        if deleted == 0 {
            self.connection
                .prepare_cached("UPDATE trims SET swept = 1 WHERE number = ?1")?
                .execute([number])?;
        }
        Ok(())
    }
}
