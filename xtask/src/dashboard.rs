//! `cargo xtask dashboard`: builds what the program carries and serves at `/`, into `dashboard/dist`.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use crate::{Outcome, command, node, say};

/// The folders that the dashboard is made of.
const FOLDERS: [&str; 3] =
    ["clients/typescript/packages/client", "clients/typescript/packages/react", "dashboard"];

/// What else it is made of.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "tsconfig.base.json"];

/// What is in those folders and no part of it: made, installed, or for tests and readers.
const OTHERS: [&str; 6] = ["README.md", "build", "dist", "gallery", "node_modules", "test"];

/// What the program reads first of what is made.
const MADE: &str = "dashboard/dist/index.html";

/// Builds it; takes no arguments.
pub(crate) fn run(root: &Path, arguments: &[OsString]) -> Outcome {
    if let Some(argument) = arguments.first() {
        return Err(format!(
            "`dashboard` takes no arguments, not `{}`",
            argument.to_string_lossy()
        ));
    }
    build(root)?;
    say("the dashboard is in dashboard/dist; the program has it when it is built next\n");
    Ok(ExitCode::SUCCESS)
}

/// Builds it with the packages that the lock file names.
pub(crate) fn build(root: &Path) -> Result<(), String> {
    let problem = |problem: String| format!("the dashboard cannot be built: {problem}");
    node::node_packages(root).map_err(problem)?;
    command::succeed(node::npm(root).map_err(problem)?.args(["run", "build"])).map_err(problem)
}

/// Builds it unless it is newer than everything that it is made of.
pub(crate) fn build_if_older(root: &Path) -> Result<(), String> {
    let made = fs::metadata(root.join(MADE)).and_then(|made| made.modified()).ok();
    if made.is_some() && made >= changed(root) { Ok(()) } else { build(root) }
}

/// When something that it is made of was changed last.
fn changed(root: &Path) -> Option<SystemTime> {
    // A folder changes itself when something is made in it: what is in it is asked.
    let entries = FOLDERS.iter().flat_map(|folder| fs::read_dir(root.join(folder))).flatten();
    let entries = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        !OTHERS.iter().any(|other| name == *other)
    });
    let files = FILES.iter().map(|file| root.join(file));
    entries.map(|entry| entry.path()).chain(files).filter_map(|path| newest(&path)).max()
}

/// When a file, or anything in a folder, was changed last; `None`: it is not there.
fn newest(path: &Path) -> Option<SystemTime> {
    let own = fs::metadata(path).ok()?.modified().ok()?;
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let inside = entries.filter_map(|entry| newest(&entry.path())).max();
    Some(inside.map_or(own, |inside| inside.max(own)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_it_is_made_of_is_told_from_what_is_made() {
        let root = std::env::temp_dir().join(format!("xtask-dashboard-{}", std::process::id()));
        for folder in ["dashboard/src/deep", "dashboard/dist", "dashboard/node_modules"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let before = changed(&root).unwrap();
        let touch = |path: &str, hours: u64| {
            let file = fs::File::create(root.join(path)).unwrap();
            let time = before + Duration::from_hours(hours);
            file.set_modified(time).unwrap();
            time
        };
        let deep = touch("dashboard/src/deep/file", 2);
        touch("dashboard/dist/index.html", 3);
        touch("dashboard/node_modules/file", 4);
        touch("other", 5);
        assert_eq!(changed(&root), Some(deep));
        let locked = touch("package-lock.json", 6);
        assert_eq!(changed(&root), Some(locked));
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn what_it_is_made_of_is_there() {
        for path in FOLDERS.iter().chain(&FILES) {
            assert!(crate::root().join(path).exists(), "{path}");
        }
    }
}
