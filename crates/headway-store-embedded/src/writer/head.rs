//! Where a job is, for whoever wants to change it.

use std::sync::Arc;

use headway_protocol::{Cursor, JobId};
use rusqlite::OptionalExtension;

use super::{Staged, Writer};
use crate::failure::Failure;
use crate::rows;
use crate::tail::Head;

impl Writer {
    /// The job's head, with what this group has done already.
    pub(super) fn head(&mut self, job: &JobId, staged: &Staged) -> Result<Option<Head>, Failure> {
        if let Some(head) = staged.heads.get(job) {
            return Ok(head.clone());
        }
        if let Some(tail) = self.shared.tails.lock().get(job) {
            return Ok(Some(tail.head.clone()));
        }
        if let Some(head) = self.heads.get(job) {
            return Ok(Some(head.clone()));
        }
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT jobs.number, jobs.epoch, documents.position, coalesce(trims.upto, 0), {}
             FROM jobs LEFT JOIN documents USING (number) LEFT JOIN trims USING (number)
             WHERE jobs.id = ?1",
            rows::FACETS
        ))?;
        let found = statement
            .query_row([job.as_str()], |row| {
                let place: (i64, u32, Option<i64>, i64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((place, rows::facets(row, 4)))
            })
            .optional()?;
        let Some(((number, epoch, folded, trimmed_to), facets)) = found else { return Ok(None) };
        let offset = folded.map(rows::to_whole).ok_or_else(|| {
            Failure::Damaged(format!("job {job} has neither a document nor records"))
        })?;
        let head = Head {
            number,
            cursor: Cursor { epoch, offset },
            trimmed_to: rows::to_whole(trimmed_to),
            facets: Arc::new(facets?),
        };
        self.heads.insert(job.clone(), head.clone());
        Ok(Some(head))
    }
}
