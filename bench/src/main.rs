//! Loads a running Headway server with durable reports over HTTP, and prints one line of JSON.
//!
//! ```text
//! headway-bench --address 127.0.0.1:4323 [--producers 64] [--events 1] [--seconds 10]
//!               [--rate 5000] [--jobs 64] [--server-pid PID]
//! ```
//!
//! Every producer has one kept-alive connection and waits for each acknowledgement. With `--rate`
//! requests are due at a fixed rate in all, and latency counts from the moment a request was due, so
//! that waiting in the producer counts. Only loopback addresses are taken.

mod load;
mod options;
mod process;

use std::io::Write;

use options::Options;

fn main() -> std::io::Result<()> {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            writeln!(std::io::stderr(), "headway-bench: {message}")?;
            std::process::exit(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(load::run(&options))?;
    writeln!(std::io::stdout(), "{report}")
}
