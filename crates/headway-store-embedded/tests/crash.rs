//! Kills a writing process at random moments, and looks at what it left.
//!
//! The test runs itself as the writer: a child process that appends to many jobs, with entries that
//! say where some of them are, forgets the beginnings of some of their logs, works through a batch's
//! items, counts in entries, and says on its output what was acknowledged. The parent waits for a
//! random number of those lines, kills the child, opens the store and compares. `HEADWAY_CRASHES` says how often,
//! 25 times when it is not set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use headway_protocol::{ItemStatus, JobId, JobStatus, Owner, Timestamp};
use headway_store::{
    Append, Entry, Expected, ExpectedEntry, Facets, ItemOutcome, ItemQuery, LeaseRequest, NewItem,
    PutEntry, Record, Store,
};
use headway_store_embedded::{EmbeddedStore, Options};
use proptest::prelude::RngExt as _;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Set for the child: the store's folder.
const FOLDER: &str = "HEADWAY_CRASH_FOLDER";

/// Set for the child: how much memory its tails may take.
const TAIL_BYTES: &str = "HEADWAY_CRASH_TAIL";

const PRODUCERS: usize = 8;
const JOBS_EACH: usize = 12;
const ITEMS: u64 = 20_000;
const ITEMS_AT_ONCE: usize = 16;
const COUNTERS: u64 = 6;

#[expect(clippy::disallowed_methods, reason = "the test's only configuration")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

fn job(producer: usize, nth: usize) -> JobId {
    format!("job-{producer}-{nth}").parse().unwrap()
}

fn batch() -> JobId {
    "batch".parse().unwrap()
}

/// What a job's record at `from` changes: the same whenever it is asked, so that the parent can
/// fold what the child wrote.
fn changes(from: u64) -> (Value, Value) {
    if from == 0 {
        return (json!({"count": 0, "steps": {}}), json!({"seen": 0}));
    }
    let step = format!("s{}", from % 5);
    let gone = format!("s{}", (from + 2) % 5);
    let document = json!({
        "count": from,
        "text": "x".repeat(usize::try_from(from * 37 % 600).unwrap()),
        "steps": {step: {"at": from}, gone: null},
    });
    (document, json!({"seen": from}))
}

/// How many events the record at `from` has.
fn events(from: u64) -> u64 {
    1 + from % 3
}

fn facets(from: u64) -> Facets {
    let status = if from % 20 == 3 { JobStatus::Paused } else { JobStatus::Running };
    Facets {
        status,
        kind: "crash".to_owned(),
        session: None,
        tags: Vec::new(),
        owner: Owner::default(),
        created_at: Timestamp::from_millis(1),
        finished_at: None,
        due_at: Some(Timestamp::from_millis(from + 1)),
    }
}

fn append(job: JobId, from: u64, items: Vec<ItemOutcome>) -> Append {
    let (patch, private) = changes(from);
    let to = from + events(from);
    let nth = job.as_str().rsplit('-').next().unwrap().parse();
    let entries = match nth {
        Ok(nth) if is_noted(nth) => vec![PutEntry::new("ends", job.as_str(), &to).unwrap()],
        Ok(_) | Err(_) => Vec::new(),
    };
    Append {
        job,
        expected: if from == 0 { Expected::Absent { epoch: 9 } } else { Expected::At(from) },
        record: Arc::new(Record {
            from,
            to,
            at: Timestamp::from_millis(from),
            events: (from + 1..=to).map(|n| raw(&json!({"n": n}))).collect(),
            patch: raw(&patch),
            private: raw(&private),
        }),
        facets: Arc::new(facets(from)),
        items,
        key: None,
        entries,
    }
}

/// Whether each record of a job comes with an entry that says where the job is then.
fn is_noted(nth: usize) -> bool {
    nth.is_multiple_of(3)
}

fn output(index: u64) -> Value {
    json!({"square": index * index})
}

/// Says that something was acknowledged. One write, so that lines of tasks do not mix.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent may have closed its end already; then it is about to kill this process.
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// The child: writes until it is killed.
async fn write(folder: &Path, tail_bytes: usize) {
    let options = Options { tail_bytes, ..Options::new(folder) };
    let store = Arc::new(EmbeddedStore::open(options).unwrap());
    let mut tasks = Vec::new();
    for producer in 0..PRODUCERS {
        tasks.push(tokio::spawn(report(Arc::clone(&store), producer)));
    }
    tasks.push(tokio::spawn(work(Arc::clone(&store))));
    tasks.push(tokio::spawn(count(Arc::clone(&store))));
    for task in tasks {
        task.await.unwrap();
    }
}

async fn report(store: Arc<EmbeddedStore>, producer: usize) {
    let mut ends = Vec::new();
    for nth in 0..JOBS_EACH {
        let stored = store.load(&job(producer, nth)).await.unwrap();
        ends.push(stored.map_or(0, |stored| stored.cursor.offset));
    }
    for round in 0.. {
        // One job, or several in one call.
        let begin = round % JOBS_EACH;
        let chosen: Vec<usize> = (begin..JOBS_EACH.min(begin + 1 + round % 4)).collect();
        let call =
            chosen.iter().map(|nth| append(job(producer, *nth), ends[*nth], Vec::new())).collect();
        for answer in store.append(call).await {
            answer.unwrap();
        }
        let mut lines = Vec::new();
        for nth in chosen {
            ends[nth] += events(ends[nth]);
            lines.push(format!("\njob {producer} {nth} {}\n", ends[nth]));
        }
        say(&lines.concat());
        if round % 5 == 2 {
            let before = ends[begin].saturating_sub(30);
            let trimmed = store.trim(&job(producer, begin), before).await.unwrap().unwrap();
            say(&format!("\ntrimmed {producer} {begin} {trimmed}\n"));
        }
    }
}

/// Puts entries in pairs that always say the same, and removes a third.
async fn count(store: Arc<EmbeddedStore>) {
    for round in 0.. {
        let counter = round % COUNTERS;
        let keys = [format!("{counter}-left"), format!("{counter}-right")];
        let mut puts = vec![PutEntry::removal("counts", format!("{counter}-gone"))];
        let mut value = 0_u64;
        for key in &keys {
            let found = store.entry("counts", key).await.unwrap();
            value = found.as_ref().map_or(0, |entry| entry.parse::<u64>().unwrap()) + 1;
            let expected = found
                .map_or(ExpectedEntry::Absent, |entry| ExpectedEntry::Revision(entry.revision));
            puts.push(PutEntry::new("counts", key, &value).unwrap().expecting(expected));
        }
        let revisions = store.put_entries(puts).await.unwrap();
        say(&format!("\nput {counter} {value} {}\n", revisions.last().unwrap()));
        let gone = PutEntry::new("counts", format!("{counter}-gone"), &value).unwrap();
        let gone = store.put_entries(vec![gone]).await.unwrap();
        say(&format!("\nrevision {}\n", gone[0]));
    }
}

async fn work(store: Arc<EmbeddedStore>) {
    let found = store.load(&batch()).await.unwrap();
    let mut end = found.as_ref().map_or(0, |stored| stored.cursor.offset);
    if found.is_none() {
        store.append(vec![append(batch(), 0, Vec::new())]).await.pop().unwrap().unwrap();
        end = events(0);
        say(&format!("\nbatch {end}\n"));
    }
    let counts = store.count_items(&batch()).await.unwrap();
    let mut count: u64 = counts.iter().map(|(_, count)| count).sum();
    // Fences go on where no holder was before: every lease is followed by an append.
    let mut fence = u64::from(std::process::id()) << 32;
    loop {
        if count < ITEMS {
            let items = (count..count + 200).map(|index| NewItem {
                index,
                custom_id: None,
                input: raw(&json!({"number": index})),
                estimate: None,
                status: ItemStatus::Queued,
                error: None,
            });
            store.add_items(&batch(), items.collect()).await.unwrap();
            count += 200;
            say(&format!("\nadded {count}\n"));
        }
        fence += 1;
        let lease = LeaseRequest { fence, now: Timestamp::from_millis(fence), max: ITEMS_AT_ONCE };
        let leased = store.lease_items(&batch(), &lease).await.unwrap();
        if leased.is_empty() {
            return;
        }
        let mut settled = Vec::new();
        let mut lines = Vec::new();
        for item in leased {
            let again = item.index % 11 == 0 && item.attempts == 1;
            let status = if again { ItemStatus::Retrying } else { ItemStatus::Succeeded };
            lines.push(format!("\nitem {} {status}\n", item.index));
            settled.push(ItemOutcome {
                index: item.index,
                fence,
                status,
                due_at: again.then_some(Timestamp::from_millis(1)),
                output: (!again).then(|| raw(&output(item.index))),
                error: None,
                cost: None,
                started_at: None,
                duration_ms: None,
            });
        }
        store.append(vec![append(batch(), end, settled)]).await.pop().unwrap().unwrap();
        end += events(end);
        lines.push(format!("\nbatch {end}\n"));
        say(&lines.concat());
    }
}

/// What the children said was acknowledged.
#[derive(Default)]
struct Acknowledged {
    jobs: BTreeMap<JobId, u64>,
    trimmed: BTreeMap<JobId, u64>,
    added: u64,
    items: BTreeMap<u64, ItemStatus>,
    counters: BTreeMap<u64, (u64, u64)>,
    /// Of entries, the largest.
    revision: u64,
}

impl Acknowledged {
    fn hear(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["job", producer, nth, end] => {
                let job = job(producer.parse().unwrap(), nth.parse().unwrap());
                self.jobs.insert(job, end.parse().unwrap());
            }
            ["trimmed", producer, nth, begin] => {
                let job = job(producer.parse().unwrap(), nth.parse().unwrap());
                self.trimmed.insert(job, begin.parse().unwrap());
            }
            ["batch", end] => {
                self.jobs.insert(batch(), end.parse().unwrap());
            }
            ["added", count] => self.added = count.parse().unwrap(),
            ["item", index, status] => {
                self.items.insert(index.parse().unwrap(), status.parse().unwrap());
            }
            ["put", counter, value, revision] => {
                let revision = revision.parse().unwrap();
                assert!(revision > self.revision, "revision {revision} is given again");
                self.revision = revision;
                let counter = counter.parse().unwrap();
                self.counters.insert(counter, (value.parse().unwrap(), revision));
            }
            ["revision", revision] => {
                let revision = revision.parse().unwrap();
                assert!(revision > self.revision, "revision {revision} is given again");
                self.revision = revision;
            }
            _ => return false,
        }
        true
    }
}

fn child(folder: &Path, tail_bytes: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_acknowledged_is_lost_by_a_kill", "--nocapture"])
        .env(FOLDER, folder)
        .env(TAIL_BYTES, tail_bytes.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(folder) = setting(FOLDER) {
        let tail_bytes = setting(TAIL_BYTES).unwrap().parse().unwrap();
        runtime.block_on(write(Path::new(&folder), tail_bytes));
        return;
    }
    let crashes: usize = setting("HEADWAY_CRASHES").map_or(25, |count| count.parse().unwrap());
    let mut random = proptest::test_runner::TestRunner::default().rng().clone();
    let mut folder = TempDir::new().unwrap();
    let mut known = Acknowledged::default();
    for crash in 0..crashes {
        if crash % 50 == 49 {
            // A store that stays small keeps a thousand crashes quick.
            folder = TempDir::new().unwrap();
            known = Acknowledged::default();
        }
        // From folding with each commit to hardly ever.
        let tail_bytes = [1, 20_000, 400_000, 16 << 20][crash % 4];
        let mut writer = child(folder.path(), tail_bytes);
        let patience = random.random_range(1..2_500);
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut heard = 0;
        while heard < patience {
            let Some(line) = lines.next() else { panic!("the writer ended by itself") };
            heard += usize::from(known.hear(&line.unwrap()));
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        // Lines that were written before the kill are acknowledged too; the last may be cut.
        let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
        rest.pop();
        for line in rest {
            known.hear(&line);
        }
        runtime.block_on(check(folder.path(), &known, crash));
    }
}

/// Everything acknowledged is there, and nothing is there by half.
async fn check(folder: &Path, known: &Acknowledged, crash: usize) {
    let store = EmbeddedStore::open(Options::new(folder)).unwrap();
    let jobs = (0..PRODUCERS)
        .flat_map(|producer| (0..JOBS_EACH).map(move |nth| job(producer, nth)))
        .chain([batch()]);
    for job in jobs {
        let acknowledged = known.jobs.get(&job).copied().unwrap_or_default();
        let Some(stored) = store.load(&job).await.unwrap() else {
            assert_eq!(acknowledged, 0, "{job} is lost by crash {crash}");
            continue;
        };
        let end = stored.cursor.offset;
        assert!(end >= acknowledged, "{job} is at {end}, not {acknowledged}, by crash {crash}");
        let history = store.read(&job, 0, usize::MAX).await.unwrap().unwrap();
        let begin = history.trimmed_to;
        let trimmed = known.trimmed.get(&job).copied().unwrap_or_default();
        assert!(begin >= trimmed, "{job} begins at {begin}, not {trimmed}, by crash {crash}");
        let (mut document, mut private) = (Value::Null, Value::Null);
        let (mut at, mut last) = (0, 0);
        let mut records = history.records.iter();
        while at < end {
            let (patch, state) = changes(at);
            if at >= begin {
                let record = records.next().unwrap();
                assert_eq!((record.from, record.to), (at, at + events(at)), "{job}");
                assert_eq!(record.patch.get(), raw(&patch).get(), "{job} at {at}");
            }
            headway_protocol::patch::apply(&mut document, &patch);
            headway_protocol::patch::apply(&mut private, &state);
            last = at;
            at += events(at);
            assert!(at <= begin || last >= begin, "the log of {job} begins inside a record");
        }
        assert_eq!((at, records.len()), (end, 0), "the log of {job} is whole");
        assert_eq!((stored.document, stored.private), (document, private), "{job}");
        assert_eq!(stored.facets, facets(last), "{job}");
        let nth = job.as_str().rsplit('-').next().unwrap().parse();
        if nth.is_ok_and(is_noted) {
            let entry = store.entry("ends", job.as_str()).await.unwrap().unwrap();
            let noted: u64 = entry.parse().unwrap();
            assert_eq!(noted, end, "{job} and its entry were parted by crash {crash}");
        }
    }
    for counter in 0..COUNTERS {
        let acknowledged = known.counters.get(&counter).copied().unwrap_or_default();
        let left = store.entry("counts", &format!("{counter}-left")).await.unwrap();
        let right = store.entry("counts", &format!("{counter}-right")).await.unwrap();
        let values = |entry: Option<Entry>| {
            entry.map_or((0, 0), |entry| (entry.parse::<u64>().unwrap(), entry.revision))
        };
        let (left, right) = (values(left), values(right));
        assert!(right >= acknowledged, "counter {counter} is lost by crash {crash}");
        assert_eq!(left.0, right.0, "counter {counter} was put by half by crash {crash}");
    }
    let query = ItemQuery { limit: usize::MAX, ..ItemQuery::default() };
    let items = store.items(&batch(), &query).await.unwrap();
    assert!(items.len() as u64 >= known.added, "items are lost by crash {crash}");
    assert_eq!(items.len() % 200, 0, "an addition is there by half");
    for item in &items {
        let acknowledged = known.items.get(&item.index).copied();
        match item.status {
            ItemStatus::Succeeded => {
                assert_eq!(item.output.as_ref().unwrap().get(), raw(&output(item.index)).get());
            }
            ItemStatus::Running | ItemStatus::Retrying => {
                assert_ne!(acknowledged, Some(ItemStatus::Succeeded), "item {}", item.index);
            }
            ItemStatus::Queued => assert_eq!(acknowledged, None, "item {}", item.index),
            ItemStatus::Failed
            | ItemStatus::Skipped
            | ItemStatus::Cancelled
            | ItemStatus::Expired => panic!("item {} is {}", item.index, item.status),
        }
    }
}
