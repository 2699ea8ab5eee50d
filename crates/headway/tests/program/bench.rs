//! Small loads on a real server: what they count, never how long it takes.

use serde_json::Value;

use crate::harness::{Server, said};

/// Runs a load to its end and gives its figures.
#[track_caller]
fn load(server: &Server, arguments: &[&str]) -> Value {
    let pid = server.child.id().to_string();
    let all = [&["--json", "bench"], arguments, &["--server-pid", &pid]].concat();
    serde_json::from_str(&server.expect(&all, 0)).expect("one JSON object")
}

#[track_caller]
fn check(figures: &Value, expected: &[(&str, u64)]) {
    for (name, expected) in expected {
        assert_eq!(figures[name].as_u64(), Some(*expected), "{name} of {figures}");
    }
}

/// No job of a load goes on after it.
#[track_caller]
fn leaves_nothing_behind(server: &Server, jobs: usize) {
    let listed = |status| {
        let arguments =
            ["--json", "job", "list", "--kind", "bench", "--limit", "200", "--status", status];
        let page: Value = serde_json::from_str(&server.expect(&arguments, 0)).expect("JSON");
        page["jobs"].as_array().expect("jobs").len()
    };
    assert_eq!((listed("completed"), listed("running")), (jobs, 0));
}

#[test]
fn reports_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let closed =
        ["reports", "--producers", "2", "--events", "3", "--jobs", "2", "--seconds", "200ms"];
    let figures = load(&server, &closed);
    let requests = figures["requests"].as_u64().unwrap();
    assert!(requests > 0, "{figures}");
    check(&figures, &[("producers", 2), ("jobs", 2), ("events", requests * 3)]);
    assert!(figures["server_written_bytes_per_event"].is_number(), "{figures}");
    // What was counted is in the jobs' logs; `start` and `complete` are as well.
    let page = server.expect(&["--json", "job", "list", "--kind", "bench"], 0);
    let page: Value = serde_json::from_str(&page).unwrap();
    let offset = |job: &Value| {
        let cursor = job["cursor"].as_str().unwrap();
        cursor.split_once('-').unwrap().1.parse::<u64>().unwrap()
    };
    let kept: u64 = page["jobs"].as_array().unwrap().iter().map(offset).sum();
    assert!(kept >= requests * 3, "{kept} of {figures}");
    leaves_nothing_behind(&server, 2);

    let open = ["reports", "--producers", "2", "--jobs", "3", "--rate", "50", "--seconds", "200ms"];
    let figures = load(&server, &open);
    let requests = figures["requests"].as_u64().unwrap();
    check(&figures, &[("requests_due", 10)]);
    assert!((1..=10).contains(&requests), "no more than were due: {figures}");
    leaves_nothing_behind(&server, 5);
}

#[test]
fn watchers_stand_and_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for (transport, jobs) in [("websocket", 3), ("sse", 6)] {
        let arguments = [
            "watchers",
            "--connections",
            "7",
            "--jobs",
            "3",
            "--idle",
            "10ms",
            "--transport",
            transport,
        ];
        let figures = load(&server, &arguments);
        let expected =
            [("standing", 7), ("deliveries", 70), ("ended", 7), ("gaps", 0), ("out_of_order", 0)];
        check(&figures, &expected);
        check(&figures, &[("errors", 0)]);
        assert!(figures["server_bytes_per_connection_after_updates"].is_number(), "{figures}");
        leaves_nothing_behind(&server, jobs);
    }
}

#[test]
fn what_is_reported_reaches_every_watcher() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let manners: [&[&str]; 4] = [
        &["--in-flight", "1"],
        &["--in-flight", "1", "--transport", "sse"],
        &["--in-flight", "3", "--lane", "events"],
        &["--rate", "20", "--producers", "2"],
    ];
    for (number, manner) in manners.into_iter().enumerate() {
        let shape = ["fanout", "--jobs", "2", "--watchers", "3", "--seconds", "300ms"];
        let figures = load(&server, &[&shape, manner].concat());
        let reports = figures["reports"].as_u64().unwrap();
        assert!(reports > 0, "{figures}");
        let conflated = figures["conflated"].as_u64().unwrap();
        let delivered = [("watchers", 6), ("deliveries", reports * 3 - conflated), ("ended", 6)];
        check(&figures, &delivered);
        check(&figures, &[("gaps", 0), ("out_of_order", 0), ("errors", 0)]);
        if manner.contains(&"--in-flight") {
            // One at a time leaves nothing to conflate, and events never are.
            check(&figures, &[("conflated", 0)]);
        }
        leaves_nothing_behind(&server, (number + 1) * 2);
    }
    let held = ["fanout", "--jobs", "1", "--watchers", "2", "--seconds", "1s", "--rate", "100"];
    let figures = load(&server, &[&held, &["--min-interval", "500"][..]].concat());
    assert!(figures["conflated"].as_u64().unwrap() > 0, "{figures}");
}

#[test]
fn other_machines_are_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for load in ["reports", "watchers", "fanout"] {
        let output = server.finish(&["--server", "http://192.0.2.1:4323", "bench", load]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains("loopback"), "{}", said(&output));
    }
}
