use serde_json::json;

use super::*;

/// Metadata in which every room exists and imports exactly `extra`.
fn graph(extra: &[(&str, &str, Option<&str>)]) -> Graph {
    let libraries = ["tokio", "axum", "rusqlite", "bytes"];
    let rooms = ROOMS.iter().map(|room| room.name);
    let names: BTreeSet<&str> =
        rooms.chain(libraries).chain(extra.iter().map(|(name, ..)| *name)).collect();
    let nodes: Vec<Value> = names
        .iter()
        .map(|name| {
            let deps: Vec<Value> = extra
                .iter()
                .filter(|(from, ..)| from == name)
                .map(|(_, to, kind)| json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] }))
                .collect();
            json!({ "id": name, "deps": deps })
        })
        .collect();
    let packages: Vec<Value> =
        names.iter().map(|name| json!({ "id": name, "name": name })).collect();
    let members: Vec<&&str> = names.iter().filter(|name| !libraries.contains(name)).collect();
    Graph::read(&json!({
        "packages": packages,
        "workspace_members": members,
        "resolve": { "nodes": nodes },
    }))
    .unwrap()
}

fn check(extra: &[(&str, &str, Option<&str>)], expected: &[&str]) {
    let found = violations(&graph(extra));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn what_the_table_allows_is_no_violation() {
    check(&[("headway-core", "headway-protocol", None), ("headway-hub", "tokio", None)], &[]);
}

#[test]
fn an_import_against_the_table_is_named_with_what_must_not_be_known() {
    check(
        &[("headway-hub", "headway-engine", None)],
        &["headway-hub imports headway-engine, but must never know the engine"],
    );
}

#[test]
fn a_development_dependency_is_free() {
    check(
        &[
            ("headway-hub", "headway-engine", Some("dev")),
            ("headway-core", "tokio", Some("dev")),
            ("headway-engine", "axum", Some("dev")),
        ],
        &[],
    );
}

#[test]
fn a_library_outside_its_crates_is_named_with_the_reason() {
    check(
        &[("headway-engine", "axum", None), ("headway-hub", "rusqlite", None)],
        &["HTTP is served by the gateway alone", "a database driver stays in its adapter"],
    );
}

#[test]
fn a_runtime_is_found_behind_a_library_too() {
    check(
        &[("headway-core", "bytes", None), ("bytes", "tokio", None)],
        &["headway-core → bytes → tokio"],
    );
}

#[test]
fn a_crate_without_a_row_is_a_violation() {
    check(
        &[("headway-extra", "headway-engine", None)],
        &["headway-extra is not in the layer table"],
    );
}

#[test]
fn a_row_without_a_crate_is_a_violation() {
    let mut graph = graph(&[]);
    graph.members.remove("headway-client");
    let found = violations(&graph);
    assert_eq!(found, ["headway-client is in the layer table, but not in the workspace"]);
}
