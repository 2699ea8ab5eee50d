//! What is left of selectors that come and go, and what those cost that nothing matches: counted by
//! the allocator, on one thread.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

#[allow(dead_code, reason = "each test file uses its part of the world")]
mod world;

use std::sync::Arc;

use headway_access::Reach;
use headway_hub::session::Session;
use headway_hub::{Bell, Options};
use headway_protocol::ClientMessage;
use headway_protocol::frame::Subscribe;
use serde_json::json;
use tikv_jemalloc_ctl::thread;

use world::{PATIENCE, World, caller, session, tag};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Selectors of one session: as many as it may have.
const SELECTORS: usize = 256;

/// What a selector may cost that nothing matches, in bytes: its subscription, its place in a feed,
/// and the feed.
const SELECTOR_BYTES: u64 = 700;

/// What may be left of everything, in bytes: lists that keep their capacity.
const LEFT_BYTES: u64 = 64 * 1024;

/// Bytes that this thread holds.
fn held() -> u64 {
    let allocated = thread::allocatedp::read().unwrap().get();
    let freed = thread::deallocatedp::read().unwrap().get();
    allocated.wrapping_sub(freed)
}

/// A hub that looks soon for what nobody reads any more.
fn world() -> World {
    World::new(Options { topic_grace_ms: 100, ..Options::default() })
}

/// Waits until no more than this is held.
async fn given_back(most: u64) {
    let waiting = async {
        while held() > most {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{} bytes are held, {most} expected", held());
}

fn subscribe(world: &World, session: &mut Session, id: usize, by: Subscribe) {
    let subscribe = Subscribe { id: id.to_string(), ..by };
    session.handle_message(ClientMessage::Subscribe(subscribe), world.hub.now());
}

fn unsubscribe_all(world: &World, session: &mut Session) {
    for id in 0..SELECTORS {
        let message = ClientMessage::Unsubscribe { id: id.to_string() };
        session.handle_message(message, world.hub.now());
        while session.poll_frame(world.hub.now()).is_some() {}
    }
}

/// Does what a session asks for, up to the last frame.
async fn serve(world: &World, session: &mut Session) {
    while let Some(request) = session.poll_request() {
        let answer = world.hub.perform(session, request).await;
        session.handle_answer(answer, world.hub.now());
    }
    while session.poll_frame(world.hub.now()).is_some() {}
}

#[tokio::test]
async fn selectors_that_come_and_go_leave_nothing() {
    let world = world();
    let bell = Bell::new(|| ());
    let own = caller(Some("ann"), Reach::Own);
    let mut watcher = world.hub.session(own, "test", &bell, 0);
    while watcher.poll_frame(world.hub.now()).is_some() {}
    let empty = held();
    let most = empty + SELECTORS as u64 * SELECTOR_BYTES * 3 + LEFT_BYTES;
    for round in 0..40 {
        for id in 0..SELECTORS {
            let name = format!("round-{round}-{id}");
            let by = if id % 2 == 0 { session(&name) } else { tag(&name) };
            subscribe(&world, &mut watcher, id, by);
        }
        if round % 2 == 0 {
            serve(&world, &mut watcher).await;
            unsubscribe_all(&world, &mut watcher);
        } else {
            // They go while their jobs are being listed.
            let mut answers = Vec::new();
            while let Some(request) = watcher.poll_request() {
                answers.push(world.hub.perform(&watcher, request).await);
            }
            unsubscribe_all(&world, &mut watcher);
            for answer in answers {
                watcher.handle_answer(answer, world.hub.now());
            }
        }
        assert!(!watcher.is_waiting() && !watcher.has_subscriptions());
        // Those that nobody reads any more are swept when their number has doubled.
        assert!(held() <= most, "{} bytes in round {round}, {empty} at first", held());
    }
    given_back(empty + LEFT_BYTES).await;
}

#[tokio::test]
async fn selectors_that_nothing_matches_cost_little_whatever_moves_and_go_with_their_sessions() {
    const SESSIONS: usize = 40;
    let world = world();
    world.create_for("a", Some("ann"), json!({"session":"s","tags":["t"]})).await;
    world.passed_on().await;
    let bell = Bell::new(|| ());
    let empty = held();
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        let reach = if number % 2 == 0 { Reach::Tenant } else { Reach::Own };
        let subject = format!("subject-{number}");
        let caller = caller(Some(&subject), reach);
        let key = u32::try_from(number).unwrap();
        let mut watcher = world.hub.session(Arc::clone(&caller), "test", &bell, key);
        for id in 0..SELECTORS {
            subscribe(&world, &mut watcher, id, tag(&format!("of-{number}-{id}")));
        }
        serve(&world, &mut watcher).await;
        sessions.push(watcher);
    }
    let selectors = (SESSIONS * SELECTORS) as u64;
    let each = (held() - empty) / selectors;
    assert!(each <= SELECTOR_BYTES, "{each} bytes for each of {selectors}");

    let before = held();
    for number in 0..1_000 {
        world.change("a", &json!({"progress":{"done":number}})).await;
    }
    world.passed_on().await;
    let mut rings = Vec::new();
    bell.take(&mut rings);
    assert!(rings.is_empty(), "nobody had to look");
    // What the store keeps of its job is no matter here: it is subtracted with what is held then.
    let moved = held() - before;
    drop(sessions);
    given_back(empty + moved + LEFT_BYTES).await;
}
