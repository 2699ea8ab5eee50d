//! The formats of older progress services, from a real server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

#[path = "compatible/older.rs"]
mod older;
mod support;

use std::sync::Arc;
use std::time::Duration;

use headway_gateway::{Compatible, Limits, Options};
use headway_store::memory::MemoryStore;
use older::Older;
use reqwest::Method;
use serde_json::{Value, json};
use support::{ADMIN_KEY, Server, refusal, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANALYSIS: &str = "/api/v1/analyze/a/stream";

fn options(compatible: Compatible) -> Options {
    Options { compatible, ..Options::default() }
}

/// States leave as soon as they are known.
fn eager() -> headway_hub::Options {
    headway_hub::Options { min_interval_ms: 0, ..headway_hub::Options::default() }
}

async fn eager_server() -> Server {
    Server::start_with(Options::default(), eager()).await
}

fn step(step: &str) -> Value {
    json!({"type":"step_start","step":step,"role":"agent"})
}

#[tokio::test]
async fn an_analysis_goes_from_its_request_to_its_results() {
    let server = eager_server().await;
    let asked = server.post("/api/v1/analyze", &json!({"team":7,"depth":{"levels":[1,2]}})).await;
    assert_eq!(asked.status(), 202);
    let location = asked.headers()["location"].to_str().unwrap().to_owned();
    let accepted: Value = asked.json().await.unwrap();
    let id = accepted["analysis_id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/api/v1/analyze/{id}"));
    assert_eq!(accepted["status"], "queued");
    let document = server.document(&id).await;
    assert_eq!(document["kind"], "analysis");
    // Nobody is configured to run it, so its producer finds there what it is about.
    assert_eq!(document["metadata"]["input"]["depth"]["levels"], json!([1, 2]));
    let shown =
        async |server: &Server| -> Value { server.get(&location).await.json().await.unwrap() };
    assert_eq!(shown(&server).await["created_at"], accepted["created_at"]);

    let path = format!("/api/v1/analyze/{id}/stream");
    let mut first = Older::open(&server, &path).await;
    let state = first.next().await.unwrap();
    assert_eq!(state["type"], "progress");
    assert_eq!((&state["progress"], &state["phase"]), (&json!(0.0), &json!("queued")));

    let report = json!([{"type":"start"},
        {"type":"progress","percent":50,"phase":"analyzing_transfers"}]);
    server.report(&id, report).await;
    // A second one comes later and is told the same at once.
    let mut second = Older::open(&server, &path).await;
    for watcher in [&mut first, &mut second] {
        let half = watcher.until(|message| message["progress"] == 50.0).await;
        let document = server.document(&id).await;
        let expected = json!({"type":"progress","progress":50.0,"phase":"analyzing_transfers",
            "timestamp":document["updated_at"]});
        assert_eq!(half, expected);
    }
    let running = shown(&server).await;
    assert_eq!((&running["status"], &running["progress"]), (&json!("running"), &json!(50.0)));

    let results = json!({"decision":{"transfers":[{"out":"A","in":"B","gain":1.25}],"chip":null}});
    server.report(&id, json!({"type":"complete","result":results})).await;
    for watcher in [&mut first, &mut second] {
        let complete = watcher.until(|message| message["type"] == "complete").await;
        assert_eq!(complete["results"], results);
        assert_eq!(watcher.closed().await.0, 1000);
    }
    // Whoever comes late is told at once.
    let mut late = Older::open(&server, &path).await;
    assert_eq!(late.next().await.unwrap()["results"], results);
    assert_eq!(late.closed().await.0, 1000);
    let ended = shown(&server).await;
    assert_eq!(ended["results"], results);
    assert_eq!((&ended["status"], &ended["progress"]), (&json!("completed"), &json!(100.0)));
    assert_eq!(ended["results"]["decision"]["transfers"][0]["gain"], 1.25);
    assert!(ended.get("completed_at").is_some() && ended.get("error").is_none());
    server.stop().await;
}

#[tokio::test]
async fn results_are_what_was_reported_also_when_they_are_large_and_long_ago() {
    let store = Arc::new(MemoryStore::new());
    let start = async |store: &Arc<MemoryStore>| {
        let signin = headway_signin::Options::default();
        Server::start_over(Arc::clone(store), Options::default(), eager(), signin).await
    };
    let server = start(&store).await;
    server.job("a").await;
    let line = json!({"player":"somebody","bench":null,"points":[1.5,null]});
    let results = json!({"lines": vec![line; 5_000], "chip": null});
    server.report("a", json!([{"type":"start"},{"type":"complete","result":results}])).await;
    server.stop().await;
    let server = start(&store).await;
    let mut late = Older::open(&server, ANALYSIS).await;
    assert!(late.next().await.unwrap()["results"] == results, "on the stream");
    let shown: Value = server.get("/api/v1/analyze/a").await.json().await.unwrap();
    assert!(shown["results"] == results, "when asked");
    server.stop().await;
}

#[tokio::test]
async fn an_analysis_that_does_not_end_well_is_an_error_and_4000() {
    let server = eager_server().await;
    for (id, path) in [("a", "fail"), ("b", "cancel")] {
        server.job(id).await;
        let stream = format!("/api/v1/analyze/{id}/stream");
        let mut watcher = Older::open(&server, &stream).await;
        assert_eq!(watcher.next().await.unwrap()["type"], "progress");
        let expected = if path == "fail" {
            let error = json!({"code":"no_data","message":"Analysis failed: no data"});
            server.report(id, json!([{"type":"start"},{"type":"fail","error":error}])).await;
            "Analysis failed: no data"
        } else {
            assert_eq!(
                server.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await.status(),
                202
            );
            "it was cancelled"
        };
        let error = watcher.until(|message| message["type"] == "error").await;
        assert_eq!(error["message"], expected);
        assert_eq!(watcher.closed().await, (4000, "Analysis failed".to_owned()));
        let mut late = Older::open(&server, &stream).await;
        assert_eq!(late.next().await.unwrap()["message"], expected);
        assert_eq!(late.closed().await.0, 4000);
        let shown: Value = server.get(&format!("/api/v1/analyze/{id}")).await.json().await.unwrap();
        assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!(expected)));
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_told_as_each_service_told_it() {
    let server = eager_server().await;
    for name in ["nothing", "no%20name%20at%20all"] {
        let mut watcher = Older::open(&server, &format!("/api/v1/analyze/{name}/stream")).await;
        assert_eq!(watcher.closed().await, (4004, "Analysis not found".to_owned()));

        let mut watcher = Older::open(&server, &format!("/progress/ws/{name}")).await;
        let error = watcher.next().await.unwrap();
        assert_eq!(error["type"], "error");
        assert!(error["message"].as_str().unwrap().starts_with("there is no job "), "{error}");
        assert_eq!(watcher.closed().await.0, 1008);

        let mut watcher = Older::open(&server, &format!("/ws/progress/{name}")).await;
        assert_eq!(watcher.closed().await, (1008, "Invalid session".to_owned()));
    }
    let (status, code, _, _) = refusal(server.get("/api/v1/analyze/nothing").await).await;
    assert_eq!((status, code.as_str()), (404, "not_found"));
    // They are WebSockets and nothing else.
    server.job("a").await;
    for path in [ANALYSIS, "/progress/ws/a", "/ws/progress/s"] {
        let (status, _, _, _) = refusal(server.get(path).await).await;
        assert_eq!(status, 426, "{path}");
    }
    let list = server.post("/api/v1/analyze", &json!([1])).await;
    assert_eq!(refusal(list).await.0, 422);
    server.stop().await;
}

#[tokio::test]
async fn an_analysis_without_news_beats_until_there_are_some() {
    let compatible =
        Compatible { analysis_heartbeat: Duration::from_millis(50), ..Compatible::default() };
    let server = Server::start_with(options(compatible), eager()).await;
    server.job("a").await;
    let mut watcher = Older::open(&server, ANALYSIS).await;
    watcher.until(|message| message["type"] == "progress").await;
    for _ in 0..3 {
        let beat = watcher.next().await.unwrap();
        assert_eq!(beat["type"], "heartbeat");
        assert!(beat["timestamp"].as_str().unwrap().ends_with('Z'));
    }
    server.report("a", json!({"type":"complete"})).await;
    let complete = watcher.until(|message| message["type"] != "heartbeat").await;
    assert_eq!((&complete["type"], &complete["results"]), (&json!("complete"), &Value::Null));
    server.stop().await;
}

#[tokio::test]
async fn a_job_s_life_is_told_call_by_call() {
    let server = eager_server().await;
    server.job_with(json!({"kind":"import","id":"a","metadata":{"file":"x.pdf"}})).await;
    let mut watcher = Older::open(&server, "/progress/ws/a").await;
    let told = async |watcher: &mut Older| {
        let message = watcher.next().await.unwrap();
        assert_eq!(message["job_id"], "a");
        assert_eq!(message["metadata"]["file"], "x.pdf");
        json!([message["status"], message["progress"], message["message"]])
    };
    assert_eq!(told(&mut watcher).await, json!(["PENDING", null, null]));
    let lifecycle = [
        (json!({"type":"start"}), json!(["IN_PROGRESS", 0.0, null])),
        (
            json!({"type":"progress","percent":25,"message":"Extracting pages"}),
            json!(["IN_PROGRESS", 25.0, "Extracting pages"]),
        ),
        (
            json!({"type":"progress","percent":60,"phase":"embedding"}),
            json!(["IN_PROGRESS", 60.0, "Extracting pages"]),
        ),
        (json!({"type":"complete"}), json!(["COMPLETED", 100.0, "Extracting pages"])),
    ];
    for (report, expected) in lifecycle {
        server.report("a", report).await;
        assert_eq!(told(&mut watcher).await, expected);
    }
    // The connection stays: another job may be subscribed.
    server.job("b").await;
    watcher.send(&json!({"type":"subscribe","job_id":"b"})).await;
    assert_eq!(watcher.next().await.unwrap()["job_id"], "b");
    let error = json!({"code":"bad_file","message":"the file is empty","details":{"pages":0}});
    server.report("b", json!([{"type":"start"},{"type":"fail","error":error}])).await;
    let failed = watcher.until(|message| message["status"] == "FAILED").await;
    assert_eq!(failed["message"], "the file is empty");
    assert_eq!(failed["metadata"]["error"]["details"]["pages"], 0);
    server.stop().await;
}

#[tokio::test]
async fn status_transitions_are_all_told_although_they_come_at_once() {
    let server = Server::start().await;
    server.job("a").await;
    let mut watcher = Older::open(&server, "/progress/ws/a").await;
    assert_eq!(watcher.next().await.unwrap()["status"], "PENDING");
    server.report("a", json!({"type":"start"})).await;
    server.report("a", json!({"type":"progress","percent":40})).await;
    server.report("a", json!({"type":"complete"})).await;
    let mut told = Vec::new();
    while told.last().is_none_or(|status| status != "COMPLETED") {
        told.push(watcher.next().await.unwrap()["status"].as_str().unwrap().to_owned());
    }
    told.dedup();
    assert_eq!(told, ["IN_PROGRESS", "COMPLETED"]);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_of_jobs_answers_and_survives_what_it_cannot_understand() {
    let server = eager_server().await;
    server.job("a").await;
    // What they add to the address is passed over.
    let mut watcher = Older::open(&server, "/progress/ws/a?client=7&t=1").await;
    watcher.next().await.unwrap();
    watcher.send(&json!({"type":"ping"})).await;
    assert_eq!(watcher.next().await.unwrap()["type"], "pong");
    watcher.send(&json!({"type":"pong"})).await;
    let long = format!(r#"{{"type":"ping","more":"{}"}}"#, "x".repeat(64 * 1024));
    for text in ["{not json", r#"{"type":"dance"}"#, r#"{"type":"subscribe"}"#, &long] {
        watcher.send_text(text).await;
        let error = watcher.next().await.unwrap();
        assert_eq!(error["type"], "error", "{text}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    for unknown in ["nothing", "no name at all"] {
        watcher.send(&json!({"type":"subscribe","job_id":unknown})).await;
        let error = watcher.next().await.unwrap();
        assert_eq!(error["message"], format!("there is no job {unknown}"));
    }
    // Who asks again is told again; who wants no more is told no more.
    watcher.send(&json!({"type":"subscribe","job_id":"a"})).await;
    assert_eq!(watcher.next().await.unwrap()["status"], "PENDING");
    watcher.send(&json!({"type":"unsubscribe","job_id":"a"})).await;
    assert_eq!(watcher.next().await.unwrap()["type"], "unsubscribed");
    server.report("a", json!({"type":"start"})).await;
    watcher.send(&json!({"type":"ping"})).await;
    assert_eq!(watcher.next().await.unwrap()["type"], "pong");
    server.stop().await;
}

#[tokio::test]
async fn a_client_of_jobs_that_says_nothing_hears_a_heartbeat_whatever_its_jobs_do() {
    let compatible =
        Compatible { client_silence: Duration::from_millis(50), ..Compatible::default() };
    let server = Server::start_with(options(compatible), eager()).await;
    server.job("a").await;
    let mut watcher = Older::open(&server, "/progress/ws/a").await;
    for percent in 1..=3 {
        server.report("a", json!({"type":"progress","percent":percent})).await;
        watcher.until(|message| message["type"] == "heartbeat").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_session_tells_which_agents_work_at_what() {
    let server = eager_server().await;
    let job = |id: &str| json!({"kind":"workflow","id":id,"session":"s 1"});
    server.job_with(job("t1")).await;
    let mut watcher = Older::open(&server, "/ws/progress/s%201").await;
    let first = watcher.next().await.unwrap();
    assert_eq!(first["type"], "progress_update");
    assert_eq!((&first["session_id"], &first["transaction_id"]), (&json!("s 1"), &json!("t1")));
    assert_eq!((&first["current_agent"], &first["current_tasks"]), (&Value::Null, &json!({})));

    let begin = json!([{"type":"start"},
        {"type":"step_start","step":"research","name":"ResearchAgent","role":"agent",
         "tasks":["Gathering data","Fetching info"]}]);
    server.report("t1", begin).await;
    let working = watcher.until(|message| message["current_agent"] == "ResearchAgent").await;
    let tasks = json!({"ResearchAgent":["Gathering data","Fetching info"]});
    assert_eq!(working["current_tasks"], tasks);
    let words: Vec<_> = watcher.events("t1").iter().map(|e| e["event_type"].clone()).collect();
    assert_eq!(words, ["transaction_created", "transaction_start", "agent_start"]);
    assert_eq!(working["execution_order"][0]["agent"], "ResearchAgent");
    assert_eq!(working["execution_order"][0]["end_time"], Value::Null);

    // A transaction that begins later comes by itself.
    server.job_with(job("t2")).await;
    watcher.until(|message| message["transaction_id"] == "t2").await;
    let end = json!([
        {"type":"step_finish","step":"research","status":"completed"},
        {"type":"step_start","step":"report","name":"ReportingAgent","role":"agent"},
        {"type":"step_finish","step":"report","status":"failed",
         "error":{"code":"no_data","message":"no data came"}},
        {"type":"fail","error":{"code":"no_data","message":"no data came"}}]);
    server.report("t1", end).await;
    let over = watcher.until(|message| message["status"] == "failed").await;
    assert_eq!(over["current_agent"], Value::Null);
    let order: Vec<_> = over["execution_order"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&order[0]["agent"], &order[1]["agent"]),
        (&json!("ResearchAgent"), &json!("ReportingAgent"))
    );
    assert!(order.iter().all(|entry| entry["end_time"].is_number()));
    let events = watcher.events("t1");
    assert_eq!(events.last().unwrap()["event_type"], "transaction_failed");
    let failed = events.iter().find(|event| event["event_type"] == "agent_failed").unwrap();
    assert_eq!(
        (&failed["agent"], &failed["error"]),
        (&json!("ReportingAgent"), &json!("no data came"))
    );
    // The other goes on, on the same connection. However much is told of it at once comes whole.
    let mut begin = vec![json!({"type":"start"})];
    begin.extend((0..300).map(|line| json!({"type":"log","message":format!("line {line}")})));
    server.report("t2", Value::Array(begin)).await;
    watcher
        .until(|message| message["transaction_id"] == "t2" && message["status"] == "running")
        .await;
    let lines = watcher.events("t2").iter().filter(|event| event["event_type"] == "log").count();
    assert_eq!(lines, 300);
    server.stop().await;
}

#[tokio::test]
async fn whoever_comes_back_to_a_session_is_told_what_was_missed() {
    let store = Arc::new(MemoryStore::new());
    let start = async |store: &Arc<MemoryStore>| {
        let signin = headway_signin::Options::default();
        Server::start_over(Arc::clone(store), Options::default(), eager(), signin).await
    };
    let server = start(&store).await;
    server.job_with(json!({"kind":"workflow","id":"t1","session":"s"})).await;
    server.report("t1", json!([{"type":"start"}, step("one")])).await;
    let mut watcher = Older::open(&server, "/ws/progress/s").await;
    let seen = watcher.until(|message| message["current_agent"] == "one").await;
    drop(watcher);
    let finish = json!([{"type":"step_finish","step":"one","status":"completed"}, step("two")]);
    server.report("t1", finish).await;
    let last = seen["last_event"].as_str().unwrap();
    let path = format!("/ws/progress/s?last_event={last}");
    let words = |message: &Value| -> Vec<String> {
        let events = message["progress_events"].as_array().unwrap().iter();
        events.map(|event| event["event_type"].as_str().unwrap().to_owned()).collect()
    };
    let mut watcher = Older::open(&server, &path).await;
    let back = watcher.next().await.unwrap();
    assert_eq!(
        (back["current_agent"].as_str(), words(&back)),
        (Some("two"), vec!["agent_complete".to_owned(), "agent_start".to_owned()])
    );
    // Without it the recent ones come, and after a restart they come from the log.
    let recent = [
        "transaction_created",
        "transaction_start",
        "agent_start",
        "agent_complete",
        "agent_start",
    ];
    let mut fresh = Older::open(&server, "/ws/progress/s").await;
    assert_eq!(words(&fresh.next().await.unwrap()), recent);
    server.report("t1", json!({"type":"complete"})).await;
    server.stop().await;
    let server = start(&store).await;
    let mut watcher = Older::open(&server, &path).await;
    let back = watcher.next().await.unwrap();
    assert_eq!(back["status"], "completed", "it ended meanwhile, and is told of");
    assert_eq!(words(&back), ["agent_complete", "agent_start", "transaction_complete"]);
    let (status, _, field, _) = refusal(
        server
            .request(Method::GET, "/ws/progress/s?last_event=nonsense")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, field.as_deref()), (422, Some("last_event")));
    server.stop().await;
}

#[tokio::test]
async fn a_session_takes_three_connections_and_knows_its_jobs_for_a_while() {
    let compatible = Compatible { session_ttl: Duration::ZERO, ..Compatible::default() };
    let server = Server::start_with(options(compatible), eager()).await;
    server.job_with(json!({"kind":"workflow","id":"t1","session":"s"})).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut watcher = Older::open(&server, "/ws/progress/s").await;
        watcher.next().await.unwrap();
        held.push(watcher);
    }
    let mut fourth = Older::open(&server, "/ws/progress/s").await;
    assert_eq!(fourth.closed().await, (1008, "Too many connections".to_owned()));
    held[0].close().await;
    loop {
        // The place is free once the server has heard of it.
        let mut again = Older::open(&server, "/ws/progress/s").await;
        if again.next().await.is_ok() {
            break;
        }
    }
    server.report("t1", json!({"type":"complete"})).await;
    let over = held[1].until(|message| message["status"] == "completed").await;
    assert_eq!(over["transaction_id"], "t1");
    drop(held);
    loop {
        let mut late = Older::open(&server, "/ws/progress/s").await;
        // It ended in the present millisecond, or its connections are not gone yet.
        match late.next().await {
            Err((1008, reason)) if reason == "Invalid session" => break,
            Ok(_) | Err(_) => {}
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn what_a_client_asks_of_a_transaction_is_done_and_answered() {
    let server = eager_server().await;
    server.job_with(json!({"kind":"workflow","id":"t1","session":"s"})).await;
    let mut watcher = Older::open(&server, "/ws/progress/s").await;
    watcher.next().await.unwrap();
    watcher.send(&json!({"type":"cancel","transaction_id":"t1"})).await;
    let answer = watcher.until(|message| message["type"] == "command_accepted").await;
    assert_eq!((&answer["command"], &answer["transaction_id"]), (&json!("cancel"), &json!("t1")));
    assert_eq!(answer["status"], "cancelled");
    assert_eq!(server.document("t1").await["status"], "cancelled");
    watcher.send(&json!({"type":"retry","transaction_id":"t1"})).await;
    watcher.until(|message| message["status"] == "pending" || message["status"] == "queued").await;
    for (message, code) in [
        (json!({"type":"pause","transaction_id":"nothing"}), "not_found"),
        (json!({"type":"resume","transaction_id":"t1"}), "wrong_status"),
    ] {
        watcher.send(&message).await;
        let error = watcher.until(|message| message["type"] == "error").await;
        assert_eq!(
            (&error["command"], &error["transaction_id"]),
            (&message["type"], &message["transaction_id"])
        );
        assert_eq!(error["code"], code, "{error}");
    }
    watcher.send_text("{").await;
    watcher.until(|message| message["type"] == "error").await;
    watcher.send(&json!({"type":"ping"})).await;
    watcher.until(|message| message["type"] == "pong").await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_hears_only_of_what_it_has_subscribed_to() {
    let server = eager_server().await;
    for id in ["t1", "t2"] {
        server.job_with(json!({"kind":"workflow","id":id,"session":"s"})).await;
    }
    let mut watcher = Older::open(&server, "/ws/progress/s").await;
    watcher.next().await.unwrap();
    watcher.next().await.unwrap();
    watcher.send(&json!({"type":"subscribe","transaction_id":"t2"})).await;
    let stands = watcher.next().await.unwrap();
    assert_eq!((&stands["type"], &stands["transaction_id"]), (&json!("subscribed"), &json!("t2")));
    assert_eq!(watcher.next().await.unwrap()["transaction_id"], "t2");
    server.report("t1", json!({"type":"start"})).await;
    server.report("t2", json!([{"type":"start"}, step("one"), step("two")])).await;
    let next = watcher.until(|message| message["current_agent"] == "two").await;
    assert_eq!(next["transaction_id"], "t2");
    assert!(watcher.seen.iter().rev().take(2).all(|message| message["transaction_id"] == "t2"));

    watcher.send(&json!({"type":"subscribe","agents":["one"]})).await;
    let stands = watcher.until(|message| message["type"] == "subscribed").await;
    assert_eq!(stands["agents"], json!(["one"]));
    server.report("t2", json!({"type":"step_update","step":"two","message":"not for it"})).await;
    server.report("t2", json!({"type":"step_update","step":"one","message":"for it"})).await;
    let news = watcher
        .until(|message| {
            message["progress_events"].as_array().is_some_and(|events| !events.is_empty())
        })
        .await;
    let messages: Vec<_> =
        news["progress_events"].as_array().unwrap().iter().map(|e| &e["message"]).collect();
    assert_eq!(messages, ["for it"]);
    assert_eq!(news["current_tasks"], json!({"one":[]}));

    for agents in [json!(["x".repeat(257)]), json!(vec!["x"; 65])] {
        watcher.send(&json!({"type":"subscribe","agents":agents})).await;
        let error = watcher.until(|message| message["type"] == "error").await;
        assert!(error["message"].as_str().unwrap().contains("at most"), "{error}");
    }

    watcher.send(&json!({"type":"subscribe","transaction_id":"nothing"})).await;
    let error = watcher.until(|message| message["type"] == "error").await;
    assert_eq!(
        (&error["code"], &error["transaction_id"]),
        (&json!("not_found"), &json!("nothing"))
    );
    watcher.send(&json!({"type":"unsubscribe"})).await;
    watcher.until(|message| message["type"] == "subscribed").await;
    server.report("t1", json!({"type":"progress","percent":5})).await;
    watcher.until(|message| message["transaction_id"] == "t1").await;
    server.stop().await;
}

#[tokio::test]
async fn whoever_hears_of_everything_again_is_told_what_was_passed_over() {
    let server = eager_server().await;
    for id in ["t1", "t2"] {
        server.job_with(json!({"kind":"workflow","id":id,"session":"s"})).await;
    }
    let mut watcher = Older::open(&server, "/ws/progress/s").await;
    watcher.next().await.unwrap();
    watcher.next().await.unwrap();
    watcher.send(&json!({"type":"subscribe","transaction_id":"t2"})).await;
    watcher.until(|message| message["type"] == "subscribed").await;
    server.report("t1", json!({"type":"phase","name":"meanwhile"})).await;
    server.report("t2", json!({"type":"phase","name":"told"})).await;
    watcher.until(|message| message["progress_events"].to_string().contains("told")).await;
    assert!(watcher.events("t1").iter().all(|event| event["message"] != "meanwhile"));
    // Nothing happens from here on.
    watcher.send(&json!({"type":"unsubscribe"})).await;
    watcher
        .until(|message| {
            message["transaction_id"] == "t1"
                && message["progress_events"].to_string().contains("meanwhile")
        })
        .await;
    watcher.send(&json!({"type":"ping"})).await;
    watcher.until(|message| message["type"] == "pong").await;
    let told = watcher.events("t2").iter().filter(|event| event["message"] == "told").count();
    assert_eq!(told, 1, "what was told is not told again");

    watcher.send(&json!({"type":"subscribe","agents":["one"]})).await;
    watcher.until(|message| message["type"] == "subscribed").await;
    server.report("t1", json!([step("two"), step("one")])).await;
    watcher.until(|message| message["current_agent"] == "one").await;
    assert!(watcher.events("t1").iter().all(|event| event["agent"] != "two"));
    watcher.send(&json!({"type":"unsubscribe","agents":["one"]})).await;
    watcher.until(|message| message["current_tasks"].get("two").is_some()).await;
    assert!(watcher.events("t1").iter().any(|event| event["agent"] == "two"));
    server.stop().await;
}

#[tokio::test]
async fn a_connection_of_a_session_hears_of_no_other() {
    let server = eager_server().await;
    server.job_with(json!({"kind":"workflow","id":"t1","session":"s"})).await;
    server.job_with(json!({"kind":"workflow","id":"other","session":"another"})).await;
    let mut watcher = Older::open(&server, "/ws/progress/s").await;
    watcher.next().await.unwrap();
    watcher.send(&json!({"type":"subscribe","transaction_id":"other"})).await;
    let error = watcher.next().await.unwrap();
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("not_found")));
    assert_eq!(error["transaction_id"], "other");
    // It narrows nothing, and nothing of it comes.
    server.report("other", json!({"type":"start"})).await;
    server.report("t1", json!({"type":"start"})).await;
    let next = watcher.next().await.unwrap();
    assert_eq!((&next["transaction_id"], &next["status"]), (&json!("t1"), &json!("running")));
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_nothing_happens_in_is_left_and_may_come_back() {
    // Long enough for the state that comes first.
    let limits = Limits { idle_within: Duration::from_secs(1), ..Limits::default() };
    let server = Server::start_with(Options { limits, ..Options::default() }, eager()).await;
    server.job_with(json!({"kind":"workflow","id":"t1","session":"s"})).await;
    let mut watcher = Older::open(&server, "/ws/progress/s").await;
    assert_eq!(watcher.closed().await, (1001, "idle".to_owned()));
    assert_eq!(watcher.seen.len(), 1);
    let mut watcher = Older::open(&server, "/ws/progress/s").await;
    watcher.next().await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn everybody_is_told_in_their_words_that_the_server_stops() {
    let server = eager_server().await;
    server.job_with(json!({"kind":"workflow","id":"a","session":"s"})).await;
    let mut session = Older::open(&server, "/ws/progress/s").await;
    let mut jobs = Older::open(&server, "/progress/ws/a").await;
    let mut analysis = Older::open(&server, ANALYSIS).await;
    for watcher in [&mut session, &mut jobs, &mut analysis] {
        watcher.next().await.unwrap();
    }
    server.begin_stop();
    let closing = session.next().await.unwrap();
    assert_eq!(closing["type"], "server_shutting_down");
    assert!(closing["retry_ms"].as_u64().unwrap() >= 500);
    for watcher in [&mut session, &mut jobs, &mut analysis] {
        assert_eq!(watcher.closed().await, (1001, "the server stops".to_owned()));
    }
    assert!(analysis.seen.iter().all(|message| message["type"] == "progress"), "no error came");
    server.stop().await;
}

#[tokio::test]
async fn they_are_signed_in_to_as_everything_is_and_end_with_the_sign_in() {
    let server = Server::start_guarded(Options::default()).await;
    let job = json!({"kind":"workflow","id":"a","session":"s","subject":"u1"});
    let made = server.as_caller(Method::POST, "/api/v1/jobs", ADMIN_KEY).json(&job).send().await;
    assert_eq!(made.unwrap().status(), 201);
    let paths = [ANALYSIS, "/progress/ws/a", "/ws/progress/s"];
    let own = json!({"name":"u1","subject":"u1","own_only":true,"scopes":["watch"]});
    let key = server.key(own).await;
    let other = json!({"name":"u2","subject":"u2","own_only":true,"scopes":["watch"]});
    let stranger = server.key(other).await;
    let mut watchers = Vec::new();
    for path in paths {
        for token in ["", "?token=hw_nonsense"] {
            let mut nobody = Older::open(&server, &format!("{path}{token}")).await;
            assert_eq!(nobody.closed().await, (1008, "the token is not valid".to_owned()));
        }
        let mut watcher = Older::open(&server, &format!("{path}?token={key}")).await;
        watcher.next().await.unwrap();
        watchers.push(watcher);
        let protocol = format!("headway.v1, headway.bearer.{key}");
        let headers = [("sec-websocket-protocol", protocol.as_str())];
        let mut watcher = Older::open_with(&server, path, &headers).await.unwrap();
        watcher.next().await.unwrap();
    }
    // What somebody may not see is as what does not exist.
    for (path, code) in paths.into_iter().zip([4004, 1008, 1008]) {
        let mut blind = Older::open(&server, &format!("{path}?token={stranger}")).await;
        assert_eq!(blind.closed().await.0, code, "{path}");
    }
    // Nor is a session that a token was not made for.
    let lent = server
        .as_caller(Method::POST, "/api/v1/tokens", ADMIN_KEY)
        .json(&json!({"sessions":["other"]}))
        .send()
        .await
        .unwrap();
    let lent: Value = lent.json().await.unwrap();
    let lent = lent["token"].as_str().unwrap();
    let mut blind = Older::open(&server, &format!("/ws/progress/s?token={lent}")).await;
    assert_eq!(blind.closed().await, (1008, "Invalid session".to_owned()));
    let asked = server.request(Method::GET, "/api/v1/analyze/a");
    assert_eq!(refusal(asked.send().await.unwrap()).await.0, 401);
    // A page of another origin is not let in.
    let headers = [("origin", "https://elsewhere.example")];
    assert_eq!(Older::open_with(&server, ANALYSIS, &headers).await.err(), Some(403));

    let revoked = server
        .as_caller(Method::POST, "/api/v1/revocations", ADMIN_KEY)
        .json(&json!({"subject":"u1"}))
        .send()
        .await
        .unwrap();
    assert!(revoked.status().is_success(), "{}", revoked.status());
    for watcher in &mut watchers {
        assert_eq!(watcher.closed().await, (1008, "the token is not valid".to_owned()));
    }
    server.stop().await;
}

#[tokio::test]
async fn they_are_served_also_on_a_connection_that_was_used_before() {
    let server = eager_server().await;
    server.job_with(json!({"kind":"workflow","id":"a","session":"s"})).await;
    for (path, key) in
        [(ANALYSIS, "phase"), ("/progress/ws/a", "job_id"), ("/ws/progress/s", "session_id")]
    {
        let mut watcher = Older::open_after_a_request(&server, path).await;
        let state = watcher.next().await.unwrap();
        assert!(state.get(key).is_some(), "{state}");
    }
    let mut watcher = Older::open_after_a_request(&server, "/progress/ws/nothing").await;
    assert_eq!(watcher.next().await.unwrap()["type"], "error");
    assert_eq!(watcher.closed().await.0, 1008);
    server.stop().await;
}

#[tokio::test]
async fn messages_are_compressed_for_whoever_asks() {
    let server = eager_server().await;
    server.job("a").await;
    let result = json!({"text":"again and ".repeat(500)});
    server.report("a", json!([{"type":"start"},{"type":"complete","result":result}])).await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let head = format!(
        "GET {ANALYSIS} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("the answer", stream.read_u8()).await.unwrap());
    }
    assert!(String::from_utf8(head).unwrap().contains("permessage-deflate"));
    // A text message in one frame, compressed (RFC 7692, section 7.2.1).
    assert_eq!(within("a frame", stream.read_u8()).await.unwrap(), 0b1100_0001);
    let length = match within("its length", stream.read_u8()).await.unwrap() {
        126 => usize::from(stream.read_u16().await.unwrap()),
        short => usize::from(short),
    };
    assert!(length < 1_000, "{length} bytes");
    let mut payload = vec![0; length];
    within("the message", stream.read_exact(&mut payload)).await.unwrap();
    payload.extend([0, 0, 0xff, 0xff]);
    let mut text = Vec::with_capacity(16_384);
    let mut inflate = flate2::Decompress::new(false);
    inflate.decompress_vec(&payload, &mut text, flate2::FlushDecompress::Sync).unwrap();
    let message: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(message["results"], result);
    server.stop().await;
}

#[tokio::test]
async fn they_can_be_turned_off() {
    let compatible = Compatible { enabled: false, ..Compatible::default() };
    let server = Server::start_with(options(compatible), eager()).await;
    server.job_with(json!({"kind":"workflow","id":"a","session":"s"})).await;
    for path in [ANALYSIS, "/progress/ws/a", "/ws/progress/s"] {
        assert_eq!(Older::open_with(&server, path, &[]).await.err(), Some(404), "{path}");
    }
    assert_eq!(server.get("/api/v1/analyze/a").await.status(), 404);
    let document: Value = server.get("/api/v1/openapi.json").await.json().await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/api/v1/stream"));
    assert!(paths.keys().all(|path| !path.contains("progress") && !path.contains("analyze")));
    server.stop().await;
}

/// Log lines of which somebody who reads slowly finds the newest.
const COUNT: usize = 200;

#[tokio::test]
async fn whoever_reads_slowly_finds_the_newest_state_and_every_event_counted() {
    let server = eager_server().await;
    server.job_with(json!({"kind":"workflow","id":"a","session":"s"})).await;
    let mut slow = Older::open(&server, "/ws/progress/s").await;
    slow.next().await.unwrap();
    let mut quick = Older::open(&server, "/ws/progress/s").await;
    let text = "x".repeat(16_000);
    for number in 1..=COUNT {
        let log = json!({"type":"log","message":format!("{number} {text}")});
        server.report("a", log).await;
        quick.until(|message| last_log(message) == Some(number)).await;
        quick.seen.clear();
    }
    let newest = slow.until(|message| last_log(message) == Some(COUNT)).await;
    assert_eq!(newest["transaction_id"], "a");
    let messages = slow.seen.len();
    assert!(messages < COUNT / 2, "{messages} messages are no conflation");
    let events: u64 = slow
        .seen
        .iter()
        .map(|message| {
            let told = message["progress_events"].as_array().unwrap().len() as u64;
            told + message["missed_events"].as_u64().unwrap()
        })
        .sum();
    // The first tells that the job was created.
    assert_eq!(events, COUNT as u64 + 1);
    server.stop().await;
}

/// The number at the beginning of the newest log line that a message tells of.
fn last_log(message: &Value) -> Option<usize> {
    let event = message["progress_events"].as_array()?.last()?;
    event["message"].as_str()?.split(' ').next()?.parse().ok()
}
