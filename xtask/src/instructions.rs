//! `cargo xtask instructions`: what the hot path costs, in instructions.
//!
//! A count of instructions is the same on a busy machine and on a quiet one, which times are not;
//! a change of a few in a hundred is seen. Each operation is done once so often and once twice as
//! often under valgrind, and the difference is its own: how a program begins is left out.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::{Outcome, command, say};

/// Examples that name their operations and do them, with their crates.
const EXAMPLES: [(&str, &str); 2] =
    [("headway-websocket", "codec_cost"), ("headway-protocol", "message_cost")];

/// How often an operation is done; half of it is what is counted.
const COUNT: u32 = 400;

/// Updates that [`fan_out`] delivers to so many watchers of one job, and of many jobs with one each.
const UPDATES: u32 = 8;
const WATCHERS: u32 = 500;

/// Prints a table of all operations.
pub(crate) fn run(root: &Path) -> Outcome {
    let mut probe = Command::new("valgrind");
    if !command::succeeds_silently(probe.arg("--version")) {
        return Err("valgrind is not there: install the package `valgrind`".to_owned());
    }
    say("instructions  operation\n");
    for (package, name) in EXAMPLES {
        let program = example(root, package, name)?;
        for operation in command::output(&mut Command::new(&program))?.lines() {
            let cost = |count: u32| collected(&program, &[operation, &count.to_string()], None);
            print(cost(COUNT)?, cost(COUNT / 2)?, u64::from(COUNT / 2), operation);
        }
    }
    let program = example(root, "headway-hub", "fan_out")?;
    for (jobs, watchers, operation) in [
        (1, WATCHERS, "an update delivered to one of the watchers of a job"),
        (WATCHERS, 1, "an update delivered to the only watcher of its job"),
    ] {
        let cost = |updates: u32| {
            let words = [jobs, watchers, updates].map(|number| number.to_string());
            let [jobs, watchers, updates] = &words;
            collected(&program, &[jobs, watchers, updates], Some("*fan_out*deliver*"))
        };
        let deliveries = u64::from(UPDATES / 2) * u64::from(WATCHERS);
        print(cost(UPDATES)?, cost(UPDATES / 2)?, deliveries, operation);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(more: u64, fewer: u64, times: u64, operation: &str) {
    say(&format!("{:>12}  {operation}\n", more.saturating_sub(fewer) / times));
}

/// Builds an example and gives its path.
fn example(root: &Path, package: &str, name: &str) -> Result<PathBuf, String> {
    let mut build = command::cargo();
    build.current_dir(root).args(["build", "--release", "--locked", "--quiet"]);
    let build = build.args(["--package", package, "--example", name]);
    if !command::succeeds_silently(build) {
        command::succeed(build)?;
    }
    Ok(root.join("target/release/examples").join(name))
}

/// The instructions of a run; only those under the function that is named, if one is.
fn collected(program: &Path, words: &[&str], function: Option<&str>) -> Result<u64, String> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    if let Some(function) = function {
        valgrind.arg(format!("--toggle-collect={function}"));
    }
    let output = valgrind
        .arg(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind could not be run: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{} {}: {told}", program.display(), words.join(" ")));
    }
    read_count(&told).ok_or_else(|| format!("valgrind told no count: {told}"))
}

/// The count in what callgrind prints: `==7== Collected : 123456`.
fn read_count(told: &str) -> Option<u64> {
    told.lines().find_map(|line| {
        let (_, count) = line.split_once("Collected : ")?;
        count.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read() {
        let told = "==7== Events    : Ir\n==7== Collected : 123456\n==7==\n";
        assert_eq!(read_count(told), Some(123_456));
        assert_eq!(read_count("==7== Refs\n"), None);
    }
}
