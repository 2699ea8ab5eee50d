//! Sets of indexes as ranges.

use std::collections::BTreeMap;

/// A set of indexes, kept as ranges that do not touch.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    /// The last index of each range, by its first.
    ends: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds an index.
    pub(super) fn insert(&mut self, index: u64) {
        let (mut first, mut last) = (index, index);
        if let Some((&start, &end)) = self.ends.range(..=index).next_back() {
            if end >= index {
                return;
            }
            if end + 1 == index {
                first = start;
            }
        }
        if let Some(after) = index.checked_add(1)
            && let Some(end) = self.ends.remove(&after)
        {
            last = end;
        }
        self.ends.insert(first, last);
    }

    /// The ranges, both ends inclusive, in order; the set is empty then.
    pub(super) fn take(&mut self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.ends).into_iter().collect()
    }
}
