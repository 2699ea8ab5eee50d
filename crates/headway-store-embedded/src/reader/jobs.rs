//! One job's state and log, and jobs by time.

use std::collections::HashMap;
use std::sync::Arc;

use headway_protocol::{Cursor, JobId, Timestamp};
use headway_store::{Due, Facets, History, Record, StoreError, Stored};
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use crate::codec::{self, Reader};
use crate::failure::Failure;
use crate::rows;
use crate::shared::Shared;
use crate::tail::{Head, Patches, Tail};

/// A read meets a fold of the same job now and then, and begins again. So many times in turn it
/// does not.
const TRIES: usize = 1_000;

/// What a tail says of its job.
struct Glance {
    number: i64,
    cursor: Cursor,
    facets: Arc<Facets>,
    base: u64,
    document: Patches,
    private: Patches,
}

impl Glance {
    fn of(tail: &Tail) -> Self {
        Self {
            number: tail.head.number,
            cursor: tail.head.cursor,
            facets: Arc::clone(&tail.head.facets),
            base: tail.base,
            document: tail.document.clone(),
            private: tail.private.clone(),
        }
    }
}

/// A job as the tables have it.
struct Row {
    number: i64,
    epoch: u32,
    /// The position that the facets are of.
    position: u64,
    facets: Facets,
    folded: Option<Folded>,
}

#[derive(Default)]
struct Folded {
    position: u64,
    document: Value,
    private: Value,
}

impl Row {
    fn find(connection: &Connection, job: &JobId) -> Result<Option<Self>, Failure> {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT jobs.number, jobs.epoch, jobs.position, documents.position,
                 documents.document, documents.private, {}
             FROM jobs LEFT JOIN documents USING (number) WHERE jobs.id = ?1",
            rows::FACETS
        ))?;
        let mut found = statement.query([job.as_str()])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let folded = match row.get::<_, Option<i64>>(3)? {
            None => None,
            Some(position) => {
                let text = |column: usize| {
                    row.get_ref(column)?
                        .as_str()
                        .map_err(|error| Failure::Damaged(format!("a document: {error}")))
                };
                Some(Folded {
                    position: rows::to_whole(position),
                    document: rows::json(text(4)?, "a document")?,
                    private: rows::json(text(5)?, "a private state")?,
                })
            }
        };
        Ok(Some(Self {
            number: row.get(0)?,
            epoch: row.get(1)?,
            position: rows::to_whole(row.get(2)?),
            facets: rows::facets(row, 6)?,
            folded,
        }))
    }
}

/// The job as it stands.
pub(crate) fn load(
    connection: &Connection,
    shared: &Shared,
    job: &JobId,
) -> Result<Option<Stored>, Failure> {
    for _ in 0..TRIES {
        let glance = shared.tails.lock().get(job).map(Glance::of);
        let Some(row) = Row::find(connection, job)? else { return Ok(None) };
        if let Some(stored) = join(glance, row) {
            return Ok(Some(stored));
        }
    }
    Err(changing(job))
}

/// The tail and the row together; `None` when a commit came between looking at the two.
fn join(glance: Option<Glance>, row: Row) -> Option<Stored> {
    let Some(glance) = glance else {
        let Folded { position, document, private } = row.folded?;
        let cursor = Cursor { epoch: row.epoch, offset: position };
        let stored = Stored { cursor, document, private, facets: row.facets };
        return (row.position <= position).then_some(stored);
    };
    let Folded { position, mut document, mut private } = row.folded.unwrap_or_default();
    (row.number == glance.number && position == glance.base).then(|| {
        glance.document.apply(&mut document);
        glance.private.apply(&mut private);
        let facets = (*glance.facets).clone();
        Stored { cursor: glance.cursor, document, private, facets }
    })
}

fn changing(job: &JobId) -> Failure {
    Failure::Told(StoreError::Failed {
        doing: "read a job",
        detail: format!("{job} is changed faster than it can be read"),
    })
}

/// Records after `after`, from memory alone; `None` when the tables are needed.
pub(crate) fn newest(
    shared: &Shared,
    job: &JobId,
    after: u64,
    max_events: usize,
) -> Option<History> {
    let tails = shared.tails.lock();
    let tail = tails.get(job)?;
    (after >= tail.base).then(|| {
        let mut page = Page::new(max_events);
        page.extend(tail, after);
        let Head { cursor, trimmed_to, .. } = tail.head;
        History { cursor, trimmed_to, records: page.records }
    })
}

/// Records up to a number of events.
struct Page {
    records: Vec<Arc<Record>>,
    events: usize,
    max_events: usize,
    full: bool,
}

impl Page {
    fn new(max_events: usize) -> Self {
        Self { records: Vec::new(), events: 0, max_events, full: false }
    }

    /// Whether a record of so many events still fits; the first one always does.
    fn takes(&mut self, events: usize) -> bool {
        let events = self.events.saturating_add(events);
        self.full = self.full || (!self.records.is_empty() && events > self.max_events);
        if !self.full {
            self.events = events;
        }
        !self.full
    }

    fn extend(&mut self, tail: &Tail, after: u64) {
        let begin = tail.records.partition_point(|record| record.to <= after);
        for record in tail.records.iter().skip(begin) {
            if !self.takes(record.events.len()) {
                break;
            }
            self.records.push(Arc::clone(record));
        }
    }
}

/// Records after `after`, oldest first.
pub(crate) fn history(
    connection: &Connection,
    shared: &Shared,
    job: &JobId,
    after: u64,
    max_events: usize,
) -> Result<Option<History>, Failure> {
    for _ in 0..TRIES {
        match look_back(connection, shared, job, after, max_events)? {
            Look::Complete(history) => return Ok(history),
            Look::Torn => {}
        }
    }
    Err(changing(job))
}

/// What a look at tail and tables in turn gave.
enum Look {
    Complete(Option<History>),
    /// The log's beginning was forgotten between two looks.
    Torn,
}

fn look_back(
    connection: &Connection,
    shared: &Shared,
    job: &JobId,
    after: u64,
    max_events: usize,
) -> Result<Look, Failure> {
    // Taken first: whatever is folded after this is in the tables when they are read.
    let (head, mut newest) = {
        let tails = shared.tails.lock();
        match tails.get(job) {
            None => (None, Vec::new()),
            Some(tail) => {
                let mut page = Page::new(max_events);
                page.extend(tail, after);
                (Some(tail.head.clone()), page.records)
            }
        }
    };
    let found = connection
        .prepare_cached(
            "SELECT jobs.number, jobs.epoch, documents.position, coalesce(trims.upto, 0)
             FROM jobs LEFT JOIN documents USING (number) LEFT JOIN trims USING (number)
             WHERE jobs.id = ?1",
        )?
        .query_row([job.as_str()], |row| {
            let folded: Option<i64> = row.get(2)?;
            Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, folded, row.get::<_, i64>(3)?))
        })
        .optional()?;
    let Some((number, epoch, folded, trimmed_to)) = found else { return Ok(Look::Complete(None)) };
    let trimmed_to = rows::to_whole(trimmed_to);
    if head.as_ref().is_some_and(|head| head.number != number) {
        // Removed and made again in between: what is here now is another log.
        newest.clear();
    }
    let head = head.filter(|head| head.number == number).map(|head| head.cursor);
    let folded = folded.map(|offset| Cursor { epoch, offset: rows::to_whole(offset) });
    let cursor = match (head, folded) {
        (Some(head), Some(folded)) if folded.offset > head.offset => folded,
        (Some(head), _) => head,
        (None, Some(folded)) => folded,
        (None, None) => return Ok(Look::Complete(None)),
    };

    let begin = after.max(trimmed_to);
    let mut page = Page::new(max_events);
    let mut end = begin;
    let mut statement = connection.prepare_cached(
        "SELECT body FROM segments WHERE number = ?1 AND last > ?2 ORDER BY last",
    )?;
    let mut rows = statement.query((number, rows::whole(begin)))?;
    while !page.full
        && let Some(row) = rows.next()?
    {
        let body = row
            .get_ref(0)?
            .as_blob()
            .map_err(|error| Failure::Damaged(format!("a segment: {error}")))?;
        let body = codec::unpack(body)?;
        let mut reader = Reader::new(&body);
        while !reader.is_empty() {
            let sketch = reader.sketch()?;
            if sketch.to <= begin {
                continue;
            }
            if sketch.to > cursor.offset {
                // Folded after the row above was read.
                page.full = true;
            }
            let events = usize::try_from(sketch.to - sketch.from).unwrap_or(usize::MAX);
            if page.full || !page.takes(events) {
                break;
            }
            if page.records.is_empty() && sketch.from > begin {
                return Ok(Look::Torn);
            }
            if !page.records.is_empty() && sketch.from != end {
                return Err(Failure::Damaged(format!("the log of {job} has a gap at {end}")));
            }
            end = sketch.to;
            page.records.push(Arc::new(sketch.record()?));
        }
    }
    for record in newest {
        if page.full {
            break;
        }
        if record.to > end && page.takes(record.events.len()) {
            page.records.push(record);
        }
    }
    Ok(Look::Complete(Some(History { cursor, trimmed_to, records: page.records })))
}

/// Jobs that are due by `until`.
pub(crate) fn due(
    connection: &Connection,
    shared: &Shared,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Due>, Failure> {
    let mut found: HashMap<JobId, Timestamp> = shared
        .tails
        .lock()
        .due(until)
        .take(limit)
        .map(|(due_at, job)| (job.clone(), *due_at))
        .collect();
    // The rows of jobs with a tail may be old: their tails are asked instead, and so many more rows
    // are read.
    let mut page = connection.prepare_cached(
        "SELECT due_at, id FROM jobs
         WHERE due_at IS NOT NULL AND due_at <= ?1 AND (due_at, id) > (?2, ?3)
         ORDER BY due_at, id LIMIT ?4",
    )?;
    let mut again = connection.prepare_cached("SELECT due_at FROM jobs WHERE id = ?1")?;
    let mut last = (i64::MIN, String::new());
    let mut taken = 0;
    let rows_at_once = limit.clamp(1, 1_000);
    while taken < limit {
        let rows: Vec<(i64, String)> = page
            .query_map(
                (
                    rows::moment(until),
                    last.0,
                    &last.1,
                    i64::try_from(rows_at_once).unwrap_or(1_000),
                ),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?
            .collect::<Result<_, _>>()?;
        let complete = rows.len() < rows_at_once;
        for (_, id) in &rows {
            let job = rows::job_id(id)?;
            if found.contains_key(&job) {
                continue;
            }
            let in_tail = shared.tails.lock().get(&job).map(|tail| tail.head.facets.due_at);
            let due_at = match in_tail {
                Some(due_at) => due_at,
                // It may have been folded since the page was read.
                None => again
                    .query_row([id], |row| row.get::<_, Option<i64>>(0))
                    .optional()?
                    .flatten()
                    .map(rows::to_moment),
            };
            if let Some(due_at) = due_at.filter(|due_at| *due_at <= until) {
                found.insert(job, due_at);
                taken += 1;
            }
        }
        let Some(end) = rows.into_iter().last() else { break };
        last = end;
        if complete {
            break;
        }
    }
    let mut due: Vec<Due> = found.into_iter().map(|(job, due_at)| Due { job, due_at }).collect();
    due.sort_unstable_by(|left, right| (left.due_at, &left.job).cmp(&(right.due_at, &right.job)));
    due.truncate(limit);
    Ok(due)
}

/// The holder of a key and its fingerprint.
pub(crate) fn find_key(
    connection: &Connection,
    key: &str,
) -> Result<Option<(JobId, u64)>, Failure> {
    let found = connection
        .prepare_cached(
            "SELECT jobs.id, keys.fingerprint FROM keys JOIN jobs USING (number)
             WHERE keys.key = ?1",
        )?
        .query_row([key], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    found.map(|(id, print)| Ok((rows::job_id(&id)?, print.cast_unsigned()))).transpose()
}

/// Finished jobs over the limits of retention, oldest end first.
pub(crate) fn expendable(
    connection: &Connection,
    finished_before: Timestamp,
    keep: u64,
    limit: usize,
) -> Result<Vec<JobId>, Failure> {
    let finished: i64 = connection
        .prepare_cached("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    let over = rows::to_whole(finished).saturating_sub(keep);
    let mut statement = connection.prepare_cached(
        "SELECT id, finished_at FROM jobs WHERE finished_at IS NOT NULL
         ORDER BY finished_at, id LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let at = rows::to_moment(row.get(1)?);
        if at >= finished_before && found.len() as u64 >= over {
            break;
        }
        found.push(rows::job_id(&row.get::<_, String>(0)?)?);
    }
    Ok(found)
}
