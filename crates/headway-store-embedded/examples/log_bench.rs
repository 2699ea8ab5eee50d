//! Measures the log beside its targets. Run it on an idle machine:
//!
//! ```text
//! cargo run --release -p headway-store-embedded --example log_bench [-- FOLDER]
//! ```
//!
//! Each line is a figure, its unit, and the target when there is one. The folder is emptied of the
//! benchmark's own files at the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::format_push_string,
    reason = "a benchmark ends where something is wrong, and measures time"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headway_protocol::{ItemStatus, JobId, JobStatus, Owner, Timestamp};
use headway_store::{
    Append, Expected, Facets, ItemOutcome, LeaseRequest, ListQuery, NewItem, Record, Store,
};
use headway_store_embedded::{EmbeddedStore, Options};
use serde_json::value::RawValue;

/// The one that the program uses.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("fill") {
        fill(Path::new(&arguments.next().unwrap()));
        return;
    }
    if first.as_deref() == Some("open") {
        let begin = Instant::now();
        let _store = open(Path::new(&arguments.next().unwrap()));
        say("ready after", begin.elapsed().as_secs_f64() * 1e3, "ms", "");
        return;
    }
    let folder =
        first.map_or_else(|| std::env::temp_dir().join("headway-log-bench"), PathBuf::from);
    let only = arguments.next();
    let runs = |name: &str| only.as_deref().is_none_or(|only| name.starts_with(only));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if runs("single") {
        runtime.block_on(producers(&folder.join("single"), 1));
    }
    if runs("grouped") {
        runtime.block_on(producers(&folder.join("grouped"), 100));
    }
    for (name, jobs) in [("paced", 2_000), ("wide", 10_000)] {
        if runs(name) {
            runtime.block_on(paced(&folder.join(name), 5_000, jobs));
            runtime.block_on(paced(&folder.join(name), 20_000, jobs));
        }
    }
    if runs("reopen") {
        reopen(&folder.join("reopen"), &runtime);
    }
    if runs("replay") {
        runtime.block_on(replay(&folder.join("replay")));
    }
    if runs("list") {
        runtime.block_on(list(&folder.join("list")));
    }
    if runs("items") {
        runtime.block_on(items(&folder.join("items")));
    }
}

fn say(name: &str, figure: f64, unit: &str, target: &str) {
    println!("{name:<58} {figure:>12.2} {unit:<10} {target}");
}

fn open(folder: &Path) -> Arc<EmbeddedStore> {
    Arc::new(EmbeddedStore::open(Options::new(folder)).unwrap())
}

fn fresh(folder: &Path) -> Arc<EmbeddedStore> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
    open(folder)
}

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap()
}

fn facets(n: u64, status: JobStatus) -> Arc<Facets> {
    Arc::new(Facets {
        status,
        kind: "analyze".to_owned(),
        session: None,
        tags: Vec::new(),
        owner: Owner { tenant: format!("t{}", n % 10), subject: Some(format!("u{}", n % 1_000)) },
        created_at: Timestamp::from_millis(1_768_000_000_000 + n),
        finished_at: None,
        due_at: Some(Timestamp::from_millis(1_768_000_060_000 + n)),
    })
}

/// Text that no two records share, as compressible as random words are.
fn words(seed: u64, length: usize) -> String {
    const WORDS: [&str; 32] = [
        "lead", "scored", "row", "page", "fetched", "parsed", "token", "invoice", "amount",
        "retry", "waiting", "for", "answer", "from", "model", "batch", "item", "checked",
        "against", "list", "of", "known", "senders", "account", "merged", "with", "record",
        "customer", "order", "shipped", "refund", "notice",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(length + 32);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(WORDS[(state % 32) as usize]);
        text.push_str(&format!(" {} ", (state >> 32) % 1_000));
    }
    text
}

fn name(n: u64) -> JobId {
    JobId::new_job(1_768_000_000_000 + n, u128::from(n))
}

/// A first record, with a document of about 1 KiB.
fn create(n: u64, status: JobStatus) -> Append {
    let pad = words(n, 720);
    let document = format!(
        r#"{{"id":"{}","kind":"analyze","status":"{status}","progress":{{"percent":0.0,"done":0,"total":1000}},"message":"","metadata":{{"text":"{pad}"}}}}"#,
        name(n)
    );
    Append {
        job: name(n),
        expected: Expected::Absent { epoch: 1 },
        record: Arc::new(Record {
            from: 0,
            to: 1,
            at: Timestamp::from_millis(1_768_000_000_000),
            events: vec![raw(r#"{"type":"created","kind":"analyze"}"#.to_owned())],
            patch: raw(document),
            private: raw(r#"{"producers":{"p":0},"attempt":1}"#.to_owned()),
        }),
        facets: facets(n, status),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    }
}

/// A report: an event of about 300 bytes and what it changes.
fn report(n: u64, offset: u64) -> Append {
    let pad = words(n << 32 | offset, 210);
    let event = format!(
        r#"{{"at":"2026-01-10T09:30:00.000Z","type":"progress","done":{offset},"total":1000,"message":"{pad}"}}"#
    );
    let patch = format!(
        r#"{{"progress":{{"percent":{}.5,"done":{offset}}},"message":"{pad}","updated_at":"2026-01-10T09:30:00.000Z"}}"#,
        offset % 100
    );
    Append {
        job: name(n),
        expected: Expected::At(offset),
        record: Arc::new(Record {
            from: offset,
            to: offset + 1,
            at: Timestamp::from_millis(1_768_000_000_000 + offset),
            events: vec![raw(event)],
            patch: raw(patch),
            private: raw(format!(r#"{{"producers":{{"p":{offset}}}}}"#)),
        }),
        facets: facets(n, JobStatus::Running),
        items: Vec::new(),
        key: None,
        entries: Vec::new(),
    }
}

async fn append(store: &EmbeddedStore, appends: Vec<Append>) {
    for answer in store.append(appends).await {
        answer.unwrap();
    }
}

async fn create_jobs(store: &EmbeddedStore, count: u64, status: impl Fn(u64) -> JobStatus) {
    for begin in (0..count).step_by(1_000) {
        let call = (begin..count.min(begin + 1_000)).map(|n| create(n, status(n))).collect();
        append(store, call).await;
    }
}

/// 64 producers, each on jobs of its own, one call after another.
async fn producers(folder: &Path, per_call: u64) {
    const PRODUCERS: u64 = 64;
    const TIME: Duration = Duration::from_secs(5);
    let store = fresh(folder);
    create_jobs(&store, PRODUCERS * 32, |_| JobStatus::Running).await;
    let begin = Instant::now();
    let tasks: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut offsets = [1_u64; 32];
                let mut done = 0_u64;
                while begin.elapsed() < TIME {
                    let call = (0..per_call)
                        .map(|_| {
                            let job = (done % 32) as usize;
                            let append = report(producer * 32 + job as u64, offsets[job]);
                            offsets[job] += 1;
                            done += 1;
                            append
                        })
                        .collect();
                    append(&store, call).await;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let rate = done as f64 / begin.elapsed().as_secs_f64();
    let target = if per_call == 1 { "≥ 15,000" } else { "≥ 80,000" };
    say(&format!("64 producers, {per_call} per call"), rate, "reports/s", target);
    store.close().await.unwrap();
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

fn written() -> f64 {
    let counters = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = counters.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(f64::NAN)
}

fn processor() -> f64 {
    let line = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = line.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok());
    (ticks(12).unwrap_or(f64::NAN) + ticks(13).unwrap_or(f64::NAN)) / 100.0
}

/// Reports at a rate, spread over jobs, each by itself; every millisecond some are due.
async fn paced(folder: &Path, rate: u64, jobs: u64) {
    const SECONDS: u64 = 15;
    let store = fresh(folder);
    create_jobs(&store, jobs, |_| JobStatus::Running).await;
    store.list(&ListQuery { limit: 1, ..ListQuery::default() }).await.unwrap();
    let mut offsets = vec![1_u64; jobs as usize];
    let (bytes, cpu) = (written(), processor());
    let begin = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    let mut sent = 0_u64;
    let (tell, mut told) = tokio::sync::mpsc::channel::<Duration>(1 << 20);
    while begin.elapsed() < Duration::from_secs(SECONDS) {
        tick.tick().await;
        let due = begin.elapsed().as_micros() as u64 * rate / 1_000_000;
        while sent < due {
            let job = sent % jobs;
            let offset = offsets[job as usize];
            offsets[job as usize] += 1;
            sent += 1;
            let (store, tell) = (Arc::clone(&store), tell.clone());
            let call = vec![report(job, offset)];
            let sent_at = Instant::now();
            tokio::spawn(async move {
                for answer in store.append(call).await {
                    // A report that overtook the one before it is told so; it was still timed.
                    if let Err(error) = answer {
                        eprintln!("{error}");
                    }
                }
                tell.send(sent_at.elapsed()).await.unwrap();
            });
        }
    }
    drop(tell);
    let mut times = Vec::new();
    while let Some(time) = told.recv().await {
        times.push(time);
    }
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = processor() - cpu;
    store.close().await.unwrap();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let what = format!("{rate}/s over {jobs} jobs");
    let target = |text: &'static str| if rate == 5_000 { text } else { "" };
    say(&format!("{what}: acknowledged after, p50"), at(0.5), "ms", target("≤ 1"));
    say(&format!("{what}: acknowledged after, p99"), at(0.99), "ms", target("≤ 10"));
    say(&format!("{what}: acknowledged after, at most"), at(1.0), "ms", "");
    let each = (written() - bytes) / sent as f64;
    let target = if rate == 20_000 { "≤ 3072" } else { "" };
    say(&format!("{what}: written, closing included"), each, "B/report", target);
    say(&format!("{what}: CPU, with the producers"), cpu * 1e6 / sent as f64, "us/report", "");
    say(&format!("{what}: CPU of one core"), cpu / seconds * 100.0, "%", "");
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Fills a store with 100,000 jobs and 1,000,000 events, says so, and waits to be killed.
fn fill(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = fresh(folder);
        create_jobs(&store, 100_000, |_| JobStatus::Running).await;
        for offset in 1..10 {
            for begin in (0..100_000).step_by(500) {
                append(&store, (begin..begin + 500).map(|n| report(n, offset)).collect()).await;
            }
        }
        println!("full");
        std::future::pending::<()>().await;
    });
}

fn reopen(folder: &Path, runtime: &tokio::runtime::Runtime) {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([std::ffi::OsStr::new("fill"), folder.as_os_str()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let size: u64 =
        folder.read_dir().unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    say("killed with 1,000,000 events of 100,000 jobs: files", size as f64 / 1e6, "MB", "");
    let begin = Instant::now();
    let store = open(folder);
    say("ready after", begin.elapsed().as_secs_f64() * 1e3, "ms", "≤ 1000");
    runtime.block_on(async {
        append(&store, vec![report(99_999, 10)]).await;
        say("first report acknowledged after", begin.elapsed().as_secs_f64() * 1e3, "ms", "");
        let stored = store.load(&name(5)).await.unwrap().unwrap();
        assert_eq!(stored.cursor.offset, 10);
        store.close().await.unwrap();
    });
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

async fn replay(folder: &Path) {
    const JOBS: u64 = 500;
    let store = fresh(folder);
    create_jobs(&store, JOBS, |_| JobStatus::Running).await;
    for offset in 1..1_200 {
        append(&store, (0..JOBS).map(|n| report(n, offset)).collect()).await;
    }
    store.close().await.unwrap();
    drop(store);
    let store = open(folder);
    let mut times = Vec::new();
    for n in 0..JOBS {
        let begin = Instant::now();
        let history = store.read(&name(n), 100, 1_000).await.unwrap().unwrap();
        times.push(begin.elapsed());
        assert_eq!(history.records.len(), 1_000);
    }
    say("replay of 1,000 events, p50", median(times), "ms", "≤ 3");
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

async fn list(folder: &Path) {
    const JOBS: u64 = 1_000_000;
    let store = fresh(folder);
    let begin = Instant::now();
    create_jobs(&store, JOBS, |n| JobStatus::ALL[(n / 1_000 % 10) as usize]).await;
    say("created", JOBS as f64 / begin.elapsed().as_secs_f64(), "jobs/s", "");
    store.close().await.unwrap();
    drop(store);
    let store = open(folder);
    let mut times = Vec::new();
    for n in 0..1_000_u64 {
        let query = ListQuery {
            tenant: Some(format!("t{}", n % 10)),
            subject: Some(format!("u{}", n % 1_000)),
            statuses: vec![JobStatus::ALL[(n % 10) as usize]],
            limit: 50,
            ..ListQuery::default()
        };
        let begin = Instant::now();
        let page = store.list(&query).await.unwrap();
        times.push(begin.elapsed());
        assert_eq!(page.jobs.len(), 50);
    }
    say("newest 50 of 1,000,000 by status and owner, p50", median(times), "ms", "≤ 1");
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

async fn items(folder: &Path) {
    const ITEMS: u64 = 1_000_000;
    let store = fresh(folder);
    append(&store, vec![create(0, JobStatus::Running)]).await;
    let begin = Instant::now();
    for first in (0..ITEMS).step_by(5_000) {
        let added = (first..first + 5_000)
            .map(|index| NewItem {
                index,
                custom_id: Some(format!("row-{index}")),
                input: raw(format!(r#"{{"lead":{index},"text":"{}"}}"#, words(index, 240))),
                estimate: None,
                status: ItemStatus::Queued,
                error: None,
            })
            .collect();
        store.add_items(&name(0), added).await.unwrap();
    }
    let rate = ITEMS as f64 / begin.elapsed().as_secs_f64();
    say("added by 5,000", rate, "items/s", "≥ 150,000");
    let begin = Instant::now();
    let mut done = 0_u64;
    let mut offset = 1;
    while begin.elapsed() < Duration::from_secs(5) {
        let lease = LeaseRequest { fence: offset, now: Timestamp::from_millis(1), max: 500 };
        let leased = store.lease_items(&name(0), &lease).await.unwrap();
        let settled = leased
            .iter()
            .map(|item| ItemOutcome {
                index: item.index,
                fence: offset,
                status: ItemStatus::Succeeded,
                due_at: None,
                output: Some(raw(format!(r#"{{"score":{}}}"#, item.index))),
                error: None,
                cost: Some(headway_protocol::Amount::from_nanos(1_000)),
                started_at: Some(Timestamp::from_millis(1)),
                duration_ms: Some(1),
            })
            .collect();
        let batch = report(0, offset);
        append(&store, vec![Append { items: settled, ..batch }]).await;
        offset += 1;
        done += leased.len() as u64;
    }
    let rate = done as f64 / begin.elapsed().as_secs_f64();
    say("taken by 500 and settled by 500", rate, "items/s", "≥ 50,000");
    let begin = Instant::now();
    store.count_items(&name(0)).await.unwrap();
    say("counted by status", begin.elapsed().as_secs_f64() * 1e3, "ms", "");
    store.close().await.unwrap();
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}
