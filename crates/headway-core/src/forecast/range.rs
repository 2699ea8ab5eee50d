//! The statistics of a forecast, in plain numbers: what open items cost, given finished ones.

/// Sums over finished items. `size` is what an item was expected to cost, or 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Items; at least 2.
    pub(super) count: f64,
    /// Σ cost; above 0.
    pub(super) cost: f64,
    /// Σ cost².
    pub(super) cost_squared: f64,
    /// The largest cost.
    pub(super) cost_max: f64,
    /// Σ size; above 0.
    pub(super) size: f64,
    /// Σ size²; above 0.
    pub(super) size_squared: f64,
    /// Σ cost · size.
    pub(super) cost_size: f64,
    /// Σ turns: how many other items ended while it ran. 0 with one item at a time.
    pub(super) turns: f64,
    /// Σ turns².
    pub(super) turns_squared: f64,
    /// Σ cost · turns.
    pub(super) cost_turns: f64,
    /// Σ size · turns.
    pub(super) size_turns: f64,
}

/// What is still open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// Items; at least 1.
    pub(super) count: f64,
    /// Σ size.
    pub(super) size: f64,
    /// Σ size².
    pub(super) size_squared: f64,
    /// Items in flight.
    pub(super) running: f64,
    /// Σ turns of the items in flight so far.
    pub(super) running_turns: f64,
}

/// What the open items will cost: `0 ≤ low ≤ mid ≤ high`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) mid: f64,
    pub(super) high: f64,
}

/// How far the low end lies below the middle, in standard errors: leaves 1 in 20 below.
const LOW: f64 = 1.645;
/// How far the high end lies above it, before it is stretched for skew: leaves 1 in 40 above, since
/// the largest costs are what a sample is most likely to lack.
const HIGH: f64 = 1.96;
/// An item of a sort that has not been seen yet may cost so many times the mean. With `n` items
/// finished such a sort can well be 1 in `n`, so the high end has room for so many of them.
const UNSEEN: f64 = 50.0;
/// The spread of costs (standard deviation by mean) from which unseen sorts count in full: the more
/// alike costs are, the less likely is an item that is quite unlike them.
const UNSEEN_SPREAD: f64 = 0.25;
/// How much of `UNSEEN` counts where costs are all alike.
const UNSEEN_LEAST: f64 = 0.5;
/// The least variance, as a share of the mean square: what floats lose in the sums.
const LEAST_VARIANCE: f64 = 1e-12;

impl Seen {
    /// What a unit of size costs.
    pub(super) fn ratio(&self) -> f64 {
        self.cost / self.size
    }

    /// What an item costs.
    pub(super) fn mean(&self) -> f64 {
        self.cost / self.count
    }

    /// Σ residual² around `ratio · size`: how badly the sizes explain the costs.
    pub(super) fn residual(&self) -> f64 {
        let ratio = self.ratio();
        let sum =
            self.cost_squared - 2.0 * ratio * self.cost_size + ratio * ratio * self.size_squared;
        sum.max(LEAST_VARIANCE * self.cost_squared)
    }

    /// The variance of a residual.
    pub(super) fn variance(&self) -> f64 {
        self.residual() / (self.count - 1.0)
    }

    /// What the open items will cost.
    pub(super) fn range(&self, open: &Open) -> Range {
        let n = self.count;
        let variance = self.variance();
        let growth = open.size / self.size;
        // The open items' own scatter: each alike, or in proportion to its size.
        let items = open.count.max(n * open.size_squared / self.size_squared);
        // And how far off the ratio is, over all open items at once.
        let ratio_error = n * growth * growth;
        let flight = self.in_flight(open);
        let error = (variance * (items + ratio_error) + flight.variance).sqrt();

        let third =
            variance * self.jump() * (items + 3.0 * items * growth + 2.0 * ratio_error * growth);
        let skew = third / error.powi(3);

        let expected = self.ratio() * open.size;
        let mid = (expected + flight.mid).max(0.0);
        let low = expected + flight.low - small_sample(LOW, n) * error;
        let high = expected
            + flight.high
            + stretched(small_sample(HIGH, n), skew) * error
            + self.unseen() * open.count;
        Range { low: low.clamp(0.0, mid), mid, high: high.max(mid) }
    }

    /// How far the farthest residual lies out, if the largest cost is its item's.
    fn jump(&self) -> f64 {
        let mean = self.mean();
        let spread = (self.cost_squared - mean * self.cost).max(LEAST_VARIANCE * self.cost_squared);
        let farthest = (self.cost_max - mean).max(0.0).powi(2).max(spread / self.count);
        // The whole variance may be carried by so many items.
        let carriers = (spread / farthest).clamp(1.0, self.count);
        (self.residual() / carriers).sqrt()
    }

    /// What each open item may cost more because of sorts that have not been seen.
    fn unseen(&self) -> f64 {
        let spread = self.variance().sqrt() / self.mean();
        let share = (spread / UNSEEN_SPREAD).clamp(UNSEEN_LEAST, 1.0);
        UNSEEN * share * self.mean() / self.count
    }
}

/// A normal quantile widened for a variance that was itself estimated from `n` items: Student's t,
/// by the first term of its expansion.
fn small_sample(quantile: f64, n: f64) -> f64 {
    quantile * (1.0 + (quantile * quantile + 1.0) / (4.0 * (n - 1.0)))
}

/// A normal quantile moved for skew: Pearson's third type by Wilson and Hilferty's approximation,
/// which holds up to a skew of about 6.
fn stretched(quantile: f64, skew: f64) -> f64 {
    let sixth = skew.clamp(0.0, 6.0) / 6.0;
    if sixth < 1e-4 {
        return quantile;
    }
    ((1.0 + sixth * quantile - sixth * sixth).powi(3) - 1.0) / (3.0 * sixth)
}
