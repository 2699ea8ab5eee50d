//! Items of a batch. They lie in the tables alone.

use headway_protocol::{ItemStatus, JobError, JobId, Timestamp};
use headway_store::{ItemQuery, ItemSummary, StoredItem};
use rusqlite::{Connection, OptionalExtension, Row, Rows};
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

/// What [`whole`] reads.
const WHOLE: &str = "items.id, items.status, items.attempts, items.cost, items.started_at, \
     items.duration_ms, item_inputs.custom_id, item_inputs.estimate, item_inputs.input, \
     item_outcomes.output, item_outcomes.error
     FROM items {index} JOIN item_inputs USING (id) LEFT JOIN item_outcomes USING (id)";

/// What [`summary`] reads. An item that succeeded (3) has no error to look for.
const SUMMARY: &str = "items.id, items.status, items.attempts, items.started_at, \
     items.duration_ms, (SELECT custom_id FROM item_inputs WHERE id = items.id),
     CASE items.status WHEN 3 THEN NULL
         ELSE (SELECT error FROM item_outcomes WHERE id = items.id) END
     FROM items {index}";

/// A page of the batch's items by index.
pub(crate) fn page(
    connection: &Connection,
    job: &JobId,
    query: &ItemQuery,
) -> Result<Vec<StoredItem>, Failure> {
    select(connection, job, query, WHOLE, whole, |item| item.index)
}

/// The same without inputs and outputs.
pub(crate) fn summaries(
    connection: &Connection,
    job: &JobId,
    query: &ItemQuery,
) -> Result<Vec<ItemSummary>, Failure> {
    select(connection, job, query, SUMMARY, summary, |item| item.index)
}

/// Items that fit, by index: `columns` of each, as `read` reads them.
fn select<T>(
    connection: &Connection,
    job: &JobId,
    query: &ItemQuery,
    columns: &str,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
    index_of: impl Fn(&T) -> u64,
) -> Result<Vec<T>, Failure> {
    let Some(number) = number(connection, job)? else { return Ok(Vec::new()) };
    let (first, last) = rows::item_range(number);
    let begin = match query.after {
        None => first,
        Some(after) if after >= headway_protocol::limits::ITEMS => return Ok(Vec::new()),
        Some(after) => rows::item_id(number, after) + 1,
    };
    let limit = query.limit.max(1);
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statuses = query.statuses.clone();
    statuses.sort_unstable();
    statuses.dedup();
    let (by_id, by_status) =
        (columns.replace("{index}", ""), columns.replace("{index}", "INDEXED BY items_by_status"));
    let mut found = Vec::new();
    if let Some(only) = &query.only {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {by_id} WHERE items.id = ?1 AND (?2 = 0 OR (?2 >> items.status) & 1)"
        ))?;
        let wanted = rows::item_codes(&statuses);
        for id in rows::chosen(number, only).filter(|id| *id >= begin) {
            collect(statement.query((id, wanted))?, &read, &mut found)?;
            if found.len() == limit {
                break;
            }
        }
    } else if statuses.is_empty() {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {by_id} WHERE items.id BETWEEN ?1 AND ?2 ORDER BY items.id LIMIT ?3"
        ))?;
        collect(statement.query((begin, last, most))?, &read, &mut found)?;
    } else {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {by_status} WHERE items.status = ?4 AND items.id BETWEEN ?1 AND ?2
             ORDER BY items.id LIMIT ?3"
        ))?;
        for status in statuses {
            let rows = statement.query((begin, last, most, rows::item_code(status)))?;
            collect(rows, &read, &mut found)?;
        }
        found.sort_by_key(&index_of);
        found.truncate(limit);
    }
    Ok(found)
}

fn collect<T>(
    mut rows: Rows<'_>,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
    found: &mut Vec<T>,
) -> Result<(), Failure> {
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(())
}

fn whole(row: &Row<'_>) -> Result<StoredItem, Failure> {
    let raw = |text: String| {
        RawValue::from_string(text)
            .map_err(|error| Failure::Damaged(format!("an item is no JSON: {error}")))
    };
    let output: Option<String> = row.get(9)?;
    Ok(StoredItem {
        index: rows::item_index(row.get(0)?),
        custom_id: row.get(6)?,
        status: rows::to_item_status(row.get(1)?)?,
        attempts: row.get(2)?,
        input: raw(row.get(8)?)?,
        estimate: rows::amount(row.get(7)?),
        output: output.map(raw).transpose()?,
        error: error(row.get(10)?)?,
        cost: rows::amount(row.get(3)?),
        started_at: row.get::<_, Option<i64>>(4)?.map(rows::to_moment),
        duration_ms: row.get::<_, Option<i64>>(5)?.map(rows::to_whole),
    })
}

fn summary(row: &Row<'_>) -> Result<ItemSummary, Failure> {
    Ok(ItemSummary {
        index: rows::item_index(row.get(0)?),
        custom_id: row.get(5)?,
        status: rows::to_item_status(row.get(1)?)?,
        attempts: row.get(2)?,
        error: error(row.get(6)?)?,
        started_at: row.get::<_, Option<i64>>(3)?.map(rows::to_moment),
        duration_ms: row.get::<_, Option<i64>>(4)?.map(rows::to_whole),
    })
}

fn error(column: Option<String>) -> Result<Option<JobError>, Failure> {
    column.map(|error| rows::json(&error, "an item's error")).transpose()
}
