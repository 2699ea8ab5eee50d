//! A whole engine over the in-memory store, and ways to wait for what it does.

use std::path::PathBuf;
use std::sync::Arc;

use headway_access::Caller;
use headway_core::rates::RateCard;
use headway_engine::{Error, Handle, ItemSource, Options};
use headway_protocol::batch::{BatchOptions, CommandExecutor, CommandMode, Executor, Retry};
use headway_protocol::report::SequencedReport;
use headway_protocol::request::ReportReply;
use headway_protocol::{Job, JobId};
use headway_store::memory::MemoryStore;
use headway_store::{Appended, Clock, ItemQuery, Sink, Store, Stored, SystemClock};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Wakes whoever waits for a job to change.
#[derive(Debug, Default)]
struct Bell(Notify);

impl Sink for Bell {
    fn wake(&self, _appended: &[Appended]) {
        self.0.notify_waiters();
    }
}

/// An engine, its store, and a folder that its programs work in.
pub(crate) struct House {
    pub(crate) engine: Handle,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) folder: PathBuf,
    bell: Arc<Bell>,
}

pub(crate) fn me() -> Arc<Caller> {
    Arc::new(Caller::anyone())
}

impl House {
    pub(crate) fn new(folder: &std::path::Path) -> Self {
        Self::over(Arc::new(MemoryStore::new()), folder, Options::default())
    }

    pub(crate) fn over(
        store: Arc<MemoryStore>,
        folder: &std::path::Path,
        options: Options,
    ) -> Self {
        let port: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        Self::behind(port, store, folder, options)
    }

    /// An engine over a store that puts things into `store`.
    pub(crate) fn behind(
        port: Arc<dyn Store>,
        store: Arc<MemoryStore>,
        folder: &std::path::Path,
        options: Options,
    ) -> Self {
        let bell = Arc::new(Bell::default());
        store.attach(Arc::clone(&bell) as Arc<dyn Sink>);
        let options = Options { allow_exec: true, work_dir: folder.to_owned(), ..options };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let engine = Handle::start(options, port, clock).unwrap();
        Self { engine, store, folder: folder.to_owned(), bell }
    }

    /// Waits until the job's document says what is wanted, and gives it.
    pub(crate) async fn until(&self, job: &JobId, wanted: impl Fn(&Job) -> bool) -> Job {
        let waiting = async {
            loop {
                let rung = self.bell.0.notified();
                tokio::pin!(rung);
                rung.as_mut().enable();
                let job = self.document(job).await;
                if wanted(&job) {
                    return job;
                }
                rung.await;
            }
        };
        match tokio::time::timeout(std::time::Duration::from_mins(1), waiting).await {
            Ok(job) => job,
            Err(_) => panic!("never came: {:#?}", self.document(job).await),
        }
    }

    pub(crate) async fn ended(&self, job: &JobId) -> Job {
        self.until(job, |job| job.status.is_terminal()).await
    }

    pub(crate) async fn document(&self, job: &JobId) -> Job {
        let stored: Stored = self.store.load(job).await.unwrap().unwrap();
        serde_json::from_str(&stored.rendered()).unwrap()
    }

    /// Reports for the job's producer.
    pub(crate) async fn report(
        &self,
        job: &JobId,
        reports: Vec<SequencedReport>,
    ) -> Result<ReportReply, Error> {
        self.engine.report(&me(), job, None, reports).await
    }

    pub(crate) async fn items(&self, job: &JobId) -> Vec<headway_store::StoredItem> {
        let query = ItemQuery { limit: 1_000_000, ..ItemQuery::default() };
        self.store.items(job, &query).await.unwrap()
    }

    /// Runs a batch of these inputs with a stream worker written in Python.
    pub(crate) async fn batch(
        &self,
        items: Vec<Value>,
        worker: &str,
        change: impl FnOnce(&mut BatchOptions),
    ) -> Job {
        let mut options = BatchOptions {
            executor: Some(self.worker(worker)),
            concurrency: Some(8),
            retry: Some(Retry { initial_delay_ms: 1, max_delay_ms: 5, ..Retry::default() }),
            ..BatchOptions::default()
        };
        change(&mut options);
        let made = self.engine.create_batch(&me(), options, ItemSource::Inline(items), None).await;
        made.unwrap().job
    }

    /// A stream worker: `body` sees `line` (the item's message) and sets `answer`.
    pub(crate) fn worker(&self, body: &str) -> Executor {
        let program = format!(
            "import sys, json, os, time\n\
             for text in sys.stdin:\n\
             \x20   line = json.loads(text)\n\
             \x20   value = line['input']\n\
             \x20   answer = {{'output': value}}\n\
             {}\n\
             \x20   answer['index'] = line['index']\n\
             \x20   print(json.dumps(answer), flush=True)\n",
            body.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
        );
        Executor::Command(CommandExecutor {
            argv: vec!["python3".to_owned(), "-c".to_owned(), program],
            mode: CommandMode::Stream,
            processes: Some(2),
            env: vec!["PATH".to_owned()],
            cwd: Some(self.folder.display().to_string()),
        })
    }
}

pub(crate) fn numbers(count: u64) -> Vec<Value> {
    (0..count).map(|number| json!(number)).collect()
}

pub(crate) fn rates() -> RateCard {
    RateCard::from_json(r#"{"currency":"USD","rates":{"work":{"unit":"0.01"}}}"#).unwrap()
}
