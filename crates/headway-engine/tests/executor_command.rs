//! One process for each item, with real programs.

mod executor_support;

use std::sync::Arc;
use std::time::Duration;

use executor_support::{
    Heard, attempt, error, executor, lives, output, pids, run, run_until, try_executor, until,
};
use headway_engine::executor::{Execute, Failure, News};
use headway_protocol::{Percent, Report};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn shell(script: &str) -> Arc<dyn Execute> {
    executor(json!({"type": "command", "argv": ["sh", "-c", script]}))
}

#[tokio::test]
async fn the_output_is_what_was_written() {
    for (script, expected) in [
        ("cat", json!({"a": [1, 2]})),
        ("printf '{\\n \"x\": 1\\n}'", json!({"x": 1})),
        ("echo plain text", json!("plain text")),
        ("printf 'two\\nlines\\n'", json!("two\nlines")),
        ("printf 'bad \\377 byte'", json!("bad \u{fffd} byte")),
        ("true", Value::Null),
        ("echo 12", json!(12)),
        ("exec 0<&-; sleep 0.01; echo '\"unread\"'", json!("unread")),
    ] {
        let ended = run(&shell(script), &attempt(3, &json!({"a": [1, 2]}))).await;
        assert_eq!(output(&ended), expected, "{script}");
        if let Ok(output) = &ended.outcome {
            assert!(!output.get().contains('\n'));
        }
    }
}

#[tokio::test]
async fn a_large_input_that_nobody_reads_is_no_failure() {
    let input = json!("x".repeat(900_000));
    assert_eq!(output(&run(&shell("echo 1"), &attempt(0, &input)).await), json!(1));
    let count = output(&run(&shell("wc -c"), &attempt(0, &input)).await);
    assert_eq!(count, json!(900_003));
}

#[tokio::test]
async fn an_exit_decides() {
    for (script, code, retryable, message) in [
        ("echo out; echo why >&2; exit 3", "exit_code", false, "why"),
        ("exit 4", "exit_code", false, "the program ended with exit code 4"),
        ("echo later >&2; exit 75", "tempfail", true, "later"),
        ("kill -KILL $$", "signal", true, "the program ended with signal SIGKILL"),
        ("kill -SEGV $$", "signal", false, "the program ended with signal SIGSEGV"),
    ] {
        let ended = run(&shell(script), &attempt(0, &Value::Null)).await;
        let error = error(&ended);
        assert_eq!((error.code.as_str(), error.retryable), (code, retryable), "{script}");
        assert_eq!(error.message, message, "{script}");
        assert!(error.details.is_some(), "{script}");
    }
}

#[tokio::test]
async fn a_program_that_was_found_knows_where_it_stands() {
    let ended = run(&shell("echo \"$0\""), &attempt(0, &Value::Null)).await;
    let place = output(&ended);
    let place = std::path::Path::new(place.as_str().unwrap());
    assert!(place.is_absolute() && place.ends_with("sh") && place.is_file(), "{}", place.display());
}

#[tokio::test]
async fn the_environment_is_what_was_named() {
    let program =
        executor(json!({"type": "command", "argv": ["/usr/bin/env"], "env": ["CARGO_PKG_NAME"]}));
    let mut about = attempt(7, &Value::Null);
    about.custom_id = Some("row-7".to_owned());
    about.number = 2;
    let ended = run(&program, &about).await;
    let text = output(&ended);
    let mut names: Vec<&str> =
        text.as_str().unwrap().lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    let expected = [
        "CARGO_PKG_NAME",
        "HEADWAY_ATTEMPT",
        "HEADWAY_CUSTOM_ID",
        "HEADWAY_INDEX",
        "HEADWAY_JOB",
        "HOME",
        "PATH",
        "TMPDIR",
    ];
    assert_eq!(names, expected);
    for line in ["HEADWAY_INDEX=7", "HEADWAY_CUSTOM_ID=row-7", "HEADWAY_ATTEMPT=2"] {
        assert!(text.as_str().unwrap().contains(line), "{line}");
    }
}

#[tokio::test]
async fn reports_are_not_output() {
    let script = r#"
        echo '{"headway":{"progress":50,"message":"half"}}'
        echo '{"headway":{"usage":{"sku":"m","tokens":3},"cost":"0.25"}}'
        echo '{"headway":{"type":"phase","name":"load"}}'
        echo to-stderr >&2
        echo '{"done":true}'"#;
    let heard = Heard::default();
    let (program, about) = (shell(script), attempt(0, &Value::Null));
    let ended = program.run(&about, &heard.sink(), &CancellationToken::new()).await;
    assert_eq!(output(&ended), json!({"done": true}));
    assert_eq!(ended.usage[0].units.get("tokens"), Some(&3.0));
    assert_eq!(ended.cost.to_string(), "0.25");
    let heard: Vec<News> = heard.0.lock().unwrap().iter().map(|(_, news)| news.clone()).collect();
    for news in [
        News::Progress { percent: Percent::new(50.0).ok(), message: Some("half".to_owned()) },
        News::Report(Report::Phase { name: "load".to_owned() }),
        News::Line("to-stderr".to_owned()),
    ] {
        assert!(heard.contains(&news), "{news:?} in {heard:?}");
    }
}

#[tokio::test]
async fn too_much_output_ends_the_program() {
    let ended = run(&shell("yes"), &attempt(0, &Value::Null)).await;
    assert_eq!(error(&ended).code, "output_too_large");
    assert!(!error(&ended).retryable);
    let just = "head -c 1048574 /dev/zero | tr '\\0' x";
    assert!(run(&shell(just), &attempt(0, &Value::Null)).await.outcome.is_ok());
}

/// A family that does not want to end: parent, child and grandchild ignore SIGTERM.
const STUBBORN: &str = r"
    trap '' TERM
    (trap '' TERM; (trap '' TERM; sh -c 'echo $PPID' >> pids; while :; do sleep 1; done) &
        sh -c 'echo $PPID' >> pids; while :; do sleep 1; done) &
    echo $$ >> pids
    while :; do sleep 1; done";

#[tokio::test]
async fn a_time_limit_leaves_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let json =
        json!({"type": "command", "argv": ["sh", "-c", STUBBORN], "env": ["PATH"], "cwd": "."});
    let program = try_executor(json, dir.path()).unwrap();
    let mut about = attempt(0, &Value::Null);
    // Enough for the whole family to be there.
    about.timeout = Some(Duration::from_secs(3));
    let ended = run(&program, &about).await;
    assert_eq!((error(&ended).code.as_str(), error(&ended).retryable), ("timeout", true));
    let family = pids(&dir.path().join("pids"));
    assert_eq!(family.len(), 3);
    until("the end of the family", || !family.iter().any(|pid| lives(*pid))).await;
}

#[tokio::test]
async fn a_stop_leaves_nobody_and_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let json =
        json!({"type": "command", "argv": ["sh", "-c", STUBBORN], "env": ["PATH"], "cwd": "."});
    let program = try_executor(json, dir.path()).unwrap();
    let stop = CancellationToken::new();
    let file = dir.path().join("pids");
    let (about, ready) = (attempt(0, &Value::Null), async {
        until("the family", || pids(&file).len() == 3).await;
        stop.cancel();
    });
    let (ended, ()) = tokio::join!(run_until(&program, &about, &stop), ready);
    assert_eq!(ended.outcome.unwrap_err(), Failure::Stopped);
    let family = pids(&file);
    until("the end of the family", || !family.iter().any(|pid| lives(*pid))).await;
}

#[tokio::test]
async fn whoever_is_left_after_a_good_end_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let script = "sleep 1000 & echo $! > pids; echo '\"done\"'";
    let json =
        json!({"type": "command", "argv": ["sh", "-c", script], "env": ["PATH"], "cwd": "."});
    let program = try_executor(json, dir.path()).unwrap();
    assert_eq!(output(&run(&program, &attempt(0, &Value::Null)).await), json!("done"));
    let left = pids(&dir.path().join("pids"));
    assert_eq!(left.len(), 1);
    until("the end of the sleeper", || !lives(left[0])).await;
}

#[tokio::test]
async fn what_cannot_run_is_refused_before_it_is_run() {
    let dir = tempfile::tempdir().unwrap();
    for (json, field) in [
        (json!({"argv": []}), "executor.argv"),
        (json!({"argv": [""]}), "executor.argv"),
        (json!({"argv": ["no-such-program-anywhere"]}), "executor.argv"),
        (json!({"argv": ["./missing"]}), "executor.argv"),
        (json!({"argv": ["sh", "a\u{0}b"]}), "executor.argv"),
        (json!({"argv": ["sh"], "cwd": "missing"}), "executor.cwd"),
        (json!({"argv": ["sh"], "env": ["A=B"]}), "executor.env"),
        (json!({"argv": ["sh"], "processes": 2}), "executor.processes"),
        (json!({"argv": ["sh"], "mode": "stream", "processes": 0}), "executor.processes"),
        (json!({"argv": ["sh"], "mode": "stream", "processes": 257}), "executor.processes"),
    ] {
        let mut json = json;
        json["type"] = json!("command");
        let problem = try_executor(json.clone(), dir.path()).expect_err(&json.to_string());
        assert_eq!(problem.field.as_deref(), Some(field), "{json}");
    }
}
