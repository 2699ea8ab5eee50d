//! `cargo xtask layers`: which crate may import what.
//!
//! The tables below are the architecture's, as data; ARCHITECTURE.md tells them in words. A crate
//! that is not in [`ROOMS`], an import that its row does not name and a library outside the crates
//! that [`LIBRARIES`] gives it to are violations. Development dependencies are free: a test may
//! stand anywhere.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::{Outcome, command, say};

/// One crate of the workspace and the crates of ours that it may import.
struct Room {
    name: &'static str,
    may_import: &'static [&'static str],
    /// What it must never know, as the message of a violation says it.
    never_knows: &'static str,
}

const ROOMS: &[Room] = &[
    Room { name: "headway-protocol", may_import: &[], never_knows: "that a server exists" },
    Room {
        name: "headway-access",
        may_import: &["headway-protocol"],
        never_knows: "how somebody has signed in, clocks, input and output",
    },
    Room {
        name: "headway-signin",
        may_import: &["headway-access", "headway-protocol", "headway-store"],
        never_knows: "jobs, routes, store adapters",
    },
    Room {
        name: "headway-core",
        may_import: &["headway-protocol"],
        never_knows: "clocks, input and output, tasks, storage",
    },
    Room {
        name: "headway-store",
        may_import: &["headway-protocol"],
        never_knows: "what a job may do",
    },
    Room {
        name: "headway-store-embedded",
        may_import: &["headway-protocol", "headway-store"],
        never_knows: "the rules of a job, HTTP",
    },
    Room {
        name: "headway-engine",
        may_import: &["headway-access", "headway-core", "headway-protocol", "headway-store"],
        never_knows: "watchers, HTTP servers, store adapters",
    },
    Room {
        name: "headway-hub",
        may_import: &["headway-access", "headway-protocol", "headway-store"],
        never_knows: "the engine, the rules of a job, HTTP, store adapters",
    },
    Room {
        name: "headway-websocket",
        may_import: &[],
        never_knows: "Headway: it turns bytes into messages and messages into bytes",
    },
    Room {
        name: "headway-tls",
        may_import: &[],
        never_knows: "Headway, or any protocol above TLS but how to tell it from plain text",
    },
    Room {
        name: "headway-gateway",
        may_import: &[
            "headway-access",
            "headway-engine",
            "headway-hub",
            "headway-protocol",
            "headway-signin",
            "headway-tls",
            "headway-websocket",
        ],
        never_knows: "the rules of a job, the store, its adapters",
    },
    Room {
        name: "headway",
        may_import: &[
            "headway-access",
            "headway-client",
            "headway-core",
            "headway-engine",
            "headway-gateway",
            "headway-hub",
            "headway-protocol",
            "headway-signin",
            "headway-store",
            "headway-store-embedded",
            "headway-tls",
        ],
        never_knows: "logic of its own",
    },
    Room {
        name: "headway-client",
        may_import: &["headway-protocol"],
        never_knows: "the server's crates",
    },
    Room {
        name: "headway-sim",
        may_import: &["headway-access", "headway-hub", "headway-protocol", "headway-store"],
        never_knows: "how the server is built: it watches from outside, or drives the hub alone",
    },
    Room { name: "xtask", may_import: &["headway-protocol"], never_knows: "the server's crates" },
];

/// A library and the only crates that may import it.
struct Library {
    name: &'static str,
    only: &'static [&'static str],
    why: &'static str,
}

const LIBRARIES: &[Library] = &[
    Library {
        name: "axum",
        only: &["headway-gateway"],
        why: "HTTP is served by the gateway alone",
    },
    Library {
        name: "hyper",
        only: &["headway-gateway"],
        why: "HTTP is served by the gateway alone",
    },
    Library {
        name: "hyper-util",
        only: &["headway-gateway"],
        why: "HTTP is served by the gateway alone",
    },
    Library {
        name: "tower",
        only: &["headway-gateway"],
        why: "HTTP is served by the gateway alone",
    },
    Library {
        name: "rusqlite",
        only: &["headway-store-embedded"],
        why: "a database driver stays in its adapter",
    },
    Library {
        name: "reqwest",
        only: &["headway-engine", "headway-client", "headway-signin", "headway-sim"],
        why: "requests go out from executors and from the client",
    },
    Library {
        name: "tokio-tungstenite",
        only: &["headway-client", "headway-sim"],
        why: "the client speaks WebSocket with a library, the server has its own doors",
    },
    Library { name: "clap", only: &["headway"], why: "the command line belongs to the program" },
    Library { name: "indicatif", only: &["headway"], why: "the terminal belongs to the program" },
    Library { name: "toml", only: &["headway"], why: "configuration is read once, in the program" },
    Library {
        name: "tracing-subscriber",
        only: &["headway"],
        why: "libraries emit logs, the program decides where they go",
    },
];

/// Crates that must not reach a runtime, not even through a library: their functions are called
/// by simulations and by the browser's build alike.
const WITHOUT_RUNTIME: &[&str] =
    &["headway-protocol", "headway-websocket", "headway-core", "headway-store"];
const RUNTIMES: &[&str] = &["tokio", "async-std", "smol"];

/// The platform whose dependencies are looked at; it spares fetching those of all others.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Reads `cargo metadata` of the workspace and prints every violation.
pub(crate) fn run(root: &Path) -> Outcome {
    let metadata = command::output(
        command::cargo()
            .current_dir(root)
            .args(["metadata", "--format-version", "1", "--all-features", "--locked"])
            .args(["--filter-platform", PLATFORM]),
    )?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|error| format!("cargo metadata cannot be read: {error}"))?;
    let violations = violations(&Graph::read(&metadata)?);
    for violation in &violations {
        say(&format!("{violation}\n"));
    }
    Ok(if violations.is_empty() {
        say(&format!("layers: {} crates keep to the table\n", ROOMS.len()));
        ExitCode::SUCCESS
    } else {
        say(&format!("layers: {} violations\n", violations.len()));
        ExitCode::FAILURE
    })
}

/// The packages of a build and their normal dependencies, by name.
///
/// Two versions of one library count as one: a rule is about what it is, not which.
#[derive(Debug, Default)]
struct Graph {
    members: BTreeSet<String>,
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read(metadata: &Value) -> Result<Self, String> {
        let names: BTreeMap<&str, &str> = list(metadata, "packages")?
            .iter()
            .map(|package| Ok((text(package, "id")?, text(package, "name")?)))
            .collect::<Result<_, String>>()?;
        let name_of = |id: &str| -> Result<String, String> {
            let name = names.get(id).ok_or_else(|| format!("no package has the id {id}"))?;
            Ok((*name).to_owned())
        };
        let mut graph = Self::default();
        for member in list(metadata, "workspace_members")? {
            let id = member.as_str().ok_or("a workspace member is not text")?;
            graph.members.insert(name_of(id)?);
        }
        let resolved = metadata.get("resolve").ok_or("cargo metadata has no `resolve`")?;
        for node in list(resolved, "nodes")? {
            let imports = graph.imports.entry(name_of(text(node, "id")?)?).or_default();
            for dependency in list(node, "deps")? {
                let kinds = list(dependency, "dep_kinds")?;
                if kinds.iter().any(|kind| kind.get("kind").is_none_or(Value::is_null)) {
                    imports.insert(name_of(text(dependency, "pkg")?)?);
                }
            }
        }
        Ok(graph)
    }

    fn imports_of(&self, name: &str) -> impl Iterator<Item = &str> {
        self.imports.get(name).into_iter().flatten().map(String::as_str)
    }

    /// A shortest chain of imports from `from` to one of `targets`.
    fn path_to<'graph>(
        &'graph self,
        from: &'graph str,
        targets: &[&str],
    ) -> Option<Vec<&'graph str>> {
        let mut chains = vec![vec![from]];
        let mut seen = BTreeSet::from([from]);
        while !chains.is_empty() {
            let mut longer = Vec::new();
            for chain in chains {
                for import in chain.last().into_iter().flat_map(|last| self.imports_of(last)) {
                    let mut next = chain.clone();
                    next.push(import);
                    if targets.contains(&import) {
                        return Some(next);
                    }
                    if seen.insert(import) {
                        longer.push(next);
                    }
                }
            }
            chains = longer;
        }
        None
    }
}

fn list<'value>(value: &'value Value, member: &str) -> Result<&'value [Value], String> {
    let found = value.get(member).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or_else(|| format!("cargo metadata has no list `{member}`"))
}

fn text<'value>(value: &'value Value, member: &str) -> Result<&'value str, String> {
    let found = value.get(member).and_then(Value::as_str);
    found.ok_or_else(|| format!("cargo metadata has no text `{member}`"))
}

/// Every way in which the graph breaks the tables, one sentence each.
fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for name in &graph.members {
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            found.push(format!(
                "{name} is not in the layer table: say in xtask/src/layers.rs and \
                 ARCHITECTURE.md what it is and what it may import"
            ));
            continue;
        };
        for import in graph.imports_of(name) {
            if graph.members.contains(import) && !room.may_import.contains(&import) {
                found.push(format!(
                    "{name} imports {import}, but must never know {}; it may import {}",
                    room.never_knows,
                    words(room.may_import)
                ));
            }
            let library = LIBRARIES.iter().find(|library| library.name == import);
            if let Some(library) = library.filter(|library| !library.only.contains(&room.name)) {
                found.push(format!(
                    "{name} imports {import}: {}; only {} may",
                    library.why,
                    words(library.only)
                ));
            }
        }
        if WITHOUT_RUNTIME.contains(&room.name)
            && let Some(chain) = graph.path_to(name, RUNTIMES)
        {
            found.push(format!(
                "{name} reaches a runtime, but must run without one: {}",
                chain.join(" → ")
            ));
        }
    }
    for room in ROOMS {
        if !graph.members.contains(room.name) {
            found.push(format!("{} is in the layer table, but not in the workspace", room.name));
        }
    }
    found
}

fn words(names: &[&str]) -> String {
    if names.is_empty() { "none of ours".to_owned() } else { names.join(", ") }
}
