//! The load: producers on kept-alive connections.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use crate::options::Options;
use crate::process::Used;

/// Runs the load and tells what came of it.
pub(crate) async fn run(options: &Options) -> io::Result<Value> {
    let jobs = Rc::new(create_jobs(options).await?);
    let before = options.server_pid.map(Used::by);
    let began = Instant::now();
    let ends = began + Duration::from_secs_f64(options.seconds);
    let latencies = Rc::new(RefCell::new(Vec::<u32>::with_capacity(1 << 20)));
    let local = LocalSet::new();
    let mut producers = Vec::new();
    for number in 0..options.producers {
        let producer = Producer {
            connection: Connection::open(options).await?,
            jobs: Rc::clone(&jobs),
            latencies: Rc::clone(&latencies),
            number,
            options: options.clone(),
            began,
            ends,
        };
        producers.push(local.spawn_local(producer.run()));
    }
    local.await;
    for producer in producers {
        producer.await.map_err(io::Error::other)??;
    }
    let took = began.elapsed().as_secs_f64();
    let mut latencies = latencies.borrow_mut();
    latencies.sort_unstable();
    let at = |share: f64| -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index below the length"
        )]
        let place = (latencies.len() as f64 * share) as usize;
        latencies.get(place).or(latencies.last()).map_or(0.0, |micros| f64::from(*micros) / 1e3)
    };
    let requests = latencies.len() as f64;
    let events = requests * options.events as f64;
    let mut report = json!({
        "requests_per_second": (requests / took).round(),
        "events_per_second": (events / took).round(),
        "acknowledged_ms": {"p50": at(0.5), "p99": at(0.99), "max": at(1.0)},
    });
    if let (Some(before), Some(pid)) = (before, options.server_pid) {
        let after = Used::by(pid);
        let cpu = (after.cpu_seconds - before.cpu_seconds) / events * 1e6;
        let written = (after.written_bytes - before.written_bytes) as f64 / events;
        if let Some(members) = report.as_object_mut() {
            members
                .insert("server_cpu_us_per_event".to_owned(), json!((cpu * 10.0).round() / 10.0));
            members.insert("written_bytes_per_event".to_owned(), json!(written.round()));
        }
    }
    Ok(report)
}

async fn create_jobs(options: &Options) -> io::Result<Vec<String>> {
    let mut connection = Connection::open(options).await?;
    let mut jobs = Vec::with_capacity(options.jobs);
    let body = r#"{"kind":"load","total":1000000000,"unit":"events"}"#;
    for _ in 0..options.jobs {
        let answer = connection.post("/api/v1/jobs", body).await?;
        let job: Value = serde_json::from_slice(&answer)?;
        let id = job.get("id").and_then(Value::as_str).unwrap_or_default();
        jobs.push(id.to_owned());
    }
    Ok(jobs)
}

struct Producer {
    connection: Connection,
    jobs: Rc<Vec<String>>,
    latencies: Rc<RefCell<Vec<u32>>>,
    number: usize,
    options: Options,
    began: Instant,
    ends: Instant,
}

impl Producer {
    async fn run(mut self) -> io::Result<()> {
        let interval = self
            .options
            .rate
            .map(|rate| Duration::from_secs_f64(self.options.producers as f64 / rate));
        let offset = interval.unwrap_or_default().mul_f64(self.number as f64)
            / u32::try_from(self.options.producers).unwrap_or(1);
        let mut due = self.began + offset;
        let mut sent = 0_u64;
        while Instant::now() < self.ends {
            match interval {
                Some(interval) => {
                    sleep_until(due).await;
                    self.send(sent, due).await?;
                    due += interval;
                }
                None => self.send(sent, Instant::now()).await?,
            }
            sent += 1;
        }
        Ok(())
    }

    async fn send(&mut self, sent: u64, due: Instant) -> io::Result<()> {
        let turn = usize::try_from(sent).unwrap_or_default() * self.options.producers + self.number;
        let Some(job) = self.jobs.get(turn % self.jobs.len()) else { return Ok(()) };
        let event = format!(
            r#"{{"type":"progress","done":{sent},"message":"{:<180}","phase":"loading"}}"#,
            format!("row {sent} of the load, written by producer {}", self.number)
        );
        let body = if self.options.events == 1 {
            event
        } else {
            format!("[{}]", vec![event; self.options.events].join(","))
        };
        self.connection.post(&format!("/api/v1/jobs/{job}/events"), &body).await?;
        let micros = u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX);
        self.latencies.borrow_mut().push(micros);
        Ok(())
    }
}

struct Connection {
    socket: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(options: &Options) -> io::Result<Self> {
        let socket = TcpStream::connect(options.address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, request: Vec::new(), answer: Vec::new() })
    }

    async fn post(&mut self, path: &str, body: &str) -> io::Result<Vec<u8>> {
        self.request.clear();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        self.socket.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            if self.socket.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(body) = whole_body(&self.answer)? {
                return Ok(body.to_vec());
            }
        }
    }
}

/// The body of an answer, when all of it is there.
fn whole_body(answer: &[u8]) -> io::Result<Option<&[u8]>> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, rest) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    if !head.starts_with("HTTP/1.1 2") {
        return Err(io::Error::other(format!("{head}{}", String::from_utf8_lossy(rest))));
    }
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or_default();
    Ok(rest.get(..length))
}
