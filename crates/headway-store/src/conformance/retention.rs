//! Forgetting.

use headway_protocol::JobStatus;

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
