//! The job machine.

mod create;
mod deadline;
mod decide;
mod evolve;
mod input;
mod refusal;
mod state;

pub use create::create;
pub use deadline::next_deadline;
pub use decide::decide;
pub use evolve::evolve;
pub use input::{BatchSeal, Create, Input};
pub use refusal::Refusal;
pub use state::{JobState, Private, Settings};
