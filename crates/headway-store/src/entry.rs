//! Entries: small JSON records beside jobs, for what is no job and has to outlive a process, such as
//! keys, revocations, a diary, or messages that are still to be sent.
//!
//! An entry lies in a collection under a key, and has the revision of its last change. Revisions are
//! one growing number for the whole store, so that "what changed since" is one look-up for each
//! collection, and "only if nobody changed it since I looked" is one comparison.
//!
//! Entries can go with a job's record ([`Append::entries`](crate::Append::entries)): then they are
//! there exactly when the record is. Removing a job does not touch them.
//!
//! **Invariants.** A revision is given once, also after its entry was removed and after a restart.
//! Whoever sees an entry has seen, or can see, every entry of a smaller revision that is still there:
//! a reader who remembers the largest revision that it saw misses nothing by asking for larger ones.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::StoreError;

/// The longest name of a collection, bytes.
pub const COLLECTION_BYTES: usize = 64;

/// The longest key of an entry, bytes.
pub const ENTRY_KEY_BYTES: usize = 512;

/// The largest value of an entry, bytes of JSON.
pub const ENTRY_VALUE_BYTES: usize = 2 << 20;

/// The most entries that one call puts.
pub const ENTRIES_PER_CALL: usize = 1_000;

/// An entry as it stands.
#[derive(Clone)]
pub struct Entry {
    /// Where it lies.
    pub collection: String,
    /// Its key there.
    pub key: String,
    /// What it holds, JSON text as it was put.
    pub value: Box<RawValue>,
    /// When it was put, as a place in the order of all changes of the store; from 1.
    pub revision: u64,
}

impl Entry {
    /// The value as a type.
    ///
    /// Fails with [`StoreError::Damaged`] when it is not one; the message holds nothing of it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(self.value.get()).map_err(|error| StoreError::Damaged {
            place: format!("entry {} of {}", self.key, self.collection),
            detail: format!(
                "its value is not what it should be ({:?} error at column {})",
                error.classify(),
                error.column()
            ),
        })
    }
}

/// A value may hold a secret: only its size is shown.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("collection", &self.collection)
            .field("key", &self.key)
            .field("value_bytes", &self.value.get().len())
            .field("revision", &self.revision)
            .finish()
    }
}

/// One change of one entry.
#[derive(Clone)]
pub struct PutEntry {
    /// Where it lies: `a` to `z`, `0` to `9`, `_`, `-` and `.`, at most [`COLLECTION_BYTES`].
    pub collection: String,
    /// Its key there: any text without control characters, at most [`ENTRY_KEY_BYTES`].
    pub key: String,
    /// What it is to hold, at most [`ENTRY_VALUE_BYTES`]; `None` removes it.
    pub value: Option<Box<RawValue>>,
    /// How the entry must be for this to happen.
    pub expected: ExpectedEntry,
}

impl PutEntry {
    /// Puts a value, whatever is there.
    ///
    /// Fails with [`StoreError::Refused`] when the value cannot be written as JSON.
    pub fn new<T: Serialize + ?Sized>(
        collection: &str,
        key: impl Into<String>,
        value: &T,
    ) -> Result<Self, StoreError> {
        let value = serde_json::value::to_raw_value(value).map_err(|_| {
            StoreError::Refused(format!("a value for {collection} cannot be written as JSON"))
        })?;
        Ok(Self {
            collection: collection.to_owned(),
            key: key.into(),
            value: Some(value),
            expected: ExpectedEntry::Any,
        })
    }

    /// Removes an entry, if it is there.
    pub fn removal(collection: &str, key: impl Into<String>) -> Self {
        Self {
            collection: collection.to_owned(),
            key: key.into(),
            value: None,
            expected: ExpectedEntry::Any,
        }
    }

    /// The same, only if the entry is so.
    #[must_use]
    pub fn expecting(self, expected: ExpectedEntry) -> Self {
        Self { expected, ..self }
    }

    /// About how many bytes it brings.
    pub fn bytes(&self) -> usize {
        let value = self.value.as_ref().map_or(0, |value| value.get().len());
        100 + self.collection.len() + self.key.len() + value
    }

    /// Whether these may be put together, wherever the entries are. Every adapter asks this before
    /// it looks.
    ///
    /// Refused are: more than [`ENTRIES_PER_CALL`]; an entry that comes twice, because each is
    /// compared with what was there before; a collection, a key or a value that is not as
    /// [`PutEntry`] says.
    pub fn check_shape(puts: &[Self]) -> Result<(), StoreError> {
        let refuse = |what: String| Err(StoreError::Refused(what));
        if puts.len() > ENTRIES_PER_CALL {
            return refuse(format!("at most {ENTRIES_PER_CALL} entries are put at once"));
        }
        let mut seen = std::collections::HashSet::with_capacity(puts.len());
        for put in puts {
            let Self { collection, key, value, expected: _ } = put;
            if !is_collection(collection) {
                return refuse(format!("{collection:?} is no name of a collection"));
            }
            if !is_key(key) {
                return refuse(format!(
                    "a key of {collection} has 1 to {ENTRY_KEY_BYTES} bytes and no control characters"
                ));
            }
            if value.as_ref().is_some_and(|value| value.get().len() > ENTRY_VALUE_BYTES) {
                return refuse(format!(
                    "entry {key} of {collection} is larger than {ENTRY_VALUE_BYTES} bytes"
                ));
            }
            if !seen.insert((collection, key)) {
                return refuse(format!("entry {key} of {collection} is put twice at once"));
            }
        }
        Ok(())
    }
}

fn is_collection(name: &str) -> bool {
    let fits = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
    (1..=COLLECTION_BYTES).contains(&name.len()) && name.as_bytes().iter().all(fits)
}

/// Neither control characters nor the last character of all, which is none: adapters use what is
/// smaller and what is larger than any key's text as ends of ranges.
fn is_key(key: &str) -> bool {
    (1..=ENTRY_KEY_BYTES).contains(&key.len())
        && !key.chars().any(|character| character.is_control() || character == char::MAX)
}

/// A value may hold a secret: only its size is shown.
impl fmt::Debug for PutEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutEntry")
            .field("collection", &self.collection)
            .field("key", &self.key)
            .field("value_bytes", &self.value.as_ref().map(|value| value.get().len()))
            .field("expected", &self.expected)
            .finish()
    }
}

/// How an entry must be for a change to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpectedEntry {
    /// As it may be, or absent.
    #[default]
    Any,
    /// Absent.
    Absent,
    /// There, and last changed at this revision.
    Revision(u64),
}

impl ExpectedEntry {
    /// Whether an entry of this revision, or none, is as expected.
    pub fn fits(self, found: Option<u64>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Revision(revision) => found == Some(revision),
        }
    }
}

/// In which order entries are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntryOrder {
    /// Smallest key first. Keys are compared by their bytes.
    #[default]
    Ascending,
    /// Largest key first.
    Descending,
}

/// Which entries of a collection, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryQuery {
    /// Only keys that begin with this; empty: any.
    pub prefix: String,
    /// Only keys beyond this one, in the query's order; not the key itself.
    pub after: Option<String>,
    /// By key.
    pub order: EntryOrder,
    /// At most so many, at least 1.
    pub limit: usize,
}

/// Why entries were not put.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EntryError {
    /// An entry is not as expected: nothing was put. Read it again and decide again.
    #[error("entry {key} of {collection} is at revision {found:?}, and not as expected")]
    Conflict {
        /// Where it lies.
        collection: String,
        /// Its key.
        key: String,
        /// Its revision; `None` when there is no such entry.
        found: Option<u64>,
    },
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
