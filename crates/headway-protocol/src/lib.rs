//! The words of Headway: what crosses a wire or rests in the log.
//!
//! Everything here is data with its parsing and its printing. Nothing here knows that a server,
//! a clock or a store exists; every crate may depend on this one.
//!
//! ```
//! use headway_protocol::{Cursor, Percent};
//!
//! let cursor: Cursor = "5f3a91c2-425".parse()?;
//! assert_eq!(cursor.offset, 425);
//! assert_eq!(Percent::new(42.503)?.value(), 42.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod access;
pub mod batch;
pub mod command;
pub mod cursor;
pub mod document;
pub mod event;
pub mod frame;
pub mod id;
pub mod kind;
pub mod limits;
pub mod misread;
pub mod money;
pub mod patch;
pub mod percent;
pub mod problem;
pub mod report;
pub mod request;
pub mod secret;
pub mod status;
pub mod time;
pub mod webhook;

pub use command::{Action, Command};
pub use cursor::Cursor;
pub use document::{Cost, ItemCounts, Job, JobError, Owner, Progress, Step};
pub use event::{Event, EventKind};
pub use frame::{ClientMessage, ServerMessage};
pub use id::JobId;
pub use money::{Amount, Currency};
pub use percent::Percent;
pub use problem::{CloseCode, Problem, ProblemCode};
pub use report::Report;
pub use secret::Secret;
pub use status::{ItemStatus, JobStatus, StepStatus};
pub use time::Timestamp;
