//! Attacks on the real program, while somebody watches and a batch runs; see tests/abuse/README.md.

use std::path::Path;
use std::process::Command;

use super::{Tally, python, rust, setup};
use crate::tools;

/// The tests in tests/abuse against the built program.
pub(super) fn run(root: &Path) -> Result<Tally, String> {
    let environment = setup::python_environment(root)?;
    tools::install(root, &environment, tools::PYTHON_TESTS)?;
    let program = rust::program(root)?;
    let mut python = Command::new(environment.join("bin/python"));
    Ok(python::unittest(python.env("HEADWAY_BIN", program), &root.join("tests/abuse")))
}
