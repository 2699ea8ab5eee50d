//! The dashboard in a real browser, and clients outside one, against the real program.

use std::path::Path;
use std::process::Command;

use super::{Tally, rust, setup};
use crate::command;

/// `node --test` in tests/browser.
pub(super) fn run(root: &Path) -> Result<Tally, String> {
    let folder = root.join("tests/browser");
    let path = setup::path_with_node(root)?;
    let program = rust::program(root)?;
    setup::node_packages(root)?;
    let mut tally = Tally::default();
    let mut tests = Command::new("node");
    tests
        .current_dir(&folder)
        .env("PATH", &path)
        .env("HEADWAY_BIN", program)
        .env("CHROMIUM", setup::CHROMIUM)
        .args(["--test", "--test-reporter=spec", "--test-concurrency=1", "--test-force-exit"]);
    let ended = command::watched(&mut tests, |line| tally.read_node(line));
    Ok(tally.judged_by(ended))
}
