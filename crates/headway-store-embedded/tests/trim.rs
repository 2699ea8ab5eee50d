//! A log whose beginning is forgotten gives its room back, also when the store ended before all of it
//! was deleted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use headway_protocol::{JobId, JobStatus, Owner, Timestamp};
use headway_store::{Append, Expected, Facets, Record, Store};
use headway_store_embedded::{EmbeddedStore, Options};
use serde_json::value::RawValue;
use tempfile::TempDir;

/// Records appended in one call.
const ROUND: u64 = 200;

/// Bytes of a record's event, about; they do not shrink when they are packed.
const BYTES: usize = 600;

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap()
}

/// Text of which no part repeats: every number of a multiplicative sequence, in words of 16 digits.
fn noise(seed: u64) -> String {
    let word = |n: u64| (seed * 100 + n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    (0..BYTES as u64 / 16).fold(String::new(), |mut text, n| {
        write!(text, "{:016x}", word(n).wrapping_mul(word(n + 7))).unwrap();
        text
    })
}

fn append(job: &JobId, offset: u64) -> Append {
    let facets = Facets {
        status: JobStatus::Running,
        kind: "k".to_owned(),
        session: None,
        tags: Vec::new(),
        owner: Owner::default(),
        created_at: Timestamp::from_millis(1),
        finished_at: None,
        due_at: None,
    };
    Append {
        job: job.clone(),
        expected: if offset == 0 { Expected::Absent { epoch: 1 } } else { Expected::At(offset) },
        record: Arc::new(Record {
            from: offset,
            to: offset + 1,
            at: Timestamp::from_millis(offset),
            events: vec![raw(format!(r#"{{"type":"log","message":"{}"}}"#, noise(offset)))],
            patch: raw(format!(r#"{{"n":{offset}}}"#)),
            private: raw("{}".to_owned()),
        }),
        facets: Arc::new(facets),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    }
}

async fn grow(store: &EmbeddedStore, job: &JobId, from: u64) {
    let call = (from..from + ROUND).map(|offset| append(job, offset)).collect();
    for answer in store.append(call).await {
        answer.unwrap();
    }
}

fn open(folder: &Path) -> EmbeddedStore {
    // Folding as often as can be, so that segments are many.
    EmbeddedStore::open(Options { tail_bytes: 0, ..Options::new(folder) }).unwrap()
}

/// Bytes of all segments of a closed store, and of its file.
fn sizes(folder: &Path) -> (u64, u64) {
    let file = folder.join("headway.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    let sum = "SELECT coalesce(sum(length(body)), 0) FROM segments";
    let segments: i64 = connection.query_row(sum, [], |row| row.get(0)).unwrap();
    (segments.unsigned_abs(), std::fs::metadata(&file).unwrap().len())
}

#[tokio::test]
async fn a_log_that_is_trimmed_as_it_grows_stays_small() {
    const ROUNDS: u64 = 40;
    let folder = TempDir::new().unwrap();
    let job: JobId = "long".parse().unwrap();
    let store = open(folder.path());
    for round in 0..ROUNDS {
        grow(&store, &job, round * ROUND).await;
        let before = (round * ROUND).saturating_sub(ROUND);
        assert_eq!(store.trim(&job, before).await.unwrap(), Some(before));
    }
    let stored = store.load(&job).await.unwrap().unwrap();
    assert_eq!(stored.document["n"], ROUNDS * ROUND - 1);
    store.close().await.unwrap();
    drop(store);
    let (segments, file) = sizes(folder.path());
    let written = ROUNDS * ROUND * BYTES as u64;
    assert!(segments < written / 8, "{segments} bytes of segments are left of {written}");
    assert!(file < written / 2, "the file has {file} bytes after {written} were written");
}

#[tokio::test]
async fn what_was_not_deleted_before_the_end_is_deleted_after_it() {
    let folder = TempDir::new().unwrap();
    let job: JobId = "long".parse().unwrap();
    let store = open(folder.path());
    for round in 0..20 {
        grow(&store, &job, round * ROUND).await;
    }
    let before = 19 * ROUND;
    assert_eq!(store.trim(&job, before).await.unwrap(), Some(before));
    // Not closed: the trim is noted and most of its work is still to be done.
    drop(store);
    let store = open(folder.path());
    let history = store.read(&job, 0, usize::MAX).await.unwrap().unwrap();
    assert_eq!((history.trimmed_to, history.records.len() as u64), (before, ROUND));
    store.close().await.unwrap();
    drop(store);
    let (segments, _) = sizes(folder.path());
    let kept = ROUND * BYTES as u64;
    assert!(segments < 3 * kept, "{segments} bytes of segments are left for {kept}");
}
