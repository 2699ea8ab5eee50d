//! How items in flight differ from finished ones.
//!
//! At any moment the items in flight are the ones that take long: a slot is met in proportion to its
//! item's duration. Where long items cost more, those in flight will cost more than the mean, and
//! the finished ones so far have cost less. Durations are counted in turns, the number of other items
//! that ended meanwhile, which needs no clock: an item in flight is expected to cost
//! `E[cost · turns] / E[turns]`, which is the mean if the two have nothing to do with each other.

use super::range::{Open, Seen};

/// What items in flight, and the finished ones that are their opposite, add to the open items' cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InFlight {
    pub(super) low: f64,
    pub(super) mid: f64,
    pub(super) high: f64,
    /// The variance of `mid`.
    pub(super) variance: f64,
}

/// How clear the tie between cost and turns has to be, in standard errors, to count as there.
const CLEAR: f64 = 2.0;
/// The room above a measured tie, as a share of it: a sample lacks the longest items.
const ROOM: f64 = 0.25;
/// Items in flight that may each cost a mean more when cost goes with duration.
const ROOM_MEANS: f64 = 10.0;
/// How many times what it has used up so far an item in flight may cost that has been there for
/// unusually long. Those that turn out to cost 50 means are met, on average, half way; early in a
/// batch none can be far.
const OVERDUE: f64 = 12.0;
/// How much of the scatter among a few last items passes as usual before they are overdue.
const LAST_ITEMS: f64 = 0.5;

impl Seen {
    /// What items in flight add.
    pub(super) fn in_flight(&self, open: &Open) -> InFlight {
        let variance = self.variance();
        let mean = self.mean();
        // The finished ones were short of as much as those in flight are over, and all open items
        // are expected to be like the finished ones.
        let spill = 1.0 + open.size / self.size;
        let weight = open.running * spill;
        // What an item in flight costs above the mean if cost is duration.
        let full = variance / mean;
        if self.turns <= 0.0 {
            return unknown(open, weight * full, variance);
        }

        let chance = (variance / self.count).sqrt();
        let tie = (self.cost_turns - self.ratio() * self.size_turns) / self.turns;
        let bias = tie.clamp(-mean, (self.cost_max - mean).max(0.0));
        let is_clear = tie > CLEAR * chance;
        let slots = (self.turns / self.count + 1.0).max(open.running);
        // With no more items to start, the last ones are the farthest out among a slot's each.
        let last = ((slots - open.running) * open.running).sqrt();

        let low = weight * if is_clear { 0.5 * bias } else { bias.min(0.0) };
        let mut high = (1.0 + ROOM) * weight * bias.max(0.0);
        if is_clear && open.running > 0.0 {
            high += ROOM * weight * full + CLEAR * variance.sqrt() * last + ROOM_MEANS * mean;
        }
        // Unless cost has clearly little to do with duration.
        if tie > 0.5 * full - CLEAR * chance {
            let usual = self.turns_squared / (2.0 * self.turns);
            let expected = open.running + open.running.sqrt() + LAST_ITEMS * last;
            let overdue = (open.running_turns - usual * expected).max(0.0);
            high += OVERDUE * overdue * self.cost / self.turns * spill;
        }
        InFlight {
            low,
            mid: weight * bias,
            high,
            variance: weight * weight * variance / self.count,
        }
    }
}

/// Turns were not counted: one item at a time, which is never met half way, or anything.
fn unknown(open: &Open, full: f64, variance: f64) -> InFlight {
    if open.running <= 1.0 {
        return InFlight::default();
    }
    let high = (1.0 + 2.0 * ROOM) * full + CLEAR * variance.sqrt() * open.running;
    InFlight { low: 0.0, mid: 0.5 * full, high, variance: 0.0 }
}
