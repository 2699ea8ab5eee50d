//! Jobs through the whole write side: producers that report, and kinds with an executor.
#![expect(clippy::unwrap_used, reason = "a helper of tests may fail its test")]

#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::match_wild_err_arm,
    reason = "each test file uses its part of the house, and only in tests"
)]
mod house;

use std::collections::BTreeMap;
use std::sync::Arc;

use headway_access::Caller;
use headway_engine::{Kind, Options, Retention};
use headway_protocol::batch::{CommandExecutor, CommandMode, Executor, Retry};
use headway_protocol::event::Producer;
use headway_protocol::report::{Report, SequencedReport};
use headway_protocol::request::{CommandRequest, CreateJob};
use headway_protocol::{Action, JobStatus, Owner};
use headway_store::Store;
use headway_store::memory::MemoryStore;
use serde_json::json;

use house::{House, me};

fn reports(values: Vec<serde_json::Value>) -> Vec<SequencedReport> {
    values.into_iter().map(|value| serde_json::from_value(value).unwrap()).collect()
}

fn request(kind: &str) -> CreateJob {
    CreateJob { kind: kind.to_owned(), ..CreateJob::default() }
}

#[tokio::test]
async fn a_producer_takes_its_job_from_start_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let job = house.engine.create_job(&me(), request("import"), None).await.unwrap().job;
    assert_eq!(job.status, JobStatus::Pending);
    let report = |values| house.report(&job.id, reports(values));
    report(vec![json!({"type":"progress","done":1,"total":4,"message":"first"})]).await.unwrap();
    let reply =
        report(vec![json!({"type":"progress","done":3}), json!({"type":"log","message":"nearly"})])
            .await
            .unwrap();
    assert_eq!(reply.status, JobStatus::Running);
    let seen = house.document(&job.id).await;
    assert_eq!(seen.progress.percent.unwrap(), headway_protocol::Percent::of(3.0, 4.0));
    assert_eq!(seen.message.as_deref(), Some("first"));
    report(vec![json!({"type":"complete","result":{"rows":4}})]).await.unwrap();
    let ended = house.document(&job.id).await;
    assert_eq!(ended.status, JobStatus::Completed);
    assert_eq!(ended.result, Some(json!({"rows":4})));
    let late = report(vec![json!({"type":"progress","done":4})]).await.unwrap_err();
    assert_eq!(late.problem().code, "job_ended");
}

#[tokio::test]
async fn a_refused_event_refuses_its_whole_request() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let job = house.engine.create_job(&me(), request("import"), None).await.unwrap().job;
    let refused = house
        .engine
        .report(
            &me(),
            &job.id,
            None,
            reports(vec![
                json!({"type":"progress","percent":10}),
                json!({"type":"step_finish","step":"nowhere","status":"completed"}),
            ]),
        )
        .await
        .unwrap_err();
    let problem = refused.problem();
    assert_eq!((problem.status, problem.index), (422, Some(1)));
    let seen = house.document(&job.id).await;
    assert_eq!((seen.status, seen.progress.percent), (JobStatus::Pending, None));
}

#[tokio::test]
async fn a_repeated_request_is_applied_once() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let job = house.engine.create_job(&me(), request("import"), None).await.unwrap().job;
    let caller = me();
    let send = |seq| {
        let producer = Some(Producer { id: "worker-1".to_owned(), seq });
        let report = Report::Cost { amount: "0.50".parse().unwrap(), sku: None };
        let reports = vec![SequencedReport { seq: None, report }];
        house.engine.report(&caller, &job.id, producer, reports)
    };
    let first = send(1).await.unwrap();
    send(2).await.unwrap();
    let again = send(1).await.unwrap();
    let repeat = send(2).await.unwrap();
    assert!(repeat.cursor.offset >= first.cursor.offset && again.status == JobStatus::Running);
    let cost = house.document(&job.id).await.cost.unwrap();
    assert_eq!(cost.spent, "1.00".parse().unwrap());
}

#[tokio::test]
async fn many_producers_of_one_job_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let job = house.engine.create_job(&me(), request("import"), None).await.unwrap().job;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (engine, id) = (house.engine.clone(), job.id.clone());
        tasks.spawn(async move {
            for _ in 0..25 {
                let report = Report::Cost { amount: "0.01".parse().unwrap(), sku: None };
                let reports = vec![SequencedReport { seq: None, report }];
                engine.report(&me(), &id, None, reports).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let seen = house.document(&job.id).await;
    assert_eq!(seen.cost.unwrap().spent, "8.00".parse().unwrap());
    // 800 costs, the creation and the start.
    assert_eq!(seen.cursor.offset, 802);
}

#[tokio::test]
async fn another_tenant_sees_no_job() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let job = house.engine.create_job(&me(), request("import"), None).await.unwrap().job;
    let owner = Owner { tenant: "other".to_owned(), subject: None };
    let stranger = Arc::new(Caller { owner, ..Caller::anyone() });
    let sent = reports(vec![json!({"type":"start"})]);
    let refused = house.engine.report(&stranger, &job.id, None, sent).await.unwrap_err();
    assert_eq!(refused.problem().status, 404);
    let asked = CommandRequest::default();
    let refused = house.engine.command(&stranger, &job.id, Action::Cancel, asked).await;
    assert_eq!(refused.unwrap_err().problem().status, 404);
}

#[tokio::test]
async fn a_worker_hears_of_a_cancel_and_confirms_it() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let job = house.engine.create_job(&me(), request("import"), None).await.unwrap().job;
    let report = |values| house.report(&job.id, reports(values));
    report(vec![json!({"type":"start"})]).await.unwrap();
    let asked = CommandRequest::default();
    let seen = house.engine.command(&me(), &job.id, Action::Cancel, asked).await.unwrap();
    assert_eq!(seen.status, JobStatus::Cancelling);
    let reply = report(vec![json!({"type":"progress","percent":5})]).await.unwrap();
    assert_eq!(reply.commands.len(), 1);
    let ack = json!({"type":"ack","command":reply.commands[0].id});
    let reply = report(vec![ack]).await.unwrap();
    assert_eq!(reply.status, JobStatus::Cancelled);
}

#[tokio::test]
async fn a_silent_worker_is_seen_and_heard_again() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let create = CreateJob { stall_after_ms: Some(1_000), ..request("import") };
    let job = house.engine.create_job(&me(), create, None).await.unwrap().job;
    let report = |values| house.report(&job.id, reports(values));
    report(vec![json!({"type":"start"})]).await.unwrap();
    house.until(&job.id, |job| job.stalled).await;
    report(vec![json!({"type":"progress","percent":5})]).await.unwrap();
    assert!(!house.document(&job.id).await.stalled);
}

fn kinds(argv: &[&str]) -> Options {
    let kind = Kind {
        executor: Some(Executor::Command(CommandExecutor {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            mode: CommandMode::Item,
            processes: None,
            env: vec!["PATH".to_owned()],
            cwd: Some(".".to_owned()),
        })),
        retry: Some(Retry { max_attempts: 3, initial_delay_ms: 1, ..Retry::default() }),
        ..Kind::default()
    };
    Options { kinds: BTreeMap::from([("analysis".to_owned(), kind)]), ..Options::default() }
}

fn with_kinds(folder: &std::path::Path, argv: &[&str]) -> House {
    House::over(Arc::new(MemoryStore::new()), folder, kinds(argv))
}

#[tokio::test]
async fn a_kind_with_an_executor_runs_its_job() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"read input
        echo '{"headway":{"progress":25,"message":"a quarter"}}'
        echo '{"headway":{"type":"step_start","step":"research"}}'
        echo '{"headway":{"type":"step_finish","step":"research","status":"completed"}}'
        echo "{\"given\":$input}""#;
    let house = with_kinds(folder.path(), &["sh", "-c", script]);
    let create = CreateJob { input: Some(json!({"rows": 3})), ..request("analysis") };
    let job = house.engine.create_job(&me(), create, None).await.unwrap().job;
    let ended = house.ended(&job.id).await;
    assert_eq!(ended.status, JobStatus::Completed, "{:?}", ended.error);
    assert_eq!(ended.result, Some(json!({"given": {"rows": 3}})));
    assert_eq!(ended.steps["research"].status, headway_protocol::StepStatus::Completed);
    assert_eq!(ended.message.as_deref(), Some("a quarter"));
    let outside = reports(vec![json!({"type":"progress","percent":1})]);
    assert!(house.engine.report(&me(), &job.id, None, outside).await.is_err());
}

#[tokio::test]
async fn a_job_that_asks_for_a_retry_gets_one() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"if [ "$HEADWAY_ATTEMPT" -lt 3 ]; then exit 75; fi; echo "$HEADWAY_ATTEMPT""#;
    let house = with_kinds(folder.path(), &["sh", "-c", script]);
    let job = house.engine.create_job(&me(), request("analysis"), None).await.unwrap().job;
    let ended = house.ended(&job.id).await;
    assert_eq!((ended.status, ended.result), (JobStatus::Completed, Some(json!(3))));
}

#[tokio::test]
async fn a_cancelled_job_takes_its_processes_along() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo '{\"headway\":{\"progress\":1}}'; sleep 600 & echo $! > child; wait";
    let house = with_kinds(folder.path(), &["sh", "-c", script]);
    let job = house.engine.create_job(&me(), request("analysis"), None).await.unwrap().job;
    house.until(&job.id, |job| job.progress.percent.is_some()).await;
    let child = folder.path().join("child");
    while std::fs::read_to_string(&child).map_or(true, |text| !text.ends_with('\n')) {
        tokio::task::yield_now().await;
    }
    let asked = CommandRequest::default();
    house.engine.command(&me(), &job.id, Action::Cancel, asked).await.unwrap();
    let ended = house.ended(&job.id).await;
    assert_eq!(ended.status, JobStatus::Cancelled);
    let pid = std::fs::read_to_string(&child).unwrap();
    let process = format!("/proc/{}/stat", pid.trim());
    let gone = || {
        std::fs::read_to_string(&process)
            .map_or(true, |stat| stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
    };
    while !gone() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_cancel_that_outlives_the_engine_is_not_answered_by_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    // What is ignored here is ignored by `sleep` too: the cancel takes its time.
    let script = "trap '' TERM; echo run >> ran; echo '{\"headway\":{\"progress\":1}}'; sleep 5";
    let options = || kinds(&["sh", "-c", script]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let job = runtime.block_on(async {
        let house = House::over(Arc::clone(&store), folder.path(), options());
        let job = house.engine.create_job(&me(), request("analysis"), None).await.unwrap().job;
        house.until(&job.id, |job| job.progress.percent.is_some()).await;
        let ask = CommandRequest::default();
        house.engine.command(&me(), &job.id, Action::Cancel, ask).await.unwrap();
        job
    });
    assert_eq!(
        runtime.block_on(store.load(&job.id)).unwrap().unwrap().facets.status,
        JobStatus::Cancelling
    );
    runtime.shutdown_background();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let house = House::over(Arc::clone(&store), folder.path(), options());
        assert_eq!(house.ended(&job.id).await.status, JobStatus::Cancelled);
    });
    assert_eq!(std::fs::read_to_string(folder.path().join("ran")).unwrap(), "run\n");
}

#[tokio::test]
async fn finished_jobs_over_the_limit_can_be_found() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let mut made = Vec::new();
    for _ in 0..3 {
        let job = house.engine.create_job(&me(), request("import"), None).await.unwrap().job;
        let end = reports(vec![json!({"type":"complete"})]);
        house.engine.report(&me(), &job.id, None, end).await.unwrap();
        made.push(job.id);
    }
    let long_ago = headway_protocol::Timestamp::from_millis(0);
    let over = house.store.expendable(long_ago, 1, 10).await.unwrap();
    // They end in the same millisecond, so any two of them may be the oldest.
    assert_eq!(over.len(), 2);
    assert!(over.iter().all(|job| made.contains(job)));
}

#[tokio::test]
async fn a_long_log_forgets_its_beginning_and_keeps_its_document() {
    const KEPT: u64 = 16;
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { job_events: KEPT, ..Retention::default() };
    let options = Options { retention, ..Options::default() };
    let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options);
    let job = house.engine.create_job(&me(), request("import"), None).await.unwrap().job;
    let mut done = 0;
    let history = loop {
        done += 1;
        let report = json!({"type":"progress","done":done});
        house.report(&job.id, reports(vec![report])).await.unwrap();
        let history = house.store.read(&job.id, 0, 10_000).await.unwrap().unwrap();
        if history.trimmed_to > 0 {
            break history;
        }
        assert!(done < 100_000, "the log of {done} reports is still whole");
    };
    let kept = history.cursor.offset - history.trimmed_to;
    assert!(kept >= KEPT, "{kept} events are left");
    assert_eq!(history.records.first().unwrap().from, history.trimmed_to);
    let seen = house.document(&job.id).await;
    assert_eq!((seen.status, seen.progress.done), (JobStatus::Running, Some(done)));
}
