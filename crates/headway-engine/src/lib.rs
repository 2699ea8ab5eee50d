//! The write side: applies inputs to jobs, runs batches, owns timers, leases, executors and
//! retention and webhooks. It knows nothing of those who watch.
//!
//! [`Handle::start`] checks its [`Options`], takes up what a crash left behind, and lends a
//! [`Handle`], the only way in. Behind it: shards decide for jobs, a supervisor gives runners to
//! jobs that want their executor, a timer wakes jobs whose deadline has come, and retention forgets
//! finished ones.

mod context;
mod error;
pub mod executor;
mod handle;
pub mod input;
mod intake;
mod metrics;
mod options;
mod outgoing;
mod readiness;
pub mod results;
mod retention;
mod runner;
mod settings;
mod shard;
mod supervisor;
mod timer;
mod webhooks;

pub use error::Error;
pub use handle::{Created, Handle};
pub use input::{Format, ItemSource};
pub use options::{Kind, Options, Retention, WebhookOptions};
pub use readiness::NotReady;
