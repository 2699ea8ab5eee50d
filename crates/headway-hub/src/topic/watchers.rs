//! Who watches a job, grouped by the thread that serves them.

use std::sync::Arc;

use slab::Slab;

use crate::wake::{Bell, Dirty, Ring, Wakes};

/// Groups that are searched for a newcomer's bell. Served by threads there are as many groups as
/// threads; served by tasks every watcher has a bell of its own, and a search through all of them
/// would make a crowd's arrival cost the square of its size.
const SEARCHED: usize = 64;

/// Who watches a job. A bell is locked once for all its watchers.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    groups: Slab<Group>,
}

/// Watchers that ring the same bell.
#[derive(Debug)]
struct Group {
    bell: Arc<Bell>,
    watchers: Slab<Watcher>,
}

/// A lane of a session.
#[derive(Debug)]
struct Watcher {
    session: u32,
    lane: u32,
    hears: Hears,
}

/// What rings for a watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    /// Every change.
    Everything,
    /// A change of status: it may be sent nothing else yet, and comes back by itself.
    Status,
    /// Nothing: it rang and was not looked at since.
    Nothing,
}

/// A watcher's place, from [`Watchers::join`] until [`Watchers::leave`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    group: u32,
    watcher: u32,
}

impl Watchers {
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// From now on a lane of a session hears of changes.
    pub(super) fn join(&mut self, bell: &Arc<Bell>, session: u32, lane: u32) -> Seat {
        let known =
            self.groups.iter().take(SEARCHED).find(|(_, group)| Arc::ptr_eq(&group.bell, bell));
        let group = known.map(|(key, _)| key);
        let group = group.unwrap_or_else(|| {
            if self.groups.is_empty() {
                // Most jobs have few watchers, and all of them on one thread.
                self.groups.reserve_exact(1);
            }
            self.groups.insert(Group { bell: Arc::clone(bell), watchers: Slab::new() })
        });
        let watcher = self.groups.get_mut(group).map_or(0, |group| {
            if group.watchers.is_empty() {
                group.watchers.reserve_exact(1);
            }
            group.watchers.insert(Watcher { session, lane, hears: Hears::Everything })
        });
        let small = |key: usize| u32::try_from(key).unwrap_or(u32::MAX);
        Seat { group: small(group), watcher: small(watcher) }
    }

    /// Gives a place back.
    pub(super) fn leave(&mut self, seat: Seat) {
        let Some(group) = self.groups.get_mut(seat.group as usize) else { return };
        group.watchers.try_remove(seat.watcher as usize);
        if group.watchers.is_empty() {
            self.groups.try_remove(seat.group as usize);
        }
    }

    /// A watcher looked: it hears of the next change.
    pub(super) fn seen_by(&mut self, seat: Seat) {
        self.set(seat, Hears::Everything);
    }

    /// A watcher hears of changes of status alone until it looks again.
    pub(super) fn spare(&mut self, seat: Seat) {
        self.set(seat, Hears::Status);
    }

    /// Rings for everybody who wants to hear; `status`: of a change of status.
    pub(super) fn ring(&mut self, status: bool, wakes: &mut Wakes) {
        for (_, Group { bell, watchers }) in &mut self.groups {
            let mut rings = watchers
                .iter_mut()
                .filter(|(_, watcher)| match watcher.hears {
                    Hears::Everything => true,
                    Hears::Status => status,
                    Hears::Nothing => false,
                })
                .map(|(_, watcher)| {
                    watcher.hears = Hears::Nothing;
                    Ring { session: watcher.session, dirty: Dirty::Lane(watcher.lane) }
                })
                .peekable();
            if rings.peek().is_some() {
                wakes.ring(bell, rings);
            }
        }
    }

    fn set(&mut self, seat: Seat, hears: Hears) {
        if let Some(group) = self.groups.get_mut(seat.group as usize)
            && let Some(watcher) = group.watchers.get_mut(seat.watcher as usize)
        {
            watcher.hears = hears;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(watchers: &mut Watchers, status: bool, bells: &[&Arc<Bell>]) -> Vec<Vec<u32>> {
        watchers.ring(status, &mut Wakes::default());
        let taken = bells.iter().map(|bell| {
            let mut rings = Vec::new();
            bell.take(&mut rings);
            rings.iter().map(|ring| ring.session).collect()
        });
        taken.collect()
    }

    #[test]
    fn everybody_hears_what_is_for_them_once_and_on_their_own_bell() {
        let bells = [Bell::new(|| ()), Bell::new(|| ())];
        let bells: Vec<_> = bells.iter().collect();
        let mut watchers = Watchers::default();
        let seats: Vec<_> =
            (0..6_u32).map(|key| watchers.join(bells[key as usize % 2], key, 0)).collect();
        watchers.spare(seats[2]);
        watchers.spare(seats[3]);
        assert_eq!(rung(&mut watchers, false, &bells), [vec![0, 4], vec![1, 5]]);
        assert_eq!(rung(&mut watchers, true, &bells), [vec![2], vec![3]]);
        watchers.seen_by(seats[5]);
        watchers.leave(seats[1]);
        assert_eq!(rung(&mut watchers, true, &bells), [vec![], vec![5]]);
        for seat in [0, 2, 3, 4, 5] {
            assert!(!watchers.is_empty());
            watchers.leave(seats[seat]);
        }
        assert!(watchers.is_empty());
    }
}
