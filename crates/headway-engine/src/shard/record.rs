//! What is appended of a decision.

use headway_core::{JobState, next_deadline};
use headway_protocol::{Event, Timestamp};
use headway_store::{Facets, Record, StoreError};
use serde_json::value::RawValue;

use crate::Error;

/// What a job can be found by.
pub(super) fn facets(state: &JobState) -> Facets {
    let job = &state.job;
    Facets {
        status: job.status,
        kind: job.kind.clone(),
        session: job.session.clone(),
        tags: job.tags.clone(),
        owner: job.owner.clone(),
        created_at: job.created_at,
        finished_at: job.finished_at,
        due_at: next_deadline(state),
    }
}

/// The record of events that lead from offset `from`, with the patches that they make.
pub(super) fn record(
    from: u64,
    at: Timestamp,
    events: &[Event],
    patch: &serde_json::Value,
    private: &serde_json::Value,
) -> Result<Record, Error> {
    let raw = |result: Result<Box<RawValue>, serde_json::Error>| {
        result.map_err(|error| {
            Error::Store(StoreError::Failed { doing: "write a record", detail: error.to_string() })
        })
    };
    let events: Vec<_> = events
        .iter()
        .map(|event| raw(serde_json::value::to_raw_value(event)))
        .collect::<Result<_, _>>()?;
    Ok(Record {
        from,
        to: from + events.len() as u64,
        at,
        events,
        patch: raw(serde_json::value::to_raw_value(patch))?,
        private: raw(serde_json::value::to_raw_value(private))?,
    })
}
