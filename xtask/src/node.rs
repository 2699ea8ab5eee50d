//! Node, for everything in the repository that is built or tested with it: the one on the path, or
//! one in the repository's own Python environment, and the packages of the npm workspace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{command, tools};

/// The oldest Node that the dashboard is built with, and whose test runner and fetch the tests use:
/// `engines` of package.json.
const OLDEST: (u32, u32) = (20, 19);

/// The folder with the repository's own Python environment, made when it is not there.
pub(crate) fn python_environment(root: &Path) -> Result<PathBuf, String> {
    tools::environment(&root.join(".venv"))
}

/// Where programs are looked up, a Node that is new enough before all others.
pub(crate) fn path_with_node(root: &Path) -> Result<OsString, String> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders = node_folder(root)?.into_iter().chain(std::env::split_paths(&inherited));
    std::env::join_paths(folders).map_err(|error| format!("the search path cannot be set: {error}"))
}

/// npm in the workspace's folder.
pub(crate) fn npm(root: &Path) -> Result<Command, String> {
    let mut npm = Command::new("npm");
    npm.current_dir(root).env("PATH", path_with_node(root)?);
    Ok(npm)
}

/// Installs the packages of the npm workspace, unless they are there as the lock file has them.
pub(crate) fn node_packages(root: &Path) -> Result<(), String> {
    let written = |path: &str| root.join(path).metadata().and_then(|file| file.modified()).ok();
    // npm writes it at the end of an installation.
    let installed = written("node_modules/.package-lock.json");
    if installed.is_some() && installed >= written("package-lock.json") {
        return Ok(());
    }
    command::succeed(npm(root)?.args(["ci", "--no-audit", "--no-fund"]))
}

/// The folder of a Node that is new enough: `None` when it is on the path, else inside the Python
/// environment, where it is installed when it is not there.
fn node_folder(root: &Path) -> Result<Option<PathBuf>, String> {
    if is_usable(None) {
        return Ok(None);
    }
    let (major, minor) = OLDEST;
    let missing = |problem: String| {
        format!(
            "{problem}\nNode {major}.{minor} or newer, with npm, is needed and could not be \
             installed from PyPI: install it from https://nodejs.org or as your system does, and \
             run the command again"
        )
    };
    let environment = python_environment(root).map_err(missing)?;
    let folder = environment.join("bin");
    if !is_usable(Some(&folder)) {
        // The same program as everywhere, as a Python wheel.
        tools::install(root, &environment, tools::NODE).map_err(missing)?;
    }
    Ok(Some(folder))
}

/// Whether a folder, or the path, has a Node that is new enough, and npm with it.
fn is_usable(folder: Option<&Path>) -> bool {
    let program = |name: &str| {
        Command::new(folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name)))
    };
    let asked = program("node").arg("--version").output();
    let version = asked.ok().filter(|output| output.status.success());
    version
        .and_then(|output| version_of(&String::from_utf8(output.stdout).ok()?))
        .is_some_and(|version| version >= OLDEST)
        && folder.map_or_else(
            || command::succeeds_silently(program("npm").arg("--version")),
            // It is a script, which asks the path for its Node.
            |folder| folder.join("npm").exists(),
        )
}

/// The first two parts of what `node --version` prints.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(version_of("v22.20.0\n"), Some((22, 20)));
        assert_eq!(version_of("v8.1.0"), Some((8, 1)));
        assert!(version_of("v20.9.0") < Some(OLDEST));
        assert!(version_of("v20.20.2") > Some(OLDEST));
        assert_eq!(version_of("node: not found"), None);
    }

    #[test]
    fn the_oldest_is_what_the_packages_ask_for() {
        let text = std::fs::read_to_string(crate::root().join("package.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
        let (major, minor) = OLDEST;
        assert_eq!(manifest["engines"]["node"], format!(">={major}.{minor}"));
    }
}
