//! A clock that stands still until it is moved, in either direction.
//!
//! Beside the wall clock, which may be set back, it knows the time that really passed: what an
//! interval is measured by.

use std::sync::atomic::{AtomicU64, Ordering};

use headway_protocol::Timestamp;
use headway_store::Clock;

/// The simulated wall clock. It starts a year after the epoch, so that there is room to set it back.
#[derive(Debug)]
pub(crate) struct VirtualClock {
    millis: AtomicU64,
    elapsed: AtomicU64,
}

/// A year in milliseconds.
const START: u64 = 31_536_000_000;

impl Default for VirtualClock {
    fn default() -> Self {
        Self { millis: AtomicU64::new(START), elapsed: AtomicU64::new(START) }
    }
}

impl VirtualClock {
    /// Lets time pass.
    pub(crate) fn pass(&self, millis: u64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
        self.elapsed.fetch_add(millis, Ordering::SeqCst);
    }

    /// The time that really passed, as a moment.
    pub(crate) fn elapsed(&self) -> Timestamp {
        Timestamp::from_millis(self.elapsed.load(Ordering::SeqCst))
    }

    /// Sets the clock back, as an operator or a time server does.
    pub(crate) fn set_back(&self, millis: u64) {
        self.millis.fetch_sub(millis.min(START / 2), Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}
