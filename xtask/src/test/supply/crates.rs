//! Crates: cargo's lock files, and cargo-deny's judgement by `deny.toml`.

use std::path::Path;
use std::process::Command;

use super::Check;
use crate::command;

/// What cargo-deny's output has when the database could not be fetched.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// Whether the manifests ask for nothing that the lock file does not have.
pub(super) fn in_step(root: &Path, manifest: &str) -> Check {
    let mut metadata = command::cargo();
    metadata.current_dir(root).args(["metadata", "--locked", "--format-version", "1"]);
    Check::of(command::output(metadata.args(["--manifest-path", manifest])).map(drop))
}

/// Licences, origins, crates that are banned.
pub(super) fn policy(root: &Path, programs: &Path, manifest: &str) -> Check {
    let mut deny = deny(root, programs, manifest);
    // Only one of the two workspaces needs some of the permissions.
    deny.args(["--allow", "license-exception-not-encountered"]);
    if manifest != "Cargo.toml" {
        deny.args(["--allow", "license-not-encountered"]);
    }
    let judged = command::judged(deny.args(["bans", "licenses", "sources"]));
    Check::of(judged.and_then(|(held, told)| if held { Ok(()) } else { Err(told) }))
}

/// Known vulnerabilities, withdrawn versions.
pub(super) fn advisories(root: &Path, programs: &Path, manifest: &str) -> Check {
    judge(command::judged(deny(root, programs, manifest).arg("advisories")))
}

fn judge(outcome: Result<(bool, String), String>) -> Check {
    match outcome {
        Ok((true, _)) => Check::Held,
        Ok((false, told)) if told.contains(UNREACHABLE) => {
            let reason = told.lines().find(|line| line.contains("fatal:")).unwrap_or(UNREACHABLE);
            Check::Skipped(format!("its database cannot be reached: {reason}"))
        }
        Ok((false, told)) => Check::Failed(told),
        Err(problem) => Check::Failed(problem),
    }
}

fn deny(root: &Path, programs: &Path, manifest: &str) -> Command {
    let mut deny = Command::new(programs.join("cargo-deny"));
    deny.current_dir(root).args(["--locked", "--config", "deny.toml", "--manifest-path", manifest]);
    // A fetch that hangs, or asks for a password, is one that cannot be made.
    deny.env("GIT_TERMINAL_PROMPT", "0");
    deny.env("GIT_HTTP_LOW_SPEED_LIMIT", "1000").env("GIT_HTTP_LOW_SPEED_TIME", "20");
    deny.args(["check", "--hide-inclusion-graph"]);
    deny
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_asked_did_not_hold() {
        let told =
            "[ERROR] failed to fetch advisory database https://…\nfatal: no host\n".to_owned();
        let skipped = "its database cannot be reached: fatal: no host".to_owned();
        assert_eq!(judge(Ok((false, told))), Check::Skipped(skipped));
        let told = "error[vulnerability]: a flaw".to_owned();
        assert_eq!(judge(Ok((false, told.clone()))), Check::Failed(told));
        assert_eq!(judge(Ok((true, String::new()))), Check::Held);
    }
}
