use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::harness::{Server, eventually, headway, numbers, said, signal};

/// Writes a new certificate that nobody else has signed to `c.pem`, and its key to `k.pem`.
fn certificate(folder: &Path) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join("c.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("k.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// A server over TLS that does not look at its files of its own accord.
fn server(folder: &Path) -> Server {
    certificate(folder);
    let config = "allow_hosts = [\"127.0.0.1\"]\n[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nreload_ms = 0\n";
    std::fs::write(folder.join("headway.toml"), config).unwrap();
    let arguments = ["--json", "serve", "--listen", "127.0.0.1:0", "--config", "headway.toml"];
    let child = headway(folder, &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    Server::adopt(child, folder)
}

#[test]
fn the_command_line_works_over_tls_with_an_authority_that_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let file = numbers(folder.path(), 5);
    // The items cannot succeed, and that is not what this is about.
    let nowhere = ["--url", "http://127.0.0.1:1/", "--retries", "0", "--no-wait"];
    let submitted =
        server.finish(&[&["--ca", "c.pem", "batch", "run", &file], &nowhere[..]].concat());
    assert_eq!(submitted.status.code(), Some(0), "{}", said(&submitted));
    let listed = server.expect(&["--ca", "c.pem", "--json", "job", "list"], 0);
    let id = serde_json::from_str::<serde_json::Value>(&listed).unwrap()["jobs"][0]["id"].clone();
    // Live, over a WebSocket, to its end.
    let watched = server.finish(&["--ca", "c.pem", "--json", "watch", id.as_str().unwrap()]);
    assert_eq!(watched.status.code(), Some(3), "its items failed: {}", said(&watched));
}

#[test]
fn whoever_cannot_talk_to_it_is_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let stranger = server.finish(&["job", "list"]);
    assert_eq!(stranger.status.code(), Some(1));
    let words = said(&stranger);
    assert!(words.contains("cannot be trusted") && words.contains("--ca"), "{words}");
    let plain = server.url.replace("https://", "http://");
    let plain = server.finish(&["--server", &plain, "job", "list"]);
    assert_eq!(plain.status.code(), Some(1));
    assert!(said(&plain).contains("use https://"), "{}", said(&plain));
    let absent = server.finish(&["--ca", "absent.pem", "job", "list"]);
    assert!(said(&absent).contains("absent.pem"), "{}", said(&absent));
}

#[test]
fn a_renewed_certificate_is_shown_after_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    certificate(folder.path());
    let trusted = || {
        let listed = server.finish(&["--ca", "c.pem", "job", "list"]);
        listed.status.code() == Some(0)
    };
    assert!(!trusted(), "the old one is shown");
    signal(&server.child, Signal::SIGHUP);
    eventually("the new certificate", || trusted().then_some(()));
}

#[test]
fn a_certificate_that_cannot_be_used_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let serve = || {
        let mut command = headway(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        command.env("HEADWAY_TLS_CERTIFICATE", "c.pem");
        command
    };
    let alone = serve().output().unwrap();
    assert_eq!(alone.status.code(), Some(2));
    assert!(said(&alone).contains("tls.key"), "{}", said(&alone));
    let swapped = serve().env("HEADWAY_TLS_KEY", "c.pem").output().unwrap();
    assert_eq!(swapped.status.code(), Some(2));
    assert!(said(&swapped).contains("holds no private key"), "{}", said(&swapped));
    assert!(!folder.path().join("headway-data").exists());
}

/// The server over TLS is what the requests of a batch go to.
#[test]
fn requests_of_items_go_over_tls_to_servers_that_are_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let file = numbers(folder.path(), 3);
    let url = server.url.replace("127.0.0.1", "localhost") + "/api/v1/jobs?limit={{input.n}}";
    let run = |trusted: bool, results: &str| {
        let wanted = ["batch", "run", &file, "--url", &url, "--method", "GET"];
        let kept =
            ["--retries", "0", "--output", results, "--data", results.trim_end_matches(".jsonl")];
        let arguments = [&wanted[..], &kept].concat();
        let mut command = headway(folder.path(), &arguments);
        if trusted {
            command.env("SSL_CERT_FILE", folder.path().join("c.pem"));
        }
        let output = command.output().unwrap();
        let results = std::fs::read_to_string(folder.path().join(results));
        (output.status.code(), results.unwrap_or_else(|_| said(&output)))
    };
    let (code, results) = run(true, "trusted.jsonl");
    assert_eq!(code, Some(0), "{results}");
    assert_eq!(results.matches("\"succeeded\"").count(), 3, "{results}");
    let (code, results) = run(false, "not.jsonl");
    assert_eq!(code, Some(3), "{results}");
    assert!(results.contains("certificate"), "the reason is with the item: {results}");
}
