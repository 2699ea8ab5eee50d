//! Pools of long-lived workers, with real programs.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod executor_support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use executor_support::{
    Heard, attempt, error, executor, lives, output, pids, run, run_until, try_executor, until,
};
use futures_util::future::join_all;
use headway_engine::executor::{Execute, Failure, News};
use headway_protocol::Percent;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A worker in Python: `answer(item)` is the body that a test gives.
fn python(processes: u32, body: &str) -> Value {
    let script = format!(
        r#"
import json, os, signal, sys, time
def say(**line):
    sys.stdout.write(json.dumps(line) + "\n"); sys.stdout.flush()
def note(what):
    with open("notes", "a") as notes: notes.write(str(what) + "\n")
note(os.getpid())
for line in sys.stdin:
    item = json.loads(line)
    index, value = item["index"], item["input"]
{}
"#,
        body.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
    );
    json!({"type": "command", "mode": "stream", "processes": processes,
           "argv": ["python3", "-c", script], "cwd": "."})
}

struct Pool {
    executor: Arc<dyn Execute>,
    dir: tempfile::TempDir,
}

impl Pool {
    fn new(json: Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { executor: try_executor(json, dir.path()).unwrap(), dir }
    }

    fn workers(&self) -> Vec<i32> {
        pids(&self.dir.path().join("notes"))
    }
}

#[tokio::test]
async fn many_items_come_back_each_with_its_own_answer() {
    let pool = Pool::new(python(2, r#"say(index=index, output={"twice": value * 2})"#));
    let attempts: Vec<_> = (0..500).map(|index| attempt(index, &json!(index))).collect();
    let ended = join_all(attempts.iter().map(|about| run(&pool.executor, about))).await;
    for (index, ended) in ended.iter().enumerate() {
        assert_eq!(output(ended), json!({"twice": index * 2}));
    }
    assert_eq!(pool.workers().len(), 2, "both workers were started, each once");
    pool.executor.close().await;
    assert!(!pool.workers().into_iter().any(lives));
}

#[tokio::test]
async fn answers_may_come_in_any_order_with_progress_and_usage_before() {
    let body = r#"
held = globals().setdefault("held", [])
held.append(index)
say(index=index, progress=40, message="begun")
if len(held) == 3:
    for one in reversed(held):
        say(index=one, output=one, usage={"sku": "m", "tokens": one}, cost="0.5")"#;
    let pool = Pool::new(python(1, body));
    let heard = Heard::default();
    let (sink, stop) = (heard.sink(), CancellationToken::new());
    let attempts: Vec<_> = (1..=3).map(|index| attempt(index, &json!(null))).collect();
    let runs = attempts.iter().map(|about| pool.executor.run(about, &sink, &stop));
    for (about, ended) in attempts.iter().zip(join_all(runs).await) {
        assert_eq!(output(&ended), json!(about.index));
        assert_eq!(ended.usage[0].units.get("tokens"), Some(&(about.index as f64)));
        assert_eq!(ended.cost.to_string(), "0.50");
    }
    let begun = News::Progress { percent: Percent::new(40.0).ok(), message: Some("begun".into()) };
    for index in 1..=3 {
        assert!(heard.0.lock().unwrap().contains(&(index, begun.clone())));
    }
}

#[tokio::test]
async fn the_line_has_all_that_the_item_has() {
    let pool = Pool::new(python(1, "say(index=index, output=item)"));
    let mut about = attempt(9, &json!("x"));
    about.custom_id = Some("say \"hi\"\n".to_owned());
    about.number = 3;
    about.input = serde_json::value::RawValue::from_string("{\n\"a\":\r\n1}".to_owned()).unwrap();
    let expected =
        json!({"index": 9, "custom_id": "say \"hi\"\n", "attempt": 3, "input": {"a": 1}});
    assert_eq!(output(&run(&pool.executor, &about).await), expected);
}

#[tokio::test]
async fn a_worker_that_dies_fails_what_it_held_and_is_replaced() {
    let body = r#"
if value == "die":
    sys.stderr.write("out of luck\n"); sys.stderr.flush()
    os._exit(9)
say(index=index, output=os.getpid())"#;
    let pool = Pool::new(python(1, body));
    let first = output(&run(&pool.executor, &attempt(0, &json!("live"))).await);
    let ended = run(&pool.executor, &attempt(1, &json!("die"))).await;
    let error = error(&ended);
    assert_eq!((error.code.as_str(), error.retryable), ("worker_died", true));
    assert!(error.message.contains("exit code 9"), "{}", error.message);
    assert!(error.message.contains("out of luck"), "{}", error.message);
    assert_eq!(error.details.as_ref().unwrap()["exit_code"], 9);
    let second = output(&run(&pool.executor, &attempt(2, &json!("live"))).await);
    assert_ne!(first, second);
}

#[tokio::test]
async fn one_item_starts_one_worker() {
    let pool = Pool::new(python(4, "say(index=index, output=1)"));
    run(&pool.executor, &attempt(0, &Value::Null)).await;
    pool.executor.close().await;
    assert_eq!(pool.workers().len(), 1);
}

#[tokio::test]
async fn what_a_worker_answered_before_it_died_counts() {
    let body = r#"
if value == "last":
    say(index=index, output="said")
    os._exit(1)"#;
    let pool = Pool::new(python(1, body));
    assert_eq!(output(&run(&pool.executor, &attempt(0, &json!("last"))).await), json!("said"));
}

#[tokio::test]
async fn workers_that_cannot_start_fail_items_instead_of_waiting_for_ever() {
    let pool = executor(json!({"type": "command", "mode": "stream", "processes": 1,
        "argv": ["sh", "-c", "echo no module named anything >&2; exit 1"]}));
    let mut codes = BTreeSet::new();
    for index in 0..20 {
        let ended = run(&pool, &attempt(index, &Value::Null)).await;
        let error = error(&ended);
        assert!(error.message.contains("no module named anything"), "{}", error.message);
        codes.insert(error.code.clone());
        if error.code == "worker_cannot_start" {
            let Err(Failure::Error { retry_after_ms, .. }) =
                run(&pool, &attempt(99, &Value::Null)).await.outcome
            else {
                panic!("it cannot have run");
            };
            assert!(retry_after_ms.is_some(), "it says when the next worker is started");
            break;
        }
    }
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["worker_cannot_start", "worker_died"]);
}

#[tokio::test]
async fn a_time_limit_blames_one_item_and_the_others_go_on() {
    let body = r#"
if value == "hang" and item["attempt"] == 1:
    time.sleep(1000)
say(index=index, output=value)"#;
    let pool = Pool::new(python(1, body));
    let mut attempts: Vec<_> = ["a", "hang", "b", "c"]
        .iter()
        .enumerate()
        .map(|(index, value)| attempt(index as u64, &json!(value)))
        .collect();
    for about in &mut attempts {
        about.timeout = Some(Duration::from_secs(2));
    }
    let ended = join_all(attempts.iter().map(|about| run(&pool.executor, about))).await;
    assert_eq!(output(&ended[0]), json!("a"));
    assert_eq!((error(&ended[1]).code.as_str(), error(&ended[1]).retryable), ("timeout", true));
    assert_eq!(output(&ended[2]), json!("b"));
    assert_eq!(output(&ended[3]), json!("c"));
    let workers = pool.workers();
    assert_eq!(workers.len(), 2);
    until("the end of the first", || !lives(workers[0])).await;
}

#[tokio::test]
async fn waiting_behind_others_does_not_use_up_an_items_time() {
    let pool = Pool::new(python(1, "time.sleep(0.1)\nsay(index=index, output=1)"));
    let mut attempts: Vec<_> = (0..40).map(|index| attempt(index, &Value::Null)).collect();
    for about in &mut attempts {
        about.timeout = Some(Duration::from_secs(3));
    }
    let ended = join_all(attempts.iter().map(|about| run(&pool.executor, about))).await;
    assert!(ended.iter().all(|ended| ended.outcome.is_ok()), "{ended:?}");
    assert_eq!(pool.workers().len(), 1);
}

#[tokio::test]
async fn a_stopped_item_is_let_go_and_its_worker_does_not_go_on_for_nobody() {
    let body = r#"
note("begun")
time.sleep(1000)"#;
    let pool = Pool::new(python(1, body));
    let notes = pool.dir.path().join("notes");
    let stop = CancellationToken::new();
    let (first, second) = (attempt(0, &Value::Null), attempt(1, &Value::Null));
    let (one, two, ()) = tokio::join!(
        run_until(&pool.executor, &first, &stop),
        run_until(&pool.executor, &second, &stop),
        async {
            until("the beginning", || {
                std::fs::read_to_string(&notes).is_ok_and(|notes| notes.contains("begun"))
            })
            .await;
            stop.cancel();
        }
    );
    assert_eq!(one.outcome.unwrap_err(), Failure::Stopped);
    assert_eq!(two.outcome.unwrap_err(), Failure::Stopped);
    let workers = pool.workers();
    assert_eq!(workers.len(), 1);
    until("the end of the worker", || !lives(workers[0])).await;
    pool.executor.close().await;
    let after = run(&pool.executor, &first).await;
    assert_eq!(after.outcome.unwrap_err(), Failure::Stopped);
}

#[tokio::test]
async fn closing_leaves_nobody_not_even_grandchildren() {
    let body = r#"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
import subprocess
child = subprocess.Popen(["/bin/sleep", "1000"])
note(child.pid)
say(index=index, output="started")"#;
    let pool = Pool::new(python(2, body));
    assert_eq!(output(&run(&pool.executor, &attempt(0, &Value::Null)).await), json!("started"));
    let family = pool.workers();
    assert_eq!(family.len(), 2, "one worker was enough, and it has a child");
    assert!(family.iter().all(|pid| lives(*pid)));
    pool.executor.close().await;
    until("the end of the family", || !family.iter().any(|pid| lives(*pid))).await;
}

#[tokio::test]
async fn lines_that_are_no_answers_are_told_and_passed_over() {
    let body = r#"
print("loading the model", flush=True)
say(index=12345, output="of nobody")
say(output="without index")
say(index=index, output="answer")"#;
    let pool = Pool::new(python(1, body));
    let heard = Heard::default();
    let about = attempt(0, &Value::Null);
    let ended = pool.executor.run(&about, &heard.sink(), &CancellationToken::new()).await;
    assert_eq!(output(&ended), json!("answer"));
    assert!(heard.lines().contains(&"loading the model".to_owned()), "{:?}", heard.lines());
}

#[tokio::test]
async fn a_worker_that_talks_something_else_is_ended() {
    let pool = executor(json!({"type": "command", "mode": "stream", "processes": 1,
        "argv": ["yes"]}));
    let ended = run(&pool, &attempt(0, &Value::Null)).await;
    assert_eq!(error(&ended).code, "worker_died");
    assert!(error(&ended).message.contains("not answers"), "{}", error(&ended).message);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_fails_its_item_only() {
    let body = r#"
if value == "large":
    sys.stdout.write('{"index": %d, "output": "' % index)
    for _ in range(300): sys.stdout.write("x" * 10000)
    sys.stdout.write('"}\n'); sys.stdout.flush()
else:
    say(index=index, output="small")"#;
    let pool = Pool::new(python(1, body));
    let attempts = [attempt(0, &json!("large")), attempt(1, &json!("small"))];
    let ended = join_all(attempts.iter().map(|about| run(&pool.executor, about))).await;
    assert_eq!(error(&ended[0]).code, "output_too_large");
    assert!(!error(&ended[0]).retryable);
    assert_eq!(output(&ended[1]), json!("small"));
}

#[tokio::test]
async fn large_inputs_and_outputs_cross_without_a_deadlock() {
    let pool = Pool::new(python(1, "say(index=index, output=value)"));
    let text = json!("y".repeat(400_000));
    let attempts: Vec<_> = (0..20).map(|index| attempt(index, &text)).collect();
    let ended = join_all(attempts.iter().map(|about| run(&pool.executor, about))).await;
    assert!(ended.iter().all(|ended| output(ended) == text));
}

#[tokio::test]
async fn two_attempts_of_one_index_do_not_meet_in_a_worker() {
    let pool = Pool::new(python(1, "say(index=index, output=value)"));
    let attempts: Vec<_> = (0..10).map(|value| attempt(0, &json!(value))).collect();
    let ended = join_all(attempts.iter().map(|about| run(&pool.executor, about))).await;
    for (value, ended) in ended.iter().enumerate() {
        assert_eq!(output(ended), json!(value));
    }
}

#[tokio::test]
async fn a_worker_may_retire_after_any_number_of_answers() {
    let body = r#"
say(index=index, output=os.getpid())
globals()["count"] = globals().get("count", 0) + 1
if globals()["count"] == 2: sys.exit(0)"#;
    let pool = Pool::new(python(1, body));
    let mut workers = BTreeSet::new();
    for index in 0..6 {
        let ended = run(&pool.executor, &attempt(index, &Value::Null)).await;
        match &ended.outcome {
            Ok(_) => workers.extend(output(&ended).as_i64()),
            Err(_) => assert_eq!(error(&ended).code, "worker_died"),
        }
    }
    assert!(workers.len() >= 2, "{workers:?}");
}
