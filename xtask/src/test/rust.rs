//! The tests of every crate, those in the documentation included.

use std::path::{Path, PathBuf};

use super::Tally;
use crate::{command, dashboard, say};

/// The features that every build of the tests has. One set for all steps: another one would
/// build the libraries a second time.
const FEATURES: &[&str] = &["--workspace", "--all-features", "--locked"];

/// `cargo test` over the workspace; a failing crate does not keep the others from running. The
/// program is tested with its dashboard in it.
pub(super) fn run(root: &Path) -> Tally {
    let mut tally = match dashboard::build_if_older(root) {
        Ok(()) => Tally::default(),
        Err(problem) => {
            say(&format!("{problem}\n"));
            Tally::broken()
        }
    };
    let mut tests = command::cargo();
    tests.current_dir(root).arg("test").args(FEATURES).arg("--no-fail-fast");
    let ended = command::watched(&mut tests, |line| tally.read_libtest(line));
    tally.judged_by(ended)
}

/// Builds the program as the tests do, with its dashboard, and gives its path.
pub(super) fn program(root: &Path) -> Result<PathBuf, String> {
    dashboard::build_if_older(root)?;
    let mut build = command::cargo();
    command::succeed(build.current_dir(root).arg("build").args(FEATURES).arg("--bins"))?;
    let mut target = command::cargo();
    target.current_dir(root).args(["metadata", "--format-version", "1", "--no-deps", "--locked"]);
    let metadata: serde_json::Value = serde_json::from_str(&command::output(&mut target)?)
        .map_err(|error| format!("cargo metadata cannot be read: {error}"))?;
    let folder = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    let folder = folder.ok_or("cargo metadata names no target folder")?;
    Ok(Path::new(folder).join("debug/headway"))
}
