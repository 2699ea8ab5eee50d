//! Headway's doors: HTTP, WebSocket, Server-Sent Events and long poll.
//!
//! [`Gateway::bind`] takes an address, [`Gateway::serve`] serves it over an engine's and a hub's
//! handle. Nothing is decided here: the gateway reads requests, asks, and says what came of it.

mod accept;
mod app;
mod body;
mod compatible;
mod door;
mod error;
mod front;
mod gateway;
mod handlers;
mod handover;
mod headers;
mod metrics;
mod observe;
pub mod openapi;
mod options;
mod page;
mod problem;
mod process;
mod query;
mod router;
mod routes;
mod stream;

pub use error::Error;
pub use gateway::Gateway;
pub use options::{Compatible, Limits, Options, Pace, Site};
pub use page::{Page, PageError, PageFile};
