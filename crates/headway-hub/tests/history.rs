//! What has happened in a job, read forwards and backwards.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]
#![allow(dead_code, reason = "this file uses its own part of the world")]

mod world;

use headway_hub::{Error, HistoryPlace, HistoryQuery, Options};
use headway_protocol::request::HistoryPage;
use headway_protocol::{Cursor, Owner};
use headway_store::{Expected, Store as _};
use serde_json::json;
use world::{World, job, seeing_all_of};

/// The types of a job's events, by record.
const RECORDS: [&[&str]; 6] = [
    &["created"],
    &["start", "log", "progress"],
    &["log"],
    &["progress", "log", "log", "progress", "partial"],
    &["progress", "progress"],
    &["log", "complete"],
];

fn owner() -> Owner {
    Owner { tenant: "one".to_owned(), subject: None }
}

/// A job `a` with these records.
async fn filled(records: &[&[&str]]) -> World {
    let world = World::new(Options::default());
    let mut from = 0;
    for words in records {
        let (expected, change) = if from == 0 {
            let document = json!({"id":"a","kind":"test","status":"running","attempt":1,
                "owner":owner(),"progress":{}});
            (Expected::Absent { epoch: 7 }, document)
        } else {
            (Expected::At(from), json!({"progress":{"done":from}}))
        };
        world.append("a", expected, from, &change, words).await;
        from += words.len() as u64;
    }
    world
}

async fn page(world: &World, place: HistoryPlace, types: &[&str], limit: usize) -> HistoryPage {
    let types = types.iter().map(|word| (*word).to_owned()).collect();
    let query = HistoryQuery { place, types, limit };
    let caller = seeing_all_of(&owner());
    world.hub.history(&caller, &job("a"), &query).await.unwrap().unwrap()
}

fn told(page: &HistoryPage) -> Vec<(u64, String)> {
    let told = page
        .events
        .iter()
        .map(|event| (event.cursor.offset, event.event["type"].as_str().unwrap().to_owned()));
    told.collect()
}

fn at(offset: u64) -> Cursor {
    Cursor { epoch: 7, offset }
}

/// Everything of these types, page by page from the beginning.
async fn forwards(world: &World, types: &[&str], limit: usize) -> Vec<(u64, String)> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = page(world, HistoryPlace::After(after), types, limit).await;
        assert!(page.events.len() <= limit && page.previous.is_none());
        found.extend(told(&page));
        let Some(next) = page.next else { return found };
        assert!(after.is_none_or(|after: Cursor| after.offset < next.offset));
        after = Some(next);
    }
}

/// The same from the end, put into its order, and how many pages it took.
async fn backwards(world: &World, types: &[&str], limit: usize) -> (Vec<(u64, String)>, usize) {
    let (mut found, mut before, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = page(world, HistoryPlace::Before(before), types, limit).await;
        assert!(page.events.len() <= limit && page.next.is_none());
        pages += 1;
        found.splice(0..0, told(&page));
        let Some(previous) = page.previous else { return (found, pages) };
        assert!(before.is_none_or(|before: Cursor| previous.offset < before.offset));
        before = Some(previous);
    }
}

#[tokio::test]
async fn both_directions_tell_each_event_once_whatever_the_page_and_the_records() {
    let world = filled(&RECORDS).await;
    let all: Vec<(u64, String)> =
        (1..).zip(RECORDS.concat()).map(|(offset, word)| (offset, word.to_owned())).collect();
    for types in [&[][..], &["log"], &["log", "partial"], &["created"], &["nothing"]] {
        let wanted: Vec<_> = all
            .iter()
            .filter(|(_, word)| types.is_empty() || types.contains(&word.as_str()))
            .cloned()
            .collect();
        for limit in [1, 2, 3, 4, 13, 14, 15, 1_000] {
            assert_eq!(forwards(&world, types, limit).await, wanted, "{types:?} by {limit}");
            let (found, pages) = backwards(&world, types, limit).await;
            assert_eq!(found, wanted, "{types:?} by {limit} from the end");
            if types.is_empty() {
                assert_eq!(pages, wanted.len().div_ceil(limit), "no page is short");
            }
        }
    }
}

#[tokio::test]
async fn a_page_before_an_event_ends_just_before_it() {
    let world = filled(&RECORDS).await;
    for (before, limit, first, last, previous) in
        [(14, 3, 11, 13, Some(11)), (8, 2, 6, 7, Some(6)), (4, 3, 1, 3, None), (4, 9, 1, 3, None)]
    {
        let page = page(&world, HistoryPlace::Before(Some(at(before))), &[], limit).await;
        let offsets: Vec<_> = page.events.iter().map(|event| event.cursor.offset).collect();
        assert_eq!(offsets, (first..=last).collect::<Vec<_>>());
        assert_eq!(page.previous, previous.map(at));
        assert_eq!((page.cursor, page.trimmed_to), (at(14), None));
    }
    for before in [0, 1] {
        let page = page(&world, HistoryPlace::Before(Some(at(before))), &[], 5).await;
        assert_eq!((page.events.len(), page.previous), (0, None));
    }
    let caller = seeing_all_of(&owner());
    for cursor in [at(15), Cursor { epoch: 8, offset: 3 }] {
        let place = HistoryPlace::Before(Some(cursor));
        let query = HistoryQuery { place, types: Vec::new(), limit: 5 };
        let refused = world.hub.history(&caller, &job("a"), &query).await.unwrap_err();
        assert!(matches!(refused, Error::OtherLog { field: "before", .. }), "{refused:?}");
    }
    let stranger = seeing_all_of(&Owner { tenant: "two".to_owned(), subject: None });
    let newest = HistoryQuery { place: HistoryPlace::Before(None), types: Vec::new(), limit: 5 };
    assert_eq!(world.hub.history(&stranger, &job("a"), &newest).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_forgotten_is_told_at_the_log_s_new_beginning() {
    let world = filled(&RECORDS).await;
    let begin = world.store.trim(&job("a"), 7).await.unwrap().unwrap();
    assert_eq!(begin, 5);
    for limit in [2, 4, 1_000] {
        let (found, _) = backwards(&world, &[], limit).await;
        assert_eq!(found.first().map(|(offset, _)| *offset), Some(6));
        assert_eq!(found, forwards(&world, &[], limit).await);
    }
    for before in [6, 3, 1] {
        let page = page(&world, HistoryPlace::Before(Some(at(before))), &[], 10).await;
        assert_eq!((page.events.len(), page.previous), (0, None));
        assert_eq!(page.trimmed_to, Some(at(5)), "why there is nothing");
    }
    let cut = page(&world, HistoryPlace::Before(Some(at(9))), &[], 10).await;
    assert_eq!((told(&cut).len(), cut.previous, cut.trimmed_to), (3, None, Some(at(5))));
}

#[tokio::test]
async fn a_request_looks_at_so_many_events_and_says_where_to_go_on() {
    let many = vec!["progress"; 12_000];
    let records = [&["created", "log"][..], &many, &["log", "progress"]];
    let world = filled(&records).await;
    let newest = page(&world, HistoryPlace::Before(None), &["log"], 5).await;
    assert_eq!(told(&newest), [(12_003, "log".to_owned())]);
    assert_eq!(newest.previous, Some(at(2_005)), "it looked at 10,000");
    let rest = page(&world, HistoryPlace::Before(newest.previous), &["log"], 5).await;
    assert_eq!((told(&rest), rest.previous), (vec![(2, "log".to_owned())], None));
    let first = page(&world, HistoryPlace::After(None), &["log"], 5).await;
    assert_eq!((told(&first), first.next), (vec![(2, "log".to_owned())], Some(at(10_000))));
    let partial = page(&world, HistoryPlace::After(Some(at(1_000))), &["partial"], 5).await;
    assert_eq!(
        (partial.events.len(), partial.next),
        (0, Some(at(11_000))),
        "empty and not the end"
    );
}
