//! The Rust client against a real server.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use headway_client::{Applied, Client, Error, Selector, WatchOptions, Watched};
use headway_protocol::event::Producer;
use headway_protocol::frame::EventFilter;
use headway_protocol::report::{LogLevel, SequencedReport};
use headway_protocol::request::{CommandRequest, CreateJob};
use headway_protocol::{Action, JobStatus, Percent, Report, ServerMessage};

use crate::harness::{Server, eventually, headway, said};

fn progress(percent: f64) -> Report {
    Report::Progress {
        percent: Percent::new(percent).ok(),
        done: None,
        total: None,
        message: None,
        phase: None,
        metadata: None,
    }
}

fn job() -> CreateJob {
    CreateJob { kind: "import".into(), ..CreateJob::default() }
}

#[tokio::test]
async fn a_reporter_moves_a_job_and_a_watch_sees_it_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let client = Client::new(&server.url, None).unwrap();
    let job = client.create_job(&job()).await.unwrap();
    let options = WatchOptions { events: Some(EventFilter::All(true)), ..WatchOptions::default() };
    let mut watch = client.watch(vec![Selector::job(job.id.clone())], options);
    let mut watched = Watched::default();
    while watched.cursor().is_none() {
        watched.apply(&watch.next().await.unwrap().unwrap());
    }
    let mut reporter = client.reporter(job.id.clone());
    reporter.report(vec![progress(10.0)]).await.unwrap();
    reporter.report(vec![progress(55.0), Report::Complete { result: None }]).await.unwrap();
    let mut events = 0;
    while let Some(message) = watch.next().await {
        let message = message.unwrap();
        assert_ne!(watched.apply(&message), Applied::Hole);
        events += usize::from(matches!(message, ServerMessage::Event { .. }));
    }
    assert!(watched.has_ended());
    assert_eq!(watched.job().unwrap(), client.job(&job.id).await.unwrap());
    assert!(events >= 4, "{events} events");
}

#[tokio::test]
async fn the_newest_events_come_without_the_rest_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let client = Client::new(&server.url, None).unwrap();
    let job = client.create_job(&job()).await.unwrap();
    let log = |number: u32| SequencedReport {
        seq: None,
        report: Report::Log {
            level: LogLevel::Info,
            message: format!("line {number}."),
            fields: None,
        },
    };
    for begin in (0..1_500).step_by(100) {
        let lines: Vec<_> = (begin..begin + 100).map(log).collect();
        client.report(&job.id, None, &lines).await.unwrap();
    }
    let check = |server: &Server| {
        for wanted in [2, 1_000, 1_200] {
            let count = wanted.to_string();
            let told = server.expect(&["job", "events", job.id.as_str(), "--tail", &count], 0);
            assert_eq!(told.lines().count(), wanted);
            for (line, number) in told.lines().zip(1_500 - wanted..) {
                assert!(line.contains(&format!("line {number}.")), "{line} is not {number}");
            }
        }
        let told = server.expect(&["job", "events", job.id.as_str(), "--tail", "5000"], 0);
        assert!(told.lines().next().unwrap().contains("created"), "{told}");
    };
    check(&server);
    drop(server);
    check(&Server::start(folder.path()));
}

#[tokio::test]
async fn a_repeated_report_is_applied_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let client = Client::new(&server.url, None).unwrap();
    let job = client.create_job(&job()).await.unwrap();
    let producer = Producer { id: "p".into(), seq: 1 };
    let reports = [SequencedReport { seq: None, report: progress(5.0) }];
    let first = client.report(&job.id, Some(&producer), &reports).await.unwrap();
    let second = client.report(&job.id, Some(&producer), &reports).await.unwrap();
    assert_eq!(first.cursor, second.cursor);

    let key = "the-same";
    let create = CreateJob { kind: "import".into(), ..CreateJob::default() };
    let one = client.create_job_once(&create, key).await.unwrap();
    let two = client.create_job_once(&create, key).await.unwrap();
    assert_eq!(one.id, two.id);
}

#[tokio::test]
async fn a_watch_outlives_the_server_and_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let client = Client::new(&server.url, None).unwrap();
    let job = client.create_job(&job()).await.unwrap();
    let options = WatchOptions {
        events: Some(EventFilter::Types(vec!["log".into()])),
        attempts: Some(50),
        min_interval_ms: None,
    };
    let mut watch = client.watch(vec![Selector::job(job.id.clone())], options);
    let mut watched = Watched::default();
    let mut reporter = client.reporter(job.id.clone());
    let log = |number: u32| Report::Log {
        level: LogLevel::default(),
        message: number.to_string(),
        fields: None,
    };
    let mut logs = Vec::new();
    // Events are those after the snapshot that a watch begins with.
    while watched.cursor().is_none() {
        take(&watch.next().await.unwrap().unwrap(), &mut watched, &mut logs);
    }
    reporter.report(vec![log(0), progress(10.0)]).await.unwrap();
    while logs.is_empty() {
        take(&watch.next().await.unwrap().unwrap(), &mut watched, &mut logs);
    }
    let address = server.address();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let _server = Server::start_at(folder.path(), &address);
    for number in 1..5 {
        reporter.report(vec![log(number), progress(20.0)]).await.unwrap();
    }
    reporter.report(vec![Report::Complete { result: None }]).await.unwrap();
    while let Some(message) = watch.next().await {
        take(&message.unwrap(), &mut watched, &mut logs);
    }
    assert_eq!(logs, ["0", "1", "2", "3", "4"], "each once, in order");
    assert_eq!(watched.job().unwrap().status, JobStatus::Completed);
}

#[tokio::test]
async fn a_watch_of_a_session_ends_when_its_job_is_gone_after_a_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let client = Client::new(&server.url, None).unwrap();
    let created = client.create_job(&CreateJob { session: Some("s".into()), ..job() }).await;
    let id = created.unwrap().id;
    let mut watch = headway(folder.path(), &["--json", "watch", "--session", "s"])
        .env("HEADWAY_URL", &server.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"snapshot\"")), "it began");
    // Whoever reads no more would stop it.
    std::thread::spawn(move || lines.for_each(drop));
    let address = server.address();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let _server = Server::start_at(empty.path(), &address);
    eventually("the watch's end", || watch.try_wait().unwrap());
    let output = watch.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(id.as_str()), "{}", said(&output));
}

fn take(message: &ServerMessage, watched: &mut Watched, logs: &mut Vec<String>) {
    watched.apply(message);
    if let ServerMessage::Event { event, .. } = message {
        logs.push(event["message"].as_str().unwrap().to_owned());
    }
}

/// A door that lets no WebSocket through, as some proxies do: every other connection goes on to
/// the server.
async fn without_websockets(server: &Server) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let refused = Arc::new(AtomicUsize::new(0));
    let (target, count) = (server.address(), Arc::clone(&refused));
    tokio::spawn(async move {
        while let Ok((mut inside, _)) = listener.accept().await {
            let (target, count) = (target.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let mut head = vec![0; 16 * 1024];
                let length = inside.read(&mut head).await.unwrap();
                let head = &head[..length];
                if String::from_utf8_lossy(head).to_lowercase().contains("upgrade: websocket") {
                    count.fetch_add(1, Ordering::Relaxed);
                    let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
                    inside.write_all(answer).await.unwrap();
                    return;
                }
                let mut outside = TcpStream::connect(target).await.unwrap();
                outside.write_all(head).await.unwrap();
                tokio::io::copy_bidirectional(&mut inside, &mut outside).await.ok();
            });
        }
    });
    (url, refused)
}

#[tokio::test]
async fn where_no_websocket_gets_through_events_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (url, refused) = without_websockets(&server).await;
    let client = Client::new(&url, None).unwrap();
    let job = client.create_job(&job()).await.unwrap();
    let mut reporter = client.reporter(job.id.clone());
    reporter.report(vec![progress(10.0)]).await.unwrap();
    for selectors in [
        vec![Selector::job(job.id.clone())],
        vec![Selector::job(job.id.clone()), Selector::job("job_missing".parse().unwrap())],
    ] {
        let mut watch = client.watch(selectors, WatchOptions::default());
        let mut watched = Watched::default();
        while !watched.has_ended() {
            let Some(Ok(message)) = watch.next().await else { break };
            if watched.apply(&message) == Applied::Changed {
                reporter.report(vec![Report::Complete { result: None }]).await.ok();
            }
        }
        assert_eq!(watched.job().unwrap().status, JobStatus::Completed);
    }
    assert_eq!(refused.load(Ordering::Relaxed), 2, "each watch tried a WebSocket once");
}

#[tokio::test]
async fn refusals_carry_the_servers_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let client = Client::new(&server.url, None).unwrap();
    let missing = "job_missing".parse().unwrap();
    let Err(Error::Refused { problem, .. }) = client.job(&missing).await else { panic!("found") };
    assert_eq!((problem.status, problem.code.as_str()), (404, "not_found"));

    let job = client.create_job(&job()).await.unwrap();
    let request = CommandRequest::default();
    let cancelled = client.command(&job.id, Action::Cancel, &request).await.unwrap();
    assert_eq!(cancelled.status, JobStatus::Cancelled);
    let again = client.command(&job.id, Action::Pause, &request).await.unwrap_err();
    assert_eq!(again.problem().unwrap().status, 409);

    let mut watch = client.watch(vec![Selector::job(missing)], WatchOptions::default());
    let mut refused = false;
    while let Some(message) = watch.next().await {
        refused |=
            !matches!(message, Ok(ServerMessage::Hello { .. } | ServerMessage::Heartbeat { .. }));
    }
    assert!(refused, "a job that is not there is told, and the watch ends");
}
