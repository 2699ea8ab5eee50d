//! Signing in and renewing on a connection that stands, and what a renewal takes and brings.

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

use headway_access::{Caller, Reach, Scope, Scopes};
use headway_hub::session::Session;
use headway_hub::{Bell, Connection, Options};
use headway_protocol::frame::{ClosingReason, EventFilter, Subscribe};
use headway_protocol::{ClientMessage, CloseCode, Problem, ProblemCode, Secret, Timestamp};
use serde_json::{Value, json};

use world::{World, all, caller, job, kinds, listed, one, session, settled, tag};

const TOKEN: &str = "hw_hunter2";

fn refused(code: ProblemCode) -> Result<Arc<Caller>, Problem> {
    Err(Problem::new(code, "not this one"))
}

/// A session of somebody who said hello, and nothing else.
fn begun(world: &World, caller: &Arc<Caller>) -> Session {
    let mut session = world.hub.session(Arc::clone(caller), "test", &Bell::new(|| ()), 0);
    assert_eq!(kinds(&frames(world, &mut session)), ["hello"]);
    session
}

fn frames(world: &World, session: &mut Session) -> Vec<Value> {
    std::iter::from_fn(|| session.poll_frame(world.hub.now()))
        .map(|frame| serde_json::from_slice(frame.text()).unwrap())
        .collect()
}

fn say(world: &World, session: &mut Session, message: &Value) {
    session.handle_text(message.to_string().as_bytes(), world.hub.now());
}

fn token() -> Value {
    json!({"type":"auth","token":TOKEN})
}

fn codes(frames: &[Value]) -> Vec<(Option<&str>, &str)> {
    let errors = frames.iter().filter(|frame| frame["type"] == "error");
    errors.map(|frame| (frame["id"].as_str(), frame["code"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn nobody_watches_and_commands_nothing_until_they_have_said_who_they_are() {
    let world = World::new(Options::default());
    world.create_for("a", Some("ann"), json!({})).await;
    let mut nobody = begun(&world, &Arc::new(Caller::nobody()));
    let subscribe = json!({"type":"subscribe","id":"s","job":"a"});
    let command = json!({"type":"command","id":"c","job":"a","action":"cancel"});
    for message in [&subscribe, &command] {
        say(&world, &mut nobody, message);
    }
    assert!(nobody.poll_request().is_none() && nobody.poll_command().is_none());
    let told = frames(&world, &mut nobody);
    assert_eq!(codes(&told), [(Some("s"), "unauthenticated"), (Some("c"), "unauthenticated")]);
    assert!(told[0]["message"].as_str().unwrap().contains(r#""type":"auth""#), "what to do");
    say(&world, &mut nobody, &json!({"type":"ping"}));
    assert_eq!(kinds(&frames(&world, &mut nobody)), ["pong"]);

    // What is sent behind the token waits for what comes of it.
    say(&world, &mut nobody, &token());
    assert!(!nobody.wants_messages());
    assert!(!format!("{nobody:?}").contains(TOKEN));
    assert_eq!(nobody.poll_sign_in().unwrap().expose(), TOKEN);
    assert!(nobody.poll_sign_in().is_none() && !nobody.wants_messages());
    let expires_at = Some(Timestamp::from_millis(1_000));
    let ann = (*caller(Some("ann"), Reach::Own)).clone();
    nobody.handle_sign_in(Ok(Arc::new(Caller { expires_at, ..ann })), world.hub.now());
    assert!(nobody.wants_messages());
    let told = frames(&world, &mut nobody);
    let result = json!({"type":"result","id":"auth","data":{"expires_at":expires_at}});
    assert_eq!(told, [result]);
    assert_eq!(nobody.caller().owner.subject.as_deref(), Some("ann"));
    for message in [&subscribe, &command] {
        say(&world, &mut nobody, message);
    }
    assert!(nobody.poll_request().is_some() && nobody.poll_command().is_some());
}

#[tokio::test]
async fn a_token_is_answered_and_changes_nothing_else_unless_it_is_the_caller_s() {
    let world = World::new(Options::default());
    let ann = caller(Some("ann"), Reach::Own);
    let elsewhere = |tenant: &str, subject: &str| {
        let mut other = (*ann).clone();
        (other.owner.tenant, other.owner.subject) = (tenant.to_owned(), Some(subject.to_owned()));
        Ok(Arc::new(other))
    };
    let renewed =
        Ok(Arc::new(Caller { expires_at: Some(Timestamp::from_millis(9)), ..(*ann).clone() }));
    for (outcome, told) in [
        (elsewhere("one", "bob"), Some("other_caller")),
        (elsewhere("two", "ann"), Some("other_caller")),
        (Ok(Arc::new(Caller::nobody())), Some("other_caller")),
        (refused(ProblemCode::Unauthenticated), Some("unauthenticated")),
        (refused(ProblemCode::Invalid), Some("invalid")),
        (refused(ProblemCode::StoreUnavailable), Some("store_unavailable")),
        (Ok(Arc::clone(&ann)), None),
        (renewed, None),
    ] {
        let mut session = begun(&world, &ann);
        // Nobody asked.
        session.handle_sign_in(outcome.clone(), world.hub.now());
        assert!(frames(&world, &mut session).is_empty() && Arc::ptr_eq(session.caller(), &ann));

        say(&world, &mut session, &token());
        assert!(session.wants_messages(), "what stood before goes on standing");
        say(&world, &mut session, &json!({"type":"auth","token":"another"}));
        let second = frames(&world, &mut session);
        assert_eq!(codes(&second), [(Some("auth"), "sign_in_under_way")]);
        assert_eq!(session.poll_sign_in().unwrap().expose(), TOKEN);
        session.handle_sign_in(outcome.clone(), world.hub.now());
        let answer = frames(&world, &mut session);
        assert_eq!(answer[0]["id"], "auth");
        match (told, outcome) {
            (None, Ok(caller)) => {
                let expires_at = json!(caller.expires_at);
                assert_eq!(answer[0]["data"], json!({"expires_at":expires_at}));
                assert!(Arc::ptr_eq(session.caller(), &caller));
            }
            (told, _) => {
                assert_eq!(codes(&answer), [(Some("auth"), told.unwrap())]);
                assert!(Arc::ptr_eq(session.caller(), &ann));
            }
        }
        assert!(session.poll_request().is_none(), "nothing has to be looked up");
        // Another may be tried.
        say(&world, &mut session, &token());
        assert!(session.poll_sign_in().is_some());
        // Of a session that has said farewell nothing comes.
        session.close(ClosingReason::TokenExpired, 0, CloseCode::InvalidToken);
        session.handle_sign_in(Ok(Arc::clone(&ann)), world.hub.now());
        assert_eq!(kinds(&frames(&world, &mut session)), ["closing"]);
    }
}

#[tokio::test]
async fn guessing_closes_the_connection_and_bad_luck_does_not() {
    let world = World::new(Options::default());
    for (code, closes) in [(ProblemCode::Unauthenticated, true), (ProblemCode::Overloaded, false)] {
        let mut session = begun(&world, &Arc::new(Caller::nobody()));
        for _ in 0..10 {
            say(&world, &mut session, &token());
            session.handle_sign_in(refused(code), world.hub.now());
        }
        let told = frames(&world, &mut session);
        assert_eq!(told.len(), if closes { 11 } else { 10 });
        assert_eq!(session.poll_close().is_some(), closes);
    }
}

/// What a connection has after it was renewed as somebody of another reach.
struct Renewal {
    named: &'static str,
    before: Reach,
    after: Reach,
    scopes: Scopes,
    /// What ends, by the subscription's name, in the order of the answers.
    ends: &'static [(&'static str, &'static str)],
    /// Jobs that come, and those that go on without beginning anew.
    comes: &'static [&'static str],
    stays: &'static [&'static str],
}

/// The jobs that frames of a type are about, each once.
fn jobs_in<'frames>(frames: &'frames [Value], kind: &str) -> Vec<&'frames str> {
    let of_kind = frames.iter().filter(|frame| frame["type"] == kind);
    let jobs: BTreeSet<_> = of_kind.map(|frame| frame["job"].as_str().unwrap()).collect();
    jobs.into_iter().collect()
}

/// Sends a token and has it answered.
fn renew(connection: &mut Connection, caller: &Arc<Caller>) {
    connection.handle_text(token().to_string().as_bytes());
    assert_eq!(connection.poll_sign_in().as_ref().map(Secret::expose), Some(TOKEN));
    connection.handle_sign_in(Ok(Arc::clone(caller)));
}

async fn check(renewal: &Renewal) {
    let Renewal { named, before, after, scopes, ends, comes, stays } = renewal;
    let jobs = ["ann-1", "ann-2", "bob-1", "bob-2"];
    let world = World::new(Options { min_interval_ms: 0, ..Options::default() });
    for (name, session) in jobs.into_iter().zip(["s", "x", "s", "x"]) {
        let more = json!({"session":session,"tags":["t"]});
        world.create_for(name, Some(&name[..3]), more).await;
    }
    let first = caller(Some("ann"), before.clone());
    let mut connection = world.hub.connect(Arc::clone(&first), "test");
    let events = Some(EventFilter::All(true));
    for (id, by) in [
        ("a", one("ann-1")),
        ("b", one("bob-1")),
        ("s", session("s")),
        ("t", tag("t")),
        ("*", all()),
    ] {
        let subscribe = Subscribe { id: id.to_owned(), events: events.clone(), ..by };
        connection.subscribe(subscribe);
    }
    settled(&mut connection).await;

    let second = caller(Some("ann"), after.clone());
    renew(&mut connection, &Arc::new(Caller { scopes: *scopes, ..(*second).clone() }));
    let told = settled(&mut connection).await;
    assert_eq!(told[0]["id"], "auth", "{named}: {told:?}");
    let ended: Vec<_> = codes(&told).into_iter().map(|(id, code)| (id.unwrap(), code)).collect();
    assert_eq!(ended, *ends, "{named}");
    let subscribed = told.iter().any(|frame| frame["type"] == "subscribed");
    assert!(!subscribed, "{named}: what stood goes on standing");
    assert_eq!(jobs_in(&told, "snapshot"), *comes, "{named}");

    // What moves afterwards, and what is new, is what may be seen.
    for name in jobs {
        world.change(name, &json!({"phase":"later"})).await;
    }
    for (name, subject) in [("ann-9", "ann"), ("bob-9", "bob")] {
        world.create_for(name, Some(subject), json!({"session":"s","tags":["t"]})).await;
    }
    world.passed_on().await;
    let told = settled(&mut connection).await;
    let mut expected: Vec<&str> = comes.iter().chain(*stays).copied().collect();
    expected.sort_unstable();
    assert_eq!(jobs_in(&told, "update"), expected, "{named}");
    let by_selector = !["s", "t", "*"].iter().all(|id| ended.iter().any(|(ended, _)| ended == id));
    for (name, subject) in [("ann-9", "ann"), ("bob-9", "bob")] {
        let mut sees = by_selector && scopes.contains(Scope::Watch);
        sees &= match after {
            Reach::Tenant => true,
            Reach::Own => subject == "ann",
            Reach::Listed(listed) => listed.of_subject.as_deref().is_none_or(|of| of == subject),
        };
        assert_eq!(told.iter().any(|frame| frame["job"] == name), sees, "{named} {name}");
    }
}

#[tokio::test]
async fn a_renewal_takes_what_may_not_be_seen_any_more_and_brings_what_may() {
    let lent = |jobs: &[&str], sessions: &[&str], of_subject: Option<&str>| {
        let mut lists = listed(jobs, sessions, &[]);
        lists.of_subject = of_subject.map(str::to_owned);
        Reach::Listed(Box::new(lists))
    };
    let scopes = Scopes::ALL;
    let everything = &["ann-1", "ann-2", "bob-1", "bob-2"][..];
    for renewal in [
        Renewal {
            named: "the whole tenant, then one's own",
            before: Reach::Tenant,
            after: Reach::Own,
            scopes,
            ends: &[("b", "not_found")],
            comes: &[],
            stays: &["ann-1", "ann-2"],
        },
        Renewal {
            named: "one's own, then the whole tenant",
            before: Reach::Own,
            after: Reach::Tenant,
            scopes,
            ends: &[],
            comes: &["bob-1", "bob-2"],
            stays: &["ann-1", "ann-2"],
        },
        Renewal {
            named: "the same once more",
            before: Reach::Tenant,
            after: Reach::Tenant,
            scopes,
            ends: &[],
            comes: &[],
            stays: everything,
        },
        Renewal {
            named: "less to do and the same to see",
            before: Reach::Tenant,
            after: Reach::Tenant,
            scopes: Scopes::from_iter([Scope::Watch]),
            ends: &[],
            comes: &[],
            stays: everything,
        },
        Renewal {
            named: "nothing to see",
            before: Reach::Tenant,
            after: Reach::Tenant,
            scopes: Scopes::from_iter([Scope::Report]),
            ends: &[
                ("a", "forbidden"),
                ("b", "forbidden"),
                ("s", "forbidden"),
                ("t", "forbidden"),
                ("*", "forbidden"),
            ],
            comes: &[],
            stays: &[],
        },
        Renewal {
            named: "one job by its name",
            before: Reach::Tenant,
            after: lent(&["ann-1"], &[], None),
            scopes,
            ends: &[("s", "forbidden"), ("t", "forbidden"), ("*", "forbidden"), ("b", "not_found")],
            comes: &[],
            stays: &["ann-1"],
        },
        Renewal {
            named: "a session",
            before: Reach::Own,
            after: lent(&[], &["s"], None),
            scopes,
            ends: &[("t", "forbidden"), ("*", "forbidden")],
            comes: &["bob-1"],
            stays: &["ann-1"],
        },
        Renewal {
            named: "a session, as far as it is another's",
            before: Reach::Own,
            after: lent(&[], &["s"], Some("bob")),
            scopes,
            ends: &[("t", "forbidden"), ("*", "forbidden"), ("a", "not_found")],
            comes: &["bob-1"],
            stays: &[],
        },
    ] {
        check(&renewal).await;
    }
}

#[tokio::test]
async fn what_was_looked_for_before_a_renewal_is_found_for_the_caller_as_they_are_now() {
    let world = World::new(Options::default());
    let hub = &world.hub;
    for (name, subject) in [("ann-1", "ann"), ("bob-1", "bob")] {
        world.create_for(name, Some(subject), json!({})).await;
    }
    let [own, whole] = [Reach::Own, Reach::Tenant].map(|reach| caller(Some("ann"), reach));
    for (before, after, watched) in [
        (&own, &whole, &["ann-1", "bob-1"][..]),
        (&whole, &own, &["ann-1"]),
        (&own, &own, &["ann-1"]),
    ] {
        for by_name in [false, true] {
            let mut session = begun(&world, before);
            let named =
                ["ann-1", "bob-1"].map(|name| Subscribe { id: name.to_owned(), ..one(name) });
            let asked = if by_name {
                named.to_vec()
            } else {
                vec![Subscribe { id: "*".to_owned(), ..all() }]
            };
            for subscribe in asked {
                session.handle_message(ClientMessage::Subscribe(subscribe), hub.now());
            }
            let mut answers = Vec::new();
            while let Some(request) = session.poll_request() {
                answers.push(hub.perform(&session, request).await);
            }
            say(&world, &mut session, &token());
            session.poll_sign_in().unwrap();
            session.handle_sign_in(Ok(Arc::clone(after)), hub.now());
            let mut rounds = 0;
            while !answers.is_empty() {
                rounds += 1;
                assert!(rounds < 5, "it asks in circles");
                for answer in std::mem::take(&mut answers) {
                    session.handle_answer(answer, hub.now());
                }
                while let Some(request) = session.poll_request() {
                    answers.push(hub.perform(&session, request).await);
                }
            }
            let told = frames(&world, &mut session);
            let mut seen: Vec<_> = session.positions().map(|(job, _)| job.clone()).collect();
            seen.sort_unstable();
            let expected: Vec<_> = watched.iter().map(|name| job(name)).collect();
            assert_eq!(seen, expected, "{before:?} {after:?}");
            let subscribed = told.iter().filter(|frame| frame["type"] == "subscribed").count();
            assert_eq!(subscribed, if by_name { watched.len() } else { 1 });
            assert!(!session.is_waiting());
        }
    }
}
