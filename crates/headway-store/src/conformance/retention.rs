//! Forgetting.

use headway_protocol::JobStatus;
use serde_json::json;

use super::Subject;
use super::fixtures::*;
use crate::{Append, Expected, Facets, ItemQuery, ListQuery};

/// Nothing of a removed job is found by any way.
pub async fn a_removed_job_is_forgotten_whole(subject: &mut impl Subject) {
    let store = subject.store();
    let mut known = facets(JobStatus::Running);
    known.tags = vec!["x".to_owned()];
    known.due_at = Some(at(1));
    known.finished_at = Some(at(1));
    for job in ["a", "b"] {
        appended(&store, keyed(first_with(job, known.clone()), job, 1)).await;
        store.add_items(&id(job), (0..3).map(item).collect()).await.unwrap();
    }
    store.remove(&[id("a"), id("nobody"), id("a")]).await.unwrap();
    drop(store);
    for _ in 0..2 {
        let store = subject.store();
        assert!(store.load(&id("a")).await.unwrap().is_none());
        assert!(store.read(&id("a"), 0, 10).await.unwrap().is_none());
        assert_eq!(store.find_key("a").await.unwrap(), None);
        let query = ItemQuery { limit: 10, ..ItemQuery::default() };
        assert!(store.items(&id("a"), &query).await.unwrap().is_empty());
        assert!(store.count_items(&id("a")).await.unwrap().is_empty());
        for tag in [None, Some("x".to_owned())] {
            let page = store.list(&ListQuery { tag, limit: 10, ..ListQuery::default() }).await;
            assert_eq!(page.unwrap().jobs.len(), 1);
        }
        assert_eq!(store.due(at(1), 10).await.unwrap().len(), 1);
        assert_eq!(store.expendable(at(2), 0, 10).await.unwrap(), [id("b")]);
        assert_eq!(store.items(&id("b"), &query).await.unwrap().len(), 3);
        assert_eq!(store.find_key("b").await.unwrap(), Some((id("b"), 1)));
        drop(store);
        if !subject.reopen().await {
            return;
        }
    }
}

/// A name that was removed can be given again, and has nothing of the first.
pub async fn a_removed_name_begins_anew(subject: &mut impl Subject) {
    let store = subject.store();
    for round in 0..3_u32 {
        let again = keyed(first("a"), "k", u64::from(round));
        appended(&store, Append { expected: Expected::Absent { epoch: round }, ..again }).await;
        store.add_items(&id("a"), vec![item(0), item(1)]).await.unwrap();
        for offset in 1..5 {
            appended(&store, next("a", offset)).await;
        }
        assert_eq!(loaded(&store, "a").await.cursor.epoch, round);
        let history = store.read(&id("a"), 0, 100).await.unwrap().unwrap();
        assert_eq!((history.records.len(), history.cursor.epoch), (5, round));
        assert_eq!(store.find_key("k").await.unwrap(), Some((id("a"), u64::from(round))));
        store.remove(&[id("a")]).await.unwrap();
    }
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

/// By age and by number, oldest end first.
pub async fn old_and_surplus_jobs_are_expendable(subject: &mut impl Subject) {
    let store = subject.store();
    let ended = |finished_at: Option<u64>| Facets {
        finished_at: finished_at.map(at),
        ..facets(JobStatus::Completed)
    };
    for (job, finished_at) in
        [("c", Some(30)), ("a", Some(10)), ("b", Some(10)), ("d", Some(40)), ("e", None)]
    {
        appended(&store, first_with(job, ended(finished_at))).await;
    }
    let check = async |before: u64, keep: u64, limit: usize, expected: &[&str]| {
        let expected: Vec<_> = expected.iter().map(|job| id(job)).collect();
        let found = subject.store().expendable(at(before), keep, limit).await.unwrap();
        assert_eq!(found, expected, "before {before}, keep {keep}, at most {limit}");
    };
    check(0, 10, 10, &[]).await;
    check(0, u64::MAX, 10, &[]).await;
    check(10, 10, 10, &[]).await;
    check(11, 10, 10, &["a", "b"]).await;
    check(31, 10, 2, &["a", "b"]).await;
    check(31, 10, 10, &["a", "b", "c"]).await;
    check(0, 3, 10, &["a"]).await;
    check(11, 1, 10, &["a", "b", "c"]).await;
    check(0, 0, 10, &["a", "b", "c", "d"]).await;
    // A retried job is not finished any more.
    appended(&store, next_with("a", 1, ended(None))).await;
    check(11, 10, 10, &["b"]).await;
    check(0, 2, 10, &["b"]).await;
}

/// Positions of all that can be read of a job's log, and where it begins.
async fn log_of(subject: &impl Subject, after: u64) -> (u64, Vec<(u64, u64)>) {
    let history = subject.store().read(&id("a"), after, 100).await.unwrap().unwrap();
    let records = history.records.iter().map(|record| (record.from, record.to)).collect();
    (history.trimmed_to, records)
}

/// Whole records go, oldest first, and nothing but records.
pub async fn a_trimmed_log_begins_where_it_says(subject: &mut impl Subject) {
    let store = subject.store();
    assert_eq!(store.trim(&id("a"), 5).await.unwrap(), None);
    appended(&store, keyed(first("a"), "k", 1)).await;
    store.add_items(&id("a"), (0..3).map(item).collect()).await.unwrap();
    // Records of 1, 3, 2 and 4 events.
    for (offset, events) in [(1, 3), (4, 2), (6, 4)] {
        let record = record(offset, events, &json!({"count": offset}), &json!({}));
        let facets = Facets { due_at: Some(at(offset)), ..facets(JobStatus::Running) };
        appended(&store, Append { record, ..next_with("a", offset, facets) }).await;
    }
    appended(&store, first("b")).await;
    let before = loaded(&store, "a").await;
    drop(store);
    let all = [(0, 1), (1, 4), (4, 6), (6, 10)];
    for (trim, begin, left) in [
        (0, 0, &all[..]),
        (1, 1, &all[1..]),
        (3, 1, &all[1..]),
        (5, 4, &all[2..]),
        (2, 4, &all[2..]),
        (6, 6, &all[3..]),
        (9, 6, &all[3..]),
        (99, 10, &[]),
        (0, 10, &[]),
    ] {
        assert_eq!(subject.store().trim(&id("a"), trim).await.unwrap(), Some(begin), "{trim}");
        assert_eq!(log_of(subject, 0).await, (begin, left.to_vec()), "{trim}");
        assert_eq!(log_of(subject, 99).await, (begin, Vec::new()), "{trim}");
        let after = loaded(&subject.store(), "a").await;
        assert_eq!((after.cursor, &after.document), (before.cursor, &before.document));
        assert_eq!((&after.private, &after.facets), (&before.private, &before.facets));
        if subject.reopen().await {
            assert_eq!(log_of(subject, 0).await, (begin, left.to_vec()), "{trim}, reopened");
            let after = loaded(&subject.store(), "a").await;
            assert_eq!((after.cursor, after.facets), (before.cursor, before.facets.clone()));
        }
    }
    let store = subject.store();
    assert_eq!(store.find_key("k").await.unwrap(), Some((id("a"), 1)));
    assert_eq!(
        store.items(&id("a"), &ItemQuery { limit: 9, ..ItemQuery::default() }).await.unwrap().len(),
        3
    );
    let other = store.read(&id("b"), 0, 10).await.unwrap().unwrap();
    assert_eq!((other.trimmed_to, other.records.len()), (0, 1));
}

/// What is appended after a trim follows, and a name that is given again has a whole log.
pub async fn a_trimmed_log_goes_on(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, first("a")).await;
    for offset in 1..4 {
        appended(&store, next("a", offset)).await;
    }
    assert_eq!(store.trim(&id("a"), 3).await.unwrap(), Some(3));
    for offset in 4..6 {
        appended(&store, next("a", offset)).await;
    }
    drop(store);
    let left = vec![(3, 4), (4, 5), (5, 6)];
    assert_eq!(log_of(subject, 0).await, (3, left.clone()));
    assert_eq!(log_of(subject, 4).await, (3, left[1..].to_vec()));
    subject.store().close().await.unwrap();
    if subject.reopen().await {
        assert_eq!(log_of(subject, 0).await, (3, left));
    } else {
        return;
    }
    let store = subject.store();
    store.remove(&[id("a")]).await.unwrap();
    appended(&store, first("a")).await;
    drop(store);
    assert_eq!(log_of(subject, 0).await, (0, vec![(0, 1)]));
}

/// A log that is trimmed again and again while it grows holds its newest records, each once.
pub async fn a_long_log_is_trimmed_as_it_grows(subject: &mut impl Subject) {
    const KEPT: u64 = 150;
    let store = subject.store();
    appended(&store, first("a")).await;
    let mut end = 1;
    for _ in 0..20 {
        let call = (end..end + 50).map(|offset| next("a", offset)).collect();
        for answer in store.append(call).await {
            answer.unwrap();
        }
        end += 50;
        let before = u64::saturating_sub(end, KEPT);
        assert_eq!(store.trim(&id("a"), before).await.unwrap(), Some(before));
        let history = store.read(&id("a"), 0, usize::MAX).await.unwrap().unwrap();
        assert_eq!((history.trimmed_to, history.cursor.offset), (before, end));
        let mut at = before;
        for record in &history.records {
            assert_eq!(record.from, at);
            at = record.to;
        }
        assert_eq!(at, end);
    }
    assert_eq!(loaded(&store, "a").await.document["count"], json!(end - 1));
}
