//! What a batch will have cost at its end.

use headway_protocol::Amount;
use headway_protocol::event::ItemSums;

use crate::job::BatchSeal;

/// What a batch will have cost at its end, with a range that holds it in 9 of 10 batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// What to expect.
    pub mid: Amount,
    /// The low end.
    pub low: Amount,
    /// The high end.
    pub high: Amount,
}

/// The forecast from what finished items cost: `None` until there is evidence. `remaining` items
/// are still open, `spent` is booked.
pub fn forecast(
    _seal: &BatchSeal,
    _sums: &ItemSums,
    _remaining: u64,
    _spent: Amount,
) -> Option<Forecast> {
    None
}
