//! `headway bench`: loads a running server from outside, as its users would, and tells what it did.
//!
//! All sockets of a load belong to one thread and its tasks, one for each connection. Frames are
//! looked at where they lie: nothing is parsed or allocated for a message, so that the load leaves
//! the machine to the server. **Invariants:** only loopback addresses are loaded, and every loop
//! ends by count or by time.

mod audience;
mod connection;
mod fanout;
mod figures;
mod jobs;
mod latencies;
mod message;
mod pace;
mod process;
mod reports;
mod target;
mod watcher;
mod watchers;
mod wire;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::task::LocalSet;

use self::figures::Figures;
use self::target::Target;
use crate::arguments::{BenchCommand, Common, MOST_CONNECTIONS};
use crate::exit::Exit;
use crate::failure::Failure;

/// Files that the program has open beside the connections of a load.
const OTHER_FILES: usize = 64;
/// Producers beside the watchers, at most.
const OTHER_PORTS: usize = 1_000;

/// Runs a load. A load over which something was lost exits like one that could not run, after its
/// figures.
pub(crate) async fn run(common: &Common, command: BenchCommand) -> Result<Exit, Failure> {
    let server = common.server.as_deref().unwrap_or(super::DEFAULT_SERVER);
    let target = Target::new(server, common.token.as_ref())?;
    allow_files(connections(&command))?;
    let load = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::because("no runtime for the load", &error))?;
        LocalSet::new().block_on(&runtime, run_on_one_thread(&target, &command))
    });
    let load = load.await.map_err(|error| Failure::because("the load ended early", &error))?;
    let (figures, fault) = load?;
    figures.print(common.json);
    match fault {
        Some(fault) => Err(Failure::new(fault)),
        None => Ok(Exit::Success),
    }
}

async fn run_on_one_thread(
    target: &Target,
    command: &BenchCommand,
) -> Result<(Figures, Option<String>), Failure> {
    match command {
        BenchCommand::Reports(load) => Ok((reports::run(target, load).await?, None)),
        BenchCommand::Watchers(load) => watchers::run(target, load).await,
        BenchCommand::Fanout(load) => fanout::run(target, load).await,
    }
}

/// The connections of a load.
fn connections(command: &BenchCommand) -> usize {
    match command {
        BenchCommand::Reports(load) => load.producers,
        BenchCommand::Watchers(load) => load.connections + watchers::PRODUCERS,
        BenchCommand::Fanout(load) => {
            load.jobs * load.watchers + load.in_flight.unwrap_or(load.producers)
        }
    }
}

/// Asks the kernel for as many open files as the load needs.
fn allow_files(connections: usize) -> Result<(), Failure> {
    let unknown = |error| Failure::because("the limit of open files cannot be read", &error);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(unknown)?;
    let needed = check_files(connections, hard)?;
    if needed > soft {
        setrlimit(Resource::RLIMIT_NOFILE, needed, hard).map_err(|error| {
            Failure::because("the limit of open files cannot be raised", &error)
        })?;
    }
    Ok(())
}

/// How many open files so many connections need, when so many can be had.
fn check_files(connections: usize, most: u64) -> Result<u64, Failure> {
    if connections > MOST_CONNECTIONS + OTHER_PORTS {
        return Err(Failure::usage(format!(
            "{connections} connections are more than one address has ports for: at most \
             {MOST_CONNECTIONS} watchers"
        )));
    }
    let needed = (connections + OTHER_FILES) as u64;
    if needed > most {
        return Err(Failure::usage(format!(
            "{connections} connections need {needed} open files, here and as many in the server, \
             and {most} are allowed: raise the limit (`ulimit -n {needed}`) or ask for less"
        )));
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_the_machine_cannot_hold_says_what_it_needs() {
        check_files(936, 1_000).unwrap();
        let refused = check_files(937, 1_000).unwrap_err().to_string();
        assert!(refused.contains("ulimit -n 1001"), "{refused}");
        let refused = check_files(27_000, 1_000_000).unwrap_err().to_string();
        assert!(refused.contains("at most 25000 watchers"), "{refused}");
    }
}
