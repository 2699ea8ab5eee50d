//! A disk that is full, and has room again.
//!
//! The test runs itself as a child whose files may not grow beyond a limit (`RLIMIT_FSIZE`, with
//! its signal ignored, so that writing fails as it does on a full disk). The child appends until it
//! is refused, looks, is given room, and goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, in its helpers too, and is configured by its parent"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use headway_protocol::{JobId, JobStatus, Owner, Timestamp};
use headway_store::{
    Append, AppendError, Expected, Facets, NewItem, PutEntry, Record, Store, StoreError, UniqueKey,
};
use headway_store_embedded::{EmbeddedStore, Options};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use serde_json::value::to_raw_value;
use tempfile::TempDir;

const FOLDER: &str = "HEADWAY_FULL_FOLDER";

fn id(name: &str) -> JobId {
    name.parse().unwrap()
}

fn append(job: &str, from: u64) -> Append {
    // Nothing that packing makes small.
    let mut state = from + 1;
    let text: String = (0..3_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + u8::try_from((state >> 59) % 26).unwrap())
        })
        .collect();
    let expected = if from == 0 { Expected::Absent { epoch: 1 } } else { Expected::At(from) };
    Append {
        job: id(job),
        expected,
        record: Arc::new(Record {
            from,
            to: from + 1,
            at: Timestamp::from_millis(from),
            events: vec![to_raw_value(&json!({"n": from})).unwrap()],
            patch: to_raw_value(&json!({"n": from, "text": text})).unwrap(),
            private: to_raw_value(&json!({"n": from})).unwrap(),
        }),
        facets: Arc::new(Facets {
            status: if from.is_multiple_of(2) { JobStatus::Running } else { JobStatus::Paused },
            kind: "full".to_owned(),
            session: None,
            tags: Vec::new(),
            owner: Owner::default(),
            created_at: Timestamp::from_millis(1),
            finished_at: None,
            due_at: Some(Timestamp::from_millis(from)),
        }),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    }
}

async fn one(store: &EmbeddedStore, append: Append) -> Result<(), AppendError> {
    store.append(vec![append]).await.pop().unwrap()
}

/// Appends until it is refused; where the job is then.
async fn until_full(store: &EmbeddedStore, job: &str, mut at: u64) -> u64 {
    loop {
        match one(store, append(job, at)).await {
            Ok(()) => at += 1,
            Err(AppendError::Store(StoreError::Full { .. } | StoreError::Failed { .. })) => {
                return at;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(at < 10_000, "the limit has no effect");
    }
}

async fn is_at(store: &EmbeddedStore, job: &str, at: u64) {
    let stored = store.load(&id(job)).await.unwrap().unwrap();
    assert_eq!(stored.cursor.offset, at);
    assert_eq!(stored.document["n"], json!(at - 1));
    assert_eq!(stored.facets.due_at, Some(Timestamp::from_millis(at - 1)));
    let history = store.read(&id(job), 0, usize::MAX).await.unwrap().unwrap();
    let ends: Vec<u64> = history.records.iter().map(|record| record.to).collect();
    assert_eq!(ends, (1..=at).collect::<Vec<_>>());
}

async fn fill(folder: &Path) {
    let store =
        EmbeddedStore::open(Options { tail_bytes: 50_000, ..Options::new(folder) }).unwrap();
    one(&store, append("a", 0)).await.unwrap();
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    let mut at = 1;
    let mut revisions: Vec<u64> = Vec::new();
    for round in 1..4 {
        let log = std::fs::metadata(folder.join("headway.db-wal")).unwrap().len();
        setrlimit(Resource::RLIMIT_FSIZE, log + 200_000, most).unwrap();
        at = until_full(&store, "a", at).await;
        is_at(&store, "a", at).await;
        // Whatever else is asked is refused alike, and leaves nothing.
        let mut new = append(&format!("new-{round}"), 0);
        new.key = Some(UniqueKey { key: format!("k{round}"), fingerprint: 1 });
        assert!(one(&store, new.clone()).await.is_err());
        let item = NewItem {
            index: 0,
            custom_id: None,
            input: to_raw_value(&json!({"text": "x".repeat(300_000)})).unwrap(),
            estimate: None,
            status: headway_protocol::ItemStatus::Queued,
            error: None,
        };
        assert!(store.add_items(&id("a"), vec![item]).await.is_err());
        let entry = || PutEntry::new("keys", format!("e{round}"), &"x".repeat(300_000)).unwrap();
        assert!(store.put_entries(vec![entry()]).await.is_err());
        assert!(store.entry("keys", &format!("e{round}")).await.unwrap().is_none());
        assert!(store.load(&new.job).await.unwrap().is_none());
        assert_eq!(store.find_key(&format!("k{round}")).await.unwrap(), None);
        assert!(store.count_items(&id("a")).await.unwrap().is_empty());
        is_at(&store, "a", at).await;

        setrlimit(Resource::RLIMIT_FSIZE, most, most).unwrap();
        one(&store, append("a", at)).await.unwrap();
        at += 1;
        one(&store, new).await.unwrap();
        is_at(&store, "a", at).await;
        revisions.extend(store.put_entries(vec![entry()]).await.unwrap());
        assert!(revisions.is_sorted() && revisions.len() == round, "{revisions:?}");
    }
    drop(store);
    let store = EmbeddedStore::open(Options::new(folder)).unwrap();
    is_at(&store, "a", at).await;
    is_at(&store, "new-3", 1).await;
    let newest = store.entry("keys", "e3").await.unwrap().unwrap();
    assert_eq!(Some(&newest.revision), revisions.last());
    store.close().await.unwrap();
}

#[test]
fn a_full_disk_refuses_and_nothing_is_there_by_half() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Ok(folder) = std::env::var(FOLDER) {
        runtime.block_on(fill(Path::new(&folder)));
        return;
    }
    let folder = TempDir::new().unwrap();
    // The shell passes on that the signal is ignored; a program cannot say so without unsafe code.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_full_disk_refuses_and_nothing_is_there_by_half", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "the child failed:\n{said}\n{errors}");
    assert!(said.contains("1 passed"), "the child ran nothing:\n{said}");
}
