//! Simulation of the stream: the real hub on a virtual clock, with faults that a seed decides.
//!
//! A seed makes a [`world`]: jobs that move, a store that answers late or fails, news that are lost,
//! late, twice or out of order, connections that are cut at any frame and come back with any cursor
//! they ever saw. Those who watch are [`reader`]s: clients that know nothing but their frames and say
//! which [`Invariant`] a frame breaks. A seed is a bug report: it plays the same on every machine.
//!
//! ```
//! let outcome = headway_sim::play(7).expect("a promise is broken");
//! assert_eq!(outcome.hash, headway_sim::play(7).expect("the same").hash);
//! ```

mod chance;
mod clock;
mod invariant;
mod ledger;
mod mutation;
mod producer;
pub mod reader;
pub mod soak;
mod store;
mod truth;
mod viewer;
mod world;

pub use chance::Chance;
pub use invariant::{Invariant, Violation};
pub use mutation::Mutation;
pub use truth::Truth;
pub use viewer::Viewer;
pub use world::{Failure, Orders, Outcome, every_order, play, play_with};
