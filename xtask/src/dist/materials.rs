//! The bill of materials: what the program is made of, as `CycloneDX` 1.6 in JSON.
//!
//! The same sources give the same bytes: its time is that of the release and its number follows
//! from its content.

use std::fs;

use serde_json::{Value, json};

use super::graph::{Graph, Origin, PROGRAM, Package};

/// C code that a crate carries with it, which scanners know by its own name and not by the crate's.
struct Carried {
    by: &'static str,
    name: &'static str,
    license: &'static str,
    /// The vendor and product under which vulnerabilities are listed.
    listed_as: &'static str,
    version: Version,
}

/// Where the version of carried code is written.
enum Version {
    /// Behind `#define NAME "…"` in a file.
    Defined(&'static str, &'static str),
    /// In the crate's own version: `0.7.0+5.3.1-…`.
    BehindPlus,
}

const CARRIED: &[Carried] = &[
    Carried {
        by: "libsqlite3-sys",
        name: "sqlite",
        license: "blessing",
        listed_as: "sqlite:sqlite",
        version: Version::Defined("sqlite3/sqlite3.h", "SQLITE_VERSION"),
    },
    Carried {
        by: "aws-lc-sys",
        name: "aws-lc",
        license: "ISC AND (Apache-2.0 OR ISC) AND OpenSSL",
        listed_as: "amazon:aws-lc",
        version: Version::Defined("aws-lc/include/openssl/base.h", "AWSLC_VERSION_NUMBER_STRING"),
    },
    Carried {
        by: "tikv-jemalloc-sys",
        name: "jemalloc",
        license: "BSD-2-Clause",
        listed_as: "jemalloc:jemalloc",
        version: Version::BehindPlus,
    },
];

/// When and for what a bill is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release<'a> {
    /// The version of the program.
    pub(super) version: &'a str,
    /// The machine that it is built for, as rustc names it.
    pub(super) target: &'a str,
    /// RFC 3339.
    pub(super) time: &'a str,
}

/// The document without its number, which is [`numbered`].
pub(super) fn bill(graph: &Graph, release: Release<'_>) -> Result<Value, String> {
    let program = format!("{PROGRAM}@{}", release.version);
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (key, package) in graph {
        let mut needs: Vec<String> = package
            .needs
            .iter()
            .filter_map(|need| Some(reference(need, graph.get(need)?)))
            .collect();
        if let Some(carried) = CARRIED.iter().find(|carried| carried.by == package.name) {
            let (name, component) = carried_component(carried, package)?;
            needs.push(name.clone());
            components.push(component);
            dependencies.push(json!({ "ref": name }));
        }
        dependencies.push(json!({ "ref": reference(key, package), "dependsOn": needs }));
        if *key != program {
            components.push(component(key, package));
        }
    }
    let itself = graph.get(&program).ok_or("the program is not among its own packages")?;
    let mut metadata = component(&program, itself);
    set(&mut metadata, "type", json!("application"));
    set(
        &mut metadata,
        "properties",
        json!([{ "name": "headway:target", "value": release.target }]),
    );
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": release.time,
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [{ "type": "application", "name": "cargo xtask dist" }] },
            "component": metadata,
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// The same with a number that follows from `digest`, a SHA-256 of it in hexadecimal.
pub(super) fn numbered(mut bill: Value, digest: &str) -> Option<Value> {
    let part = |from: usize, to: usize| digest.get(from..to);
    let (time, clock, node) = (part(12, 15)?, part(15, 18)?, part(18, 30)?);
    // Version 8: what it is made from is the maker's own affair (RFC 9562).
    let number = format!("urn:uuid:{}-{}-8{time}-a{clock}-{node}", part(0, 8)?, part(8, 12)?);
    set(&mut bill, "serialNumber", json!(number));
    Some(bill)
}

fn set(value: &mut Value, name: &str, member: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}

/// How a package is referred to: by its address in the registry, if it comes from there.
fn reference(key: &str, package: &Package) -> String {
    let kind = match package.origin {
        Origin::Ours => return key.to_owned(),
        Origin::Crates(_) => "cargo",
        Origin::Npm(_) => "npm",
    };
    format!("pkg:{kind}/{}@{}", escaped(&package.name), escaped(&package.version))
}

/// A name or a version inside of a package URL.
fn escaped(text: &str) -> String {
    text.replace('+', "%2B").replace('@', "%40")
}

fn component(key: &str, package: &Package) -> Value {
    let reference = reference(key, package);
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        // What only takes part in building is no part of what runs.
        "scope": if package.linked { "required" } else { "excluded" },
    });
    if let Some(license) = &package.license {
        set(&mut component, "licenses", json!([{ "expression": license }]));
    }
    if let Some(description) = &package.description {
        set(&mut component, "description", json!(description));
    }
    let downloaded = match &package.origin {
        Origin::Ours => None,
        Origin::Crates(checksum) => Some(("SHA-256", checksum)),
        Origin::Npm(checksum) => Some(("SHA-512", checksum)),
    };
    if let Some((algorithm, checksum)) = downloaded {
        set(&mut component, "purl", json!(reference));
        set(&mut component, "hashes", json!([{ "alg": algorithm, "content": checksum }]));
    }
    if let Some(repository) = &package.repository {
        set(&mut component, "externalReferences", json!([{ "type": "vcs", "url": repository }]));
    }
    component
}

/// The reference and the component of code that a package carries.
fn carried_component(carried: &Carried, by: &Package) -> Result<(String, Value), String> {
    let version = match carried.version {
        Version::BehindPlus => behind_plus(&by.version),
        Version::Defined(file, name) => {
            let path = by.folder.join(file);
            let text = fs::read_to_string(&path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            defined(&text, name)
        }
    };
    let version = version.ok_or_else(|| {
        format!("{} {} does not say which {} it carries", by.name, by.version, carried.name)
    })?;
    let reference = format!("pkg:generic/{}@{version}", carried.name);
    let component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": carried.name,
        "version": version,
        "scope": "required",
        "licenses": [{ "expression": carried.license }],
        "purl": reference,
        "cpe": format!("cpe:2.3:a:{}:{version}:*:*:*:*:*:*:*", carried.listed_as),
        "description": format!("compiled into the program by {}", by.name),
    });
    Ok((reference, component))
}

/// The text behind `#define NAME`.
fn defined(header: &str, name: &str) -> Option<String> {
    header.lines().find_map(|line| {
        let mut words = line.strip_prefix("#define")?.split_whitespace();
        (words.next()? == name).then_some(())?;
        Some(words.next()?.trim_matches('"').to_owned())
    })
}

/// `5.3.1` of `0.7.0+5.3.1-0-g81034ce`.
fn behind_plus(version: &str) -> Option<String> {
    let (_, carried) = version.split_once('+')?;
    Some(carried.split('-').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;

    use super::*;

    fn package(name: &str, version: &str, origin: Origin, needs: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: Some("MIT OR Apache-2.0".to_owned()),
            description: None,
            repository: None,
            origin,
            folder: PathBuf::new(),
            linked: true,
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        }
    }

    #[test]
    fn every_part_is_named_once_and_every_need_is_a_part() {
        let needs = ["jem@0.7.0+5.3", "npm:@s/ui@1.0.0"];
        let (crate_, npm) = (Origin::Crates("ab".to_owned()), Origin::Npm("cd".to_owned()));
        let graph: Graph = BTreeMap::from([
            ("headway@1.2.3".to_owned(), package("headway", "1.2.3", Origin::Ours, &needs)),
            ("jem@0.7.0+5.3".to_owned(), package("jem", "0.7.0+5.3", crate_, &[])),
            ("npm:@s/ui@1.0.0".to_owned(), package("@s/ui", "1.0.0", npm, &[])),
        ]);
        let release = Release { version: "1.2.3", target: "here", time: "2026-01-01T00:00:00Z" };
        let bill = bill(&graph, release).unwrap();
        assert_eq!(bill["metadata"]["component"]["type"], "application");
        assert_eq!(bill["components"].as_array().unwrap().len(), 2);
        assert_eq!(bill["components"][0]["purl"], "pkg:cargo/jem@0.7.0%2B5.3");
        assert_eq!(bill["components"][0]["hashes"][0]["content"], "ab");
        assert_eq!(bill["components"][1]["purl"], "pkg:npm/%40s/ui@1.0.0");
        assert_eq!(bill["components"][1]["hashes"][0]["alg"], "SHA-512");
        let mut named: BTreeSet<&str> = BTreeSet::from(["headway@1.2.3"]);
        for component in bill["components"].as_array().unwrap() {
            assert!(named.insert(component["bom-ref"].as_str().unwrap()));
        }
        for dependency in bill["dependencies"].as_array().unwrap() {
            for need in dependency["dependsOn"].as_array().unwrap() {
                assert!(named.contains(need.as_str().unwrap()));
            }
        }
    }

    #[test]
    fn carried_versions_are_read() {
        let header =
            "#define SQLITE_VERSION_NUMBER 3054001\n#define SQLITE_VERSION    \"3.54.1\"\n";
        assert_eq!(defined(header, "SQLITE_VERSION").as_deref(), Some("3.54.1"));
        assert_eq!(defined(header, "OTHER"), None);
        assert_eq!(behind_plus("0.7.0+5.3.1-0-g81034ce").as_deref(), Some("5.3.1"));
        assert_eq!(behind_plus("0.7.0"), None);
    }

    #[test]
    fn the_number_follows_from_the_content() {
        let bill = numbered(json!({}), &"0123456789abcdef".repeat(4)).unwrap();
        assert_eq!(bill["serialNumber"], "urn:uuid:01234567-89ab-8cde-af01-23456789abcd");
    }
}
