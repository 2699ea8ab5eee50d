//! Sums over finished items.

use headway_protocol::Amount;
use headway_protocol::event::ItemSums;

/// Adds sums to others.
pub(super) fn add(into: &mut ItemSums, more: &ItemSums) {
    let ItemSums {
        count,
        cost,
        cost_squared,
        estimate,
        estimate_squared,
        cost_estimate,
        cost_max,
        turns,
        turns_squared,
        cost_turns,
        estimate_turns,
    } = *more;
    into.count = into.count.saturating_add(count);
    into.cost += cost;
    into.cost_squared += cost_squared;
    into.estimate += estimate;
    into.estimate_squared += estimate_squared;
    into.cost_estimate += cost_estimate;
    into.cost_max = into.cost_max.max(cost_max);
    into.turns += turns;
    into.turns_squared += turns_squared;
    into.cost_turns += cost_turns;
    into.estimate_turns += estimate_turns;
}

/// The sums over one item; `turns` other items ended while it ran.
pub(super) fn of(cost: Amount, estimate: Option<Amount>, turns: u64) -> ItemSums {
    let turns = turns as f64;
    let cost = cost.as_units();
    let estimate = estimate.unwrap_or_default().as_units();
    ItemSums {
        count: 1,
        cost,
        cost_squared: cost * cost,
        estimate,
        estimate_squared: estimate * estimate,
        cost_estimate: cost * estimate,
        cost_max: cost,
        turns,
        turns_squared: turns * turns,
        cost_turns: cost * turns,
        estimate_turns: estimate * turns,
    }
}
