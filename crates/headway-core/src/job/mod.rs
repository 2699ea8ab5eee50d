//! The job machine.
//!
//! What is said to a job is an [`Input`]; [`decide`] turns it into events without changing anything,
//! [`evolve`] applies them one by one, [`next_deadline`] tells when time itself is an input. There are
//! three [`Sort`]s of jobs, by who carries them out; which of them takes which input in which status
//! is listed by [`transitions::table`], and what always holds by [`invariants::check`].

mod announce;
mod begin;
mod budget;
mod command;
mod create;
mod deadline;
mod decide;
mod draft;
mod evolve;
mod input;
pub mod invariants;
mod life;
mod limit;
mod plan;
mod reason;
mod refusal;
mod report;
mod sequence;
mod sort;
mod state;
pub(crate) mod steps;
mod tick;
pub mod transitions;

pub use announce::announced;
pub use create::create;
pub use deadline::next_deadline;
pub use decide::decide;
pub use evolve::evolve;
pub use input::{BatchSeal, ChosenItems, Create, Input, ItemChoice};
pub use refusal::Refusal;
pub use sort::Sort;
pub use state::{JobState, Private, ProducerMark, Settings};

pub(crate) use budget::{committed, warn};
pub(crate) use draft::Draft;
pub(crate) use evolve::show_cost;
pub(crate) use reason::{budget_reached, is_expiry, is_item_failure, item_failed, time_ran_out};
