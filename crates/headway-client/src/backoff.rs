//! How long to wait before coming back.

use std::time::Duration;

/// Waits of 1, 2, 4, 8 and 16 s, each with full jitter: the wait is a random time between zero and
/// the step, so that thousands of clients cut off together do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    attempts: u32,
    failures: u32,
}

/// The first step.
const FIRST: Duration = Duration::from_secs(1);
/// The step that is not passed.
const LAST: Duration = Duration::from_secs(16);

impl Backoff {
    /// Gives up after `attempts` failures in a row; 5 is the protocol's default.
    pub fn new(attempts: u32) -> Self {
        Self { attempts, failures: 0 }
    }

    /// The wait before the next attempt, `None` when there is none left. `random` is from 0
    /// (no wait) to 1 (the whole step).
    pub fn next(&mut self, random: f64) -> Option<Duration> {
        if self.failures >= self.attempts {
            return None;
        }
        let step = FIRST.saturating_mul(1_u32.checked_shl(self.failures.min(16)).unwrap_or(1));
        self.failures += 1;
        Some(step.min(LAST).mul_f64(random.clamp(0.0, 1.0)))
    }

    /// The next wait with a random share of its step.
    pub fn next_random(&mut self) -> Option<Duration> {
        self.next(rand::random())
    }

    /// It worked: the next failure is the first again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_sixteen_seconds_and_gives_up() {
        let mut backoff = Backoff::new(6);
        let steps: Vec<_> =
            std::iter::from_fn(|| backoff.next(1.0)).map(|wait| wait.as_secs()).collect();
        assert_eq!(steps, [1, 2, 4, 8, 16, 16]);
        backoff.reset();
        assert_eq!(backoff.next(0.5), Some(Duration::from_millis(500)));
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff::new(u32::MAX);
        for _ in 0..100 {
            assert!(backoff.next(1.0).unwrap() <= LAST);
        }
    }
}
