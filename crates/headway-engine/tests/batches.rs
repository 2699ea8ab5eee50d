//! Batches through the whole write side: a real engine, real programs, the in-memory store.
#![expect(clippy::unwrap_used, reason = "a helper of tests may fail its test")]

#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::match_wild_err_arm,
    reason = "each test file uses its part of the house, and only in tests"
)]
mod house;

use std::sync::Arc;

use headway_engine::{Format, ItemSource, Options};
use headway_protocol::batch::{BatchOptions, Budget, Executor, OnBudget, OnFailure, Rate, Retry};
use headway_protocol::report::Usage;
use headway_protocol::request::{CommandRequest, RetryItems};
use headway_protocol::{Action, Amount, ItemStatus, JobStatus};
use headway_store::memory::MemoryStore;
use serde_json::json;

use house::{House, me, numbers, rates};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn a_batch_runs_to_its_end_with_exact_counts() {
    let folder = folder();
    let house = House::new(folder.path());
    let worker = "if value % 50 == 7: answer = {'error': {'code': 'seven', 'message': 'no sevens', 'retryable': False}}";
    let batch = house.batch(numbers(1_000), worker, |_| {}).await;
    let job = house.ended(&batch.id).await;
    assert_eq!(job.status, JobStatus::Completed);
    let items = job.items.unwrap();
    assert_eq!((items.total, items.succeeded, items.failed), (1_000, 980, 20));
    assert!(items.adds_up() && items.open() == 0);
    let stored = house.items(&batch.id).await;
    assert_eq!(stored.len(), 1_000);
    for item in stored {
        let seven = item.index % 50 == 7;
        assert_eq!(item.status, if seven { ItemStatus::Failed } else { ItemStatus::Succeeded });
        assert_eq!(item.attempts, 1);
        if let Some(output) = item.output {
            assert_eq!(output.get(), item.index.to_string());
        }
    }
}

#[tokio::test]
async fn failures_that_may_pass_are_tried_again_until_attempts_run_out() {
    let folder = folder();
    let house = House::new(folder.path());
    let worker = "if value % 2 == 0 and line['attempt'] < value: answer = {'error': {'code': 'busy', 'message': 'later', 'retryable': True}}";
    let batch = house
        .batch(numbers(8), worker, |options| {
            options.retry.as_mut().unwrap().max_attempts = 3;
        })
        .await;
    let job = house.ended(&batch.id).await;
    let items = job.items.unwrap();
    // 0 and 2 pass on attempts 1 and 2; 4 and 6 would need more attempts than there are.
    assert_eq!((items.succeeded, items.failed), (6, 2));
    let attempts: Vec<_> = house.items(&batch.id).await.iter().map(|item| item.attempts).collect();
    assert_eq!(attempts, [1, 1, 2, 1, 3, 1, 3, 1]);
}

#[tokio::test]
async fn a_failure_just_before_the_last_lease_does_not_break_the_runner_off() {
    let folder = folder();
    let house = House::new(folder.path());
    // Items are leased by 64; the second lease takes the rest as the first's 32nd item starts, when
    // the row of a failure just before does not say yet that it is to be tried again.
    let worker = "answer = {'output': os.getpid()}\nif value in (29, 30) and line['attempt'] == 1: answer = {'error': {'code': 'busy', 'message': 'later', 'retryable': True}}";
    let batch = house
        .batch(numbers(100), worker, |options| {
            options.concurrency = Some(1);
            if let Some(Executor::Command(command)) = &mut options.executor {
                command.processes = Some(1);
            }
        })
        .await;
    let job = house.ended(&batch.id).await;
    assert_eq!(job.items.unwrap().succeeded, 100);
    let stored = house.items(&batch.id).await;
    assert_eq!((stored[29].attempts, stored[30].attempts), (2, 2));
    // One runner has one program; another would have begun with a new one.
    let programs: std::collections::HashSet<_> =
        stored.iter().map(|item| item.output.as_ref().unwrap().get()).collect();
    assert_eq!(programs.len(), 1, "{programs:?}");
}

#[tokio::test]
async fn bad_lines_of_a_file_become_failed_items_with_their_number() {
    let folder = folder();
    let house = House::new(folder.path());
    let file = "{\"custom_id\":\"a\",\"input\":1}\nnot json\n\n{\"input\":3}\n";
    let source = ItemSource::File { format: Format::Jsonl, reader: Box::pin(file.as_bytes()) };
    let options = BatchOptions { executor: Some(house.worker("pass")), ..BatchOptions::default() };
    let made = house.engine.create_batch(&me(), options, source, None).await.unwrap();
    let job = house.ended(&made.job.id).await;
    let items = job.items.unwrap();
    assert_eq!((items.total, items.succeeded, items.failed), (3, 2, 1));
    let stored = house.items(&made.job.id).await;
    assert_eq!(stored[0].custom_id.as_deref(), Some("a"));
    let error = stored[1].error.as_ref().unwrap();
    assert!(error.message.contains("line 2"), "{error:?}");
    // What could not be read is never run, not even by a retry.
    let request = CommandRequest { status: Some(RetryItems::Failed), ..CommandRequest::default() };
    assert!(house.engine.command(&me(), &made.job.id, Action::Retry, request).await.is_err());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_leaves_no_batch() {
    let folder = folder();
    let house = House::new(folder.path());
    let source = ItemSource::File { format: Format::Csv, reader: Box::pin(&b"a,a\n1,2\n"[..]) };
    let options = BatchOptions { executor: Some(house.worker("pass")), ..BatchOptions::default() };
    let refused = house.engine.create_batch(&me(), options, source, Some("once")).await;
    assert!(refused.is_err());
    let all = headway_store::ListQuery { limit: 10, ..Default::default() };
    let page = headway_store::Store::list(&*house.store, &all).await.unwrap();
    assert!(page.jobs.is_empty());
}

#[tokio::test]
async fn a_batch_pauses_resumes_and_loses_nothing() {
    let folder = folder();
    let house = House::new(folder.path());
    // Held in the middle until it is being paused.
    let worker = "open(f'ran-{value}', 'a').write('x')\n\
        while value >= 100 and not os.path.exists('go'): time.sleep(0.002)";
    let batch = house.batch(numbers(400), worker, |_| {}).await;
    house.until(&batch.id, |job| job.items.unwrap().succeeded >= 20).await;
    let ask = CommandRequest::default;
    house.engine.command(&me(), &batch.id, Action::Pause, ask()).await.unwrap();
    std::fs::write(folder.path().join("go"), "").unwrap();
    let paused = house.until(&batch.id, |job| job.status == JobStatus::Paused).await;
    let counts = paused.items.unwrap();
    assert_eq!(counts.running, 0);
    assert!(counts.queued > 0, "paused before the end: {counts:?}");
    house.engine.command(&me(), &batch.id, Action::Resume, ask()).await.unwrap();
    let job = house.ended(&batch.id).await;
    assert_eq!(job.items.unwrap().succeeded, 400);
    for number in 0..400 {
        let ran = std::fs::read(folder.path().join(format!("ran-{number}"))).unwrap();
        assert_eq!(ran.len(), 1, "item {number} ran {} times", ran.len());
    }
}

#[tokio::test]
async fn a_cancelled_batch_keeps_what_it_has_and_can_be_retried() {
    let folder = folder();
    let house = House::new(folder.path());
    // Held in the middle until it was cancelled.
    let worker = "while value >= 100 and not os.path.exists('go'): time.sleep(0.002)";
    let batch = house.batch(numbers(500), worker, |_| {}).await;
    house.until(&batch.id, |job| job.items.unwrap().succeeded >= 10).await;
    let ask = CommandRequest::default();
    house.engine.command(&me(), &batch.id, Action::Cancel, ask).await.unwrap();
    let job = house.ended(&batch.id).await;
    assert_eq!(job.status, JobStatus::Cancelled);
    let counts = job.items.unwrap();
    assert!(counts.adds_up() && counts.open() == 0);
    assert!(counts.succeeded >= 10 && counts.cancelled > 0, "{counts:?}");
    let stored = house.items(&batch.id).await;
    let cancelled = stored.iter().filter(|item| item.status == ItemStatus::Cancelled).count();
    assert_eq!(cancelled as u64, counts.cancelled);

    std::fs::write(folder.path().join("go"), "").unwrap();
    let ask = CommandRequest { status: Some(RetryItems::Unfinished), ..CommandRequest::default() };
    house.engine.command(&me(), &batch.id, Action::Retry, ask).await.unwrap();
    let job = house.ended(&batch.id).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Completed, 2));
    assert_eq!(job.items.unwrap().succeeded, 500);
}

#[tokio::test]
async fn a_retry_runs_only_what_failed() {
    let folder = folder();
    let house = House::new(folder.path());
    let worker = "open(f'ran-{value}', 'a').write('x')\n\
        if value % 10 == 3 and not os.path.exists('mended'): answer = {'error': {'code': 'broken', 'message': 'no'}}";
    let batch = house.batch(numbers(100), worker, |_| {}).await;
    let job = house.ended(&batch.id).await;
    assert_eq!(job.items.unwrap().failed, 10);
    std::fs::write(folder.path().join("mended"), "").unwrap();
    let ask = CommandRequest::default();
    house.engine.command(&me(), &batch.id, Action::Retry, ask).await.unwrap();
    let job = house.ended(&batch.id).await;
    assert_eq!(job.items.unwrap().succeeded, 100);
    for number in 0..100 {
        let ran = std::fs::read(folder.path().join(format!("ran-{number}"))).unwrap().len();
        assert_eq!(ran, if number % 10 == 3 { 2 } else { 1 }, "item {number}");
    }
}

#[tokio::test]
async fn a_failure_stops_the_others_when_it_is_to() {
    let folder = folder();
    let house = House::new(folder.path());
    let worker = "time.sleep(0.002)\nif value == 20: answer = {'error': {'code': 'broken', 'message': 'no'}}";
    let batch = house
        .batch(numbers(2_000), worker, |options| options.on_failure = Some(OnFailure::Stop))
        .await;
    let job = house.ended(&batch.id).await;
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(job.error.unwrap().code, "item_failed");
    let counts = job.items.unwrap();
    assert!(counts.adds_up() && counts.cancelled > 1_000 && counts.failed >= 1, "{counts:?}");
}

#[tokio::test]
async fn a_batch_whose_time_is_over_expires() {
    let folder = folder();
    let house = House::new(folder.path());
    let batch = house
        .batch(numbers(50), "time.sleep(30)", |options| options.expires_after_ms = Some(300))
        .await;
    let job = house.ended(&batch.id).await;
    assert_eq!(job.status, JobStatus::Expired);
    let counts = job.items.unwrap();
    assert_eq!((counts.expired, counts.open()), (50, 0));
}

#[tokio::test]
async fn starts_keep_to_the_rate() {
    let folder = folder();
    let house = House::new(folder.path());
    let batch = house
        .batch(numbers(30), "pass", |options| {
            options.concurrency = Some(30);
            options.rate = Some(Rate { count: 10, per_ms: 200 });
        })
        .await;
    let job = house.ended(&batch.id).await;
    let mut started: Vec<u64> = house
        .items(&batch.id)
        .await
        .iter()
        .map(|item| item.started_at.unwrap().as_millis())
        .collect();
    started.sort_unstable();
    // Ten at once, and the twenty others 20 ms apart: never before their time. It is counted from
    // before the first: that one may say late when it started.
    for (place, at) in started.iter().enumerate().skip(10) {
        let earliest = job.created_at.as_millis() + 20 * (place as u64 - 9);
        assert!(*at >= earliest, "start {place} at {at}, not before {earliest}");
    }
    assert_eq!(job.items.unwrap().succeeded, 30);
}

async fn budget_holds(concurrency: u32) {
    let folder = folder();
    let options = Options { rates: rates(), ..Options::default() };
    let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options);
    // Every item is estimated at 10 units; they use 1 to 19.
    let worker = "answer['usage'] = {'sku': 'work', 'unit': 1 + (value * 7919) % 19}";
    let batch = house
        .batch(numbers(1_000), worker, |options| {
            options.concurrency = Some(concurrency);
            options.estimate =
                Some(Usage { sku: "work".to_owned(), units: [("unit".to_owned(), 10.0)].into() });
            options.budget = Some(Budget {
                max_budget: "20.00".parse().unwrap(),
                soft_budget: None,
                on_budget: OnBudget::Pause,
            });
        })
        .await;
    let paused = house.until(&batch.id, |job| job.status == JobStatus::Paused).await;
    assert_eq!(paused.error.as_ref().unwrap().code, "budget_reached");
    let stored = house.items(&batch.id).await;
    let spent: Amount = stored.iter().filter_map(|item| item.cost).fold(Amount::ZERO, Amount::plus);
    let cost = paused.cost.unwrap();
    assert_eq!(cost.spent, spent, "the document and the items agree");
    // The most that estimates in flight can be wrong: 9 units each.
    let budget: Amount = "20.00".parse().unwrap();
    let error = Amount::from_nanos(i64::from(concurrency) * 90_000_000);
    assert!(spent <= budget.plus(error), "spent {spent}");
    assert!(spent.plus("0.20".parse().unwrap()) >= budget.minus(error), "stopped early: {spent}");
    // More money, and it goes on to the end.
    let ask =
        CommandRequest { max_budget: Some("200".parse().unwrap()), ..CommandRequest::default() };
    house.engine.command(&me(), &batch.id, Action::Resume, ask).await.unwrap();
    let job = house.ended(&batch.id).await;
    assert_eq!(job.items.unwrap().succeeded, 1_000);
    let units: i64 = (0..1_000).map(|value| 1 + (value * 7_919) % 19).sum();
    assert_eq!(job.cost.unwrap().spent, Amount::from_nanos(units * 10_000_000));
}

#[tokio::test]
async fn a_budget_holds_one_at_a_time() {
    budget_holds(1).await;
}

#[tokio::test]
async fn a_budget_holds_with_many_in_flight() {
    budget_holds(64).await;
}

#[tokio::test]
async fn a_budget_can_cancel() {
    let folder = folder();
    let options = Options { rates: rates(), ..Options::default() };
    let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options);
    let batch = house
        .batch(numbers(100), "answer['usage'] = {'sku': 'work', 'unit': 10}", |options| {
            options.budget = Some(Budget {
                max_budget: "1.00".parse().unwrap(),
                soft_budget: None,
                on_budget: OnBudget::Cancel,
            });
            options.concurrency = Some(1);
        })
        .await;
    let job = house.ended(&batch.id).await;
    assert_eq!(job.status, JobStatus::Cancelled);
    assert_eq!(job.error.unwrap().code, "budget_reached");
    let counts = job.items.unwrap();
    assert_eq!((counts.succeeded, counts.cancelled), (10, 90));
}

#[test]
fn a_batch_goes_on_after_the_engine_is_gone() {
    let folder = folder();
    let store = Arc::new(MemoryStore::new());
    let worker = "open(f'ran-{value}', 'a').write('x')\ntime.sleep(0.001)\nanswer['usage'] = {'sku': 'work', 'unit': 1}";
    let mut batch = None;
    for _ in 0..4 {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let options = Options { rates: rates(), ..Options::default() };
            let house = House::over(Arc::clone(&store), folder.path(), options);
            let before = if let Some(batch) = &batch {
                house.document(batch).await.items.unwrap().succeeded
            } else {
                batch = Some(house.batch(numbers(1_000), worker, |_| {}).await.id);
                0
            };
            let wanted = before + 50;
            let batch = batch.as_ref().unwrap();
            house.until(batch, |job| job.items.unwrap().succeeded >= wanted).await;
        });
        // The engine is dropped in the middle of everything, as a crash would.
        runtime.shutdown_background();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = Options { rates: rates(), ..Options::default() };
        let house = House::over(Arc::clone(&store), folder.path(), options);
        let batch = batch.unwrap();
        let written_down: Vec<u64> = house
            .items(&batch)
            .await
            .iter()
            .filter(|item| item.status == ItemStatus::Succeeded)
            .map(|item| item.index)
            .collect();
        let ran_before: Vec<usize> = written_down
            .iter()
            .map(|index| std::fs::read(folder.path().join(format!("ran-{index}"))).unwrap().len())
            .collect();
        let job = house.ended(&batch).await;
        let counts = job.items.unwrap();
        assert_eq!((counts.succeeded, counts.total), (1_000, 1_000));
        assert_eq!(job.cost.unwrap().spent, "10.00".parse().unwrap());
        for (index, before) in written_down.iter().zip(ran_before) {
            let ran = std::fs::read(folder.path().join(format!("ran-{index}"))).unwrap().len();
            assert_eq!(ran, before, "item {index} had succeeded and ran again");
        }
        assert!(house.items(&batch).await.iter().all(|item| item.attempts == 1));
    });
}

#[tokio::test]
async fn the_same_idempotency_key_gives_the_same_batch() {
    let folder = folder();
    let house = House::new(folder.path());
    let options =
        || BatchOptions { executor: Some(house.worker("pass")), ..BatchOptions::default() };
    let items = || ItemSource::Inline(vec![json!(1)]);
    let first = house.engine.create_batch(&me(), options(), items(), Some("k")).await.unwrap();
    let again = house.engine.create_batch(&me(), options(), items(), Some("k")).await.unwrap();
    assert!(!first.repeated && again.repeated);
    assert_eq!(first.job.id, again.job.id);
    let other = BatchOptions { name: Some("other".to_owned()), ..options() };
    let refused = house.engine.create_batch(&me(), other, items(), Some("k")).await;
    assert_eq!(refused.unwrap_err().problem().code, "key_reused");
}

#[tokio::test]
async fn an_estimate_prices_items_and_runs_nothing() {
    let folder = folder();
    let options = Options { rates: rates(), ..Options::default() };
    let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options);
    let worker = house.worker("open('ran', 'w')");
    let options = BatchOptions {
        executor: Some(worker),
        estimate: Some(Usage { sku: "work".to_owned(), units: [("unit".to_owned(), 2.0)].into() }),
        retry: Some(Retry::default()),
        ..BatchOptions::default()
    };
    let items = ItemSource::Inline(vec![
        json!(1),
        json!({"input": 2, "estimate": {"sku": "work", "unit": 8}}),
    ]);
    let estimate = house.engine.estimate(&me(), options, items).await.unwrap();
    assert_eq!(estimate.mid, "0.10".parse().unwrap());
    assert_eq!(estimate.items, 2);
    assert!(!folder.path().join("ran").exists());
}

#[tokio::test]
async fn a_batch_whose_program_is_gone_fails_and_leaves_no_item_open() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let program = folder.path().join("worker");
    std::fs::write(&program, "#!/bin/sh\ncat\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let house = House::new(folder.path());
    let batch = house
        .batch(numbers(5), "pass", |options| {
            let executor = headway_protocol::batch::CommandExecutor {
                argv: vec![program.display().to_string()],
                mode: headway_protocol::batch::CommandMode::Item,
                processes: None,
                env: Vec::new(),
                cwd: None,
            };
            options.executor = Some(Executor::Command(executor));
            options.start = Some(false);
        })
        .await;
    assert_eq!(batch.status, JobStatus::Paused);
    std::fs::remove_file(&program).unwrap();
    let ask = CommandRequest::default();
    house.engine.command(&me(), &batch.id, Action::Resume, ask).await.unwrap();
    let job = house.ended(&batch.id).await;
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(job.items.unwrap().cancelled, 5);
    let stored = house.items(&batch.id).await;
    assert!(stored.iter().all(|item| item.status == ItemStatus::Cancelled));
}
