//! What is decided while an append is under way: nobody is answered about an event that is not in
//! the log.
#![expect(clippy::unwrap_used, reason = "a helper of tests may fail its test")]

#[allow(clippy::unwrap_used, reason = "each test file uses its part, and only in tests")]
mod gate;

use std::sync::Arc;

use futures_util::FutureExt;
use headway_access::Caller;
use headway_engine::{Error, Handle, Options};
use headway_protocol::event::Producer;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{CommandRequest, CreateJob, ReportReply};
use headway_protocol::{Action, JobId, JobStatus};
use headway_store::{Clock, Store, SystemClock};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use gate::{GatedStore, Waiting, gated};

struct House {
    engine: Handle,
    store: Arc<GatedStore>,
    calls: mpsc::Receiver<Waiting>,
    job: JobId,
}

impl House {
    /// An engine with one running job.
    async fn new() -> Self {
        let (store, calls) = gated();
        let dynamic: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let engine = Handle::start(Options::default(), dynamic, clock).unwrap();
        let job: JobId = "import-1".parse().unwrap();
        let mut house = Self { engine: engine.clone(), store, calls, job: job.clone() };
        let request =
            CreateJob { id: Some(job), kind: "import".to_owned(), ..CreateJob::default() };
        let made = tokio::spawn(async move {
            engine.create_job(&Arc::new(Caller::anyone()), request, None).await.unwrap();
        });
        house.call().await.go();
        made.await.unwrap();
        house
    }

    /// The next call of the store.
    async fn call(&mut self) -> Waiting {
        self.calls.recv().await.unwrap()
    }

    /// Whether the store was called and nobody has looked at it.
    fn is_called(&mut self) -> bool {
        !self.calls.is_empty()
    }

    /// Reports, as a producer that numbers its requests.
    fn report(&self, seq: u64, report: Value) -> JoinHandle<Result<ReportReply, Error>> {
        let (engine, job) = (self.engine.clone(), self.job.clone());
        let producer = Producer { id: "p".to_owned(), seq };
        let reports: Vec<SequencedReport> = vec![serde_json::from_value(report).unwrap()];
        tokio::spawn(async move {
            engine.report(&Arc::new(Caller::anyone()), &job, Some(producer), reports).await
        })
    }

    fn cancel(&self) -> JoinHandle<Result<headway_protocol::Job, Error>> {
        let (engine, job) = (self.engine.clone(), self.job.clone());
        tokio::spawn(async move {
            let request = CommandRequest::default();
            engine.command(&Arc::new(Caller::anyone()), &job, Action::Cancel, request).await
        })
    }

    /// Waits until everything that was asked by now was decided: the job's shard takes what is
    /// asked in turn, and this, of a job that nobody knows, is answered at once.
    async fn settle(&self) {
        // Enough names that one of them is of the same shard, whatever their number.
        for name in 0..64 {
            tokio::task::yield_now().await;
            let job: JobId = format!("nobody-{name}").parse().unwrap();
            let report = serde_json::from_value(json!({"type":"start"})).unwrap();
            let asked =
                self.engine.report(&Arc::new(Caller::anyone()), &job, None, vec![report]).await;
            assert!(matches!(asked, Err(Error::NoSuchJob(_))));
        }
    }

    async fn offset(&self) -> u64 {
        self.store.inner.load(&self.job).await.unwrap().unwrap().cursor.offset
    }
}

fn progress(done: u64) -> Value {
    json!({"type":"progress","done":done,"total":10})
}

#[tokio::test]
async fn reports_are_decided_while_an_append_is_under_way() {
    let mut house = House::new().await;
    let first = house.report(1, progress(1));
    let first_call = house.call().await;
    let second = house.report(2, progress(2));
    let second_call = house.call().await;
    assert_eq!(second_call.appends[0].record.from, first_call.appends[0].record.to);
    house.settle().await;
    assert!(!first.is_finished() && !second.is_finished());
    first_call.go();
    let first = first.await.unwrap().unwrap();
    assert!(!second.is_finished());
    second_call.go();
    let second = second.await.unwrap().unwrap();
    assert!(second.cursor.offset > first.cursor.offset);
    assert_eq!(house.offset().await, second.cursor.offset);
}

#[tokio::test]
async fn a_repeat_is_answered_when_the_first_is_durable() {
    let mut house = House::new().await;
    let first = house.report(1, progress(1));
    let call = house.call().await;
    let repeat = house.report(1, progress(1));
    house.settle().await;
    assert!(!repeat.is_finished(), "answered about what is not in the log");
    call.go();
    let (first, repeat) = (first.await.unwrap().unwrap(), repeat.await.unwrap().unwrap());
    assert_eq!(first.cursor, repeat.cursor);
    assert_eq!(house.offset().await, first.cursor.offset);
    assert!(!house.is_called());
}

#[tokio::test]
async fn a_repeat_of_what_failed_is_applied_itself() {
    let mut house = House::new().await;
    let first = house.report(1, progress(1));
    let call = house.call().await;
    let repeat = house.report(1, progress(1));
    house.settle().await;
    call.fail();
    assert!(first.await.unwrap().is_err());
    let call = house.call().await;
    assert!(!repeat.is_finished());
    call.go();
    let repeat = repeat.await.unwrap().unwrap();
    assert_eq!((repeat.status, repeat.cursor.offset), (JobStatus::Running, house.offset().await));
}

#[tokio::test]
async fn what_was_decided_on_a_failed_append_is_decided_again() {
    let mut house = House::new().await;
    let first = house.report(1, progress(1));
    let first_call = house.call().await;
    let second = house.report(2, progress(2));
    let second_call = house.call().await;
    first_call.fail();
    assert!(first.await.unwrap().is_err());
    // It expects the job where it never was.
    second_call.go();
    house.call().await.go();
    let second = second.await.unwrap().unwrap();
    assert_eq!(second.cursor.offset, house.offset().await);
    let stored = house.store.inner.load(&house.job).await.unwrap().unwrap();
    assert_eq!(stored.document["progress"]["done"], 2);
}

#[tokio::test]
async fn a_refusal_stands_on_what_is_durable() {
    let mut house = House::new().await;
    let end = house.report(1, json!({"type":"complete"}));
    let call = house.call().await;
    let late = house.report(2, progress(3));
    let cancel = house.cancel();
    house.settle().await;
    assert!(!late.is_finished() && !cancel.is_finished());
    call.fail();
    assert!(end.await.unwrap().is_err());
    // The end never was: what came after it is taken.
    let call = house.call().await;
    call.go();
    while !(late.is_finished() && cancel.is_finished()) {
        if let Some(Some(call)) = house.calls.recv().now_or_never() {
            call.go();
        }
        tokio::task::yield_now().await;
    }
    late.await.unwrap().unwrap();
    cancel.await.unwrap().unwrap();
}
