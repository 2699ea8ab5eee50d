//! A job on a bench: inputs in, events applied, time by hand.
#![allow(dead_code, reason = "each test file uses its own part")]

use headway_core::rates::RateCard;
use headway_core::{
    BatchSeal, Create, Input, ItemChoice, JobState, Refusal, Settings, create, decide, evolve,
};
use headway_protocol::batch::{CommandExecutor, CommandMode, Executor};
use headway_protocol::event::{ItemFailed, ItemsMoved, Producer};
use headway_protocol::report::SequencedReport;
use headway_protocol::request::RetryItems;
use headway_protocol::{
    Action, Amount, Currency, Event, ItemStatus, JobError, JobStatus, Owner, Timestamp,
};
use serde_json::{Value, json};

pub(crate) const START: u64 = 1_768_000_000_000;

pub(crate) fn executor() -> Executor {
    Executor::Command(CommandExecutor {
        argv: vec!["true".to_owned()],
        mode: CommandMode::Item,
        processes: None,
        env: Vec::new(),
        cwd: None,
    })
}

pub(crate) fn request() -> Create {
    Create {
        id: "job-1".parse().unwrap(),
        epoch: 7,
        kind: "custom".to_owned(),
        name: None,
        session: None,
        tags: Vec::new(),
        metadata: Value::Null,
        owner: Owner::default(),
        steps: std::collections::BTreeMap::new(),
        total: None,
        unit: None,
        currency: Currency::default(),
        batch: false,
        settings: Settings::default(),
    }
}

pub(crate) fn executor_request() -> Create {
    Create { settings: Settings { executor: Some(executor()), ..Settings::default() }, ..request() }
}

pub(crate) fn batch_request() -> Create {
    Create { batch: true, ..executor_request() }
}

pub(crate) fn report(body: Value) -> SequencedReport {
    serde_json::from_value(body).unwrap()
}

pub(crate) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(crate) struct Bench {
    pub(crate) state: JobState,
    pub(crate) now: u64,
    pub(crate) events: Vec<Event>,
    pub(crate) rates: RateCard,
}

impl Bench {
    pub(crate) fn new(request: Create) -> Self {
        let (state, events) = create(Timestamp::from_millis(START), request).unwrap();
        Self { state, now: START, events, rates: RateCard::default() }
    }

    /// A sealed batch that has begun.
    pub(crate) fn batch(total: u64, settings: Settings) -> Self {
        let settings = Settings { executor: Some(executor()), ..settings };
        let mut bench = Self::new(Create { batch: true, settings, ..request() });
        bench.seal(total);
        bench.put(&Input::Begin).unwrap();
        bench
    }

    pub(crate) fn seal(&mut self, total: u64) {
        self.put(&Input::Seal(BatchSeal { total, ..BatchSeal::default() })).unwrap();
    }

    pub(crate) fn after(&mut self, millis: u64) -> &mut Self {
        self.now += millis;
        self
    }

    pub(crate) fn put(&mut self, input: &Input<'_>) -> Result<Vec<&'static str>, Refusal> {
        let events = decide(&self.state, Timestamp::from_millis(self.now), input)?;
        for event in &events {
            evolve(&mut self.state, event);
        }
        let words = events.iter().map(Event::type_word).collect();
        self.events.extend(events);
        Ok(words)
    }

    pub(crate) fn say(&mut self, body: Value) -> Result<Vec<&'static str>, Refusal> {
        let bodies = if let Value::Array(bodies) = body { bodies } else { vec![body] };
        let reports: Vec<_> = bodies.into_iter().map(report).collect();
        let rates = self.rates.clone();
        self.put(&Input::Report { producer: None, reports: &reports, rates: &rates })
    }

    pub(crate) fn say_as(
        &mut self,
        id: &str,
        seq: u64,
        body: Value,
    ) -> Result<Vec<&'static str>, Refusal> {
        let producer = Some(Producer { id: id.to_owned(), seq });
        let reports = [report(body)];
        let rates = self.rates.clone();
        self.put(&Input::Report { producer, reports: &reports, rates: &rates })
    }

    pub(crate) fn ask(&mut self, action: Action) -> Result<Vec<&'static str>, Refusal> {
        self.ask_with(action, None, RetryItems::Failed)
    }

    pub(crate) fn ask_with(
        &mut self,
        action: Action,
        max_budget: Option<Amount>,
        retry_items: RetryItems,
    ) -> Result<Vec<&'static str>, Refusal> {
        let retry_items = &ItemChoice::Status(retry_items);
        self.put(&Input::Command { action, max_budget, retry_items })
    }

    pub(crate) fn moved(&mut self, moved: ItemsMoved) -> Result<Vec<&'static str>, Refusal> {
        self.put(&Input::Moved(moved))
    }

    pub(crate) fn tick(&mut self) -> Vec<&'static str> {
        self.put(&Input::Tick).unwrap()
    }

    pub(crate) fn status(&self) -> JobStatus {
        self.state.job.status
    }

    pub(crate) fn percent(&self) -> Option<f64> {
        self.state.job.progress.percent.map(headway_protocol::Percent::value)
    }

    pub(crate) fn error_code(&self) -> Option<&str> {
        self.state.job.error.as_ref().map(|error| error.code.as_str())
    }
}

pub(crate) fn failed(index: u64, status: ItemStatus) -> ItemFailed {
    ItemFailed {
        index,
        custom_id: None,
        status,
        attempts: 1,
        error: JobError::fatal("exit_code", "it exited with 1"),
    }
}

pub(crate) fn progress(percent: f64) -> Value {
    json!({"type": "progress", "percent": percent})
}
