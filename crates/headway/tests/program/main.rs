//! The built program from outside, as people and scripts use it.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod batch;
mod bench;
mod client;
mod harness;
mod listing;
mod mistakes;
mod run;
mod serve;
mod sign_in;
mod tls;
mod webhook;
