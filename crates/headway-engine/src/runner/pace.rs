//! How many items may start in a time.

use headway_protocol::Timestamp;
use headway_protocol::batch::Rate;

/// A token bucket that begins full: at most `count` starts in any period that begins full, and
/// `count` per period on average.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    count: f64,
    per_ms: f64,
    tokens: f64,
    at: Timestamp,
}

impl Pace {
    pub(super) fn new(rate: &Rate, now: Timestamp) -> Self {
        let count = f64::from(rate.count.max(1));
        Self { count, per_ms: rate.per_ms.max(1) as f64, tokens: count, at: now }
    }

    /// Takes a place now, or says in how many milliseconds one comes free.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), u64> {
        let gained = now.since(self.at) as f64 * self.count / self.per_ms;
        self.tokens = (self.tokens + gained).min(self.count);
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = ((1.0 - self.tokens) * self.per_ms / self.count).ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1, and a float's cast saturates"
        )]
        Err(wait as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_rate_over_time() {
        let rate = Rate { count: 5, per_ms: 1_000 };
        let mut now = Timestamp::from_millis(0);
        let mut pace = Pace::new(&rate, now);
        let mut started = Vec::new();
        while started.len() < 50 {
            match pace.take(now) {
                Ok(()) => started.push(now.as_millis()),
                Err(wait) => now = now.plus(wait),
            }
        }
        assert_eq!(started.iter().filter(|at| **at == 0).count(), 5);
        let last = *started.last().unwrap();
        assert!((9_000..=9_010).contains(&last), "{last}");
    }
}
