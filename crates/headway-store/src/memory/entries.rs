//! Entries in the model.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{Entry, EntryOrder, EntryQuery, PutEntry};

/// Every entry, by collection and key.
#[derive(Default)]
pub(super) struct Entries {
    held: BTreeMap<(String, String), Held>,
    /// The last revision that was given.
    revision: u64,
}

struct Held {
    value: Box<RawValue>,
    revision: u64,
}

impl Entries {
    /// The first change whose entry is not as expected, and its revision.
    pub(super) fn find_conflict<'a>(
        &self,
        puts: &'a [PutEntry],
    ) -> Option<(&'a PutEntry, Option<u64>)> {
        puts.iter()
            .map(|put| {
                let place = (put.collection.clone(), put.key.clone());
                (put, self.held.get(&place).map(|held| held.revision))
            })
            .find(|(put, found)| !put.expected.fits(*found))
    }

    /// Makes the changes, and answers their revisions.
    pub(super) fn put(&mut self, puts: &[PutEntry]) -> Vec<u64> {
        puts.iter()
            .map(|put| {
                self.revision += 1;
                let place = (put.collection.clone(), put.key.clone());
                match &put.value {
                    Some(value) => {
                        let held = Held { value: value.clone(), revision: self.revision };
                        self.held.insert(place, held);
                    }
                    None => drop(self.held.remove(&place)),
                }
                self.revision
            })
            .collect()
    }

    fn of<'a>(&'a self, collection: &'a str) -> impl Iterator<Item = Entry> + 'a {
        self.held.iter().filter(move |((held, _), _)| held == collection).map(
            |((collection, key), held)| Entry {
                collection: collection.clone(),
                key: key.clone(),
                value: held.value.clone(),
                revision: held.revision,
            },
        )
    }

    pub(super) fn get(&self, collection: &str, key: &str) -> Option<Entry> {
        self.of(collection).find(|entry| entry.key == key)
    }

    pub(super) fn page(&self, collection: &str, query: &EntryQuery) -> Vec<Entry> {
        let beyond = |key: &str| {
            query.after.as_deref().is_none_or(|after| match query.order {
                EntryOrder::Ascending => key > after,
                EntryOrder::Descending => key < after,
            })
        };
        let mut found: Vec<Entry> = self
            .of(collection)
            .filter(|entry| entry.key.starts_with(&query.prefix) && beyond(&entry.key))
            .collect();
        match query.order {
            EntryOrder::Ascending => {}
            EntryOrder::Descending => found.reverse(),
        }
        found.truncate(query.limit.max(1));
        found
    }

    pub(super) fn changed(&self, collection: &str, after: u64, limit: usize) -> Vec<Entry> {
        let mut found: Vec<Entry> =
            self.of(collection).filter(|entry| entry.revision > after).collect();
        found.sort_by_key(|entry| entry.revision);
        found.truncate(limit);
        found
    }

    pub(super) fn count(&self, collection: &str) -> u64 {
        self.of(collection).count() as u64
    }

    pub(super) fn trim(&mut self, collection: &str, before: &str, limit: usize) -> u64 {
        let doomed: Vec<_> = self
            .held
            .keys()
            .filter(|(held, key)| held == collection && key.as_str() < before)
            .take(limit)
            .cloned()
            .collect();
        for place in &doomed {
            self.held.remove(place);
        }
        doomed.len() as u64
    }
}
