//! Appending: everything is checked first, so that a refusal has nothing to take back.

use std::sync::Arc;

use headway_protocol::{Cursor, JobId};
use headway_store::{AppendError, Appended, Expected, Facets, ItemOutcome};
use rusqlite::OptionalExtension;

use super::entries::Conflict;
use super::{Change, Staged, Writer};
use crate::codec;
use crate::command::Prepared;
use crate::failure::Failure;
use crate::rows;
use crate::tail::{Fresh, Head};

impl Writer {
    pub(super) fn append(
        &mut self,
        prepared: Prepared,
        staged: &mut Staged,
    ) -> Result<Result<(), AppendError>, Failure> {
        let Prepared { append, document, private, encoded } = prepared;
        let job = append.job;
        let before = self.head(&job, staged)?;
        let found = before.as_ref().map(|head| head.cursor.offset);
        let epoch = match (append.expected, &before) {
            (Expected::Absent { epoch }, None) => epoch,
            (Expected::At(offset), Some(head)) if head.cursor.offset == offset => head.cursor.epoch,
            (Expected::Absent { .. } | Expected::At(_), Some(_) | None) => {
                return Ok(Err(AppendError::Conflict { job, found }));
            }
        };
        if let Some(key) = &append.key
            && let Some((job, fingerprint)) = self.find_key(&key.key)?
        {
            return Ok(Err(AppendError::KeyTaken { job, fingerprint }));
        }
        let (number, trimmed_to) =
            before.as_ref().map_or((self.next_number, 0), |head| (head.number, head.trimmed_to));
        if let Some(index) = self.find_fenced(number, &append.items)? {
            return Ok(Err(AppendError::Fenced { job, index }));
        }
        if let Some(Conflict { collection, key, found }) = self.find_conflict(&append.entries)? {
            return Ok(Err(AppendError::EntryConflict { collection, key, found }));
        }

        let record = append.record;
        let facets = append.facets;
        match &before {
            None => {
                self.next_number += 1;
                self.insert_job(number, &job, epoch, record.to, &facets)?;
            }
            Some(head) if !found_alike(&head.facets, &facets) => {
                self.update_job(number, &job, record.to, &head.facets, &facets)?;
            }
            Some(_) => {}
        }
        for outcome in &append.items {
            self.settle(number, outcome)?;
        }
        if let Some(key) = &append.key {
            self.connection
                .prepare_cached("INSERT INTO keys (key, number, fingerprint) VALUES (?1, ?2, ?3)")?
                .execute((&key.key, number, key.fingerprint.cast_signed()))?;
        }
        for put in &append.entries {
            self.put_entry(put)?;
        }
        if staged.journal.is_empty() {
            staged.journal.push(codec::VERSION);
        }
        codec::number(number.unsigned_abs(), &mut staged.journal);
        codec::number(u64::from(facets.due_at.is_some()), &mut staged.journal);
        if let Some(due_at) = facets.due_at {
            codec::number(due_at.as_millis(), &mut staged.journal);
        }
        staged.journal.extend_from_slice(&encoded);

        let cursor = Cursor { epoch, offset: record.to };
        let head = Head { number, cursor, trimmed_to, facets: Arc::clone(&facets) };
        staged.heads.insert(job.clone(), Some(head.clone()));
        staged.news.appended(Appended {
            job: job.clone(),
            cursor,
            record: Arc::clone(&record),
            facets,
        });
        let bytes = encoded.len();
        staged.changes.push(Change::Append(Fresh { job, head, record, document, private, bytes }));
        Ok(Ok(()))
    }

    fn find_key(&self, key: &str) -> Result<Option<(JobId, u64)>, Failure> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT jobs.id, keys.fingerprint FROM keys JOIN jobs USING (number)
                 WHERE keys.key = ?1",
            )?
            .query_row([key], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
            .optional()?;
        found.map(|(id, print)| Ok((rows::job_id(&id)?, print.cast_unsigned()))).transpose()
    }

    /// The first item that is not held with its outcome's fence. An item that comes twice is held
    /// for the first outcome only.
    fn find_fenced(&self, number: i64, items: &[ItemOutcome]) -> Result<Option<u64>, Failure> {
        let mut held = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?1 AND status = 1 AND fence = ?2)",
        )?;
        let mut seen = std::collections::HashSet::with_capacity(items.len());
        for outcome in items {
            let (index, fence) = (outcome.index, outcome.fence.cast_signed());
            let fits = index < headway_protocol::limits::ITEMS
                && seen.insert(index)
                && held.query_row((rows::item_id(number, index), fence), |row| row.get(0))?;
            if !fits {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn insert_job(
        &self,
        number: i64,
        job: &JobId,
        epoch: u32,
        position: u64,
        facets: &Facets,
    ) -> Result<(), Failure> {
        self.connection
            .prepare_cached(
                "INSERT INTO jobs (number, id, epoch, position, tenant, subject, status, kind,
                     session, tags, created_at, finished_at, due_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(rusqlite::params![
                number,
                job.as_str(),
                epoch,
                rows::whole(position),
                facets.owner.tenant,
                facets.owner.subject,
                facets.status.as_str(),
                facets.kind,
                facets.session,
                tags(facets),
                rows::moment(facets.created_at),
                facets.finished_at.map(rows::moment),
                facets.due_at.map(rows::moment),
            ])?;
        self.insert_tags(number, job, facets)
    }

    fn update_job(
        &self,
        number: i64,
        job: &JobId,
        position: u64,
        before: &Facets,
        facets: &Facets,
    ) -> Result<(), Failure> {
        self.connection
            .prepare_cached(
                "UPDATE jobs SET position = ?2, tenant = ?3, subject = ?4, status = ?5, kind = ?6,
                     session = ?7, tags = ?8, created_at = ?9, finished_at = ?10, due_at = ?11
                 WHERE number = ?1",
            )?
            .execute(rusqlite::params![
                number,
                rows::whole(position),
                facets.owner.tenant,
                facets.owner.subject,
                facets.status.as_str(),
                facets.kind,
                facets.session,
                tags(facets),
                rows::moment(facets.created_at),
                facets.finished_at.map(rows::moment),
                facets.due_at.map(rows::moment),
            ])?;
        if before.tags != facets.tags || before.created_at != facets.created_at {
            self.delete_tags(job, before)?;
            self.insert_tags(number, job, facets)?;
        }
        Ok(())
    }

    fn insert_tags(&self, number: i64, job: &JobId, facets: &Facets) -> Result<(), Failure> {
        for tag in &facets.tags {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO job_tags VALUES (?1, ?2, ?3, ?4)")?
                .execute((tag, rows::moment(facets.created_at), job.as_str(), number))?;
        }
        Ok(())
    }

    pub(super) fn delete_tags(&self, job: &JobId, facets: &Facets) -> Result<(), Failure> {
        for tag in &facets.tags {
            self.connection
                .prepare_cached(
                    "DELETE FROM job_tags WHERE tag = ?1 AND created_at = ?2 AND id = ?3",
                )?
                .execute((tag, rows::moment(facets.created_at), job.as_str()))?;
        }
        Ok(())
    }
}

fn tags(facets: &Facets) -> Option<String> {
    (!facets.tags.is_empty()).then(|| headway_protocol::patch::value_of(&facets.tags).to_string())
}

/// Whether both are found by the same lists: only `due_at` may differ, which changes with nearly
/// every report and is folded instead.
fn found_alike(before: &Facets, after: &Facets) -> bool {
    let Facets { status, kind, session, tags, owner, created_at, finished_at, due_at: _ } = before;
    *status == after.status
        && *kind == after.kind
        && *session == after.session
        && *tags == after.tags
        && *owner == after.owner
        && *created_at == after.created_at
        && *finished_at == after.finished_at
}
