//! Durations, counted in classes that are at most 0.8 % wide: a million cost what ten do.

use std::time::Duration;

/// Classes for each doubling.
const CLASSES: u64 = 128;

/// A count of durations.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Latencies {
    /// Adds one.
    pub(super) fn add(&mut self, latency: Duration) {
        let class = class(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        if class >= self.counts.len() {
            self.counts.resize(class + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(class) {
            *count += 1;
        }
        self.total += 1;
        self.longest = self.longest.max(latency);
    }

    /// How many there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The longest, in milliseconds.
    pub(super) fn longest_ms(&self) -> f64 {
        self.longest.as_secs_f64() * 1e3
    }

    /// The one that `percent` of all do not exceed, in milliseconds; 0 when there are none.
    pub(super) fn percentile_ms(&self, percent: u64) -> f64 {
        let wanted = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (class, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return (lowest(class) as f64 / 1e6).min(self.longest_ms());
            }
        }
        0.0
    }
}

/// The class of a number: itself below twice [`CLASSES`], then [`CLASSES`] for each doubling.
fn class(number: u64) -> usize {
    let shift = (u64::BITS - number.leading_zeros()).saturating_sub(CLASSES.ilog2() + 1);
    usize::try_from(u64::from(shift) * CLASSES + (number >> shift)).unwrap_or_default()
}

/// The lowest number of a class.
fn lowest(class: usize) -> u64 {
    let class = class as u64;
    let shift = (class / CLASSES).saturating_sub(1);
    (class - shift * CLASSES) << shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_class_is_at_most_a_hundredth_wide(number: u64) {
            let class = class(number);
            prop_assert!(lowest(class) <= number);
            let error = (number - lowest(class)) as f64 / (number.max(1)) as f64;
            prop_assert!(error < 0.008, "{number}: {error}");
        }
    }

    #[test]
    fn percentiles_count_from_the_shortest() {
        let mut latencies = Latencies::default();
        assert!(latencies.percentile_ms(50).abs() < f64::EPSILON);
        for ms in 1..=100 {
            latencies.add(Duration::from_millis(ms));
        }
        for (percent, expected) in [(1, 1.0), (50, 50.0), (99, 99.0), (100, 100.0)] {
            let found = latencies.percentile_ms(percent);
            assert!((found - expected).abs() < expected * 0.008, "{percent}: {found}");
        }
        assert!((latencies.longest_ms() - 100.0).abs() < 1e-9);
        assert_eq!(latencies.total(), 100);
    }
}
