//! Who sees what: of each job exactly what the caller's reach says, through every door of the hub.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

#[allow(dead_code, reason = "each test file uses its part of the world")]
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use headway_access::{Caller, Listed, Reach};
use headway_hub::{
    Bell, Error, FrameKind, HistoryPlace, HistoryQuery, ItemQuery, JobFilter, Options, Output, Warm,
};
use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{ClientMessage, ItemCounts, ItemStatus};
use headway_store::{Expected, NewItem, Store};
use serde_json::{Value, json};

use world::{World, all, caller, job, kinds, listed, one, raw, session, settled, tag, until};

/// What the world has, all of it batches: by name, of whom, in which session, with which tag.
const JOBS: [(&str, Option<&str>, &str, &str); 5] = [
    ("ann-1", Some("ann"), "s-1", "night"),
    ("ann-2", Some("ann"), "s-2", "day"),
    ("bob-1", Some("bob"), "s-1", "day"),
    ("bob-2", Some("bob"), "s-2", "night"),
    ("none-1", None, "s-1", "night"),
];

/// What is in it as well, and of another tenant.
const FOREIGN: &str = "foreign";

/// A name that nothing ever had; as long as [`FOREIGN`].
const NEVER: &str = "neverwo";

async fn populated() -> World {
    let world = World::new(Options::default());
    for (name, subject, session, tag) in JOBS {
        let more = json!({"session":session,"tags":[tag],"items":ItemCounts::default()});
        world.create_for(name, subject, more).await;
    }
    let owner = json!({"tenant":"two","subject":"ann"});
    let more =
        json!({"owner":owner,"session":"s-1","tags":["night"],"items":ItemCounts::default()});
    world.create_for(FOREIGN, None, more).await;
    for name in JOBS.iter().map(|(name, ..)| *name).chain([FOREIGN]) {
        let item = NewItem {
            index: 0,
            custom_id: None,
            input: raw(&json!(name)),
            estimate: None,
            status: ItemStatus::Queued,
            error: None,
        };
        world.store.add_items(&job(name), vec![item]).await.unwrap();
    }
    world
}

/// Which of the jobs a caller sees by their names; every door must say the same of each.
async fn by_name(world: &World, caller: &Arc<Caller>) -> BTreeSet<String> {
    let hub = &world.hub;
    let mut seen = BTreeSet::new();
    for name in JOBS.iter().map(|(name, ..)| *name).chain([FOREIGN, NEVER]) {
        let id = &job(name);
        let query = ItemQuery { limit: 10, ..ItemQuery::default() };
        let mut watcher = world.watch_as(caller, one(name));
        let frames = settled(&mut watcher).await;
        let found = match &kinds(&frames)[..] {
            ["hello", "subscribed", "snapshot"] => true,
            ["hello", "error"] => false,
            other => panic!("{name}: {other:?}"),
        };
        // Somebody else has it at hand.
        let owner = caller.owner.clone();
        let tenant = Arc::new(Caller { owner, ..Caller::anyone() });
        assert_eq!(
            hub.warm(&tenant, id).await.unwrap().is_some(),
            ![FOREIGN, NEVER].contains(&name)
        );
        let mut late = hub.session(Arc::clone(caller), "test", &Bell::new(|| ()), 0);
        let subscribe = Subscribe { id: "1".to_owned(), ..one(name) };
        late.handle_message(ClientMessage::Subscribe(subscribe), hub.now());
        let request = late.poll_request().unwrap();
        let at_once = match hub.perform_now(&late, request) {
            Ok(answer) => {
                late.handle_answer(answer, hub.now());
                let frames = std::iter::from_fn(|| late.poll_frame(hub.now()));
                Some(frames.last().unwrap().kind().as_str() == "snapshot")
            }
            Err(_) => None,
        };
        let place = HistoryPlace::After(None);
        let from_the_beginning = HistoryQuery { place, types: Vec::new(), limit: 10 };
        let doors = [
            hub.document(caller, id).await.unwrap().is_some(),
            hub.standing(caller, id).await.unwrap().is_some(),
            hub.history(caller, id, &from_the_beginning).await.unwrap().is_some(),
            hub.records(caller, id, None, 10).await.unwrap().is_some(),
            hub.items(caller, id, query.clone()).await.unwrap().is_some(),
            hub.items_by_error(caller, id, query, "x").await.unwrap().is_some(),
            hub.errors(caller, id, 10).await.unwrap().is_some(),
            hub.timings(caller, id, 10).await.unwrap().is_some(),
            hub.results(caller, id, Vec::new()).await.unwrap().is_some(),
            hub.warm(caller, id).await.unwrap().is_some(),
            matches!(hub.warm_now(caller, id), Warm::Here(..)),
            at_once.unwrap_or(found),
        ];
        assert_eq!(doors, [found; 12], "{caller:?} {name}");
        if found {
            seen.insert(name.to_owned());
        }
    }
    seen
}

/// Which jobs a list shows; `None` when it may not be asked for.
async fn listed_by(
    world: &World,
    caller: &Caller,
    subscribe: &Subscribe,
) -> Option<BTreeSet<String>> {
    let filter = JobFilter {
        session: subscribe.session.clone(),
        tag: subscribe.tag.clone(),
        limit: 100,
        ..JobFilter::default()
    };
    match world.hub.list(caller, &filter).await {
        Ok(page) => {
            let page: Value = serde_json::from_str(&page).unwrap();
            let names = page["jobs"].as_array().unwrap().iter();
            Some(names.map(|job| job["id"].as_str().unwrap().to_owned()).collect())
        }
        Err(Error::Denied(_)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

fn jobs_in(frames: &[Value]) -> BTreeSet<String> {
    frames.iter().filter_map(|frame| Some(frame["job"].as_str()?.to_owned())).collect()
}

/// Which jobs a selector brings: those that there are, and those that move; `None` when it may not
/// be used.
async fn watched_by(
    world: &World,
    caller: &Arc<Caller>,
    subscribe: &Subscribe,
) -> Option<BTreeSet<String>> {
    let mut watcher = world.watch_as(caller, subscribe.clone());
    let frames = settled(&mut watcher).await;
    if let ["hello", "error"] = kinds(&frames)[..] {
        assert_eq!(frames[1]["code"], "forbidden");
        return None;
    }
    assert_eq!(kinds(&frames)[..2], ["hello", "subscribed"]);
    let shown = jobs_in(&frames);
    for name in JOBS.iter().map(|(name, ..)| *name).chain([FOREIGN]) {
        // It ends and is tried again.
        let stored = world.store.load(&job(name)).await.unwrap().unwrap();
        let attempt = stored.document["attempt"].as_u64().unwrap() + 1;
        world.change(name, &json!({"status":"completed"})).await;
        world.change(name, &json!({"status":"queued","attempt":attempt})).await;
    }
    world.passed_on().await;
    let frames = settled(&mut watcher).await;
    assert_eq!(jobs_in(&frames), shown, "{caller:?} {subscribe:?}: what moves is what was shown");
    Some(shown)
}

fn of_subject(listed: Listed, subject: &str) -> Reach {
    Reach::Listed(Box::new(Listed { of_subject: Some(subject.to_owned()), ..listed }))
}

#[tokio::test]
async fn everybody_sees_exactly_what_they_reach_through_every_door() {
    let everything = ["ann-1", "ann-2", "bob-1", "bob-2", "none-1"];
    let lent = |jobs: &[&str], sessions: &[&str], tags: &[&str]| {
        Reach::Listed(Box::new(listed(jobs, sessions, tags)))
    };
    let night = ["ann-1", "bob-2", "none-1"];
    let ann = Some("ann");
    for (subject, reach, sees) in [
        (None, Reach::Tenant, &everything[..]),
        (ann, Reach::Tenant, &everything),
        (ann, Reach::Own, &["ann-1", "ann-2"]),
        (Some("carl"), Reach::Own, &[]),
        (None, Reach::Own, &[]),
        (None, lent(&[], &[], &[]), &[]),
        (ann, lent(&["bob-1", FOREIGN, NEVER], &[], &[]), &["bob-1"]),
        (ann, lent(&[], &["s-2"], &[]), &["ann-2", "bob-2"]),
        (None, lent(&[], &[], &["night"]), &night),
        (None, lent(&["ann-2"], &["s-3"], &["night"]), &["ann-1", "ann-2", "bob-2", "none-1"]),
        (
            None,
            of_subject(listed(&["bob-1", "ann-2"], &[], &["night"]), "ann"),
            &["ann-1", "ann-2"],
        ),
        (ann, of_subject(listed(&[], &["s-1", "s-2"], &[]), "bob"), &["bob-1", "bob-2"]),
    ] {
        let world = populated().await;
        let caller = caller(subject, reach);
        let sees: BTreeSet<String> = sees.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(by_name(&world, &caller).await, sees, "{caller:?}");
        let lists = match &caller.reach {
            Reach::Tenant | Reach::Own => None,
            Reach::Listed(listed) => Some(listed),
        };
        for subscribe in [all(), session("s-1"), session("s-2"), tag("night"), tag("day")] {
            let (of_session, of_tag) = (subscribe.session.as_ref(), subscribe.tag.as_ref());
            let may = lists.is_none_or(|lists| {
                of_session.is_some_and(|name| lists.sessions.contains(name))
                    || of_tag.is_some_and(|name| lists.tags.contains(name))
            });
            let fits = |(name, _, session, tag): &(&str, Option<&str>, &str, &str)| {
                sees.contains(*name)
                    && of_session.is_none_or(|of| of == session)
                    && of_tag.is_none_or(|of| of == tag)
            };
            let expected: BTreeSet<String> =
                JOBS.iter().filter(|job| fits(job)).map(|(name, ..)| (*name).to_owned()).collect();
            let expected = may.then_some(expected);
            assert_eq!(listed_by(&world, &caller, &subscribe).await, expected, "{caller:?}");
            assert_eq!(watched_by(&world, &caller, &subscribe).await, expected, "{caller:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_seen_is_refused_as_what_never_was_to_the_byte() {
    let world = populated().await;
    // Somebody who sees them has them at hand.
    for (name, ..) in JOBS {
        let everybody = caller(None, Reach::Tenant);
        world.hub.warm(&everybody, &job(name)).await.unwrap().unwrap();
    }
    let lent = |lists: Listed| Reach::Listed(Box::new(lists));
    for caller in [
        caller(Some("ann"), Reach::Own),
        caller(None, lent(listed(&["ann-1"], &[], &[]))),
        caller(None, lent(listed(&[], &["s-2"], &["x"]))),
        caller(None, of_subject(listed(&["bob-1", "bob-2"], &[], &[]), "ann")),
    ] {
        let mut told = BTreeSet::new();
        for name in ["bob-1", FOREIGN, NEVER] {
            let mut connection = world.hub.connect(Arc::clone(&caller), "test");
            for cursor in [None, Some("00000007-1".parse().unwrap())] {
                let events = Some(EventFilter::All(true));
                let id = "1".to_owned();
                connection.subscribe(Subscribe { id, cursor, events, ..one(name) });
                let refusal = loop {
                    match connection.next().await {
                        Output::Frame(frame) if frame.kind() == FrameKind::Hello => {}
                        Output::Frame(frame) => break frame,
                        other @ (Output::Command(_) | Output::Close(_)) => panic!("{other:?}"),
                    }
                };
                assert_eq!(refusal.kind(), FrameKind::Error);
                let text = std::str::from_utf8(refusal.text()).unwrap();
                told.insert(text.replace(name, "NAME"));
            }
        }
        assert_eq!(told.len(), 1, "{caller:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_given_to_another_subject_is_lost_to_the_first() {
    let world = World::new(Options::default());
    let in_session = json!({"session":"s"});
    world.create_for("a", Some("ann"), in_session.clone()).await;
    let [ann, bob] = ["ann", "bob"].map(|name| caller(Some(name), Reach::Own));
    let watch = |caller| [one("a"), all(), session("s")].map(|by| world.watch_as(caller, by));
    let mut anns = watch(&ann);
    let mut bobs = watch(&bob);
    for watcher in &mut anns {
        assert!(jobs_in(&settled(watcher).await).contains("a"));
    }
    for watcher in &mut bobs {
        assert!(jobs_in(&settled(watcher).await).is_empty());
    }
    world.store.remove(&[job("a")]).await.unwrap();
    let document = json!({"id":"a","kind":"test","status":"running","attempt":1,
        "owner":{"tenant":"one","subject":"bob"},"session":"s","phase":"of bob"});
    world.append("a", Expected::Absent { epoch: 8 }, 0, &document, &["created"]).await;
    world.change("a", &json!({"phase":"of bob still"})).await;
    world.passed_on().await;
    for (watcher, expected) in anns.iter_mut().zip([&["error"][..], &[], &[]]) {
        let frames = settled(watcher).await;
        assert_eq!(kinds(&frames), expected, "{frames:?}");
    }
    let [_, by_all, by_session] = &mut bobs;
    for watcher in [by_all, by_session] {
        until(watcher, |frame| frame["state"]["phase"] == "of bob still").await;
    }
    // Whoever asks again is told as of what never was.
    let [named, ..] = &mut anns;
    named.subscribe(Subscribe { id: "1".to_owned(), ..one("a") });
    assert_eq!(until(named, |_| true).await["code"], "not_found");
}

#[tokio::test]
async fn what_a_feed_holds_is_for_its_subject() {
    // So many of others' jobs move that a feed which held them would have to forget some.
    let world = World::new(Options::default());
    let mut ann = world.watch_as(&caller(Some("ann"), Reach::Own), all());
    until(&mut ann, |frame| frame["type"] == "subscribed").await;
    for number in 0..200 {
        world.create_for(&format!("bob-{number}"), Some("bob"), json!({})).await;
    }
    world.create_for("ann-1", Some("ann"), json!({})).await;
    world.passed_on().await;
    let frames = settled(&mut ann).await;
    assert_eq!(jobs_in(&frames), BTreeSet::from(["ann-1".to_owned()]));
    let topics = world.hub.metrics().topics.load(std::sync::atomic::Ordering::Relaxed);
    assert!(topics <= 2, "{topics} jobs were brought to hand for one");
}
