//! When a failed attempt is tried again.

use headway_protocol::JobError;
use headway_protocol::batch::Retry;

/// The wait before the next attempt in milliseconds, `None` to give up. `attempts` have been made,
/// `asked_ms` is what the other side asked for (`Retry-After`), `chance` is random in 0–1.
pub fn delay(
    _retry: &Retry,
    _attempts: u32,
    _error: &JobError,
    _asked_ms: Option<u64>,
    _chance: f64,
) -> Option<u64> {
    None
}
