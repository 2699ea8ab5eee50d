//! Webhooks that could not be delivered, as an operator sees them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use headway_client::Client;
use headway_protocol::Report;
use headway_protocol::request::CreateJob;
use serde_json::{Value, json};

use crate::harness::{Server, eventually, headway};

/// A receiver that answers the first requests with these statuses and all others with 200, and gives
/// out their heads.
fn receiver(statuses: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, heads) = channel();
    std::thread::spawn(move || {
        for number in 0.. {
            let Ok((mut socket, _)) = listener.accept() else { return };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && socket.read(&mut byte).unwrap_or_default() == 1 {
                head.extend(byte);
            }
            let status = statuses.get(number).unwrap_or(&200);
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            socket.write_all(answer.as_bytes()).ok();
            // What is left of the body is taken, so that the answer is not cut off.
            socket.shutdown(std::net::Shutdown::Write).ok();
            socket.read_to_end(&mut Vec::new()).ok();
            if sender.send(String::from_utf8_lossy(&head).to_lowercase()).is_err() {
                return;
            }
        }
    });
    (url, heads)
}

/// The head of the next delivery.
#[track_caller]
fn next(heads: &Receiver<String>) -> String {
    heads.recv_timeout(Duration::from_mins(1)).expect("a delivery")
}

fn id_of(head: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix("webhook-id: "));
    line.expect("a webhook has an id").to_owned()
}

fn dead(server: &Server) -> Vec<Value> {
    let page: Value =
        serde_json::from_str(&server.expect(&["--json", "webhook", "dead"], 0)).unwrap();
    page["dead_letters"].as_array().unwrap().clone()
}

fn complete(server: &Server, url: &str) {
    let client = Client::new(&server.url, None).unwrap();
    let request: CreateJob =
        serde_json::from_value(json!({ "kind": "import", "webhook": { "url": url } })).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let job = client.create_job(&request).await.unwrap();
        let end = vec![Report::Complete { result: None }];
        client.reporter(job.id).report(end).await.unwrap();
    });
}

#[test]
fn what_could_not_be_delivered_is_listed_replayed_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let serve = ["--json", "serve", "--listen", "127.0.0.1:0", "--allow-host", "127.0.0.1"];
    let secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0";
    let child = headway(folder.path(), &serve)
        .env("HEADWAY_WEBHOOK_SECRET", secret)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server::adopt(child, folder.path());

    let (url, heads) = receiver(&[410]);
    complete(&server, &url);
    let letter = eventually("a dead letter", || dead(&server).into_iter().next());
    let id = letter["id"].as_str().unwrap();
    assert_eq!(id_of(&next(&heads)), id);
    let table = server.expect(&["webhook", "dead"], 0);
    assert!(table.contains("gone (410)") && table.contains(&url), "{table}");
    server.expect(&["webhook", "replay", id], 0);
    assert_eq!(id_of(&next(&heads)), id, "the same event again");
    eventually("no dead letter", || dead(&server).is_empty().then_some(()));
    server.expect(&["webhook", "replay", id], 1);

    let (url, heads) = receiver(&[410]);
    complete(&server, &url);
    let letter = eventually("a dead letter", || dead(&server).into_iter().next());
    next(&heads);
    server.expect(&["webhook", "drop", letter["id"].as_str().unwrap()], 0);
    assert_eq!(dead(&server), Vec::<Value>::new());

    let (url, heads) = receiver(&[410]);
    complete(&server, &url);
    eventually("a dead letter", || dead(&server).into_iter().next());
    next(&heads);
    server.expect(&["webhook", "replay", "--all"], 0);
    next(&heads);
    let log = server.expect(&["audit", "--json"], 0);
    assert!(log.contains("webhook.replay") && log.contains("webhook.drop"), "{log}");
    assert!(!log.contains(secret));
}
