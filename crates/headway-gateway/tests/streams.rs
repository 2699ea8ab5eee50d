//! The stream over its three transports, from a real server.

mod support;

use headway_gateway::Options;
use serde_json::{Value, json};
use support::{Events, Folded, Server, Socket, counted};
use tokio_tungstenite::tungstenite::Message;

/// The documents agree, also in their cursor.
fn assert_truth(folded: &Folded, document: &Value) {
    assert_eq!(&folded.document, document);
    assert_eq!(folded.cursor.as_deref(), document["cursor"].as_str());
}

#[tokio::test]
async fn a_websocket_goes_from_the_snapshot_to_the_end_and_again_from_its_cursor() {
    let server = Server::start().await;
    server.job("a").await;
    let mut socket = Socket::open(&server, "/api/v1/jobs/a/stream?min_interval_ms=0").await;
    assert_eq!(socket.protocol.as_deref(), Some("headway.v1"));
    assert_eq!(socket.next().await.unwrap()["type"], "hello");
    let subscribed = socket.next().await.unwrap();
    assert_eq!(
        (&subscribed["recovered"], &subscribed["was_recovering"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(socket.next().await.unwrap()["type"], "snapshot");
    server.report("a", json!({"type":"progress","percent":25,"message":"a quarter"})).await;
    socket.until_state(|state| state["progress"]["percent"] == 25.0).await;
    let cursor = socket.folded.cursor.clone().unwrap();
    let held = std::mem::take(&mut socket.folded);
    drop(socket);

    server
        .report("a", json!([{"type":"progress","percent":50}, {"type":"log","message":"x"}]))
        .await;
    let path = format!("/api/v1/jobs/a/stream?cursor={cursor}");
    let mut socket = Socket::open(&server, &path).await;
    socket.folded = Folded { types: Vec::new(), ..held };
    let subscribed = socket.until("subscribed").await;
    assert_eq!(
        (&subscribed["recovered"], &subscribed["was_recovering"]),
        (&json!(true), &json!(true))
    );
    socket.until_state(|state| state["progress"]["percent"] == 50.0).await;
    server.report("a", json!({"type":"complete","result":{"rows":3}})).await;
    assert_eq!(socket.closed().await, 1000);
    assert!(!socket.folded.types.contains(&"snapshot".to_owned()), "{:?}", socket.folded.types);
    assert_eq!(socket.folded.end.as_deref(), Some("completed"));
    assert_truth(&socket.folded, &server.document("a").await);

    let cursor = socket.folded.cursor.unwrap();
    let path = format!("/api/v1/jobs/a/stream?cursor={cursor}");
    let mut again = Socket::open(&server, &path).await;
    assert_eq!(again.closed().await, 1000);
    assert_eq!(again.folded.types, ["hello", "subscribed", "end"]);
    server.stop().await;
}

#[tokio::test]
async fn server_sent_events_go_from_the_snapshot_to_the_end_and_then_say_204() {
    let server = Server::start().await;
    server.job("a").await;
    let mut events = Events::open(&server, "/api/v1/jobs/a/stream?min_interval_ms=0", None).await;
    events.until("snapshot").await;
    server.report("a", json!({"type":"progress","done":1,"total":4})).await;
    while events.folded.document["progress"]["done"] != 1 {
        events.next().await.unwrap();
    }
    let id = events.last_id.clone().unwrap();
    let held = std::mem::take(&mut events.folded);
    drop(events);

    server.report("a", json!({"type":"progress","done":2})).await;
    let mut events = Events::open(&server, "/api/v1/jobs/a/stream", Some(&id)).await;
    events.folded = Folded { types: Vec::new(), ..held };
    while events.folded.document["progress"]["done"] != 2 {
        events.next().await.unwrap();
    }
    server.report("a", json!({"type":"fail","error":{"code":"boom","message":"it broke"}})).await;
    events.until("end").await;
    assert!(events.next().await.is_none(), "the stream of one job ends with it");
    assert!(!events.folded.types.contains(&"snapshot".to_owned()));
    assert_eq!(events.folded.end.as_deref(), Some("failed"));
    assert_truth(&events.folded, &server.document("a").await);

    let id = events.last_id.unwrap();
    for (header, query) in [(true, String::new()), (false, format!("?last_event_id={id}"))] {
        let mut request = server
            .request(reqwest::Method::GET, &format!("/api/v1/jobs/a/stream{query}"))
            .header("accept", "text/event-stream");
        if header {
            request = request.header("last-event-id", &id);
        }
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_poll_goes_from_the_snapshot_to_the_end() {
    let server = Server::start().await;
    server.job("a").await;
    let mut folded = Folded::default();
    let mut cursor = String::new();
    let mut percent = 0;
    while folded.end.is_none() {
        let path = format!("/api/v1/jobs/a/stream?cursor={cursor}&wait_ms=20000");
        let polling = tokio::spawn(server.request(reqwest::Method::GET, &path).send());
        percent += 40;
        let event = if percent < 100 {
            json!({"type":"progress","percent":percent})
        } else {
            json!({"type":"complete"})
        };
        if server.document("a").await["status"] != "completed" {
            server.report("a", event).await;
        }
        let answer: Value = polling.await.unwrap().unwrap().json().await.unwrap();
        for frame in answer["frames"].as_array().unwrap() {
            folded.take(frame);
        }
        cursor = answer["cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!(folded.types[0], "snapshot");
    assert_eq!(folded.types.iter().filter(|word| *word == "snapshot").count(), 1);
    assert_truth(&folded, &server.document("a").await);

    let path = format!("/api/v1/jobs/a/stream?cursor={cursor}");
    let again: Value = server.get(&path).await.json().await.unwrap();
    assert_eq!(again["frames"][0]["type"], "end");
    server.stop().await;
}

#[tokio::test]
async fn a_poll_without_news_answers_when_its_time_is_up() {
    let server = Server::start().await;
    let cursor = server.job("a").await["cursor"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/jobs/a/stream?cursor={cursor}&wait_ms=0");
    let answer: Value = server.get(&path).await.json().await.unwrap();
    assert_eq!(answer, json!({"frames":[],"cursor":cursor}));
    server.stop().await;
}

#[tokio::test]
async fn events_come_in_order_and_once_also_across_a_break() {
    let server = Server::start().await;
    server.job("a").await;
    let path = "/api/v1/jobs/a/stream?events=log,partial";
    let mut events = Events::open(&server, path, None).await;
    events.until("snapshot").await;
    let log = |from: usize, to: usize| -> Value {
        let lines = (from..to).map(|n| json!({"type":"log","message":n.to_string()}));
        lines.chain([json!({"type":"progress","done":to})]).collect()
    };
    server.report("a", log(0, 200)).await;
    while events.folded.events.len() < 120 {
        events.next().await.unwrap();
    }
    let id = events.last_id.clone().unwrap();
    let mut seen = std::mem::take(&mut events.folded.events);
    drop(events);
    server.report("a", log(200, 900)).await;
    server.report("a", json!([{"type":"partial","name":"p","data":1}, {"type":"complete"}])).await;
    let mut events = Events::open(&server, path, Some(&id)).await;
    assert_eq!(events.until("subscribed").await["recovered"], true);
    events.until("end").await;
    assert!(!events.folded.types.contains(&"gap".to_owned()));
    seen.extend(std::mem::take(&mut events.folded.events));
    let partial = seen.pop().unwrap();
    assert_eq!((&partial["type"], &partial["data"]), (&json!("partial"), &json!(1)));
    let messages: Vec<_> = seen.iter().map(|event| event["message"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..900).map(|n| n.to_string()).collect();
    assert_eq!(messages, expected);
    assert_truth(&events.folded, &server.document("a").await);
    server.stop().await;
}

#[tokio::test]
async fn a_session_and_a_tag_and_all_bring_jobs_that_come_later() {
    let server = Server::start().await;
    server.job_with(json!({"kind":"k","id":"early","session":"s","tags":["t"]})).await;
    for selector in [json!({"session":"s"}), json!({"tag":"t"}), json!({"all":true})] {
        let mut socket = Socket::open(&server, "/api/v1/stream").await;
        let mut subscribe = json!({"type":"subscribe","id":"1"});
        headway_protocol::patch::apply(&mut subscribe, &selector);
        socket.send(&subscribe).await;
        while socket.until("snapshot").await["job"] != "early" {}
        let late = format!("late-{}", selector.as_object().unwrap().keys().next().unwrap());
        server.job_with(json!({"kind":"k","id":late,"session":"s","tags":["t"]})).await;
        while socket.until("snapshot").await["job"] != late.as_str() {}
        let error = json!({"code":"broken","message":"it broke","retryable":true});
        server.report(&late, json!({"type":"fail","error":error})).await;
        while socket.until("end").await["job"] != late.as_str() {}
        // After its end a selector lets a job go; a retry brings it back.
        let retried = server.post(&format!("/api/v1/jobs/{late}/retry"), &json!({})).await;
        assert_eq!(retried.status(), 202);
        loop {
            let frame = socket.next().await.unwrap();
            let shown = frame["state"]["attempt"] == 2 || frame["patch"]["attempt"] == 2;
            if frame["job"] == late.as_str() && shown {
                break;
            }
        }
    }
    server.job_with(json!({"kind":"k","id":"other","session":"other"})).await;
    let answer: Value =
        server.get("/api/v1/stream?session=other&wait_ms=0").await.json().await.unwrap();
    assert_eq!(answer["frames"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["frames"][0]["job"], "other");
    server.stop().await;
}

#[tokio::test]
async fn a_poll_over_many_goes_on_where_each_job_was() {
    let server = Server::start().await;
    server.job_with(json!({"kind":"k","id":"a","session":"s"})).await;
    server.job_with(json!({"kind":"k","id":"b","session":"s"})).await;
    let first: Value = server.get("/api/v1/stream?session=s&wait_ms=0").await.json().await.unwrap();
    assert_eq!(first["frames"].as_array().unwrap().len(), 2, "{first}");
    let cursor = first["cursor"].as_str().unwrap();
    server.report("b", json!({"type":"complete"})).await;
    let path = format!("/api/v1/stream?session=s&cursor={cursor}&wait_ms=20000");
    let second: Value = server.get(&path).await.json().await.unwrap();
    let words: Vec<_> = second["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| (frame["job"].as_str().unwrap(), frame["type"].as_str().unwrap()))
        .collect();
    assert_eq!(words, [("b", "update"), ("b", "end")], "{second}");
    // What has ended and was told is not waited for any more.
    assert_eq!(second["cursor"].as_str(), cursor.split(',').find(|part| part.starts_with("a@")));
    server.stop().await;
}

#[tokio::test]
async fn messages_are_answered_and_mistakes_are_told() {
    let server = Server::start().await;
    server.job("a").await;
    let mut socket = Socket::open(&server, "/api/v1/stream").await;
    socket.until("hello").await;
    socket.send(&json!({"type":"ping","at":7})).await;
    assert_eq!(socket.until("pong").await["at"], 7);
    let subscribe = json!({"type":"subscribe","id":"1","job":"a"});
    socket.send(&subscribe).await;
    socket.until("snapshot").await;
    socket.send(&json!({"type":"command","id":"c","job":"a","action":"cancel"})).await;
    // The answer and the end come in any order.
    let first = socket.until_any(&["result", "end"]).await;
    let second = socket.until_any(&["result", "end"]).await;
    let (result, end) = if first["type"] == "result" { (first, second) } else { (second, first) };
    assert_eq!(result["data"]["status"], "cancelled");
    assert_eq!(end["status"], "cancelled");
    for (message, code) in [
        (subscribe, "duplicate_subscription"),
        (json!({"type":"subscribe","id":"2"}), "invalid"),
        (json!({"type":"subscribe","id":"2","job":"a","all":true}), "invalid"),
        (json!({"type":"subscribe","id":"2","job":"nobody"}), "not_found"),
        (json!({"type":"dance"}), "malformed"),
        (json!({"type":"unsubscribe","id":"9"}), "no_such_subscription"),
        (json!({"type":"command","id":"d","job":"a","action":"pause"}), "job_ended"),
    ] {
        socket.send(&message).await;
        let error = socket.until("error").await;
        assert_eq!(error["code"], code, "{message} {error}");
        assert_eq!(error["id"], message["id"], "{message}");
    }
    socket.send(&json!({"type":"unsubscribe","id":"1"})).await;
    assert_eq!(socket.until("result").await["id"], "1");
    socket.send_text(&format!("\"{}\"", "x".repeat(70_000))).await;
    assert_eq!(socket.until("error").await["code"], "too_large");
    socket.send_message(Message::binary(vec![1])).await;
    assert_eq!(socket.until("error").await["code"], "malformed");
    // Seven mistakes were made above; the tenth closes.
    for _ in 0..3 {
        socket.send_text("{").await;
    }
    assert_eq!(socket.until("closing").await["reason"], "too_many_errors");
    assert_eq!(socket.closed().await, 1008);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_is_not_there_is_404_or_4540() {
    let server = Server::start().await;
    let path = "/api/v1/jobs/nobody/stream";
    assert_eq!(Socket::open(&server, path).await.closed().await, 4540);
    for accept in ["text/event-stream", "application/json"] {
        let request = server.request(reqwest::Method::GET, path).header("accept", accept);
        let refused = support::refusal(request.send().await.unwrap()).await;
        assert_eq!((refused.0, refused.1.as_str()), (404, "not_found"));
    }
    server.stop().await;
}

#[tokio::test]
async fn every_watcher_is_told_of_a_stop() {
    let server = Server::start().await;
    server.job("a").await;
    let mut socket = Socket::open(&server, "/api/v1/stream?all=true").await;
    let mut events = Events::open(&server, "/api/v1/jobs/a/stream", None).await;
    socket.until("snapshot").await;
    events.until("snapshot").await;
    let poll = server.request(reqwest::Method::GET, "/api/v1/stream?session=none&wait_ms=60000");
    let polling = tokio::spawn(poll.send());
    // The poll is there when it is counted.
    counted(&server, "headway_connections{transport=\"poll\"}", 1).await;
    server.begin_stop();
    for closing in [socket.until("closing").await, events.until("closing").await] {
        assert_eq!(closing["reason"], "server_shutting_down");
        assert!((500..=5_000).contains(&closing["retry_ms"].as_u64().unwrap()));
    }
    assert_eq!(socket.closed().await, 4001);
    assert!(events.next().await.is_none());
    let answer: Value = polling.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(answer["frames"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn a_quiet_stream_shows_that_it_lives() {
    let hub = headway_hub::Options { heartbeat_ms: 100, ..Default::default() };
    let server = Server::start_with(Options::default(), hub).await;
    server.job("a").await;
    let mut socket = Socket::open(&server, "/api/v1/jobs/a/stream").await;
    socket.until("heartbeat").await;
    let mut events = Events::open(&server, "/api/v1/jobs/a/stream", None).await;
    events.until_comment().await;
    server.stop().await;
}

#[tokio::test]
async fn a_reader_without_pongs_is_closed() {
    let options = Options {
        ping_every: std::time::Duration::from_millis(20),
        pong_within: std::time::Duration::from_millis(50),
        ..Options::default()
    };
    let server = Server::start_with(options, headway_hub::Options::default()).await;
    // A reader that reads nothing answers no ping.
    let _socket = Socket::open(&server, "/api/v1/stream").await;
    counted(&server, "headway_connections_failed_total{transport=\"websocket\"}", 1).await;
    server.stop().await;
}
