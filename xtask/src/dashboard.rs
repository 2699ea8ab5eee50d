//! `cargo xtask dashboard`: builds what the program carries and serves at `/`, into `dashboard/dist`.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use crate::{Outcome, command, node, say};

/// What the dashboard is made of.
const SOURCES: [&str; 7] = [
    "clients/typescript/packages/client/src",
    "clients/typescript/packages/react/src",
    "dashboard/index.html",
    "dashboard/public",
    "dashboard/src",
    "dashboard/vite.config.ts",
    "package-lock.json",
];

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
    let changed = SOURCES.iter().filter_map(|source| newest(&root.join(source))).max();
    if made.is_some() && made >= changed { Ok(()) } else { build(root) }
}

/// When a file, or anything in a folder, was changed last; `None`: it is not there.
fn newest(path: &Path) -> Option<SystemTime> {
    let own = fs::metadata(path).ok()?.modified().ok()?;
    let entries = fs::read_dir(path).into_iter().flatten();
    let inside = entries.filter_map(|entry| newest(&entry.ok()?.path())).max();
    Some(inside.map_or(own, |inside| inside.max(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_deep_in_a_folder_is_seen() {
        let folder = std::env::temp_dir().join(format!("xtask-newest-{}", std::process::id()));
        let deep = folder.join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let before = newest(&folder).unwrap();
        let file = fs::File::create(deep.join("file")).unwrap();
        let later = before + std::time::Duration::from_hours(1);
        file.set_modified(later).unwrap();
        assert_eq!(newest(&folder), Some(later));
        assert_eq!(newest(&folder.join("none")), None);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_it_is_made_of_is_there() {
        let there = |source: &&str| crate::root().join(source).exists();
        // A dashboard may have no files that are copied as they are.
        let missing: Vec<_> = SOURCES.iter().filter(|source| !there(source)).collect();
        assert!(missing.iter().all(|source| **source == "dashboard/public"), "{missing:?}");
    }
}
