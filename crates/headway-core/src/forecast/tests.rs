//! What a forecast says in cases that can be checked by eye. How often its range holds is measured
//! in `tests/forecast_promise.rs`.

use proptest::prelude::*;

use super::*;

const UNIT: i64 = 1_000_000_000;

fn sums(costs: &[f64], estimates: &[f64]) -> ItemSums {
    let mut sums = ItemSums { count: costs.len() as u64, ..ItemSums::default() };
    for (index, &cost) in costs.iter().enumerate() {
        let estimate = estimates.get(index).copied().unwrap_or_default();
        sums.cost += cost;
        sums.cost_squared += cost * cost;
        sums.cost_max = sums.cost_max.max(cost);
        sums.estimate += estimate;
        sums.estimate_squared += estimate * estimate;
        sums.cost_estimate += cost * estimate;
    }
    sums
}

fn seal(total: u64) -> BatchSeal {
    BatchSeal { total, ..BatchSeal::default() }
}

fn open(remaining: u64) -> OpenItems {
    OpenItems { remaining, running: 0, running_turns: 0 }
}

fn units(units: i64) -> Amount {
    Amount::from_nanos(units * UNIT)
}

/// 20 items of 1 and 3 in turn.
fn twenty() -> Vec<f64> {
    [1.0, 3.0].repeat(10)
}

#[test]
fn there_is_none_without_evidence() {
    let few = sums(&[2.0; 19], &[]);
    assert_eq!(forecast(&seal(100), &few, open(81), units(38)), None);
    let busy = OpenItems { remaining: 80, running: 7, running_turns: 0 };
    assert_eq!(forecast(&seal(100), &sums(&twenty(), &[]), busy, units(40)), None);
    let free = sums(&[0.0; 50], &[]);
    assert_eq!(forecast(&seal(100), &free, open(50), Amount::ZERO), None);
}

#[test]
fn with_nothing_open_it_is_what_was_spent() {
    let spent = units(40);
    let end = Forecast { mid: spent, low: spent, high: spent };
    assert_eq!(forecast(&seal(20), &sums(&twenty(), &[]), open(0), spent), Some(end));
}

#[test]
fn without_estimates_an_open_item_costs_the_mean() {
    let range = forecast(&seal(100), &sums(&twenty(), &[]), open(80), units(40)).unwrap();
    assert_eq!(range.mid, units(200));
    assert!(range.low < units(190) && range.low >= units(40), "{range:?}");
    assert!(range.high > units(210), "{range:?}");
}

#[test]
fn good_estimates_of_open_items_count() {
    // What is open was expected to cost twice as much as what has finished.
    let estimates = [2.0, 6.0].repeat(10);
    let sealed = BatchSeal {
        total: 40,
        invalid: 0,
        estimated: 40,
        estimate: units(80 + 160),
        estimate_squared: 400.0 + 1_600.0,
    };
    let range = forecast(&sealed, &sums(&twenty(), &estimates), open(20), units(40)).unwrap();
    assert_eq!(range.mid, units(40 + 80));
}

#[test]
fn estimates_that_explain_nothing_do_not_count() {
    let estimates = [6.0, 2.0].repeat(10);
    let sealed = BatchSeal {
        total: 40,
        invalid: 0,
        estimated: 40,
        estimate: units(80 + 160),
        estimate_squared: 400.0 + 1_600.0,
    };
    let range = forecast(&sealed, &sums(&twenty(), &estimates), open(20), units(40)).unwrap();
    assert_eq!(range.mid, units(80));
}

#[test]
fn estimates_of_some_items_do_not_count() {
    let sealed = BatchSeal { total: 100, estimated: 90, estimate: units(500), ..seal(100) };
    let finished = sums(&twenty(), &[1.0, 3.0].repeat(10));
    assert_eq!(forecast(&sealed, &finished, open(80), units(40)).unwrap().mid, units(200));
}

#[test]
fn items_in_flight_count_more_when_cost_goes_with_duration() {
    let costs = [1.0, 3.0].repeat(50);
    let mut tied = sums(&costs, &[]);
    // Duration is cost, times 4.
    (tied.turns, tied.turns_squared, tied.cost_turns) = (800.0, 8_000.0, 2_000.0);
    let mut free = tied;
    free.cost_turns = 1_600.0;
    let flying = OpenItems { remaining: 10, running: 10, running_turns: 40 };
    let mid = |sums| forecast(&seal(110), sums, flying, units(200)).unwrap().mid;
    assert_eq!(mid(&free), units(220));
    // 2.5 each, and the finished ones fell short of as much.
    assert_eq!(mid(&tied), Amount::from_nanos(225_500_000_000));
}

#[test]
fn the_range_closes_in() {
    let costs = [1.0, 3.0].repeat(2_000);
    let width = |finished: usize| {
        let remaining = (4_000 - finished) as u64;
        let range = forecast(
            &seal(4_000),
            &sums(&costs[..finished], &[]),
            open(remaining),
            Amount::from_nanos(0),
        );
        let range = range.unwrap();
        range.high.minus(range.low)
    };
    assert!(width(200) > width(1_000));
    assert!(width(1_000) > width(2_000));
    assert!(width(2_000) > width(3_900));
}

proptest! {
    #[test]
    fn a_range_is_in_order_and_not_below_what_is_spent(
        costs in prop::collection::vec(0.0_f64..1e6, 20..60),
        estimates in prop::collection::vec(0.0_f64..1e6, 60),
        remaining in 1_u64..1_000_000,
        running in 0_u64..20,
        turns in 0_u64..10_000,
        spent in 0_i64..UNIT,
        left in 0_i64..UNIT,
    ) {
        let sums = sums(&costs, &estimates);
        let sealed = BatchSeal {
            total: costs.len() as u64 + remaining,
            invalid: 0,
            estimated: costs.len() as u64 + remaining,
            estimate: Amount::from_nanos(left),
            estimate_squared: sums.estimate_squared,
        };
        let open = OpenItems { remaining, running: running.min(remaining), running_turns: turns };
        let spent = Amount::from_nanos(spent);
        if let Some(Forecast { low, mid, high }) = forecast(&sealed, &sums, open, spent) {
            prop_assert!(spent <= low && low <= mid && mid <= high);
        }
    }
}
