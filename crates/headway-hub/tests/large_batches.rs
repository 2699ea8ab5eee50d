//! Batches with more items than a request reads: what is told of them, and that it says so.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

#[allow(dead_code, reason = "each test file uses its part of the world")]
mod world;

use std::sync::atomic::Ordering;

use futures_util::future::{join_all, join3};
use headway_access::Reach;
use headway_hub::{ItemQuery, Options};
use headway_protocol::batch::Timings;
use headway_protocol::{ItemStatus, JobError, Owner, Timestamp};
use headway_store::{Append, Expected, ItemOutcome, LeaseRequest, NewItem, Record, Store as _};
use serde_json::json;
use world::{World, caller, job, raw, seeing_all_of};

/// What became of an item: nothing yet, its end and how long it took, and with which error.
type Fate = Option<(u64, u64, Option<&'static str>)>;

/// A batch with these items, whose document counts those that succeeded and failed.
async fn batch(total: u64, fate: impl Fn(u64) -> Fate) -> World {
    let world = World::new(Options::default());
    let fates: Vec<Fate> = (0..total).map(fate).collect();
    let failed = fates.iter().flatten().filter(|(.., error)| error.is_some()).count() as u64;
    let succeeded = fates.iter().flatten().count() as u64 - failed;
    let queued = total - failed - succeeded;
    let items = json!({"total":total,"queued":queued,"running":0,"retrying":0,"failed":failed,
        "succeeded":succeeded,"skipped":0,"cancelled":0,"expired":0});
    world.create_for("a", None, json!({ "items": items })).await;
    let new = |index| NewItem {
        index,
        custom_id: None,
        input: raw(&json!(index)),
        estimate: None,
        status: ItemStatus::Queued,
        error: None,
    };
    world.store.add_items(&job("a"), (0..total).map(new).collect()).await.unwrap();
    let lease = LeaseRequest {
        fence: 1,
        now: Timestamp::from_millis(0),
        max: usize::try_from(total).unwrap(),
    };
    world.store.lease_items(&job("a"), &lease).await.unwrap();
    let outcomes = (0..).zip(fates).map(|(index, fate)| ItemOutcome {
        index,
        fence: 1,
        status: match fate {
            None => ItemStatus::Queued,
            Some((.., None)) => ItemStatus::Succeeded,
            Some((.., Some(_))) => ItemStatus::Failed,
        },
        due_at: None,
        output: None,
        error: fate.and_then(|(.., code)| Some(JobError::fatal(code?, format!("no {index}")))),
        cost: None,
        started_at: fate.map(|(end, duration, _)| Timestamp::from_millis(end - duration)),
        duration_ms: fate.map(|(_, duration, _)| duration),
    });
    let stored = world.store.load(&job("a")).await.unwrap().unwrap();
    let from = stored.cursor.offset;
    let append = Append {
        job: job("a"),
        expected: Expected::At(from),
        record: std::sync::Arc::new(Record {
            from,
            to: from + 1,
            at: Timestamp::from_millis(1),
            events: vec![raw(&json!({"type":"items"}))],
            patch: raw(&json!({})),
            private: raw(&json!({})),
        }),
        facets: std::sync::Arc::new(stored.facets),
        items: outcomes.collect(),
        key: None,
        entries: Vec::new(),
    };
    world.store.append(vec![append]).await.pop().unwrap().unwrap();
    world
}

async fn timings(world: &World, points: usize) -> Timings {
    let caller = caller(None, Reach::Tenant);
    world.hub.timings(&caller, &job("a"), points).await.unwrap().unwrap()
}

#[tokio::test]
async fn very_many_failures_are_read_from_all_over_the_batch() {
    let total = 52_000;
    let world = batch(total, |index| {
        Some((1_000, 1, Some(if index == 51_000 { "rare" } else { "often" })))
    })
    .await;
    let caller = caller(None, Reach::Tenant);
    let errors = world.hub.errors(&caller, &job("a"), 10).await.unwrap().unwrap();
    assert_eq!((errors.failed, errors.grouped), (total, 50_000));
    let groups: Vec<_> =
        errors.groups.iter().map(|group| (&*group.code, &*group.message, group.count)).collect();
    assert_eq!(groups, [("often", "no …", 49_999), ("rare", "no …", 1)]);

    // One that is far away is found by going on.
    let mut query = ItemQuery { limit: 10, ..ItemQuery::default() };
    let mut found = Vec::new();
    let mut pages = 0;
    loop {
        let page = world.hub.items_by_error(&caller, &job("a"), query.clone(), "rare").await;
        let page = page.unwrap().unwrap();
        found.extend(page.items.iter().map(|item| item.index));
        pages += 1;
        query.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (vec![51_000], 2));
}

#[tokio::test]
async fn a_sample_stands_for_all_items() {
    // Ten items finish in a second, one of five fails, and the later ones take longer.
    let total = 40_000;
    let world = batch(total, |index| {
        Some((1_000_000 + index * 100, 10 + index / 400, (index % 5 == 0).then_some("odd")))
    })
    .await;
    let timings = timings(&world, 40).await;
    assert_eq!((timings.read, timings.finished), (20_000, total));
    assert_eq!(timings.step_ms, 120_000);
    assert_eq!(timings.points.len(), 34);
    for point in &timings.points[1..33] {
        assert_eq!((point.finished, point.failed), (1_200, 240), "{point:?}");
    }
    let middle = |place: usize| timings.points[place].p50_ms.unwrap();
    assert!(middle(32) > middle(16) && middle(16) > middle(1));
    let durations = timings.duration.unwrap();
    assert!((59..=61).contains(&durations.p50_ms), "{durations:?}");
    assert!((98..=100).contains(&durations.p90_ms), "{durations:?}");
}

#[tokio::test]
async fn a_sample_is_taken_where_items_have_finished() {
    // A hundred thousand items of which a quarter is done.
    let done = 25_000;
    let world = batch(100_000, |index| (index < done).then_some((5_000 + index, 3, None))).await;
    let timings = timings(&world, 60).await;
    assert_eq!((timings.read, timings.finished), (20_000, done));
    let counted: u64 = timings.points.iter().map(|point| point.finished).sum();
    assert!(counted.abs_diff(done) <= timings.points.len() as u64, "{counted}");
}

#[tokio::test]
async fn failures_in_one_corner_of_a_batch_are_read_as_far_as_may_be() {
    // All in the first half, and too many to be read.
    let world = batch(120_000, |index| (index < 60_000).then_some((1_000, 1, Some("odd")))).await;
    let caller = caller(None, Reach::Tenant);
    let errors = world.hub.errors(&caller, &job("a"), 10).await.unwrap().unwrap();
    assert_eq!((errors.failed, errors.grouped), (60_000, 50_000));
}

#[tokio::test]
async fn many_who_look_at_a_batch_share_what_was_read_until_it_changes() {
    let world = batch(30, |index| Some((1_000 + index, 1, (index < 12).then_some("odd")))).await;
    let caller = caller(None, Reach::Tenant);
    let name = job("a");
    let counted = || {
        let metrics = world.hub.metrics();
        [&metrics.error_looks, &metrics.item_looks, &metrics.timing_looks].map(|counts| {
            (counts.made.load(Ordering::Relaxed), counts.shared.load(Ordering::Relaxed))
        })
    };
    let everybody = async || {
        let errors = join_all((0..10).map(|_| world.hub.errors(&caller, &name, 5)));
        let timings = join_all((1..=10).map(|points| world.hub.timings(&caller, &name, points)));
        let query = ItemQuery { limit: 5, ..ItemQuery::default() };
        let page = || world.hub.items_by_error(&caller, &name, query.clone(), "odd");
        let items = join_all((0..10).map(|_| page()));
        let (errors, timings, items) = join3(errors, timings, items).await;
        for told in items {
            let page = told.unwrap().unwrap();
            let indexes: Vec<_> = page.items.iter().map(|item| item.index).collect();
            assert_eq!((indexes, page.next), ((0..5).collect(), Some(4)));
        }
        let errors: Vec<_> = errors.into_iter().map(|told| told.unwrap().unwrap()).collect();
        for told in timings {
            assert_eq!(told.unwrap().unwrap().finished, 30);
        }
        assert!(errors.windows(2).all(|pair| pair[0] == pair[1]));
        errors[0].failed
    };
    assert_eq!(everybody().await, 12);
    assert_eq!(counted(), [(1, 9); 3], "one looks, the others share");
    assert_eq!(everybody().await, 12);
    assert_eq!(counted(), [(1, 19); 3], "nothing has changed");
    // Another page is another question.
    let next = ItemQuery { limit: 20, after: Some(4), ..ItemQuery::default() };
    for (code, found) in [("odd", 7), ("even", 0)] {
        let page = world.hub.items_by_error(&caller, &name, next.clone(), code).await;
        assert_eq!(page.unwrap().unwrap().items.len(), found, "{code}");
    }
    assert_eq!(counted(), [(1, 19), (3, 19), (1, 19)]);
    // Somebody else's batches are not told by what is kept.
    let stranger = seeing_all_of(&Owner { tenant: "two".to_owned(), subject: None });
    assert!(world.hub.errors(&stranger, &name, 5).await.unwrap().is_none());
    assert!(world.hub.timings(&stranger, &name, 5).await.unwrap().is_none());
    assert!(world.hub.items_by_error(&stranger, &name, next, "odd").await.unwrap().is_none());

    world.change("a", &json!({"items":{"failed":13,"succeeded":17}})).await;
    assert_eq!(everybody().await, 13, "what the document says now");
    assert_eq!(counted(), [(2, 28), (4, 28), (2, 28)]);
}
