//! Packages of Python: lock files with checksums, and what is known about them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Check;
use crate::{command, tools};

/// Whether a lock file has what was asked for, in that version, and a checksum for everything.
/// That nothing is missing is seen when it is installed: pip then takes nothing else.
pub(super) fn in_step(root: &Path, lock: &str) -> Check {
    Check::of((|| {
        let read = |name: &str| {
            fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"))
        };
        compare(&read(&tools::wanted(lock))?, &read(lock)?)
    })())
}

fn compare(wanted: &str, locked: &str) -> Result<(), String> {
    let locked = pins(locked)?;
    for (name, (version, _)) in pins(wanted)? {
        let found = locked.get(&name).map(|(version, _)| version);
        if found != Some(&version) {
            let found = found.map_or("nothing", String::as_str);
            return Err(format!(
                "{name} {version} is asked for, {found} is locked: run `cargo xtask lock`"
            ));
        }
    }
    match locked.iter().find(|(_, (_, checksums))| *checksums == 0) {
        Some((name, _)) => Err(format!("no checksum for {name}: run `cargo xtask lock`")),
        None => Ok(()),
    }
}

/// Packages with their versions and how many checksums they have.
fn pins(text: &str) -> Result<BTreeMap<String, (String, usize)>, String> {
    let mut pins: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let joined = text.replace("\\\n", " ");
    for line in joined.lines().filter(|line| !line.starts_with('#')) {
        let Some(pin) = line.split_whitespace().next() else { continue };
        let (name, version) =
            pin.split_once("==").ok_or_else(|| format!("`{pin}` names no version"))?;
        let name = name.split('[').next().unwrap_or(name).to_ascii_lowercase();
        pins.insert(name, (version.to_owned(), line.matches("--hash=sha256:").count()));
    }
    Ok(pins)
}

/// What pip-audit says about a lock file.
pub(super) fn advisories(root: &Path, programs: &Path, lock: &str) -> Check {
    let mut audit = Command::new(programs.join("pip-audit"));
    audit.current_dir(root).args(["--disable-pip", "--require-hashes", "--timeout", "20"]);
    audit.args(["--progress-spinner", "off", "--format", "json", "--requirement", lock]);
    match command::judged(&mut audit) {
        Ok((held, told)) => judge(held, &told),
        Err(problem) => Check::Failed(problem),
    }
}

fn judge(held: bool, told: &str) -> Check {
    let report = told.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
    let packages = report.as_ref().and_then(|report| report.get("dependencies")?.as_array());
    let Some(packages) = packages else {
        let last = told.lines().last().unwrap_or_default();
        return Check::Skipped(format!("no answer: {last}"));
    };
    let unknown: Vec<&str> =
        packages.iter().filter_map(|package| package.get("skip_reason")?.as_str()).collect();
    if !held {
        return Check::Failed(told.to_owned());
    }
    match unknown.first() {
        None => Check::Held,
        Some(reason) => Check::Skipped(format!(
            "nothing is known about {} of {} packages: {reason}",
            unknown.len(),
            packages.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_out_of_step_is_seen() {
        let wanted = "# why\nWs[extra]==1.2  # that\n";
        let check = |locked: &str, problem: Option<&str>| {
            let found = compare(wanted, locked);
            assert_eq!(
                found.as_ref().err().map(|told| told.contains(problem.unwrap_or("?"))),
                problem.map(|_| true),
                "{found:?}"
            );
        };
        check("ws==1.2 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd\n", None);
        check("ws==1.3 --hash=sha256:ab\n", Some("1.3 is locked"));
        check("other==1.2 --hash=sha256:ab\n", Some("nothing is locked"));
        check("ws==1.2 --hash=sha256:ab\nother==1\n", Some("no checksum for other"));
        check("ws>=1.2\n", Some("names no version"));
    }

    #[test]
    fn a_package_that_nobody_knows_was_not_checked() {
        let known =
            r#"{"dependencies": [{"name": "a", "version": "1", "vulns": []}], "fixes": []}"#;
        assert_eq!(judge(true, &format!("No known vulnerabilities found\n{known}\n")), Check::Held);
        let unknown = r#"{"dependencies": [{"name": "a", "skip_reason": "not found"}]}"#;
        assert!(
            matches!(judge(true, unknown), Check::Skipped(reason) if reason.contains("1 of 1"))
        );
        assert!(matches!(judge(false, known), Check::Failed(_)));
        assert!(matches!(judge(false, "ConnectionError"), Check::Skipped(_)));
    }
}
