//! A small set of subscriptions.

/// Which of a connection's subscriptions cover a job, by their keys. Nearly always one, which takes
/// no room outside; a set of many takes a bit for each key up to its greatest, however often a
/// client subscribes to the same.
#[derive(Debug, Default)]
pub(super) struct Members {
    one: Option<u16>,
    /// In use from the second member on; then `one` is empty.
    more: Option<Box<Bits>>,
}

#[derive(Debug, Default)]
struct Bits {
    words: Vec<u64>,
}

impl Members {
    /// The set of one.
    pub(super) fn of(key: u16) -> Self {
        Self { one: Some(key), more: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.one.is_none() && self.more.is_none()
    }

    pub(super) fn contains(&self, key: u16) -> bool {
        self.one == Some(key) || self.more.as_ref().is_some_and(|bits| bits.contains(key))
    }

    pub(super) fn insert(&mut self, key: u16) {
        if self.is_empty() {
            self.one = Some(key);
        } else if !self.contains(key) {
            let bits = self.more.get_or_insert_default();
            if let Some(one) = self.one.take() {
                bits.set(one, true);
            }
            bits.set(key, true);
        }
    }

    pub(super) fn remove(&mut self, key: u16) {
        if self.one == Some(key) {
            self.one = None;
        }
        let Some(bits) = &mut self.more else { return };
        bits.set(key, false);
        let mut left = bits.iter();
        let (first, second) = (left.next(), left.next());
        if second.is_none() {
            drop(left);
            self.one = first;
            self.more = None;
        }
    }

    /// The members, in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.one.into_iter().chain(self.more.iter().flat_map(|bits| bits.iter()))
    }
}

impl Bits {
    fn contains(&self, key: u16) -> bool {
        let word = self.words.get(usize::from(key / 64));
        word.is_some_and(|word| word >> (key % 64) & 1 == 1)
    }

    fn set(&mut self, key: u16, on: bool) {
        let at = usize::from(key / 64);
        if on && self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        let Some(word) = self.words.get_mut(at) else { return };
        let bit = 1 << (key % 64);
        if on {
            *word |= bit;
        } else {
            *word &= !bit;
        }
    }

    fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0_u16..).step_by(64).zip(&self.words).flat_map(|(base, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = u16::try_from(left.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
                left &= left - 1;
                Some(base + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(turns in prop::collection::vec((any::<bool>(), 0..300_u16), 0..60)) {
            let mut members = Members::default();
            let mut known = BTreeSet::new();
            for (insert, key) in turns {
                if insert {
                    members.insert(key);
                    known.insert(key);
                } else {
                    members.remove(key);
                    known.remove(&key);
                }
                prop_assert_eq!(members.is_empty(), known.is_empty());
                prop_assert_eq!(members.contains(key), insert);
                prop_assert!(members.iter().eq(known.iter().copied()));
                prop_assert_eq!(members.more.is_some(), known.len() > 1);
            }
        }
    }
}
