//! Items of a batch. They lie in the tables alone.

use headway_protocol::{ItemStatus, JobId, Timestamp};
use headway_store::{ItemQuery, StoredItem};
use rusqlite::{Connection, OptionalExtension};
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::rows;

fn number(connection: &Connection, job: &JobId) -> Result<Option<i64>, Failure> {
    let mut statement = connection.prepare_cached("SELECT number FROM jobs WHERE id = ?1")?;
    Ok(statement.query_row([job.as_str()], |row| row.get(0)).optional()?)
}

/// When the first of the batch's retrying items is due.
pub(crate) fn next_retry(
    connection: &Connection,
    job: &JobId,
) -> Result<Option<Timestamp>, Failure> {
    let Some(number) = number(connection, job)? else { return Ok(None) };
    let due_at: Option<i64> = connection
        .prepare_cached("SELECT min(due_at) FROM items WHERE id >> 24 = ?1 AND due_at IS NOT NULL")?
        .query_row([number], |row| row.get(0))?;
    Ok(due_at.map(rows::to_moment))
}

/// How many of the batch's items are in each status.
pub(crate) fn count(
    connection: &Connection,
    job: &JobId,
) -> Result<Vec<(ItemStatus, u64)>, Failure> {
    let Some(number) = number(connection, job)? else { return Ok(Vec::new()) };
    let (first, last) = rows::item_range(number);
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM items INDEXED BY items_by_status
         WHERE status = ?1 AND id BETWEEN ?2 AND ?3",
    )?;
    let mut counts = Vec::new();
    for status in ItemStatus::ALL {
        let count: i64 =
            statement.query_row((rows::item_code(*status), first, last), |row| row.get(0))?;
        if count > 0 {
            counts.push((*status, rows::to_whole(count)));
        }
    }
    Ok(counts)
}

const COLUMNS: &str = "items.id, items.status, items.attempts, items.cost, items.started_at, \
     items.duration_ms, item_inputs.custom_id, item_inputs.estimate, item_inputs.input, \
     item_outcomes.output, item_outcomes.error";

/// A page of the batch's items by index.
pub(crate) fn page(
    connection: &Connection,
    job: &JobId,
    query: &ItemQuery,
) -> Result<Vec<StoredItem>, Failure> {
    let Some(number) = number(connection, job)? else { return Ok(Vec::new()) };
    let (first, last) = rows::item_range(number);
    let begin = match query.after {
        None => first,
        Some(after) if after >= headway_protocol::limits::ITEMS => return Ok(Vec::new()),
        Some(after) => rows::item_id(number, after) + 1,
    };
    let limit = query.limit.max(1);
    let bounds = (begin, last, i64::try_from(limit).unwrap_or(i64::MAX));
    if query.statuses.is_empty() {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM items JOIN item_inputs USING (id)
                 LEFT JOIN item_outcomes USING (id)
             WHERE items.id BETWEEN ?1 AND ?2 ORDER BY items.id LIMIT ?3"
        ))?;
        return collect(statement.query(bounds)?);
    }
    let mut statuses = query.statuses.clone();
    statuses.sort_unstable();
    statuses.dedup();
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM items INDEXED BY items_by_status JOIN item_inputs USING (id)
             LEFT JOIN item_outcomes USING (id)
         WHERE items.status = ?4 AND items.id BETWEEN ?1 AND ?2 ORDER BY items.id LIMIT ?3"
    ))?;
    let mut found = Vec::new();
    for status in statuses {
        found.extend(collect(statement.query((
            bounds.0,
            bounds.1,
            bounds.2,
            rows::item_code(status),
        ))?)?);
    }
    found.sort_by_key(|item| item.index);
    found.truncate(limit);
    Ok(found)
}

fn collect(mut rows: rusqlite::Rows<'_>) -> Result<Vec<StoredItem>, Failure> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let raw = |text: String| {
            RawValue::from_string(text)
                .map_err(|error| Failure::Damaged(format!("an item is no JSON: {error}")))
        };
        let error: Option<String> = row.get(10)?;
        let output: Option<String> = row.get(9)?;
        found.push(StoredItem {
            index: rows::item_index(row.get(0)?),
            custom_id: row.get(6)?,
            status: rows::to_item_status(row.get(1)?)?,
            attempts: row.get(2)?,
            input: raw(row.get(8)?)?,
            estimate: rows::amount(row.get(7)?),
            output: output.map(raw).transpose()?,
            error: error.map(|error| rows::json(&error, "an item's error")).transpose()?,
            cost: rows::amount(row.get(3)?),
            started_at: row.get::<_, Option<i64>>(4)?.map(rows::to_moment),
            duration_ms: row.get::<_, Option<i64>>(5)?.map(rows::to_whole),
        });
    }
    Ok(found)
}
