//! Files that are not as they should be, and who may open them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use headway_protocol::{JobStatus, Owner, Timestamp};
use headway_store::{Append, Expected, Facets, ItemQuery, PutEntry, Record, Store, StoreError};
use headway_store_embedded::{EmbeddedStore, Options};
use serde_json::value::RawValue;
use tempfile::TempDir;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn first(job: &str) -> Append {
    Append {
        job: job.parse().unwrap(),
        expected: Expected::Absent { epoch: 1 },
        record: std::sync::Arc::new(Record {
            from: 0,
            to: 1,
            at: Timestamp::from_millis(1),
            events: vec![raw(r#"{"type":"created"}"#)],
            patch: raw(&format!(r#"{{"id":"{job}","pad":"{}"}}"#, "x".repeat(2_000))),
            private: raw("{}"),
        }),
        facets: std::sync::Arc::new(Facets {
            status: JobStatus::Running,
            kind: "k".to_owned(),
            session: None,
            tags: Vec::new(),
            owner: Owner::default(),
            created_at: Timestamp::from_millis(1),
            finished_at: None,
            due_at: None,
        }),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    }
}

/// A closed store with some jobs.
async fn filled(folder: &Path) {
    let store = EmbeddedStore::open(Options::new(folder)).unwrap();
    for n in 0..50 {
        store.append(vec![first(&format!("job-{n}"))]).await.pop().unwrap().unwrap();
    }
    store.close().await.unwrap();
}

fn refusal(folder: &Path) -> StoreError {
    EmbeddedStore::open(Options::new(folder)).expect_err("the store was opened")
}

#[tokio::test]
async fn others_on_the_machine_read_nothing_of_it() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("new/data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files = || ["headway.db", "headway.db-wal", "headway.db-shm"].map(|name| folder.join(name));
    let store = EmbeddedStore::open(Options::new(&folder)).unwrap();
    store.append(vec![first("job")]).await.pop().unwrap().unwrap();
    assert_eq!(mode(&folder), 0o700);
    for file in files() {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await.unwrap();
    drop(store);
    // One from before this was so; the group's right may have been given on purpose.
    for file in files().iter().filter(|file| file.exists()) {
        std::fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
    }
    let store = EmbeddedStore::open(Options::new(&folder)).unwrap();
    store.append(vec![first("another")]).await.pop().unwrap().unwrap();
    for file in files() {
        assert_eq!(mode(&file), 0o640, "{}", file.display());
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_store_is_open_once_at_a_time() {
    let folder = TempDir::new().unwrap();
    let store = EmbeddedStore::open(Options::new(folder.path())).unwrap();
    assert!(matches!(refusal(folder.path()), StoreError::InUse { .. }));
    store.close().await.unwrap();
    // A closed store lets go of its files although its handle is still here.
    EmbeddedStore::open(Options::new(folder.path())).unwrap();
}

#[test]
fn what_a_killed_process_leaves_behind_for_a_moment_is_waited_for() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("headway.lock");
    let held = std::fs::File::create(&path).unwrap();
    held.lock().unwrap();
    let own = folder.path().to_owned();
    let opening = std::thread::spawn(move || EmbeddedStore::open(Options::new(&own)).map(drop));
    // Until the other thread has the file open, and so is about to find it locked.
    let open = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap();
        let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        links.filter(|link| *link == path).count()
    };
    while open() < 2 {
        std::thread::yield_now();
    }
    drop(held);
    opening.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    filled(folder.path()).await;
    let file = folder.path().join("headway.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute("UPDATE meta SET value = 99 WHERE name = 'schema'", []).unwrap();
    drop(connection);
    let before = std::fs::read(&file).unwrap();
    assert!(matches!(refusal(folder.path()), StoreError::TooNew { found: 99, .. }));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("headway.db");
    std::fs::write(&file, "This is somebody's diary.\n".repeat(1_000)).unwrap();
    let before = std::fs::read(&file).unwrap();
    assert!(matches!(refusal(folder.path()), StoreError::Damaged { .. }));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_cut_file_is_damage() {
    let folder = TempDir::new().unwrap();
    filled(folder.path()).await;
    let path = folder.path().join("headway.db");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2 / 4_096 * 4_096).unwrap();
    assert!(matches!(refusal(folder.path()), StoreError::Damaged { .. }));
}

#[tokio::test]
async fn a_log_without_its_database_is_damage() {
    let folder = TempDir::new().unwrap();
    let store = EmbeddedStore::open(Options::new(folder.path())).unwrap();
    store.append(vec![first("a")]).await.pop().unwrap().unwrap();
    let copy = TempDir::new().unwrap();
    std::fs::copy(folder.path().join("headway.db-wal"), copy.path().join("headway.db-wal"))
        .unwrap();
    assert!(matches!(refusal(copy.path()), StoreError::Damaged { .. }));
}

#[tokio::test]
async fn damage_inside_a_closed_file_is_told_when_it_is_met() {
    let folder = TempDir::new().unwrap();
    filled(folder.path()).await;
    let path = folder.path().join("headway.db");
    // Every page after the tables' own is overwritten, as a bad disk might.
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4_096 * 26) {
        *byte = 0xa5;
    }
    std::fs::write(&path, bytes).unwrap();
    let Ok(store) = EmbeddedStore::open(Options::new(folder.path())) else { return };
    let mut damaged = 0;
    for n in 0..50 {
        let job = format!("job-{n}").parse().unwrap();
        match store.load(&job).await {
            Ok(stored) => assert!(stored.is_some(), "{job} is silently gone"),
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0);
}

/// Stores of earlier schemas, made once and kept: they must open for ever.
const SCHEMAS: [&str; 3] = [
    include_str!("fixtures/schema_v1.sql"),
    include_str!("fixtures/schema_v2.sql"),
    include_str!("fixtures/schema_v3.sql"),
];

#[tokio::test]
async fn a_store_of_any_earlier_schema_opens() {
    for version in 1..=SCHEMAS.len() {
        let folder = TempDir::new().unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("headway.db")).unwrap();
        for statements in &SCHEMAS[..version] {
            connection.execute_batch(statements).unwrap();
        }
        drop(connection);
        let store = EmbeddedStore::open(Options::new(folder.path())).unwrap();
        // One record is folded, the other is still in the journal.
        let job = "job_1".parse().unwrap();
        let stored = store.load(&job).await.unwrap().unwrap();
        assert_eq!(stored.cursor.offset, 3);
        assert_eq!(stored.document["status"], "queued");
        assert_eq!(stored.document["progress"]["percent"], 42.5);
        assert_eq!(stored.facets.due_at, Some(Timestamp::from_millis(1_768_037_460_000)));
        let history = store.read(&job, 0, 100).await.unwrap().unwrap();
        assert_eq!((history.records.len(), history.trimmed_to), (2, 0));
        assert_eq!(store.find_key("key-1").await.unwrap(), Some((job.clone(), 77)));
        let query = ItemQuery { limit: 10, ..ItemQuery::default() };
        let items = store.items(&job, &query).await.unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].output.as_ref().unwrap().get(), r#"{"score":1}"#);

        let entry = store.entry("keys", "hw_1").await.unwrap();
        assert_eq!(entry.map(|entry| entry.revision), (version >= 3).then_some(5), "{version}");
        let put = PutEntry::new("keys", "hw_2", &version).unwrap();
        let revision = store.put_entries(vec![put]).await.unwrap()[0];
        assert_eq!(revision, if version >= 3 { 8 } else { 1 }, "schema {version}");
    }
}
