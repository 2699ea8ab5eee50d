//! What a batch will have cost at its end.
//!
//! The open items are taken to cost what finished ones did: in proportion to their own estimates
//! where those explain the costs better than nothing does, else on average. The range around that is
//! made to hold the final cost in 9 of 10 batches at whatever moment it is read, which asks for
//! three things beyond textbook intervals: costs are skewed, so the high end is stretched by what
//! the largest cost says; items that take longer often cost more, so the ones in flight are not like
//! the ones that have finished; and a sort of item may exist that has not been seen yet. How well it
//! does is measured in `tests/forecast_promise.rs` and told in the guide's chapter on cost.
//!
//! Money is an integer everywhere else; here sums of floats are an estimate's raw material.

mod in_flight;
mod range;

use headway_protocol::Amount;
use headway_protocol::event::ItemSums;

use self::range::{Open, Seen};
use crate::job::BatchSeal;

/// Finished items before there is a forecast.
pub const LEAST_FINISHED: u64 = 20;
/// Finished items for each one in flight before there is a forecast: what ends first tends to be
/// what is cheap, and only after some rounds of every slot does that wash out.
pub const LEAST_FINISHED_PER_RUNNING: u64 = 3;

/// What a batch will have cost at its end, with a range that holds it in 9 of 10 batches.
/// `spent ≤ low ≤ mid ≤ high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// What to expect.
    pub mid: Amount,
    /// The low end.
    pub low: Amount,
    /// The high end.
    pub high: Amount,
}

/// The items of a batch that have not finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenItems {
    /// All of them: queued, waiting for their next attempt, running.
    pub remaining: u64,
    /// Of these, running now.
    pub running: u64,
    /// Σ over the running ones of how many other items ended since they started.
    pub running_turns: u64,
}

/// The forecast from what finished items cost. `spent` is booked.
///
/// `None` until there is evidence: [`LEAST_FINISHED`] items and [`LEAST_FINISHED_PER_RUNNING`] for
/// each one in flight have finished, and any of them had a cost.
pub fn forecast(
    seal: &BatchSeal,
    sums: &ItemSums,
    open: OpenItems,
    spent: Amount,
) -> Option<Forecast> {
    if open.remaining == 0 {
        return Some(Forecast { mid: spent, low: spent, high: spent });
    }
    let least = open.running.saturating_mul(LEAST_FINISHED_PER_RUNNING).max(LEAST_FINISHED);
    let costs = sums.cost > 0.0 && sums.cost.is_finite() && sums.cost_squared.is_finite();
    if sums.count < least || !costs {
        return None;
    }
    let plain = by_count(sums, open);
    let (seen, open) = match by_estimate(seal, sums, open) {
        Some(sized) if sized.0.residual() < plain.0.residual() => sized,
        Some(_) | None => plain,
    };
    let range = seen.range(&open);
    let total = |more: f64| spent.plus(amount(more));
    Some(Forecast { mid: total(range.mid), low: total(range.low), high: total(range.high) })
}

/// Every item has the same size.
fn by_count(sums: &ItemSums, open: OpenItems) -> (Seen, Open) {
    let (count, remaining) = (sums.count as f64, open.remaining as f64);
    let seen = Seen {
        count,
        cost: sums.cost,
        cost_squared: sums.cost_squared,
        cost_max: sums.cost_max,
        size: count,
        size_squared: count,
        cost_size: sums.cost,
        turns: sums.turns,
        turns_squared: sums.turns_squared,
        cost_turns: sums.cost_turns,
        size_turns: sums.turns,
    };
    let open = Open {
        count: remaining,
        size: remaining,
        size_squared: remaining,
        running: open.running as f64,
        running_turns: open.running_turns as f64,
    };
    (seen, open)
}

/// Every item has the size of its estimate; `None` unless at least 19 of 20 items have one and the
/// open items' estimates are what is left of the whole.
fn by_estimate(seal: &BatchSeal, sums: &ItemSums, open: OpenItems) -> Option<(Seen, Open)> {
    let items = seal.total.saturating_sub(seal.invalid);
    if seal.estimated.saturating_mul(20) < items.saturating_mul(19) {
        return None;
    }
    let (seen, counted) = by_count(sums, open);
    let size = seal.estimate.as_units() - sums.estimate;
    // At least what equal sizes would have.
    let size_squared =
        (seal.estimate_squared - sums.estimate_squared).max(size * size / counted.count);
    let usable = size > 0.0 && sums.estimate > 0.0 && sums.estimate_squared > 0.0;
    let seen = Seen {
        size: sums.estimate,
        size_squared: sums.estimate_squared,
        cost_size: sums.cost_estimate,
        size_turns: sums.estimate_turns,
        ..seen
    };
    usable.then_some((seen, Open { size, size_squared, ..counted }))
}

/// An amount of units, held at the largest one.
fn amount(units: f64) -> Amount {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an estimate; a float beyond the range is held at its end"
    )]
    let nanos = (units * 1e9).round() as i64;
    Amount::from_nanos(nanos)
}

#[cfg(test)]
mod tests;
