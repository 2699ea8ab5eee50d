//! Form and architecture; each check is one test.

use std::path::Path;
use std::process::ExitCode;

use super::{Tally, setup};
use crate::{command, layers, say};

/// rustfmt, clippy with warnings as errors, the layer table.
pub(super) fn run(root: &Path) -> Result<Tally, String> {
    setup::rust_components(root)?;
    let mut tally = Tally::default();
    let checks: [&[&str]; 3] = [
        &["fmt", "--all", "--check"],
        &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"],
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ],
    ];
    for arguments in checks {
        let held = command::succeed(command::cargo().current_dir(root).args(arguments));
        tally += Tally::single(told(held.map(|()| ExitCode::SUCCESS)));
    }
    tally += Tally::single(told(layers::run(root)));
    Ok(tally)
}

/// Whether a check held; why it could not run is printed.
fn told(outcome: Result<ExitCode, String>) -> bool {
    match outcome {
        Ok(code) => code == ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("{problem}\n"));
            false
        }
    }
}
