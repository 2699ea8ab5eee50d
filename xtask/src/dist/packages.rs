//! The packages of npm whose code is in the dashboard, and so in the program: the lock file's answer.
//!
//! Those that only take part in building it are left out, as the machine's other tools are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::graph::{Graph, Origin, Package};

/// The dashboard's folder, which is also its place in the lock file.
const DASHBOARD: &str = "dashboard";

/// The members of a package that name what it needs while it runs. What a package leaves to whoever
/// uses it to install is needed as much.
const NEEDS: [&str; 3] = ["dependencies", "optionalDependencies", "peerDependencies"];

/// The key of the dashboard, and the packages from it on.
pub(super) fn read(root: &Path) -> Result<(String, Graph), String> {
    let path = root.join("package-lock.json");
    let unreadable = |error: String| format!("{} cannot be read: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    let lock: Value = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    let packages = lock.get("packages").and_then(Value::as_object);
    let packages = packages.ok_or_else(|| unreadable("it has no `packages`".to_owned()))?;
    reached(packages, root)
        .ok_or_else(|| unreadable("it does not have the form that is known".to_owned()))
}

fn reached(lock: &Map<String, Value>, root: &Path) -> Option<(String, Graph)> {
    let mut graph = BTreeMap::new();
    let mut waiting = vec![DASHBOARD.to_owned()];
    while let Some(place) = waiting.pop() {
        let entry = lock.get(&place)?;
        let key = key_of(&place, entry)?;
        if graph.contains_key(&key) {
            continue;
        }
        let mut package = package(&place, entry, root)?;
        let lists = NEEDS.iter().filter_map(|list| entry.get(list)?.as_object());
        for need in lists.flat_map(Map::keys) {
            // What is optional may not be there.
            let Some(found) = resolve(lock, &place, need) else { continue };
            package.needs.insert(key_of(&found, lock.get(&found)?)?);
            waiting.push(found);
        }
        graph.insert(key, package);
    }
    Some((key_of(DASHBOARD, lock.get(DASHBOARD)?)?, graph))
}

/// The place of a package that another one asks for by name: the nearest above it, as Node looks.
fn resolve(lock: &Map<String, Value>, place: &str, name: &str) -> Option<String> {
    let above = Path::new(place).ancestors();
    let candidates = above.map(|folder| folder.join("node_modules").join(name));
    let found = candidates.filter_map(|path| Some(path.to_str()?.to_owned()));
    let found = found.into_iter().find(|path| lock.contains_key(path))?;
    let entry = lock.get(&found)?;
    // A package of the workspace is a link to its folder.
    let linked = entry.get("link").and_then(Value::as_bool) == Some(true);
    if linked { text(entry, "resolved") } else { Some(found) }
}

fn package(place: &str, entry: &Value, root: &Path) -> Option<Package> {
    let name = name_of(place, entry)?;
    let origin = match text(entry, "integrity") {
        Some(integrity) => Origin::Npm(hexadecimal(integrity.strip_prefix("sha512-")?)?),
        None if place.contains("node_modules/") => return None,
        None => Origin::Ours,
    };
    let listed = matches!(origin, Origin::Npm(_));
    Some(Package {
        version: text(entry, "version")?,
        license: text(entry, "license"),
        description: None,
        repository: listed.then(|| format!("https://www.npmjs.com/package/{name}")),
        origin,
        folder: root.join(place),
        linked: true,
        needs: BTreeSet::new(),
        name,
    })
}

/// How a package is called here.
fn key_of(place: &str, entry: &Value) -> Option<String> {
    Some(format!("npm:{}@{}", name_of(place, entry)?, text(entry, "version")?))
}

/// A package's name: what it says itself, else its folder's.
fn name_of(place: &str, entry: &Value) -> Option<String> {
    let folder = place.rsplit_once("node_modules/").map(|(_, name)| name.to_owned());
    text(entry, "name").or(folder)
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// What is written in Base64 (RFC 4648, section 4), in hexadecimal.
fn hexadecimal(base64: &str) -> Option<String> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut hexadecimal = String::new();
    for digit in base64.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        while count >= 4 {
            count -= 4;
            hexadecimal.push(char::from_digit(bits >> count & 0xf, 16)?);
        }
    }
    // Bits that fill up the last digit are no content.
    hexadecimal.truncate(hexadecimal.len() / 2 * 2);
    Some(hexadecimal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_needed_to_run_is_found_where_node_would() {
        let integrity = "sha512-q80=";
        let lock = json!({
            "": { "name": "workspace" },
            "dashboard": {
                "name": "headway-dashboard", "version": "0.1.0",
                "dependencies": { "ui": "1", "@ours/client": "0.1.0" },
                "devDependencies": { "builder": "1" },
            },
            "clients/client": { "name": "@ours/client", "version": "0.1.0" },
            "node_modules/@ours/client": { "resolved": "clients/client", "link": true },
            "node_modules/builder": { "version": "1.0.0", "dev": true, "integrity": integrity },
            "node_modules/ui": {
                "version": "1.0.0", "license": "MIT", "integrity": integrity,
                "dependencies": { "part": "2" }, "peerDependencies": { "core": "1", "absent": "1" },
            },
            "node_modules/ui/node_modules/part": { "version": "2.0.0", "integrity": integrity },
            "node_modules/part": { "version": "1.0.0", "integrity": integrity },
            "node_modules/core": { "version": "1.0.0", "integrity": integrity },
        });
        let (start, graph) = reached(lock.as_object().unwrap(), Path::new("/r")).unwrap();
        assert_eq!(start, "npm:headway-dashboard@0.1.0");
        let keys: Vec<_> = graph.keys().map(String::as_str).collect();
        let expected = [
            "npm:@ours/client@0.1.0",
            "npm:core@1.0.0",
            "npm:headway-dashboard@0.1.0",
            "npm:part@2.0.0",
            "npm:ui@1.0.0",
        ];
        assert_eq!(keys, expected);
        let ui = &graph["npm:ui@1.0.0"];
        assert_eq!(ui.needs.iter().collect::<Vec<_>>(), ["npm:core@1.0.0", "npm:part@2.0.0"]);
        assert_eq!(ui.origin, Origin::Npm("abcd".to_owned()));
        assert_eq!(graph["npm:@ours/client@0.1.0"].origin, Origin::Ours);
        assert_eq!(
            graph["npm:part@2.0.0"].folder,
            Path::new("/r/node_modules/ui/node_modules/part")
        );
    }

    #[test]
    fn a_package_that_was_fetched_without_a_checksum_is_refused() {
        let lock = json!({
            "dashboard": { "name": "d", "version": "1.0.0", "dependencies": { "a": "1" } },
            "node_modules/a": { "version": "1.0.0" },
        });
        assert!(reached(lock.as_object().unwrap(), Path::new("/r")).is_none());
    }

    #[test]
    fn checksums_are_written_as_the_standard_wants_them() {
        assert_eq!(hexadecimal("").as_deref(), Some(""));
        assert_eq!(hexadecimal("Zg==").as_deref(), Some("66"));
        assert_eq!(hexadecimal("Zm8=").as_deref(), Some("666f"));
        assert_eq!(hexadecimal("Zm9v").as_deref(), Some("666f6f"));
        assert_eq!(hexadecimal("+/8=").as_deref(), Some("fbff"));
        assert_eq!(hexadecimal("a-b"), None);
    }

    #[test]
    fn the_dashboard_of_this_repository_is_read() {
        let (start, graph) = read(&crate::root()).unwrap();
        let named = |name: &str| graph.values().any(|package| package.name == name);
        assert!(graph[&start].needs.len() > 2);
        assert!(named("react-dom") && named("scheduler") && !named("vite") && !named("typescript"));
        for package in graph.values() {
            assert!(package.license.is_some(), "{} has no licence", package.name);
        }
    }
}
