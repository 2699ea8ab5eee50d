//! What the executors cost: items per second, and processor time per item, Headway's own apart
//! from its workers'.
//!
//! ```text
//! cargo run --release -p headway-engine --example pool_bench -- [ITEMS] [CONCURRENCY] [PROCESSES]
//! ```
//!
//! The workers do nothing but answer: one is written in Python, one is this program itself, and the
//! HTTP server is this program in another process. One task drives all attempts, as a batch does.

use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::Stdio;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use headway_engine::executor::{Attempt, Execute, NewsSink, Surroundings, Terms, build};
use headway_protocol::JobId;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

type Outcome = Result<(), Box<dyn Error>>;

const PYTHON: &str = r#"
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    sys.stdout.write(json.dumps({"index": item["index"], "output": item["input"]}) + "\n")
    sys.stdout.flush()
"#;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("worker") => worker(),
        Some("server") => tokio::runtime::Runtime::new()?.block_on(server()),
        _ => {
            let number = |place: usize, unless: u64| {
                arguments.get(place).map_or(Ok(unless), |text| text.parse())
            };
            let (items, concurrency, processes) =
                (number(0, 200_000)?, number(1, 256)?, number(2, 2)?);
            tokio::runtime::Runtime::new()?.block_on(bench(items, concurrency, processes))
        }
    }
}

async fn bench(items: u64, concurrency: u64, processes: u64) -> Outcome {
    let own = std::env::current_exe()?;
    let mut out = io::stdout();
    writeln!(out, "{items} items, {concurrency} at once, {processes} processes a pool")?;
    for (name, argv) in [
        ("pool, this program", json!([own, "worker"])),
        ("pool, Python", json!(["python3", "-c", PYTHON])),
    ] {
        let executor = json!({"type": "command", "mode": "stream", "argv": argv,
            "processes": processes});
        measure(name, &executor, items, concurrency).await?;
    }
    let mut server = tokio::process::Command::new(&own)
        .arg("server")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut address = String::new();
    let stdout = server.stdout.take().ok_or("the server has no output")?;
    tokio::io::AsyncBufReadExt::read_line(&mut tokio::io::BufReader::new(stdout), &mut address)
        .await?;
    let executor = json!({"type": "http", "url": format!("http://{}/", address.trim())});
    measure("http", &executor, items / 4, concurrency.min(64)).await?;
    server.kill().await?;
    let executor = json!({"type": "command", "argv": ["/bin/true"]});
    measure("one process each", &executor, items / 100, concurrency.min(8)).await
}

async fn measure(
    name: &str,
    executor: &serde_json::Value,
    items: u64,
    concurrency: u64,
) -> Outcome {
    let surroundings = Surroundings::new(std::env::temp_dir(), &["127.0.0.1".to_owned()])
        .map_err(|problem| problem.detail)?;
    let executor = serde_json::from_value(executor.clone())?;
    let executor =
        build(&executor, &Terms::default(), &surroundings).map_err(|problem| problem.detail)?;
    let sink: NewsSink = Arc::new(|_: &Attempt, _| {});
    let stop = CancellationToken::new();
    let (own, others) = (used(UsageWho::RUSAGE_SELF)?, used(UsageWho::RUSAGE_CHILDREN)?);
    let began = tokio::time::Instant::now();
    let driven = Arc::clone(&executor);
    let failed =
        tokio::spawn(async move { drive(&*driven, items, concurrency, &sink, &stop).await });
    let failed = failed.await?;
    let took = began.elapsed().as_secs_f64();
    executor.close().await;
    let per_item = |micros: i64| micros as f64 / items as f64;
    writeln!(
        io::stdout(),
        "{name:>20}: {:>8.0} items/s, own {:>6.1} µs per item, workers {:>6.1} µs, {failed} failed",
        items as f64 / took,
        per_item(used(UsageWho::RUSAGE_SELF)? - own),
        per_item(used(UsageWho::RUSAGE_CHILDREN)? - others),
    )?;
    Ok(())
}

/// Runs every item, so many at once, and counts those that failed.
async fn drive(
    executor: &dyn Execute,
    items: u64,
    concurrency: u64,
    sink: &NewsSink,
    stop: &CancellationToken,
) -> u64 {
    let one = |index| run(executor, index, sink, stop);
    let mut next = concurrency.min(items);
    let mut running: FuturesUnordered<_> = (0..next).map(one).collect();
    let mut failed = 0;
    while let Some(has_failed) = running.next().await {
        failed += u64::from(has_failed);
        if next < items {
            running.push(one(next));
            next += 1;
        }
    }
    failed
}

/// Runs one item and says whether it failed.
async fn run(
    executor: &dyn Execute,
    index: u64,
    sink: &NewsSink,
    stop: &CancellationToken,
) -> bool {
    let input = RawValue::from_string(format!(r#"{{"name":"item","value":{index}}}"#));
    let attempt = Attempt {
        job: JobId::new_batch(0, 0),
        index,
        custom_id: None,
        number: 1,
        input: input.unwrap_or_else(|_| RawValue::NULL.to_owned()),
        timeout: Some(std::time::Duration::from_mins(1)),
    };
    executor.run(&attempt, sink, stop).await.outcome.is_err()
}

/// Processor time so far, in microseconds.
fn used(who: UsageWho) -> nix::Result<i64> {
    let usage = getrusage(who)?;
    let micros = |time: TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    Ok(micros(usage.user_time()) + micros(usage.system_time()))
}

#[derive(serde::Deserialize)]
struct Line<'a> {
    index: u64,
    #[serde(borrow)]
    input: &'a RawValue,
}

/// Answers each line; flushes when nothing more waits, as a worker that cares for speed does.
fn worker() -> Outcome {
    let mut input = io::BufReader::with_capacity(64 * 1024, io::stdin().lock());
    let mut output = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let Line { index, input: value } = serde_json::from_str(&line)?;
        writeln!(output, r#"{{"index":{index},"output":{value}}}"#)?;
        line.clear();
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    Ok(())
}

/// Answers every request at once.
async fn server() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut incoming = Vec::new();
    loop {
        let Some(request) = request_length(&incoming) else {
            if stream.read_buf(&mut incoming).await? == 0 {
                return Ok(());
            }
            continue;
        };
        incoming.drain(..request);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue").await?;
    }
}

/// How long the request at the beginning of these bytes is, once it is all there.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?.to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let whole = head + length.map_or(Some(0), |length| length.parse().ok())?;
    (bytes.len() >= whole).then_some(whole)
}
