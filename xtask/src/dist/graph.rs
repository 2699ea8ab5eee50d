//! Which packages the program is made of, and who needs whom: cargo's answer for one machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command;

/// One package that takes part in building the program.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression.
    pub(super) license: Option<String>,
    pub(super) description: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) origin: Origin,
    /// Where its files are.
    pub(super) folder: PathBuf,
    /// Whether its code is in the program, and not only in what builds it.
    pub(super) linked: bool,
    /// Keys of those that it needs.
    pub(super) needs: BTreeSet<String>,
}

/// Where a package comes from, with the checksum of what was downloaded, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This repository.
    Ours,
    /// crates.io; SHA-256.
    Crates(String),
    /// npm; SHA-512.
    Npm(String),
}

/// All packages by `name@version`; those of npm by `npm:name@version`.
pub(super) type Graph = BTreeMap<String, Package>;

/// The package whose graph this is.
pub(super) const PROGRAM: &str = "headway";

/// Asks cargo for the packages of the program, built for `target` with its default features.
pub(super) fn read(root: &Path, target: &str) -> Result<Graph, String> {
    let mut metadata = command::cargo();
    metadata.current_dir(root).args(["metadata", "--locked", "--format-version", "1"]);
    metadata.args(["--filter-platform", target]);
    let metadata: Value = serde_json::from_str(&command::output(&mut metadata)?)
        .map_err(|error| format!("cargo metadata cannot be read: {error}"))?;
    // `metadata` joins the features of all crates and tests; `tree` knows what is really built.
    let mut tree = command::cargo();
    tree.current_dir(root).args(["tree", "--locked", "--package", PROGRAM, "--target", target]);
    tree.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let built = built(&command::output(&mut tree)?);
    let lock = fs::read_to_string(root.join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock cannot be read: {error}"))?;
    let mut graph = packages(&metadata, &built, &checksums(&lock))
        .ok_or("cargo metadata does not have the form that is known")?;
    let start = graph.keys().find(|key| key.starts_with("headway@")).cloned();
    link(&mut graph, start.ok_or("the program is no package of the workspace")?, &metadata);
    Ok(graph)
}

/// The keys in what `cargo tree` prints: `name v1.2.3 (proc-macro) (*)`.
fn built(tree: &str) -> BTreeSet<String> {
    let key = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{}@{}", words.next()?, words.next()?.strip_prefix('v')?))
    };
    tree.lines().filter_map(key).collect()
}

/// The checksums in a lock file, by key.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let member = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|package| {
            let key = format!("{}@{}", member(package, "name")?, member(package, "version")?);
            Some((key, member(package, "checksum")?))
        })
        .collect()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// How one package of cargo's answer is called here.
fn key_of(package: &Value) -> Option<String> {
    Some(format!("{}@{}", text(package, "name")?, text(package, "version")?))
}

/// Keys by cargo's own identifiers.
fn keys(metadata: &Value) -> Option<BTreeMap<&str, String>> {
    let packages = metadata.get("packages")?.as_array()?.iter();
    packages.map(|package| Some((text(package, "id")?, key_of(package)?))).collect()
}

fn packages(
    metadata: &Value,
    built: &BTreeSet<String>,
    checksums: &BTreeMap<String, String>,
) -> Option<Graph> {
    let keys = keys(metadata)?;
    let mut graph = Graph::new();
    for package in metadata.get("packages")?.as_array()? {
        let key = key_of(package)?;
        if !built.contains(&key) {
            continue;
        }
        let own = |name| text(package, name).map(str::to_owned);
        let manifest = Path::new(text(package, "manifest_path")?);
        graph.insert(
            key.clone(),
            Package {
                name: own("name")?,
                version: own("version")?,
                license: own("license").map(|license| spdx(&license)),
                description: own("description").map(|text| text.trim().to_owned()),
                repository: own("repository"),
                origin: checksums.get(&key).cloned().map_or(Origin::Ours, Origin::Crates),
                folder: manifest.parent()?.to_path_buf(),
                linked: false,
                needs: BTreeSet::new(),
            },
        );
    }
    for node in metadata.get("resolve")?.get("nodes")?.as_array()? {
        let needs: Vec<String> = edges(node, &keys)?
            .into_iter()
            .filter(|edge| edge.kind != Kind::Test && graph.contains_key(edge.to))
            .map(|edge| edge.to.to_owned())
            .collect();
        if let Some(package) = graph.get_mut(keys.get(text(node, "id")?)?) {
            package.needs.extend(needs);
        }
    }
    Some(graph)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Build,
    Test,
}

struct Edge<'a> {
    to: &'a str,
    kind: Kind,
}

fn edges<'a>(node: &Value, keys: &'a BTreeMap<&str, String>) -> Option<Vec<Edge<'a>>> {
    let mut edges = Vec::new();
    for dependency in node.get("deps")?.as_array()? {
        let to = keys.get(text(dependency, "pkg")?)?;
        for kind in dependency.get("dep_kinds")?.as_array()? {
            let kind = match text(kind, "kind") {
                None => Kind::Normal,
                Some("build") => Kind::Build,
                Some(_) => Kind::Test,
            };
            edges.push(Edge { to, kind });
        }
    }
    Some(edges)
}

/// Marks what is reached from the program by normal dependencies and is no macro.
fn link(graph: &mut Graph, start: String, metadata: &Value) {
    let Some(keys) = keys(metadata) else { return };
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let macros: BTreeSet<String> = list(metadata.get("packages"))
        .iter()
        .filter(|package| {
            list(package.get("targets")).iter().any(|target| {
                list(target.get("kind")).iter().any(|kind| kind.as_str() == Some("proc-macro"))
            })
        })
        .filter_map(key_of)
        .collect();
    let nodes: BTreeMap<String, Value> = list(metadata.get("resolve").and_then(|r| r.get("nodes")))
        .into_iter()
        .filter_map(|node| Some((keys.get(text(&node, "id")?)?.clone(), node)))
        .collect();
    let mut waiting = vec![start];
    while let Some(key) = waiting.pop() {
        let Some(package) = graph.get_mut(&key) else { continue };
        if package.linked || macros.contains(&key) {
            continue;
        }
        package.linked = true;
        let edges = nodes.get(&key).and_then(|node| edges(node, &keys)).unwrap_or_default();
        let normal = edges.into_iter().filter(|edge| edge.kind == Kind::Normal);
        waiting.extend(normal.map(|edge| edge.to.to_owned()));
    }
}

/// Older crates write a slash where SPDX says `OR`.
fn spdx(license: &str) -> String {
    license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read_from_the_tree() {
        let tree =
            "headway v0.1.0 (/home/me/headway)\nserde v1.0.2 (*)\nsyn v2.0.1 (proc-macro)\n\n";
        let keys: Vec<String> = built(tree).into_iter().collect();
        assert_eq!(keys, ["headway@0.1.0", "serde@1.0.2", "syn@2.0.1"]);
    }

    #[test]
    fn checksums_are_those_of_their_own_package() {
        let lock = "version = 4\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n\n[[package]]\n\
                    name = \"serde\"\nversion = \"1.0.2\"\nsource = \"registry\"\nchecksum = \"ab12\"\n";
        let expected = BTreeMap::from([("serde@1.0.2".to_owned(), "ab12".to_owned())]);
        assert_eq!(checksums(lock), expected);
    }

    #[test]
    fn old_licences_are_written_as_spdx_says() {
        assert_eq!(spdx("MIT/Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(spdx("Apache-2.0 / MIT"), "Apache-2.0 OR MIT");
        assert_eq!(spdx("MIT OR Zlib"), "MIT OR Zlib");
    }

    #[test]
    fn code_that_only_builds_is_told_from_code_that_runs() {
        let root = crate::root();
        let graph = read(&root, "x86_64-unknown-linux-gnu").unwrap();
        let linked = |name: &str| {
            graph.values().find(|package| package.name == name).map(|package| package.linked)
        };
        assert_eq!(linked("headway"), Some(true));
        assert_eq!(linked("serde_json"), Some(true));
        assert_eq!(linked("libsqlite3-sys"), Some(true));
        assert_eq!(linked("serde_derive"), Some(false), "a macro");
        assert_eq!(linked("cc"), Some(false), "it compiles, and is not in what it compiles");
        assert_eq!(linked("proptest"), None, "only tests need it");
        assert!(graph.values().all(|package| {
            (package.origin == Origin::Ours) == package.name.starts_with("headway")
        }));
        for package in graph.values() {
            for need in &package.needs {
                assert!(graph.contains_key(need), "{} needs {need}", package.name);
            }
        }
    }
}
