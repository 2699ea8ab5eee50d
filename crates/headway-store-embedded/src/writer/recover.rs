//! Opening: what the journal still holds becomes tails again.
//!
//! Nothing is folded here, so that a store is ready as fast as its journal can be read; the journal
//! is bounded by the options' `tail_bytes`.

use std::collections::HashMap;
use std::sync::Arc;

use headway_protocol::{Cursor, JobId, Timestamp};
use headway_store::Facets;
use rusqlite::{Connection, OptionalExtension};

use crate::codec::{self, Reader, Sketch};
use crate::failure::Failure;
use crate::rows;
use crate::shared::Shared;
use crate::tail::{Fresh, Head, Tails};

/// Where counting goes on.
#[derive(Debug)]
pub(super) struct Recovered {
    /// The next job's number: larger than any that was ever given and may still be named.
    pub(super) next_number: i64,
    /// The first row of the journal, or the next when there is none.
    pub(super) first_journal: i64,
    /// The next row of the journal.
    pub(super) next_journal: i64,
}

/// A job that the journal names.
struct Known {
    job: JobId,
    epoch: u32,
    trimmed_to: u64,
    facets: Arc<Facets>,
    /// The position that its row's facets are of.
    found_at: u64,
    /// Where its records end, as far as they are read.
    position: u64,
}

/// Reads the journal into the tails.
pub(super) fn recover(connection: &Connection, shared: &Shared) -> Result<Recovered, Failure> {
    let mut known: HashMap<i64, Option<Known>> = HashMap::new();
    let mut tails = shared.tails.lock();
    let mut largest: i64 = connection.query_row(
        "SELECT max((SELECT coalesce(max(number), 0) FROM jobs),
                    (SELECT coalesce(max(number), 0) FROM debris))",
        [],
        |row| row.get(0),
    )?;
    let mut first_journal = None;
    let mut next_journal = 1;
    let mut statement = connection.prepare("SELECT id, body FROM journal ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        first_journal.get_or_insert(id);
        next_journal = id + 1;
        let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let body = codec::unpack(body)?;
        let mut reader = Reader::new(&body);
        reader.version()?;
        while !reader.is_empty() {
            let number = rows::whole(reader.number()?);
            let due_at = match reader.number()? {
                0 => None,
                _ => Some(Timestamp::from_millis(reader.number()?)),
            };
            let sketch = reader.sketch()?;
            largest = largest.max(number);
            if let std::collections::hash_map::Entry::Vacant(place) = known.entry(number) {
                place.insert(find(connection, number)?);
            }
            if let Some(Some(job)) = known.get_mut(&number) {
                follow(job, number, due_at, sketch, &mut tails)?;
            }
        }
    }
    for job in known.values().flatten() {
        if job.found_at > job.position {
            return Err(Failure::Damaged(format!("the newest records of {} are missing", job.job)));
        }
    }
    Ok(Recovered {
        next_number: largest + 1,
        first_journal: first_journal.unwrap_or(next_journal),
        next_journal,
    })
}

fn find(connection: &Connection, number: i64) -> Result<Option<Known>, Failure> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT jobs.id, jobs.epoch, jobs.position, documents.position, coalesce(trims.upto, 0), {}
         FROM jobs LEFT JOIN documents USING (number) LEFT JOIN trims USING (number)
         WHERE jobs.number = ?1",
        rows::FACETS
    ))?;
    let found = statement
        .query_row([number], |row| {
            let place: (String, u32, i64, Option<i64>, i64) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((place, rows::facets(row, 5)))
        })
        .optional()?;
    let Some(((id, epoch, found_at, position, trimmed_to), facets)) = found else {
        return Ok(None);
    };
    let position = position.map(rows::to_whole).unwrap_or_default();
    Ok(Some(Known {
        job: rows::job_id(&id)?,
        epoch,
        trimmed_to: rows::to_whole(trimmed_to),
        facets: Arc::new(facets?),
        found_at: rows::to_whole(found_at),
        position,
    }))
}

fn follow(
    known: &mut Known,
    number: i64,
    due_at: Option<Timestamp>,
    sketch: Sketch<'_>,
    tails: &mut Tails,
) -> Result<(), Failure> {
    if sketch.to <= known.position {
        return Ok(());
    }
    if sketch.from != known.position {
        return Err(Failure::Damaged(format!(
            "the journal of {} goes on at {} and its records end at {}",
            known.job, sketch.from, known.position
        )));
    }
    let record = sketch.record()?;
    known.position = record.to;
    // Whatever else a job is found by is in its row already, as of its newest record.
    if known.facets.due_at != due_at {
        Arc::make_mut(&mut known.facets).due_at = due_at;
    }
    tails.push(Fresh {
        job: known.job.clone(),
        head: Head {
            number,
            cursor: Cursor { epoch: known.epoch, offset: record.to },
            trimmed_to: known.trimmed_to,
            facets: Arc::clone(&known.facets),
        },
        document: rows::json(record.patch.get(), "a patch of the journal")?,
        private: rows::json(record.private.get(), "a patch of the journal")?,
        bytes: codec::size(&record),
        record: Arc::new(record),
    });
    Ok(())
}
