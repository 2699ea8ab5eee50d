//! Webhooks from a job's record to a receiver, and what becomes of them where there is none.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of tests may fail its test"
)]

#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::match_wild_err_arm,
    reason = "each test file uses its part of the house, and only in tests"
)]
mod house;
#[path = "executor_support/server.rs"]
#[expect(dead_code, reason = "the executors' tests use all of it")]
mod server;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headway_engine::{Error, Options, WebhookOptions};
use headway_protocol::batch::BatchOptions;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{CommandRequest, CreateJob};
use headway_protocol::webhook::{DeadLetter, DeadReason, Webhook, WebhookEvent};
use headway_protocol::{Action, Job, JobId, JobStatus, Secret, Timestamp};
use headway_store::memory::MemoryStore;
use headway_store::{Clock, Store, SystemClock};
use house::{House, me, numbers};
use parking_lot::Mutex;
use serde_json::{Value, json};
use server::{Asked, Reply, Server};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(30);

/// A receiver that answers as it is told, with 204 when nothing was said, and keeps what it got.
struct Receiver {
    server: Server,
    got: mpsc::Receiver<Asked>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Receiver {
    async fn start() -> Self {
        let (sender, got) = mpsc::channel(1_000);
        let replies: Arc<Mutex<VecDeque<Reply>>> = Arc::default();
        let said = Arc::clone(&replies);
        let server = Server::start(move |asked| {
            sender.try_send(asked).unwrap();
            let ok = || Reply::Answer(204, String::new(), String::new());
            said.lock().pop_front().unwrap_or_else(ok)
        })
        .await;
        Self { server, got, replies }
    }

    fn will(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.replies.lock().extend(replies);
        self
    }

    fn hook(&self, events: Option<&[WebhookEvent]>) -> Webhook {
        let url = self.server.url("/hook?key=hidden");
        Webhook { url, events: events.map(<[_]>::to_vec), secret: None }
    }

    async fn next(&mut self) -> Asked {
        tokio::time::timeout(PATIENCE, self.got.recv()).await.unwrap().unwrap()
    }
}

fn status(status: u16) -> Reply {
    Reply::Answer(status, String::new(), "x".repeat(100_000))
}

fn secret(seed: u8) -> Secret {
    Secret::new(format!("whsec_{}", STANDARD.encode([seed; 32])))
}

fn options(retries_ms: &[u64]) -> Options {
    let secrets = vec![secret(1)];
    let webhooks =
        WebhookOptions { secrets, retries_ms: retries_ms.to_vec(), ..WebhookOptions::default() };
    let allow_hosts = vec!["127.0.0.1".to_owned()];
    Options { webhooks, allow_hosts, ..Options::default() }
}

fn house(retries_ms: &[u64]) -> House {
    House::over(Arc::new(MemoryStore::new()), Path::new("."), options(retries_ms))
}

/// What a receiver does: the header's signatures, one of them by this secret.
fn is_signed(asked: &Asked, secret: &Secret) -> bool {
    let (id, at) = (&asked.headers["webhook-id"], &asked.headers["webhook-timestamp"]);
    let bytes = STANDARD.decode(secret.expose().strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    let signed = format!("{id}.{at}.{}", asked.body);
    asked.headers["webhook-signature"].split(' ').any(|signature| {
        let tag = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        hmac::verify(&key, signed.as_bytes(), &tag).is_ok()
    })
}

fn event(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

async fn create(house: &House, webhook: Webhook) -> JobId {
    let webhook = Some(webhook);
    let request = CreateJob { kind: "k".to_owned(), webhook, ..CreateJob::default() };
    house.engine.create_job(&me(), request, None).await.unwrap().job.id
}

async fn say(house: &House, job: &JobId, reports: Value) {
    let reports: Vec<SequencedReport> = serde_json::from_value(reports).unwrap();
    house.report(job, reports).await.unwrap();
}

async fn complete(house: &House, webhook: Webhook) -> JobId {
    let job = create(house, webhook).await;
    say(house, &job, json!([{"type": "start"}, {"type": "complete", "result": {"n": 1}}])).await;
    job
}

/// Waits until the tenant has so many dead letters.
async fn letters(house: &House, count: usize) -> Vec<DeadLetter> {
    let waiting = async {
        loop {
            let page = house.engine.dead_letters("default", None, 100).await.unwrap();
            if page.dead_letters.len() == count {
                return page.dead_letters;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

/// Waits until nothing is to be sent any more.
async fn settled(store: &MemoryStore) {
    let waiting = async {
        while store.count_entries("webhook-queue").await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    assert_eq!(store.count_entries("webhook-messages").await.unwrap(), 0);
}

#[tokio::test]
async fn the_end_of_a_job_is_announced_and_signed() {
    let mut receiver = Receiver::start().await;
    let house = house(&[]);
    let job = complete(&house, receiver.hook(None)).await;
    let asked = receiver.next().await;
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/hook?key=hidden"));
    assert!(asked.headers["content-type"].starts_with("application/cloudevents+json"));
    assert!(is_signed(&asked, &secret(1)) && !is_signed(&asked, &secret(2)));
    let told = event(&asked);
    assert_eq!(told["id"], asked.headers["webhook-id"]);
    assert_eq!(told["specversion"], "1.0");
    assert_eq!(told["type"], "io.headway.job.completed.v1");
    assert_eq!((&told["source"], &told["subject"]), (&json!("/api/v1/jobs"), &json!(job)));
    let document: Job = serde_json::from_value(told["data"].clone()).unwrap();
    assert_eq!(document, house.document(&job).await);
    settled(&house.store).await;
    assert!(receiver.got.try_recv().is_err(), "only the end is announced unless said");
}

#[tokio::test]
async fn what_is_asked_for_is_announced_as_it_happens() {
    let mut receiver = Receiver::start().await;
    let house = house(&[]);
    let job = create(&house, receiver.hook(Some(WebhookEvent::ALL))).await;
    let mut told = async |expected: &str, status: JobStatus| {
        let event = event(&receiver.next().await);
        let expected = format!("io.headway.job.{expected}.v1");
        assert_eq!(
            (event["type"].as_str(), &event["data"]["status"]),
            (Some(&*expected), &json!(status))
        );
    };
    let command = async |action: Action| {
        house.engine.command(&me(), &job, action, CommandRequest::default()).await.unwrap()
    };
    say(&house, &job, json!([{"type": "start"}])).await;
    told("started", JobStatus::Running).await;
    let asked = command(Action::Pause).await;
    assert_eq!(asked.status, JobStatus::Pausing);
    let held = house.engine.report(&me(), &job, None, Vec::new()).await.unwrap();
    say(&house, &job, json!([{"type": "ack", "command": held.commands[0].id}])).await;
    told("paused", JobStatus::Paused).await;
    command(Action::Resume).await;
    told("resumed", JobStatus::Running).await;
    say(&house, &job, json!([{"type": "fail", "error": {"code": "x", "message": "y"}}])).await;
    told("failed", JobStatus::Failed).await;
    let again = command(Action::Retry).await.status;
    told("retried", again).await;
    command(Action::Cancel).await;
    told("cancelled", JobStatus::Cancelled).await;
    settled(&house.store).await;
}

#[tokio::test]
async fn a_batch_announces_its_end() {
    let mut receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let house = House::over(Arc::new(MemoryStore::new()), folder.path(), options(&[]));
    let hook = receiver.hook(Some(&[WebhookEvent::Started, WebhookEvent::Completed]));
    let change = |options: &mut BatchOptions| options.webhook = Some(hook);
    let batch = house.batch(numbers(20), "", change).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        let event = event(&receiver.next().await);
        assert_eq!(event["subject"], json!(batch.id));
        told.push((event["type"].as_str().unwrap().to_owned(), event["data"]["items"].clone()));
    }
    // One attempt may overtake another.
    told.sort_by_key(|(what, _)| what.contains("completed"));
    assert_eq!(told[0].0, "io.headway.job.started.v1");
    assert_eq!(told[1].1["succeeded"], 20);
}

#[tokio::test]
async fn a_failed_delivery_is_sent_again_under_the_same_name() {
    let mut receiver =
        Receiver::start().await.will([status(500), Reply::HangUp, status(302), status(404)]);
    let house = house(&[1, 1, 1, 1]);
    complete(&house, receiver.hook(None)).await;
    let first = receiver.next().await;
    for _ in 0..4 {
        let again = receiver.next().await;
        assert_eq!(again.headers["webhook-id"], first.headers["webhook-id"]);
        assert_eq!(again.body, first.body);
        assert!(is_signed(&again, &secret(1)));
    }
    settled(&house.store).await;
    assert!(letters(&house, 0).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_delivered_is_a_dead_letter_and_can_be_sent_again() {
    let mut receiver = Receiver::start().await.will([status(500), status(503)]);
    let house = house(&[1]);
    let job = complete(&house, receiver.hook(None)).await;
    let id = receiver.next().await.headers["webhook-id"].clone();
    receiver.next().await;
    let letter = letters(&house, 1).await.remove(0);
    assert_eq!((&letter.id, &letter.job, letter.event), (&id, &job, WebhookEvent::Completed));
    assert_eq!((letter.reason, letter.attempts), (DeadReason::Exhausted, 2));
    assert_eq!(letter.last_status, Some(503));
    assert_eq!(letter.url, receiver.server.url("/hook"));
    assert!(letter.failed_at >= letter.created_at);
    settled(&house.store).await;
    // Nobody else sees it or can send it.
    assert!(house.engine.dead_letters("other", None, 9).await.unwrap().dead_letters.is_empty());
    let foreign = house.engine.replay_dead_letter("other", &id).await.unwrap_err();
    assert_eq!(foreign.problem().code, "not_found");

    house.engine.replay_dead_letter("default", &id).await.unwrap();
    let again = receiver.next().await;
    assert_eq!(again.headers["webhook-id"], id);
    assert!(is_signed(&again, &secret(1)));
    settled(&house.store).await;
    letters(&house, 0).await;
    assert_eq!(house.store.count_entries("webhook-dead-messages").await.unwrap(), 0);
    assert!(house.engine.replay_dead_letter("default", &id).await.is_err());
}

#[tokio::test]
async fn dead_letters_are_listed_page_by_page_and_removed() {
    let receiver = Receiver::start().await.will((0..5).map(|_| status(500)));
    let house = house(&[]);
    for _ in 0..5 {
        complete(&house, receiver.hook(None)).await;
    }
    let all = letters(&house, 5).await;
    assert!(all.is_sorted_by_key(|letter| letter.id.clone()));
    let mut pages = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = house.engine.dead_letters("default", after.as_deref(), 2).await.unwrap();
        pages.push(page.dead_letters.len());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    house.engine.remove_dead_letter("default", &all[0].id).await.unwrap();
    assert!(house.engine.remove_dead_letter("default", &all[0].id).await.is_err());
    assert!(house.engine.remove_dead_letter("other", &all[1].id).await.is_err());
    assert_eq!(letters(&house, 4).await, all[1..]);
    assert_eq!(house.engine.replay_dead_letters("other").await.unwrap(), 0);
    assert_eq!(house.engine.replay_dead_letters("default").await.unwrap(), 4);
    settled(&house.store).await;
    letters(&house, 0).await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_not_asked_again() {
    let mut receiver = Receiver::start().await.will([status(410)]);
    let house = house(&[1, 1, 1]);
    complete(&house, receiver.hook(None)).await;
    let first = receiver.next().await.headers["webhook-id"].clone();
    letters(&house, 1).await;
    complete(&house, receiver.hook(None)).await;
    let both = letters(&house, 2).await;
    assert!(both.iter().all(|letter| letter.reason == DeadReason::Gone));
    assert_eq!(both.iter().map(|letter| letter.attempts).collect::<Vec<_>>(), [1, 0]);
    assert!(receiver.got.try_recv().is_err());
    // Another address of the same server is another endpoint.
    let other = Webhook { url: receiver.server.url("/other"), ..receiver.hook(None) };
    complete(&house, other).await;
    assert_eq!(receiver.next().await.target, "/other");
    // Sending a letter again says that the endpoint is back.
    house.engine.replay_dead_letter("default", &both[1].id).await.unwrap();
    assert_ne!(receiver.next().await.headers["webhook-id"], first);
    complete(&house, receiver.hook(None)).await;
    receiver.next().await;
    settled(&house.store).await;
    letters(&house, 1).await;
}

#[tokio::test]
async fn a_receiver_that_says_nothing_holds_up_no_other() {
    let silent = Receiver::start().await.will((0..100).map(|_| Reply::Silence));
    let mut quick = Receiver::start().await;
    let house = house(&[]);
    for _ in 0..20 {
        complete(&house, silent.hook(None)).await;
    }
    for _ in 0..20 {
        complete(&house, quick.hook(None)).await;
        quick.next().await;
    }
    assert!(silent.server.connections() <= 8, "more than a few places are taken");
}

#[tokio::test]
async fn a_request_may_bring_its_own_secret() {
    let mut receiver = Receiver::start().await;
    let secrets = vec![secret(1), secret(2)];
    let webhooks = WebhookOptions { secrets, ..WebhookOptions::default() };
    let house = House::over(
        Arc::new(MemoryStore::new()),
        Path::new("."),
        Options { webhooks, ..options(&[]) },
    );
    complete(&house, receiver.hook(None)).await;
    let asked = receiver.next().await;
    assert!(is_signed(&asked, &secret(1)) && is_signed(&asked, &secret(2)));
    let own = Webhook { secret: Some(secret(3)), ..receiver.hook(None) };
    let job = complete(&house, own).await;
    let asked = receiver.next().await;
    assert!(is_signed(&asked, &secret(3)) && !is_signed(&asked, &secret(1)));
    let stored = house.store.load(&job).await.unwrap().unwrap();
    assert!(!stored.rendered().contains("whsec_") && !asked.body.contains("whsec_"));
}

#[tokio::test]
async fn a_webhook_that_could_never_be_delivered_is_refused() {
    let bare = Options { webhooks: WebhookOptions::default(), ..options(&[]) };
    let unsigned = House::over(Arc::new(MemoryStore::new()), Path::new("."), bare);
    let house = house(&[]);
    let refusal = async |house: &House, webhook: Value| {
        let webhook = Some(serde_json::from_value(webhook).unwrap());
        let request = CreateJob { kind: "k".to_owned(), webhook, ..CreateJob::default() };
        let error: Error = house.engine.create_job(&me(), request, None).await.unwrap_err();
        let problem = error.problem();
        assert_eq!(problem.code, "invalid");
        (problem.field.clone().unwrap(), problem.detail)
    };
    let url = "https://example.org/hook";
    for (webhook, field, says) in [
        (json!({"url": "ftp://example.org"}), "webhook.url", "http or https"),
        (json!({"url": "nonsense"}), "webhook.url", "http or https"),
        (json!({"url": format!("{url}?{}", "x".repeat(2_048))}), "webhook.url", "2048"),
        (json!({"url": "https://a:b@example.org"}), "webhook.url", "password"),
        (json!({"url": "http://169.254.169.254/latest"}), "webhook.url", "allow_hosts"),
        (json!({"url": "http://2130706434/"}), "webhook.url", "allow_hosts"),
        (json!({"url": url, "events": []}), "webhook.events", "leave it out"),
        (json!({"url": url, "secret": "whsec_c2hvcnQ="}), "webhook.secret", "24 to 64"),
    ] {
        let (found, detail) = refusal(&house, webhook.clone()).await;
        assert_eq!(found, field, "{webhook}");
        assert!(detail.contains(says) && !detail.contains("c2hvcnQ"), "{detail}");
    }
    let (field, detail) = refusal(&unsigned, json!({"url": url})).await;
    assert!(field == "webhook.secret" && detail.contains("webhooks.secret"), "{detail}");
    let own = json!({"url": url, "secret": secret(1).expose()});
    create(&unsigned, serde_json::from_value(own).unwrap()).await;

    let bad = WebhookOptions { secrets: vec![Secret::new("hush")], ..WebhookOptions::default() };
    let bad = Options { webhooks: bad, ..Options::default() };
    let started =
        headway_engine::Handle::start(bad, Arc::new(MemoryStore::new()), Arc::new(SystemClock));
    let words = format!("{:?}", started.unwrap_err());
    assert!(words.contains("webhooks.secret") && !words.contains("hush"), "{words}");
}

#[tokio::test]
async fn an_address_that_turns_out_to_be_private_is_given_up() {
    // A name that passes until it is resolved.
    let house = House::over(
        Arc::new(MemoryStore::new()),
        Path::new("."),
        Options { allow_hosts: Vec::new(), ..options(&[1, 1]) },
    );
    let name = String::from_utf8(std::process::Command::new("hostname").output().unwrap().stdout);
    let url = format!("http://{}:9/", name.unwrap().trim());
    let hook = Webhook { url, events: None, secret: None };
    complete(&house, hook).await;
    let letter = letters(&house, 1).await.remove(0);
    assert_eq!((letter.reason, letter.attempts), (DeadReason::AddressRefused, 1));
    assert!(letter.last_error.contains("allow_hosts"), "{}", letter.last_error);
}

#[tokio::test]
async fn what_a_stopped_node_left_is_sent_by_the_next() {
    let mut receiver = Receiver::start().await;
    let store = Arc::new(MemoryStore::new());
    let first = House::over(Arc::clone(&store), Path::new("."), options(&[1]));
    let job = create(&first, receiver.hook(None)).await;
    // It sends nothing any more, and still takes a report.
    first.engine.shutdown(Duration::from_secs(5)).await;
    say(&first, &job, json!([{"type": "start"}, {"type": "complete"}])).await;
    assert_eq!(store.count_entries("webhook-queue").await.unwrap(), 1);
    assert!(receiver.got.try_recv().is_err());
    drop(first);
    let second = House::over(Arc::clone(&store), Path::new("."), options(&[1]));
    assert_eq!(event(&receiver.next().await)["subject"], json!(job));
    settled(&second.store).await;
}

#[tokio::test]
async fn several_nodes_deliver_each_event_once_while_none_fails() {
    let mut receiver = Receiver::start().await;
    let store = Arc::new(MemoryStore::new());
    let houses: Vec<_> =
        (0..3).map(|_| House::over(Arc::clone(&store), Path::new("."), options(&[1]))).collect();
    let mut ids = std::collections::BTreeSet::new();
    for n in 0..60 {
        complete(&houses[n % 3], receiver.hook(None)).await;
    }
    for _ in 0..60 {
        assert!(ids.insert(receiver.next().await.headers["webhook-id"].clone()), "sent twice");
    }
    settled(&store).await;
    assert!(receiver.got.try_recv().is_err());
}

/// The machine's clock, set forward by so many milliseconds.
#[derive(Debug)]
struct Ahead(u64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.0)
    }
}

#[tokio::test]
async fn what_a_dead_node_had_taken_is_taken_over() {
    let mut receiver = Receiver::start().await.will([Reply::Silence]);
    let store = Arc::new(MemoryStore::new());
    let first = House::over(Arc::clone(&store), Path::new("."), options(&[]));
    complete(&first, receiver.hook(None)).await;
    // The first node has taken it and hears nothing; as far as the others know, it may be dead.
    let taken = receiver.next().await;
    let start = |ahead_ms| {
        let store: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        headway_engine::Handle::start(options(&[]), store, Arc::new(Ahead(ahead_ms))).unwrap()
    };
    let hasty = start(15_000);
    hasty.shutdown(Duration::from_secs(5)).await;
    assert!(receiver.got.try_recv().is_err(), "it may still be at work");
    let _second = start(25_000);
    let again = receiver.next().await;
    assert_eq!(again.headers["webhook-id"], taken.headers["webhook-id"]);
    settled(&store).await;
}

#[tokio::test]
async fn a_receiver_that_cannot_be_reached_costs_no_attempts() {
    let down = Arc::new(AtomicBool::new(true));
    let (sender, mut got) = mpsc::channel(1_000);
    let is_down = Arc::clone(&down);
    let server = Server::start(move |asked| {
        if is_down.load(Relaxed) {
            return Reply::HangUp;
        }
        sender.try_send(asked).unwrap();
        Reply::Answer(200, String::new(), String::new())
    })
    .await;
    // Nine attempts would be spent in a moment; five failures in a row open the circuit.
    let house = house(&[1; 8]);
    let mut registry = prometheus_client::registry::Registry::default();
    house.engine.register_metrics(&mut registry);
    for _ in 0..30 {
        let url = server.url("/");
        complete(&house, Webhook { url, events: None, secret: None }).await;
    }
    let opened = async {
        loop {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            if text.contains("outgoing_circuits_open 1") {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.unwrap();
    down.store(false, Relaxed);
    for _ in 0..30 {
        tokio::time::timeout(PATIENCE, got.recv()).await.unwrap().unwrap();
    }
    settled(&house.store).await;
    letters(&house, 0).await;
}

#[tokio::test]
async fn a_document_that_is_too_large_is_announced_without_its_largest_members() {
    let mut receiver = Receiver::start().await;
    let house = house(&[]);
    let job = create(&house, receiver.hook(None)).await;
    let large = "x".repeat(300 * 1024);
    say(&house, &job, json!([{"type": "start"}, {"type": "complete", "result": large}])).await;
    let told = event(&receiver.next().await);
    assert_eq!(told["headwayshortened"], true);
    assert_eq!(told["data"]["status"], "completed");
    assert!(told["data"].get("result").is_none());
}

#[tokio::test]
async fn what_is_counted_names_nobody() {
    let mut receiver = Receiver::start().await.will([status(500)]);
    let house = house(&[1]);
    let mut registry = prometheus_client::registry::Registry::default();
    house.engine.register_metrics(&mut registry);
    complete(&house, receiver.hook(None)).await;
    receiver.next().await;
    receiver.next().await;
    settled(&house.store).await;
    let mut text = String::new();
    let wanted = ["webhook_attempts_total{outcome=\"delivered\"} 1", "outcome=\"failed\"} 1"];
    let counted = async {
        while !wanted.iter().all(|line| text.contains(line)) {
            text.clear();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.unwrap();
    for line in ["webhook_queue ", "webhook_oldest_seconds 0", "outgoing_circuits_open 0"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("127.0.0.1") && !text.contains("default"), "{text}");
}
