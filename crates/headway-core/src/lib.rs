//! What a job and a batch may do.
//!
//! One job is one [`JobState`]: the public document and the private state that only this crate
//! reads. [`decide`] says what an input leads to, as events or a typed refusal, and changes nothing;
//! [`evolve`] applies one event and cannot fail; [`next_deadline`] says when [`Input::Tick`] is due.
//! Time is an argument, chance is an argument, and nothing here waits, reads or writes. The same
//! functions run live, in recovery and in tests.
//!
//! A status changes in [`evolve`] and nowhere else.

pub mod batch;
pub mod forecast;
pub mod job;
pub mod progress;
pub mod rates;
pub mod retry;

pub use job::{
    BatchSeal, ChosenItems, Create, Input, ItemChoice, JobState, Private, Refusal, Settings,
    announced, create, decide, evolve, next_deadline,
};
