//! Folding: a job's tail goes into its document and a segment of its log, after which the journal
//! need not hold it.
//!
//! It goes by generations. One begins when the tails have grown large or old, or nothing else is to
//! do: the jobs that have a tail then are its jobs, and the journal's rows up to then its rows. Each
//! commit folds a few of its jobs; when none is left its rows are deleted, again a few at a time.
//! Each job's fold is whole in one transaction, so that a crash between two leaves nothing to mend:
//! the journal's records up to a document's position are passed over.

use std::collections::VecDeque;
use std::time::Duration;

use headway_protocol::JobId;
use rusqlite::OptionalExtension;
use serde_json::Value;

use super::{Staged, Writer};
use crate::codec;
use crate::failure::Failure;
use crate::pace::Pace;
use crate::rows;
use crate::tail::Head;

/// A segment's largest size, unless one record is larger: a read of a few events decodes one.
const SEGMENT_BYTES: usize = 32 << 10;

/// A smaller segment is loose: it is merged with its neighbours one day. A larger one is written once
/// and stays.
const LOOSE_BYTES: usize = 4 << 10;

/// So many loose segments of one job, and they are made one: a reader of a long log would otherwise
/// fetch a page per fold.
const LOOSE: u32 = 16;

/// Rows of the journal deleted in one commit.
const ROWS: i64 = 64;

/// The most jobs folded beside commands, unless the tails are too large.
const JOBS: usize = 64;

/// The longest that commands wait for a slice of folding, while the tails are within their bound.
const SLICE: Duration = Duration::from_millis(1);

/// The same when the tails are half as large again as they should be.
const LARGE_SLICE: Duration = Duration::from_millis(10);

/// The same when the tails are twice as large: whoever appends has to wait.
const LARGEST_SLICE: Duration = Duration::from_millis(200);

/// The length of a slice when nobody waits; the next command waits no longer.
const IDLE_SLICE: Duration = Duration::from_millis(5);

/// Where folding stands.
#[derive(Debug)]
pub(super) struct Folding {
    /// Jobs of this generation that are not yet folded.
    pending: VecDeque<JobId>,
    marks: Marks,
    /// When the oldest tail that is in no generation may have begun.
    since: Option<Pace>,
}

/// Rows of the journal, by id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// The last row of this generation.
    last: i64,
    /// The last row that was deleted.
    deleted: i64,
}

impl Folding {
    /// What was recovered is the first generation: these jobs, and the journal's rows from `first`
    /// up to `next`.
    pub(super) fn after_recovery(jobs: Vec<JobId>, first: i64, next: i64) -> Self {
        let marks = Marks { last: next - 1, deleted: first - 1 };
        Self { pending: jobs.into(), marks, since: None }
    }

    pub(super) fn is_under_way(&self) -> bool {
        !self.pending.is_empty() || self.marks.deleted < self.marks.last
    }

    pub(super) fn clone_marks(&self) -> Marks {
        self.marks
    }

    /// After a failed commit: its jobs are still to be folded.
    pub(super) fn restore(&mut self, marks: Marks, folded: &mut Vec<JobId>) {
        self.marks = marks;
        self.pending.extend(folded.drain(..));
    }
}

impl Writer {
    /// A slice of folding, when it is time for one.
    pub(super) fn fold(&mut self, staged: &mut Staged, idle: bool) -> Result<(), Failure> {
        let (bytes, empty) = {
            let tails = self.shared.tails.lock();
            (tails.bytes(), tails.is_empty())
        };
        if !self.folding.is_under_way() && !self.begin_generation(bytes, empty, idle) {
            return Ok(());
        }
        let bound = self.options.tail_bytes;
        let (jobs, slice) = if bytes > bound.saturating_mul(2) {
            (usize::MAX, LARGEST_SLICE)
        } else if bytes > bound.saturating_add(bound / 2) {
            (usize::MAX, LARGE_SLICE)
        } else if idle {
            (usize::MAX, IDLE_SLICE)
        } else {
            (JOBS, SLICE)
        };
        let begun = Pace::begin();
        let mut folded = 0;
        while folded < jobs {
            let Some(job) = self.folding.pending.pop_front() else { break };
            let fold = self.fold_job(&job, staged);
            staged.folded.push(job);
            fold?;
            folded += 1;
            if begun.passed(slice) {
                break;
            }
        }
        if self.folding.pending.is_empty() {
            self.delete_rows()?;
        }
        Ok(())
    }

    fn begin_generation(&mut self, bytes: usize, empty: bool, idle: bool) -> bool {
        if empty {
            self.folding.since = None;
            return false;
        }
        let since = *self.folding.since.get_or_insert_with(Pace::begin);
        if !idle && bytes < self.options.tail_bytes && !since.passed(self.options.tail_age) {
            return false;
        }
        self.folding.since = None;
        // In the order of their rows, so that neighbours in a page are written together.
        let mut jobs: Vec<(i64, JobId)> = {
            let tails = self.shared.tails.lock();
            tails.jobs().map(|(job, tail)| (tail.head.number, job.clone())).collect()
        };
        jobs.sort_unstable();
        self.folding.pending.extend(jobs.into_iter().map(|(_, job)| job));
        // The group that is being committed has written its row already; its tails are not shown
        // yet, so that the row belongs to the next generation.
        self.folding.marks.last = self.last_shown;
        true
    }

    /// Folds what the job's tail held before this group.
    pub(super) fn fold_job(&mut self, job: &JobId, staged: &Staged) -> Result<(), Failure> {
        let (number, base) = {
            let tails = self.shared.tails.lock();
            let Some(tail) = tails.get(job) else { return Ok(()) };
            (tail.head.number, tail.base)
        };
        let removed = |head: &Option<Head>| head.as_ref().is_none_or(|head| head.number != number);
        if staged.heads.get(job).is_some_and(removed) {
            return Ok(());
        }
        let found = self
            .connection
            .prepare_cached(
                "SELECT position, document, private, loose, loose_bytes FROM documents
                 WHERE number = ?1",
            )?
            .query_row([number], |row| {
                let texts: (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((texts, Loose { segments: row.get(3)?, bytes: row.get(4)? }))
            })
            .optional()?;
        let (position, mut document, mut private, loose) = match found {
            None => (0, Value::Null, Value::Null, Loose::default()),
            Some(((position, document, private), loose)) => (
                rows::to_whole(position),
                rows::json(&document, "a document")?,
                rows::json(&private, "a private state")?,
                loose,
            ),
        };
        if position != base {
            return Err(Failure::Damaged(format!(
                "the document of {job} is at {position} and its newest records begin at {base}"
            )));
        }
        let (to, due_at, pieces) = {
            let tails = self.shared.tails.lock();
            let Some(tail) = tails.get(job) else { return Ok(()) };
            tail.document.apply(&mut document);
            tail.private.apply(&mut private);
            let pieces: Vec<Piece> = tail.records.iter().map(|record| Piece::of(record)).collect();
            (tail.head.cursor.offset, tail.head.facets.due_at, pieces)
        };
        let loose = self.write_segments(number, loose, pieces)?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO documents
                     (number, position, document, private, loose, loose_bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                number,
                rows::whole(to),
                document.to_string(),
                private.to_string(),
                loose.segments,
                loose.bytes,
            ))?;
        // What this group appended is newer than the tail, and durable with it.
        let newest = staged.heads.get(job).and_then(Option::as_ref);
        let due_at = newest.map_or(due_at, |head| head.facets.due_at);
        self.connection
            .prepare_cached("UPDATE jobs SET due_at = ?2 WHERE number = ?1 AND due_at IS NOT ?2")?
            .execute((number, due_at.map(rows::moment)))?;
        Ok(())
    }

    /// Writes records as segments, and answers what is loose after that.
    fn write_segments(
        &self,
        number: i64,
        loose: Loose,
        fresh: Vec<Piece>,
    ) -> Result<Loose, Failure> {
        let bytes: usize = fresh.iter().map(|piece| piece.body.len()).sum();
        let all = bytes.saturating_add(loose.bytes as usize);
        let merge = loose.segments + 1 >= LOOSE || all >= SEGMENT_BYTES && bytes < LOOSE_BYTES;
        let mut pieces = if merge { self.take_loose(number, loose.segments)? } else { Vec::new() };
        pieces.extend(fresh);
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO segments (number, last, body) VALUES (?1, ?2, ?3)")?;
        let mut body: Vec<u8> = Vec::with_capacity(bytes.min(SEGMENT_BYTES));
        let mut last = 0;
        for piece in pieces {
            if !body.is_empty() && body.len() + piece.body.len() > SEGMENT_BYTES {
                insert.execute((number, rows::whole(last), codec::pack(&body)))?;
                body.clear();
            }
            body.extend_from_slice(&piece.body);
            last = piece.to;
        }
        if !body.is_empty() {
            insert.execute((number, rows::whole(last), codec::pack(&body)))?;
        }
        if merge || bytes >= LOOSE_BYTES {
            return Ok(Loose::default());
        }
        Ok(Loose { segments: loose.segments + 1, bytes: u32::try_from(all).unwrap_or(u32::MAX) })
    }

    /// Takes the newest small segments out of the table, oldest first.
    fn take_loose(&self, number: i64, loose: u32) -> Result<Vec<Piece>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, last, body FROM segments WHERE number = ?1 ORDER BY last DESC LIMIT ?2",
        )?;
        let mut delete = self.connection.prepare_cached("DELETE FROM segments WHERE id = ?1")?;
        let mut pieces = Vec::new();
        let mut ids: Vec<i64> = Vec::new();
        let mut rows = statement.query((number, loose))?;
        while let Some(row) = rows.next()? {
            ids.push(row.get(0)?);
            let body = row
                .get_ref(2)?
                .as_blob()
                .map_err(|error| Failure::Damaged(format!("a segment: {error}")))?;
            let body = codec::unpack(body)?.into_owned();
            pieces.push(Piece { to: rows::to_whole(row.get(1)?), body });
        }
        drop(rows);
        for id in ids {
            delete.execute([id])?;
        }
        pieces.reverse();
        Ok(pieces)
    }

    fn delete_rows(&mut self) -> Result<(), Failure> {
        let Marks { last, deleted } = self.folding.marks;
        let until = deleted.saturating_add(ROWS).min(last);
        if until > deleted {
            self.connection
                .prepare_cached("DELETE FROM journal WHERE id <= ?1")?
                .execute([until])?;
            self.folding.marks.deleted = until;
        }
        Ok(())
    }
}

/// A job's newest segments, while they are small.
#[derive(Clone, Copy, Default)]
struct Loose {
    segments: u32,
    bytes: u32,
}

/// Encoded records that follow each other.
struct Piece {
    /// Where they end.
    to: u64,
    body: Vec<u8>,
}

impl Piece {
    fn of(record: &headway_store::Record) -> Self {
        let mut body = Vec::with_capacity(codec::size(record));
        codec::encode(record, &mut body);
        Self { to: record.to, body }
    }
}
