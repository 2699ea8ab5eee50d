//! What the tests need from the machine, installed when it is missing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Group;
use crate::{command, say, tools};

/// Something a group needs, how its presence is seen and the Debian package that brings it.
struct Need {
    group: Group,
    package: &'static str,
    probe: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need { group: Group::Rust, package: "make", probe: &["make", "--version"] },
    Need { group: Group::Rust, package: "python3", probe: &["python3", "--version"] },
    // Clients of TLS that are not ours.
    Need { group: Group::Rust, package: "curl", probe: &["curl", "--version"] },
    Need { group: Group::Rust, package: "openssl", probe: &["openssl", "version"] },
    Need { group: Group::Supply, package: "git", probe: &["git", "--version"] },
    Need {
        group: Group::Supply,
        package: "python3-venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
    },
    // libFuzzer comes as source in C++.
    Need { group: Group::Fuzz, package: "g++", probe: &["g++", "--version"] },
    Need { group: Group::Python, package: "python3", probe: &["python3", "--version"] },
    Need {
        group: Group::Python,
        package: "python3-venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
    },
    // A Node that is new enough comes with it, and workers of batches are written in it.
    Need { group: Group::TypeScript, package: "python3", probe: &["python3", "--version"] },
    Need {
        group: Group::TypeScript,
        package: "python3-venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
    },
    Need { group: Group::Abuse, package: "python3", probe: &["python3", "--version"] },
    Need {
        group: Group::Abuse,
        package: "python3-venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
    },
    Need { group: Group::Abuse, package: "openssl", probe: &["openssl", "version"] },
    Need { group: Group::Browser, package: "make", probe: &["make", "--version"] },
    Need { group: Group::Browser, package: "python3", probe: &["python3", "--version"] },
    Need {
        group: Group::Browser,
        package: "python3-venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
    },
    Need { group: Group::Browser, package: "curl", probe: &["curl", "--version"] },
    Need { group: Group::Browser, package: "chromium", probe: &[CHROMIUM, "--version"] },
];

/// Where Debian's package puts the browser.
pub(super) const CHROMIUM: &str = "/usr/bin/chromium";

/// The oldest Node whose test runner and fetch the browser tests can use.
const NODE_MAJOR: u32 = 20;

/// Installs the Debian packages that the groups need and the machine lacks.
pub(super) fn packages(groups: &[Group]) -> Result<(), String> {
    let mut missing = Vec::new();
    for need in NEEDS.iter().filter(|need| groups.contains(&need.group)) {
        let [program, arguments @ ..] = need.probe else { continue };
        let present = command::succeeds_silently(Command::new(program).args(arguments));
        if !present && !missing.contains(&need.package) {
            missing.push(need.package);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("installing what is missing: {}\n", missing.join(", ")));
    command::succeed(&mut apt_get(&["update", "--quiet"]))?;
    let mut install = apt_get(&["install", "--quiet", "--yes", "--no-install-recommends"]);
    command::succeed(install.args(missing))
}

/// `apt-get` as root, through sudo where this is another user.
fn apt_get(arguments: &[&str]) -> Command {
    let root = command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if root {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "env"]);
        sudo
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
    command
}

/// The folder with the repository's own Python environment, made when it is not there.
pub(super) fn python_environment(root: &Path) -> Result<PathBuf, String> {
    tools::environment(&root.join(".venv"))
}

/// Where programs are looked up, a Node that is new enough before all others.
pub(super) fn path_with_node(root: &Path) -> Result<OsString, String> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders = node_folder(root)?.into_iter().chain(std::env::split_paths(&inherited));
    std::env::join_paths(folders).map_err(|error| format!("the search path cannot be set: {error}"))
}

/// Installs the packages of the npm workspace, unless they are there as the lock file has them.
pub(super) fn node_packages(root: &Path) -> Result<(), String> {
    let written = |path: &str| root.join(path).metadata().and_then(|file| file.modified()).ok();
    // npm writes it at the end of an installation.
    let installed = written("node_modules/.package-lock.json");
    if installed.is_some() && installed >= written("package-lock.json") {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.current_dir(root).env("PATH", path_with_node(root)?);
    command::succeed(npm.args(["ci", "--no-audit", "--no-fund"]))
}

/// The folder of a Node that is new enough: `None` when it is on the path, else inside the Python
/// environment, where it is installed when it is not there.
fn node_folder(root: &Path) -> Result<Option<PathBuf>, String> {
    if new_enough(&mut Command::new("node")) {
        return Ok(None);
    }
    let environment = python_environment(root)?;
    let folder = environment.join("bin");
    if !new_enough(&mut Command::new(folder.join("node"))) {
        // The same program as everywhere, as a Python wheel.
        tools::install(root, &environment, tools::NODE)?;
    }
    Ok(Some(folder))
}

fn new_enough(node: &mut Command) -> bool {
    let version = node.arg("--version").output().ok().filter(|output| output.status.success());
    version
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| text.trim().strip_prefix('v')?.split('.').next()?.parse().ok())
        .is_some_and(|major: u32| major >= NODE_MAJOR)
}

/// Adds rustfmt and clippy where the toolchain came without them.
pub(super) fn rust_components(root: &Path) -> Result<(), String> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let mut probe = command::cargo();
        if !command::succeeds_silently(probe.current_dir(root).args([subcommand, "--version"])) {
            let mut rustup = Command::new("rustup");
            command::succeed(rustup.current_dir(root).args(["component", "add", component]))?;
        }
    }
    Ok(())
}
