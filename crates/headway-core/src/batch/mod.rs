//! A batch's own part of a job.

mod flight;
mod state;

pub use flight::{Flight, Settled, Start};
pub use state::BatchState;
