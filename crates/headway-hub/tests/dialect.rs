//! States in other words than the stream's own: shared, conflated and resumed like all others.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

#[allow(dead_code, reason = "each test file uses its part of the world")]
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headway_hub::{Connection, Dialect, FrameKind, Options, Output, Telling};
use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{Cursor, Owner};
use headway_store::{Expected, Store as _};
use serde_json::{Value, json};

use world::{World, job, one, seeing_all_of, session, settled};

/// The status and the percent, and what events there were.
fn tell(telling: &Telling<'_>) -> String {
    let events: Vec<Value> =
        telling.events.iter().map(|(at, event)| json!([at.offset, event])).collect();
    let document = telling.document;
    json!({
        "told": document["status"], "percent": document["progress"]["percent"],
        "at": telling.cursor.offset, "events": events, "missed": telling.missed,
    })
    .to_string()
}

fn dialect(events: usize) -> Arc<Dialect> {
    Arc::new(Dialect { name: "test", tell, events, heartbeat_ms: 3_600_000, ended_within_ms: None })
}

fn options() -> Options {
    Options { min_interval_ms: 0, ..Options::default() }
}

fn watch(world: &World, dialect: &Arc<Dialect>, subscribe: Subscribe) -> Connection {
    let mut connection = world.hub.connect(seeing_all_of(&Owner::default()), "test");
    connection.speak(Arc::clone(dialect));
    connection.subscribe(Subscribe { id: "1".to_owned(), ..subscribe });
    connection
}

/// What was told of the job, and nothing else.
async fn told(connection: &mut Connection) -> Vec<Value> {
    let mut frames = settled(connection).await;
    frames.retain(|frame| frame.get("told").is_some());
    frames
}

async fn advance(world: &World, name: &str, change: &Value) {
    world.change(name, change).await;
}

#[tokio::test]
async fn a_message_is_made_once_for_all_who_are_told_the_same() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    fn counted(telling: &Telling<'_>) -> String {
        MADE.fetch_add(1, Ordering::Relaxed);
        tell(telling)
    }
    let world = World::new(options());
    world.create("a", &Owner::default(), None).await;
    let spoken = Arc::new(Dialect {
        name: "counted",
        tell: counted,
        events: 0,
        heartbeat_ms: 3_600_000,
        ended_within_ms: None,
    });
    let mut watchers: Vec<_> = (0..50).map(|_| watch(&world, &spoken, one("a"))).collect();
    for watcher in &mut watchers {
        assert_eq!(told(watcher).await.len(), 1);
    }
    assert_eq!(MADE.load(Ordering::Relaxed), 1, "the first state");
    advance(&world, "a", &json!({"progress":{"percent":10}})).await;
    world.passed_on().await;
    let mut bytes = Vec::new();
    for watcher in &mut watchers {
        let Some(Output::Frame(frame)) = watcher.poll_now() else { panic!("nothing came") };
        assert_eq!(frame.kind(), FrameKind::Update);
        assert!(frame.at().is_some(), "its way is measured");
        bytes.push(frame.text().as_ptr());
    }
    bytes.dedup();
    assert_eq!(bytes.len(), 1, "they share the bytes");
    assert_eq!(MADE.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn whoever_looks_late_is_told_each_change_of_status_and_between_them_the_newest() {
    let world = World::new(options());
    world.create("a", &Owner::default(), None).await;
    advance(&world, "a", &json!({"status":"queued"})).await;
    let mut watcher = watch(&world, &dialect(0), one("a"));
    assert_eq!(told(&mut watcher).await[0]["told"], "queued");
    advance(&world, "a", &json!({"status":"running"})).await;
    for percent in [10, 20, 30] {
        advance(&world, "a", &json!({"progress":{"percent":percent}})).await;
    }
    advance(&world, "a", &json!({"status":"paused"})).await;
    advance(&world, "a", &json!({"status":"running"})).await;
    advance(&world, "a", &json!({"progress":{"percent":40}})).await;
    advance(&world, "a", &json!({"status":"completed"})).await;
    world.passed_on().await;
    let frames = told(&mut watcher).await;
    let states: Vec<_> =
        frames.iter().map(|frame| json!([frame["told"], frame["percent"]])).collect();
    let expected = [
        json!(["running", null]),
        json!(["paused", 30]),
        json!(["running", 30]),
        json!(["completed", 40]),
    ];
    assert_eq!(states, expected);
}

#[tokio::test]
async fn events_come_along_once_as_far_as_they_are_at_hand_and_the_rest_is_counted() {
    let world = World::new(Options { ring_records: 6, ..options() });
    world.create("a", &Owner::default(), None).await;
    let subscribe = || Subscribe { events: Some(EventFilter::All(true)), ..one("a") };
    let mut watcher = watch(&world, &dialect(4), subscribe());
    let first = told(&mut watcher).await.pop().unwrap();
    assert_eq!(first["events"], json!([[1, {"type":"created"}]]), "the past, from the log");
    for percent in [1, 2] {
        advance(&world, "a", &json!({"progress":{"percent":percent}})).await;
    }
    world.passed_on().await;
    let two = told(&mut watcher).await;
    assert_eq!(two.len(), 1, "the newest state alone");
    let offsets = |frame: &Value| -> Vec<u64> {
        frame["events"].as_array().unwrap().iter().map(|pair| pair[0].as_u64().unwrap()).collect()
    };
    assert_eq!((offsets(&two[0]), &two[0]["missed"]), (vec![2, 3], &json!(0)));
    for percent in 3..10 {
        advance(&world, "a", &json!({"progress":{"percent":percent}})).await;
    }
    world.passed_on().await;
    let many = told(&mut watcher).await.pop().unwrap();
    assert_eq!((offsets(&many), &many["missed"]), ((5..=10).collect(), &json!(1)));

    // Whoever comes back is told the state at once, and what happened since.
    let epoch = world.store.load(&job("a")).await.unwrap().unwrap().cursor.epoch;
    let back = |offset| Subscribe { cursor: Some(Cursor { epoch, offset }), ..subscribe() };
    for (offset, since, missed) in
        [(10, vec![], 0), (8, vec![9, 10], 0), (1, vec![5, 6, 7, 8, 9, 10], 3)]
    {
        let mut watcher = watch(&world, &dialect(4), back(offset));
        let first = told(&mut watcher).await.pop().unwrap();
        assert_eq!((offsets(&first), &first["missed"]), (since, &json!(missed)), "from {offset}");
        assert_eq!(first["percent"], 9);
    }
}

#[tokio::test]
async fn a_fresh_hub_reads_the_past_from_the_log() {
    let world = World::new(options());
    world.create("a", &Owner::default(), None).await;
    for percent in 1..8 {
        advance(&world, "a", &json!({"progress":{"percent":percent}})).await;
    }
    let subscribe = Subscribe { events: Some(EventFilter::All(true)), ..one("a") };
    let mut watcher = watch(&world, &dialect(3), subscribe);
    let first = told(&mut watcher).await.pop().unwrap();
    let offsets: Vec<_> = first["events"].as_array().unwrap().iter().map(|e| &e[0]).collect();
    assert_eq!(offsets, [6, 7, 8]);
    assert_eq!(first["missed"], 0, "nothing was promised");
}

#[tokio::test]
async fn a_session_shows_what_ended_lately_and_one_without_jobs_is_refused() {
    let world = World::new(options());
    let owner = Owner::default();
    let spoken = |within| {
        let whole = dialect(0);
        let Dialect { name, tell, events, heartbeat_ms, .. } = *whole;
        Arc::new(Dialect { name, tell, events, heartbeat_ms, ended_within_ms: Some(within) })
    };
    world.create("over", &owner, Some("s")).await;
    // The world's jobs end at the second millisecond of all time.
    let change = json!({"status":"completed"});
    world.append("over", Expected::At(1), 1, &change, &["complete"]).await;
    let mut watcher = watch(&world, &spoken(u64::MAX), session("s"));
    assert_eq!(told(&mut watcher).await[0]["told"], "completed");
    assert!(watcher.has_subscriptions());

    for (name, within) in [("s", 1_000), ("nothing", u64::MAX)] {
        let mut watcher = watch(&world, &spoken(within), session(name));
        let frames = settled(&mut watcher).await;
        let last = frames.last().unwrap();
        assert_eq!((&last["type"], &last["code"]), (&json!("error"), &json!("not_found")));
        assert!(!watcher.has_subscriptions());
    }
    world.create("goes-on", &owner, Some("s")).await;
    let mut watcher = watch(&world, &spoken(1_000), session("s"));
    assert_eq!(told(&mut watcher).await.len(), 1, "that one, and not what ended long ago");
}
