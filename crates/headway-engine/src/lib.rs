//! The write side: applies inputs to jobs, runs batches, owns timers, leases, executors and
//! retention. It knows nothing of those who watch.
//!
//! [`Engine::start`] checks its [`Options`], recovers what a crash left behind and lends a
//! [`Handle`], the only way in.

mod error;
pub mod executor;
mod handle;
pub mod input;
mod options;

pub use error::Error;
pub use handle::{Created, Handle};
pub use input::{Format, ItemSource};
pub use options::{Kind, Options, Retention};
