//! What the tests need from the machine, installed when it is missing.

use std::path::Path;
use std::process::Command;

use super::Group;
pub(super) use crate::node::{node_packages, path_with_node, python_environment};
use crate::{command, say};

/// Something a group needs, how its presence is seen and the Debian package that brings it.
struct Need {
    group: Group,
    package: &'static str,
    probe: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need { group: Group::Rust, package: "make", probe: &["make", "--version"] },
    Need { group: Group::Rust, package: "python3", probe: &["python3", "--version"] },
    // A Node that is new enough comes with it, and the dashboard is built with that.
    Need {
        group: Group::Rust,
        package: "python3-venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
    },
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
