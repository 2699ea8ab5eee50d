//! Items: added, taken, settled, moved. All in the tables; nothing of them is kept in memory.

use headway_protocol::{ItemStatus, JobId};
use headway_store::{
    Indexes, ItemOutcome, LeaseRequest, LeasedItem, NewItem, StoreError, Sweep, SweptAttempts,
};
use serde_json::value::RawValue;

use super::{Staged, Writer};
use crate::failure::Failure;
use crate::rows;

impl Writer {
    pub(super) fn add_items(
        &mut self,
        job: &JobId,
        items: Vec<NewItem>,
        staged: &Staged,
    ) -> Result<Result<(), StoreError>, Failure> {
        let Some(head) = self.head(job, staged)? else {
            let refusal = StoreError::Refused(format!("there is no job {job} to add items to"));
            return Ok(Err(refusal));
        };
        let range = rows::item_range(head.number);
        let last: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(id) FROM items WHERE id BETWEEN ?1 AND ?2")?
            .query_row(range, |row| row.get(0))?;
        let count = last.map_or(0, |id| rows::item_index(id) + 1);
        for (next, item) in (count..).zip(&items) {
            if let Err(refusal) = item.check_shape(next) {
                return Ok(Err(refusal));
            }
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO items (id, status, attempts) VALUES (?1, ?2, 0)")?;
        let mut insert_input =
            self.connection.prepare_cached("INSERT INTO item_inputs VALUES (?1, ?2, ?3, ?4)")?;
        for item in items {
            let id = rows::item_id(head.number, item.index);
            insert.execute((id, rows::item_code(item.status)))?;
            let estimate = item.estimate.map(headway_protocol::Amount::as_nanos);
            insert_input.execute((id, item.custom_id, estimate, item.input.get()))?;
            if let Some(error) = &item.error {
                self.set_outcome(id, None, Some(&to_json(error)?))?;
            }
        }
        Ok(Ok(()))
    }

    pub(super) fn lease(
        &mut self,
        job: &JobId,
        lease: &LeaseRequest,
        staged: &Staged,
    ) -> Result<Vec<LeasedItem>, Failure> {
        let Some(head) = self.head(job, staged)? else { return Ok(Vec::new()) };
        let (first, last) = rows::item_range(head.number);
        let mut found = self.find_leasable(
            "SELECT id, attempts, cost, custom_id, estimate, input
             FROM items JOIN item_inputs USING (id)
             WHERE id >> 24 = ?1 AND due_at IS NOT NULL AND due_at <= ?2
             ORDER BY due_at, id LIMIT ?3",
            (head.number, rows::moment(lease.now), limit(lease.max)),
        )?;
        if found.len() < lease.max {
            found.extend(self.find_leasable(
                "SELECT id, attempts, cost, custom_id, estimate, input
                 FROM items INDEXED BY items_by_status JOIN item_inputs USING (id)
                 WHERE status = 0 AND id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3",
                (first, last, limit(lease.max - found.len())),
            )?);
        }
        let mut take = self.connection.prepare_cached(
            "UPDATE items SET status = 1, attempts = ?2, fence = ?3, due_at = NULL WHERE id = ?1",
        )?;
        for (id, item) in &found {
            take.execute((id, item.attempts, lease.fence.cast_signed()))?;
        }
        Ok(found.into_iter().map(|(_, item)| item).collect())
    }

    fn find_leasable(
        &self,
        query: &str,
        bounds: (i64, i64, i64),
    ) -> Result<Vec<(i64, LeasedItem)>, Failure> {
        let mut statement = self.connection.prepare_cached(query)?;
        let mut found = Vec::new();
        let mut rows = statement.query(bounds)?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let attempts: u32 = row.get(1)?;
            found.push((
                id,
                LeasedItem {
                    index: rows::item_index(id),
                    custom_id: row.get(3)?,
                    input: raw(row.get(5)?)?,
                    estimate: rows::amount(row.get(4)?),
                    attempts: attempts.saturating_add(1),
                    cost: rows::amount(row.get(2)?),
                },
            ));
        }
        Ok(found)
    }

    /// Settles an item that is known to be held.
    pub(super) fn settle(&self, number: i64, outcome: &ItemOutcome) -> Result<(), Failure> {
        let id = rows::item_id(number, outcome.index);
        let taken_back = i64::from(outcome.status == ItemStatus::Queued);
        self.connection
            .prepare_cached(
                "UPDATE items SET status = ?2, attempts = max(attempts - ?3, 0), fence = NULL,
                     due_at = ?4, cost = ?5, started_at = ?6, duration_ms = ?7
                 WHERE id = ?1",
            )?
            .execute((
                id,
                rows::item_code(outcome.status),
                taken_back,
                outcome.resting_due_at().map(rows::moment),
                outcome.cost.map(headway_protocol::Amount::as_nanos),
                outcome.started_at.map(rows::moment),
                outcome.duration_ms.map(rows::whole),
            ))?;
        let error = outcome.error.as_ref().map(to_json).transpose()?;
        self.set_outcome(id, outcome.output.as_deref().map(RawValue::get), error.as_deref())
    }

    fn set_outcome(
        &self,
        id: i64,
        output: Option<&str>,
        error: Option<&str>,
    ) -> Result<(), Failure> {
        if output.is_none() && error.is_none() {
            self.connection
                .prepare_cached("DELETE FROM item_outcomes WHERE id = ?1")?
                .execute([id])?;
        } else {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO item_outcomes VALUES (?1, ?2, ?3)")?
                .execute((id, output, error))?;
        }
        Ok(())
    }

    pub(super) fn sweep(
        &mut self,
        job: &JobId,
        sweep: &Sweep,
        staged: &Staged,
    ) -> Result<u64, Failure> {
        let Some(head) = self.head(job, staged)? else { return Ok(0) };
        let ids = match &sweep.only {
            None => self.find_swept(head.number, sweep)?,
            Some(only) => self.find_chosen(head.number, only, sweep)?,
        };
        let attempts = match sweep.attempts {
            SweptAttempts::Keep => "attempts",
            SweptAttempts::TakeBack => "max(attempts - 1, 0)",
            SweptAttempts::Reset => "0",
        };
        let mut set = self.connection.prepare_cached(&format!(
            "UPDATE items SET status = ?2, attempts = {attempts}, fence = NULL, due_at = ?3
             WHERE id = ?1"
        ))?;
        let mut forgive = self
            .connection
            .prepare_cached("UPDATE item_outcomes SET error = NULL WHERE id = ?1")?;
        let due_at = sweep.resting_due_at().map(rows::moment);
        for id in &ids {
            set.execute((id, rows::item_code(sweep.to), due_at))?;
            if sweep.to == ItemStatus::Queued {
                forgive.execute([id])?;
            }
        }
        Ok(ids.len() as u64)
    }

    /// The first items that a sweep moves.
    fn find_swept(&self, number: i64, sweep: &Sweep) -> Result<Vec<i64>, Failure> {
        let (first, last) = rows::item_range(number);
        let mut ids: Vec<i64> = Vec::new();
        for status in &sweep.from {
            let mut statement = self.connection.prepare_cached(
                "SELECT id FROM items INDEXED BY items_by_status
                 WHERE status = ?1 AND id BETWEEN ?2 AND ?3 AND attempts >= ?4
                 ORDER BY id LIMIT ?5",
            )?;
            let found = statement.query_map(
                (
                    rows::item_code(*status),
                    first,
                    last,
                    i64::from(sweep.attempted_only),
                    limit(sweep.max),
                ),
                |row| row.get(0),
            )?;
            for id in found {
                ids.push(id?);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(sweep.max);
        Ok(ids)
    }

    /// The first of the chosen items that a sweep moves.
    fn find_chosen(&self, number: i64, only: &Indexes, sweep: &Sweep) -> Result<Vec<i64>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "SELECT 1 FROM items WHERE id = ?1 AND (?2 >> status) & 1 AND attempts >= ?3",
        )?;
        let from = rows::item_codes(&sweep.from);
        let mut ids = Vec::new();
        for id in rows::chosen(number, only) {
            if ids.len() == sweep.max {
                break;
            }
            if statement.exists((id, from, i64::from(sweep.attempted_only)))? {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

fn raw(text: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(text)
        .map_err(|error| Failure::Damaged(format!("an item's input is no JSON: {error}")))
}

fn to_json(error: &headway_protocol::JobError) -> Result<String, Failure> {
    serde_json::to_string(error).map_err(|error| {
        StoreError::Refused(format!("an item's error that is no JSON: {error}")).into()
    })
}
