//! Programs of others that this one runs, from lock files with checksums.
//!
//! They live in `target/tools`, a Python environment: wheels carry programs of every language,
//! ready-made, so that a fresh machine waits seconds for what would take minutes to build.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{Outcome, command, say};

/// The lock file of what the supply checks and [`lock`] need.
pub(crate) const SUPPLY: &str = "xtask/tools/supply.txt";

/// The lock file of Node, for machines whose own is missing or too old.
pub(crate) const NODE: &str = "xtask/tools/node.txt";

/// The lock file of what the tests in Python need.
pub(crate) const PYTHON_TESTS: &str = "tests/python/requirements.txt";

/// The lock file of what checks and tests the Python package.
pub(crate) const PYTHON_PACKAGE: &str = "clients/python/requirements.txt";

/// Every lock file of Python packages. Beside each stands an `.in` with what was asked for.
pub(crate) const LOCKS: [&str; 4] = [SUPPLY, NODE, PYTHON_TESTS, PYTHON_PACKAGE];

/// The folder of the tools' programs, with everything that [`SUPPLY`] names in it.
pub(crate) fn supply(root: &Path) -> Result<PathBuf, String> {
    let environment = environment(&root.join("target/tools"))?;
    install(root, &environment, SUPPLY)?;
    Ok(environment.join("bin"))
}

/// A Python environment, made when it is not there.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf, String> {
    if !command::succeeds_silently(Command::new(folder.join("bin/python")).arg("--version")) {
        command::succeed(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    }
    Ok(folder.to_path_buf())
}

/// Installs what a lock file names into a Python environment: those files and no others, and
/// nothing that would have to be built.
pub(crate) fn install(root: &Path, environment: &Path, lock: &str) -> Result<(), String> {
    command::succeed(
        Command::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--require-hashes", "--only-binary", ":all:", "--requirement"])
            .arg(root.join(lock)),
    )
}

/// `cargo xtask lock`: works the lock files of Python packages out again.
pub(crate) fn lock(root: &Path) -> Outcome {
    let compiler = supply(root)?.join("pip-compile");
    for lock in LOCKS {
        let wanted = wanted(lock);
        command::succeed(
            Command::new(&compiler)
                .current_dir(root)
                .env_remove("PIP_FIND_LINKS")
                .env("CUSTOM_COMPILE_COMMAND", "cargo xtask lock")
                .args(["--quiet", "--generate-hashes", "--allow-unsafe", "--strip-extras"])
                .args(["--no-annotate", "--no-emit-find-links", "--no-emit-index-url"])
                .args(["--output-file", lock, &wanted]),
        )?;
        say(&format!("{lock} follows {wanted}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The file that says what a lock file was asked for.
pub(crate) fn wanted(lock: &str) -> String {
    lock.strip_suffix(".txt").unwrap_or(lock).to_owned() + ".in"
}
