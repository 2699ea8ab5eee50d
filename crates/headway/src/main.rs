//! The program `headway`: configuration → build → spawn → signal → drain; and the command line.
//!
//! **Invariant:** there is no rule of jobs, batches or streams here. A command either builds a node
//! out of the crates below it, or is a client of one.

mod arguments;
mod certificate;
mod commands;
mod configuration;
mod credential;
mod dashboard;
mod display;
mod exit;
mod failure;
mod node;
mod offline;
mod open_files;
mod output;
mod rate_card;
mod signals;
mod table;
mod telemetry;
mod text;
mod words;

use clap::Parser;

use crate::arguments::Arguments;
use crate::configuration::Environment;
use crate::exit::Exit;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    let environment = Environment::read();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("the runtime could not start: {error}"));
            return Exit::CouldNotRun.into();
        }
    };
    let exit = runtime.block_on(commands::run(arguments, environment));
    // Reads of standard input cannot be taken back; nothing else is left.
    runtime.shutdown_background();
    exit.into()
}
