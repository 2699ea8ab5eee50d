//! Who gets in, and how far: every route with every kind of caller.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

mod support;

use std::collections::BTreeSet;

use headway_access::{
    Act, Caller, Credential, Denial, JobView, Listed, On, Reach, Scope, Scopes, authorize,
};
use headway_gateway::{Limits, Options, Pace, Site, openapi};
use headway_protocol::{Owner, Secret};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{ADMIN_KEY, Server, within};

/// A job of the tenant `acme`, of the subject `u1`, with a session and a tag.
const JOB: &str = "bat-guarded";

/// A route, as its description says it.
struct Described {
    method: Method,
    path: String,
    act: Option<Act>,
    open: bool,
}

/// The routes of the description, which is made from the table that the router is made from.
fn described() -> Vec<Described> {
    let document = openapi::document();
    let paths = document["paths"].as_object().unwrap().clone();
    let mut routes = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let act = operation["x-headway-act"].as_str().map(|word| {
                let named = Act::ALL.iter().copied().find(|act| act.as_str() == word);
                named.unwrap_or_else(|| panic!("no act is called {word}"))
            });
            let open = operation["security"].as_array().unwrap().is_empty();
            let method = method.to_uppercase().parse().unwrap();
            routes.push(Described { method, path: path.clone(), act, open });
        }
    }
    assert!(routes.len() > 30, "{}", routes.len());
    routes
}

/// Somebody, with the key or token that makes them so.
struct Somebody {
    name: &'static str,
    token: String,
    caller: Caller,
}

async fn somebody(server: &Server, name: &'static str, request: Value) -> Somebody {
    let scopes = request["scopes"].as_array().unwrap().iter();
    let scopes: Scopes = scopes.map(|word| word.as_str().unwrap().parse().unwrap()).collect();
    let word = |member: &str| request[member].as_str().map(str::to_owned);
    let reach = if request["own_only"] == true { Reach::Own } else { Reach::Tenant };
    let owner = Owner { tenant: word("tenant").unwrap(), subject: word("subject") };
    let token = server.key(request).await;
    let credential = Credential::Key { id: name.to_owned() };
    Somebody {
        name,
        token,
        caller: Caller { owner, scopes, reach, credential, ..Caller::anyone() },
    }
}

/// Everybody who is tried: each scope alone, all of them, other subjects, other tenants, a token.
async fn everybody(server: &Server) -> Vec<Somebody> {
    let all = ["watch", "report", "control", "admin"];
    let mut everybody = Vec::new();
    for scope in Scope::ALL {
        let request = json!({"name":scope.as_str(),"tenant":"acme","scopes":[scope.as_str()]});
        everybody.push(somebody(server, scope.as_str(), request).await);
    }
    for (name, tenant, subject, own_only) in [
        ("all of its tenant", "acme", None, false),
        ("the job's owner", "acme", Some("u1"), true),
        ("another subject", "acme", Some("u2"), true),
        ("another tenant", "other", None, false),
        ("another tenant's u1", "other", Some("u1"), true),
        ("the node's tenant", "default", None, false),
    ] {
        // Whoever looks after a tenant sees all of it.
        let scopes = if own_only { &all[..3] } else { &all[..] };
        let request = json!({"name":name,"tenant":tenant,"subject":subject,"own_only":own_only,
                             "scopes":scopes});
        everybody.push(somebody(server, name, request).await);
    }
    let maker = everybody.iter().find(|known| known.name == "all of its tenant").unwrap();
    let maker = maker.token.clone();
    for (name, jobs, actions) in [
        ("a token for the job", vec![JOB], vec!["cancel"]),
        ("a token for another", vec!["another"], vec!["cancel", "retry"]),
    ] {
        let request = json!({"jobs":jobs,"actions":actions});
        let made = server.as_caller(Method::POST, "/api/v1/tokens", &maker).json(&request);
        let made: Value = made.send().await.unwrap().json().await.unwrap();
        let listed = Listed {
            jobs: jobs.iter().map(|job| job.parse().unwrap()).collect(),
            actions: actions.iter().map(|action| action.parse().unwrap()).collect(),
            ..Listed::default()
        };
        let caller = Caller {
            owner: Owner { tenant: "acme".to_owned(), subject: None },
            scopes: Scopes::from_iter([Scope::Watch, Scope::Control]),
            reach: Reach::Listed(Box::new(listed)),
            ..Caller::anyone()
        };
        let token = made["token"].as_str().unwrap().to_owned();
        everybody.push(Somebody { name, token, caller });
    }
    everybody
}

/// What a request must be answered with, as far as sign-in says it.
fn expected(route: &Described, caller: &Caller) -> Option<u16> {
    let act = route.act?;
    let owner = Owner { tenant: "acme".to_owned(), subject: Some("u1".to_owned()) };
    let tags = ["nightly".to_owned()];
    let job = JobView { id: JOB, owner: &owner, session: Some("s-1"), tags: &tags };
    let named = route.path.contains("/jobs/{id}") || route.path.contains("/batches/{id}");
    let lists = act == Act::Watch && route.path == "/api/v1/jobs";
    let on = match (named, lists) {
        (true, _) => On::Job(job),
        (false, true) => On::All,
        (false, false) => On::Anything,
    };
    match authorize(caller, act, on) {
        Ok(()) => None,
        Err(Denial::Hidden) => Some(404),
        Err(
            Denial::Scope(_)
            | Denial::Action(_)
            | Denial::NotListed
            | Denial::WholeTenant
            | Denial::Node,
        ) => Some(403),
    }
}

async fn ask(server: &Server, route: &Described, id: &str, token: Option<&str>) -> (u16, String) {
    let mut path = route.path.replace("{id}", id);
    if path.ends_with("/stream") {
        let which = if path.contains(id) { String::new() } else { format!("&job={id}") };
        path = format!("{path}?wait_ms=0{which}");
    }
    let mut request = server.request(route.method.clone(), &path);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn guarded_job(server: &Server) {
    let maker = json!({"name":"maker","tenant":"acme","scopes":["report"]});
    let maker = server.key(maker).await;
    let job = json!({"kind":"import","id":JOB,"subject":"u1","session":"s-1","tags":["nightly"]});
    let made = server.as_caller(Method::POST, "/api/v1/jobs", &maker).json(&job).send().await;
    assert_eq!(made.unwrap().status(), 201);
}

#[tokio::test]
async fn every_route_asks_the_one_rule() {
    let server = Server::start_guarded(Options::default()).await;
    guarded_job(&server).await;
    let everybody = everybody(&server).await;
    let mut seen = BTreeSet::new();
    for route in described() {
        for Somebody { name, token, caller } in &everybody {
            let (status, text) = ask(&server, &route, JOB, Some(token)).await;
            let what = format!("{} {} by {name}: {text}", route.method, route.path);
            match expected(&route, caller) {
                // A body that is missing may be told of before the job is looked for, whether or
                // not there is one.
                Some(404) => assert!([404, 400, 422].contains(&status), "{status} for {what}"),
                Some(refused) => assert_eq!(status, refused, "{what}"),
                None => assert!(![401, 403].contains(&status), "{status} for {what}"),
            }
            seen.insert(status);
        }
        let (status, text) = ask(&server, &route, JOB, None).await;
        let refused = status == 401;
        assert_eq!(refused, !route.open, "{} {}: {status} {text}", route.method, route.path);
    }
    assert!(seen.is_superset(&[200, 403, 404].into()), "{seen:?}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_seen_is_as_if_it_did_not_exist() {
    let server = Server::start_guarded(Options::default()).await;
    guarded_job(&server).await;
    let everybody = everybody(&server).await;
    let strangers = everybody.iter().filter(|known| {
        ["another subject", "another tenant", "another tenant's u1", "the node's tenant"]
            .contains(&known.name)
    });
    for Somebody { name, token, .. } in strangers {
        for route in described().iter().filter(|route| route.path.contains("{id}")) {
            let nobodys = "bat-nobodys";
            let (status, hidden) = ask(&server, route, JOB, Some(token)).await;
            let (none, missing) = ask(&server, route, nobodys, Some(token)).await;
            let what = format!("{} {} by {name}", route.method, route.path);
            assert_eq!(status, none, "{what}");
            assert_eq!(hidden.replace(JOB, nobodys), missing, "{what}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_what_to_do() {
    let server = Server::start_guarded(Options::default()).await;
    for token in ["nonsense", "hw_123", "eyJhbGciOiJub25lIn0.e30."] {
        let response = server.as_caller(Method::GET, "/api/v1/jobs", token).send().await.unwrap();
        assert_eq!(response.status(), 401, "{token}");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.contains("invalid_token"), "{challenge}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["code"], "unauthenticated");
        assert!(!problem.to_string().contains(token), "{problem}");
    }
    let missing = server.get("/api/v1/jobs").await;
    assert_eq!(missing.status(), 401);
    assert_eq!(missing.headers()["www-authenticate"], "Bearer realm=\"headway\"");
    server.stop().await;
}

#[tokio::test]
async fn a_person_signs_in_and_out_on_the_page() {
    let server = Server::start_guarded(Options::default()).await;
    let origin = format!("http://{}", server.address);
    let sign_in = |origin: &str| {
        let request = server.request(Method::POST, "/api/v1/session").header("origin", origin);
        request.json(&json!({"key": ADMIN_KEY})).send()
    };
    assert_eq!(sign_in("https://attacker.example").await.unwrap().status(), 403);
    let response = sign_in(&origin).await.unwrap();
    assert_eq!(response.status(), 200);
    let line = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(line.contains(part), "{line}");
    }
    let identity: Value = response.json().await.unwrap();
    assert_eq!((&identity["role"], &identity["sign_in"]), (&json!("admin"), &json!(true)));
    let cookie = line.split(';').next().unwrap().to_owned();
    let with_cookie = |method: Method, path: &str, origin: Option<&str>| {
        let mut request = server.request(method, path).header("cookie", &cookie);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        async move { request.send().await.unwrap().status() }
    };
    assert_eq!(with_cookie(Method::GET, "/api/v1/jobs", None).await, 200);
    // What changes something is taken from the page itself alone.
    assert_eq!(with_cookie(Method::POST, "/api/v1/tickets", None).await, 403);
    assert_eq!(with_cookie(Method::POST, "/api/v1/tickets", Some(&origin)).await, 201);
    let foreign = Some("https://attacker.example");
    assert_eq!(with_cookie(Method::POST, "/api/v1/tickets", foreign).await, 403);
    assert_eq!(with_cookie(Method::DELETE, "/api/v1/session", Some(&origin)).await, 204);
    assert_eq!(with_cookie(Method::GET, "/api/v1/jobs", None).await, 401);
    server.stop().await;
}

#[tokio::test]
async fn the_audit_log_says_who_did_what() {
    let server = Server::start_guarded(Options::default()).await;
    guarded_job(&server).await;
    let operator = json!({"name":"operator","tenant":"acme","role":"operator","subject":"u9"});
    let operator = server.key(operator).await;
    let cancel = format!("/api/v1/jobs/{JOB}/cancel");
    let done = server.as_caller(Method::POST, &cancel, &operator).send().await.unwrap();
    assert_eq!(done.status(), 202);
    let again = server.as_caller(Method::POST, &cancel, &operator).send().await.unwrap();
    assert!(again.status().is_client_error());
    let admin = json!({"name":"admin","tenant":"acme","role":"admin"});
    let admin = server.key(admin).await;
    let audit = "/api/v1/audit?what=job.cancel";
    let page = server.as_caller(Method::GET, audit, &admin).send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{page}");
    let (newest, oldest) = (&entries[0], &entries[1]);
    assert_eq!(oldest["owner"], json!({"tenant":"acme","subject":"u9"}));
    assert_eq!((&oldest["what"], &oldest["target"]), (&json!("job.cancel"), &json!(JOB)));
    assert_eq!((&oldest["outcome"], &oldest["address"]), (&json!("done"), &json!("127.0.0.1")));
    assert_ne!(newest["outcome"], "done");
    for (format, lines) in [("jsonl", 2), ("csv", 3)] {
        let path = format!("{audit}&format={format}");
        let text = server.as_caller(Method::GET, &path, &admin).send().await.unwrap();
        assert_eq!(text.text().await.unwrap().lines().count(), lines, "{format}");
    }
    // Whoever is refused without end does not fill the log.
    for _ in 0..100 {
        server.as_caller(Method::POST, &cancel, &operator).send().await.unwrap();
    }
    let path = format!("{audit}&limit=1000");
    let page = server.as_caller(Method::GET, &path, &admin).send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    let lines = page["entries"].as_array().unwrap().len();
    assert!((3..102).contains(&lines), "{lines}");
    let other = json!({"name":"other","tenant":"other","role":"admin"});
    let other = server.key(other).await;
    let theirs = server.as_caller(Method::GET, audit, &other).send().await.unwrap();
    let theirs: Value = theirs.json().await.unwrap();
    assert_eq!(theirs["entries"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn jobs_are_made_at_a_pace() {
    let limits = Limits { jobs: Pace::new(1, 2), ..Limits::default() };
    let server = Server::start_guarded(Options { limits, ..Options::default() }).await;
    let fast = server.key(json!({"name":"fast","scopes":["report"]})).await;
    let slow = server.key(json!({"name":"slow","scopes":["report"]})).await;
    let make = |key: &str| {
        let request = server.as_caller(Method::POST, "/api/v1/jobs", key);
        request.json(&json!({"kind":"import"})).send()
    };
    let first = make(&fast).await.unwrap();
    assert_eq!(first.status(), 201);
    assert_eq!(first.headers()["ratelimit-policy"], "\"jobs\";q=1;w=1;burst=2");
    assert_eq!(first.headers()["ratelimit"], "\"jobs\";r=1;t=1");
    let mut refused = make(&fast).await.unwrap();
    while refused.status() == 201 {
        refused = make(&fast).await.unwrap();
    }
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.headers()["ratelimit"].to_str().unwrap().contains("r=0"));
    assert_eq!(make(&slow).await.unwrap().status(), 201);
    server.stop().await;
}

#[tokio::test]
async fn tokens_and_sign_ins_are_made_at_a_pace() {
    let limits = Limits { grants: Pace::new(1, 3), ..Limits::default() };
    let server = Server::start_guarded(Options { limits, ..Options::default() }).await;
    let key = server.key(json!({"name":"u1","scopes":["watch"]})).await;
    let ticket = || server.as_caller(Method::POST, "/api/v1/tickets", &key).send();
    let mut status = ticket().await.unwrap().status();
    assert_eq!(status, 201);
    while status == 201 {
        status = ticket().await.unwrap().status();
    }
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    // Of somebody who has not signed in, the address counts.
    let sign_in = json!({"key": ADMIN_KEY});
    let mut status = server.post("/api/v1/session", &sign_in).await.status();
    assert_eq!(status, 200);
    while status == 200 {
        status = server.post("/api/v1/session", &sign_in).await.status();
    }
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    server.stop().await;
}

#[tokio::test]
async fn an_overloaded_server_goes_on_with_what_runs() {
    let calm = Server::start().await;
    calm.job("running").await;
    let store = std::sync::Arc::clone(&calm.store);
    calm.stop().await;
    // No process is so small.
    let limits = Limits { memory_bytes: Some(1), ..Limits::default() };
    let (hub, signin) = (headway_hub::Options::default(), headway_signin::Options::default());
    let options = Options { limits, ..Options::default() };
    let server = Server::start_over(store, options, hub, signin).await;
    let job = json!({"kind":"import"});
    let refused = within("a reading", async {
        loop {
            let response = server.post("/api/v1/jobs", &job).await;
            if response.status() != 201 {
                break response;
            }
        }
    });
    let refused = refused.await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "overloaded");
    let batch = server.post("/api/v1/estimates", &json!({"kind":"import","items":[1]})).await;
    assert_eq!(batch.status(), StatusCode::SERVICE_UNAVAILABLE);
    server.report("running", json!([{"type":"start"},{"type":"progress","percent":50}])).await;
    assert_eq!(server.document("running").await["progress"]["percent"], 50.0);
    let cancel = server.post("/api/v1/jobs/running/cancel", &json!({})).await;
    assert_eq!(cancel.status(), 202);
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(!metrics.contains("headway_limits_total{limit=\"overload\"} 0"), "it is counted");
    server.stop().await;
}

#[tokio::test]
async fn a_command_line_is_taken_from_the_one_who_started_the_node() {
    let exec_key = Some(Secret::new("the-key-of-this-run"));
    let options = Options { exec_key, ..Options::default() };
    let server = Server::start_with(options, headway_hub::Options::default()).await;
    let batch = json!({"executor":{"type":"command","argv":["true"]},"items":[1]});
    let check = async |headers: &[(&str, &str)], expected: u16| {
        for path in ["/api/v1/batches", "/api/v1/estimates"] {
            let mut request = server.request(Method::POST, path).json(&batch);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let status = request.send().await.unwrap().status();
            let fine = [200, 202].contains(&status.as_u16());
            assert!(status == expected || expected == 200 && fine, "{status}: {path} {headers:?}");
        }
    };
    let key = ("authorization", "Bearer the-key-of-this-run");
    check(&[key], 200).await;
    check(&[], 403).await;
    check(&[("authorization", "Bearer the-key-of-this-ru")], 403).await;
    check(&[("authorization", "Bearer the-key-of-that-run")], 403).await;
    check(&[key, ("x-forwarded-for", "192.0.2.1")], 403).await;
    // Everybody may look on.
    assert_eq!(server.get("/api/v1/jobs").await.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_ask() {
    let app = "https://app.example";
    let site = Site { origins: vec![app.to_owned()], ..Site::default() };
    let server = Server::start_guarded(Options { site, ..Options::default() }).await;
    let preflight = |origin: &'static str| {
        let request = server.request(Method::OPTIONS, "/api/v1/jobs").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let request = request.header("access-control-request-headers", "authorization");
        async move { request.send().await.unwrap() }
    };
    let allowed = preflight(app).await;
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.headers()["access-control-allow-origin"], app);
    assert!(allowed.headers()["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    let headers = allowed.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(headers.contains("authorization") && headers.contains("idempotency-key"));
    let refused = preflight("https://attacker.example").await;
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
    let key = server.key(json!({"name":"page","scopes":["watch"]})).await;
    for path in ["/api/v1/jobs", "/api/v1/stream?all=1&wait_ms=0"] {
        let asked = |origin: &'static str| {
            server.as_caller(Method::GET, path, &key).header("origin", origin).send()
        };
        let answer = asked(app).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], app, "{path}");
        assert!(answer.headers()["vary"].to_str().unwrap().contains("origin"));
        let foreign = asked("https://attacker.example").await.unwrap();
        assert!(!foreign.headers().contains_key("access-control-allow-origin"), "{path}");
    }
    server.stop().await;
}

/// A page that cannot read a refusal takes the server for one that is away, and never asks for
/// another token.
#[tokio::test]
async fn a_page_of_an_allowed_origin_is_told_why_it_is_refused() {
    let app = "https://app.example";
    let site = Site { origins: vec![app.to_owned()], ..Site::default() };
    let server = Server::start_guarded(Options { site, ..Options::default() }).await;
    let key = server.key(json!({"name":"page","scopes":["watch"]})).await;
    let cases = [
        (Method::GET, "/api/v1/jobs", "hw_wrong", 401),
        (Method::POST, "/api/v1/jobs", &key, 403),
        (Method::GET, "/api/v1/jobs?wrong=1", &key, 422),
        (Method::GET, "/api/v1/stream?all=1&wait_ms=0", "hw_wrong", 401),
        (Method::GET, "/api/v1/stream?wrong=1", &key, 422),
        (Method::GET, "/api/v1/jobs/nowhere/stream?wait_ms=0", &key, 404),
    ];
    for (method, path, proof, status) in cases {
        for (origin, told) in [(app, true), ("https://attacker.example", false)] {
            let request = server.as_caller(method.clone(), path, proof).header("origin", origin);
            let answer = request.send().await.unwrap();
            let foreign_change = !told && method == Method::POST;
            assert!(foreign_change || answer.status() == status, "{path}: {}", answer.status());
            let allowed = answer.headers().get("access-control-allow-origin");
            assert_eq!(allowed.is_some(), told, "{path} for {origin}");
            assert_eq!(answer.headers().get_all("vary").iter().count(), 1, "{path}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn without_sign_in_only_this_machine_s_names_are_answered() {
    let site = Site { hosts: vec!["headway.internal".to_owned()], ..Site::default() };
    let server =
        Server::start_with(Options { site, ..Options::default() }, headway_hub::Options::default())
            .await;
    for (host, status) in
        [("localhost:4323", 200), ("headway.internal", 200), ("rebound.attacker.example", 403)]
    {
        for path in ["/api/v1/jobs", "/api/v1/stream?all=1&wait_ms=0"] {
            let request = server.request(Method::GET, path).header("host", host);
            assert_eq!(request.send().await.unwrap().status(), status, "{path} of {host}");
        }
    }
    let simple = server.request(Method::POST, "/api/v1/jobs").body("{\"kind\":\"x\"}");
    let foreign = simple.header("origin", "https://attacker.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    server.stop().await;
}

#[tokio::test]
async fn what_is_answered_to_one_caller_is_kept_for_nobody_else() {
    let server = Server::start_guarded(Options::default()).await;
    for path in ["/api/v1/jobs", "/api/v1/keys", "/api/v1/audit", "/api/v1/jobs/none", "/metrics"] {
        let answer = server.as_caller(Method::GET, path, ADMIN_KEY).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
    }
    let refused = server.get("/api/v1/jobs").await;
    assert_eq!(refused.headers()["cache-control"], "no-store");
    server.stop().await;
}
