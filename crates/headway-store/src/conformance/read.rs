//! Reading logs.

use serde_json::json;

use super::Subject;
use super::fixtures::*;
use crate::Append;

/// Positions of what was read, and where the log is.
async fn positions(
    subject: &impl Subject,
    after: u64,
    max_events: usize,
) -> (Vec<(u64, u64)>, u64) {
    let history = subject.store().read(&id("a"), after, max_events).await.unwrap().unwrap();
    assert_eq!(history.cursor.epoch, EPOCH);
    assert_eq!(history.trimmed_to, 0);
    let records = history.records.iter().map(|record| (record.from, record.to)).collect();
    (records, history.cursor.offset)
}

/// A log of records of 1, 3, 2 and 4 events.
async fn fill(subject: &impl Subject) {
    let store = subject.store();
    appended(&store, first("a")).await;
    for (offset, events) in [(1, 3), (4, 2), (6, 4)] {
        let record = record(offset, events, &json!({"count": offset}), &json!({}));
        appended(&store, Append { record, ..next("a", offset) }).await;
    }
}

/// An offset in the middle of a record gives that record whole.
pub async fn a_log_is_read_from_any_offset(subject: &mut impl Subject) {
    fill(subject).await;
    let all = [(0, 1), (1, 4), (4, 6), (6, 10)];
    for closed in [false, true] {
        for (after, skipped) in
            [(0, 0), (1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (9, 3), (10, 4), (99, 4)]
        {
            let (records, end) = positions(subject, after, 100).await;
            assert_eq!((records.as_slice(), end), (&all[skipped..], 10), "after {after}");
        }
        let history = subject.store().read(&id("a"), 3, 100).await.unwrap().unwrap();
        let record = &history.records[0];
        let events: Vec<&str> = record.events.iter().map(|event| event.get()).collect();
        assert_eq!(events[2], r#"{"n":4,"type":"log"}"#);
        assert_eq!((events.len(), record.at), (3, at(1_001)));
        assert_eq!((record.patch.get(), record.private.get()), (r#"{"count":1}"#, "{}"));
        // A closed store folds what it can; reading is the same after that.
        if !closed {
            subject.store().close().await.unwrap();
            if !subject.reopen().await {
                return;
            }
        }
    }
}

/// A limit cuts between records, and never gives nothing while there is something.
pub async fn a_limit_of_events_is_kept_by_whole_records(subject: &mut impl Subject) {
    fill(subject).await;
    for reopened in [false, true] {
        for (after, max_events, expected) in [
            (0, 0, &[(0, 1)][..]),
            (0, 1, &[(0, 1)]),
            (0, 3, &[(0, 1)]),
            (0, 4, &[(0, 1), (1, 4)]),
            (1, 1, &[(1, 4)]),
            (1, 5, &[(1, 4), (4, 6)]),
            (2, 8, &[(1, 4), (4, 6)]),
            (2, 9, &[(1, 4), (4, 6), (6, 10)]),
        ] {
            let (records, _) = positions(subject, after, max_events).await;
            assert_eq!(records, expected, "after {after}, {max_events} events");
        }
        if !reopened {
            subject.store().close().await.unwrap();
            if !subject.reopen().await {
                return;
            }
        }
    }
}

/// A result of the largest size that the protocol allows.
pub async fn large_records_come_back_whole(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, first("a")).await;
    let result = "x".repeat(headway_protocol::limits::RESULT_BYTES);
    for offset in 1..4 {
        let record = record(offset, 1, &json!({"result": result, "n": offset}), &json!({}));
        appended(&store, Append { record, ..next("a", offset) }).await;
    }
    drop(store);
    for _ in 0..2 {
        let history = subject.store().read(&id("a"), 1, 100).await.unwrap().unwrap();
        assert_eq!(history.records.len(), 3);
        for record in &history.records {
            assert!(record.patch.get().len() > result.len());
        }
        assert_eq!(loaded(&subject.store(), "a").await.document["result"], json!(result));
        subject.store().close().await.unwrap();
        if !subject.reopen().await {
            return;
        }
    }
}

/// No job, no log.
pub async fn a_log_of_nobody_is_none(subject: &mut impl Subject) {
    assert!(subject.store().read(&id("nobody"), 0, 10).await.unwrap().is_none());
}

/// Pages of a long log hold every record once, while the log grows.
pub async fn a_long_log_is_read_page_by_page(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, first("a")).await;
    for begin in (1..1_000).step_by(100) {
        let call = (begin..begin + 100).map(|offset| next("a", offset)).collect();
        for answer in store.append(call).await {
            answer.unwrap();
        }
    }
    let mut after = 0;
    let mut end = 1_001;
    while after < end {
        let history = store.read(&id("a"), after, 37).await.unwrap().unwrap();
        assert_eq!(history.cursor.offset, end);
        for record in &history.records {
            assert_eq!(record.from, after);
            after = record.to;
        }
        if end < 1_010 {
            appended(&store, next("a", end)).await;
            end += 1;
        }
    }
    assert_eq!(after, end);
}
