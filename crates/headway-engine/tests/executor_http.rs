//! One request for each item, against a real server.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod executor_support;
#[path = "executor_support/server.rs"]
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use executor_support::{
    Heard, PATIENCE, attempt, error, output, run, run_until, try_executor, until,
};
use futures_util::future::join_all;
use headway_engine::executor::{Execute, Failure, Readiness, Surroundings, Terms, build};
use headway_protocol::limits;
use serde_json::{Value, json};
use server::{Asked, Reply, Server};
use tokio_util::sync::CancellationToken;

fn http(mut json: Value) -> Arc<dyn Execute> {
    json.as_object_mut().unwrap().insert("type".to_owned(), json!("http"));
    executor_support::executor(json)
}

/// A server that answers with what it was asked.
async fn echo() -> Server {
    Server::start(|asked| {
        server::json(
            200,
            &json!({
                "method": asked.method, "target": asked.target, "body": asked.body,
                "headers": asked.headers, "usage": {"in": 12, "out": 3}, "cost": "0.05",
            }),
        )
    })
    .await
}

#[tokio::test]
async fn the_item_is_filled_in_everywhere() {
    let server = echo().await;
    let runner = http(json!({
        "url": server.url("/v1/{{input.path}}?q={{input.q}}&i={{index}}"),
        "headers": {"Authorization": "Bearer {{input.key}}", "X-Plain": "p"},
        "body": {"text": "{{input.q}}", "all": "{{input}}", "n": "n={{input.n}}"},
    }));
    let input = json!({"path": "a/b", "q": "x&y=é z", "key": "k", "n": 1.5});
    let answer = output(&run(&runner, &attempt(7, &input)).await);
    assert_eq!(answer["method"], "POST");
    assert_eq!(answer["target"], "/v1/a%2Fb?q=x%26y%3D%C3%A9%20z&i=7");
    assert_eq!(answer["headers"]["authorization"], "Bearer k");
    assert_eq!(answer["headers"]["x-plain"], "p");
    assert_eq!(answer["headers"]["content-type"], "application/json");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"text": "x&y=é z", "all": input, "n": "n=1.5"}));
}

#[tokio::test]
async fn the_input_is_the_body_unless_another_is_given() {
    let server = echo().await;
    let answer =
        output(&run(&http(json!({"url": server.url("/")})), &attempt(0, &json!([1]))).await);
    assert_eq!(answer["body"], "[1]");
    let get = http(json!({"url": server.url("/"), "method": "get"}));
    let answer = output(&run(&get, &attempt(0, &json!([1]))).await);
    assert_eq!((&answer["method"], &answer["body"]), (&json!("GET"), &json!("")));
}

#[tokio::test]
async fn output_usage_and_cost_are_found_by_their_pointers() {
    let server = echo().await;
    let runner = http(json!({
        "url": server.url("/"), "output": "/usage/in", "cost": "/cost",
        "usage": {"sku": "model", "input": "/usage/in", "output": "/usage/out"},
    }));
    let ended = run(&runner, &attempt(0, &Value::Null)).await;
    assert_eq!(output(&ended), json!(12));
    assert_eq!(ended.usage[0].sku, "model");
    assert_eq!(ended.usage[0].units.get("input"), Some(&12.0));
    assert_eq!(ended.usage[0].units.get("output"), Some(&3.0));
    assert_eq!(ended.cost.to_string(), "0.05");

    let runner = http(json!({
        "url": server.url("/"), "output": "/nothing", "usage": {"sku": "m", "n": "/usage/none"},
        "cost": "/cost",
    }));
    let heard = Heard::default();
    let about = attempt(0, &Value::Null);
    let ended = runner.run(&about, &heard.sink(), &CancellationToken::new()).await;
    assert_eq!((error(&ended).code.as_str(), error(&ended).retryable), ("output_missing", false));
    assert_eq!(ended.cost.to_string(), "0.05", "what was paid counts without an output");
    assert!(heard.lines().iter().any(|line| line.contains("/usage/none")), "{:?}", heard.lines());
}

#[tokio::test]
async fn answers_that_are_no_json_are_text() {
    let server = Server::start(|asked| {
        let body = if asked.target == "/empty" { "" } else { "plain <b>text</b>" };
        Reply::Answer(200, String::new(), body.to_owned())
    })
    .await;
    let text = run(&http(json!({"url": server.url("/")})), &attempt(0, &Value::Null)).await;
    assert_eq!(output(&text), json!("plain <b>text</b>"));
    let empty = run(&http(json!({"url": server.url("/empty")})), &attempt(0, &Value::Null)).await;
    assert_eq!(output(&empty), Value::Null);
}

#[tokio::test]
async fn statuses_decide_whether_to_try_again_and_when() {
    let server = Server::start(|asked| {
        let status = asked.target.trim_start_matches('/').parse().unwrap();
        Reply::Answer(status, "retry-after: 7\r\n".to_owned(), "the reason".to_owned())
    })
    .await;
    for (status, retryable) in [
        (400, false),
        (404, false),
        (408, true),
        (409, true),
        (425, true),
        (429, true),
        (503, true),
    ] {
        let runner = http(json!({"url": server.url(&format!("/{status}"))}));
        let ended = run(&runner, &attempt(0, &Value::Null)).await;
        let error = error(&ended);
        assert_eq!((error.code.as_str(), error.retryable), ("http_status", retryable), "{status}");
        assert!(error.message.contains("the reason"), "{}", error.message);
        assert_eq!(error.details, Some(json!({"status": status})));
        let Err(Failure::Error { retry_after_ms, .. }) = &ended.outcome else { panic!() };
        assert_eq!(*retry_after_ms, Some(7_000));
    }
}

#[tokio::test]
async fn an_answer_in_json_tells_its_failure_in_its_own_words() {
    let reply = |body: &str| Reply::Answer(422, String::new(), body.to_owned());
    let server = Server::start(move |asked| {
        let body = match asked.target.as_str() {
            "/words" => json!({"error": {"message": "no such model: x", "id": "r-17"}}),
            // A secret that JSON writes otherwise than it is.
            "/secret" => return reply(r#"{"message":"not for s3cr3t\/t0ken"}"#),
            "/long" => json!({"message": "x".repeat(5_000)}),
            "/longer" => json!({"padding": "x".repeat(50_000), "message": "lost"}),
            _ => json!({"reason": "no words"}),
        };
        reply(&body.to_string())
    })
    .await;
    let check = async |path: &str, said: &str| {
        let runner = http(json!({
            "url": server.url(path), "headers": {"authorization": "s3cr3t/t0ken"},
        }));
        let ended = run(&runner, &attempt(0, &Value::Null)).await;
        let expected = format!("the server answered 422 Unprocessable Entity: {said}");
        assert_eq!(error(&ended).message, expected, "{path}");
    };
    check("/words", "no such model: x").await;
    check("/secret", "not for ***").await;
    check("/none", r#"{"reason":"no words"}"#).await;
    check("/long", &"x".repeat(1_024)).await;
    check("/longer", &format!(r#"{{"message":"lost","padding":"{}"#, "x".repeat(995))).await;
}

#[tokio::test]
async fn what_does_not_get_through_is_tried_again_and_tells_no_secret() {
    let silent = Server::start(|asked| {
        if asked.target.starts_with("/hang") { Reply::HangUp } else { Reply::Silence }
    })
    .await;
    let mut about = attempt(0, &json!("s3cret"));
    for (url, code, timeout) in [
        (silent.url("/?k={{input}}"), "timeout", Duration::from_millis(200)),
        (silent.url("/hang?k={{input}}"), "http", PATIENCE),
        ("http://127.0.0.1:1/?k={{input}}".to_owned(), "connect", PATIENCE),
    ] {
        about.timeout = Some(timeout);
        let ended = run(&http(json!({"url": url})), &about).await;
        let error = error(&ended);
        assert_eq!((error.code.as_str(), error.retryable), (code, true), "{}", error.message);
        assert!(!error.message.contains("s3cret"), "{}", error.message);
    }
}

#[tokio::test]
async fn a_stop_gives_the_request_up() {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    let silent = Server::start(move |_| {
        asked.cancel();
        Reply::Silence
    })
    .await;
    let runner = http(json!({"url": silent.url("/")}));
    let ended = run_until(&runner, &attempt(0, &Value::Null), &stop).await;
    assert_eq!(ended.outcome.unwrap_err(), Failure::Stopped);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_given_up() {
    let server = Server::start(|asked| {
        let length: usize = asked.target.trim_start_matches('/').parse().unwrap();
        Reply::Answer(200, String::new(), "x".repeat(length))
    })
    .await;
    let just = limits::OUTPUT_BYTES - 2;
    let runner = http(json!({"url": server.url(&format!("/{just}"))}));
    assert!(run(&runner, &attempt(0, &Value::Null)).await.outcome.is_ok());
    for length in [just + 1, limits::OUTPUT_BYTES + 1, 20_000_000] {
        let runner = http(json!({"url": server.url(&format!("/{length}"))}));
        let ended = run(&runner, &attempt(0, &Value::Null)).await;
        assert_eq!(error(&ended).code, "output_too_large", "{length}");
    }
}

#[tokio::test]
async fn redirects_are_followed_with_what_they_may_be_told() {
    let other = echo().await;
    let elsewhere = other.url("/there");
    let server = Server::start(move |asked: Asked| {
        let to =
            |status, to: &str| Reply::Answer(status, format!("location: {to}\r\n"), String::new());
        match asked.target.as_str() {
            "/302" => to(302, "/echo"),
            "/307" => to(307, "/echo"),
            "/other" => to(307, &elsewhere),
            "/loop" => to(307, "/loop"),
            "/inside" => to(302, "http://169.254.169.254/latest/meta-data/"),
            "/file" => to(302, "file:///etc/passwd"),
            _ => server::json(
                200,
                &json!({
                    "method": asked.method, "body": asked.body, "headers": asked.headers,
                }),
            ),
        }
    })
    .await;
    let ask = async |path: &str| {
        let runner = http(json!({"url": server.url(path), "headers": {"X-Api-Key": "k"}}));
        run(&runner, &attempt(0, &json!(1))).await
    };
    let found = output(&ask("/302").await);
    assert_eq!((&found["method"], &found["body"]), (&json!("GET"), &json!("")));
    assert_eq!(found["headers"]["x-api-key"], "k");
    let kept = output(&ask("/307").await);
    assert_eq!((&kept["method"], &kept["body"]), (&json!("POST"), &json!("1")));
    let other = output(&ask("/other").await);
    assert_eq!(other["target"], "/there");
    assert_eq!(other["headers"].get("x-api-key"), None, "a key is for its own server");
    assert_eq!(error(&ask("/loop").await).code, "redirect");
    assert_eq!(error(&ask("/inside").await).code, "address_refused");
    assert_eq!(error(&ask("/file").await).code, "redirect");
}

#[tokio::test]
async fn addresses_that_are_guarded_are_refused_with_the_setting_that_allows_them() {
    let server = echo().await;
    let strict = |url: String| {
        let executor = serde_json::from_value(json!({"type": "http", "url": url})).unwrap();
        let allow_hosts = [format!("127.0.0.1:{}", server.address.port() + 1)];
        let surroundings = Surroundings::new(std::env::temp_dir(), &allow_hosts)?;
        build(&executor, &Terms::default(), &surroundings)
    };
    let problem = strict(server.url("/")).unwrap_err();
    assert_eq!(problem.field.as_deref(), Some("executor.url"));
    assert!(problem.detail.contains("allow_hosts"), "{}", problem.detail);

    let by_item = strict("http://{{input}}/".to_owned()).unwrap();
    for host in [server.address.to_string(), "localhost".to_owned(), "0x7f000001".to_owned()] {
        let refused = run(&by_item, &attempt(0, &json!(host))).await;
        assert!(
            matches!(error(&refused).code.as_str(), "address_refused" | "template"),
            "{host}: {:?}",
            error(&refused)
        );
    }
}

#[tokio::test]
async fn an_item_that_does_not_fit_fails_alone() {
    let server = echo().await;
    let runner = http(json!({
        "url": server.url("/{{input.id}}"), "headers": {"X-Id": "{{input.header}}"},
    }));
    for (input, part) in [
        (json!({"header": "h"}), "no `input.id`"),
        (json!({"id": 1, "header": "a\r\nX-Evil: 1"}), "line break"),
        (json!({"id": null, "header": "h"}), "null"),
    ] {
        let ended = run(&runner, &attempt(0, &input)).await;
        assert_eq!((error(&ended).code.as_str(), error(&ended).retryable), ("template", false));
        assert!(error(&ended).message.contains(part), "{}", error(&ended).message);
    }
    assert!(run(&runner, &attempt(0, &json!({"id": 1, "header": "h"}))).await.outcome.is_ok());
}

#[tokio::test]
async fn connections_are_kept() {
    let server = echo().await;
    let runner = http(json!({"url": server.url("/")}));
    for _ in 0..10 {
        let attempts: Vec<_> = (0..4).map(|index| attempt(index, &Value::Null)).collect();
        let ended = join_all(attempts.iter().map(|about| run(&runner, about))).await;
        assert!(ended.iter().all(|ended| ended.outcome.is_ok()));
    }
    assert!(server.connections() <= 12, "{} connections for 40 requests", server.connections());
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is_sent() {
    for (json, field) in [
        (json!({"url": "ftp://example.com/"}), "executor.url"),
        (json!({"url": "not an address"}), "executor.url"),
        (json!({"url": "http://example.com/{{name}}"}), "executor.url"),
        (json!({"url": "http://10.0.0.1/"}), "executor.url"),
        (json!({"url": "http://example.com/", "method": "BREW"}), "executor.method"),
        (json!({"url": "http://example.com/", "headers": {"a b": "c"}}), "executor.headers.a b"),
        (json!({"url": "http://example.com/", "headers": {"a": "b\nc"}}), "executor.headers.a"),
        (json!({"url": "http://example.com/", "headers": {"Host": "c"}}), "executor.headers.Host"),
        (json!({"url": "http://example.com/", "body": {"a": ["{{b}}"]}}), "executor.body"),
        (json!({"url": "http://example.com/", "output": "a"}), "executor.output"),
        (json!({"url": "http://example.com/", "cost": "a"}), "executor.cost"),
        (json!({"url": "http://example.com/", "usage": {"n": "/n"}}), "executor.usage"),
        (
            json!({"url": "http://example.com/", "usage": {"sku": "s", "n": "n"}}),
            "executor.usage.n",
        ),
    ] {
        let mut json = json;
        json["type"] = json!("http");
        let problem =
            try_executor(json.clone(), &std::env::temp_dir()).expect_err(&json.to_string());
        assert_eq!(problem.field.as_deref(), Some(field), "{json}");
    }
    for url in ["https://example.com:{{input.port}}/", "http://{{input.host}}:80/"] {
        assert!(try_executor(json!({"type": "http", "url": url}), &std::env::temp_dir()).is_ok());
    }
}

#[test]
fn what_headers_hold_is_not_printed() {
    let printed = format!(
        "{:?}",
        http(json!({
            "url": "https://example.com/?key=s3cret", "headers": {"Authorization": "s3cret"},
        }))
    );
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[test]
fn what_an_executor_holds_is_not_printed() {
    let executor: headway_protocol::batch::Executor = serde_json::from_value(json!({
        "type": "http", "url": "https://user:s3cret@example.com/path?key=s3cret",
        "headers": {"Authorization": "Bearer s3cret"}, "body": {"token": "s3cret"},
    }))
    .unwrap();
    let printed = format!("{executor:?}");
    assert!(!printed.contains("s3cret"), "{printed}");
    assert!(printed.contains("example.com/path") && printed.contains("Authorization"), "{printed}");
}

#[test]
fn a_refusal_does_not_say_what_a_header_holds() {
    let json = json!({"type": "http", "url": "https://example.com/",
        "headers": {"Authorization": "Bearer s3cret {{"}});
    let problem = try_executor(json, &std::env::temp_dir()).unwrap_err();
    assert!(!problem.detail.contains("s3cret"), "{}", problem.detail);
}

#[tokio::test]
async fn a_server_that_answers_with_what_it_was_asked_tells_no_secret() {
    let server = Server::start(|asked| {
        Reply::Answer(401, String::new(), format!("no such token: {:?}", asked.headers))
    })
    .await;
    let runner = http(json!({
        "url": server.url("/"), "headers": {"Authorization": "Bearer s3cret-t0ken"},
    }));
    let ended = run(&runner, &attempt(0, &Value::Null)).await;
    let message = &error(&ended).message;
    assert!(message.contains("no such token") && !message.contains("s3cret"), "{message}");
}

#[tokio::test]
async fn a_compressed_answer_is_not_opened() {
    let bomb = "\u{1f}\u{8b}".repeat(100);
    let server = Server::start(move |asked| {
        assert!(!asked.headers.contains_key("accept-encoding"));
        Reply::Answer(200, "content-encoding: gzip\r\n".to_owned(), bomb.clone())
    })
    .await;
    let ended = run(&http(json!({"url": server.url("/")})), &attempt(0, &Value::Null)).await;
    assert_eq!(error(&ended).code, "content_encoding");
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let many = "x: y\r\n".repeat(1_000);
    let long = format!("x: {}\r\n", "y".repeat(1 << 20));
    let server = Server::start(move |asked| {
        let headers = if asked.target == "/many" { many.clone() } else { long.clone() };
        Reply::Answer(200, headers, String::new())
    })
    .await;
    for path in ["/many", "/long"] {
        let ended = run(&http(json!({"url": server.url(path)})), &attempt(0, &Value::Null)).await;
        assert_eq!(error(&ended).code, "http", "{path}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_left_alone_until_it_is_back() {
    let (there, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (is_there, count) = (Arc::clone(&there), Arc::clone(&asked));
    let server = Server::start(move |_| {
        count.fetch_add(1, Relaxed);
        let status = if is_there.load(Relaxed) { 200 } else { 503 };
        Reply::Answer(status, String::new(), String::new())
    })
    .await;
    let runner = http(json!({"url": server.url("/{{index}}")}));
    let ask = async || run(&runner, &attempt(0, &Value::Null)).await.outcome;
    assert!(ask().await.is_ok());
    there.store(false, Relaxed);
    for _ in 0..5 {
        assert_eq!(runner.readiness(), Readiness::Ready);
        assert!(matches!(ask().await, Err(Failure::Error { .. })));
    }
    assert!(matches!(runner.readiness(), Readiness::NotBefore { .. }));
    let Err(Failure::Away { error, retry_after_ms }) = ask().await else { panic!("it was sent") };
    assert_eq!((error.code.as_str(), error.retryable), ("circuit_open", true));
    assert!((1..=1_000).contains(&retry_after_ms), "{retry_after_ms}");
    assert_eq!(asked.load(Relaxed), 6, "nothing was sent");
    // One finds out, and that does not count: the server has answered before.
    until("the time to find out", || runner.readiness() == Readiness::ForOne).await;
    assert!(matches!(ask().await, Err(Failure::Away { error, .. }) if error.code == "http_status"));
    assert_eq!(asked.load(Relaxed), 7);
    there.store(true, Relaxed);
    until("the time to find out", || runner.readiness() == Readiness::ForOne).await;
    assert!(ask().await.is_ok());
    assert_eq!(runner.readiness(), Readiness::Ready);
}

#[tokio::test]
async fn a_server_that_never_answered_costs_attempts() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let runner = http(json!({"url": format!("http://{free}/")}));
    let ask = async || error(&run(&runner, &attempt(0, &Value::Null)).await).code.clone();
    for _ in 0..5 {
        assert_eq!(ask().await, "connect");
    }
    until("the time to find out", || runner.readiness() == Readiness::ForOne).await;
    assert_eq!(ask().await, "connect", "it may be a name that was never one");
    assert!(matches!(runner.readiness(), Readiness::NotBefore { .. }));
}

#[tokio::test]
async fn items_with_servers_of_their_own_wait_each_for_its_own() {
    let (there, free) = (echo().await, std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let dead = free.local_addr().unwrap().port();
    drop(free);
    let runner = http(json!({"url": "http://127.0.0.1:{{input}}/"}));
    for _ in 0..5 {
        run(&runner, &attempt(0, &json!(dead))).await;
    }
    assert_eq!(runner.readiness(), Readiness::Ready, "it is not known whom the next item asks");
    let ended = run(&runner, &attempt(0, &json!(dead))).await;
    assert!(matches!(ended.outcome, Err(Failure::Away { .. })));
    assert!(run(&runner, &attempt(0, &json!(there.address.port()))).await.outcome.is_ok());
}
