//! What a watch does that is no case of the corpus: how it ends.

use headway_protocol::Timestamp;
use headway_protocol::frame::{EventFilter, ServerMessage};
use serde_json::{Value, json};

use super::{Close, Connect, Output, Session, SessionOptions, Transport, Wanted};
use crate::Error;
use crate::watch::Selector;

const NOW: Timestamp = Timestamp::from_millis(1_768_037_400_000);

fn session(selectors: Vec<Selector>, events: bool) -> Session {
    let options = SessionOptions {
        transports: vec![Transport::WebSocket, Transport::ServerSentEvents],
        sign_in: false,
        attempts: 2,
    };
    let wanted = Wanted { events: events.then_some(EventFilter::All(true)), min_interval_ms: None };
    let mut session = Session::new(selectors, wanted, options);
    session.start(NOW);
    session
}

fn job(id: &str) -> Selector {
    Selector::job(id.parse().unwrap())
}

fn lost() -> Close {
    Close::Failed(Error::Closed { code: 1006, reason: String::new() })
}

fn tell(session: &mut Session, message: Value) {
    session.handle_message(serde_json::from_value(message).unwrap(), NOW, 1.0);
}

fn outputs(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

/// Loses its connection, and waits until it is made again.
fn lose(session: &mut Session, close: Close) -> Vec<Output> {
    session.handle_close(close, NOW, 1.0);
    if let Some(deadline) = session.next_deadline() {
        session.handle_timeout(deadline, 1.0);
    }
    outputs(session)
}

fn event(offset: u64) -> Value {
    json!({"type": "event", "job": "a", "event": {}, "cursor": format!("0000000a-{offset}")})
}

fn end(job: &str) -> Value {
    json!({"type": "end", "job": job, "cursor": "0000000a-9", "status": "completed"})
}

#[test]
fn gives_up_when_no_transport_has_worked_often_enough() {
    let mut session = session(vec![job("a")], false);
    outputs(&mut session);
    for _ in 0..3 {
        let done = lose(&mut session, lost());
        assert!(matches!(done.as_slice(), [Output::Connect(_)]), "{done:?}");
    }
    for _ in 0..2 {
        let done = lose(&mut session, lost());
        let events = matches!(done.as_slice(), [Output::Connect(Connect::ServerSentEvents(_))]);
        assert!(events, "{done:?}");
    }
    let done = lose(&mut session, lost());
    assert!(matches!(done.as_slice(), [Output::Over(_)]), "{done:?}");
    assert_eq!(session.next_deadline(), None);
}

#[test]
fn where_an_upgrade_is_refused_events_are_tried_at_once() {
    let mut session = session(vec![job("a")], false);
    outputs(&mut session);
    let error = Error::Closed { code: 1006, reason: String::new() };
    session.handle_close(Close::NotUpgraded { status: 403, error }, NOW, 1.0);
    assert_eq!(session.next_deadline(), Some(NOW));
    session.handle_timeout(NOW, 1.0);
    let done = outputs(&mut session);
    let events = matches!(done.as_slice(), [Output::Connect(Connect::ServerSentEvents(_))]);
    assert!(events, "{done:?}");
}

#[test]
fn finishes_with_its_last_job() {
    let mut session = session(vec![job("a"), job("b")], false);
    session.handle_open(NOW);
    tell(&mut session, end("a"));
    assert!(!session.is_finished());
    tell(&mut session, json!({"type": "error", "id": "2", "code": "not_found", "message": "none"}));
    assert!(session.is_finished());

    let mut session = self::session(vec![Selector::Session("s".to_owned())], false);
    session.handle_open(NOW);
    tell(&mut session, end("a"));
    assert!(!session.is_finished(), "another job may come");
}

#[test]
fn whoever_holds_a_position_gets_what_came_after_it() {
    let held = "0000000a-3".parse().ok();
    let selector = Selector::Job { id: "a".parse().unwrap(), cursor: held };
    let mut session = session(vec![selector], true);
    session.handle_open(NOW);
    outputs(&mut session);
    for offset in [3, 4, 4, 5] {
        tell(&mut session, event(offset));
    }
    let passed = outputs(&mut session);
    let passed: Vec<_> = passed
        .iter()
        .map(|output| {
            let Output::Pass(ServerMessage::Event { cursor, .. }) = output else {
                panic!("{output:?}");
            };
            cursor.offset
        })
        .collect();
    assert_eq!(passed, [4, 5], "each once");
}

#[test]
fn a_token_that_has_ended_is_told_as_such_whatever_the_transport_says() {
    let mut session = session(vec![job("a")], false);
    session.handle_open(NOW);
    tell(&mut session, json!({"type": "closing", "reason": "token_expired", "retry_ms": 0}));
    outputs(&mut session);
    let done = lose(&mut session, lost());
    let [Output::Over(Close::Failed(error))] = done.as_slice() else { panic!("{done:?}") };
    assert!(error.is_unauthenticated(), "{error}");
}
