//! Sign-in on streams: how a watcher says who it is, and how it goes when that ends.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

mod support;

use std::time::Duration;

use headway_gateway::{Limits, Options};
use reqwest::Method;
use serde_json::{Value, json};
use support::{ADMIN_KEY, Events, Server, Socket, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long something is given that is to end while it is in use: many times what it takes to get so
/// far, also on a slow machine.
const SHORT_MS: u64 = 4_000;

const JOB: &str = "job-watched";
const STREAM: &str = "/api/v1/jobs/job-watched/stream";

/// A guarded server with a job of the subject `u1`, and a key of that subject.
async fn guarded() -> (Server, String) {
    guarded_with(Limits::default()).await
}

async fn guarded_with(limits: Limits) -> (Server, String) {
    let server = Server::start_guarded(Options { limits, ..Options::default() }).await;
    let job = json!({"kind":"import","id":JOB,"subject":"u1"});
    let made = server.as_caller(Method::POST, "/api/v1/jobs", ADMIN_KEY).json(&job).send().await;
    assert_eq!(made.unwrap().status(), 201);
    let key = json!({"name":"u1","subject":"u1","own_only":true,"scopes":["watch","report"]});
    let key = server.key(key).await;
    (server, key)
}

async fn made(server: &Server, path: &str, key: &str, request: &Value) -> Value {
    let response = server.as_caller(Method::POST, path, key).json(request).send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

async fn progress(server: &Server, key: &str, percent: u32) {
    let report = json!({"type":"progress","percent":percent});
    made(server, &format!("/api/v1/jobs/{JOB}/events"), key, &report).await;
}

#[tokio::test]
async fn a_websocket_is_opened_with_a_token_wherever_it_may_be() {
    let (server, key) = guarded().await;
    let bearer = format!("Bearer {key}");
    let protocol = format!("headway.v1, headway.bearer.{key}");
    let query = format!("{STREAM}?token={key}");
    for (path, headers) in [
        (STREAM, vec![("authorization", bearer.as_str())]),
        (STREAM, vec![("sec-websocket-protocol", protocol.as_str())]),
        (query.as_str(), vec![]),
    ] {
        let mut socket = Socket::open_with(&server, path, &headers).await;
        assert_eq!(socket.protocol.as_deref(), Some("headway.v1"), "nothing else is chosen");
        socket.until("snapshot").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_websocket_says_later_who_it_is() {
    let (server, key) = guarded().await;
    let mut socket = Socket::open(&server, STREAM).await;
    socket.until("hello").await;
    socket.send(&json!({"type":"subscribe","id":"early","job":JOB})).await;
    let error = socket.until("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!("early"), &json!("unauthenticated")));
    socket.send(&json!({"type":"auth","token":"hw_wrong"})).await;
    assert_eq!(socket.until("error").await["code"], "unauthenticated");
    socket.send(&json!({"type":"auth","token":key})).await;
    assert_eq!(socket.until("result").await["id"], "auth");
    socket.until("snapshot").await;
    server.stop().await;
}

#[tokio::test]
async fn whoever_never_says_it_is_sent_away() {
    let limits = Limits { sign_in_within: Duration::from_millis(50), ..Limits::default() };
    let (server, _) = guarded_with(limits).await;
    let mut socket = Socket::open(&server, STREAM).await;
    assert_eq!(socket.until("closing").await["reason"], "unauthenticated");
    assert_eq!(socket.closed().await, 4500);
    assert!(!socket.folded.types.contains(&"snapshot".to_owned()));
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_may_not_be_watched_says_so_in_its_own_way() {
    let (server, _) = guarded().await;
    let reporter = server.key(json!({"name":"reporter","scopes":["report"]})).await;
    let other = json!({"name":"u2","subject":"u2","own_only":true,"scopes":["watch"]});
    let other = server.key(other).await;
    for (token, code, status) in
        [("hw_wrong", 4500, 401), (reporter.as_str(), 4507, 403), (other.as_str(), 4540, 404)]
    {
        let bearer = format!("Bearer {token}");
        let mut socket =
            Socket::open_with(&server, STREAM, &[("authorization", bearer.as_str())]).await;
        assert_eq!(socket.closed().await, code, "{token}");
        let request = server.as_caller(Method::GET, STREAM, token);
        let events = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(events.status(), status, "{token}");
        let poll = server.as_caller(Method::GET, STREAM, token).send().await.unwrap();
        assert_eq!(poll.status(), status, "{token}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_ticket_opens_one_stream() {
    let (server, key) = guarded().await;
    let ticket = made(&server, "/api/v1/tickets", &key, &json!({})).await;
    let path = format!("{STREAM}?ticket={}", ticket["ticket"].as_str().unwrap());
    let mut events = Events::open(&server, &path, None).await;
    events.until("snapshot").await;
    let again = server.request(Method::GET, &path).header("accept", "text/event-stream");
    assert_eq!(again.send().await.unwrap().status(), 401);
    server.stop().await;
}

#[tokio::test]
async fn a_token_that_expires_ends_its_streams() {
    let (server, key) = guarded().await;
    let token =
        made(&server, "/api/v1/tokens", &key, &json!({"jobs":[JOB],"ttl_ms":SHORT_MS})).await;
    let token = token["token"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    let mut socket = Socket::open_with(&server, STREAM, &[("authorization", &bearer)]).await;
    let mut events = Events::open_by(server.as_caller(Method::GET, STREAM, token), None).await;
    assert_eq!(socket.until("closing").await["reason"], "token_expired");
    assert_eq!(socket.closed().await, 4500);
    assert_eq!(events.until("closing").await["reason"], "token_expired");
    assert!(events.next().await.is_none());
    server.stop().await;
}

#[tokio::test]
async fn a_renewed_stream_stays_beyond_its_first_token() {
    let (server, key) = guarded().await;
    let short = json!({"jobs":[JOB],"ttl_ms":SHORT_MS});
    let short = made(&server, "/api/v1/tokens", &key, &short).await;
    let long = made(&server, "/api/v1/tokens", &key, &json!({"jobs":[JOB]})).await;
    let bearer = |token: &Value| format!("Bearer {}", token["token"].as_str().unwrap());
    let first = bearer(&short);
    let mut renewed = Socket::open_with(&server, STREAM, &[("authorization", &first)]).await;
    let mut other = Socket::open_with(&server, STREAM, &[("authorization", &first)]).await;
    renewed.until("snapshot").await;
    renewed.send(&json!({"type":"auth","token":long["token"]})).await;
    assert_eq!(renewed.until("result").await["data"]["expires_at"], long["expires_at"]);
    assert_eq!(other.closed().await, 4500, "the first token has expired");
    progress(&server, &key, 50).await;
    renewed.until_state(|state| state["progress"]["percent"] == 50.0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_revocation_ends_what_is_live_on_every_transport() {
    let (server, key) = guarded().await;
    let info: Value = {
        let keys = server.as_caller(Method::GET, "/api/v1/keys", ADMIN_KEY).send().await.unwrap();
        keys.json().await.unwrap()
    };
    let keys = info["keys"].as_array().unwrap();
    let id = keys.iter().find(|known| known["name"] == "u1").unwrap()["id"].clone();
    let bearer = format!("Bearer {key}");
    let mut socket = Socket::open_with(&server, STREAM, &[("authorization", &bearer)]).await;
    socket.until("snapshot").await;
    let mut events = Events::open_by(server.as_caller(Method::GET, STREAM, &key), None).await;
    let cursor = events.until("snapshot").await["cursor"].as_str().unwrap().to_owned();
    // The same by a connection that had been used before, which another server serves.
    let client = reqwest::Client::builder().pool_max_idle_per_host(1).build().unwrap();
    let url = |path: &str| format!("http://{}{path}", server.address);
    let used = client.get(url("/healthz")).send().await.unwrap();
    used.bytes().await.unwrap();
    let mut later = Events::open_by(client.get(url(STREAM)).bearer_auth(&key), None).await;
    later.until("snapshot").await;
    let path = format!("{STREAM}?cursor={cursor}&wait_ms=60000");
    let poll = tokio::spawn(server.as_caller(Method::GET, &path, &key).send());
    // The poll is there when it is counted.
    let metrics = "headway_connections{transport=\"poll\"} 1";
    let counted = async {
        loop {
            let text = server.as_caller(Method::GET, "/metrics", ADMIN_KEY).send().await.unwrap();
            if text.text().await.unwrap().contains(metrics) {
                break;
            }
        }
    };
    within("the poll", counted).await;
    let path = format!("/api/v1/keys/{}", id.as_str().unwrap());
    let revoked = server.as_caller(Method::DELETE, &path, ADMIN_KEY).send().await.unwrap();
    assert_eq!(revoked.status(), 204);
    assert_eq!(socket.until("closing").await["reason"], "revoked");
    assert_eq!(socket.closed().await, 4500);
    assert_eq!(events.until("closing").await["reason"], "revoked");
    assert_eq!(later.until("closing").await["reason"], "revoked");
    // What it was to wait for does not come to it any more, and the next one is refused.
    let poll: Value = within("the poll", poll).await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(poll["frames"], json!([]));
    let after = server.as_caller(Method::GET, STREAM, &key).send().await.unwrap();
    assert_eq!(after.status(), 401);
    server.stop().await;
}

#[tokio::test]
async fn whoever_watches_everything_sees_what_is_theirs() {
    let (server, key) = guarded().await;
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    let mut socket = Socket::open_with(&server, "/api/v1/stream?all=true", &headers).await;
    assert_eq!(socket.until("snapshot").await["job"], JOB);
    for (id, subject) in [("job-theirs", "u2"), ("job-nobodys", ""), ("job-mine", "u1")] {
        let subject = (!subject.is_empty()).then_some(subject);
        let job = json!({"kind":"import","id":id,"subject":subject});
        made(&server, "/api/v1/jobs", ADMIN_KEY, &job).await;
    }
    // The last that was made comes next: those before it were not for this watcher.
    assert_eq!(socket.until("snapshot").await["job"], "job-mine");
    server.stop().await;
}

#[tokio::test]
async fn a_command_of_a_watcher_is_judged_and_written_down() {
    let (server, key) = guarded().await;
    let token = json!({"jobs":[JOB],"actions":["cancel"]});
    let denied = server.as_caller(Method::POST, "/api/v1/tokens", &key).json(&token).send().await;
    assert_eq!(denied.unwrap().status(), 403, "nobody lends what it does not have");
    let token = made(&server, "/api/v1/tokens", ADMIN_KEY, &token).await;
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let many = format!("/api/v1/stream?job={JOB}");
    let mut socket = Socket::open_with(&server, &many, &[("authorization", &bearer)]).await;
    socket.send(&json!({"type":"command","id":"1","job":JOB,"action":"pause"})).await;
    assert_eq!(socket.until("error").await["code"], "forbidden");
    socket.send(&json!({"type":"command","id":"2","job":JOB,"action":"cancel"})).await;
    assert_eq!(socket.until("result").await["id"], "2");
    let path = "/api/v1/audit?what=job.cancel";
    let audit = server.as_caller(Method::GET, path, ADMIN_KEY).send().await.unwrap();
    let audit: Value = audit.json().await.unwrap();
    assert_eq!(audit["entries"][0]["credential"], "token");
    assert_eq!(audit["entries"][0]["target"], JOB);
    server.stop().await;
}

#[tokio::test]
async fn whoever_reads_slowly_has_no_more_time_than_others() {
    let (server, _) = guarded().await;
    let large = "x".repeat(900_000);
    let jobs: Vec<String> = (0..16).map(|n| format!("large-{n}")).collect();
    // All of them before the first large report: a server that is late takes no new work.
    for job in &jobs {
        let create = json!({"kind":"import","id":job});
        made(&server, "/api/v1/jobs", ADMIN_KEY, &create).await;
    }
    for job in &jobs {
        let end = json!([{"type":"start"}, {"type":"complete","result":large}]);
        made(&server, &format!("/api/v1/jobs/{job}/events"), ADMIN_KEY, &end).await;
    }
    let short = json!({"name":"short","scopes":["watch"],"ttl_ms":SHORT_MS});
    let key = server.key(short).await;
    let mut slow = tokio::net::TcpStream::connect(&server.address).await.unwrap();
    let head = format!(
        "GET /api/v1/stream?job={} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\
         Authorization: Bearer {key}\r\nConnection: close\r\n\r\n",
        jobs.join(",")
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let ended = async {
        while server.as_caller(Method::GET, "/api/v1/identity", &key).send().await.unwrap().status()
            != 401
        {}
    };
    within("the end of the key", ended).await;
    let mut text = Vec::new();
    within("the end of the stream", slow.read_to_end(&mut text)).await.unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(text.starts_with("HTTP/1.1 200"), "{}", &text[..100]);
    assert!(text.contains("token_expired"));
    let seen = text.matches("event: snapshot").count();
    assert!(seen < jobs.len(), "all {seen} of them, most after the end");
    server.stop().await;
}

#[tokio::test]
async fn who_has_not_said_who_they_are_has_short_messages() {
    let (server, key) = guarded().await;
    let long = json!({"type":"unsubscribe","id":"x".repeat(20_000)});
    let mut socket = Socket::open(&server, STREAM).await;
    socket.send(&long).await;
    assert_eq!(socket.closed().await, 1009);
    let mut socket = Socket::open(&server, STREAM).await;
    socket.send(&json!({"type":"auth","token":key})).await;
    socket.until("snapshot").await;
    socket.send(&long).await;
    assert_eq!(socket.until("error").await["code"], "no_such_subscription");
    server.stop().await;
}
