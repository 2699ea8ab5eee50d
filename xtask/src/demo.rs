//! `cargo xtask demo`: the program with its example batch.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::{Outcome, command, dashboard};

/// Builds the dashboard and the program, and becomes `headway demo`, so that signals and the exit code are its own.
///
/// The development profile unless `--release` is the first argument: it shares its build with
/// `cargo xtask test` and is ready in a fraction of the time, and the work of the demonstration is
/// done by its Python workers.
pub(crate) fn run(root: &Path, mut arguments: Vec<OsString>) -> Outcome {
    let release = arguments.first().is_some_and(|argument| argument == "--release");
    if release {
        arguments.remove(0);
    }
    dashboard::build_if_older(root)?;
    let mut cargo = command::cargo();
    cargo.current_dir(root).args(["run", "--package", "headway", "--bin", "headway"]);
    if release {
        cargo.arg("--release");
    }
    let error = cargo.args(["--", "demo"]).args(arguments).exec();
    Err(format!("cargo could not be run: {error}"))
}
