//! Random operations, done to an adapter and to the model alike: each must answer the same, and
//! hold the same.

use headway_protocol::{ItemStatus, JobError, JobStatus, Owner};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::fixtures::*;
use super::{Case, Subject};
use crate::memory::MemoryStore;
use crate::{
    Append, AppendError, Entry, EntryError, EntryOrder, EntryQuery, Expected, ExpectedEntry,
    Facets, Indexes, ItemOutcome, ItemQuery, ListQuery, PutEntry, Store, StoreError, Stored, Sweep,
    SweptAttempts,
};

/// Histories tried; each opens a store of its own.
const HISTORIES: u32 = 48;

const JOBS: [&str; 4] = ["a", "b", "c", "d"];

const ENTRIES: [&str; 4] = ["a", "a/1", "a/2", "b"];

#[derive(Clone, Debug)]
enum Operation {
    /// Appends of one call; each with how far its expected position is off.
    Append(Vec<(usize, u64, Step)>),
    AddItems {
        job: usize,
        count: u64,
        off: u64,
    },
    Lease {
        job: usize,
        fence: u64,
        now: u64,
        max: usize,
    },
    Sweep {
        job: usize,
        sweep: Sweep,
    },
    Trim {
        job: usize,
        before: u64,
    },
    Remove(Vec<usize>),
    PutEntries(Vec<EntryChange>),
    TrimEntries {
        before: usize,
        limit: usize,
    },
    Reopen {
        closing: bool,
    },
    Compare,
}

/// A change of an entry: which, whether it is a removal, and how its entry is expected.
#[derive(Clone, Debug)]
struct EntryChange {
    key: usize,
    value: Option<u64>,
    expected: ExpectedChange,
}

/// Revisions are each store's own, so that a change is compared by where its entry is in each.
#[derive(Clone, Copy, Debug)]
enum ExpectedChange {
    Any,
    Absent,
    Current,
    Stale,
}

/// What one append brings.
#[derive(Clone, Debug)]
struct Step {
    events: u64,
    patch: Value,
    private: Value,
    facets: Facets,
    items: Vec<ItemOutcome>,
    key: Option<u64>,
    entries: Vec<EntryChange>,
}

fn any_patch() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), (0..3_i64).prop_map(Value::from), Just(json!([1]))];
    let inner = leaf.prop_recursive(2, 8, 3, |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    });
    prop::collection::btree_map("[a-c]", inner, 0..3)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn any_facets() -> impl Strategy<Value = Facets> {
    (
        prop::sample::select(JobStatus::ALL),
        prop::option::of("[st]"),
        prop::collection::btree_set("[xyz]", 0..3),
        prop::option::of("[uv]"),
        0..4_u64,
        prop::option::of(0..9_u64),
        prop::option::of(0..9_u64),
    )
        .prop_map(|(status, session, tags, subject, created_at, finished_at, due_at)| Facets {
            status,
            kind: if created_at % 2 == 0 { "even" } else { "odd" }.to_owned(),
            session,
            tags: tags.into_iter().collect(),
            owner: Owner { tenant: "t".to_owned(), subject },
            created_at: at(created_at),
            finished_at: finished_at.map(at),
            due_at: due_at.map(at),
        })
}

fn any_item_status() -> impl Strategy<Value = ItemStatus> {
    prop::sample::select(ItemStatus::ALL)
}

fn any_outcome() -> impl Strategy<Value = ItemOutcome> {
    (0..5_u64, 1..3_u64, any_item_status(), prop::option::of(0..9_u64), any::<bool>()).prop_map(
        |(index, fence, status, due_at, good)| ItemOutcome {
            due_at: due_at.map(at),
            output: good.then(|| raw(&json!({"i": index}))),
            error: (!good).then(|| JobError::fatal("e", "it did not work")),
            cost: due_at.map(|nanos| headway_protocol::Amount::from_nanos(nanos.cast_signed())),
            started_at: due_at.map(at),
            duration_ms: due_at,
            ..outcome(index, fence, status)
        },
    )
}

fn any_changes() -> impl Strategy<Value = Vec<EntryChange>> {
    let expected = prop_oneof![
        2 => Just(ExpectedChange::Any),
        1 => Just(ExpectedChange::Absent),
        4 => Just(ExpectedChange::Current),
        1 => Just(ExpectedChange::Stale),
    ];
    let change = (0..ENTRIES.len(), prop::option::weighted(0.8, 0..9_u64), expected)
        .prop_map(|(key, value, expected)| EntryChange { key, value, expected });
    prop::collection::vec(change, 0..3)
}

fn any_step() -> impl Strategy<Value = Step> {
    (
        1..4_u64,
        any_patch(),
        any_patch(),
        any_facets(),
        prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(any_outcome(), 1..3)],
        prop::option::weighted(0.3, 0..2_u64),
        prop_oneof![3 => Just(Vec::new()), 1 => any_changes()],
    )
        .prop_map(|(events, patch, private, facets, items, key, entries)| Step {
            events,
            patch,
            private,
            facets,
            items,
            key,
            entries,
        })
}

fn any_sweep() -> impl Strategy<Value = Sweep> {
    (
        prop::collection::vec(any_item_status(), 0..3),
        any_item_status(),
        any::<bool>(),
        prop::option::of(prop::collection::vec(0..8_u64, 0..4)),
        prop_oneof![
            Just(SweptAttempts::Keep),
            Just(SweptAttempts::TakeBack),
            Just(SweptAttempts::Reset)
        ],
        0..4_usize,
    )
        .prop_map(|(from, to, attempted_only, only, attempts, max)| Sweep {
            from,
            to,
            attempted_only,
            only: only.map(Indexes::from_iter),
            attempts,
            max,
        })
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let job = || 0..JOBS.len();
    // Mostly where the job is, and a little off now and then.
    let off = || prop_oneof![9 => Just(0_u64), 1 => 1..3_u64];
    prop_oneof![
        8 => prop::collection::vec((job(), off(), any_step()), 1..4).prop_map(Operation::Append),
        3 => (job(), 0..4_u64, off())
            .prop_map(|(job, count, off)| Operation::AddItems { job, count, off }),
        3 => (job(), 1..3_u64, 0..9_u64, 0..4_usize)
            .prop_map(|(job, fence, now, max)| Operation::Lease { job, fence, now, max }),
        2 => (job(), any_sweep()).prop_map(|(job, sweep)| Operation::Sweep { job, sweep }),
        2 => (job(), 0..12_u64).prop_map(|(job, before)| Operation::Trim { job, before }),
        1 => prop::collection::vec(job(), 0..3).prop_map(Operation::Remove),
        4 => any_changes().prop_map(Operation::PutEntries),
        1 => (0..ENTRIES.len(), 0..3_usize)
            .prop_map(|(before, limit)| Operation::TrimEntries { before, limit }),
        1 => any::<bool>().prop_map(|closing| Operation::Reopen { closing }),
        1 => Just(Operation::Compare),
    ]
}

/// Runs the comparison; `run` brings a future to its end.
pub fn random_operations_agree_with_the_model<S: Subject>(
    make: impl Fn() -> S,
    run: impl Fn(Case<'_>),
) {
    let config = Config { cases: HISTORIES, failure_persistence: None, ..Config::default() };
    let histories = prop::collection::vec(any_operation(), 1..40);
    let outcome = TestRunner::new(config).run(&histories, |operations| {
        let mut subject = make();
        run(super::boxed(compare(&mut subject, operations)));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

async fn compare<S: Subject>(subject: &mut S, operations: Vec<Operation>) {
    let model = MemoryStore::new();
    for operation in operations {
        let store = subject.store();
        match operation {
            Operation::Append(steps) => {
                let call = appends(&model, steps.clone()).await;
                let told = store.append(with_entries(&*store, call.clone(), &steps).await).await;
                let expected = model.append(with_entries(&model, call, &steps).await).await;
                let words = |answers: &[Result<(), AppendError>]| -> Vec<String> {
                    answers.iter().map(append_words).collect()
                };
                assert_eq!(words(&told), words(&expected));
            }
            Operation::AddItems { job, count, off } => {
                let counts = model.count_items(&id(JOBS[job])).await.unwrap();
                let next: u64 = counts.iter().map(|(_, count)| count).sum::<u64>() + off;
                let items: Vec<_> = (next..next + count).map(item).collect();
                let told = store.add_items(&id(JOBS[job]), items.clone()).await;
                let expected = model.add_items(&id(JOBS[job]), items).await;
                assert_eq!(words(&told), words(&expected));
            }
            Operation::Lease { job, fence, now, max } => {
                let request = lease(fence, now, max);
                let told = store.lease_items(&id(JOBS[job]), &request).await;
                let expected = model.lease_items(&id(JOBS[job]), &request).await;
                assert_eq!(words(&told), words(&expected));
            }
            Operation::Sweep { job, sweep } => {
                let told = store.sweep_items(&id(JOBS[job]), &sweep).await;
                let expected = model.sweep_items(&id(JOBS[job]), &sweep).await;
                assert_eq!(words(&told), words(&expected));
            }
            Operation::Trim { job, before } => {
                let told = store.trim(&id(JOBS[job]), before).await;
                let expected = model.trim(&id(JOBS[job]), before).await;
                assert_eq!(words(&told), words(&expected));
            }
            Operation::Remove(jobs) => {
                let jobs: Vec<_> = jobs.into_iter().map(|job| id(JOBS[job])).collect();
                store.remove(&jobs).await.unwrap();
                model.remove(&jobs).await.unwrap();
            }
            Operation::PutEntries(changes) => {
                let told = store.put_entries(puts(&*store, &changes).await).await;
                let expected = model.put_entries(puts(&model, &changes).await).await;
                assert_eq!(put_words(&told), put_words(&expected));
            }
            Operation::TrimEntries { before, limit } => {
                let told = store.trim_entries("keys", ENTRIES[before], limit).await;
                let expected = model.trim_entries("keys", ENTRIES[before], limit).await;
                assert_eq!(words(&told), words(&expected));
            }
            Operation::Reopen { closing } => {
                drop(store);
                reopen(subject, closing).await;
            }
            Operation::Compare => same(&*store, &model).await,
        }
    }
    same(&*subject.store(), &model).await;
    if reopen(subject, true).await {
        same(&*subject.store(), &model).await;
    }
}

/// Ends the adapter's store, if it outlives that.
async fn reopen<S: Subject>(subject: &mut S, closing: bool) -> bool {
    let reopened = subject.reopen().await;
    if reopened && closing {
        subject.store().close().await.unwrap();
        return subject.reopen().await;
    }
    reopened
}

async fn appends(model: &MemoryStore, steps: Vec<(usize, u64, Step)>) -> Vec<Append> {
    let mut call: Vec<Append> = Vec::new();
    for (job, off, step) in steps {
        let job = id(JOBS[job]);
        let before = call.iter().rev().find(|append| append.job == job);
        let offset = match before {
            Some(append) => Some(append.record.to),
            None => model.load(&job).await.unwrap().map(|stored| stored.cursor.offset),
        };
        let expected = match offset {
            None => Expected::Absent { epoch: 7 },
            Some(offset) => Expected::At(offset + off),
        };
        let from = offset.map_or(0, |offset| offset + off);
        let key = step.key.filter(|_| offset.is_none());
        let append = Append {
            job,
            expected,
            record: record(from, step.events, &step.patch, &step.private),
            facets: std::sync::Arc::new(step.facets),
            items: step.items,
            key: None,
            entries: Vec::new(),
        };
        call.push(match key {
            None => append,
            Some(key) => keyed(append, &format!("k{key}"), key),
        });
    }
    call
}

/// The same appends with their entries, as this store's revisions are before the call.
async fn with_entries(
    store: &dyn Store,
    mut call: Vec<Append>,
    steps: &[(usize, u64, Step)],
) -> Vec<Append> {
    for (append, (_, _, step)) in call.iter_mut().zip(steps) {
        append.entries = puts(store, &step.entries).await;
    }
    call
}

async fn puts(store: &dyn Store, changes: &[EntryChange]) -> Vec<PutEntry> {
    let mut puts = Vec::new();
    for change in changes {
        let key = ENTRIES[change.key];
        let found = store.entry("keys", key).await.unwrap().map(|entry| entry.revision);
        let expected = match (change.expected, found) {
            (ExpectedChange::Any, _) => ExpectedEntry::Any,
            (ExpectedChange::Absent, _) | (ExpectedChange::Current, None) => ExpectedEntry::Absent,
            (ExpectedChange::Current, Some(revision)) => ExpectedEntry::Revision(revision),
            (ExpectedChange::Stale, _) => ExpectedEntry::Revision(0),
        };
        let put = match change.value {
            Some(value) => PutEntry::new("keys", key, &value).unwrap(),
            None => PutEntry::removal("keys", key),
        };
        puts.push(put.expecting(expected));
    }
    puts
}

/// Whether changes were made, and which entry stood in their way.
fn put_words(answer: &Result<Vec<u64>, EntryError>) -> String {
    match answer {
        Ok(revisions) => format!("{} put", revisions.len()),
        Err(EntryError::Conflict { key, found, .. }) => format!("{key}, {}", found.is_some()),
        Err(EntryError::Store(StoreError::Refused(_))) => "refused".to_owned(),
        Err(EntryError::Store(error)) => format!("{error:?}"),
    }
}

/// An answer in words that adapters share: their reasons for a refusal are their own.
fn append_words(answer: &Result<(), AppendError>) -> String {
    match answer {
        Err(AppendError::Store(StoreError::Refused(_))) => "refused".to_owned(),
        Err(AppendError::EntryConflict { key, found, .. }) => {
            format!("{key}, {}", found.is_some())
        }
        Ok(()) | Err(_) => format!("{answer:?}"),
    }
}

fn words<T: std::fmt::Debug>(answer: &Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Refused(_)) => "refused".to_owned(),
        Ok(_) | Err(_) => format!("{answer:?}"),
    }
}

fn same_stored(told: &Stored, expected: &Stored) {
    assert_eq!(told.cursor, expected.cursor);
    assert_eq!(told.document, expected.document);
    assert_eq!(told.private, expected.private);
    assert_eq!(told.facets, expected.facets);
}

/// Everything that can be read is the same.
async fn same(store: &dyn Store, model: &MemoryStore) {
    for job in JOBS.map(id) {
        match (store.load(&job).await.unwrap(), model.load(&job).await.unwrap()) {
            (Some(told), Some(expected)) => same_stored(&told, &expected),
            (told, expected) => assert_eq!(told.is_some(), expected.is_some(), "{job}"),
        }
        for (after, max_events) in [(0, usize::MAX), (0, 3), (2, 1), (5, 4)] {
            let told = store.read(&job, after, max_events).await;
            let expected = model.read(&job, after, max_events).await;
            assert_eq!(words(&told), words(&expected), "{job} after {after}");
        }
        for statuses in [vec![], vec![ItemStatus::Queued, ItemStatus::Failed]] {
            for only in [None, Some(Indexes::from_iter([5, 0, 2, 1, 90]))] {
                let query = ItemQuery { statuses: statuses.clone(), only, after: None, limit: 50 };
                let told = store.items(&job, &query).await;
                assert_eq!(words(&told), words(&model.items(&job, &query).await));
                let told = store.item_summaries(&job, &query).await;
                assert_eq!(words(&told), words(&model.item_summaries(&job, &query).await));
            }
        }
        let told = store.count_items(&job).await;
        assert_eq!(words(&told), words(&model.count_items(&job).await));
        let told = store.next_retry(&job).await;
        assert_eq!(words(&told), words(&model.next_retry(&job).await));
    }
    for key in ["k0", "k1"] {
        assert_eq!(store.find_key(key).await.unwrap(), model.find_key(key).await.unwrap());
    }
    let held = |entries: Vec<Entry>| -> Vec<(String, String)> {
        entries.into_iter().map(|entry| (entry.key, entry.value.get().to_owned())).collect()
    };
    for (prefix, order) in [("", EntryOrder::Ascending), ("a/", EntryOrder::Descending)] {
        let prefix = prefix.to_owned();
        let query = EntryQuery { prefix, order, after: Some("a/1".to_owned()), limit: 3 };
        for query in [EntryQuery { after: None, ..query.clone() }, query] {
            let told = store.entries("keys", &query).await.unwrap();
            assert_eq!(held(told), held(model.entries("keys", &query).await.unwrap()));
        }
    }
    let told = store.changed_entries("keys", 0, 3).await.unwrap();
    assert_eq!(held(told), held(model.changed_entries("keys", 0, 3).await.unwrap()));
    for until in [0, 4, 9] {
        let told = store.due(at(until), 3).await.unwrap();
        assert_eq!(told, model.due(at(until), 3).await.unwrap());
        let told = store.expendable(at(until), 2, 3).await.unwrap();
        assert_eq!(told, model.expendable(at(until), 2, 3).await.unwrap());
    }
    let all = ListQuery { limit: 3, ..ListQuery::default() };
    for query in [
        all.clone(),
        ListQuery { statuses: vec![JobStatus::Running, JobStatus::Failed], ..all.clone() },
        ListQuery { tenant: Some("t".to_owned()), subject: Some("u".to_owned()), ..all.clone() },
        ListQuery { session: Some("s".to_owned()), ..all.clone() },
        ListQuery { tag: Some("x".to_owned()), ..all.clone() },
        ListQuery { kind: Some("odd".to_owned()), ..all },
    ] {
        let told = store.list(&query).await.unwrap();
        let expected = model.list(&query).await.unwrap();
        assert_eq!(told.next, expected.next, "{query:?}");
        assert_eq!(told.jobs.len(), expected.jobs.len(), "{query:?}");
        for (told, expected) in told.jobs.iter().zip(&expected.jobs) {
            same_stored(told, expected);
        }
    }
}
