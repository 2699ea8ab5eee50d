//! Python: the workers of the examples, clients that are not ours, and the package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Tally, rust, setup};
use crate::{command, say, tools};

/// The tests of each example, then those in tests/python and of the package against the built program.
pub(super) fn run(root: &Path) -> Result<Tally, String> {
    let environment = setup::python_environment(root)?;
    let python = environment.join("bin/python");
    let mut tally = Tally::default();
    for folder in folders_with_tests(&root.join("examples"))? {
        tally += unittest(&mut Command::new(&python), &folder);
    }
    let clients = root.join("tests/python");
    if has_tests(&clients)? {
        tools::install(root, &environment, tools::PYTHON_TESTS)?;
        let program = rust::program(root)?;
        tally += unittest(Command::new(&python).env("HEADWAY_BIN", program), &clients);
    }
    tally += package(root, &environment)?;
    Ok(tally)
}

/// The package in clients/python: its form and its types, each one test, then its own tests.
fn package(root: &Path, environment: &Path) -> Result<Tally, String> {
    let folder = root.join("clients/python");
    tools::install(root, environment, tools::PYTHON_PACKAGE)?;
    let mut tally = Tally::default();
    let checks: [&[&str]; 4] = [
        &["ruff", "check"],
        &["ruff", "format", "--check"],
        // The oldest version that the package is for, and that of the tests.
        &["mypy", "--python-version", "3.10", "src/headway"],
        &["mypy", "--python-version", "3.11", "tests"],
    ];
    for check in checks {
        let mut check_command = Command::new(environment.join("bin/python"));
        check_command.current_dir(&folder).arg("-m").args(check);
        let held = command::succeed(check_command.env("MYPYPATH", "src:tests"));
        if let Err(problem) = &held {
            say(&format!("{problem}\n"));
        }
        tally += Tally::single(held.is_ok());
    }
    let mut tests = Command::new(environment.join("bin/python"));
    tests.env("PYTHONPATH", folder.join("src")).env("HEADWAY_BIN", rust::program(root)?);
    tally += unittest(&mut tests, &folder.join("tests"));
    Ok(tally)
}

/// Every test of a folder.
pub(super) fn unittest(python: &mut Command, folder: &Path) -> Tally {
    let mut tally = Tally::default();
    python.current_dir(folder).args(["-m", "unittest", "discover", "--verbose"]);
    let ended = command::watched(python, |line| tally.read_unittest(line));
    tally.judged_by(ended)
}

fn folders_with_tests(parent: &Path) -> Result<Vec<PathBuf>, String> {
    let mut folders = Vec::new();
    for path in entries(parent)? {
        if path.is_dir() && has_tests(&path)? {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn has_tests(folder: &Path) -> Result<bool, String> {
    Ok(folder.is_dir()
        && entries(folder)?.iter().any(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("test") && path.extension().is_some_and(|ending| ending == "py")
        }))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|error| format!("{} cannot be read: {error}", folder.display()))
}
