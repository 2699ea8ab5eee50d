//! The writer's sense of time: how long a slice of folding lasts, and how old a tail is. It decides
//! when work is done and never what it does.

use std::time::{Duration, Instant};

/// A moment to measure from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace(Instant);

impl Pace {
    /// Measures from now.
    #[expect(clippy::disallowed_methods, reason = "paces folding; no stored value depends on it")]
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// What is left of so much time.
    pub(crate) fn left(self, time: Duration) -> Duration {
        time.saturating_sub(self.0.elapsed())
    }

    /// Whether so much time has passed.
    pub(crate) fn passed(self, time: Duration) -> bool {
        self.0.elapsed() >= time
    }
}
