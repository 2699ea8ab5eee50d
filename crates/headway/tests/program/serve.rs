use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::harness::{Server, eventually, expect, finish, headway, said, signal};

#[test]
fn one_line_says_that_it_is_ready_and_sigterm_ends_it_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = headway(folder.path(), &["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut line = Vec::new();
    let mut byte = [0];
    while stdout.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    let line = String::from_utf8(line).unwrap();
    let port = line.strip_prefix("headway listening on http://127.0.0.1:").unwrap();
    assert!(port.parse::<u16>().unwrap() > 0);

    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "nothing else on standard output");
    assert!(folder.path().join("headway-data").is_dir());
}

#[test]
fn a_second_server_in_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Server::start(folder.path());
    let second = finish(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("in use"), "{}", said(&second));
}

#[test]
fn a_wrong_configuration_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("headway.toml"), "lisen = \"127.0.0.1:0\"\n").unwrap();
    let served = finish(folder.path(), &["serve", "--config", "headway.toml"]);
    assert_eq!(served.status.code(), Some(2));
    assert!(said(&served).contains("did you mean `listen`"), "{}", said(&served));
    assert!(!folder.path().join("headway-data").exists());

    let checked = finish(folder.path(), &["config", "check", "--config", "headway.toml"]);
    assert_eq!(checked.status.code(), Some(1));
    let open = finish(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(2));
    assert!(said(&open).contains("--insecure"), "{}", said(&open));
}

#[test]
fn the_schema_it_prints_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let schema = expect(folder.path(), &["config", "schema"], 0);
    std::fs::write(folder.path().join("headway.toml"), schema).unwrap();
    expect(folder.path(), &["config", "check", "--config", "headway.toml"], 0);
    let printed = expect(folder.path(), &["config", "print", "--config", "headway.toml"], 0);
    assert!(printed.contains("listen = \"127.0.0.1:4323\"  # headway.toml line"), "{printed}");
}

#[test]
fn new_prices_are_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let rates = |price: &str| {
        let text = format!(r#"{{"currency":"USD","rates":{{"page":{{"pages":"{price}"}}}}}}"#);
        std::fs::write(folder.path().join("costs.json"), text).unwrap();
    };
    rates("0.01");
    let config = "rates = \"costs.json\"\n";
    std::fs::write(folder.path().join("headway.toml"), config).unwrap();
    let mut server = headway(
        folder.path(),
        &["--json", "serve", "--listen", "127.0.0.1:0", "--config", "headway.toml"],
    );
    let child = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server::adopt(child, folder.path());
    std::fs::write(folder.path().join("one.jsonl"), "1\n").unwrap();
    let estimate = || {
        let arguments = [
            "--json",
            "batch",
            "estimate",
            "one.jsonl",
            "--url",
            "http://example.com/",
            "--estimate",
            "sku=page,pages=1",
        ];
        let estimate: serde_json::Value =
            serde_json::from_str(&server.expect(&arguments, 0)).unwrap();
        estimate["mid"].as_str().unwrap().to_owned()
    };
    assert_eq!(estimate(), "0.01");
    std::fs::write(folder.path().join("costs.json"), "not a card").unwrap();
    signal(&server.child, Signal::SIGHUP);
    assert_eq!(estimate(), "0.01", "a bad card changes nothing");
    rates("0.25");
    signal(&server.child, Signal::SIGHUP);
    eventually("the new price", || (estimate() == "0.25").then_some(()));
}

#[test]
fn output_that_nobody_reads_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = headway(folder.path(), &["config", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    child.wait().unwrap();
    assert_eq!(stderr, "");
}

#[test]
fn completions_are_printed_for_shells() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(expect(folder.path(), &["completions", shell], 0).contains("headway"));
    }
}

#[test]
fn the_demonstration_moves() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--json", "demo", "--listen", "127.0.0.1:0", "--data", "demo"];
    // What a server of one's own asks for is not asked here.
    let child = headway(folder.path(), &arguments)
        .env("HEADWAY_SIGN_IN", "keys")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Server::adopt(child, folder.path());
    let succeeded = || {
        let job = server.newest("round-trips")?;
        Some(job["items"]["succeeded"].as_u64().unwrap())
    };
    let first = eventually("a finished item", || succeeded().filter(|count| *count > 0));
    eventually("more of them", || succeeded().filter(|count| *count > first));
    let job = server.newest("round-trips").unwrap();
    assert_eq!(job["items"]["total"], 3_376);
    signal(&server.child, Signal::SIGTERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// What is answered at a path of a server, head and all.
fn fetched(server: &Server, path: &str) -> String {
    let mut connection = TcpStream::connect(server.address()).unwrap();
    let host = server.address();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_dashboard_is_part_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let page = fetched(&server, "/");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
    let quoted = page.split('"').skip(1).step_by(2);
    let loaded: Vec<_> = quoted.filter_map(|text| text.strip_prefix("./")).collect();
    if loaded.is_empty() {
        // Where the dashboard was not built the page says how to build it.
        assert!(page.contains("cargo xtask dashboard"), "{page}");
    }
    for path in loaded {
        let file = fetched(&server, &format!("/{path}"));
        assert!(file.starts_with("HTTP/1.1 200"), "{path}: {file}");
        let kept = file.contains("cache-control: public, max-age=31536000, immutable");
        assert_eq!(kept, path.starts_with("assets/"), "{path}");
    }
}
