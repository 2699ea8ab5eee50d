//! Looking back: how a job came to be what it is, and what became of a batch's items.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

mod support;

use headway_gateway::Options;
use headway_protocol::batch::{TimingPoint, Timings};
use headway_protocol::request::{JobRecord, RecordPage};
use headway_protocol::{Cursor, Timestamp, patch};
use headway_store::Store as _;
use reqwest::Method;
use serde_json::{Value, json};
use support::{ADMIN_KEY, Server, Socket, refusal};

async fn records(server: &Server, query: &str) -> RecordPage {
    server.get(&format!("/api/v1/jobs/a/records?{query}")).await.json().await.unwrap()
}

/// All records, page by page.
async fn all_records(server: &Server, limit: usize) -> Vec<JobRecord> {
    let mut found = Vec::new();
    let mut query = format!("limit={limit}");
    loop {
        let page = records(server, &query).await;
        assert!(page.records.len() <= limit && !page.records.is_empty());
        found.extend(page.records);
        let Some(next) = page.next else {
            assert_eq!(found.last().unwrap().cursor, page.cursor);
            return found;
        };
        assert_eq!(found.last().unwrap().cursor, next);
        query = format!("limit={limit}&after={next}");
    }
}

#[tokio::test]
async fn the_records_of_a_job_give_each_of_its_documents_again() {
    let server = Server::start().await;
    let mut documents = vec![server.job("a").await];
    for done in 1..=7 {
        let logs = json!([{"type":"progress","done":done},{"type":"log","message":"more"}]);
        server.report("a", logs).await;
        documents.push(server.document("a").await);
    }
    for limit in [1, 3, 1_000] {
        let found = all_records(&server, limit).await;
        let mut document = Value::Null;
        let mut held = Cursor { offset: 0, ..found[0].prev };
        let mut moment = Timestamp::default();
        let mut seen = Vec::new();
        for record in found {
            assert_eq!(record.prev, held, "one follows the other");
            assert!(record.at >= moment);
            (held, moment) = (record.cursor, record.at);
            patch::apply(&mut document, &record.patch);
            seen.push(document.clone());
        }
        assert_eq!(seen, documents);
    }
    let text = server.get("/api/v1/jobs/a/records").await.text().await.unwrap();
    for hidden in ["private", "producers", "settings", "more"] {
        assert!(!text.contains(hidden), "{hidden} is in {text}");
    }
    let elsewhere = refusal(server.get("/api/v1/jobs/a/records?after=00000000-1").await).await;
    assert_eq!((elsewhere.0, elsewhere.2.as_deref()), (422, Some("after")));
    let none = refusal(server.get("/api/v1/jobs/b/records").await).await;
    assert_eq!(none.0, 404);
    let beyond = refusal(server.get("/api/v1/jobs/a/records?limit=1001").await).await;
    assert_eq!((beyond.0, beyond.2.as_deref()), (422, Some("limit")));
    server.stop().await;
}

#[tokio::test]
async fn the_newest_events_are_read_first_and_older_ones_before_them() {
    let server = Server::start().await;
    server.job("a").await;
    for n in 0..30 {
        server
            .report(
                "a",
                json!([{"type":"log","message":n.to_string()},{"type":"progress","done":n}]),
            )
            .await;
    }
    let path = "/api/v1/jobs/a/events";
    let ask = async |query: &str| -> Value {
        server.get(&format!("{path}?{query}")).await.json().await.unwrap()
    };
    let whole = ask("limit=1000").await;
    let all = whole["events"].as_array().unwrap();
    let newest = ask("before=latest&limit=7").await;
    assert_eq!(newest["events"], json!(all[all.len() - 7..]));
    assert_eq!(newest["cursor"], whole["cursor"]);
    let previous = newest["previous"].as_str().unwrap();
    assert_eq!(newest["previous"], newest["events"][0]["cursor"]);
    let older = ask(&format!("before={previous}&limit=5")).await;
    assert_eq!(older["events"], json!(all[all.len() - 12..all.len() - 7]));
    assert!(newest.get("next").is_none() && whole.get("previous").is_none());

    let logs = ask("before=latest&types=log,partial&limit=2").await;
    let words: Vec<_> =
        logs["events"].as_array().unwrap().iter().map(|event| &event["message"]).collect();
    assert_eq!(words, ["28", "29"]);
    let first = ask("types=log&limit=1").await;
    assert_eq!(first["events"][0]["message"], "0");

    let lines = server.request(Method::GET, &format!("{path}?before=latest&limit=2"));
    let lines = lines.header("accept", "application/x-ndjson").send().await.unwrap();
    let link = lines.headers()["link"].to_str().unwrap().to_owned();
    let lines = lines.text().await.unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(lines), json!(all[all.len() - 2..]));
    let before = all[all.len() - 2]["cursor"].as_str().unwrap();
    assert_eq!(link, format!("<?before={before}&limit=2>; rel=\"prev\""));
    let lines = server.request(Method::GET, &format!("{path}?types=log,partial&limit=1"));
    let lines = lines.header("accept", "application/x-ndjson").send().await.unwrap();
    let link = lines.headers()["link"].to_str().unwrap();
    let address = link.split(['<', '>']).nth(1).unwrap();
    assert!(link.ends_with("; rel=\"next\""), "{link}");
    let second = ask(address.strip_prefix('?').unwrap()).await;
    assert_eq!(second["events"].as_array().unwrap().len(), 1);
    assert_eq!(second["events"][0]["message"], "1");

    let many = vec!["log"; 33].join(",");
    for (query, field) in [
        (format!("types={many}"), "types"),
        ("types=log,".to_owned(), "types"),
        ("types=no%20word".to_owned(), "types"),
        (format!("before={previous}&after={previous}"), "before"),
        ("before=latest&after=00000000-1".to_owned(), "before"),
        ("before=00000000-1".to_owned(), "before"),
        ("before=newest".to_owned(), "before"),
        ("after=00000000-1".to_owned(), "after"),
    ] {
        let refused = refusal(server.get(&format!("{path}?{query}")).await).await;
        assert_eq!((refused.0, refused.2.as_deref()), (422, Some(field)), "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_large_records_ends_at_about_a_mebibyte() {
    let server = Server::start().await;
    server.job("a").await;
    for n in 0..90 {
        let text = format!("{n}-{}", "x".repeat(15_000));
        server.report("a", json!({"type":"progress","metadata":{"text":text}})).await;
    }
    let page = records(&server, "limit=1000").await;
    let bytes: usize = page.records.iter().map(|record| record.patch.to_string().len()).sum();
    assert!(page.next.is_some() && (1_000_000..1_100_000).contains(&bytes), "{bytes}");
    assert_eq!(all_records(&server, 1_000).await.len(), 91);
    server.stop().await;
}

#[tokio::test]
async fn records_say_where_the_log_begins_now() {
    let server = Server::start().await;
    server.job("a").await;
    for done in 1..=20 {
        server.report("a", json!({"type":"progress","done":done})).await;
    }
    let whole = records(&server, "").await;
    assert_eq!(whole.trimmed_to, None);
    let before = whole.records[15].cursor.offset;
    let begin = server.store.trim(&"a".parse().unwrap(), before).await.unwrap().unwrap();
    let page = records(&server, "").await;
    assert_eq!(page.trimmed_to, Some(Cursor { offset: begin, ..page.cursor }));
    assert_eq!(page.records, whole.records[16..]);
    server.stop().await;
}

/// Doubles even numbers; the others fail, each in its own words.
const WORKER: &str = r#"
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    n = item["input"]
    if n % 2 == 0:
        answer = {"output": 2 * n}
    elif n % 3 == 0:
        answer = {"error": {"code": "thrice", "message": f"lead {n} is 'thrice {n}'"}}
    else:
        answer = {"error": {"code": "odd", "message": f"lead {n} is odd"}}
    print(json.dumps({"index": item["index"], **answer}), flush=True)
"#;

/// A batch of the numbers from 0 that has ended: of 24 items 12 fail, 4 of them by threes.
async fn batch(server: &Server, items: Vec<Value>) -> String {
    let executor = json!({"type":"command","mode":"stream","argv":["python3","-c",WORKER],
                          "processes":1});
    let request = json!({"executor":executor,"items":items,"retry":{"max_attempts":1}});
    let made: Value = server.post("/api/v1/batches", &request).await.json().await.unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let mut socket = Socket::open(server, &format!("/api/v1/jobs/{id}/stream")).await;
    socket.until("end").await;
    id
}

fn numbers(count: u64) -> Vec<Value> {
    (0..count).map(|n| json!({"custom_id":format!("lead-{n}"),"input":n})).collect()
}

#[tokio::test]
async fn failed_items_are_told_in_groups_and_read_by_their_code() {
    let server = Server::start().await;
    let id = batch(&server, numbers(24)).await;
    let path = format!("/api/v1/batches/{id}");
    let errors: Value = server.get(&format!("{path}/errors")).await.json().await.unwrap();
    let example = |index: u64, message: String| json!({"index":index,"custom_id":format!("lead-{index}"),"message":message});
    let odd: Vec<_> = [1, 5, 7].map(|index| example(index, format!("lead {index} is odd"))).into();
    let thrice: Vec<_> =
        [3, 9, 15].map(|index| example(index, format!("lead {index} is 'thrice {index}'"))).into();
    assert_eq!(
        errors,
        json!({
            "failed": 12,
            "grouped": 12,
            "groups": [
                {"code":"odd","message":"lead … is odd","count":8,"retryable":false,"examples":odd},
                {"code":"thrice","message":"lead … is '…'","count":4,"retryable":false,
                 "examples":thrice},
            ],
        })
    );
    let errors: Value = server.get(&format!("{path}/errors?limit=1")).await.json().await.unwrap();
    assert_eq!(errors["groups"].as_array().unwrap().len(), 1);
    let metrics = server.get("/metrics").await.text().await.unwrap();
    for by in ["look", "shared"] {
        let line = format!("headway_batch_looks_total{{of=\"errors\",by=\"{by}\"}} 1");
        assert!(metrics.contains(&line), "no `{line}` in {metrics}");
    }

    let mut found = Vec::new();
    let mut query = "error=thrice&limit=3".to_owned();
    loop {
        let page = server.get(&format!("{path}/items?{query}")).await;
        let page: Value = page.json().await.unwrap();
        for item in page["items"].as_array().unwrap() {
            assert_eq!(
                (&item["error"]["code"], &item["input"]),
                (&json!("thrice"), &item["index"])
            );
            found.push(item["index"].as_u64().unwrap());
        }
        let Some(next) = page["next"].as_u64() else { break };
        query = format!("error=thrice&limit=3&after={next}");
    }
    assert_eq!(found, [3, 9, 15, 21]);
    for none in ["error=unheard-of", "error=odd&status=succeeded"] {
        let page = server.get(&format!("{path}/items?{none}")).await;
        assert_eq!(page.json::<Value>().await.unwrap(), json!({"items":[]}), "{none}");
    }
    server.stop().await;
}

#[tokio::test]
async fn timings_tell_when_items_finished_and_how_long_they_took() {
    let server = Server::start().await;
    let id = batch(&server, numbers(24)).await;
    let path = format!("/api/v1/batches/{id}/timings");
    let timings: Timings = server.get(&path).await.json().await.unwrap();
    let sum = |count: fn(&TimingPoint) -> u64| timings.points.iter().map(count).sum::<u64>();
    assert_eq!((sum(|point| point.finished), sum(|point| point.failed)), (24, 12));
    assert_eq!((timings.read, timings.finished), (24, 24));
    let document = server.document(&id).await;
    let time = |member: &str| document[member].as_str().unwrap().parse::<Timestamp>().unwrap();
    let first = timings.points[0].at;
    assert!(first.as_millis() + timings.step_ms > time("created_at").as_millis());
    assert!(timings.points.last().unwrap().at <= time("finished_at"));
    assert!(timings.duration.unwrap().max_ms <= time("finished_at").since(time("created_at")));
    let one: Timings = server.get(&format!("{path}?points=1")).await.json().await.unwrap();
    assert_eq!((one.points.len(), one.points[0].finished), (1, 24));
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_batch_has_neither_errors_nor_timings() {
    let server = Server::start().await;
    server.job("a").await;
    for name in ["a", "nobody"] {
        for part in ["items", "items?error=x", "errors", "timings"] {
            let answer = refusal(server.get(&format!("/api/v1/batches/{name}/{part}")).await).await;
            assert_eq!((answer.0, answer.1.as_str()), (404, "not_found"), "{name} {part}");
        }
    }
    // One answer wherever a job is taken for a batch, and nothing is done to it.
    let mut told = Vec::new();
    for part in ["", "/items", "/items?error=x", "/errors", "/timings", "/results"] {
        told.push(server.get(&format!("/api/v1/batches/a{part}")).await);
    }
    for action in ["cancel", "pause", "resume", "retry"] {
        told.push(server.post(&format!("/api/v1/batches/a/{action}"), &json!({})).await);
    }
    for answer in told {
        let place = answer.url().path().to_owned();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&json!(404), &json!("not_found")));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("a is a job, not a batch"), "{place}: {detail}");
    }
    assert_eq!(server.document("a").await["status"], "pending");
    for (part, field) in [
        ("errors?limit=0", "limit"),
        ("errors?limit=101", "limit"),
        ("timings?points=0", "points"),
        ("timings?points=501", "points"),
        ("items?error=a&error=b", "error"),
    ] {
        let answer = refusal(server.get(&format!("/api/v1/batches/a/{part}")).await).await;
        assert_eq!((answer.0, answer.2.as_deref()), (422, Some(field)), "{part}");
    }
    server.stop().await;
}

#[tokio::test]
async fn whether_a_hidden_job_is_a_batch_is_not_told() {
    let server = Server::start_guarded(Options::default()).await;
    let job = json!({"kind":"import","id":"hidden"});
    let made = server.as_caller(Method::POST, "/api/v1/jobs", ADMIN_KEY).json(&job);
    assert_eq!(made.send().await.unwrap().status(), 201);
    let stranger =
        server.key(json!({"name":"s","tenant":"other","scopes":["watch","control"]})).await;
    for part in ["", "/items", "/errors", "/timings", "/results", "/cancel", "/retry"] {
        let method = if part == "/cancel" || part == "/retry" { Method::POST } else { Method::GET };
        let mut told = Vec::new();
        for name in ["hidden", "nobody"] {
            let path = format!("/api/v1/batches/{name}{part}");
            let answer = server.as_caller(method.clone(), &path, &stranger).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
            told.push(answer.text().await.unwrap().replace(name, "it"));
        }
        assert_eq!(told[0], told[1], "{part}");
    }
    server.stop().await;
}

#[tokio::test]
async fn chosen_items_run_again_and_a_wrong_one_is_named() {
    let server = Server::start().await;
    let id = batch(&server, numbers(24)).await;
    let path = format!("/api/v1/batches/{id}/retry");
    for (items, index) in [(json!([3, 4]), Some(4)), (json!([24, 3]), Some(24)), (json!([]), None)]
    {
        let response = server.post(&path, &json!({ "items": items })).await;
        assert_eq!(response.status(), 422);
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["field"], &problem["index"]), (&json!("items"), &json!(index)));
    }
    let wrong = refusal(server.post(&path, &json!({"items":[-1]})).await).await;
    assert_eq!((wrong.0, wrong.2.as_deref()), (422, Some("items[0]")));

    let asked: Value = server.post(&path, &json!({"items":[9, 3]})).await.json().await.unwrap();
    assert_eq!((&asked["attempt"], &asked["items"]["failed"]), (&json!(2), &json!(10)));
    let mut socket = Socket::open(&server, &format!("/api/v1/jobs/{id}/stream")).await;
    socket.until("end").await;
    let document = server.document(&id).await;
    assert_eq!((&document["attempt"], &document["items"]["failed"]), (&json!(2), &json!(12)));
    let events: Value =
        server.get(&format!("/api/v1/jobs/{id}/events")).await.json().await.unwrap();
    let retried = events["events"].as_array().unwrap().iter();
    let retried: Vec<_> = retried.filter(|event| event["type"] == "retried").collect();
    assert_eq!(retried[0]["items"]["only"], json!([3, 9]));
    server.stop().await;
}
