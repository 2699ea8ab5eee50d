//! Records and what they fold to.

use headway_protocol::{Cursor, Timestamp, patch};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Facets;

/// One step of a job's log: events that happened together, and the patches that they make.
///
/// The events of a record are numbered `from + 1 ..= to`. JSON is kept as text: a store folds
/// patches and never looks into events.
#[derive(Clone, Debug)]
pub struct Record {
    /// The offset before its first event.
    pub from: u64,
    /// The offset of its last event.
    pub to: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Its events, each one JSON text, `to - from` of them.
    pub events: Vec<Box<RawValue>>,
    /// The merge patch of the public document; the whole document in a job's first record.
    pub patch: Box<RawValue>,
    /// The merge patch of the private state; the whole state in a job's first record.
    pub private: Box<RawValue>,
}

/// A job as it stands.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its position.
    pub cursor: Cursor,
    /// The public document, without its `cursor`.
    pub document: Value,
    /// The private state of whoever decides for it.
    pub private: Value,
    /// Its facets.
    pub facets: Facets,
}

impl Stored {
    /// The public document with its `cursor`, as JSON text.
    pub fn rendered(&self) -> String {
        render(&self.document, self.cursor)
    }

    /// This state after a record that follows it.
    ///
    /// Fails when a patch is no JSON.
    pub fn fold(&mut self, record: &Record, facets: Facets) -> Result<(), serde_json::Error> {
        patch::apply(&mut self.document, &serde_json::from_str(record.patch.get())?);
        patch::apply(&mut self.private, &serde_json::from_str(record.private.get())?);
        self.cursor.offset = record.to;
        self.facets = facets;
        Ok(())
    }
}

/// A public document with its `cursor`, as JSON text.
pub fn render(document: &Value, cursor: Cursor) -> String {
    let mut text = document.to_string();
    if text.ends_with('}') {
        text.pop();
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str("\"cursor\":\"");
        text.push_str(&cursor.to_string());
        text.push_str("\"}");
    }
    text
}

/// A part of a job's log.
#[derive(Clone, Debug)]
pub struct History {
    /// The job's newest position when it was read.
    pub cursor: Cursor,
    /// The log begins after this offset: 0 unless its beginning was forgotten.
    pub trimmed_to: u64,
    /// The records, oldest first.
    pub records: Vec<std::sync::Arc<Record>>,
}
