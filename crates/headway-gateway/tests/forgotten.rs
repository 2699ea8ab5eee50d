//! What readers are told of what is not kept: the beginning of a log, and jobs.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails where a test would")]

mod support;

use headway_protocol::{Cursor, JobId};
use headway_store::Store as _;
use reqwest::Method;
use serde_json::{Value, json};
use support::{Events, Server, Socket, counted, within};

/// Connections that HTTP requests come by: new ones, which the front keeps, and one that was used
/// before, whose streams are bodies of answers.
const NEW: [bool; 2] = [true, false];

fn job(name: &str) -> JobId {
    name.parse().unwrap()
}

/// Lets the next request come by a new connection, or by one that was used before.
async fn choose_connection(server: &mut Server, new: bool) {
    server.client = reqwest::Client::new();
    if !new {
        server.get("/healthz").await.bytes().await.unwrap();
    }
}

fn words(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_cursor_from_before_the_log_s_beginning_gets_a_gap_and_a_snapshot() {
    // What is at hand needs no log: so little that the cursor is not among it.
    let hub = headway_hub::Options { ring_records: 2, ..Default::default() };
    let mut server = Server::start_with(headway_gateway::Options::default(), hub).await;
    let old = server.job("a").await["cursor"].as_str().unwrap().to_owned();
    for done in 1..=20 {
        server.report("a", json!({"type":"progress","done":done})).await;
    }
    let head: Cursor = server.document("a").await["cursor"].as_str().unwrap().parse().unwrap();
    let begin = server.store.trim(&job("a"), head.offset - 5).await.unwrap().unwrap();
    let trimmed_to = Cursor { offset: begin, ..head };
    assert!(begin > old.parse::<Cursor>().unwrap().offset, "nothing was forgotten");
    let judge = |gap: &Value, snapshot: &Value| {
        assert_eq!((&gap["type"], &gap["reason"]), (&json!("gap"), &json!("retention")));
        assert_eq!((&gap["from"], &gap["to"]), (&json!(old), &json!(head)));
        assert_eq!(snapshot["type"], "snapshot");
        assert_eq!(snapshot["state"]["progress"]["done"], 20);
        assert_eq!(snapshot["cursor"], json!(head));
    };

    for events in ["", "&events=true"] {
        let path = format!("/api/v1/jobs/a/stream?cursor={old}{events}");
        let mut socket = Socket::open(&server, &path).await;
        let subscribed = socket.until("subscribed").await;
        assert_eq!(
            (&subscribed["recovered"], &subscribed["was_recovering"]),
            (&json!(false), &json!(true))
        );
        judge(&socket.next().await.unwrap(), &socket.next().await.unwrap());

        for new in NEW {
            choose_connection(&mut server, new).await;
            let path = format!("/api/v1/jobs/a/stream?{}", events.trim_start_matches('&'));
            let mut stream = Events::open(&server, &path, Some(&old)).await;
            assert_eq!(stream.until("subscribed").await["recovered"], false);
            judge(&stream.next().await.unwrap(), &stream.next().await.unwrap());

            choose_connection(&mut server, new).await;
            let path = format!("/api/v1/jobs/a/stream?cursor={old}&wait_ms=20000{events}");
            let answer: Value = server.get(&path).await.json().await.unwrap();
            let frames = answer["frames"].as_array().unwrap();
            assert_eq!(words(frames), ["gap", "snapshot"]);
            judge(&frames[0], &frames[1]);
            assert_eq!(answer["cursor"], json!(head));
        }
    }

    let page: Value =
        server.get(&format!("/api/v1/jobs/a/events?after={old}")).await.json().await.unwrap();
    assert_eq!(page["trimmed_to"], json!(trimmed_to));
    let first = Cursor { offset: begin + 1, ..head };
    assert_eq!(page["events"][0]["cursor"], json!(first));
    server.stop().await;
}

#[tokio::test]
async fn whoever_watches_a_job_that_is_removed_is_told_so_and_its_stream_ends() {
    let mut server = Server::start().await;
    for new in NEW {
        let name = if new { "a" } else { "b" };
        let begin = server.job(name).await["cursor"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/jobs/{name}/stream");
        let mut one = Socket::open(&server, &path).await;
        let mut many = Socket::open(&server, &format!("/api/v1/stream?job={name}&all=true")).await;
        choose_connection(&mut server, new).await;
        let mut stream = Events::open(&server, &path, None).await;
        one.until("snapshot").await;
        many.until("snapshot").await;
        stream.until("snapshot").await;
        choose_connection(&mut server, new).await;
        let poll = format!("{path}?cursor={begin}&wait_ms=60000");
        let polling = tokio::spawn(server.request(Method::GET, &poll).send());
        // The poll is there when it is counted; it is asked for by another connection.
        server.client = reqwest::Client::new();
        counted(&server, "headway_connections{transport=\"poll\"}", 1).await;

        server.store.remove(&[job(name)]).await.unwrap();
        let error = one.until("error").await;
        assert_eq!((&error["id"], &error["code"]), (&json!(name), &json!("not_found")));
        assert_eq!(one.closed().await, 4540);
        assert_eq!(stream.until("error").await, error);
        assert!(stream.next().await.is_none(), "the stream of one job ends with it");
        let answer = within("the poll's answer", polling).await.unwrap().unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["frames"], json!([error]));

        // A stream of many goes on.
        assert_eq!(many.until("error").await["id"], format!("job:{name}"));
        many.send(&json!({"type":"ping"})).await;
        many.until("pong").await;
        assert_eq!(server.get(&path).await.status(), 404);
        assert_eq!(Socket::open(&server, &path).await.closed().await, 4540);
    }
    server.stop().await;
}
