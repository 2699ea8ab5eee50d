//! Who is let in, from the first key on.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headway_client::{Client, Error, Selector, Token, WatchOptions, Watched};
use headway_protocol::access::{RevocationRequest, SignInRequest, TokenRequest};
use headway_protocol::request::CreateJob;
use headway_protocol::{Report, Secret, ServerMessage};
use serde_json::Value;

use nix::sys::signal::Signal;

use crate::harness::{Server, eventually, expect, finish, headway, said, signal};

const ADMIN_KEY: &str = "the-admin-key-of-these-tests-0123456789";

/// A server that asks for keys, over data in which somebody has the key that comes with it.
fn start(folder: &Path) -> (Server, String) {
    let create = ["key", "create", "--data", "data", "--name", "first", "--role", "admin"];
    let key = expect(folder, &create, 0);
    (start_over(folder), key.trim().to_owned())
}

fn start_over(folder: &Path) -> Server {
    let arguments =
        ["--json", "serve", "--listen", "127.0.0.1:0", "--data", "data", "--sign-in", "keys"];
    let mut command = headway(folder, &arguments);
    command.env("HEADWAY_ADMIN_KEY", ADMIN_KEY).stdout(Stdio::piped()).stderr(Stdio::null());
    Server::adopt(command.spawn().unwrap(), folder)
}

fn with_key(server: &Server, key: &str, arguments: &[&str]) -> Command {
    let mut command = headway(&server.folder, arguments);
    command.env("HEADWAY_URL", &server.url).env("HEADWAY_TOKEN", key);
    command
}

fn run(server: &Server, key: &str, arguments: &[&str]) -> Output {
    with_key(server, key, arguments).output().unwrap()
}

/// Runs the program with a key, and gives its output when it went well.
#[track_caller]
fn done(server: &Server, key: &str, arguments: &[&str]) -> String {
    let output = run(server, key, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What the program complains of.
#[track_caller]
fn refused(server: &Server, key: &str, arguments: &[&str]) -> String {
    let output = run(server, key, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", said(&output));
    said(&output)
}

#[test]
fn the_first_key_is_made_before_the_node_runs_and_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let create = ["key", "create", "--data", "data", "--name", "first", "--role", "admin"];
    let made = finish(folder.path(), &create);
    let key = String::from_utf8(made.stdout.clone()).unwrap();
    assert_eq!(key.lines().count(), 1, "nothing but the key on standard output");
    assert!(key.starts_with("hw_"));
    let words = said(&made);
    assert!(words.contains("data folder data, without a server"), "{words}");
    assert!(!words.contains(key.trim()));

    let server = start_over(folder.path());
    let who = done(&server, key.trim(), &["whoami"]);
    assert!(who.contains("tenant default") && who.contains("admin"), "{who}");
    let second = finish(folder.path(), &create);
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("leave --data out"), "{}", said(&second));
    drop(server);

    let ids = [key.trim()].map(|key| key.split('_').nth(1).unwrap().to_owned());
    let server = start_over(folder.path());
    let list = done(&server, key.trim(), &["--json", "key", "list"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["keys"][0]["id"], *ids[0], "it is there after a restart");
}

#[test]
fn somebody_unknown_is_told_how_to_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    let check = |words: &str| {
        for part in ["HEADWAY_TOKEN", "--token-file", "headway key create"] {
            assert!(words.contains(part), "{part} in {words}");
        }
    };
    let nobody = server.finish(&["job", "list"]);
    assert_eq!(nobody.status.code(), Some(1));
    check(&said(&nobody));
    let (begin, end) = key.split_at(key.len() - 1);
    let mistyped = format!("{begin}{}", if end == "x" { "y" } else { "x" });
    let words = refused(&server, &mistyped, &["job", "list"]);
    check(&words);
    assert!(!words.contains(&mistyped));
    check(&refused(&server, "not-a-key", &["watch", "job_1"]));
}

#[test]
fn a_token_comes_by_file_and_by_standard_input_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    std::fs::write(folder.path().join("key.txt"), format!("{key}\n")).unwrap();
    let by_file = server.expect(&["whoami", "--token-file", "key.txt"], 0);
    assert!(by_file.contains("by an API key"), "{by_file}");

    let mut command = headway(folder.path(), &["--token", "-", "run", "--quiet", "--", "cat"]);
    command.env("HEADWAY_URL", &server.url).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{key}\nthe rest\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "the rest\n", "the command's own input");
    let jobs = done(&server, &key, &["--json", "job", "list", "--kind", "command"]);
    let jobs: Value = serde_json::from_str(&jobs).unwrap();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1, "the token was used");
}

#[test]
fn the_configured_admin_key_opens_a_node_without_keys() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_over(folder.path());
    let who: Value =
        serde_json::from_str(&done(&server, ADMIN_KEY, &["--json", "whoami"])).unwrap();
    assert_eq!(who["credential"], "admin_key");
    let create =
        ["--json", "key", "create", "--name", "ci", "--scope", "watch", "--tenant", "acme"];
    let made: Value = serde_json::from_str(&done(&server, ADMIN_KEY, &create)).unwrap();
    let key = made["key"].as_str().unwrap();
    let who: Value = serde_json::from_str(&done(&server, key, &["--json", "whoami"])).unwrap();
    assert_eq!((&who["owner"]["tenant"], &who["role"]), (&"acme".into(), &"viewer".into()));
    let words = refused(&server, key, &["key", "list"]);
    assert!(words.contains("`admin`") && words.contains("headway whoami"), "{words}");
}

/// A job that its producer has begun.
fn job(server: &Server, key: &str, id: &str) -> Client {
    let client = Client::new(&server.url, Some(key)).unwrap();
    let request =
        CreateJob { id: Some(id.parse().unwrap()), kind: "import".into(), ..CreateJob::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(client.create_job(&request)).unwrap();
    Client::new(&server.url, Some(key)).unwrap()
}

/// Somebody who watches a job, once the stream stands.
fn watching(server: &Server, key: &str, id: &str) -> Child {
    let mut command = with_key(server, key, &["--json", "watch", id]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(r#""type":"snapshot""#) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the watch ended before it began");
    }
    // What follows is read for as long as the process lives, so that it never has to wait.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    child
}

/// How a watch ends.
fn ending(mut watch: Child) -> String {
    let status = eventually("the end of the watch", || watch.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
    let output = watch.wait_with_output().unwrap();
    said(&output)
}

#[test]
fn what_is_revoked_ends_what_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    job(&server, &key, "import-1");
    job(&server, &key, "import-2");

    let token = ["--json", "token", "create", "--job", "import-1", "--expires-in", "10m"];
    let token: Value = serde_json::from_str(&done(&server, &key, &token)).unwrap();
    let (id, token) = (token["id"].as_str().unwrap(), token["token"].as_str().unwrap());
    let other = refused(&server, token, &["watch", "import-2"]);
    assert!(other.contains("no such job") || other.contains("there is no"), "{other}");
    let watch = watching(&server, token, "import-1");
    done(&server, &key, &["token", "revoke", id]);
    let words = ending(watch);
    assert!(words.contains("HEADWAY_TOKEN"), "{words}");
    assert!(!words.contains(token));

    let create = ["key", "create", "--name", "ci", "--scope", "watch", "--subject", "maya"];
    let viewer = done(&server, &key, &create);
    let watch = watching(&server, &viewer, "import-2");
    done(&server, &key, &["key", "revoke", &viewer]);
    ending(watch);
    refused(&server, &viewer, &["whoami"]);

    let again = done(&server, &key, &create);
    let watch = watching(&server, &again, "import-2");
    done(&server, &key, &["token", "revoke", "--subject", "maya"]);
    ending(watch);
    assert!(done(&server, &key, &["whoami"]).contains("admin"), "others stay");
}

#[test]
fn whoever_is_revoked_while_a_batch_runs_is_told_that_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let create = ["key", "create", "--data", "data", "--name", "first", "--role", "admin"];
    let key = expect(folder.path(), &create, 0).trim().to_owned();
    let kind = "[kinds.slow]\nexecutor = { type = \"command\", argv = [\"sleep\", \"600\"] }\n";
    std::fs::write(folder.path().join("headway.toml"), kind).unwrap();
    std::fs::write(folder.path().join("items.jsonl"), "1\n").unwrap();
    let serve = ["--json", "--config", "headway.toml", "serve", "--listen", "127.0.0.1:0"];
    let arguments = [&serve[..], &["--data", "data", "--sign-in", "keys"]].concat();
    let mut command = headway(folder.path(), &arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let server = Server::adopt(command.spawn().unwrap(), folder.path());

    let create = ["key", "create", "--name", "ci", "--scope", "watch", "--scope", "report"];
    let runner = done(&server, &key, &create);
    let batch = ["batch", "run", "items.jsonl", "--kind", "slow"];
    let mut command = with_key(&server, &runner, &batch);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let found = eventually("the running batch", || {
        let page = done(&server, &key, &["--json", "job", "list"]);
        let job: Value = serde_json::from_str(page.lines().next()?).unwrap();
        let job = job.get("jobs").map_or_else(|| job.clone(), |jobs| jobs[0].clone());
        (job["status"] == "running").then_some(job)
    });
    let id = found["id"].as_str().unwrap();
    done(&server, &key, &["key", "revoke", &runner]);
    let words = ending(run);
    assert!(words.contains("HEADWAY_TOKEN"), "{words}");
    assert!(words.contains("the batch goes on at the server"), "{words}");
    assert!(words.contains(&format!("headway job cancel {id}")), "{words}");
    let job: Value =
        serde_json::from_str(&done(&server, &key, &["--json", "job", "get", id])).unwrap();
    assert_eq!(job["status"], "running");
}

#[test]
fn tokens_hold_over_one_change_of_the_signing_secret_and_not_over_two() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    let token = done(&server, &key, &["token", "create", "--job", "import-1"]);
    let rotate = ["token", "rotate", "--data", "data"];
    let busy = finish(folder.path(), &rotate);
    assert_eq!(busy.status.code(), Some(1));
    assert!(said(&busy).contains("stop it first"), "{}", said(&busy));
    drop(server);
    expect(folder.path(), &rotate, 0);
    let server = start_over(folder.path());
    assert!(done(&server, &token, &["whoami"]).contains("import-1"));
    drop(server);
    expect(folder.path(), &rotate, 0);
    let server = start_over(folder.path());
    refused(&server, &token, &["whoami"]);
    assert!(done(&server, &key, &["audit"]).contains("signing_key.rotate"));
}

#[test]
fn what_was_refused_is_noted_before_the_node_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, key) = start(folder.path());
    refused(&server, "not-a-key", &["whoami"]);
    refused(&server, "not-a-key-either", &["whoami"]);
    signal(&server.child, Signal::SIGTERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let server = start_over(folder.path());
    let log = done(&server, &key, &["audit", "--json"]);
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut refusals = entries.filter(|entry| entry["outcome"] == "invalid");
    let refusal = refusals.next().unwrap_or_else(|| panic!("no refusal in {log}"));
    assert_eq!((&refusal["times"], &refusal["address"]), (&2.into(), &"127.0.0.1".into()));
    assert!(!log.contains("not-a-key"));
}

#[test]
fn the_audit_log_tells_who_did_what() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    done(&server, &key, &["key", "create", "--name", "ci", "--scope", "watch"]);
    job(&server, &key, "import-1");
    done(&server, &key, &["job", "cancel", "import-1"]);
    let table = done(&server, &key, &["audit"]);
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("AT"), "{table}");
    assert!(lines.next().unwrap().contains("job.cancel"), "the newest first: {table}");
    let lines = done(&server, &key, &["audit", "--what", "key.create", "--json"]);
    let entries: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["credential_id"], *key.split('_').nth(1).unwrap());
    assert_eq!(entries[1]["owner"], Value::Null, "the first key was made offline");
    let table = done(&server, &key, &["audit", "--csv"]);
    assert!(table.starts_with("id,at,tenant,subject,"), "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(!format!("{table}{lines}").contains(&key));
}

#[test]
fn a_doctor_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    let good = done(&server, &key, &["doctor"]);
    for look in ["reach", "ready", "clock", "version", "sign-in", "websocket", "sse"] {
        assert!(good.contains(&format!("ok    {look}")), "{look} in {good}");
    }
    let token = done(&server, &key, &["token", "create", "--job", "import-1"]);
    let listed = done(&server, &token, &["doctor"]);
    assert!(listed.contains("ok    websocket") && listed.contains("ok    sse"), "{listed}");

    let strange = run(&server, "not-a-key", &["--json", "doctor"]);
    assert_eq!(strange.status.code(), Some(1));
    let lines = String::from_utf8(strange.stdout).unwrap();
    let verdict = |look: &str| {
        let findings = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut of_look = findings.filter(|finding| finding["look"] == look);
        of_look.next().map(|finding| finding["verdict"].as_str().unwrap().to_owned())
    };
    assert_eq!(verdict("reach").as_deref(), Some("good"));
    for look in ["sign-in", "websocket", "sse"] {
        assert_eq!(verdict(look).as_deref(), Some("wrong"), "{look} in {lines}");
    }
    let away = finish(folder.path(), &["doctor", "http://127.0.0.1:1"]);
    assert_eq!(away.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&away.stdout).starts_with("FAIL  reach"));
}

#[test]
fn commands_of_requests_are_refused_where_people_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--sign-in", "keys", "--allow-exec"];
    let output = finish(folder.path(), &serve);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("[kinds.NAME]"), "{}", said(&output));
    assert!(!folder.path().join("headway-data").exists());
}

#[test]
fn a_run_of_ones_own_asks_nobody_although_the_configuration_does() {
    let folder = tempfile::tempdir().unwrap();
    let config = "trusted_proxies = [\"127.0.0.1\"]\nbrowser.origins = [\"*\"]\n\
                  [sign_in]\nmodes = [\"keys\"]\n";
    std::fs::write(folder.path().join("headway.toml"), config).unwrap();
    std::fs::write(folder.path().join("one.jsonl"), "1\n").unwrap();
    let batch = ["batch", "run", "one.jsonl", "--exec", "cat", "--config", "headway.toml"];
    expect(folder.path(), &batch, 0);
}

#[tokio::test]
async fn a_stream_renews_its_sign_in_without_a_break() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    let owner = Client::new(&server.url, Some(&key)).unwrap();
    let request = CreateJob { kind: "import".into(), ..CreateJob::default() };
    let job = owner.create_job(&request).await.unwrap();

    // The ids of the tokens that were made, in order.
    let made = Arc::new(Mutex::new(Vec::new()));
    let (maker, ids, id) = (owner.clone(), Arc::clone(&made), job.id.clone());
    let watcher = Client::new(&server.url, None).unwrap().with_tokens(move || {
        let (maker, ids, id) = (maker.clone(), Arc::clone(&ids), id.clone());
        async move {
            let request = TokenRequest { jobs: vec![id], ..TokenRequest::default() };
            let token = maker.create_token(&request).await?;
            ids.lock().unwrap().push(token.id);
            // It holds for longer: however slow the machine is, the next one comes in time.
            Ok(Token { secret: token.token, holds_for: Some(Duration::from_secs(1)) })
        }
    });
    let mut watch = watcher.watch(vec![Selector::job(job.id.clone())], WatchOptions::default());
    let (mut seen, mut greetings, mut ended) = (Watched::default(), 0, false);
    let mut reporter = owner.reporter(job.id.clone());
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let watching = async {
        while !seen.has_ended() {
            tokio::select! {
                message = watch.next() => {
                    let message = message.unwrap().unwrap();
                    greetings += usize::from(matches!(message, ServerMessage::Hello { .. }));
                    seen.apply(&message);
                }
                _ = tick.tick() => {
                    let first = made.lock().unwrap().first().cloned();
                    if !ended && made.lock().unwrap().len() >= 3 {
                        ended = true;
                        // Whoever had not said its second token would be sent away with the first.
                        let request = RevocationRequest { token: first, ..RevocationRequest::default() };
                        owner.revoke(&request).await.unwrap();
                        reporter.report(vec![Report::Complete { result: None }]).await.unwrap();
                    }
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), watching).await.expect("the job's end");
    assert_eq!(greetings, 1, "one connection for all of its tokens");
}

#[tokio::test]
async fn a_stream_whose_token_ends_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    let owner = Client::new(&server.url, Some(&key)).unwrap();
    let request = CreateJob { kind: "import".into(), ..CreateJob::default() };
    let job = owner.create_job(&request).await.unwrap();
    let request =
        TokenRequest { jobs: vec![job.id.clone()], ttl_ms: Some(1_500), ..TokenRequest::default() };
    let token: Secret = owner.create_token(&request).await.unwrap().token;
    let watcher = Client::new(&server.url, None).unwrap().with_token(token).unwrap();
    let mut watch = watcher.watch(vec![Selector::job(job.id)], WatchOptions::default());
    let error: Error = loop {
        if let Err(error) = watch.next().await.unwrap() {
            break error;
        }
    };
    assert!(error.is_unauthenticated(), "{error:?}");
    assert!(watch.next().await.is_none(), "it does not come back");
}

#[tokio::test]
async fn a_person_has_a_session_until_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = start(folder.path());
    let client = Client::new(&server.url, None).unwrap();
    let request = SignInRequest { key: Some(Secret::new(key)), token: None };
    let signed_in = client.sign_in(&request).await.unwrap();
    assert_eq!(signed_in.identity.role.as_deref(), Some("admin"));
    assert!(signed_in.cookie.expose().starts_with("headway_session="));
    let value = signed_in.cookie.expose().split('=').nth(1).unwrap();
    assert!(!format!("{signed_in:?}").contains(value));
    client.sign_out(&signed_in.cookie).await.unwrap();

    let wrong = SignInRequest { key: None, token: Some(Secret::new("nobody's")) };
    assert!(client.sign_in(&wrong).await.unwrap_err().is_unauthenticated());
}
