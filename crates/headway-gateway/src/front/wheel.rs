//! When connections want to be looked at again, coarsely.
//!
//! A wheel of slots, each a list of keys: arming and turning cost the same however many wait.
//! Nothing is ever taken out: a connection remembers the tick for which it is armed, and a key that
//! comes up at another tick is passed over by its owner. Owner: the shard.

/// How much time a tick is, in milliseconds: nothing here is due more finely.
pub(crate) const TICK_MS: u64 = 4;

/// Slots of one tick each: two seconds.
const NEAR: usize = 512;
/// Slots of [`NEAR`] ticks each: about two minutes. Whoever waits longer is looked at in between.
const FAR: usize = 64;
/// The furthest that the far slots reach from any tick.
const REACH: u32 = 63 * 512;

/// A moment: ticks since the shard began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) u32);

impl Tick {
    /// So many milliseconds later, at least one tick, rounded up.
    pub(crate) fn after_ms(self, milliseconds: u64) -> Self {
        let ticks = milliseconds.div_ceil(TICK_MS).max(1);
        Self(self.0.saturating_add(u32::try_from(ticks).unwrap_or(u32::MAX)))
    }

    /// Milliseconds since an earlier moment.
    pub(crate) fn ms_since(self, earlier: Self) -> u64 {
        u64::from(self.0.saturating_sub(earlier.0)) * TICK_MS
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Wheel {
    near: Vec<Vec<u32>>,
    far: Vec<Vec<(Tick, u32)>>,
    /// Every slot before this tick was emptied.
    now: Tick,
    armed: usize,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self { near: vec![Vec::new(); NEAR], far: vec![Vec::new(); FAR], now: Tick(0), armed: 0 }
    }

    /// Brings `key` up at `due`, or earlier when that is further away than the wheel is large.
    /// The tick at which it comes up.
    pub(crate) fn arm(&mut self, key: u32, due: Tick) -> Tick {
        let due = Tick(due.0.max(self.now.0.saturating_add(1)));
        let ticks = due.0 - self.now.0;
        self.armed += 1;
        if (ticks as usize) < NEAR {
            if let Some(slot) = self.near.get_mut(due.0 as usize % NEAR) {
                slot.push(key);
            }
            return due;
        }
        let furthest = self.now.0.saturating_add(REACH);
        let due = Tick(due.0.min(furthest));
        if let Some(slot) = self.far.get_mut(due.0 as usize / NEAR % FAR) {
            slot.push((due, key));
        }
        due
    }

    /// Whether a moment is so close that it comes up when it was said, and not earlier.
    pub(crate) fn is_near(&self, due: Tick) -> bool {
        (due.0.saturating_sub(self.now.0) as usize) < NEAR
    }

    /// Turns the wheel to `now` and adds to `up` what comes up, each key with its tick.
    pub(crate) fn turn(&mut self, now: Tick, up: &mut Vec<(Tick, u32)>) {
        if self.armed == 0 {
            self.now = self.now.max(now);
            return;
        }
        while self.now < now {
            self.now.0 += 1;
            let at = self.now;
            if (at.0 as usize).is_multiple_of(NEAR) {
                self.bring_near(at);
            }
            if let Some(slot) = self.near.get_mut(at.0 as usize % NEAR)
                && !slot.is_empty()
            {
                self.armed -= slot.len();
                up.extend(slot.drain(..).map(|key| (at, key)));
                // A slot that was crowded once gives its room back.
                slot.shrink_to(64);
            }
        }
    }

    /// Milliseconds until something may come up; `None` when nothing is armed.
    pub(crate) fn until_next(&self, now: Tick) -> Option<u64> {
        if self.armed == 0 {
            return None;
        }
        // Not beyond the next turn of the far slots, which have to be brought near.
        let turn = NEAR - self.now.0 as usize % NEAR;
        let ahead = (1..=turn)
            .find(|ahead| {
                let slot = self.near.get((self.now.0 as usize + ahead) % NEAR);
                slot.is_some_and(|slot| !slot.is_empty())
            })
            .unwrap_or(turn);
        let due = Tick(self.now.0.saturating_add(u32::try_from(ahead).unwrap_or(u32::MAX)));
        Some(due.ms_since(now))
    }

    fn bring_near(&mut self, at: Tick) {
        let Some(slot) = self.far.get_mut(at.0 as usize / NEAR % FAR) else { return };
        for (due, key) in std::mem::take(slot) {
            if let Some(slot) = self.near.get_mut(due.0 as usize % NEAR) {
                slot.push(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn everything_comes_up_once_and_when_it_was_said(
            delays in prop::collection::vec(0u32..60_000, 1..50),
            steps in prop::collection::vec(1u32..3_000, 1..80),
        ) {
            let mut wheel = Wheel::new();
            let mut waiting: Vec<(Tick, u32)> = Vec::new();
            let mut now = Tick(0);
            let mut delays = delays.into_iter().zip(0u32..);
            for step in steps {
                for (delay, key) in delays.by_ref().take(3) {
                    let wanted = Tick(now.0 + delay);
                    let due = wheel.arm(key, wanted);
                    prop_assert!(due <= wanted.max(Tick(now.0 + 1)), "not later than asked for");
                    waiting.push((due, key));
                }
                let next = wheel.until_next(now);
                let soonest = waiting.iter().map(|(due, _)| due.ms_since(now)).min();
                prop_assert_eq!(next.is_some(), soonest.is_some());
                prop_assert!(next.zip(soonest).is_none_or(|(next, soonest)| next <= soonest));
                now.0 += step;
                let mut up = Vec::new();
                wheel.turn(now, &mut up);
                let mut due: Vec<_> = waiting.extract_if(.., |(due, _)| *due <= now).collect();
                up.sort_unstable();
                due.sort_unstable();
                prop_assert_eq!(up, due);
            }
        }
    }
}
