//! Items of batches.

use headway_protocol::{Amount, ItemStatus, JobError};
use serde_json::json;

use super::Subject;
use super::fixtures::*;
use crate::{
    AppendError, Indexes, ItemOutcome, ItemQuery, ItemSummary, NewItem, StoredItem, Sweep,
    SweptAttempts,
};

async fn all(subject: &impl Subject, job: &str) -> Vec<StoredItem> {
    let query = ItemQuery { limit: 1_000, ..ItemQuery::default() };
    subject.store().items(&id(job), &query).await.unwrap()
}

async fn statuses(subject: &impl Subject, job: &str) -> Vec<(ItemStatus, u32)> {
    all(subject, job).await.iter().map(|item| (item.status, item.attempts)).collect()
}

async fn take(subject: &impl Subject, job: &str, fence: u64, now: u64, max: usize) -> Vec<u64> {
    let leased = subject.store().lease_items(&id(job), &lease(fence, now, max)).await.unwrap();
    leased.iter().map(|item| item.index).collect()
}

/// Indexes go on from what is there; a wrong one refuses the whole addition.
pub async fn items_follow_each_other(subject: &mut impl Subject) {
    let store = subject.store();
    assert!(is_refusal(&store.add_items(&id("a"), vec![item(0)]).await), "no such job");
    appended(&store, first("a")).await;
    assert!(is_refusal(&store.add_items(&id("a"), vec![item(1)]).await));
    store.add_items(&id("a"), vec![item(0), item(1)]).await.unwrap();
    assert!(is_refusal(&store.add_items(&id("a"), vec![item(1)]).await));
    assert!(is_refusal(&store.add_items(&id("a"), vec![item(2), item(4)]).await));
    assert!(is_refusal(
        &store
            .add_items(&id("a"), vec![item(2), NewItem { status: ItemStatus::Running, ..item(3) }])
            .await
    ));
    assert_eq!(all(subject, "a").await.len(), 2);
    let unreadable = NewItem {
        status: ItemStatus::Failed,
        error: Some(JobError::fatal("bad_line", "line 3 is no JSON")),
        custom_id: None,
        estimate: None,
        ..item(2)
    };
    store.add_items(&id("a"), vec![unreadable, item(3)]).await.unwrap();
    store.add_items(&id("a"), Vec::new()).await.unwrap();
    let items = all(subject, "a").await;
    assert_eq!(items.iter().map(|item| item.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(items[0].input.get(), r#"{"lead":0}"#);
    assert_eq!(items[0].custom_id.as_deref(), Some("row-0"));
    assert_eq!(items[0].estimate, Some(Amount::from_nanos(5)));
    assert_eq!((items[2].status, items[2].attempts), (ItemStatus::Failed, 0));
    assert_eq!(items[2].error.as_ref().unwrap().code, "bad_line");
    assert_eq!(items[2].custom_id, None);
    let counts = store.count_items(&id("a")).await.unwrap();
    assert_eq!(counts, [(ItemStatus::Queued, 3), (ItemStatus::Failed, 1)]);
    assert!(store.count_items(&id("nobody")).await.unwrap().is_empty());
}

/// Due retries first, earliest first; then the queue by index.
pub async fn leases_take_due_retries_first(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 6).await;
    assert_eq!(take(subject, "a", 1, 0, 4).await, [0, 1, 2, 3]);
    let retry = |index, due_at| ItemOutcome {
        due_at: Some(at(due_at)),
        ..outcome(index, 1, ItemStatus::Retrying)
    };
    let settled = vec![retry(0, 30), retry(1, 10), retry(2, 20), retry(3, 10)];
    appended(&store, settling("a", 1, settled)).await;
    assert_eq!(store.next_retry(&id("a")).await.unwrap(), Some(at(10)));
    assert!(take(subject, "a", 2, 9, 0).await.is_empty());
    assert_eq!(take(subject, "a", 2, 9, 1).await, [4]);
    let leased = store.lease_items(&id("a"), &lease(3, 20, 10)).await.unwrap();
    assert_eq!(leased.iter().map(|item| item.index).collect::<Vec<_>>(), [1, 3, 2, 5]);
    assert_eq!(leased.iter().map(|item| item.attempts).collect::<Vec<_>>(), [2, 2, 2, 1]);
    assert_eq!(leased[0].input.get(), r#"{"lead":1}"#);
    assert_eq!(leased[0].custom_id.as_deref(), Some("row-1"));
    assert_eq!(leased[0].estimate, Some(Amount::from_nanos(5)));
    assert_eq!(store.next_retry(&id("a")).await.unwrap(), Some(at(30)));
    assert!(take(subject, "a", 4, 29, 10).await.is_empty());
    assert_eq!(take(subject, "a", 4, 30, 10).await, [0]);
    assert_eq!(store.next_retry(&id("a")).await.unwrap(), None);
    assert!(take(subject, "nobody", 4, 30, 10).await.is_empty());
}

/// A fence that is not the holder's settles nothing.
pub async fn only_the_holder_settles(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 3).await;
    assert_eq!(take(subject, "a", u64::MAX, 0, 1).await, [0]);
    for (index, fence) in [(0, 1), (1, u64::MAX), (7, u64::MAX), (u64::MAX, u64::MAX)] {
        let append = settling("a", 1, vec![outcome(index, fence, ItemStatus::Succeeded)]);
        assert!(matches!(
            refused(&store, append).await,
            AppendError::Fenced { job, index: found } if job == id("a") && found == index
        ));
    }
    let done = outcome(0, u64::MAX, ItemStatus::Succeeded);
    appended(&store, settling("a", 1, vec![done.clone()])).await;
    assert!(matches!(
        refused(&store, settling("a", 2, vec![done])).await,
        AppendError::Fenced { index: 0, .. }
    ));
    // What was swept away from its holder is another's now.
    assert_eq!(take(subject, "a", 5, 0, 1).await, [1]);
    let sweep = Sweep {
        from: vec![ItemStatus::Running],
        to: ItemStatus::Queued,
        attempted_only: false,
        only: None,
        attempts: SweptAttempts::Keep,
        max: 10,
    };
    assert_eq!(store.sweep_items(&id("a"), &sweep).await.unwrap(), 1);
    assert_eq!(take(subject, "a", 6, 0, 1).await, [1]);
    let late = settling("a", 2, vec![outcome(1, 5, ItemStatus::Succeeded)]);
    assert!(matches!(refused(&store, late).await, AppendError::Fenced { index: 1, .. }));
    let held = settling("a", 2, vec![outcome(1, 6, ItemStatus::Succeeded)]);
    appended(&store, held).await;
}

/// Record, fold, facets and items become visible together or not at all.
pub async fn a_fenced_item_refuses_its_whole_append(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 4).await;
    assert_eq!(take(subject, "a", 1, 0, 3).await, [0, 1, 2]);
    let before = loaded(&store, "a").await;
    let good = |index| outcome(index, 1, ItemStatus::Succeeded);
    for (offset, (items, fault)) in (1..).zip([
        (vec![good(0), good(1), outcome(2, 9, ItemStatus::Succeeded)], 2),
        (vec![good(0), good(3), good(1)], 3),
        (vec![good(0), good(0)], 0),
    ]) {
        let call = vec![settling("a", offset, items), next("a", offset)];
        let answers = store.append(call).await;
        assert!(matches!(answers[0], Err(AppendError::Fenced { index, .. }) if index == fault));
        assert!(answers[1].is_ok(), "the job is where it was: {answers:?}");
    }
    let after = loaded(&store, "a").await;
    assert_eq!(after.cursor.offset, before.cursor.offset + 3);
    let running = (ItemStatus::Running, 1);
    assert_eq!(statuses(subject, "a").await, [running, running, running, (ItemStatus::Queued, 0)]);
    let log = store.read(&id("a"), 0, 100).await.unwrap().unwrap();
    assert_eq!(log.records.len(), 4);
    appended(&store, settling("a", 4, vec![good(0), good(1), good(2)])).await;
}

/// `queued` gives an item back as if it had not been taken.
pub async fn an_item_given_back_loses_its_attempt(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 2).await;
    assert_eq!(take(subject, "a", 1, 0, 2).await, [0, 1]);
    let items = vec![outcome(0, 1, ItemStatus::Queued), outcome(1, 1, ItemStatus::Retrying)];
    appended(&store, settling("a", 1, items)).await;
    assert_eq!(statuses(subject, "a").await, [(ItemStatus::Queued, 0), (ItemStatus::Retrying, 1)]);
    // A retry without a time is due at once.
    assert_eq!(store.next_retry(&id("a")).await.unwrap(), Some(at(0)));
    let leased = store.lease_items(&id("a"), &lease(2, 0, 2)).await.unwrap();
    let found: Vec<(u64, u32)> = leased.iter().map(|item| (item.index, item.attempts)).collect();
    assert_eq!(found, [(1, 2), (0, 1)]);
}

/// Output, error, cost and times are those of the last outcome.
pub async fn an_outcome_replaces_what_was_stored(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 2).await;
    take(subject, "a", 1, 0, 1).await;
    let failed = ItemOutcome {
        due_at: Some(at(50)),
        error: Some(JobError::passing("timeout", "no answer in 5 s")),
        cost: Some(Amount::from_nanos(7)),
        started_at: Some(at(40)),
        duration_ms: Some(5),
        ..outcome(0, 1, ItemStatus::Retrying)
    };
    appended(&store, settling("a", 1, vec![failed])).await;
    let items = all(subject, "a").await;
    assert_eq!(items[0].error.as_ref().unwrap(), &JobError::passing("timeout", "no answer in 5 s"));
    assert_eq!((items[0].cost, items[0].started_at), (Some(Amount::from_nanos(7)), Some(at(40))));
    assert_eq!(items[0].duration_ms, Some(5));
    let leased = store.lease_items(&id("a"), &lease(2, 50, 1)).await.unwrap();
    assert_eq!(leased[0].cost, Some(Amount::from_nanos(7)));
    let done = ItemOutcome {
        output: Some(raw(&json!({"score": 9}))),
        cost: Some(Amount::from_nanos(12)),
        ..outcome(0, 2, ItemStatus::Succeeded)
    };
    appended(&store, settling("a", 2, vec![done])).await;
    let items = all(subject, "a").await;
    assert_eq!(items[0].output.as_ref().unwrap().get(), r#"{"score":9}"#);
    assert_eq!((&items[0].error, items[0].started_at, items[0].duration_ms), (&None, None, None));
    assert_eq!((items[0].cost, items[0].attempts), (Some(Amount::from_nanos(12)), 2));
    assert_eq!(items[0].input.get(), r#"{"lead":0}"#);
}

/// Each part of a sweep.
pub async fn sweeps_move_what_they_say(subject: &mut impl Subject) {
    use ItemStatus::{Cancelled, Failed, Queued, Retrying, Running, Succeeded};
    let store = subject.store();
    appended(&store, first("a")).await;
    let unreadable =
        NewItem { status: Failed, error: Some(JobError::fatal("bad_line", "no JSON")), ..item(2) };
    let items = vec![item(0), item(1), unreadable, item(3), item(4), item(5)];
    store.add_items(&id("a"), items).await.unwrap();
    assert_eq!(take(subject, "a", 1, 0, 4).await, [0, 1, 3, 4]);
    let failed = |index| ItemOutcome {
        error: Some(JobError::fatal("no", "no")),
        cost: Some(Amount::from_nanos(3)),
        ..outcome(index, 1, Failed)
    };
    appended(&store, settling("a", 1, vec![failed(0), failed(1)])).await;

    let sweep = |from: &[ItemStatus], to, attempted_only, attempts, max| Sweep {
        from: from.to_vec(),
        to,
        attempted_only,
        only: None,
        attempts,
        max,
    };
    let run = async |sweep: Sweep| subject.store().sweep_items(&id("a"), &sweep).await;
    let retry = sweep(&[Failed], Queued, true, SweptAttempts::Reset, 1);
    assert_eq!(run(retry.clone()).await.unwrap(), 1);
    assert_eq!(run(retry.clone()).await.unwrap(), 1);
    assert_eq!(run(retry).await.unwrap(), 0);
    let items = all(subject, "a").await;
    assert_eq!((items[0].status, items[0].attempts, &items[0].error), (Queued, 0, &None));
    assert_eq!(items[0].cost, Some(Amount::from_nanos(3)));
    assert_eq!((items[2].status, items[2].error.is_some()), (Failed, true));

    let interrupted = sweep(&[Running], Queued, false, SweptAttempts::TakeBack, 1);
    assert_eq!(run(interrupted).await.unwrap(), 1);
    assert_eq!(statuses(subject, "a").await[3..], [(Queued, 0), (Running, 1), (Queued, 0)]);
    let kept = sweep(&[Running], Retrying, false, SweptAttempts::Keep, 10);
    assert_eq!(run(kept).await.unwrap(), 1);
    assert_eq!(store.next_retry(&id("a")).await.unwrap(), Some(at(0)));
    let stop = sweep(&[Queued, Retrying, Queued], Cancelled, false, SweptAttempts::Keep, 4);
    assert_eq!(run(stop.clone()).await.unwrap(), 4);
    assert_eq!(statuses(subject, "a").await[5], (Queued, 0), "by index, at most four");
    assert_eq!(run(stop.clone()).await.unwrap(), 1);
    assert_eq!(run(stop).await.unwrap(), 0);
    assert_eq!(store.next_retry(&id("a")).await.unwrap(), None);
    let counts = store.count_items(&id("a")).await.unwrap();
    assert_eq!(counts, [(Failed, 1), (Cancelled, 5)]);

    for (from, to) in [(vec![Queued], Running), (vec![Failed, Succeeded], Failed)] {
        assert!(is_refusal(&run(sweep(&from, to, false, SweptAttempts::Keep, 1)).await));
    }
    let none = sweep(&[Failed], Queued, false, SweptAttempts::Keep, 0);
    assert_eq!(run(none.clone()).await.unwrap(), 0);
    assert_eq!(store.sweep_items(&id("nobody"), &none).await.unwrap(), 0);
}

/// Keyset pages, of all items and of some.
pub async fn pages_of_items_are_by_index(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 10).await;
    take(subject, "a", 1, 0, 10).await;
    let settled = [1, 4, 7]
        .map(|index| outcome(index, 1, ItemStatus::Failed))
        .into_iter()
        .chain([2, 8].map(|index| outcome(index, 1, ItemStatus::Succeeded)));
    appended(&store, settling("a", 1, settled.collect())).await;
    let check = async |statuses: &[ItemStatus], after, limit, expected: &[u64]| {
        let query = ItemQuery { statuses: statuses.to_vec(), only: None, after, limit };
        let found = subject.store().items(&id("a"), &query).await.unwrap();
        let found: Vec<u64> = found.iter().map(|item| item.index).collect();
        assert_eq!(found, expected, "{query:?}");
    };
    check(&[], None, 3, &[0, 1, 2]).await;
    check(&[], Some(2), 3, &[3, 4, 5]).await;
    check(&[], Some(8), 3, &[9]).await;
    check(&[], Some(9), 3, &[]).await;
    check(&[], Some(u64::MAX), 3, &[]).await;
    check(&[ItemStatus::Failed], None, 10, &[1, 4, 7]).await;
    check(&[ItemStatus::Failed], Some(1), 1, &[4]).await;
    check(&[ItemStatus::Failed, ItemStatus::Succeeded], None, 4, &[1, 2, 4, 7]).await;
    check(&[ItemStatus::Failed, ItemStatus::Failed], Some(4), 4, &[7]).await;
    check(&[ItemStatus::Skipped], None, 4, &[]).await;
}

/// Of chosen items only those are moved that fit, and no other item ever.
pub async fn a_sweep_of_chosen_items_moves_no_other(subject: &mut impl Subject) {
    use ItemStatus::{Cancelled, Failed, Queued, Succeeded};
    let store = subject.store();
    batch(&store, "a", 5).await;
    batch(&store, "b", 5).await;
    let unreadable = NewItem { status: Failed, ..item(5) };
    store.add_items(&id("a"), vec![unreadable]).await.unwrap();
    take(subject, "a", 1, 0, 10).await;
    take(subject, "b", 2, 0, 10).await;
    let failed = |index| outcome(index, 1, Failed);
    let settled = vec![failed(0), outcome(1, 1, Succeeded), failed(2), failed(3), failed(4)];
    appended(&store, settling("a", 1, settled)).await;
    let failed = (0..5).map(|index| outcome(index, 2, Failed)).collect();
    appended(&store, settling("b", 1, failed)).await;

    let sweep = |chosen: &[u64], max| Sweep {
        from: vec![Failed, Cancelled],
        to: Queued,
        attempted_only: true,
        only: Some(chosen.iter().copied().collect()),
        attempts: SweptAttempts::Reset,
        max,
    };
    let run = async |sweep: Sweep| store.sweep_items(&id("a"), &sweep).await.unwrap();
    assert_eq!(run(sweep(&[], 10)).await, 0);
    // One that succeeded, one that could not be read, and two that no batch has.
    assert_eq!(run(sweep(&[1, 5, 6, u64::MAX], 10)).await, 0);
    let chosen = [4, 0, 1, 4, 2];
    assert_eq!(run(sweep(&chosen, 2)).await, 2);
    let now = statuses(subject, "a").await;
    assert_eq!(now[..3], [(Queued, 0), (Succeeded, 1), (Queued, 0)], "by index, at most two");
    assert_eq!(now[3..], [(Failed, 1), (Failed, 1), (Failed, 0)]);
    assert_eq!(run(sweep(&chosen, 2)).await, 1);
    assert_eq!(run(sweep(&chosen, 2)).await, 0);
    assert_eq!(statuses(subject, "a").await[3..], [(Failed, 1), (Queued, 0), (Failed, 0)]);
    let counts = store.count_items(&id("b")).await.unwrap();
    assert_eq!(counts, [(Failed, 5)], "another batch's items have the same indexes");
}

/// Chosen items are found by index, with the query's other conditions; a summary says of each what
/// its item does.
pub async fn chosen_items_are_read_and_summed_up(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 8).await;
    batch(&store, "b", 8).await;
    take(subject, "a", 1, 0, 6).await;
    let done = ItemOutcome {
        output: Some(raw(&json!({"score": 7}))),
        started_at: Some(at(40)),
        duration_ms: Some(9),
        ..outcome(1, 1, ItemStatus::Succeeded)
    };
    let failed = ItemOutcome {
        error: Some(JobError::fatal("odd", "not even")),
        started_at: Some(at(41)),
        duration_ms: Some(8),
        ..outcome(3, 1, ItemStatus::Failed)
    };
    appended(&store, settling("a", 1, vec![done, failed])).await;
    let check = async |query: ItemQuery, expected: &[u64]| {
        let found = store.items(&id("a"), &query).await.unwrap();
        let indexes: Vec<u64> = found.iter().map(|item| item.index).collect();
        assert_eq!(indexes, expected, "{query:?}");
        let summaries: Vec<ItemSummary> = found
            .into_iter()
            .map(|item| ItemSummary {
                index: item.index,
                custom_id: item.custom_id,
                status: item.status,
                attempts: item.attempts,
                error: item.error,
                started_at: item.started_at,
                duration_ms: item.duration_ms,
            })
            .collect();
        assert_eq!(store.item_summaries(&id("a"), &query).await.unwrap(), summaries);
    };
    let all = ItemQuery { limit: 10, ..ItemQuery::default() };
    check(all.clone(), &[0, 1, 2, 3, 4, 5, 6, 7]).await;
    let chosen: Indexes = [7, 1, 3, 3, 8, u64::MAX].into_iter().collect();
    let chosen = ItemQuery { only: Some(chosen), ..all.clone() };
    check(chosen.clone(), &[1, 3, 7]).await;
    check(ItemQuery { limit: 2, ..chosen.clone() }, &[1, 3]).await;
    check(ItemQuery { after: Some(1), ..chosen.clone() }, &[3, 7]).await;
    let statuses = vec![ItemStatus::Failed, ItemStatus::Queued];
    check(ItemQuery { statuses: statuses.clone(), ..chosen }, &[3, 7]).await;
    check(ItemQuery { only: Some(Indexes::default()), ..all.clone() }, &[]).await;
    check(ItemQuery { statuses, ..all.clone() }, &[3, 6, 7]).await;
    assert!(store.item_summaries(&id("nobody"), &all).await.unwrap().is_empty());
}

/// The same index in two batches is two items.
pub async fn batches_do_not_share_items(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 2).await;
    batch(&store, "b", 3).await;
    assert_eq!(take(subject, "a", 1, 0, 10).await, [0, 1]);
    assert_eq!(take(subject, "b", 2, 0, 10).await, [0, 1, 2]);
    let wrong = settling("b", 1, vec![outcome(0, 1, ItemStatus::Succeeded)]);
    assert!(matches!(refused(&store, wrong).await, AppendError::Fenced { .. }));
    let retry = outcome(0, 1, ItemStatus::Retrying);
    appended(&store, settling("a", 1, vec![retry])).await;
    assert_eq!(store.next_retry(&id("b")).await.unwrap(), None);
    assert!(take(subject, "b", 3, 100, 10).await.is_empty());
    let counts = store.count_items(&id("b")).await.unwrap();
    assert_eq!(counts, [(ItemStatus::Running, 3)]);
}

/// Leases and outcomes outlive the store's process.
pub async fn items_survive(subject: &mut impl Subject) {
    let store = subject.store();
    batch(&store, "a", 5).await;
    take(subject, "a", 1, 0, 3).await;
    let done =
        ItemOutcome { output: Some(raw(&json!([1, 2]))), ..outcome(0, 1, ItemStatus::Succeeded) };
    appended(&store, settling("a", 1, vec![done])).await;
    drop(store);
    let before = format!("{:?}", all(subject, "a").await);
    if !subject.reopen().await {
        return;
    }
    assert_eq!(format!("{:?}", all(subject, "a").await), before);
    assert_eq!(take(subject, "a", 2, 0, 10).await, [3, 4]);
    let held = settling("a", 2, vec![outcome(1, 1, ItemStatus::Succeeded)]);
    appended(&subject.store(), held).await;
    subject.store().add_items(&id("a"), vec![item(5)]).await.unwrap();
}
