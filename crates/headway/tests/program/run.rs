use std::io::{Read, Write};
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Server, eventually, finish, headway, said};

#[test]
fn output_and_exit_code_are_passed_on_and_the_job_tells_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let script = "printf 'one\\n 30%%\\r 60%%\\r'; echo 'two'; echo wrong >&2; exit 7";
    let output = server.finish(&["run", "--quiet", "--name", "n", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"one\n 30%\r 60%\rtwo\n", "unchanged");
    assert_eq!(output.stderr, b"wrong\n");

    let job = server.newest("command").unwrap();
    assert_eq!(job["status"], "failed");
    assert_eq!(job["name"], "n");
    assert_eq!(job["progress"]["percent"], 60.0);
    assert_eq!(job["error"]["code"], "exit_code");
    assert_eq!(job["error"]["details"]["exit_code"], 7);
    let events = server.expect(&["--json", "job", "events", job["id"].as_str().unwrap()], 0);
    let logs: Vec<_> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["type"] == "log")
        .map(|event| (event["level"].clone(), event["message"].clone()))
        .collect();
    assert_eq!(logs.len(), 3, "{events}");
    assert!(logs.contains(&("info".into(), "one".into())), "{events}");
    assert!(logs.contains(&("warning".into(), "wrong".into())), "{events}");

    let good = server.finish(&["run", "--", "true"]);
    assert_eq!(good.status.code(), Some(0));
    assert_eq!(server.newest("command").unwrap()["status"], "completed");
}

#[test]
fn a_cancel_at_the_server_ends_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    // The shell's child is in the same group: both have to go.
    let script = "sleep 600 & echo $! > child.pid; wait";
    let child = headway(&server.folder, &["run", "--", "sh", "-c", script])
        .env("HEADWAY_URL", &server.url)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = eventually("a running job", || {
        let job = server.newest("command").filter(|job| job["status"] == "running")?;
        Some(job["id"].as_str().unwrap().to_owned())
    });
    let pid_file = folder.path().join("child.pid");
    let pid = eventually("the child", || {
        std::fs::read_to_string(&pid_file).ok().filter(|text| text.ends_with('\n'))
    });
    server.expect(&["job", "cancel", &id], 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    server.expect(&["watch", &id], 5);
    eventually("the end of the child", || {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        status.map_or(true, |status| status.contains(") Z ")).then_some(())
    });
}

#[test]
fn a_server_that_is_away_does_not_harm_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let output = finish(
        folder.path(),
        &["--server", "http://127.0.0.1:1", "run", "--", "sh", "-c", "echo hello; exit 3"],
    );
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout, b"hello\n");
    assert!(said(&output).contains("cannot be reached"), "{}", said(&output));
}

#[test]
fn a_server_that_comes_back_hears_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let script = "echo before; while ! test -e go; do sleep 0.02; done; echo after; exit 4";
    let mut child = headway(&server.folder, &["run", "--quiet", "--", "sh", "-c", script])
        .env("HEADWAY_URL", &server.url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("a running job", || {
        server.newest("command").filter(|job| job["status"] == "running")
    });
    let address = server.address();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    std::fs::write(folder.path().join("go"), "").unwrap();
    let server = Server::start_at(folder.path(), &address);
    assert_eq!(child.wait().unwrap().code(), Some(4));
    let job = server.newest("command").unwrap();
    assert_eq!(job["status"], "failed");
    let events = server.expect(&["--json", "job", "events", job["id"].as_str().unwrap()], 0);
    for line in ["before", "after"] {
        assert_eq!(events.matches(&format!("\"message\":\"{line}\"")).count(), 1, "{events}");
    }
}

#[test]
fn a_command_that_does_not_exist_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = finish(folder.path(), &["run", "--", "no-such-program"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no-such-program"), "{}", said(&output));
}

#[test]
fn without_a_server_it_has_a_node_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let output = finish(folder.path(), &["run", "--", "echo", "hello"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(output.stdout, b"hello\n");
    assert!(said(&output).contains("/#/jobs/job_"), "{}", said(&output));
    let server = Server::start_over(folder.path(), "headway-data");
    assert_eq!(server.newest("command").unwrap()["status"], "completed", "it is kept");
}

#[test]
fn on_a_terminal_the_command_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (mut terminal, pts) = pty_process::blocking::open().unwrap();
    terminal.resize(pty_process::Size::new(33, 77)).unwrap();
    let script =
        "test -t 0 && test -t 1 && test -t 2 && stty size; read line; echo got $line; exit 5";
    let mut child = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_headway"))
        .args(["run", "--quiet", "--", "sh", "-c", script])
        .env("HEADWAY_URL", &server.url)
        .current_dir(folder.path())
        .spawn(pts)
        .unwrap();
    terminal.write_all(b"word\n").unwrap();
    let mut output = Vec::new();
    // A terminal whose last process has ended answers with an error.
    terminal.read_to_end(&mut output).ok();
    let output = String::from_utf8_lossy(&output).into_owned();
    assert_eq!(child.wait().unwrap().code(), Some(5), "{output}");
    assert!(output.contains("33 77"), "{output}");
    assert!(output.contains("got word"), "{output}");
    assert_eq!(server.newest("command").unwrap()["error"]["details"]["exit_code"], 5);
}
