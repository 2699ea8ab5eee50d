//! The built program from outside, as people and scripts use it.

mod batch;
mod client;
mod harness;
mod run;
mod serve;
