//! A batch's own part of a job.

mod count;
mod end;
mod evolve;
mod flight;
mod moved;
mod ranges;
mod seal;
mod state;
mod sums;

pub use flight::{Flight, Settled, Start};
pub use state::BatchState;

pub(crate) use evolve::{ended, items_moved, requeued, sealed};
pub(crate) use moved::{budget_reached, moved};
pub(crate) use seal::seal;
