//! Chosen items of an ended batch run again: just these, also when the engine is gone in between.
#![expect(clippy::unwrap_used, reason = "a helper of tests may fail its test")]

#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part of the gate, and only in tests"
)]
mod gate;
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::match_wild_err_arm,
    reason = "each test file uses its part of the house, and only in tests"
)]
mod house;

use std::sync::Arc;

use headway_access::Caller;
use headway_engine::{Format, ItemSource, Options};
use headway_protocol::batch::{BatchOptions, Retry};
use headway_protocol::request::{CommandRequest, CreateJob, RetryItems};
use headway_protocol::{Action, ItemStatus, Job, JobId, JobStatus, Owner};
use headway_store::Store;
use serde_json::Value;

use gate::gated;
use house::{House, me, numbers};

/// Notes that it ran; numbers that end in 3 fail until there is a file `mended`.
const WORKER: &str = "open(f'ran-{value}', 'a').write('x')
if value % 10 == 3 and not os.path.exists('mended'): answer = {'error': {'code': 'broken', 'message': 'no'}}";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn these(items: &[u64]) -> CommandRequest {
    CommandRequest { items: Some(items.to_vec()), ..CommandRequest::default() }
}

/// A batch of 100 items of which 10 failed.
async fn ended(house: &House) -> Job {
    let once = Some(Retry { max_attempts: 1, ..Retry::default() });
    let batch = house.batch(numbers(100), WORKER, |options| options.retry = once).await;
    let job = house.ended(&batch.id).await;
    let counts = job.items.unwrap();
    assert_eq!((counts.succeeded, counts.failed), (90, 10));
    job
}

/// The items that ran twice; every other one ran once.
fn ran_twice(folder: &std::path::Path) -> Vec<u64> {
    let ran = |number: &u64| std::fs::read(folder.join(format!("ran-{number}"))).unwrap().len();
    let (once, more): (Vec<u64>, Vec<u64>) = (0..100).partition(|number| ran(number) == 1);
    assert!(more.iter().all(|number| ran(number) == 2), "{more:?}");
    assert_eq!(once.len() + more.len(), 100);
    more
}

async fn rows_agree(house: &House, job: &JobId) {
    let counts = house.document(job).await.items.unwrap();
    assert!(counts.adds_up(), "{counts:?}");
    let stored = house.items(job).await;
    let of = |status| stored.iter().filter(|item| item.status == status).count() as u64;
    let rows = [ItemStatus::Succeeded, ItemStatus::Failed, ItemStatus::Queued].map(of);
    assert_eq!(rows, [counts.succeeded, counts.failed, counts.queued]);
}

#[tokio::test]
async fn just_the_chosen_items_run_again() {
    let folder = folder();
    let house = House::new(folder.path());
    let batch = ended(&house).await;
    std::fs::write(folder.path().join("mended"), "").unwrap();
    let chosen = these(&[53, 3, 13, 53]);
    let asked = house.engine.command(&me(), &batch.id, Action::Retry, chosen).await.unwrap();
    assert_eq!((asked.attempt, asked.items.unwrap().failed), (2, 7));
    let job = house.ended(&batch.id).await;
    assert_eq!(job.status, JobStatus::Completed);
    let counts = job.items.unwrap();
    assert_eq!((counts.succeeded, counts.failed, counts.total), (93, 7, 100));
    assert_eq!(ran_twice(folder.path()), [3, 13, 53]);
    rows_agree(&house, &batch.id).await;
    // The log says which ones.
    let log = house.store.read(&batch.id, 0, 10_000).await.unwrap().unwrap();
    let events = log.records.iter().flat_map(|record| &record.events);
    let retried: Vec<Value> = events
        .map(|event| serde_json::from_str::<Value>(event.get()).unwrap())
        .filter(|event| event["type"] == "retried")
        .collect();
    assert_eq!(retried.len(), 1);
    assert_eq!(retried[0]["items"]["only"], serde_json::json!([3, 13, 53]));
    // The rest can be run again as before.
    let rest = CommandRequest { status: Some(RetryItems::Failed), ..CommandRequest::default() };
    house.engine.command(&me(), &batch.id, Action::Retry, rest).await.unwrap();
    assert_eq!(house.ended(&batch.id).await.items.unwrap().succeeded, 100);
    assert_eq!(ran_twice(folder.path()).len(), 10);
}

#[tokio::test]
async fn items_of_a_stopped_batch_can_be_chosen() {
    let folder = folder();
    let house = House::new(folder.path());
    let start = |options: &mut BatchOptions| options.start = Some(false);
    let batch = house.batch(numbers(100), WORKER, start).await;
    let ask = CommandRequest::default();
    house.engine.command(&me(), &batch.id, Action::Cancel, ask).await.unwrap();
    let job = house.ended(&batch.id).await;
    assert_eq!(job.items.unwrap().cancelled, 100);
    house.engine.command(&me(), &batch.id, Action::Retry, these(&[5, 99])).await.unwrap();
    let counts = house.ended(&batch.id).await.items.unwrap();
    assert_eq!((counts.succeeded, counts.cancelled), (2, 98));
}

#[tokio::test]
async fn a_choice_that_cannot_run_is_refused_and_says_why() {
    let folder = folder();
    let house = House::new(folder.path());
    let file = "{\"input\":1}\nnot json\n{\"input\":3}\n";
    let source = ItemSource::File { format: Format::Jsonl, reader: Box::pin(file.as_bytes()) };
    let options = BatchOptions {
        executor: Some(house.worker(WORKER)),
        retry: Some(Retry { max_attempts: 1, ..Retry::default() }),
        ..BatchOptions::default()
    };
    let made = house.engine.create_batch(&me(), options, source, None).await.unwrap();
    let id = made.job.id;
    let before = house.ended(&id).await;
    let both = CommandRequest { status: Some(RetryItems::Failed), ..these(&[2]) };
    let many: Vec<u64> = (0..1_001).collect();
    for (action, request, index, words) in [
        (Action::Retry, these(&[2, 0]), Some(0), "item 0 is succeeded"),
        (Action::Retry, these(&[2, 1]), Some(1), "could not be read"),
        (Action::Retry, these(&[2, 7]), Some(7), "there is no item 7"),
        (Action::Retry, these(&[2, u64::MAX]), Some(u64::MAX), "there is no item"),
        (Action::Retry, these(&[]), None, "name 1 to 1000"),
        (Action::Retry, these(&many), None, "name 1 to 1000"),
        (Action::Retry, both, None, "not both"),
        (Action::Cancel, these(&[2]), None, "`retry` alone"),
    ] {
        let refused = house.engine.command(&me(), &id, action, request).await.unwrap_err();
        let problem = refused.problem();
        assert_eq!((&*problem.code, problem.status), ("invalid", 422), "{problem:?}");
        assert_eq!((problem.field.as_deref(), problem.index), (Some("items"), index));
        assert!(problem.detail.contains(words), "{problem:?}");
    }
    assert_eq!(house.document(&id).await, before, "a refusal changes nothing");

    let owner = Owner { tenant: "another".to_owned(), subject: None };
    let stranger = Arc::new(Caller { owner, ..Caller::anyone() });
    let refused = house.engine.command(&stranger, &id, Action::Retry, these(&[0])).await;
    assert_eq!(refused.unwrap_err().problem().code, "not_found");

    let request = CreateJob { kind: "import".to_owned(), ..CreateJob::default() };
    let job = house.engine.create_job(&me(), request, None).await.unwrap().job.id;
    let refused = house.engine.command(&me(), &job, Action::Retry, these(&[0])).await;
    assert_eq!(refused.unwrap_err().problem().code, "wrong_status");
    let fail = serde_json::json!({"type":"fail","error":{"code":"e","message":"m"}});
    house.report(&job, vec![serde_json::from_value(fail).unwrap()]).await.unwrap();
    let refused = house.engine.command(&me(), &job, Action::Retry, these(&[0])).await;
    let problem = refused.unwrap_err().problem();
    assert_eq!((problem.status, problem.field.as_deref()), (422, Some("items")));
}

#[tokio::test]
async fn a_batch_that_goes_on_takes_no_choice() {
    let folder = folder();
    let house = House::new(folder.path());
    let start = |options: &mut BatchOptions| options.start = Some(false);
    let batch = house.batch(numbers(3), WORKER, start).await;
    let refused = house.engine.command(&me(), &batch.id, Action::Retry, these(&[0])).await;
    let problem = refused.unwrap_err().problem();
    assert_eq!((&*problem.code, problem.status), ("wrong_status", 409));
}

#[tokio::test]
async fn of_two_choices_at_once_one_is_taken() {
    let folder = folder();
    let house = House::new(folder.path());
    let batch = ended(&house).await;
    std::fs::write(folder.path().join("mended"), "").unwrap();
    let caller = me();
    let ask = |items| house.engine.command(&caller, &batch.id, Action::Retry, these(items));
    let (one, other) = tokio::join!(ask(&[3, 13]), ask(&[13, 23]));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let problem = one.err().or(other.err()).unwrap().problem();
    assert_eq!(problem.status, 409, "{problem:?}");
    assert_eq!(house.ended(&batch.id).await.items.unwrap().succeeded, 92);
    assert_eq!(ran_twice(folder.path()).len(), 2);
}

/// The engine is gone when some of the chosen items are in the queue and the others are not.
#[test]
fn a_crash_in_the_middle_of_putting_items_back_ends_right() {
    for swept in [0, 1, 3, 4] {
        let folder = folder();
        let (store, mut calls) = gated();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let id = runtime.block_on(async {
            tokio::spawn(async move {
                while let Some(call) = calls.recv().await {
                    call.go();
                }
            });
            let port: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
            let inner = Arc::clone(&store.inner);
            let house = House::behind(port, inner, folder.path(), Options::default());
            let batch = ended(&house).await;
            std::fs::write(folder.path().join("mended"), "").unwrap();
            *store.sweeps.lock() = Some(swept);
            let chosen = these(&[3, 33, 63, 93]);
            house.engine.command(&me(), &batch.id, Action::Retry, chosen).await.unwrap();
            store.halted.notified().await;
            let queued = house.items(&batch.id).await;
            let queued = queued.iter().filter(|item| item.status == ItemStatus::Queued);
            assert_eq!(queued.count() as u64, swept);
            let counts = house.document(&batch.id).await.items.unwrap();
            assert_eq!((counts.queued, counts.failed), (4, 6));
            batch.id
        });
        runtime.shutdown_background();

        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let inner = Arc::clone(&store.inner);
            let house = House::over(inner, folder.path(), Options::default());
            let job = house.ended(&id).await;
            assert_eq!((job.status, job.attempt), (JobStatus::Completed, 2));
            let counts = job.items.unwrap();
            assert_eq!((counts.succeeded, counts.failed, counts.open()), (94, 6, 0));
            assert_eq!(ran_twice(folder.path()), [3, 33, 63, 93]);
            rows_agree(&house, &id).await;
        });
    }
}
