//! A hub over a store: what reaches it late, twice or not at all, and who sees what.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

#[allow(dead_code, reason = "each test file uses its part of the world")]
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use headway_access::Caller;
use headway_hub::session::Session;
use headway_hub::{
    Bell, Error, HistoryPlace, HistoryQuery, ItemQuery, JobFilter, Limit, Options, Warm,
};
use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{ClientMessage, Cursor, ItemStatus, JobStatus, Owner, Timestamp};
use headway_store::{Append, Expected, Facets, NewItem, Record, Store};
use serde_json::{Value, json};

use world::{PATIENCE, World, frames_to, job, kinds, next, one, raw, seeing_all_of, until};

#[tokio::test]
async fn a_hub_that_missed_records_reads_the_log() {
    // With room for one record nearly everything is dropped on its way.
    let world = World::new(Options { inbox_records: 1, ..Options::default() });
    let owner = Owner::default();
    world.create("a", &owner, None).await;
    let events = Some(EventFilter::All(true));
    let mut connection = world.watch(&owner, Subscribe { events, ..one("a") });
    until(&mut connection, |frame| frame["type"] == "snapshot").await;
    let appends = (1..=50).map(|n| {
        let record = Record {
            from: n,
            to: n + 1,
            at: Timestamp::from_millis(1),
            events: vec![raw(&json!({"type":"log","n":n}))],
            patch: raw(&json!({"progress":{"done":n}})),
            private: raw(&json!({})),
        };
        let facets = Facets {
            status: JobStatus::Running,
            kind: "test".to_owned(),
            session: None,
            tags: Vec::new(),
            owner: Owner::default(),
            created_at: Timestamp::from_millis(1),
            finished_at: None,
            due_at: None,
        };
        Append {
            job: job("a"),
            expected: Expected::At(n),
            record: Arc::new(record),
            facets: Arc::new(facets),
            items: Vec::new(),
            key: None,
            entries: Vec::new(),
        }
    });
    world.store.append(appends.collect()).await;
    let mut seen = Vec::new();
    while seen.len() < 50 {
        let event = until(&mut connection, |frame| frame["type"] == "event").await;
        seen.push(event["event"]["n"].as_u64().unwrap());
    }
    assert_eq!(seen, (1..=50).collect::<Vec<_>>());
    assert!(world.hub.metrics().dropped.load(Ordering::Relaxed) > 0);
    assert!(world.hub.metrics().rereads.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn a_selector_finds_what_it_missed() {
    let world = World::new(Options { inbox_records: 1, ..Options::default() });
    let owner = Owner::default();
    let session = Subscribe { session: Some("s".to_owned()), ..Subscribe::default() };
    let mut connection = world.watch(&owner, session);
    until(&mut connection, |frame| frame["type"] == "subscribed").await;
    for n in 0..20 {
        world.create(&format!("job-{n}"), &owner, Some("s")).await;
        world.create(&format!("other-{n}"), &owner, Some("x")).await;
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 20 {
        let snapshot = until(&mut connection, |frame| frame["type"] == "snapshot").await;
        let name = snapshot["job"].as_str().unwrap().to_owned();
        assert!(name.starts_with("job-"), "{name} is not of the session");
        assert!(seen.insert(name), "a job came twice");
    }
}

#[tokio::test]
async fn nobody_sees_another_tenant_s_jobs() {
    let world = World::new(Options::default());
    let owner = Owner { tenant: "one".to_owned(), subject: None };
    let stranger = Owner { tenant: "two".to_owned(), subject: None };
    world.create("a", &owner, Some("s")).await;
    let name = job("a");
    let hub = &world.hub;
    let [caller, other] = [&owner, &stranger].map(seeing_all_of);
    assert!(hub.document(&caller, &name).await.unwrap().is_some());
    assert!(hub.document(&other, &name).await.unwrap().is_none());
    let place = HistoryPlace::After(None);
    let from_the_beginning = HistoryQuery { place, types: Vec::new(), limit: 10 };
    assert!(hub.history(&other, &name, &from_the_beginning).await.unwrap().is_none());
    let query = ItemQuery { limit: 10, ..ItemQuery::default() };
    assert!(hub.items(&other, &name, query).await.unwrap().is_none());
    assert!(hub.results(&other, &name, Vec::new()).await.unwrap().is_none());
    let filter = JobFilter { limit: 10, ..JobFilter::default() };
    assert_eq!(hub.list(&other, &filter).await.unwrap(), r#"{"jobs":[]}"#);
    let mut direct = world.watch(&stranger, one("a"));
    let error = until(&mut direct, |frame| frame["type"] == "error").await;
    assert_eq!(error["code"], "not_found");

    let mut all = world.watch(&stranger, Subscribe { all: Some(true), ..Subscribe::default() });
    until(&mut all, |frame| frame["type"] == "subscribed").await;
    world.change("a", &json!({"phase":"secret"})).await;
    world.create("b", &stranger, None).await;
    let first = until(&mut all, |frame| frame["type"] != "heartbeat").await;
    assert_eq!(first["job"], "b", "{first}");
}

#[tokio::test]
async fn a_cursor_ahead_of_the_hub_is_no_gap() {
    let world = World::new(Options::default());
    let owner = Owner::default();
    world.create("a", &owner, None).await;
    let mut first = world.watch(&owner, one("a"));
    until(&mut first, |frame| frame["type"] == "snapshot").await;
    world.change("a", &json!({"phase":"x"})).await;
    // The store has acknowledged; the hub may not have heard yet.
    let (cursor, _) = world.hub.document(&seeing_all_of(&owner), &job("a")).await.unwrap().unwrap();
    let mut second = world.watch(&owner, Subscribe { cursor: Some(cursor), ..one("a") });
    let subscribed = until(&mut second, |frame| frame["type"] == "subscribed").await;
    assert_eq!(subscribed["recovered"], true);

    let lost = Cursor { epoch: cursor.epoch + 1, ..cursor };
    let mut third = world.watch(&owner, Subscribe { cursor: Some(lost), ..one("a") });
    let gap = until(&mut third, |frame| frame["type"] == "gap").await;
    assert_eq!(gap["reason"], "epoch");
    assert_eq!(next(&mut third).await["type"], "snapshot");
}

#[tokio::test]
async fn a_kind_s_interval_holds_also_for_whoever_asks_for_less() {
    let intervals = [("test".to_owned(), 3_600_000)].into();
    let options = Options { kind_intervals: intervals, min_interval_ms: 0, ..Options::default() };
    let world = World::new(options);
    let owner = Owner::default();
    world.create("a", &owner, None).await;
    let mut patient = world.watch(&owner, one("a"));
    let mut eager = world.watch(&owner, Subscribe { min_interval_ms: Some(0), ..one("a") });
    let all = Some(EventFilter::All(true));
    let mut of_events = world.watch(&owner, Subscribe { events: all, ..one("a") });
    for connection in [&mut patient, &mut eager, &mut of_events] {
        until(connection, |frame| frame["type"] == "snapshot").await;
    }
    world.change("a", &json!({"phase":"x"})).await;
    until(&mut of_events, |frame| frame["type"] == "event").await;
    for connection in [&mut patient, &mut eager] {
        assert!(connection.poll_now().is_none(), "a state frame came before its time");
    }
    world.change("a", &json!({"status":"completed"})).await;
    for connection in [&mut patient, &mut eager] {
        let update = next(connection).await;
        assert_eq!(
            (&update["patch"]["phase"], &update["patch"]["status"]),
            (&json!("x"), &json!("completed"))
        );
        assert_eq!(next(connection).await["type"], "end");
    }
}

#[tokio::test]
async fn the_interval_of_other_kinds_is_the_subscription_s() {
    let intervals = [("another".to_owned(), 3_600_000)].into();
    let options =
        Options { kind_intervals: intervals, min_interval_ms: 3_600_000, ..Options::default() };
    let world = World::new(options);
    let owner = Owner::default();
    world.create("a", &owner, None).await;
    let mut patient = world.watch(&owner, one("a"));
    let mut eager = world.watch(&owner, Subscribe { min_interval_ms: Some(0), ..one("a") });
    for connection in [&mut patient, &mut eager] {
        until(connection, |frame| frame["type"] == "snapshot").await;
    }
    world.change("a", &json!({"phase":"x"})).await;
    until(&mut eager, |frame| frame["patch"]["phase"] == "x").await;
    assert!(patient.poll_now().is_none(), "a state frame came before its time");
}

#[tokio::test]
async fn a_job_that_nobody_watches_is_let_go() {
    let world = World::new(Options { topic_grace_ms: 100, ..Options::default() });
    let owner = Owner::default();
    world.create("a", &owner, None).await;
    let mut connection = world.watch(&owner, one("a"));
    until(&mut connection, |frame| frame["type"] == "snapshot").await;
    let topics = || world.hub.metrics().topics.load(Ordering::Relaxed);
    let waiting = |wanted: u64| async move {
        while topics() != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting(1)).await.unwrap();
    assert_eq!(world.hub.metrics().subscriptions.load(Ordering::Relaxed), 1);
    drop(connection);
    tokio::time::timeout(PATIENCE, waiting(0)).await.unwrap();
    assert_eq!(world.hub.metrics().subscriptions.load(Ordering::Relaxed), 0);
    assert_eq!(world.hub.metrics().connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn results_come_for_every_item_in_pages() {
    let world = World::new(Options::default());
    let owner = Owner::default();
    world.create("bat", &owner, None).await;
    let nothing = world.hub.results(&seeing_all_of(&owner), &job("bat"), Vec::new()).await;
    let said = nothing.expect_err("a job that is no batch has no results");
    assert!(matches!(said, Error::NotABatch(_)), "{said}");
    world.change("bat", &json!({"items":{"total":500}})).await;
    let items = (0..500).map(|index| NewItem {
        index,
        custom_id: None,
        input: raw(&json!({"text":"x".repeat(20_000)})),
        estimate: None,
        status: if index % 2 == 0 { ItemStatus::Queued } else { ItemStatus::Failed },
        error: None,
    });
    world.store.add_items(&job("bat"), items.collect()).await.unwrap();
    for (statuses, count) in [(Vec::new(), 500), (vec![ItemStatus::Failed], 250)] {
        let mut results = world
            .hub
            .results(&seeing_all_of(&owner), &job("bat"), statuses)
            .await
            .unwrap()
            .unwrap();
        let mut indexes = Vec::new();
        let mut largest = 0;
        while let Some(page) = results.next_page().await.unwrap() {
            largest = largest.max(page.len());
            indexes.extend(page.iter().map(|line| line.index));
        }
        assert_eq!(indexes.len(), count);
        assert!(indexes.is_sorted());
        // 4 MiB of items of 20 KB each.
        assert!(largest <= 210, "a page of {largest}");
    }
}

#[tokio::test]
async fn a_job_comes_once_however_many_subscriptions_cover_it() {
    let world = World::new(Options::default());
    let owner = Owner::default();
    world.create("a", &owner, Some("s")).await;
    let quick = Subscribe { min_interval_ms: Some(0), ..one("a") };
    let mut connection = world.watch(&owner, quick);
    until(&mut connection, |frame| frame["type"] == "snapshot").await;
    connection.subscribe(Subscribe {
        id: "2".to_owned(),
        session: Some("s".to_owned()),
        events: Some(EventFilter::All(true)),
        ..Subscribe::default()
    });
    until(&mut connection, |frame| frame["type"] == "snapshot").await;
    world.change("a", &json!({"phase":"one"})).await;
    assert_eq!(next(&mut connection).await["type"], "event");
    assert_eq!(next(&mut connection).await["patch"]["phase"], "one");
    connection.handle_text(br#"{"type":"unsubscribe","id":"2"}"#);
    until(&mut connection, |frame| frame["type"] == "result").await;
    world.change("a", &json!({"phase":"two"})).await;
    assert_eq!(next(&mut connection).await["patch"]["phase"], "two");
    connection.handle_text(br#"{"type":"unsubscribe","id":"1"}"#);
    until(&mut connection, |frame| frame["type"] == "result").await;
    world.change("a", &json!({"phase":"three"})).await;
    connection.handle_text(br#"{"type":"ping"}"#);
    assert_eq!(next(&mut connection).await["type"], "pong");
}

#[tokio::test]
async fn a_connection_says_when_there_are_too_many_jobs_for_it() {
    let world = World::new(Options { max_jobs: 2, ..Options::default() });
    let owner = Owner::default();
    for name in ["a", "b", "c"] {
        world.create(name, &owner, None).await;
    }
    let mut all = world.watch(&owner, Subscribe { all: Some(true), ..Subscribe::default() });
    let mut shown = 0;
    let mut told = 0;
    while shown < 2 || told < 1 {
        match next(&mut all).await["type"].as_str().unwrap() {
            "snapshot" => shown += 1,
            "error" => told += 1,
            _ => {}
        }
    }
    assert_eq!((shown, told), (2, 1));
    assert_eq!(world.hub.metrics().limited(Limit::Jobs), 1);
}

#[tokio::test]
async fn a_job_at_hand_is_watched_without_a_read() {
    let world = World::new(Options { ring_records: 2, ..Options::default() });
    let hub = &world.hub;
    let owner = Owner { tenant: "one".to_owned(), subject: None };
    world.create("a", &owner, None).await;
    let stranger = seeing_all_of(&Owner { tenant: "two".to_owned(), subject: None });
    let owner = seeing_all_of(&owner);
    assert_eq!(hub.warm_now(&owner, &job("a")), Warm::Cold);
    assert_eq!(hub.warm(&owner, &job("b")).await.unwrap(), None);
    let subscribed = |caller: &Arc<Caller>, cursor: Option<Cursor>| {
        let mut session = hub.session(Arc::clone(caller), "test", &Bell::new(|| ()), 0);
        let subscribe = Subscribe { id: "1".to_owned(), cursor, ..one("a") };
        session.handle_message(ClientMessage::Subscribe(subscribe), hub.now());
        session
    };
    let at_once = |session: &mut Session| {
        let request = session.poll_request().unwrap();
        let answer = hub.perform_now(session, request);
        answer.map(|answer| session.handle_answer(answer, hub.now())).is_ok()
    };
    let types = |session: &mut Session| -> Vec<String> {
        let frames = std::iter::from_fn(|| session.poll_frame(hub.now()));
        let frames = frames.map(|frame| serde_json::from_slice::<Value>(frame.text()).unwrap());
        frames.map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!at_once(&mut subscribed(&owner, None)), "nobody has looked at the job yet");

    let (begin, status) = hub.warm(&owner, &job("a")).await.unwrap().unwrap();
    assert_eq!((begin.offset, status), (1, JobStatus::Running));
    assert_eq!(hub.warm(&stranger, &job("a")).await.unwrap(), None);
    assert_eq!(hub.warm_now(&owner, &job("a")), Warm::Here(begin, status));
    assert_eq!(hub.warm_now(&stranger, &job("a")), Warm::Hidden);
    let mut session = subscribed(&owner, None);
    assert!(at_once(&mut session));
    assert_eq!(types(&mut session), ["hello", "subscribed", "snapshot"]);
    let mut session = subscribed(&stranger, None);
    assert!(at_once(&mut session), "that there is no such job needs no read either");
    assert_eq!(types(&mut session), ["hello", "error"]);

    // A cursor needs the records after it.
    for n in 0..5 {
        world.change("a", &json!({"phase":n.to_string()})).await;
    }
    let end = Cursor { offset: 6, ..begin };
    let heard = async {
        while hub.warm_now(&owner, &job("a")) != Warm::Here(end, status) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.unwrap();
    assert!(at_once(&mut subscribed(&owner, Some(end))));
    let mut session = subscribed(&owner, Some(begin));
    let request = session.poll_request().unwrap();
    let request = hub.perform_now(&session, request).unwrap_err();
    let answer = tokio::spawn(hub.perform(&session, request)).await.unwrap();
    session.handle_answer(answer, hub.now());
    assert_eq!(types(&mut session)[..2], ["hello", "subscribed"]);
}

#[tokio::test]
async fn a_position_is_for_the_selector_that_its_job_fits() {
    let world = World::new(Options::default());
    let owner = Owner::default();
    world.create("a", &owner, Some("s")).await;
    let (begin, _) = world.hub.document(&seeing_all_of(&owner), &job("a")).await.unwrap().unwrap();
    world.change("a", &json!({"status":"completed"})).await;
    let mut connection = world.hub.connect(seeing_all_of(&owner), "test");
    connection.resume([(job("a"), begin)]);
    for (id, session) in [("1", "other"), ("2", "s"), ("3", "another")] {
        let (id, session) = (id.to_owned(), Some(session.to_owned()));
        connection.subscribe(Subscribe { id, session, ..Subscribe::default() });
    }
    let update = until(&mut connection, |frame| frame["job"] == "a").await;
    assert_eq!((&update["type"], &update["prev"]), (&json!("update"), &json!(begin)));
    assert_eq!(next(&mut connection).await["type"], "end");
}

#[tokio::test]
async fn whoever_watches_a_removed_job_is_told_what_there_was_and_that_it_is_gone() {
    let world = World::new(Options::default());
    let owner = Owner::default();
    world.create("a", &owner, Some("s")).await;
    let events = Some(EventFilter::All(true));
    let mut named = world.watch(&owner, Subscribe { events, ..one("a") });
    let session = || Subscribe { session: Some("s".to_owned()), ..Subscribe::default() };
    let mut selector = world.watch(&owner, session());
    let mut both = world.watch(&owner, one("a"));
    both.subscribe(Subscribe { id: "2".to_owned(), ..session() });
    for connection in [&mut named, &mut selector] {
        until(connection, |frame| frame["type"] == "snapshot").await;
    }
    until(&mut both, |frame| frame["type"] == "subscribed" && frame["id"] == "2").await;

    world.change("a", &json!({"status":"completed"})).await;
    world.store.remove(&[job("a")]).await.unwrap();
    let is_error = |frame: &Value| frame["type"] == "error";
    let told = frames_to(&mut named, is_error).await;
    assert_eq!(kinds(&told), ["event", "update", "end", "error"]);
    let error = told.last().unwrap();
    assert_eq!((&error["id"], &error["code"]), (&json!("1"), &json!("not_found")));
    assert_eq!(frames_to(&mut both, is_error).await.last().unwrap()["id"], "1");

    // Another job of the name is for selectors, and for whoever asks again.
    let document = json!({"id":"a","kind":"test","status":"running","attempt":1,
        "owner":owner,"session":"s","progress":{}});
    world.append("a", Expected::Absent { epoch: 8 }, 0, &document, &["created"]).await;
    named.subscribe(Subscribe { id: "1".to_owned(), ..one("a") });
    let is_snapshot = |frame: &Value| frame["type"] == "snapshot";
    let begin = Cursor { epoch: 8, offset: 1 };
    for (connection, kinds_before) in [
        (&mut named, &["subscribed", "snapshot"][..]),
        (&mut selector, &["update", "end", "snapshot"]),
        (&mut both, &["snapshot"]),
    ] {
        let told = frames_to(connection, is_snapshot).await;
        assert_eq!(kinds(&told), kinds_before);
        assert_eq!(told.last().unwrap()["cursor"], json!(begin));
    }
    world.change("a", &json!({"phase":"x"})).await;
    for connection in [&mut named, &mut selector, &mut both] {
        assert_eq!(
            until(connection, |frame| frame["type"] == "update").await["prev"],
            json!(begin)
        );
    }
}

#[tokio::test]
async fn events_go_on_where_they_ended_when_a_selector_s_job_is_tried_again() {
    let types = EventFilter::Types(vec!["log".to_owned()]);
    for (events, told) in [
        (None, &["snapshot"][..]),
        (Some(types), &["event 5", "snapshot"]),
        (Some(EventFilter::All(true)), &["event 3", "event 4", "event 5", "snapshot"]),
    ] {
        let world = World::new(Options::default());
        let owner = Owner::default();
        world.create("a", &owner, Some("s")).await;
        let session = Subscribe { session: Some("s".to_owned()), events, ..Subscribe::default() };
        let mut selector = world.watch(&owner, session);
        until(&mut selector, |frame| frame["type"] == "snapshot").await;
        world.change("a", &json!({"status":"completed"})).await;
        until(&mut selector, |frame| frame["type"] == "end").await;
        assert_eq!(selector.positions().count(), 0);

        world.change("a", &json!({"message":"late"})).await;
        let retry = json!({"status":"queued","attempt":2});
        world.append("a", Expected::At(3), 3, &retry, &["retried", "log"]).await;
        let frames = frames_to(&mut selector, |frame| frame["type"] == "snapshot").await;
        let frames = frames.iter().map(|frame| match frame["type"].as_str().unwrap() {
            "event" => {
                let at: Cursor = frame["cursor"].as_str().unwrap().parse().unwrap();
                format!("event {}", at.offset)
            }
            other => other.to_owned(),
        });
        assert_eq!(frames.collect::<Vec<_>>(), told);
    }
}

#[tokio::test]
async fn what_a_selector_remembers_of_ended_jobs_is_bounded_and_what_it_forgot_is_a_gap() {
    // It remembers as many as it may watch.
    let world = World::new(Options { max_jobs: 1, ..Options::default() });
    let owner = Owner::default();
    let events = Some(EventFilter::All(true));
    let session = Subscribe { session: Some("s".to_owned()), events, ..Subscribe::default() };
    let mut selector = world.watch(&owner, session);
    until(&mut selector, |frame| frame["type"] == "subscribed").await;
    let is_snapshot = |frame: &Value| frame["type"] == "snapshot";
    for name in ["a", "b", "c"] {
        world.create(name, &owner, Some("s")).await;
        let told = frames_to(&mut selector, is_snapshot).await;
        assert_eq!(kinds(&told), ["snapshot"], "{name} is new");
        world.change(name, &json!({"status":"completed"})).await;
        until(&mut selector, |frame| frame["type"] == "end").await;
    }
    for (name, expected) in [("c", &["event", "snapshot"][..]), ("a", &["gap", "snapshot"])] {
        world.change(name, &json!({"status":"queued","attempt":2})).await;
        let told = frames_to(&mut selector, is_snapshot).await;
        assert_eq!(kinds(&told), expected, "{name}");
        world.change(name, &json!({"status":"completed"})).await;
        until(&mut selector, |frame| frame["type"] == "end").await;
    }
}

#[tokio::test]
async fn a_selector_goes_on_without_a_job_that_is_removed_in_the_middle() {
    // Without room for other news: that a job is gone is never dropped.
    for inbox_records in [1, 1_000] {
        let world = World::new(Options { inbox_records, ..Options::default() });
        let owner = Owner::default();
        world.create("a", &owner, Some("s")).await;
        let session = Subscribe { session: Some("s".to_owned()), ..Subscribe::default() };
        let mut selector = world.watch(&owner, session);
        let mut named = world.watch(&owner, one("a"));
        for connection in [&mut selector, &mut named] {
            until(connection, |frame| frame["type"] == "snapshot").await;
        }
        for n in 0..3 {
            world.change("a", &json!({"phase":n.to_string()})).await;
        }
        world.store.remove(&[job("a"), job("unknown")]).await.unwrap();
        let error = until(&mut named, |frame| frame["type"] == "error").await;
        assert_eq!(error["code"], "not_found");
        assert_eq!(named.positions().count(), 0);
        let gone = async {
            while world.hub.metrics().topics.load(Ordering::Relaxed) != 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.unwrap();
        world.create("b", &owner, Some("s")).await;
        let told = frames_to(&mut selector, |frame| frame["job"] == "b").await;
        assert!(kinds(&told).iter().all(|kind| ["update", "snapshot"].contains(kind)), "{told:?}");
        let watched: Vec<_> = selector.positions().map(|(job, _)| job.to_string()).collect();
        assert_eq!(watched, ["b"]);
    }
}

#[tokio::test]
async fn a_name_that_is_given_again_is_for_whoever_comes_after_that() {
    let world = World::new(Options::default());
    let hub = &world.hub;
    let owner = Owner::default();
    world.create("a", &owner, Some("s")).await;
    let again = json!({"id":"a","kind":"test","status":"running","attempt":1,
        "owner":owner,"session":"s","progress":{}});
    let mut connection = world.watch(&owner, one("a"));
    until(&mut connection, |frame| frame["type"] == "snapshot").await;
    // A reader whose job was found, and who has not heard so yet.
    let mut late = hub.session(seeing_all_of(&owner), "test", &Bell::new(|| ()), 0);
    let subscribe = Subscribe { id: "late".to_owned(), ..one("a") };
    late.handle_message(ClientMessage::Subscribe(subscribe), hub.now());
    let request = late.poll_request().unwrap();
    let found = hub.perform(&late, request).await;

    world.store.remove(&[job("a")]).await.unwrap();
    world.append("a", Expected::Absent { epoch: 8 }, 0, &again, &["created"]).await;
    // The hub has not come to it yet.
    connection.subscribe(Subscribe { id: "2".to_owned(), ..one("a") });
    let told = frames_to(&mut connection, |frame| frame["type"] == "snapshot").await;
    assert_eq!(kinds(&told), ["error", "subscribed", "snapshot"]);
    assert_eq!((&told[0]["id"], &told[1]["id"]), (&json!("1"), &json!("2")));
    assert_eq!(told[2]["cursor"], json!(Cursor { epoch: 8, offset: 1 }));

    late.handle_answer(found, hub.now());
    let request = late.poll_request().expect("it looks for the job again");
    let found = hub.perform(&late, request).await;
    late.handle_answer(found, hub.now());
    let frames: Vec<Value> = std::iter::from_fn(|| late.poll_frame(hub.now()))
        .map(|frame| serde_json::from_slice(frame.text()).unwrap())
        .collect();
    assert_eq!(kinds(&frames), ["hello", "subscribed", "snapshot"]);
    assert_eq!(frames[2]["cursor"], json!(Cursor { epoch: 8, offset: 1 }));
}
