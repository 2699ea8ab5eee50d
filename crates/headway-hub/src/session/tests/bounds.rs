//! What a client may ask for again and again, and what stays of it.

use std::sync::Arc;

use headway_access::{Caller, Reach};
use headway_protocol::frame::Subscribe;
use headway_protocol::{ClientMessage, JobId, Secret};
use serde_json::Value;

use super::world::{World, session, stored};
use crate::feed::{Feed, FeedReader};
use crate::metrics::Limit;
use crate::session::{Answer, Found, Request, Session, Surveyed};
use crate::topic::Topic;
use crate::wake::Bell;

/// Hands a session what its surveys found, and counts what it asks for.
fn survey(session: &mut Session, world: &World, feed: &Arc<Feed>, jobs: &[JobId]) -> Vec<Request> {
    let mut watches = Vec::new();
    while let Some(request) = session.poll_request() {
        let Request::Survey { ticket, subscription, .. } = request else {
            watches.push(request);
            continue;
        };
        let bell = Arc::clone(&session.bell);
        let reader = FeedReader::join(Arc::clone(feed), bell, 0, subscription, usize::MAX).unwrap();
        let outcome = Ok(Surveyed { reader, jobs: jobs.to_vec() });
        session.handle_answer(Answer::Surveyed { ticket, subscription, outcome }, world.now);
    }
    watches
}

fn all(id: usize) -> ClientMessage {
    let subscribe = Subscribe { id: id.to_string(), all: Some(true), ..Subscribe::default() };
    ClientMessage::Subscribe(subscribe)
}

#[test]
fn a_job_is_looked_up_once_however_many_selectors_bring_it() {
    let world = World::new();
    let feed = Arc::default();
    let mut session = session(&world, &Bell::new(|| ()));
    let jobs: Vec<JobId> =
        (0..200).map(|number| format!("job_{number}").parse().unwrap()).collect();
    for id in 0..100 {
        session.handle_message(all(id), world.now);
    }
    let watches = survey(&mut session, &world, &feed, &jobs);
    assert_eq!(watches.len(), jobs.len());
    // More that come while the answers are on their way join in, and go before they are there.
    for id in 100..200 {
        session.handle_message(all(id), world.now);
    }
    assert_eq!(survey(&mut session, &world, &feed, &jobs).len(), 0);
    for id in 50..200 {
        session.handle_message(ClientMessage::Unsubscribe { id: id.to_string() }, world.now);
    }
    for watch in watches {
        let Request::Watch { ticket, job, .. } = watch else { panic!("{watch:?}") };
        let found = stored(world.truth(world.head()), world.head());
        let topic = Arc::new(Topic::new(job, found, &world.setting).unwrap());
        let outcome = Ok(Some(Found { topic, trimmed_to: 0 }));
        session.handle_answer(Answer::Watched { ticket, outcome }, world.now);
    }
    assert_eq!(session.lanes.len(), jobs.len());
    assert!(session.lanes.iter().all(|(_, lane)| lane.subscriptions.iter().eq(0..50)));
    // What is at hand already needs no look at all.
    session.handle_message(all(50), world.now);
    assert_eq!(survey(&mut session, &world, &feed, &jobs).len(), 0);
    while session.poll_frame(world.now).is_some() {}
    for id in 0..51 {
        session.handle_message(ClientMessage::Unsubscribe { id: id.to_string() }, world.now);
    }
    while session.poll_frame(world.now).is_some() {}
    assert_eq!(session.lanes.len(), 0);
    assert!(session.busy.is_none(), "nothing is going on any more");
}

#[test]
fn what_is_subscribed_to_and_given_up_leaves_nothing_to_do() {
    let world = World::new();
    let mut session = session(&world, &Bell::new(|| ()));
    for _ in 0..1_000 {
        session.handle_message(all(1), world.now);
        session.handle_message(ClientMessage::Unsubscribe { id: "1".to_owned() }, world.now);
        let job = Some(world.job.clone());
        let subscribe = Subscribe { id: "2".to_owned(), job, ..Subscribe::default() };
        session.handle_message(ClientMessage::Subscribe(subscribe), world.now);
        session.handle_message(ClientMessage::Unsubscribe { id: "2".to_owned() }, world.now);
        while session.poll_frame(world.now).is_some() {}
        assert!(!session.is_waiting());
        assert!(session.busy.is_none());
    }
}

#[test]
fn a_caller_who_changes_all_the_time_asks_for_each_thing_once_at_a_time() {
    let world = World::new();
    let feed = Arc::default();
    let mut session = session(&world, &Bell::new(|| ()));
    let (selectors, names) = (100, 50);
    for id in 0..selectors {
        session.handle_message(all(id), world.now);
    }
    for number in 0..names {
        let job = Some(format!("job_{number}").parse().unwrap());
        let subscribe = Subscribe { id: format!("named {number}"), job, ..Subscribe::default() };
        session.handle_message(ClientMessage::Subscribe(subscribe), world.now);
        while session.poll_frame(world.now).is_some() {}
    }
    let mut asked: Vec<Request> = std::iter::from_fn(|| session.poll_request()).collect();
    assert_eq!(asked.len(), selectors + names);
    for turn in 0..100 {
        let reach = if turn % 2 == 0 { Reach::Own } else { Reach::Tenant };
        let token = Secret::new("token");
        session.handle_message(ClientMessage::Auth { token }, world.now);
        session.poll_sign_in().unwrap();
        session.handle_sign_in(Ok(Arc::new(Caller { reach, ..Caller::anyone() })), world.now);
        while session.poll_frame(world.now).is_some() {}
        assert!(session.poll_request().is_none(), "all of it is on its way already");
    }
    // What was found for an earlier caller is looked for once more, and then it is done.
    for again in [selectors + names, 0] {
        for request in asked.drain(..) {
            let answer = match request {
                Request::Survey { ticket, subscription, .. } => {
                    let (feed, bell) = (Arc::clone(&feed), Arc::clone(&session.bell));
                    let reader = FeedReader::join(feed, bell, 0, subscription, usize::MAX).unwrap();
                    let outcome = Ok(Surveyed { reader, jobs: Vec::new() });
                    Answer::Surveyed { ticket, subscription, outcome }
                }
                Request::Watch { ticket, .. } => Answer::Watched { ticket, outcome: Ok(None) },
                Request::Read { .. } => panic!("{request:?}"),
            };
            session.handle_answer(answer, world.now);
        }
        asked.extend(std::iter::from_fn(|| session.poll_request()));
        assert_eq!(asked.len(), again);
    }
    while session.poll_frame(world.now).is_some() {}
    assert!(session.busy.is_none(), "nothing is going on any more");
}

#[test]
fn there_is_a_bound_for_subscriptions() {
    let world = World::new();
    let mut session = session(&world, &Bell::new(|| ()));
    let most = world.setting.options.max_subscriptions as usize;
    for id in 0..=most {
        while session.poll_frame(world.now).is_some() {}
        session.handle_message(all(id), world.now);
    }
    let refused = session.poll_frame(world.now).unwrap();
    let refused: Value = serde_json::from_slice(refused.text()).unwrap();
    assert_eq!(refused["code"], "too_many_subscriptions");
    assert_eq!(refused["id"], most.to_string());
    assert_eq!(world.setting.metrics.limited(Limit::Subscriptions), 1);
}
