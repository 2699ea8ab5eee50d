//! The forecast's promise, measured: the final cost lies inside the range in 9 of 10 batches, at
//! whatever moment it is read; and for large batches of moderate spread the middle is within 5 % of
//! it in 19 of 20, from a tenth of the items on.
//!
//! Batches are simulated on a clock of their own: slots take items in order, an item holds its slot
//! for its duration, and the sums are kept as the engine keeps them. Seeds are fixed, so a run is
//! the same every time. `cargo test -p headway-core --test forecast_promise -- --nocapture` prints
//! the table of the guide's chapter on cost.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a simulation with numbers of its own making, which prints what it measured"
)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use headway_core::BatchSeal;
use headway_core::forecast::{Forecast, OpenItems, forecast};
use headway_protocol::Amount;
use headway_protocol::event::ItemSums;

/// `SplitMix64`: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    /// Above 0 and below 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((mixed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.uniform() * from.len() as f64) as usize]
    }
}

/// How costs are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Costs {
    Constant,
    Uniform,
    UniformFromZero,
    Gamma3,
    Lognormal06,
    Exponential,
    Lognormal10,
    Lognormal15,
    Pareto30,
    Pareto21,
    OneInHundred50Uniform,
    OneInHundred50Constant,
}

use Costs::{
    Constant, Exponential, Gamma3, Lognormal06, Lognormal10, Lognormal15, OneInHundred50Constant,
    OneInHundred50Uniform, Pareto21, Pareto30, Uniform, UniformFromZero,
};

const ALL: [Costs; 12] = [
    Constant,
    Uniform,
    UniformFromZero,
    Gamma3,
    Lognormal06,
    Exponential,
    Lognormal10,
    Lognormal15,
    Pareto30,
    Pareto21,
    OneInHundred50Uniform,
    OneInHundred50Constant,
];

/// Those whose standard deviation is at most 70 % of their mean.
const MODERATE: [Costs; 5] = [Constant, Uniform, UniformFromZero, Gamma3, Lognormal06];

impl Costs {
    fn draw(self, chance: &mut Chance) -> f64 {
        match self {
            Constant => 1.0,
            Uniform => 0.5 + chance.uniform(),
            UniformFromZero => 2.0 * chance.uniform(),
            Gamma3 => (0..3).map(|_| chance.exponential()).sum(),
            Lognormal06 => (0.6 * chance.normal()).exp(),
            Exponential => chance.exponential(),
            Lognormal10 => chance.normal().exp(),
            Lognormal15 => (1.5 * chance.normal()).exp(),
            Pareto30 => chance.uniform().powf(-1.0 / 3.0),
            Pareto21 => chance.uniform().powf(-1.0 / 2.1),
            OneInHundred50Uniform => Uniform.draw(chance) * rare(chance),
            OneInHundred50Constant => rare(chance),
        }
    }
}

fn rare(chance: &mut Chance) -> f64 {
    if chance.uniform() < 0.01 { 50.0 } else { 1.0 }
}

/// How items are estimated.
#[derive(Clone, Copy, Debug)]
enum Estimates {
    None,
    /// Within 10 %.
    Good,
    /// Within a factor of 1.6 or so.
    Noisy,
    /// Three times too high.
    Biased,
    /// Nothing to do with the cost.
    Unrelated,
}

const ESTIMATES: [Estimates; 5] =
    [Estimates::None, Estimates::Good, Estimates::Noisy, Estimates::Biased, Estimates::Unrelated];

impl Estimates {
    fn draw(self, cost: f64, chance: &mut Chance) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Good => Some(cost * (0.1 * chance.normal()).exp()),
            Self::Noisy => Some(cost * (0.5 * chance.normal()).exp()),
            Self::Biased => Some(3.0 * cost * (0.3 * chance.normal()).exp()),
            Self::Unrelated => Some((0.5 * chance.normal()).exp()),
        }
    }
}

/// One batch to simulate.
#[derive(Clone, Copy, Debug)]
struct Batch {
    costs: Costs,
    estimates: Estimates,
    items: usize,
    concurrency: usize,
    /// Whether an item takes the longer the more it costs.
    cost_takes_time: bool,
}

/// A forecast, when it was read, and what the batch came to.
struct Reading {
    /// Share of items finished, in percent; `None` for a random moment.
    at: Option<u64>,
    finished: usize,
    forecast: Forecast,
    total: f64,
}

impl Reading {
    fn holds(&self) -> bool {
        let Forecast { low, high, .. } = self.forecast;
        // A nano-unit is lost where an amount is made of a sum of floats.
        (low.as_units()..=high.as_units() + 1e-9).contains(&self.total)
    }

    fn width(&self) -> f64 {
        self.forecast.high.minus(self.forecast.low).as_units() / self.total
    }

    fn off(&self) -> f64 {
        (self.forecast.mid.as_units() - self.total).abs() / self.total
    }
}

const MOMENTS: [u64; 9] = [1, 2, 5, 10, 25, 50, 90, 97, 99];

impl Batch {
    fn run(self, chance: &mut Chance) -> Vec<Reading> {
        let costs: Vec<f64> = (0..self.items).map(|_| self.costs.draw(chance)).collect();
        let estimates: Vec<Option<f64>> =
            costs.iter().map(|&cost| self.estimates.draw(cost, chance)).collect();
        let durations: Vec<f64> = costs
            .iter()
            .map(|cost| {
                if self.cost_takes_time {
                    cost * (0.2 * chance.normal()).exp()
                } else {
                    (0.6 * chance.normal()).exp()
                }
            })
            .collect();
        let random = (chance.uniform() * self.items as f64) as usize;
        let mut moments = vec![(None, random)];
        moments.extend(
            MOMENTS.iter().map(|&percent| (Some(percent), self.items * percent as usize / 100)),
        );

        let known = estimates.iter().flatten();
        let seal = BatchSeal {
            total: self.items as u64,
            invalid: 0,
            estimated: known.clone().count() as u64,
            estimate: Amount::from_nanos((known.clone().sum::<f64>() * 1e9) as i64),
            estimate_squared: known.map(|estimate| estimate * estimate).sum(),
        };
        let total = costs.iter().sum();
        let mut readings = Vec::new();
        let mut sums = ItemSums::default();
        let mut flight = BinaryHeap::new();
        let start = |index: usize, now: u64, ended: u64, flight: &mut BinaryHeap<_>| {
            if let Some(duration) = durations.get(index) {
                flight.push((Reverse(now + (duration * 1e9) as u64), index, ended));
            }
        };
        for index in 0..self.concurrency {
            start(index, 0, 0, &mut flight);
        }
        let mut turns_begun: u64 = 0;
        while let Some((Reverse(now), index, ended_before)) = flight.pop() {
            turns_begun -= ended_before;
            let turns = sums.count - ended_before;
            settle(&mut sums, costs[index], estimates[index], turns);
            let next = sums.count as usize + self.concurrency - 1;
            if next < self.items {
                start(next, now, sums.count, &mut flight);
                turns_begun += sums.count;
            }
            let finished = sums.count as usize;
            for &(at, _) in moments.iter().filter(|(_, moment)| *moment == finished) {
                let running = flight.len() as u64;
                let open = OpenItems {
                    remaining: (self.items - finished) as u64,
                    running,
                    running_turns: running * sums.count - turns_begun,
                };
                let spent = Amount::from_nanos((sums.cost * 1e9).round() as i64);
                if let Some(forecast) = forecast(&seal, &sums, open, spent) {
                    readings.push(Reading { at, finished, forecast, total });
                }
            }
        }
        assert_eq!(sums.count as usize, self.items);
        readings
    }
}

fn settle(sums: &mut ItemSums, cost: f64, estimate: Option<f64>, turns: u64) {
    let (estimate, turns) = (estimate.unwrap_or_default(), turns as f64);
    sums.count += 1;
    sums.cost += cost;
    sums.cost_squared += cost * cost;
    sums.cost_max = sums.cost_max.max(cost);
    sums.estimate += estimate;
    sums.estimate_squared += estimate * estimate;
    sums.cost_estimate += cost * estimate;
    sums.turns += turns;
    sums.turns_squared += turns * turns;
    sums.cost_turns += cost * turns;
    sums.estimate_turns += estimate * turns;
}

/// How often something held, and how wide the ranges were.
#[derive(Default)]
struct Tally {
    held: usize,
    widths: Vec<f64>,
}

impl Tally {
    fn add(&mut self, reading: &Reading) {
        self.held += usize::from(reading.holds());
        self.widths.push(reading.width());
    }

    fn share(&self) -> f64 {
        self.held as f64 / self.widths.len() as f64
    }

    fn row(&mut self) -> String {
        self.widths.sort_by(f64::total_cmp);
        let width = |share: f64| 100.0 * self.widths[(self.widths.len() as f64 * share) as usize];
        format!(
            "held {:.3}, width {:.1} % (9 of 10: {:.1} %), {} readings",
            self.share(),
            width(0.5),
            width(0.9),
            self.widths.len()
        )
    }
}

/// The share of readings that a class has to reach. One item in a hundred that costs fifty times the
/// others cannot be told from none before it is seen, so those two classes miss the promise; their
/// floors were set below what was measured, to notice a change. The guide says what is not promised.
fn least(costs: Costs) -> f64 {
    match costs {
        Constant | Uniform | UniformFromZero | Gamma3 | Lognormal06 | Exponential | Lognormal10
        | Lognormal15 | Pareto30 | Pareto21 => 0.90,
        OneInHundred50Uniform => 0.87,
        OneInHundred50Constant => 0.80,
    }
}

#[test]
fn the_range_holds_the_final_cost_in_nine_of_ten() {
    let mut all = Tally::default();
    let mut classes: BTreeMap<Costs, Tally> = BTreeMap::new();
    let mut moments: BTreeMap<Option<u64>, Tally> = BTreeMap::new();
    let mut sizes: BTreeMap<usize, Tally> = BTreeMap::new();
    let mut evidence: BTreeMap<u32, Tally> = BTreeMap::new();
    let mut concurrencies: BTreeMap<(bool, usize), Tally> = BTreeMap::new();
    for (place, costs) in ALL.into_iter().enumerate() {
        let mut chance = Chance(place as u64 * 1_000_003);
        for run in 0..400 {
            let batch = Batch {
                costs,
                estimates: chance.pick(&ESTIMATES),
                items: if run % 200 == 0 {
                    100_000
                } else {
                    chance.pick(&[50, 50, 200, 200, 200, 1_000, 1_000, 4_000])
                },
                concurrency: chance.pick(&[1, 2, 8, 8, 32, 64, 256]),
                cost_takes_time: chance.uniform() < 0.5,
            };
            for reading in batch.run(&mut chance) {
                all.add(&reading);
                classes.entry(costs).or_default().add(&reading);
                moments.entry(reading.at).or_default().add(&reading);
                sizes.entry(batch.items).or_default().add(&reading);
                if MODERATE.contains(&costs) {
                    evidence.entry(reading.finished.ilog10()).or_default().add(&reading);
                }
                let concurrency = (batch.cost_takes_time, batch.concurrency);
                concurrencies.entry(concurrency).or_default().add(&reading);
            }
        }
    }
    println!("all: {}", all.row());
    for (costs, tally) in &mut classes {
        println!("{costs:?}: {}", tally.row());
    }
    for (at, tally) in &mut moments {
        println!("at {at:?} %: {}", tally.row());
    }
    for (items, tally) in &mut sizes {
        println!("{items} items: {}", tally.row());
    }
    for (power, tally) in &mut evidence {
        println!("moderate spread, 10^{power} finished: {}", tally.row());
    }
    for ((cost_takes_time, concurrency), tally) in &mut concurrencies {
        println!("{concurrency} at once, cost takes time {cost_takes_time}: {}", tally.row());
    }
    assert!(all.share() >= 0.90);
    for (costs, tally) in &classes {
        assert!(tally.share() >= least(*costs), "{costs:?}: {}", tally.share());
    }
    for (at, tally) in &moments {
        assert!(tally.share() >= 0.90, "{at:?}: {}", tally.share());
    }
}

#[test]
fn a_large_batch_of_moderate_spread_is_within_five_percent_in_nineteen_of_twenty() {
    let (mut near, mut readings) = (0, 0);
    for (place, costs) in MODERATE.into_iter().enumerate() {
        let mut chance = Chance(7_919 + place as u64);
        for concurrency in [1, 8, 64, 256] {
            for cost_takes_time in [false, true] {
                let batch = Batch {
                    costs,
                    estimates: chance.pick(&ESTIMATES),
                    items: 10_000,
                    concurrency,
                    cost_takes_time,
                };
                let from_a_tenth = |reading: &Reading| reading.finished >= batch.items / 10;
                let read = batch.run(&mut chance);
                let tenth = read.iter().filter(|reading| from_a_tenth(reading));
                let seen = tenth.clone().count();
                assert!(seen >= 6, "{batch:?} was forecast only {seen} times");
                readings += seen;
                near += tenth.filter(|reading| reading.off() <= 0.05).count();
            }
        }
    }
    let share = f64::from(near as u32) / f64::from(readings as u32);
    println!("within 5 %: {share:.3} of {readings}");
    assert!(share >= 0.95, "{share}");
}
