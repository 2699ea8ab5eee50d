//! The page's files: all of them are served, to everybody, under rules that leave a script of
//! anybody else nothing to do.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails where a test would")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use headway_gateway::Options;
use reqwest::header::HeaderMap;
use support::Server;

/// Every file that the page loads, found as a browser finds them.
async fn load(server: &Server) -> BTreeMap<String, (HeaderMap, String)> {
    let mut files = BTreeMap::new();
    let mut found = vec!["/".to_owned()];
    while let Some(path) = found.pop() {
        if files.contains_key(&path) {
            continue;
        }
        let response = server.get(&path).await;
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        for quoted in text.split('"').skip(1).step_by(2) {
            if let Some(name) = quoted.strip_prefix("./") {
                let folder = if path == "/headway.js" { "/" } else { "/modules/" };
                found.push(format!("{folder}{name}"));
            } else if path == "/" && quoted.starts_with('/') {
                found.push(quoted.to_owned());
            }
        }
        files.insert(path, (headers, text));
    }
    files
}

/// What a content security policy says, by directive.
fn directives(headers: &HeaderMap) -> BTreeMap<String, String> {
    let policy = headers["content-security-policy"].to_str().unwrap();
    let parts = policy.split(';').map(str::trim);
    let pairs = parts.map(|part| part.split_once(' ').unwrap_or((part, "")));
    pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

#[tokio::test]
async fn every_file_comes_under_the_same_rules() {
    // Whoever is to sign in has to get the page first.
    for server in [Server::start().await, Server::start_guarded(Options::default()).await] {
        let files = load(&server).await;
        assert!(files.len() > 15, "{:?}", files.keys());
        for (path, (headers, _)) in &files {
            let expected = [
                ("base-uri", "'none'"),
                ("connect-src", "'self'"),
                ("default-src", "'none'"),
                ("form-action", "'none'"),
                ("frame-ancestors", "'none'"),
                ("img-src", "'self'"),
                ("require-trusted-types-for", "'script'"),
                ("script-src", "'self'"),
                ("style-src", "'self'"),
                ("trusted-types", "'none'"),
            ];
            let said = directives(headers);
            let said: Vec<_> = said.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(said, expected, "{path}");
            for (name, value) in [
                ("referrer-policy", "no-referrer"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("x-content-type-options", "nosniff"),
                ("cache-control", "no-cache"),
            ] {
                assert_eq!(headers[name], value, "{name} of {path}");
            }
            assert!(!headers.contains_key("set-cookie"), "{path}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn nothing_in_it_needs_looser_rules() {
    let server = Server::start().await;
    let files = load(&server).await;
    let (_, document) = &files["/"];
    for tag in document.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let is_loaded = attributes.contains("src=\"/");
        assert!(name != "script" || is_loaded, "an inline script: {tag}");
        assert!(name != "style" && !attributes.contains("style="), "an inline style: {tag}");
        assert!(!attributes.starts_with("on") && !attributes.contains(" on"), "a handler: {tag}");
    }
    for (path, (_, text)) in &files {
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text.contains(sink), "{sink} in {path}");
        }
        for store in ["localStorage", "sessionStorage", "indexedDB", "document.cookie"] {
            assert!(!text.contains(store), "{path} keeps something in {store}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn no_file_is_left_behind() {
    let server = Server::start().await;
    let files = load(&server).await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("page/modules");
    let there: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("/modules/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    let loaded: BTreeSet<_> =
        files.keys().filter(|path| path.starts_with("/modules/")).cloned().collect();
    assert_eq!(loaded, there);
    server.stop().await;
}
