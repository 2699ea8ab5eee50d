//! Appending and loading.

use headway_protocol::{ItemStatus, JobStatus};
use serde_json::json;

use super::Subject;
use super::fixtures::*;
use crate::{Append, AppendError, Expected, LeaseRequest, StoreError};

/// The first record makes the job, and no other can.
pub async fn a_job_begins_with_its_first_record(subject: &mut impl Subject) {
    let store = subject.store();
    assert!(store.load(&id("a")).await.unwrap().is_none());
    assert!(matches!(
        refused(&store, next("a", 0)).await,
        AppendError::Conflict { job, found: None } if job == id("a")
    ));
    appended(&store, first("a")).await;
    let stored = loaded(&store, "a").await;
    assert_eq!((stored.cursor.epoch, stored.cursor.offset), (EPOCH, 1));
    assert_eq!(stored.document, json!({"id": "a", "status": "pending", "count": 0}));
    assert_eq!(stored.private, json!({"state": 0}));
    assert_eq!(stored.facets, facets(JobStatus::Pending));
    assert!(matches!(
        refused(&store, first("a")).await,
        AppendError::Conflict { found: Some(1), .. }
    ));
}

/// The expected position is where the job is, neither before nor after.
pub async fn a_record_follows_where_the_job_is(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, first("a")).await;
    appended(&store, next("a", 1)).await;
    for offset in [0, 1, 3] {
        assert!(matches!(
            refused(&store, next("a", offset)).await,
            AppendError::Conflict { found: Some(2), .. }
        ));
    }
    appended(&store, next("a", 2)).await;
    assert_eq!(loaded(&store, "a").await.cursor.offset, 3);
}

/// A call may hold several records of one job.
pub async fn two_appends_of_one_call_are_applied_in_turn(subject: &mut impl Subject) {
    let store = subject.store();
    let call = vec![first("a"), next("a", 1), next("a", 2), next("a", 2), next("a", 3)];
    let answers = store.append(call).await;
    let good: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, true, false, true]);
    assert!(matches!(answers[3], Err(AppendError::Conflict { found: Some(3), .. })));
    let stored = loaded(&store, "a").await;
    assert_eq!((stored.cursor.offset, &stored.document["count"]), (4, &json!(3)));
}

/// One job's conflict is nothing to another.
pub async fn each_append_is_answered_for_itself(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, first("a")).await;
    let answers = store.append(vec![first("b"), first("a"), first("c"), next("a", 1)]).await;
    let good: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true, true]);
    for job in ["a", "b", "c"] {
        assert!(store.load(&id(job)).await.unwrap().is_some(), "{job}");
    }
    assert!(store.append(Vec::new()).await.is_empty());
}

/// A key is given once, and tells what it was given for.
pub async fn a_key_belongs_to_one_job(subject: &mut impl Subject) {
    let store = subject.store();
    assert_eq!(store.find_key("k").await.unwrap(), None);
    appended(&store, keyed(first("a"), "k", u64::MAX)).await;
    assert_eq!(store.find_key("k").await.unwrap(), Some((id("a"), u64::MAX)));
    assert!(matches!(
        refused(&store, keyed(first("b"), "k", 7)).await,
        AppendError::KeyTaken { job, fingerprint: u64::MAX } if job == id("a")
    ));
    // The position is told first: whoever repeats a whole creation learns where it is.
    assert!(matches!(
        refused(&store, keyed(first("a"), "k", u64::MAX)).await,
        AppendError::Conflict { found: Some(1), .. }
    ));
    let both = vec![keyed(first("c"), "other", 1), keyed(first("d"), "other", 1)];
    let answers = store.append(both).await;
    assert!(answers[0].is_ok());
    assert!(matches!(&answers[1], Err(AppendError::KeyTaken { job, .. }) if *job == id("c")));
}

/// A job whose key was refused is not there.
pub async fn a_refused_key_leaves_nothing(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, keyed(first("a"), "k", 1)).await;
    refused(&store, keyed(first("b"), "k", 1)).await;
    assert!(store.load(&id("b")).await.unwrap().is_none());
    assert!(store.read(&id("b"), 0, 10).await.unwrap().is_none());
    appended(&store, first("b")).await;
    assert_eq!(store.find_key("k").await.unwrap(), Some((id("a"), 1)));
}

/// What no store takes.
pub async fn misshapen_appends_are_refused(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 1).await;
    store.lease_items(&id("a"), &lease(1, 0, 1)).await.unwrap();
    let empty = json!({});
    let with = |record| Append { record, ..next("a", 1) };
    let mut short = (*record(1, 2, &empty, &empty)).clone();
    short.events.pop();
    for append in [
        with(record(1, 0, &empty, &empty)),
        with(record(2, 1, &empty, &empty)),
        with(std::sync::Arc::new(short)),
        keyed(next("a", 1), "k", 1),
        settling("a", 1, vec![outcome(0, 1, ItemStatus::Running)]),
        Append { expected: Expected::Absent { epoch: 1 }, ..next("b", 1) },
    ] {
        let answer = refused(&store, append.clone()).await;
        assert!(
            matches!(answer, AppendError::Store(StoreError::Refused(_))),
            "{append:?} was answered {answer:?}"
        );
    }
    assert_eq!(loaded(&store, "a").await.cursor.offset, 1);
    assert_eq!(store.find_key("k").await.unwrap(), None);
}

/// Merge patches of the document and of the private state, removals and nested members included.
pub async fn loading_folds_both_patches(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, first("a")).await;
    let steps = [
        (json!({"progress": {"percent": 1.5, "done": 1}}), json!({"seen": {"p": 1}})),
        (json!({"progress": {"percent": 2.5}, "list": [1, 2]}), json!({"seen": {"q": 2}})),
        (json!({"progress": null, "list": [3]}), json!({"seen": {"p": null}})),
        (json!({"progress": {"done": 7}}), json!({})),
    ];
    for (offset, (patch, private)) in (1..).zip(&steps) {
        let record = record(offset, 1, patch, private);
        appended(&store, Append { record, ..next("a", offset) }).await;
    }
    let stored = loaded(&store, "a").await;
    assert_eq!(
        stored.document,
        json!({"id": "a", "status": "pending", "count": 0, "list": [3], "progress": {"done": 7}})
    );
    assert_eq!(stored.private, json!({"state": 0, "seen": {"q": 2}}));
    assert_eq!(stored.facets.status, JobStatus::Running);
}

/// However an adapter groups and folds, each job is the fold of its own records.
pub async fn many_records_of_many_jobs_fold_right(subject: &mut impl Subject) {
    let store = subject.store();
    let names: Vec<String> = (0..20).map(|n| format!("job-{n}")).collect();
    for append in store.append(names.iter().map(|name| first(name)).collect()).await {
        append.unwrap();
    }
    for offset in 1..=60 {
        let call = names.iter().map(|name| {
            let member = format!("m{}", offset % 7);
            let patch = json!({"count": offset, member: {"by": name, "at": offset}});
            let record = record(offset, 1, &patch, &json!({"state": offset}));
            Append { record, ..next(name, offset) }
        });
        for append in store.append(call.collect()).await {
            append.unwrap();
        }
    }
    for name in &names {
        let stored = loaded(&store, name).await;
        assert_eq!((stored.cursor.offset, &stored.document["count"]), (61, &json!(60)));
        assert_eq!(stored.document["m4"], json!({"by": name, "at": 60}));
        assert_eq!(stored.document["m5"], json!({"by": name, "at": 54}));
        assert_eq!(stored.private, json!({"state": 60}));
        let log = store.read(&id(name), 0, usize::MAX).await.unwrap().unwrap();
        assert_eq!(log.records.len(), 61);
    }
}

/// Whatever was answered is there after the store's end.
pub async fn what_was_acknowledged_survives(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, keyed(first("a"), "k", 9)).await;
    for offset in 1..50 {
        appended(&store, next("a", offset)).await;
    }
    let mut tagged = facets(JobStatus::Completed);
    tagged.tags = vec!["nightly".to_owned()];
    tagged.finished_at = Some(at(5_000));
    tagged.due_at = Some(at(6_000));
    appended(&store, next_with("a", 50, tagged.clone())).await;
    appended(&store, first("gone")).await;
    store.remove(&[id("gone")]).await.unwrap();
    let before = loaded(&store, "a").await;
    drop(store);
    for _ in 0..2 {
        if !subject.reopen().await {
            return;
        }
        let store = subject.store();
        let after = loaded(&store, "a").await;
        assert_eq!(after.cursor, before.cursor);
        assert_eq!(after.document, before.document);
        assert_eq!(after.private, before.private);
        assert_eq!(after.facets, tagged);
        assert_eq!(store.find_key("k").await.unwrap(), Some((id("a"), 9)));
        let log = store.read(&id("a"), 0, usize::MAX).await.unwrap().unwrap();
        let ends: Vec<u64> = log.records.iter().map(|record| record.to).collect();
        assert_eq!(ends, (1..=51).collect::<Vec<_>>());
        assert!(store.load(&id("gone")).await.unwrap().is_none());
        assert_eq!(store.due(at(6_000), 9).await.unwrap().len(), 1);
    }
    let store = subject.store();
    appended(&store, next("a", 51)).await;
    store.close().await.unwrap();
    drop(store);
    subject.reopen().await;
    assert_eq!(loaded(&subject.store(), "a").await.cursor.offset, 52);
}

/// After its close a store changes no more, and says so.
pub async fn closing_ends_changes(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 2).await;
    store.close().await.unwrap();
    assert!(matches!(refused(&store, next("a", 1)).await, AppendError::Store(StoreError::Closed)));
    let closed = |error: StoreError| assert!(matches!(error, StoreError::Closed), "{error}");
    closed(store.add_items(&id("a"), vec![item(2)]).await.unwrap_err());
    let request = LeaseRequest { fence: 1, now: at(0), max: 1 };
    closed(store.lease_items(&id("a"), &request).await.unwrap_err());
    closed(store.remove(&[id("a")]).await.unwrap_err());
    store.close().await.unwrap();
}
