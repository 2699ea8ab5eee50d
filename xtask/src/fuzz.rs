//! `cargo xtask fuzz`: hostile bytes for every reader, by libFuzzer, on the stable toolchain.
//!
//! The targets are the files of `fuzz/targets`; what they hold a reader to is in `fuzz/src`. They are
//! built with coverage counters and checked arithmetic, but without an address sanitizer: the
//! readers are safe Rust, and what a sanitizer needs is not stable. `cargo fuzz` works as well, with
//! a toolchain that has it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;

use crate::{Outcome, command, say};

/// How long each target runs when nobody says it.
const SECONDS: u64 = 60;

/// What counts the edges and comparisons that an input reaches, which is how the next one is chosen.
const FLAGS: &str = "--cfg fuzzing \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// An input that takes longer than this many seconds is a finding.
const INPUT_SECONDS: u64 = 10;

/// A target that takes more memory than this has found something: no reader is allowed a tenth.
const MEGABYTES: u64 = 1_024;

/// The last lines of a target that failed, which say why.
const LINES_SHOWN: usize = 40;

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// `--seconds N` for each target, and the targets; all of them when none is named.
pub(crate) fn run(root: &Path, arguments: &[OsString]) -> Outcome {
    let (seconds, named) = read(arguments)?;
    let held = fuzz(root, seconds, &named)?;
    say(&format!("fuzz: {} targets held, {} did not\n", held.passed, held.failed));
    Ok(if held.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(arguments: &[OsString]) -> Result<(u64, Vec<String>), String> {
    let mut seconds = SECONDS;
    let mut named = Vec::new();
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            seconds = number.ok_or("`--seconds` needs a whole number behind it")?;
        } else {
            named.push(argument.into_owned());
        }
    }
    Ok((seconds, named))
}

/// Builds the targets and runs each for so many seconds, as many at a time as there are cores.
pub(crate) fn fuzz(root: &Path, seconds: u64, named: &[String]) -> Result<Held, String> {
    let targets = targets(root)?;
    if let Some(unknown) = named.iter().find(|name| !targets.contains(name)) {
        return Err(format!("`{unknown}` is no target: use {}", targets.join(", ")));
    }
    let programs = build(root)?;
    let chosen = targets.into_iter().filter(|name| named.is_empty() || named.contains(name));
    let waiting = Mutex::new(chosen.collect::<VecDeque<_>>());
    let held = Mutex::new(Held::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(name) = locked(&waiting).pop_front() {
                    let ran = run_one(root, &programs, &name, seconds);
                    let mut held = locked(&held);
                    match ran {
                        Ok(inputs) => {
                            held.passed += 1;
                            say(&format!("fuzz {name}: held for {inputs} inputs\n"));
                        }
                        Err(problem) => {
                            held.failed += 1;
                            say(&format!("fuzz {name}: {problem}\n"));
                        }
                    }
                }
            });
        }
    });
    Ok(*locked(&held))
}

/// What is behind a lock that no thread can have left in disorder.
fn locked<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn targets(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("fuzz/targets");
    let entries = fs::read_dir(&folder)
        .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Builds every target; the folder that they are in.
fn build(root: &Path) -> Result<PathBuf, String> {
    let version = command::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    // Naming the machine keeps the flags away from build scripts.
    let host = host.ok_or("rustc does not say for which machine it is")?;
    let folder = root.join("target/fuzz");
    let mut build = command::cargo();
    build.current_dir(root.join("fuzz")).env("RUSTFLAGS", FLAGS);
    build.args(["build", "--release", "--bins", "--target", host, "--target-dir"]).arg(&folder);
    command::succeed(&mut build)?;
    Ok(folder.join(host).join("release"))
}

/// Runs one target; how many inputs it was given. What it finds on its way stays in
/// `target/fuzz/corpus`, for the next run to begin with.
fn run_one(root: &Path, programs: &Path, name: &str, seconds: u64) -> Result<String, String> {
    let scratch = root.join("target/fuzz");
    let (found, artifacts) = (scratch.join("corpus").join(name), scratch.join("artifacts"));
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder)
            .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    }
    let mut target = Command::new(programs.join(name));
    target
        .current_dir(root)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEGABYTES}"))
        .arg(format!("-artifact_prefix={}/{name}-", artifacts.display()))
        .arg("-print_final_stats=1")
        .args([&found, &root.join("fuzz/seeds").join(name)])
        .stdin(Stdio::null());
    let output = target.output().map_err(|error| format!("could not be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default();
        return Err(format!(
            "{}\n{}\nthe input is in {}",
            output.status,
            shown.join("\n"),
            artifacts.display()
        ));
    }
    let count = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    count.map(|count| count.trim().to_owned()).ok_or_else(|| "ran no input".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_built_and_has_seeds() {
        let root = crate::root();
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let targets = targets(&root).unwrap();
        assert!(!targets.is_empty());
        for name in targets {
            assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
            let seeds = fs::read_dir(root.join("fuzz/seeds").join(&name)).unwrap();
            assert!(seeds.count() > 0, "{name}");
        }
    }

    #[test]
    fn the_time_and_the_targets_are_read() {
        let read = |words: &[&str]| read(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(read(&[]), Ok((SECONDS, vec![])));
        let named = vec!["words".to_owned(), "report".to_owned()];
        assert_eq!(read(&["words", "--seconds", "5", "report"]), Ok((5, named)));
        assert!(read(&["--seconds"]).is_err());
        assert!(read(&["--seconds", "long"]).is_err());
    }
}
