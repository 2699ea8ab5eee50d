//! What a watch does that is no case of the corpus: how it ends.

use std::time::Duration;

use headway_protocol::frame::{ClientMessage, EventFilter, ServerMessage};
use headway_protocol::{Secret, Timestamp};
use serde_json::{Value, json};

use super::{Close, Connect, Output, Question, Session, SessionOptions, Transport, Wanted, after};
use crate::Error;
use crate::watch::Selector;

const NOW: Timestamp = Timestamp::from_millis(1_768_037_400_000);

fn session(selectors: Vec<Selector>, events: bool) -> Session {
    session_of(selectors, events, false)
}

fn session_of(selectors: Vec<Selector>, events: bool, sign_in: bool) -> Session {
    let options = SessionOptions {
        transports: vec![Transport::WebSocket, Transport::ServerSentEvents],
        sign_in,
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

fn running(job: &str) -> Value {
    json!({"type": "snapshot", "job": job, "cursor": "0000000a-1", "state": {
        "id": job, "kind": "import", "status": "running", "attempt": 1, "session": "s",
        "owner": {"tenant": "default"}, "cursor": "0000000a-1",
        "created_at": "2026-01-10T09:30:00.000Z", "updated_at": "2026-01-10T09:30:00.000Z",
    }})
}

fn refusal(id: &str, code: &str) -> Value {
    json!({"type": "error", "id": id, "code": code, "message": "not now"})
}

/// What the reader was told is not served, and why.
fn refused(outputs: &[Output]) -> Vec<(&str, &str)> {
    let refused = outputs.iter().filter_map(|output| {
        let Output::Pass(ServerMessage::Error { id, code, .. }) = output else { return None };
        Some((id.as_deref()?, code.as_str()))
    });
    refused.collect()
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
    let close = Close::NotUpgraded { status: 403, error, retry_after: None };
    session.handle_close(close, NOW, 1.0);
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
    tell(
        &mut session,
        json!({"type": "subscribed", "id": "1", "recovered": true, "was_recovering": true}),
    );
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

#[test]
fn what_is_refused_ends_the_watch_whatever_it_is() {
    let selectors =
        [Selector::Session("s".to_owned()), Selector::Tag("t".to_owned()), Selector::All];
    for (selector, name) in selectors.into_iter().zip(["session:s", "tag:t", "all"]) {
        let mut session = session(vec![selector], false);
        session.handle_open(NOW);
        outputs(&mut session);
        tell(&mut session, refusal("1", "forbidden"));
        assert_eq!(refused(&outputs(&mut session)), [(name, "forbidden")]);
        assert!(session.is_finished(), "{name}");
    }
}

#[test]
fn what_is_not_served_for_now_is_asked_for_again() {
    for code in ["store_unavailable", "overloaded"] {
        let mut session = session(vec![job("a"), Selector::Session("s".to_owned())], false);
        session.handle_open(NOW);
        tell(&mut session, running("a"));
        outputs(&mut session);
        tell(&mut session, refusal("2", code));
        let done = outputs(&mut session);
        assert!(matches!(done.as_slice(), [Output::Disconnect]), "{done:?}");
        assert!(!session.is_finished());
        // The job's own message has begun the backoff anew.
        assert_eq!(session.next_deadline(), Some(after(NOW, Duration::from_secs(5))));
        session.handle_timeout(after(NOW, Duration::from_secs(5)), 1.0);
        session.handle_open(NOW);
        let done = outputs(&mut session);
        let asked = done
            .iter()
            .filter(|output| matches!(output, Output::Send(ClientMessage::Subscribe(_))));
        assert_eq!(asked.count(), 2, "{done:?}");
    }
}

#[test]
fn a_job_that_is_gone_after_a_lost_connection_is_told() {
    let mut session = session(vec![Selector::Session("s".to_owned())], false);
    session.handle_open(NOW);
    tell(&mut session, running("a"));
    lose(&mut session, lost());
    session.handle_open(NOW);
    outputs(&mut session);
    tell(&mut session, refusal("3", "not_found"));
    assert_eq!(refused(&outputs(&mut session)), [("job:a", "not_found")]);
    assert!(!session.is_finished(), "another job may come");
}

#[test]
fn jobs_that_are_too_many_to_be_asked_for_are_told() {
    let mut session = session(vec![Selector::Session("s".to_owned())], false);
    session.handle_open(NOW);
    for number in 0..66 {
        tell(&mut session, running(&format!("a{number:02}")));
    }
    lose(&mut session, lost());
    session.handle_open(NOW);
    let told = outputs(&mut session);
    assert_eq!(refused(&told), [("job:a64", "not_followed"), ("job:a65", "not_followed")]);
    tell(&mut session, running("a65"));
    let told = outputs(&mut session);
    assert!(matches!(told.as_slice(), [Output::Pass(ServerMessage::Snapshot { .. })]), "{told:?}");
}

#[test]
fn an_end_that_only_the_close_tells_reaches_the_reader_once_and_is_that_of_the_last_state() {
    let mut session = session(vec![job("a")], false);
    session.handle_open(NOW);
    tell(&mut session, running("a"));
    tell(
        &mut session,
        json!({
            "type": "update", "job": "a", "prev": "0000000a-1", "cursor": "0000000a-2",
            "patch": {"status": "failed"},
        }),
    );
    outputs(&mut session);
    session.handle_close(Close::Seen, NOW, 1.0);
    let told = outputs(&mut session);
    let [Output::Pass(told)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        serde_json::to_value(told).unwrap(),
        json!({"type": "end", "job": "a", "cursor": "0000000a-2", "status": "failed"})
    );
    assert!(session.is_finished());
}

fn sends_token(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Send(ClientMessage::Auth { .. })))
}

#[test]
fn the_same_token_is_not_shown_again_on_a_connection_that_stands() {
    let token = || Secret::new("one");
    let at = |seconds| after(NOW, Duration::from_secs(seconds));
    let mut session = session_of(vec![job("a")], false, true);
    session.handle_token(token(), Some(at(8)), NOW);
    session.handle_open(NOW);
    tell(&mut session, running("a"));
    outputs(&mut session);
    session.handle_timeout(at(8), 1.0);
    let done = outputs(&mut session);
    assert!(matches!(done.as_slice(), [Output::AskToken(Question::ToRenew)]), "{done:?}");

    session.handle_same_token(token(), Some(at(9)), at(8));
    let done = outputs(&mut session);
    assert!(done.is_empty(), "{done:?}");
    session.handle_activity(at(8));
    assert_eq!(session.next_deadline(), Some(at(18)), "and nobody is asked every second");

    session.handle_timeout(at(18), 1.0);
    session.handle_token(Secret::new("two"), Some(at(100)), at(18));
    assert!(sends_token(&outputs(&mut session)));
}

#[test]
fn a_token_that_was_refused_once_ends_a_later_attempt_with_that_refusal() {
    let mut session = session_of(vec![job("a")], false, true);
    session.handle_token(Secret::new("one"), None, NOW);
    let refused = Close::Failed(Error::Closed { code: 4500, reason: "revoked".to_owned() });
    session.handle_close(refused, NOW, 1.0);
    session.handle_token(Secret::new("two"), None, NOW);
    session.handle_open(NOW);
    tell(&mut session, running("a"));
    lose(&mut session, lost());
    session.handle_token(Secret::new("one"), None, NOW);
    let done = outputs(&mut session);
    let [Output::Over(Close::Failed(error))] = done.as_slice() else { panic!("{done:?}") };
    assert_eq!(error.to_string(), "the server closed the stream (4500): revoked");
}

#[test]
fn a_server_that_refuses_an_upgrade_is_left_alone_for_as_long_as_it_asks() {
    for status in [429, 503] {
        let mut session = session(vec![job("a")], false);
        outputs(&mut session);
        let error = Error::Closed { code: 1006, reason: String::new() };
        let retry_after = Some(Duration::from_secs(7));
        session.handle_close(Close::NotUpgraded { status, error, retry_after }, NOW, 1.0);
        assert_eq!(session.next_deadline(), Some(after(NOW, Duration::from_secs(7))));
    }
}
