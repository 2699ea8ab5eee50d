//! What is durable in the journal and not yet folded: each such job's newest records, in memory.
//!
//! The writer alone changes it, after a commit and before it answers. Readers look here first and
//! at the tables second. A fold moves records from here to the tables in that commit, so a reader
//! who asks in this order misses nothing; at the worst it sees a record twice, and can tell.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use headway_protocol::{Cursor, JobId, Timestamp, patch};
use headway_store::{Facets, Record};
use serde_json::Value;

/// Where a job is, and what it can be found by.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Its number in the tables.
    pub(crate) number: i64,
    /// Its position.
    pub(crate) cursor: Cursor,
    /// Where its log begins: 0 unless its beginning was forgotten.
    pub(crate) trimmed_to: u64,
    /// Its facets.
    pub(crate) facets: Arc<Facets>,
}

/// One job's records that are not folded.
#[derive(Debug)]
pub(crate) struct Tail {
    /// The job after these records.
    pub(crate) head: Head,
    /// Where these records begin: the tables hold everything up to here.
    pub(crate) base: u64,
    /// The records, in order, without gaps.
    pub(crate) records: Vec<Arc<Record>>,
    /// What they do to the document.
    pub(crate) document: Patches,
    /// What they do to the private state.
    pub(crate) private: Patches,
    bytes: usize,
}

/// Merge patches to apply in turn; as few as can be, mostly one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patches(Vec<Value>);

impl Patches {
    fn push(&mut self, later: Value) {
        match self.0.last_mut() {
            Some(earlier) if joins(earlier, &later) => join(earlier, later),
            Some(_) | None => self.0.push(later),
        }
    }

    /// Applies them all.
    pub(crate) fn apply(&self, target: &mut Value) {
        for change in &self.0 {
            patch::apply(target, change);
        }
    }
}

/// Whether one patch can say both. Asked first, because joining spoils the earlier one when it
/// cannot.
fn joins(earlier: &Value, later: &Value) -> bool {
    let (Value::Object(first), Value::Object(second)) = (earlier, later) else {
        return !later.is_object() || earlier.is_object();
    };
    second.iter().all(|(key, change)| match first.get(key) {
        None => true,
        Some(_) if !change.is_object() => true,
        Some(held) => held.is_object() && joins(held, change),
    })
}

/// Makes one patch of two that [join](joins). Nothing of the later one is copied: this is done for
/// every record.
fn join(earlier: &mut Value, later: Value) {
    match (earlier, later) {
        (Value::Object(first), Value::Object(second)) => {
            for (key, change) in second {
                match first.get_mut(&key) {
                    Some(held) => join(held, change),
                    None => drop(first.insert(key, change)),
                }
            }
        }
        (earlier, later) => *earlier = later,
    }
}

/// A record that became durable, taken apart for folding.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// The job.
    pub(crate) job: JobId,
    /// The job after the record.
    pub(crate) head: Head,
    /// The record.
    pub(crate) record: Arc<Record>,
    /// Its patch of the document.
    pub(crate) document: Value,
    /// Its patch of the private state.
    pub(crate) private: Value,
    /// Its size, encoded.
    pub(crate) bytes: usize,
}

/// Every job's tail.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    jobs: HashMap<JobId, Tail>,
    due: BTreeSet<(Timestamp, JobId)>,
    bytes: usize,
}

impl Tails {
    /// The job's tail, when it has one.
    pub(crate) fn get(&self, job: &JobId) -> Option<&Tail> {
        self.jobs.get(job)
    }

    /// Bytes of all tails, encoded.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether everything is folded.
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The jobs that have a tail.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = (&JobId, &Tail)> {
        self.jobs.iter()
    }

    /// Jobs with a tail that are due by `until`, earliest first.
    pub(crate) fn due(&self, until: Timestamp) -> impl Iterator<Item = &(Timestamp, JobId)> {
        self.due.iter().take_while(move |(due_at, _)| *due_at <= until)
    }

    /// Adds a record that is durable.
    pub(crate) fn push(&mut self, fresh: Fresh) {
        let Fresh { job, head, record, document, private, bytes } = fresh;
        self.bytes += bytes;
        let due_at = head.facets.due_at;
        let before = if let Some(tail) = self.jobs.get_mut(&job) {
            let before = tail.head.facets.due_at;
            tail.head = head;
            tail.records.push(record);
            tail.document.push(document);
            tail.private.push(private);
            tail.bytes += bytes;
            before
        } else {
            let tail = Tail {
                head,
                base: record.from,
                records: vec![record],
                document: Patches(vec![document]),
                private: Patches(vec![private]),
                bytes,
            };
            self.jobs.insert(job.clone(), tail);
            None
        };
        if before != due_at {
            if let Some(before) = before {
                self.due.remove(&(before, job.clone()));
            }
            if let Some(due_at) = due_at {
                self.due.insert((due_at, job));
            }
        }
    }

    /// The beginning of a job's log was forgotten.
    pub(crate) fn trim(&mut self, job: &JobId, trimmed_to: u64) {
        if let Some(tail) = self.jobs.get_mut(job) {
            tail.head.trimmed_to = trimmed_to;
        }
    }

    /// Forgets a job's tail: it is folded, or the job is gone.
    pub(crate) fn forget(&mut self, job: &JobId) -> Option<Head> {
        let tail = self.jobs.remove(job)?;
        self.bytes -= tail.bytes;
        if let Some(due_at) = tail.head.facets.due_at {
            self.due.remove(&(due_at, job.clone()));
        }
        Some(tail.head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_patch() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), (0..3_i64).prop_map(Value::from)];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect()))
        })
    }

    proptest! {
        #[test]
        fn patches_in_few_equal_patches_in_turn(
            document in any_patch(),
            changes in prop::collection::vec(any_patch(), 0..6),
        ) {
            let mut in_turn = document.clone();
            let mut patches = Patches::default();
            for change in changes {
                patch::apply(&mut in_turn, &change);
                patches.push(change);
            }
            let mut at_once = document;
            patches.apply(&mut at_once);
            prop_assert_eq!(at_once, in_turn);
        }
    }

    #[test]
    fn patches_that_can_be_joined_are_one() {
        let mut patches = Patches::default();
        for done in 0..100 {
            patches.push(json!({"progress":{"done": done}}));
        }
        assert_eq!(patches.0, [json!({"progress":{"done": 99}})]);
        patches.push(json!({"progress": null}));
        patches.push(json!({"progress": {"total": 1}}));
        assert_eq!(patches.0.len(), 2);
    }
}
