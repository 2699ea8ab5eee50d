//! The Rust client of [Headway](https://docs.rs/headway-protocol): create jobs, report their
//! progress, run batches and watch any of them live.
//!
//! ```no_run
//! use headway_client::{Client, Selector, Watched, WatchOptions};
//! use headway_protocol::Report;
//! use headway_protocol::request::CreateJob;
//!
//! # async fn example() -> Result<(), headway_client::Error> {
//! let client = Client::new("http://127.0.0.1:4323", None)?;
//! let job = client.create_job(&CreateJob { kind: "import".into(), ..CreateJob::default() }).await?;
//!
//! // The worker's side: every request is numbered, so that repeating one is harmless.
//! let mut reporter = client.reporter(job.id.clone());
//! let progress = Report::Progress {
//!     percent: None,
//!     done: Some(1),
//!     total: Some(2),
//!     message: None,
//!     phase: None,
//!     metadata: None,
//! };
//! reporter.report(vec![progress]).await?;
//! reporter.report(vec![Report::Complete { result: None }]).await?;
//!
//! // The watcher's side: the stream ends when the job has.
//! let mut watched = Watched::default();
//! let mut watch = client.watch(vec![Selector::job(job.id)], WatchOptions::default());
//! while let Some(message) = watch.next().await {
//!     watched.apply(&message?);
//!     if let Some(job) = watched.job() {
//!         println!("{} {:?}", job.status, job.progress.percent);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **Invariant:** this crate knows the protocol and nothing of the server's own crates.

mod access;
mod backoff;
mod batches;
mod client;
mod error;
mod fold;
mod jobs;
mod kinds;
mod probe;
mod reporter;
mod token;
mod trust;
mod watch;
mod webhooks;

pub use access::{AuditFormat, AuditQuery, SignedIn};
pub use backoff::Backoff;
pub use batches::{FileFormat, ItemsQuery, ResultFormat};
pub use client::Client;
pub use error::Error;
pub use fold::{Applied, Watched};
pub use jobs::JobsQuery;
pub use probe::{Greeting, Health};
pub use reporter::Reporter;
pub use token::{Token, TokenError};
pub use watch::{Selector, Watch, WatchOptions};
