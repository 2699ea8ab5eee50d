//! The project's own commands: `cargo xtask help` lists them.
//!
//! Needs nothing but the standard library and a JSON reader, so that it is built in seconds on a
//! machine that has nothing yet. What a command prints is its product; it exits with 0 when
//! everything held.

mod command;
mod dashboard;
mod demo;
mod dist;
mod fuzz;
mod instructions;
mod layers;
mod node;
mod test;
mod tools;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  test [lint|supply|rust|fuzz|python|typescript|abuse|browser]...
                                       install what is missing, run every check and test
                                       (or only those named), print `N passed, N failed`
  fuzz [--seconds N] [TARGET]...       hostile bytes for every reader, or those named,
                                       60 seconds each unless said
  demo [--release] [ARGUMENTS]...      build the program and run its demonstration;
                                       the arguments are those of `headway demo`
  dashboard                            build what the program shows at its address
  instructions                         what the hot path costs, counted by valgrind
  dist                                 build what is handed out: an archive, its bill of
                                       materials and their checksums
  lock                                 work the lock files of Python packages out again
  layers                               hold the crates' dependencies against the layer table
  help                                 print this text
";

/// What a command came to.
type Outcome = Result<ExitCode, String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_else(|| OsString::from("help"));
    let rest: Vec<OsString> = arguments.collect();
    let root = root();
    let outcome = match name.to_str() {
        Some("test") => test::run(&root, &rest),
        Some("demo") => demo::run(&root, rest),
        Some("dashboard") => dashboard::run(&root, &rest),
        Some("fuzz") => fuzz::run(&root, &rest),
        Some("instructions") => instructions::run(&root),
        Some("dist") => dist::run(&root, &rest),
        Some("lock") => tools::lock(&root),
        Some("layers") => layers::run(&root),
        Some("help" | "--help" | "-h") => {
            say(USAGE);
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(format!("`{}` is not a command\n\n{USAGE}", name.to_string_lossy())),
    };
    outcome.unwrap_or_else(|problem| {
        say(&format!("xtask: {problem}\n"));
        ExitCode::from(2)
    })
}

/// The repository's folder: the one above this crate's.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// Prints to standard output at once. A reader that went away is not an error of the command.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    drop(written);
}
