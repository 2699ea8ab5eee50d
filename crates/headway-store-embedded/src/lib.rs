//! Headway's durable store for one node: one SQLite file.
//!
//! One thread writes. Whatever waits for it goes into one transaction, and is answered when that is
//! on the disk. A report costs a few hundred bytes in one row of a journal, together with all others
//! of the same commit; folding the journal into documents and segments of the log comes later, a few
//! jobs at a time. Until then a job's newest records are kept in memory, where readers find them.
//!
//! ```no_run
//! use headway_store::Store;
//! use headway_store_embedded::{EmbeddedStore, Options};
//!
//! # async fn run() -> Result<(), headway_store::StoreError> {
//! let store = EmbeddedStore::open(Options::new("data"))?;
//! let job = "job_1".parse().map_err(|_| headway_store::StoreError::Closed)?;
//! assert!(store.load(&job).await?.is_none());
//! store.close().await
//! # }
//! ```
//!
//! **Invariants.** What was acknowledged is in the file. A job's records are in the journal or in
//! its segments, never in neither. A job's document is the fold of its records up to the document's
//! position. What lists ask by is in the tables with the commit that changed it.

mod checkpoint;
mod codec;
mod command;
mod connection;
mod failure;
mod options;
mod pace;
mod private;
mod reader;
mod rhythm;
mod rows;
mod schema;
mod shared;
mod store;
mod tail;
mod writer;

pub use options::Options;
pub use private::make_folder;
pub use store::EmbeddedStore;
