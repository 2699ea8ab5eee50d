//! The dashboard in a real browser, and clients outside one, against the real program.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Tally, rust, setup};
use crate::{command, say};

/// Each file of tests/browser for itself. One that fails is run once more, and what holds only then
/// is said in the sum: a browser is a large program of others, and it fails now and then by itself.
pub(super) fn run(root: &Path) -> Result<Tally, String> {
    let folder = root.join("tests/browser");
    let path = setup::path_with_node(root)?;
    let program = rust::program(root)?;
    setup::node_packages(root)?;
    let run_file = |file: &OsStr| {
        let mut tests = Command::new("node");
        tests
            .current_dir(&folder)
            .env("PATH", &path)
            .env("HEADWAY_BIN", &program)
            .env("CHROMIUM", setup::CHROMIUM)
            .args(["--test", "--test-reporter=spec", "--test-force-exit"])
            .arg(file);
        let mut tally = Tally::default();
        let ended = command::watched(&mut tests, |line| tally.read_node(line));
        tally.judged_by(ended)
    };
    let mut tally = Tally::default();
    for file in files(&folder)? {
        let first = run_file(&file);
        if first.failed == 0 {
            tally += first;
            continue;
        }
        say(&format!("{}: once more\n", file.to_string_lossy()));
        tally += run_file(&file).after(first);
    }
    Ok(tally)
}

/// The files with tests, in the order of their names.
fn files(folder: &Path) -> Result<Vec<OsString>, String> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(problem)? {
        let name = entry.map_err(problem)?.file_name();
        if name.to_string_lossy().ends_with(".test.js") {
            files.push(name);
        }
    }
    files.sort();
    if files.is_empty() { Err(format!("{}: no tests", folder.display())) } else { Ok(files) }
}
