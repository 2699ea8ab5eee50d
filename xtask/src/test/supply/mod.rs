//! What comes from others: licences, origins, lock files that are in step, known vulnerabilities,
//! and the bill of materials.
//!
//! Databases of vulnerabilities are asked where they can be reached. Where they cannot, the check
//! is skipped, says so and is counted as skipped: never as held.

mod bill;
mod crates;
mod licences;
mod node;
mod python;

use std::path::Path;

use super::Tally;
use crate::say;
use crate::tools;

/// What came of one check.
#[derive(Debug, PartialEq, Eq)]
enum Check {
    Held,
    Failed(String),
    Skipped(String),
}

impl Check {
    /// A check that can only hold or fail.
    fn of(outcome: Result<(), String>) -> Self {
        outcome.map_or_else(Self::Failed, |()| Self::Held)
    }

    fn told(self, what: &str) -> Tally {
        match self {
            Self::Held => {
                say(&format!("held: {what}\n"));
                Tally::single(true)
            }
            Self::Failed(problem) => {
                say(&format!("failed: {what}\n{}\n", problem.trim_end()));
                Tally::single(false)
            }
            Self::Skipped(reason) => {
                say(&format!("SKIPPED, not checked: {what}\n{}\n", reason.trim_end()));
                Tally::skipped()
            }
        }
    }
}

/// Every check is one test.
pub(super) fn run(root: &Path) -> Result<Tally, String> {
    let programs = tools::supply(root)?;
    let mut tally = Tally::default();
    for workspace in ["Cargo.toml", "fuzz/Cargo.toml"] {
        tally += crates::in_step(root, workspace).told(&format!("{workspace}: its lock file fits"));
        tally += crates::policy(root, &programs, workspace)
            .told(&format!("{workspace}: licences, origins and banned crates, as deny.toml says"));
        tally += crates::advisories(root, &programs, workspace)
            .told(&format!("{workspace}: no crate with a known vulnerability (RustSec)"));
    }
    tally += node::in_step(root).told("package-lock.json: it fits and has checksums");
    tally += node::advisories(root)
        .told("package-lock.json: no package with a known vulnerability (npm audit)");
    tally += licences::of_dashboard(root)
        .told("package-lock.json: licences of what is in the dashboard, as licences.rs says");
    for lock in tools::LOCKS {
        tally += python::in_step(root, lock)
            .told(&format!("{lock}: it has what was asked for, with checksums"));
        tally += python::advisories(root, &programs, lock)
            .told(&format!("{lock}: no package with a known vulnerability (pip-audit)"));
    }
    tally += bill::valid(root, &programs).told("the bill of materials is CycloneDX and complete");
    Ok(tally)
}
