//! A batch's items as they rest.

use headway_protocol::{Amount, ItemStatus, JobError, Timestamp};
use serde_json::value::RawValue;

use crate::StoreError;

/// An item to add. `status` is `queued`, or `failed` for an input line that could not be read.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Its place in the input, from 0.
    pub index: u64,
    /// Its producer's name for it.
    pub custom_id: Option<String>,
    /// What it works on, JSON text.
    pub input: Box<RawValue>,
    /// What it is expected to cost.
    pub estimate: Option<Amount>,
    /// `queued` or `failed`.
    pub status: ItemStatus,
    /// Why it failed already.
    pub error: Option<JobError>,
}

impl NewItem {
    /// Whether this item may be added to a batch that has `count` items.
    pub fn check_shape(&self, count: u64) -> Result<(), StoreError> {
        if self.index != count {
            return Err(StoreError::Refused(format!(
                "item {} cannot be added: the next one of its batch is {count}",
                self.index
            )));
        }
        if count >= headway_protocol::limits::ITEMS {
            return Err(StoreError::Refused(format!("a batch has at most {count} items")));
        }
        match self.status {
            ItemStatus::Queued | ItemStatus::Failed => Ok(()),
            ItemStatus::Running
            | ItemStatus::Retrying
            | ItemStatus::Succeeded
            | ItemStatus::Skipped
            | ItemStatus::Cancelled
            | ItemStatus::Expired => Err(StoreError::Refused(format!(
                "item {} cannot be added as {}: it begins queued or failed",
                self.index, self.status
            ))),
        }
    }
}

/// Who takes items, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// A number that no other holder of this batch's items ever has.
    pub fence: u64,
    /// The present time: `retrying` items that are due by now may be taken.
    pub now: Timestamp,
    /// How many at the most.
    pub max: usize,
}

/// An item that its holder works on.
#[derive(Clone, Debug)]
pub struct LeasedItem {
    /// Its place in the input.
    pub index: u64,
    /// Its producer's name for it.
    pub custom_id: Option<String>,
    /// What it works on.
    pub input: Box<RawValue>,
    /// What it is expected to cost.
    pub estimate: Option<Amount>,
    /// Attempts begun, this one included.
    pub attempts: u32,
    /// What earlier attempts cost.
    pub cost: Option<Amount>,
}

/// What became of an item; replaces what is stored of it.
#[derive(Clone, Debug)]
pub struct ItemOutcome {
    /// Its place in the input.
    pub index: u64,
    /// The fence it was taken with.
    pub fence: u64,
    /// Where it is now: anything but `running`. `queued` gives it back unworked, and takes the
    /// attempt back.
    pub status: ItemStatus,
    /// When it may be taken again, with `retrying`.
    pub due_at: Option<Timestamp>,
    /// What came out.
    pub output: Option<Box<RawValue>>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// What all its attempts cost.
    pub cost: Option<Amount>,
    /// When its attempt began.
    pub started_at: Option<Timestamp>,
    /// How long its attempt took.
    pub duration_ms: Option<u64>,
}

impl ItemOutcome {
    /// When the item may be taken again, as it is stored: only while `retrying`, and at once when
    /// nothing else was said.
    pub fn resting_due_at(&self) -> Option<Timestamp> {
        (self.status == ItemStatus::Retrying).then(|| self.due_at.unwrap_or_default())
    }
}

/// An item as it stands.
#[derive(Clone, Debug)]
pub struct StoredItem {
    /// Its place in the input.
    pub index: u64,
    /// Its producer's name for it.
    pub custom_id: Option<String>,
    /// Where it is.
    pub status: ItemStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// What it works on.
    pub input: Box<RawValue>,
    /// What it is expected to cost.
    pub estimate: Option<Amount>,
    /// What came out.
    pub output: Option<Box<RawValue>>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// What all its attempts cost.
    pub cost: Option<Amount>,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// How long its last attempt took.
    pub duration_ms: Option<u64>,
}

/// An item as it stands, without what it works on and what came out: for whoever reads many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemSummary {
    /// Its place in the input.
    pub index: u64,
    /// Its producer's name for it.
    pub custom_id: Option<String>,
    /// Where it is.
    pub status: ItemStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// Why it failed.
    pub error: Option<JobError>,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// How long its last attempt took.
    pub duration_ms: Option<u64>,
}

/// Indexes of items: ascending, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexes(Vec<u64>);

impl Indexes {
    /// Whether an index is among them.
    pub fn contains(&self, index: u64) -> bool {
        self.0.binary_search(&index).is_ok()
    }

    /// Each of them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<u64> for Indexes {
    fn from_iter<I: IntoIterator<Item = u64>>(indexes: I) -> Self {
        let mut indexes: Vec<u64> = indexes.into_iter().collect();
        indexes.sort_unstable();
        indexes.dedup();
        Self(indexes)
    }
}

/// Which items, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemQuery {
    /// Only with one of these statuses; empty: any.
    pub statuses: Vec<ItemStatus>,
    /// Only these; absent: any. Costs one look-up each.
    pub only: Option<Indexes>,
    /// Only those whose index is larger.
    pub after: Option<u64>,
    /// At most so many, at least 1.
    pub limit: usize,
}

/// What a sweep does to the attempts of the items it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SweptAttempts {
    /// Leaves them.
    #[default]
    Keep,
    /// Takes the last one back: it was interrupted and does not count. Never below 0.
    TakeBack,
    /// Sets them to 0.
    Reset,
}

/// Moves items from some statuses to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// From these.
    pub from: Vec<ItemStatus>,
    /// To this one, which is not `running` and none of `from`. The item's lease and its due time
    /// are cleared (`retrying` is due at once), and with `queued` its error; its cost stays, for it
    /// was paid.
    pub to: ItemStatus,
    /// Only items that were attempted: input lines that could not be read stay as they are.
    pub attempted_only: bool,
    /// Only these; absent: any.
    pub only: Option<Indexes>,
    /// What becomes of their count of attempts.
    pub attempts: SweptAttempts,
    /// At most so many at once.
    pub max: usize,
}

impl Sweep {
    /// Whether this sweep comes to an end and leaves no item held by nobody.
    pub fn check_shape(&self) -> Result<(), StoreError> {
        if self.to == ItemStatus::Running || self.from.contains(&self.to) {
            return Err(StoreError::Refused(format!(
                "items cannot be moved from {:?} to {}",
                self.from, self.to
            )));
        }
        Ok(())
    }

    /// When a moved item may be taken again, as it is stored.
    pub fn resting_due_at(&self) -> Option<Timestamp> {
        (self.to == ItemStatus::Retrying).then(Timestamp::default)
    }
}
