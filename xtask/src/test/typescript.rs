//! Everything written in TypeScript: its form, its size, what is generated, and its tests with and
//! without the real program.

use std::path::Path;
use std::process::Command;

use super::{Tally, rust, setup};
use crate::command;

/// Scripts of the workspace; each is one test. The packages are built first: others use them as they
/// are published.
const CHECKS: [&str; 5] = ["build:packages", "typecheck", "lint", "check:generated", "size"];
/// Scripts that count their own tests.
const TESTS: [&str; 2] = ["test:unit", "test:server"];

/// Every script.
pub(super) fn run(root: &Path) -> Result<Tally, String> {
    setup::node_packages(root)?;
    let path = setup::path_with_node(root)?;
    let program = rust::program(root)?;
    let npm = |arguments: &[&str]| {
        let mut npm = Command::new("npm");
        npm.current_dir(root).env("PATH", &path).env("HEADWAY_BIN", &program).args(arguments);
        npm
    };
    let mut tally = Tally::default();
    for check in CHECKS {
        tally += Tally::single(command::succeed(&mut npm(&["run", check])).is_ok());
    }
    for tests in TESTS {
        let mut counted = Tally::default();
        let ended = command::watched(&mut npm(&["run", tests]), |line| counted.read_node(line));
        tally += counted.judged_by(ended);
    }
    Ok(tally)
}
