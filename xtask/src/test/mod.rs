//! `cargo xtask test`: everything that has to hold, on a machine that may have nothing yet.
//!
//! Eight groups run one after the other: lint, supply, rust, fuzz, python, typescript, abuse, browser. Each check of a group is one
//! test or a program that counts its own; the counts are added up and stand alone on the last
//! line. A group that cannot run counts as a failed test, and the others still run.

mod abuse;
mod browser;
mod fuzz;
mod lint;
mod python;
mod rust;
mod setup;
mod supply;
mod tally;
mod typescript;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::{Outcome, say};
use tally::Tally;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Lint,
    Supply,
    Rust,
    Fuzz,
    Python,
    TypeScript,
    Abuse,
    Browser,
}

impl Group {
    const ALL: [Self; 8] = [
        Self::Lint,
        Self::Supply,
        Self::Rust,
        Self::Fuzz,
        Self::Python,
        Self::TypeScript,
        Self::Abuse,
        Self::Browser,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Lint => "lint",
            Self::Supply => "supply",
            Self::Rust => "rust",
            Self::Fuzz => "fuzz",
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::Abuse => "abuse",
            Self::Browser => "browser",
        }
    }

    fn run(self, root: &Path) -> Result<Tally, String> {
        match self {
            Self::Lint => lint::run(root),
            Self::Supply => supply::run(root),
            Self::Rust => Ok(rust::run(root)),
            Self::Fuzz => fuzz::run(root),
            Self::Python => python::run(root),
            Self::TypeScript => typescript::run(root),
            Self::Abuse => abuse::run(root),
            Self::Browser => browser::run(root),
        }
    }
}

/// Runs the groups that the arguments name, or all of them.
pub(crate) fn run(root: &Path, arguments: &[OsString]) -> Outcome {
    let groups = named(arguments)?;
    setup::packages(&groups)?;
    let mut sum = Tally::default();
    for group in groups {
        say(&format!("\n== {} ==\n", group.name()));
        let tally = group.run(root).unwrap_or_else(|problem| {
            say(&format!("{}: {problem}\n", group.name()));
            Tally::broken()
        });
        say(&format!("{}: {tally}\n", group.name()));
        sum += tally;
    }
    say(&format!("\n{sum}\n"));
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn named(arguments: &[OsString]) -> Result<Vec<Group>, String> {
    let mut groups = Vec::new();
    for argument in arguments {
        let group = Group::ALL.into_iter().find(|group| argument == group.name());
        groups.push(group.ok_or_else(|| {
            let known = Group::ALL.map(Group::name).join(", ");
            format!("`{}` is no group of tests: use {known}", argument.to_string_lossy())
        })?);
    }
    Ok(if groups.is_empty() { Group::ALL.to_vec() } else { groups })
}
