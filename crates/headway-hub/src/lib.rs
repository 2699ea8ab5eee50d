//! The read side: tails the jobs that are watched, conflates their states, encodes each update once
//! and knows where every watcher is. It reads what some engine wrote and knows of no engine.
//!
//! [`Hub::start`] lends a [`Handle`]. [`Handle::connect`] makes a [`Connection`], which hands out
//! [`Frame`]s for as long as somebody asks for them; [`Handle::session`] makes what is inside it,
//! for threads that serve thousands with one [`Bell`]. The rules of the stream are in [`session`],
//! which does no I/O.
//!
//! ```no_run
//! # async fn example(store: std::sync::Arc<dyn headway_store::Store>) -> Result<(), headway_hub::Error> {
//! use headway_hub::{Hub, Options, Output};
//! use headway_protocol::frame::Subscribe;
//!
//! let clock = std::sync::Arc::new(headway_store::SystemClock);
//! let hub = Hub::start(Options::default(), store, clock)?;
//! let caller = std::sync::Arc::new(headway_access::Caller::anyone());
//! let mut watcher = hub.connect(caller, "example");
//! watcher.subscribe(Subscribe { id: "1".into(), all: Some(true), ..Subscribe::default() });
//! while let Output::Frame(frame) = watcher.next().await {
//!     assert!(!frame.text().is_empty());
//! }
//! # Ok(())
//! # }
//! ```

mod connection;
mod dialect;
mod error;
mod feed;
mod feeds;
mod frame;
mod handle;
mod metrics;
mod options;
mod read;
mod registry;
mod service;
pub mod session;
mod topic;
mod wake;

pub use connection::{Connection, Output};
pub use dialect::{Dialect, Telling};
pub use error::Error;
pub use feed::{FeedReader, Selector};
pub use frame::{Form, Frame, FrameKind};
pub use handle::{Handle, Hub, Warm};
pub use headway_store::ItemQuery;
pub use metrics::{LATENCY_BOUNDS_MS, Limit, Metrics};
pub use options::Options;
pub use read::{ERROR_GROUPS, HistoryPlace, HistoryQuery, JobFilter, LookCounts, Results};
pub use session::AskedCommand;
pub use topic::Topic;
pub use wake::{Bell, Ring};
