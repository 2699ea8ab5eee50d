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

/// The items of a batch that have not finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenItems {
    /// All of them: queued, waiting for their next attempt, running.
    pub remaining: u64,
    /// Of these, running now.
    pub running: u64,
}

/// The forecast from what finished items cost: `None` until there is evidence. `spent` is booked.
pub fn forecast(
    _seal: &BatchSeal,
    _sums: &ItemSums,
    _open: OpenItems,
    _spent: Amount,
) -> Option<Forecast> {
    None
}
