//! The client for TypeScript: its form, its size, what is generated, and its tests with and without
//! the real program.

use std::path::Path;
use std::process::Command;

use super::{Tally, rust, setup};
use crate::command;

/// Scripts of clients/typescript; each is one test.
const CHECKS: [&str; 4] = ["typecheck", "lint", "check:generated", "size"];
/// Scripts that count their own tests.
const TESTS: [&str; 2] = ["test:unit", "test:server"];

/// `npm ci`, then every script.
pub(super) fn run(root: &Path) -> Result<Tally, String> {
    let folder = root.join("clients/typescript");
    let path = setup::path_with_node(root)?;
    let program = rust::program(root)?;
    let npm = |arguments: &[&str]| {
        let mut npm = Command::new("npm");
        npm.current_dir(&folder).env("PATH", &path).env("HEADWAY_BIN", &program).args(arguments);
        npm
    };
    command::succeed(&mut npm(&["ci", "--no-audit", "--no-fund"]))?;
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
