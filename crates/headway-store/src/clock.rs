//! The port of time.

use headway_protocol::Timestamp;

/// Tells the time. The engine and the hub take one instead of asking the machine, so that a run can
/// be replayed.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    /// The present moment. It may stand still, and it may be set back.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    fn now(&self) -> Timestamp {
        let elapsed =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}
