//! The interface that is no stream, from a real server.

mod support;

use headway_gateway::{Error, Gateway, Limits, Options};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use support::{Server, Socket, refusal};

/// Squares numbers; a text cannot be squared.
const WORKER: &str = r#"
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    try:
        answer = {"output": int(item["input"]["n"]) ** 2}
    except (TypeError, ValueError) as error:
        answer = {"error": {"code": "not_a_number", "message": str(error), "retryable": False}}
    print(json.dumps({"index": item["index"], **answer}), flush=True)
"#;

fn executor() -> Value {
    json!({"type":"command","mode":"stream","argv":["python3","-c",WORKER],"processes":1})
}

/// Waits for a batch's end on its stream.
async fn finish(server: &Server, id: &str) -> Value {
    let mut socket = Socket::open(server, &format!("/api/v1/jobs/{id}/stream")).await;
    socket.until("end").await;
    server.document(id).await
}

#[tokio::test]
async fn a_job_is_made_shown_listed_and_reported_to() {
    let server = Server::start().await;
    let body = json!({"kind":"import","id":"a","session":"s","tags":["t"],"total":4});
    let response = server.post("/api/v1/jobs", &body).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], "/api/v1/jobs/a");
    assert!(response.headers().contains_key("x-request-id"));

    let shown = server.get("/api/v1/jobs/a").await;
    let tag = shown.headers()["etag"].to_str().unwrap().to_owned();
    let document: Value = shown.json().await.unwrap();
    assert_eq!(tag, format!("\"{}\"", document["cursor"].as_str().unwrap()));
    let request = server.request(Method::GET, "/api/v1/jobs/a").header("if-none-match", &tag);
    let same = request.send().await.unwrap();
    assert_eq!((same.status().as_u16(), same.bytes().await.unwrap().len()), (304, 0));

    let reply = server.report("a", json!({"type":"progress","done":1})).await;
    assert_eq!((&reply["status"], &reply["commands"]), (&json!("running"), &json!([])));
    let request = server.request(Method::GET, "/api/v1/jobs/a").header("if-none-match", &tag);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let head = server.request(Method::HEAD, "/api/v1/jobs/a").send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.bytes().await.unwrap().len()), (200, 0));

    let lines = "{\"type\":\"progress\",\"done\":2}\n{\"type\":\"log\",\"message\":\"two\"}\n";
    let request = server
        .request(Method::POST, "/api/v1/jobs/a/events")
        .header("content-type", "application/x-ndjson")
        .body(lines);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(server.document("a").await["progress"]["percent"], 50.0);

    for (query, count) in [("session=s", 1), ("session=x", 0), ("tag=t&status=running,paused", 1)] {
        let page: Value = server.get(&format!("/api/v1/jobs?{query}")).await.json().await.unwrap();
        assert_eq!(page["jobs"].as_array().unwrap().len(), count, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_list_pages_from_the_newest() {
    let server = Server::start().await;
    for n in 0..5 {
        server.job(&format!("job-{n}")).await;
    }
    let mut seen = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let page: Value = server.get(&format!("/api/v1/jobs?{query}")).await.json().await.unwrap();
        for job in page["jobs"].as_array().unwrap() {
            seen.push(job["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=2&page={next}");
    }
    assert_eq!(seen, ["job-4", "job-3", "job-2", "job-1", "job-0"]);
    server.stop().await;
}

#[tokio::test]
async fn history_is_read_in_pages_and_as_lines() {
    let server = Server::start().await;
    server.job("a").await;
    let logs: Vec<_> = (0..5).map(|n| json!({"type":"log","message":n.to_string()})).collect();
    server.report("a", json!(logs)).await;
    let mut words = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let path = format!("/api/v1/jobs/a/events?{query}");
        let page: Value = server.get(&path).await.json().await.unwrap();
        for event in page["events"].as_array().unwrap() {
            words.push(event["type"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=2&after={next}");
    }
    let logs: Vec<_> = words.iter().filter(|word| *word == "log").collect();
    assert_eq!((words[0].as_str(), logs.len()), ("created", 5));
    let request = server
        .request(Method::GET, "/api/v1/jobs/a/events?limit=1000")
        .header("accept", "application/x-ndjson");
    let text = request.send().await.unwrap().text().await.unwrap();
    assert_eq!(text.lines().count(), words.len());
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let refused = refusal(server.get("/api/v1/jobs/a/events?after=00000000-1").await).await;
    assert_eq!((refused.0, refused.2.as_deref()), (422, Some("after")));
    server.stop().await;
}

#[tokio::test]
async fn repeats_are_harmless() {
    let server = Server::start().await;
    let create = || {
        server
            .request(Method::POST, "/api/v1/jobs")
            .header("idempotency-key", "k1")
            .json(&json!({"kind":"import"}))
            .send()
    };
    let first = create().await.unwrap();
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let first: Value = first.json().await.unwrap();
    let second = create().await.unwrap();
    assert_eq!(second.status(), 201);
    assert_eq!(second.headers()["idempotent-replayed"], "true");
    let second: Value = second.json().await.unwrap();
    assert_eq!(first["id"], second["id"]);
    let other = server
        .request(Method::POST, "/api/v1/jobs")
        .header("idempotency-key", "k1")
        .json(&json!({"kind":"export"}));
    assert_eq!(refusal(other.send().await.unwrap()).await.1, "key_reused");

    let path = format!("/api/v1/jobs/{}/events", first["id"].as_str().unwrap());
    let report = |seq: u64, percent: u64| {
        server
            .request(Method::POST, &path)
            .header("producer-id", "p")
            .header("producer-seq", seq.to_string())
            .json(&json!({"type":"progress","percent":percent}))
            .send()
    };
    let once: Value = report(1, 10).await.unwrap().json().await.unwrap();
    let again: Value = report(1, 10).await.unwrap().json().await.unwrap();
    assert_eq!(once["cursor"], again["cursor"]);
    let next: Value = report(2, 20).await.unwrap().json().await.unwrap();
    assert_ne!(once["cursor"], next["cursor"]);
    server.stop().await;
}

#[tokio::test]
async fn every_refusal_is_a_problem_that_says_where() {
    let options = Options { body_bytes: 10_000, ..Options::default() };
    let server = Server::start_with(options, headway_hub::Options::default()).await;
    server.job("a").await;
    let json_body = "application/json";
    let large = format!("{{\"kind\":\"{}\"}}", "x".repeat(20_000));
    for (method, path, media, body, status, code, field) in [
        ("GET", "/nowhere", "", "", 404, "not_found", None),
        ("GET", "/api/v1/jobs/nobody", "", "", 404, "not_found", None),
        ("GET", "/api/v1/jobs/%FF", "", "", 404, "not_found", None),
        ("DELETE", "/api/v1/jobs/a", "", "", 405, "method_not_allowed", None),
        ("GET", "/api/v1/jobs?colour=red", "", "", 422, "invalid", Some("colour")),
        ("GET", "/api/v1/jobs?limit=0", "", "", 422, "invalid", Some("limit")),
        ("GET", "/api/v1/jobs?limit=5&limit=6", "", "", 422, "invalid", Some("limit")),
        ("GET", "/api/v1/jobs?status=done", "", "", 422, "invalid", Some("status")),
        ("GET", "/api/v1/jobs?page=x", "", "", 422, "invalid", Some("page")),
        ("GET", "/api/v1/stream", "", "", 422, "invalid", Some("all")),
        ("GET", "/api/v1/jobs/a/stream?cursor=x", "", "", 422, "invalid", Some("cursor")),
        ("GET", "/api/v1/jobs/a/stream?wait_ms=99999", "", "", 422, "invalid", Some("wait_ms")),
        ("GET", "/healthz?x=1", "", "", 422, "invalid", Some("x")),
        ("POST", "/api/v1/jobs", json_body, "{", 400, "malformed", None),
        ("POST", "/api/v1/jobs", json_body, "{}", 422, "invalid", Some("kind")),
        ("POST", "/api/v1/jobs", json_body, &large, 413, "too_large", None),
        ("POST", "/api/v1/jobs", "text/plain", "x", 415, "unsupported_media_type", None),
        (
            "POST",
            "/api/v1/jobs",
            json_body,
            r#"{"kind":"k","id":"a"}"#,
            409,
            "already_exists",
            Some("id"),
        ),
        ("POST", "/api/v1/jobs/a/events", json_body, "[]", 422, "invalid", None),
        ("POST", "/api/v1/jobs/a/resume", json_body, "", 409, "wrong_status", None),
        ("POST", "/api/v1/jobs/a/cancel", json_body, r#"{"why":1}"#, 422, "invalid", Some("why")),
        ("POST", "/api/v1/batches", json_body, r#"{"items":5}"#, 422, "invalid", Some("items")),
        ("POST", "/api/v1/batches", json_body, r#"{"colour":5}"#, 422, "invalid", Some("colour")),
    ] {
        let mut request = server.request(method.parse().unwrap(), path);
        if !media.is_empty() {
            request = request.header("content-type", media).body(body.to_owned());
        }
        let (found, word, place, _) = refusal(request.send().await.unwrap()).await;
        assert_eq!(
            (found, word.as_str(), place.as_deref()),
            (status, code, field),
            "{method} {path} {body:.60}"
        );
    }
    let bad = json!([{"type":"progress","percent":5}, {"type":"progress","percent":500}]);
    let refused = refusal(server.post("/api/v1/jobs/a/events", &bad).await).await;
    assert_eq!(refused, (422, "invalid".to_owned(), Some("percent".to_owned()), Some(1)));
    assert_eq!(server.document("a").await["status"], "pending", "nothing of it was applied");
    let request =
        server.request(Method::GET, "/api/v1/jobs/a/events").header("accept", "image/png");
    assert_eq!(refusal(request.send().await.unwrap()).await.0, 406);
    let options = server.request(Method::OPTIONS, "/api/v1/jobs").send().await.unwrap();
    assert_eq!(options.status(), 204);
    assert_eq!(options.headers()["allow"], "GET, HEAD, POST, OPTIONS");
    let wrong = server.request(Method::PUT, "/api/v1/jobs/a/events").send().await.unwrap();
    assert_eq!(wrong.headers()["allow"], "GET, HEAD, POST, OPTIONS");
    server.stop().await;
}

#[tokio::test]
async fn commands_answer_with_the_document() {
    let server = Server::start().await;
    server.job("a").await;
    let response = server.request(Method::POST, "/api/v1/jobs/a/cancel").send().await.unwrap();
    assert_eq!(response.status(), 202);
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["status"], "cancelled");
    server.stop().await;
}

#[tokio::test]
async fn a_batch_of_inline_items_runs_and_gives_results() {
    let server = Server::start().await;
    let items = json!([{"input":{"n":3},"custom_id":"three"}, {"input":{"n":"four"}}, {"n":5}]);
    let body = json!({"executor":executor(),"retry":{"max_attempts":1},"items":items});
    let response = server.post("/api/v1/batches", &body).await;
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let id = response.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/api/v1/batches/{id}"));
    assert_eq!(server.get(&location).await.status(), 200);
    let document = finish(&server, &id).await;
    assert_eq!(
        (&document["items"]["succeeded"], &document["items"]["failed"]),
        (&json!(2), &json!(1))
    );
    let path = format!("/api/v1/batches/{id}/items?status=failed");
    let page: Value = server.get(&path).await.json().await.unwrap();
    assert_eq!(page["items"][0]["error"]["code"], "not_a_number");
    let path = format!("/api/v1/batches/{id}/items?limit=2");
    let page: Value = server.get(&path).await.json().await.unwrap();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (2, &json!(1)));

    let lines = server.get(&format!("/api/v1/batches/{id}/results")).await;
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    let lines = lines.text().await.unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outputs: Vec<_> = lines.iter().map(|line| line["output"].clone()).collect();
    assert_eq!(outputs, [json!(9), Value::Null, json!(25)]);
    for (query, name) in [
        ("", format!("{id}.jsonl")),
        ("?format=csv", format!("{id}.csv")),
        ("?status=failed", format!("{id}-failed.jsonl")),
        ("?status=failed,expired,failed", format!("{id}-failed-expired.jsonl")),
    ] {
        let file = server.get(&format!("/api/v1/batches/{id}/results{query}")).await;
        let disposition = file.headers()["content-disposition"].to_str().unwrap();
        assert_eq!(disposition, format!("attachment; filename=\"{name}\""), "{query}");
    }
    let table =
        server.get(&format!("/api/v1/batches/{id}/results?format=csv&status=succeeded")).await;
    let table = table.text().await.unwrap();
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.starts_with("index,custom_id,status,"), "{table}");

    let path = format!("/api/v1/batches/{id}/retry");
    assert_eq!(server.post(&path, &json!({"status":"failed"})).await.status(), 202);
    server.stop().await;
}

#[tokio::test]
async fn a_file_is_streamed_in_after_its_options() {
    let server = Server::start().await;
    let options = json!({"executor":executor(),"retry":{"max_attempts":1}}).to_string();
    let file = |name: &str, text: String| Part::text(text).file_name(name.to_owned());
    let rows: String =
        std::iter::once("n\n".to_owned()).chain((0..3_000).map(|n| format!("{n}\n"))).collect();
    let form = Form::new().text("options", options.clone()).part("file", file("n.csv", rows));
    let response =
        server.request(Method::POST, "/api/v1/batches").multipart(form).send().await.unwrap();
    assert_eq!(response.status(), 202, "{}", response.text().await.unwrap());
    let document: Value = response.json().await.unwrap();
    let document = finish(&server, document["id"].as_str().unwrap()).await;
    assert_eq!(document["items"]["succeeded"], 3_000);

    let lines = "{\"n\":1}\nnonsense\n{\"n\":2}\n".to_owned();
    let form = Form::new().text("options", options.clone()).part("file", file("n.jsonl", lines));
    let request = server.request(Method::POST, "/api/v1/estimates").multipart(form);
    let estimate: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&estimate["items"], &estimate["invalid"]), (&json!(2), &json!(1)), "{estimate}");

    let backwards =
        Form::new().part("file", file("n.csv", "n\n1\n".into())).text("options", options.clone());
    let nameless = Form::new().text("options", options).part("file", Part::text("n\n1\n"));
    for (form, status, field) in [(backwards, 422, "options"), (nameless, 415, "file")] {
        let request = server.request(Method::POST, "/api/v1/batches").multipart(form);
        let refused = refusal(request.send().await.unwrap()).await;
        assert_eq!((refused.0, refused.2.as_deref()), (status, Some(field)));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_is_too_large_makes_no_batch() {
    let options = Options { upload_bytes: 50_000, ..Options::default() };
    let server = Server::start_with(options, headway_hub::Options::default()).await;
    let rows = "{\"n\":1}\n".repeat(10_000);
    for stream in [false, true] {
        // A body whose length is not declared is found out while it is read.
        let part = if stream {
            Part::stream(reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<
                _,
                std::io::Error,
            >(
                rows.clone()
            )])))
        } else {
            Part::text(rows.clone())
        };
        let options = json!({"executor":executor()}).to_string();
        let form = Form::new().text("options", options).part("file", part.file_name("n.jsonl"));
        let request = server.request(Method::POST, "/api/v1/batches").multipart(form);
        assert_eq!(refusal(request.send().await.unwrap()).await.0, 413);
    }
    let page: Value = server.get("/api/v1/jobs").await.json().await.unwrap();
    assert_eq!(page["jobs"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn it_tells_how_it_is() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path).await.status(), 200, "{path}");
    }
    server.job("a").await;
    let text = server.get("/metrics").await.text().await.unwrap();
    for line in [
        "headway_http_requests_total{route=\"/api/v1/jobs\",method=\"POST\",status=\"201\"} 1",
        "headway_frames_total{type=\"snapshot\"} 0",
        "# TYPE headway_delivery_seconds histogram",
        "headway_connections{transport=\"websocket\"} 0",
        "headway_connections{transport=\"sse\"} 0",
        "headway_connections{transport=\"poll\"} 0",
        concat!("headway_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes ",
        "# TYPE process_open_fds gauge\nprocess_open_fds ",
        "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1",
        "# TYPE process_cpu_seconds counter\nprocess_cpu_seconds_total ",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn methods_that_somebody_makes_up_are_counted_as_one() {
    let server = Server::start().await;
    for made_up in ["MADEUP1", "MADEUP2"] {
        let method = Method::from_bytes(made_up.as_bytes()).unwrap();
        assert_eq!(server.request(method, "/api/v1/jobs").send().await.unwrap().status(), 405);
    }
    let text = server.get("/metrics").await.text().await.unwrap();
    assert!(!text.contains("MADEUP"), "{text}");
    let line = "{route=\"/api/v1/jobs\",method=\"other\",status=\"405\"} 2";
    assert!(text.contains(line), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn it_stays_on_this_machine_unless_told_otherwise() {
    let store = std::sync::Arc::new(headway_store::memory::MemoryStore::new());
    let clock = std::sync::Arc::new(headway_store::SystemClock);
    let engine = headway_engine::Options::default();
    let engine = headway_engine::Handle::start(engine, store.clone(), clock.clone()).unwrap();
    let hub = headway_hub::Options::default();
    let hub = headway_hub::Hub::start(hub, store.clone(), clock.clone()).unwrap();
    let signin = headway_signin::Options::default();
    let signin = headway_signin::Handle::start(signin, store, clock).await.unwrap();
    let listen = "192.0.2.1:0".parse().unwrap();
    let options = Options { listen, ..Options::default() };
    let refused = Gateway::bind(options, engine, hub, signin).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::NotLoopback(_)), "{refused}");
    assert!(refused.to_string().contains("--insecure"), "{refused}");
}

#[tokio::test]
async fn jobs_are_found_by_words_of_a_bounded_length() {
    let server = Server::start().await;
    server.job_with(json!({"kind":"import","id":"a","name":"Orders of März"})).await;
    server.job_with(json!({"kind":"import","id":"b","name":"Invoices"})).await;
    let found = async |query: &str| -> Value {
        server.get(&format!("/api/v1/jobs?{query}")).await.json().await.unwrap()
    };
    let one = found("text=m%C3%84RZ%20orders").await;
    assert_eq!((&one["jobs"][0]["id"], one["jobs"].as_array().unwrap().len()), (&json!("a"), 1));
    assert_eq!(found("text=import&limit=1").await["jobs"][0]["id"], "b");
    assert!(found("text=import&limit=1").await["next"].is_string());
    assert_eq!(found("text=").await["jobs"].as_array().unwrap().len(), 2, "empty is absent");
    let long = format!("/api/v1/jobs?text={}", "%C3%A4".repeat(257));
    let (status, code, field, _) = refusal(server.get(&long).await).await;
    assert_eq!((status, &*code, field.as_deref()), (422, "invalid", Some("text")));
    server.stop().await;
}

#[tokio::test]
async fn kinds_are_for_those_who_make_jobs() {
    let server = Server::start_guarded(Options::default()).await;
    for (scope, allowed) in [("report", true), ("watch", false)] {
        let key = server.key(json!({"name":scope,"scopes":[scope]})).await;
        let response = server.as_caller(Method::GET, "/api/v1/kinds", &key).send().await.unwrap();
        if allowed {
            assert_eq!(response.json::<Value>().await.unwrap(), json!({"kinds":[]}));
        } else {
            assert_eq!(refusal(response).await.0, 403);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn open_connections_are_told_beside_how_many_may_be() {
    let limits = Limits { connections: 12, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let server = Server::start_with(options, headway_hub::Options::default()).await;
    server.job("a").await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(Socket::open(&server, "/api/v1/jobs/a/stream").await);
    }
    let text = server.get("/metrics").await.text().await.unwrap();
    let told = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    };
    assert_eq!(told("headway_connections_limit"), 12);
    // Those of the watchers, and at least the one of this request.
    assert!((4..=12).contains(&told("headway_connections_open")), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn everything_that_is_measured_is_explained() {
    let server = Server::start().await;
    server.job("a").await;
    let text = server.get("/metrics").await.text().await.unwrap();
    let explained = include_str!("../../../docs/metrics.md");
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut count = 0;
    for (name, kind) in families.filter_map(|family| family.split_once(' ')) {
        let bounded =
            kind != "histogram" || text.contains(&format!("{name}_bucket{{le=\"+Inf\"}}"));
        assert!(bounded, "`{name}` has no bucket for whatever took longest");
        let ending = if kind == "counter" { "_total" } else { "" };
        let found = explained.contains(&format!("`{name}{ending}`"));
        assert!(found, "docs/metrics.md does not say what `{name}{ending}` tells");
        count += 1;
    }
    assert!(count > 30, "{text}");
    server.stop().await;
}
