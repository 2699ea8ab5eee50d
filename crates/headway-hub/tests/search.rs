//! Finding jobs by words.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

#[allow(dead_code, reason = "each test file uses its part of the world")]
mod world;

use headway_access::{Caller, Reach};
use headway_hub::{JobFilter, Options};
use headway_protocol::JobStatus;
use serde_json::{Value, json};

use world::{World, caller};

fn filter(text: &str, limit: usize) -> JobFilter {
    JobFilter { text: Some(text.to_owned()), limit, ..JobFilter::default() }
}

/// The names on a page, and where the next one begins.
async fn page(world: &World, caller: &Caller, filter: &JobFilter) -> (Vec<String>, Option<String>) {
    let page = world.hub.list(caller, filter).await.unwrap();
    let page: Value = serde_json::from_str(&page).unwrap();
    let names = page["jobs"].as_array().unwrap().iter();
    let names = names.map(|job| job["id"].as_str().unwrap().to_owned()).collect();
    (names, page["next"].as_str().map(str::to_owned))
}

/// All names, page by page.
async fn pages(world: &World, caller: &Caller, filter: JobFilter) -> Vec<Vec<String>> {
    let mut filter = filter;
    let mut pages = Vec::new();
    loop {
        let (names, next) = page(world, caller, &filter).await;
        pages.push(names);
        match next {
            Some(next) => filter.page = Some(next),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn words_are_found_wherever_people_would_look_for_them() {
    let world = World::new(Options::default());
    world.create_for("order-4711", None, json!({"name":"Monthly Invoices"})).await;
    world.create_for("b", None, json!({"session":"Chat-Ä12","tags":["night","EU"]})).await;
    world.create_for("c", None, json!({"metadata":{"note":"invoices"},"phase":"night"})).await;
    let all = caller(None, Reach::Tenant);
    let check = async |text: &str, expected: &[&str]| {
        let (names, next) = page(&world, &all, &filter(text, 10)).await;
        assert_eq!(names, expected, "`{text}`");
        assert_eq!(next, None, "`{text}`");
    };
    check("4711", &["order-4711"]).await;
    check("invoice", &["order-4711"]).await;
    check("MONTHLY", &["order-4711"]).await;
    check("chat-ä", &["b"]).await;
    check("eu", &["b"]).await;
    check("TEST", &["order-4711", "c", "b"]).await;
    // Each word, in any place and order.
    check("night 12", &["b"]).await;
    check("invoices order", &["order-4711"]).await;
    check("invoices night", &[]).await;
    check("  ", &["order-4711", "c", "b"]).await;
    let narrowed = JobFilter { tag: Some("night".to_owned()), ..filter("test", 10) };
    assert_eq!(page(&world, &all, &narrowed).await.0, ["b"]);
    let ended = JobFilter { statuses: vec![JobStatus::Failed], ..filter("test", 10) };
    assert_eq!(page(&world, &all, &ended).await.0, [""; 0]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps_or_repeats() {
    let world = World::new(Options::default());
    for number in 0..450 {
        let name = if number % 3 == 0 { "wanted" } else { "other" };
        world.create_for(&format!("j{number:03}"), None, json!({ "name": name })).await;
    }
    let all = caller(None, Reach::Tenant);
    let expected: Vec<_> =
        (0..450).rev().filter(|n| n % 3 == 0).map(|n| format!("j{n:03}")).collect();
    for limit in [7, 50, 149, 150, 151] {
        let pages = pages(&world, &all, filter("wanted", limit)).await;
        assert_eq!(pages.concat(), expected, "{limit}");
        let whole = pages.iter().rev().skip(1).all(|names| names.len() == limit);
        assert!(whole, "only the last page of {limit} is shorter");
    }
}

#[tokio::test]
async fn a_request_looks_at_so_many_jobs_and_says_where_to_go_on() {
    let world = World::new(Options::default());
    // The oldest of the list is the last that is looked at.
    world.create_for("a-needle", None, json!({})).await;
    for number in 0..5_300 {
        world.create_for(&format!("hay-{number:04}"), None, json!({})).await;
    }
    let all = caller(None, Reach::Tenant);
    let pages = pages(&world, &all, filter("needle", 10)).await;
    assert_eq!(pages, [vec![], vec!["a-needle".to_owned()]]);
}

#[tokio::test]
async fn a_page_of_large_documents_ends_before_its_limit() {
    let world = World::new(Options::default());
    let result = "x".repeat(1_000_000);
    for number in 0..20 {
        world.create_for(&format!("j{number:02}"), None, json!({ "result": result })).await;
    }
    let all = caller(None, Reach::Tenant);
    let expected: Vec<_> = (0..20).rev().map(|number| format!("j{number:02}")).collect();
    for filter in [JobFilter { limit: 200, ..JobFilter::default() }, filter("test", 200)] {
        let pages = pages(&world, &all, filter).await;
        assert_eq!(pages.concat(), expected);
        assert!(pages.iter().all(|page| page.len() <= 9), "{pages:?}");
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == 9), "{pages:?}");
    }
}

#[tokio::test]
async fn a_word_is_not_put_together_from_two_places() {
    let world = World::new(Options::default());
    world.create_for("a", None, json!({"session":"ab","tags":["cd", "ef"]})).await;
    let all = caller(None, Reach::Tenant);
    for (text, found) in [("abcd", 0), ("cdef", 0), ("ab ef ab", 1)] {
        assert_eq!(page(&world, &all, &filter(text, 10)).await.0.len(), found, "`{text}`");
    }
}

#[tokio::test]
async fn what_is_not_seen_is_not_found() {
    let world = World::new(Options::default());
    world.create_for("ann-1", Some("ann"), json!({"name":"report"})).await;
    world.create_for("bob-1", Some("bob"), json!({"name":"report"})).await;
    let foreign = json!({"name":"report","owner":{"tenant":"two","subject":"ann"}});
    world.create_for("foreign", None, foreign).await;
    let found = async |reach: Reach, subject: &str| {
        page(&world, &caller(Some(subject), reach), &filter("report", 10)).await.0
    };
    assert_eq!(found(Reach::Tenant, "ann").await, ["bob-1", "ann-1"]);
    assert_eq!(found(Reach::Own, "ann").await, ["ann-1"]);
    assert_eq!(found(Reach::Own, "eve").await, [""; 0]);
    let token = caller(Some("ann"), Reach::Listed(Box::default()));
    assert!(world.hub.list(&token, &filter("report", 10)).await.is_err(), "a list of all jobs");
}
