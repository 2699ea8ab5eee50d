//! What only the configuration says: how a kind is run, and what it may use.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::match_wild_err_arm,
    reason = "a helper of tests may fail its test"
)]

#[allow(dead_code, reason = "each test file uses its part")]
mod house;

use std::collections::BTreeMap;
use std::sync::Arc;

use headway_access::Reach;
use headway_engine::executor::ProcessLimits;
use headway_engine::{ItemSource, Kind, Options};
use headway_protocol::batch::{BatchOptions, Retry};
use headway_protocol::request::CommandRequest;
use headway_protocol::{Action, JobStatus};
use headway_store::Store;
use headway_store::memory::MemoryStore;
use house::{House, me, numbers};
use serde_json::{Value, json};

fn kind(executor: Value, limits: ProcessLimits) -> Options {
    let executor = Some(serde_json::from_value(executor).unwrap());
    let kind = Kind { executor, limits, ..Kind::default() };
    Options {
        kinds: BTreeMap::from([("known".to_owned(), kind)]),
        allow_hosts: vec!["127.0.0.1".to_owned()],
        ..Options::default()
    }
}

fn of_known(options: &mut BatchOptions) {
    options.kind = Some("known".to_owned());
    options.executor = None;
    options.retry = Some(Retry { max_attempts: 1, ..Retry::default() });
}

#[tokio::test]
async fn what_a_kind_holds_does_not_rest_with_its_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let executor = json!({"type": "http", "url": "http://127.0.0.1:1/?key=s3cret",
        "headers": {"Authorization": "Bearer s3cret"}});
    let options = kind(executor, ProcessLimits::default());
    let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options);
    let batch = house.batch(numbers(2), "pass", of_known).await;
    house.ended(&batch.id).await;
    let stored = format!("{:?}", house.store.load(&batch.id).await.unwrap());
    let log = format!("{:?}", house.store.read(&batch.id, 0, 1_000).await.unwrap());
    let items = format!("{:?}", house.items(&batch.id).await);
    for rests in [stored, log, items] {
        assert!(!rests.contains("s3cret"), "{rests}");
    }
}

#[tokio::test]
async fn a_kind_that_is_configured_no_more_is_run_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    let cat = json!({"type": "command", "argv": ["cat"]});
    let before =
        House::over(Arc::clone(&store), folder.path(), kind(cat.clone(), ProcessLimits::default()));
    let wait = |options: &mut BatchOptions| {
        of_known(options);
        options.start = Some(false);
    };
    let (one, other) =
        (before.batch(numbers(3), "", wait).await, before.batch(numbers(3), "", wait).await);
    before.engine.shutdown(std::time::Duration::ZERO).await;

    let without = House::over(Arc::clone(&store), folder.path(), Options::default());
    let resume = |house: &House, id| {
        let (engine, ask) = (house.engine.clone(), CommandRequest::default());
        async move { engine.command(&me(), &id, Action::Resume, ask).await.unwrap() }
    };
    resume(&without, one.id.clone()).await;
    let job = without.ended(&one.id).await;
    assert_eq!(job.status, JobStatus::Failed);
    let error = job.error.unwrap();
    assert_eq!(error.code, "executor_unusable");
    assert!(error.message.contains("`known`"), "{}", error.message);
    without.engine.shutdown(std::time::Duration::ZERO).await;

    // One that is configured otherwise is run as it is configured now.
    let wc = json!({"type": "command", "argv": ["wc", "-c"]});
    let after = House::over(store, folder.path(), kind(wc, ProcessLimits::default()));
    resume(&after, other.id.clone()).await;
    assert_eq!(after.ended(&other.id).await.items.unwrap().succeeded, 3);
    let output = after.items(&other.id).await[0].output.clone().unwrap();
    assert_eq!(output.get(), "2", "a digit and a line break are counted");
}

#[tokio::test]
async fn a_kinds_limits_hold_for_its_executor_and_for_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let program = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])";
    let executor = json!({"type": "command", "argv": ["python3", "-c", program]});
    let limits = ProcessLimits { open_files: Some(77), ..ProcessLimits::default() };
    let options = kind(executor.clone(), limits);
    let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options);
    let own: headway_protocol::batch::Executor = serde_json::from_value(executor).unwrap();
    for (brings, expected) in [(None, "77"), (Some(own), "1024")] {
        let batch = house
            .batch(numbers(1), "pass", |options| {
                of_known(options);
                options.executor = brings;
            })
            .await;
        house.ended(&batch.id).await;
        let output = house.items(&batch.id).await[0].output.clone().unwrap();
        assert_eq!(output.get(), expected);
    }
}

#[tokio::test]
async fn what_a_kind_may_reach_is_not_for_requests() {
    let folder = tempfile::tempdir().unwrap();
    let executor = json!({"type": "http", "url": "http://127.0.0.1:1/"});
    let own: headway_protocol::batch::Executor = serde_json::from_value(executor.clone()).unwrap();
    let secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
    let hook = json!({"url": "http://127.0.0.1:1/", "secret": secret});
    let hook: headway_protocol::webhook::Webhook = serde_json::from_value(hook).unwrap();
    let check = async |request_hosts: Option<Vec<String>>, may: bool| {
        let options = Options { request_hosts, ..kind(executor.clone(), ProcessLimits::default()) };
        let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options);
        let make = async |own: Option<_>, webhook: Option<_>| {
            let mut options = BatchOptions { webhook, ..BatchOptions::default() };
            of_known(&mut options);
            if own.is_some() {
                (options.kind, options.executor) = (None, own);
            }
            let items = ItemSource::Inline(vec![json!(1)]);
            house.engine.create_batch(&me(), options, items, None).await.map(|made| made.job.id)
        };
        make(None, None).await.unwrap();
        for refused in [make(Some(own.clone()), None).await, make(None, Some(hook.clone())).await] {
            assert_eq!(refused.is_ok(), may, "{refused:?}");
            if let Err(error) = refused {
                assert!(error.to_string().contains("allow_request_hosts"), "{error}");
            }
        }
        house.engine.shutdown(std::time::Duration::ZERO).await;
    };
    check(None, true).await;
    check(Some(Vec::new()), false).await;
    check(Some(vec!["127.0.0.1".to_owned()]), true).await;
}

#[test]
fn a_request_cannot_say_what_a_program_may_use() {
    for request in [
        json!({"executor": {"type": "command", "argv": ["cat"], "limits": {"open_files": 0}}}),
        json!({"kind": "known", "limits": {"open_files": 0}}),
    ] {
        assert!(serde_json::from_value::<BatchOptions>(request.clone()).is_err(), "{request}");
    }
}

#[tokio::test]
async fn whoever_sees_only_their_own_is_not_told_what_others_have_spent() {
    let folder = tempfile::tempdir().unwrap();
    let spends = r#"
import sys, json
for text in sys.stdin:
    index = json.loads(text)["index"]
    print(json.dumps({"index": index, "output": 1, "cost": "0.5"}), flush=True)
"#;
    let worker = json!({"type": "command", "mode": "stream", "argv": ["python3", "-c", spends]});
    let options = kind(worker, ProcessLimits::default());
    let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options);
    let batch = house.batch(numbers(2), "pass", |options| {
        of_known(options);
        options.subject = Some("ann".to_owned());
    });
    house.ended(&batch.await.id).await;
    let estimate = async |subject: Option<&str>, reach: Reach| {
        let mut caller = (*me()).clone();
        caller.owner.subject = subject.map(str::to_owned);
        caller.reach = reach;
        let mut options = BatchOptions::default();
        of_known(&mut options);
        let items = ItemSource::Inline(numbers(1));
        house.engine.estimate(&Arc::new(caller), options, items).await.unwrap().mid.to_string()
    };
    assert_eq!(estimate(None, Reach::Tenant).await, "0.50");
    assert_eq!(estimate(Some("ann"), Reach::Own).await, "0.50");
    assert_eq!(estimate(Some("bob"), Reach::Own).await, "0.00");
}
