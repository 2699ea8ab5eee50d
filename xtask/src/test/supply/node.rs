//! Packages of npm: a lock file with checksums, and what the registry knows about them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Check;
use crate::command;
use crate::test::setup;

/// How long the registry may take to answer, and how often it is asked again.
const PATIENCE: [&str; 2] = ["--fetch-timeout=20000", "--fetch-retries=0"];

/// Whether `npm ci` would take the lock file, and every package in it has a checksum.
pub(super) fn in_step(root: &Path) -> Check {
    Check::of((|| {
        let path = root.join("package-lock.json");
        let unreadable = |error: String| format!("{} cannot be read: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        let lock = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let bare = without_checksum(&lock);
        if !bare.is_empty() {
            return Err(format!("no checksum for {}", bare.join(", ")));
        }
        let mut npm = npm(root)?;
        npm.args(["ci", "--dry-run", "--ignore-scripts", "--no-audit", "--no-fund"]);
        let (held, told) = command::judged(npm.args(PATIENCE))?;
        if held { Ok(()) } else { Err(told) }
    })())
}

/// The packages of a lock file that are fetched and have no checksum.
fn without_checksum(lock: &Value) -> Vec<String> {
    let packages = lock.get("packages").and_then(Value::as_object).into_iter().flatten();
    packages
        .filter(|(path, package)| {
            path.contains("node_modules/")
                && package.get("link").is_none()
                && package.get("integrity").and_then(Value::as_str).is_none()
        })
        .map(|(path, _)| path.clone())
        .collect()
}

/// What `npm audit` says.
pub(super) fn advisories(root: &Path) -> Check {
    let mut npm = match npm(root) {
        Ok(npm) => npm,
        Err(problem) => return Check::Failed(problem),
    };
    match command::judged(npm.args(["audit", "--json"]).args(PATIENCE)) {
        Ok((held, told)) => judge(held, &told),
        Err(problem) => Check::Failed(problem),
    }
}

fn judge(held: bool, told: &str) -> Check {
    // A refusal is told in words, then in JSON; a report is JSON with the number of findings.
    let report = told.find('{').and_then(|start| {
        let mut values =
            serde_json::Deserializer::from_str(told.get(start..)?).into_iter::<Value>();
        values.next()?.ok()
    });
    let findings =
        report.as_ref().and_then(|report| report.pointer("/metadata/vulnerabilities/total"));
    match findings.and_then(Value::as_u64) {
        Some(0) if held => Check::Held,
        Some(_) => Check::Failed(told.to_owned()),
        None => {
            let reason = told.lines().find(|line| !line.contains("Unknown user config"));
            Check::Skipped(format!("the registry gives no answer: {}", reason.unwrap_or_default()))
        }
    }
}

/// npm in the workspace, with a Node that is new enough.
fn npm(root: &Path) -> Result<Command, String> {
    let mut npm = Command::new("npm");
    npm.current_dir(root).env("PATH", setup::path_with_node(root)?);
    Ok(npm)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_without_a_checksum_is_seen() {
        let lock = json!({ "packages": {
            "": { "name": "project" },
            "node_modules/ws": { "version": "1.0.0", "integrity": "sha512-…" },
            "node_modules/ours": { "link": true },
            "node_modules/bare": { "version": "1.0.0" },
        }});
        assert_eq!(without_checksum(&lock), ["node_modules/bare"]);
    }

    #[test]
    fn only_a_report_without_findings_holds() {
        let report = |total: u64| {
            format!(
                "npm warn\n{}",
                json!({ "metadata": { "vulnerabilities": { "total": total } } })
            )
        };
        assert_eq!(judge(true, &report(0)), Check::Held);
        assert!(matches!(judge(false, &report(2)), Check::Failed(_)));
        // Findings below the level at which npm itself would fail.
        assert!(matches!(judge(true, &report(1)), Check::Failed(_)));
        let refused = "npm warn audit 405 Method Not Allowed\n{\"message\": \"405\"}";
        assert!(matches!(judge(false, refused), Check::Skipped(reason) if reason.contains("405")));
    }
}
