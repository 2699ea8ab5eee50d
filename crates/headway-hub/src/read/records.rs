//! How a job's document changed: its records, without their events and without private state.

use std::sync::Arc;

use headway_access::Caller;
use headway_protocol::request::{JobRecord, RecordPage};
use headway_protocol::{Cursor, JobId};
use headway_store::Record;
use serde_json::Value;

use super::{check_cursor, value_of};
use crate::error::Error;
use crate::handle::Handle;

/// Bytes of patches that a page aims at; one record more may pass it.
const PAGE_BYTES: usize = 1024 * 1024;

/// Events of one read of the log, which come with the records: with what a record may hold this
/// bounds what a read keeps in memory.
const READ_EVENTS: usize = 128;

impl Handle {
    /// A page of a job's records, oldest first: at least one when there is one, then up to `limit`
    /// and about 1 MiB. A record that begins before `after` is given whole. `None` when the caller
    /// sees no such job.
    pub async fn records(
        &self,
        caller: &Caller,
        job: &JobId,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Option<RecordPage>, Error> {
        if self.visible(caller, job).await?.is_none() {
            return Ok(None);
        }
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut reached = after.map_or(0, |cursor| cursor.offset);
        let mut trimmed_to = 0;
        let mut place = after;
        let newest = loop {
            let history = self.shared.store.read(job, reached, READ_EVENTS).await?;
            let Some(history) = history else { return Ok(None) };
            // Between two reads the name may have been given to another job.
            check_cursor("after", place, history.cursor)?;
            if records.is_empty() {
                trimmed_to = history.trimmed_to;
            } else if history.trimmed_to > reached {
                // What follows was forgotten meanwhile: the next page says so.
                break history.cursor;
            }
            for record in &history.records {
                if records.len() == limit || bytes >= PAGE_BYTES {
                    break;
                }
                bytes += record.patch.get().len();
                reached = record.to;
                records.push(shown(record, history.cursor.epoch)?);
            }
            let full = records.len() == limit || bytes >= PAGE_BYTES;
            if full || history.records.is_empty() || reached >= history.cursor.offset {
                break history.cursor;
            }
            place = Some(Cursor { epoch: history.cursor.epoch, offset: reached });
        };
        let place = |offset| Cursor { epoch: newest.epoch, offset };
        Ok(Some(RecordPage {
            records,
            next: (reached < newest.offset).then_some(place(reached)),
            cursor: newest,
            trimmed_to: (trimmed_to > 0).then_some(place(trimmed_to)),
        }))
    }
}

/// A record as an `update` of the stream has it: the patch brings the new position along.
fn shown(record: &Arc<Record>, epoch: u32) -> Result<JobRecord, Error> {
    let cursor = Cursor { epoch, offset: record.to };
    let mut patch = value_of(&record.patch)?;
    if let Value::Object(members) = &mut patch {
        members.insert("cursor".to_owned(), Value::from(cursor.to_string()));
    }
    Ok(JobRecord { prev: Cursor { epoch, offset: record.from }, cursor, at: record.at, patch })
}
