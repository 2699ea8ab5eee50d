//! How our types lie in columns.

use headway_protocol::{Amount, ItemStatus, JobId, JobStatus, Owner, Timestamp, limits};
use headway_store::{Facets, Indexes};
use rusqlite::Row;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// The columns that [`facets`] reads, in its order.
pub(crate) const FACETS: &str = "jobs.tenant, jobs.subject, jobs.status, jobs.kind, jobs.session, \
     jobs.tags, jobs.created_at, jobs.finished_at, jobs.due_at";

/// Bits of an item's id that are its index; more than `limits::ITEMS` needs.
const INDEX_BITS: u32 = 24;

/// A moment as a column; the last one stands for all that are too far.
pub(crate) fn moment(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// The moment of a column.
pub(crate) fn to_moment(column: i64) -> Timestamp {
    match column {
        i64::MAX => Timestamp::from_millis(u64::MAX),
        millis => Timestamp::from_millis(u64::try_from(millis).unwrap_or_default()),
    }
}

/// A count or position as a column. None comes near the largest.
pub(crate) fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The count or position of a column.
pub(crate) fn to_whole(column: i64) -> u64 {
    u64::try_from(column).unwrap_or_default()
}

/// An item's id, from its job's number and its index.
pub(crate) fn item_id(number: i64, index: u64) -> i64 {
    (number << INDEX_BITS) | whole(index)
}

/// An item's index, from its id.
pub(crate) fn item_index(id: i64) -> u64 {
    to_whole(id & ((1 << INDEX_BITS) - 1))
}

/// The first and the last id that a job's items can have.
pub(crate) fn item_range(number: i64) -> (i64, i64) {
    let first = number << INDEX_BITS;
    (first, first | ((1 << INDEX_BITS) - 1))
}

/// An item's status as a column. The codes rest in files: none is ever given another meaning.
pub(crate) fn item_code(status: ItemStatus) -> i64 {
    match status {
        ItemStatus::Queued => 0,
        ItemStatus::Running => 1,
        ItemStatus::Retrying => 2,
        ItemStatus::Succeeded => 3,
        ItemStatus::Failed => 4,
        ItemStatus::Skipped => 5,
        ItemStatus::Cancelled => 6,
        ItemStatus::Expired => 7,
    }
}

/// Statuses as the bits of one number, by their codes; 0 for none.
pub(crate) fn item_codes(statuses: &[ItemStatus]) -> i64 {
    statuses.iter().fold(0, |all, status| all | 1 << item_code(*status))
}

/// The ids of chosen items; indexes that no item can have are passed over.
pub(crate) fn chosen(number: i64, only: &Indexes) -> impl Iterator<Item = i64> {
    let possible = only.iter().take_while(|index| *index < limits::ITEMS);
    possible.map(move |index| item_id(number, index))
}

/// The item status of a column.
pub(crate) fn to_item_status(code: i64) -> Result<ItemStatus, Failure> {
    ItemStatus::ALL
        .iter()
        .copied()
        .find(|status| item_code(*status) == code)
        .ok_or_else(|| Failure::Damaged(format!("an item has status {code}")))
}

/// The facets of a row, whose first column of them is `at`.
pub(crate) fn facets(row: &Row<'_>, at: usize) -> Result<Facets, Failure> {
    let status: String = row.get(at + 2)?;
    let tags: Option<String> = row.get(at + 5)?;
    let moment_at = |column: usize| -> Result<Option<Timestamp>, Failure> {
        Ok(row.get::<_, Option<i64>>(column)?.map(to_moment))
    };
    Ok(Facets {
        status: status
            .parse::<JobStatus>()
            .map_err(|error| Failure::Damaged(format!("a job's status: {error}")))?,
        kind: row.get(at + 3)?,
        session: row.get(at + 4)?,
        tags: tags.map(|tags| json(&tags, "a job's tags")).transpose()?.unwrap_or_default(),
        owner: Owner { tenant: row.get(at)?, subject: row.get(at + 1)? },
        created_at: to_moment(row.get(at + 6)?),
        finished_at: moment_at(at + 7)?,
        due_at: moment_at(at + 8)?,
    })
}

/// A job's id from its column.
pub(crate) fn job_id(text: &str) -> Result<JobId, Failure> {
    text.parse().map_err(|error| Failure::Damaged(format!("a job's id: {error}")))
}

/// An amount from its column.
pub(crate) fn amount(column: Option<i64>) -> Option<Amount> {
    column.map(Amount::from_nanos)
}

/// A JSON text from its column.
pub(crate) fn json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Damaged(format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_status_has_a_code_of_its_own() {
        for (code, status) in ItemStatus::ALL.iter().enumerate() {
            assert_eq!(usize::try_from(item_code(*status)), Ok(code));
            assert_eq!(to_item_status(item_code(*status)).unwrap(), *status);
        }
        assert!(to_item_status(8).is_err());
    }

    #[test]
    fn ids_of_items_keep_batch_and_index_apart() {
        let last = limits::ITEMS - 1;
        let (first, end) = item_range(7);
        assert_eq!(item_id(7, 0), first);
        assert!(item_id(7, last) < end && end < item_id(8, 0));
        assert_eq!(item_index(item_id(7, last)), last);
    }

    #[test]
    fn moments_keep_their_order_and_their_end() {
        for millis in [0, 1, 1_768_037_400_000, u64::MAX] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(to_moment(moment(at)), at);
        }
    }
}
