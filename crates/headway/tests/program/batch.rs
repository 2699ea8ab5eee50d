use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Server, eventually, expect, finish, headway, numbers, said, signal, worker};

fn worked(folder: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(folder.join("worked.txt")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// An item's work: the first few end at once, the others when there is a file `go`, so that a run is
/// in the middle for as long as a test looks at it.
const HELD: &str = "sh -c 'echo 1 >> worked.txt; \
    until test $(wc -l < worked.txt) -lt 6 || test -e go; do sleep 0.02; done; cat'";

fn let_go(folder: &Path) {
    std::fs::write(folder.join("go"), "").unwrap();
}

#[test]
fn a_run_of_its_own_writes_its_results_and_says_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (file, exec) = (numbers(folder, 25), worker(folder));
    let output = finish(
        folder,
        &["batch", "run", &file, "--exec", &exec, "--stream", "--processes", "2", "-o", "r.csv"],
    );
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(output.stdout.is_empty(), "results were asked for in a file");
    assert!(said(&output).contains("23 of 25 succeeded, 2 failed"), "{}", said(&output));
    assert!(said(&output).contains("/#/batches/bat_"), "the page's address is said");
    let results = std::fs::read_to_string(folder.join("r.csv")).unwrap();
    assert_eq!(results.lines().count(), 26, "{results}");
    assert_eq!(results.matches(",failed,").count(), 2, "{results}");

    let good = ["batch", "run", &file, "--exec", "cat", "--output", "-"];
    let lines = expect(folder, &good, 0);
    assert_eq!(lines.lines().count(), 25);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["output"]["n"], "1");
}

#[test]
fn a_budget_stops_a_run_and_a_larger_one_lets_it_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (file, exec) = (numbers(folder, 9), worker(folder));
    let run = |budget: &str| {
        let arguments = [
            "batch",
            "run",
            &file,
            "--exec",
            &exec,
            "--stream",
            "--rates",
            "costs.json",
            "--estimate",
            "sku=page,pages=1",
            "--budget",
            budget,
            "--output",
            "r.jsonl",
        ];
        finish(folder, &arguments)
    };
    let stopped = run("0.04");
    assert_eq!(stopped.status.code(), Some(4), "{}", said(&stopped));
    let results = std::fs::read_to_string(folder.join("r.jsonl")).unwrap();
    assert_eq!(results.lines().count(), 9, "complete also after a stop: {results}");
    assert_eq!(results.matches("\"succeeded\"").count(), 4, "{results}");

    let again = run("0.04");
    assert_eq!(again.status.code(), Some(4), "{}", said(&again));
    let more = run("0.50");
    assert_eq!(more.status.code(), Some(0), "{}", said(&more));
    assert!(said(&more).contains("4 of 9 items are done"), "{}", said(&more));
    let mut worked = worked(folder);
    worked.sort_unstable();
    assert_eq!(worked, (1..=9).collect::<Vec<_>>(), "no item ran twice");
}

#[test]
fn a_run_that_was_killed_goes_on_with_the_same_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = numbers(folder, 40);
    let arguments = ["--json", "batch", "run", &file, "--exec", HELD, "--concurrency", "2"];
    let mut first =
        headway(folder, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("some work", || (worked(folder).len() >= 6).then_some(()));
    signal(&first, Signal::SIGKILL);
    first.wait().unwrap();
    let_go(folder);

    let second = finish(folder, &arguments);
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    assert!(said(&second).contains("going on with"), "{}", said(&second));
    let job: Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!(job["items"]["succeeded"], 40);
    let worked_in_all = worked(folder).len();
    assert!((40..=48).contains(&worked_in_all), "{worked_in_all} items were run for 40");

    // A finished run is not the same run any more.
    let third = finish(folder, &arguments);
    let later: Value = serde_json::from_slice(&third.stdout).unwrap();
    assert_ne!(later["id"], job["id"]);
}

#[test]
fn ctrl_c_pauses_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = numbers(folder, 30);
    let arguments = ["--json", "batch", "run", &file, "--exec", HELD, "--concurrency", "2"];
    let mut first =
        headway(folder, &arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut words = BufReader::new(first.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("/#/batches/") {
        line.clear();
        assert!(words.read_line(&mut line).unwrap() > 0, "it ended before its page was said");
    }
    let (page, id) = line.trim().split_once(" at ").unwrap().1.split_once("/#/batches/").unwrap();
    eventually("some work", || (worked(folder).len() >= 6).then_some(()));
    signal(&first, Signal::SIGINT);
    // What is in flight is let go when nothing else can start any more.
    let get = ["--server", page, "--json", "job", "get", id];
    eventually("the pause", || expect(folder, &get, 0).contains(r#""pausing""#).then_some(()));
    let_go(folder);
    assert_eq!(first.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    words.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("the same command goes on"), "{rest}");
    let done = worked(folder).len();
    assert!(done < 30, "all were done before it was paused");
    let second = finish(folder, &arguments);
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    assert_eq!(worked(folder).len(), 30, "{done} were done before, and none again");
}

#[test]
fn a_run_that_is_told_to_end_does_not_wait_for_an_item_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = numbers(folder, 2);
    let exec = "sh -c 'echo 1 >> worked.txt; sleep 1000000'";
    let arguments = ["batch", "run", &file, "--exec", exec];
    let run = headway(folder, &arguments).stderr(Stdio::piped()).spawn().unwrap();
    eventually("some work", || (!worked(folder).is_empty()).then_some(()));
    signal(&run, Signal::SIGTERM);
    let run = run.wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(130), "{}", said(&run));
    assert!(said(&run).contains("the same command goes on"), "{}", said(&run));
}

#[test]
fn a_server_takes_a_batch_and_everybody_can_watch_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (file, exec) = (numbers(folder.path(), 20), worker(folder.path()));
    let submit =
        ["--json", "batch", "run", &file, "--exec", &exec, "--stream", "--no-wait", "--name", "n"];
    let job: Value = serde_json::from_str(&server.expect(&submit, 0)).unwrap();
    let id = job["id"].as_str().unwrap();

    let frames = server.expect(&["--json", "watch", id], 3);
    let frames: Vec<Value> =
        frames.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(frames[0]["type"], "hello");
    assert_eq!(frames.last().unwrap()["type"], "end");
    assert_eq!(frames.last().unwrap()["status"], "completed");

    let failed = server.expect(&["batch", "results", id, "--status", "failed"], 0);
    assert_eq!(failed.lines().count(), 2, "{failed}");
    let csv = server.expect(&["batch", "results", id, "--format", "csv"], 0);
    assert_eq!(csv.lines().count(), 21);
    assert!(server.expect(&["job", "list"], 0).contains(id));
    assert!(server.expect(&["job", "events", id], 0).contains("queued"));
    let errors = server.expect(&["batch", "errors", id], 0);
    assert!(errors.starts_with("ITEMS"), "{errors}");
    let errors = server.expect(&["--json", "batch", "errors", id, "--limit", "1"], 0);
    let errors: Value = serde_json::from_str(&errors).unwrap();
    assert_eq!((&errors["failed"], &errors["groups"][0]["count"]), (&2.into(), &2.into()));
    let one = errors["groups"][0]["examples"][0]["index"].to_string();
    server.expect(&["batch", "retry", id, "--item", &one], 3);
    let job = server.job(id);
    assert_eq!((&job["attempt"], &job["items"]["failed"]), (&2.into(), &2.into()));
    let refused = server.finish(&["batch", "retry", id, "--item", &one, "--item", "4321"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("there is no item 4321"), "{}", said(&refused));
    server.expect(&["batch", "retry", id], 3);
    assert_eq!(server.job(id)["attempt"], 3);
}

#[test]
fn chosen_items_are_run_again_also_by_a_server_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = numbers(folder, 30);
    // Odd numbers fail until there is a file `mended`; then everything waits for a file `go`.
    let exec = "sh -c 'read line; n=$(echo $line | tr -dc 0-9); echo $n >> worked.txt; \
                if [ -e mended ]; then until [ -e go ]; do sleep 0.02; done; else [ $((n % 2)) -eq 0 ]; fi'";
    let mut server = Server::start_over(folder, "data");
    let run = ["batch", "run", &file, "--exec", exec, "--retries", "0", "--no-wait"];
    let id = server.expect(&run, 0);
    let id = id.trim();
    server.expect(&["watch", id], 3);
    assert_eq!(server.job(id)["items"]["failed"], 15);
    std::fs::write(folder.join("mended"), "").unwrap();
    let chosen: [u32; 6] = [0, 4, 8, 12, 16, 28];
    let mut retry: Vec<String> = ["batch", "retry", id, "--no-wait"].map(str::to_owned).into();
    retry.extend(chosen.iter().flat_map(|index| ["--item".to_owned(), index.to_string()]));
    let retry: Vec<&str> = retry.iter().map(String::as_str).collect();
    server.expect(&retry, 0);
    eventually("some work", || (worked(folder).len() > 30).then_some(()));
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let_go(folder);

    let server = Server::start_over(folder, "data");
    server.expect(&["watch", id], 3);
    let items = &server.job(id)["items"];
    assert_eq!((&items["succeeded"], &items["failed"]), (&21.into(), &9.into()));
    let worked = worked(folder);
    for number in 1..=30 {
        let times = worked.iter().filter(|ran| **ran == number).count();
        // An item in flight when the server was killed is run once more.
        let expected = if chosen.contains(&(number - 1)) { 2..=3 } else { 1..=1 };
        assert!(expected.contains(&times), "number {number} ran {times} times");
    }
}

#[test]
fn a_cancelled_batch_still_gives_its_results() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let file = numbers(folder.path(), 50);
    // The first one ends, and no other.
    let exec = "sh -c 'test ! -e first && touch first && exec cat; sleep 1000000'";
    let run = ["batch", "run", &file, "--exec", exec, "--concurrency", "1", "-o", "r.jsonl"];
    let child = headway(&server.folder, &run)
        .env("HEADWAY_URL", &server.url)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = eventually("some results", || {
        let job = server.newest("custom")?;
        let succeeded = job["items"]["succeeded"].as_u64()?;
        (succeeded > 0).then(|| job["id"].as_str().unwrap().to_owned())
    });
    server.expect(&["job", "cancel", &id], 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    let results = std::fs::read_to_string(folder.path().join("r.jsonl")).unwrap();
    assert_eq!(results.lines().count(), 50);
    assert!(results.contains("\"succeeded\"") && results.contains("\"cancelled\""));
}

#[test]
fn what_cannot_run_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = numbers(folder, 2);
    let check = |arguments: &[&str], code: i32, words: &str| {
        let output = finish(folder, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    };
    check(&["batch", "run", "none.csv", "--exec", "cat"], 1, "none.csv");
    check(&["batch", "run", &file, "--exec", "no-such-program"], 1, "no-such-program");
    check(&["batch", "run", &file, "--exec", "cat | wc"], 2, "shell");
    check(&["batch", "run", &file, "--exec", "cat", "--no-wait"], 2, "--server");
    check(&["batch", "run", &file, "--exec", "cat", "-o", "no/r.csv"], 2, "folder");
    check(&["--server", "http://127.0.0.1:1", "job", "list"], 1, "headway serve");
}

#[test]
fn a_server_refuses_commands_unless_it_was_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let file = numbers(folder.path(), 2);
    let child = headway(folder.path(), &["--json", "serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server::adopt(child, folder.path());
    let refused = server.finish(&["batch", "run", &file, "--exec", "cat"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("allow-exec"), "{}", said(&refused));
}
