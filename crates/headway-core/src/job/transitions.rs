//! Which input does what in which status, found by trying: every pair is a transition, changes
//! nothing, or is a typed refusal.
//!
//! ```
//! use headway_core::job::transitions::{self, Outcome};
//!
//! let rows = transitions::table();
//! let resumed = rows.iter().find(|row| row.input == "resume" && row.status.as_str() == "paused");
//! assert!(matches!(resumed.map(|row| &row.outcome), Some(Outcome::Moves { .. })));
//! ```

use std::collections::BTreeMap;

use headway_protocol::batch::{Budget, CommandExecutor, CommandMode, Executor, OnBudget};
use headway_protocol::event::{ItemFailed, ItemsMoved};
use headway_protocol::report::{SequencedReport, Usage};
use headway_protocol::request::{PlannedStep, RetryItems};
use headway_protocol::{
    Action, Amount, Currency, Event, ItemStatus, JobError, JobStatus, Owner, Percent, Report,
    StepStatus, Timestamp,
};
use serde_json::Value;

use super::{
    BatchSeal, Create, Input, ItemChoice, JobState, Refusal, Settings, Sort, create, decide, evolve,
};
use crate::rates::RateCard;

/// One input in one status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who carries the job out.
    pub sort: Sort,
    /// The status before.
    pub status: JobStatus,
    /// What is said.
    pub input: &'static str,
    /// What comes of it.
    pub outcome: Outcome,
}

/// What comes of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Events.
    Moves {
        /// Their types, in order.
        events: Vec<&'static str>,
        /// The status after them.
        status: JobStatus,
    },
    /// It is harmless and changes nothing.
    Nothing,
    /// It is refused, with this problem code.
    Refused(String),
}

/// Every sort of job, in every status that it can have, with every input.
pub fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    for &sort in Sort::ALL {
        for &status in JobStatus::ALL {
            for (input, said) in inputs() {
                let Some((state, now)) = example(sort, status, said.needs()) else { continue };
                rows.push(Row { sort, status, input, outcome: outcome(&state, now, &said) });
            }
        }
    }
    rows
}

const BEGAN: Timestamp = Timestamp::from_millis(1_768_000_000_000);
const STEP: &str = "step";
const ITEMS: u64 = 2;
const LONG_MS: u64 = 1_000_000_000;

/// What is tried.
#[derive(Clone, Debug)]
enum Said {
    Report(Report),
    Command(Action),
    Seal,
    Begin,
    Moved(ItemsMoved),
    BudgetReached(OnBudget),
    Silence,
    CommandDue,
    TimeOver,
}

/// What a job must have been created with for an input to mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Needs {
    silence: bool,
    end: bool,
    budget: Option<OnBudget>,
}

impl Said {
    fn needs(&self) -> Needs {
        let none = Needs::default();
        match self {
            Self::Silence => Needs { silence: true, ..none },
            Self::TimeOver => Needs { end: true, ..none },
            Self::BudgetReached(on_budget) => Needs { budget: Some(*on_budget), ..none },
            Self::Report(_)
            | Self::Command(_)
            | Self::Seal
            | Self::Begin
            | Self::Moved(_)
            | Self::CommandDue => none,
        }
    }
}

fn inputs() -> Vec<(&'static str, Said)> {
    let acknowledge = |word: &str| Said::Report(Report::Ack { command: word.to_owned() });
    let moved = |moved: ItemsMoved| Said::Moved(moved);
    let none = ItemsMoved::default();
    vec![
        ("report start", Said::Report(Report::Start {})),
        ("report progress", Said::Report(progress())),
        ("report phase", Said::Report(Report::Phase { name: "phase".to_owned() })),
        ("report step_start", Said::Report(step_start())),
        ("report step_update", Said::Report(step_update())),
        ("report step_finish", Said::Report(step_finish())),
        ("report log", Said::Report(log())),
        ("report partial", Said::Report(partial())),
        ("report usage", Said::Report(usage())),
        ("report cost", Said::Report(Report::Cost { amount: Amount::from_nanos(1), sku: None })),
        ("report complete", Said::Report(Report::Complete { result: None })),
        (
            "report fail",
            Said::Report(Report::Fail { error: JobError::fatal("broken", "it broke") }),
        ),
        ("report ack cancel", acknowledge("cancel")),
        ("report ack pause", acknowledge("pause")),
        ("report ack resume", acknowledge("resume")),
        ("cancel", Said::Command(Action::Cancel)),
        ("pause", Said::Command(Action::Pause)),
        ("resume", Said::Command(Action::Resume)),
        ("retry", Said::Command(Action::Retry)),
        ("the worker is silent", Said::Silence),
        ("a command's time is over", Said::CommandDue),
        ("the job's time is over", Said::TimeOver),
        ("seal", Said::Seal),
        ("begin", Said::Begin),
        (
            "moved: one item done, none running",
            moved(ItemsMoved { succeeded: vec![(0, 0)], ..none.clone() }),
        ),
        ("moved: all items done", moved(ItemsMoved { succeeded: vec![(0, 1)], ..none.clone() })),
        ("moved: all items failed", moved(all_failed())),
        ("moved: all items swept", moved(ItemsMoved { cancelled: ITEMS, ..none })),
        ("budget reached, to pause", Said::BudgetReached(OnBudget::Pause)),
        ("budget reached, to cancel", Said::BudgetReached(OnBudget::Cancel)),
    ]
}

fn progress() -> Report {
    Report::Progress {
        percent: Some(Percent::FULL),
        done: None,
        total: None,
        message: None,
        phase: None,
        metadata: None,
    }
}

fn step_start() -> Report {
    Report::StepStart {
        step: STEP.to_owned(),
        name: None,
        role: None,
        parent: None,
        tasks: None,
        weight: None,
    }
}

fn step_update() -> Report {
    Report::StepUpdate { step: STEP.to_owned(), percent: None, tasks: None, message: None }
}

fn step_finish() -> Report {
    Report::StepFinish { step: STEP.to_owned(), status: StepStatus::Failed, error: None }
}

fn log() -> Report {
    Report::Log {
        level: headway_protocol::report::LogLevel::Info,
        message: "news".to_owned(),
        fields: None,
    }
}

fn partial() -> Report {
    Report::Partial { name: "preview".to_owned(), data: Value::from(1) }
}

fn usage() -> Report {
    let units = BTreeMap::from([("seconds".to_owned(), 1.0)]);
    Report::Usage(Usage { sku: "worker".to_owned(), units })
}

fn all_failed() -> ItemsMoved {
    let failed = (0..ITEMS).map(|index| ItemFailed {
        index,
        custom_id: None,
        status: ItemStatus::Failed,
        attempts: 1,
        error: JobError::fatal("broken", "it broke"),
    });
    ItemsMoved { failed: failed.collect(), ..ItemsMoved::default() }
}

fn outcome(state: &JobState, now: Timestamp, said: &Said) -> Outcome {
    match put(state, now, said) {
        Ok(events) if events.is_empty() => Outcome::Nothing,
        Ok(events) => {
            let mut after = state.clone();
            for event in &events {
                evolve(&mut after, event);
            }
            let words = events.iter().map(Event::type_word).collect();
            Outcome::Moves { events: words, status: after.job.status }
        }
        Err(refusal) => Outcome::Refused(refusal.problem().code),
    }
}

fn put(state: &JobState, now: Timestamp, said: &Said) -> Result<Vec<Event>, Refusal> {
    let rates = RateCard::default();
    match said {
        Said::Report(report) => {
            let reports = [SequencedReport { seq: None, report: report.clone() }];
            decide(state, now, &Input::Report { producer: None, reports: &reports, rates: &rates })
        }
        Said::Command(action) => {
            let retry_items = &ItemChoice::Status(RetryItems::Unfinished);
            decide(state, now, &Input::Command { action: *action, max_budget: None, retry_items })
        }
        Said::Seal => {
            let seal = BatchSeal { total: ITEMS, ..BatchSeal::default() };
            decide(state, now, &Input::Seal(seal))
        }
        Said::Begin => decide(state, now, &Input::Begin),
        Said::Moved(moved) => decide(state, now, &Input::Moved(moved.clone())),
        Said::BudgetReached(_) => {
            decide(state, now, &Input::BudgetReached { next: Amount::from_nanos(1) })
        }
        Said::Silence | Said::CommandDue | Said::TimeOver => {
            decide(state, now.plus(LONG_MS), &Input::Tick)
        }
    }
}

/// A job of this sort in this status, and the time then; `None` where the sort never has it.
fn example(sort: Sort, status: JobStatus, needs: Needs) -> Option<(JobState, Timestamp)> {
    let complete = Said::Report(Report::Complete { result: None });
    let fail = Said::Report(Report::Fail { error: JobError::fatal("broken", "it broke") });
    let start = Said::Report(Report::Start {});
    let paused = Said::Report(Report::Ack { command: "pause".to_owned() });
    let (pause, cancel) = (Said::Command(Action::Pause), Said::Command(Action::Cancel));
    let begun = [Said::Seal, Said::Begin];
    let moved = |moved: ItemsMoved| Said::Moved(moved);
    let none = ItemsMoved::default();
    let then = |said: &[Said]| -> Vec<Said> { begun.iter().chain(said).cloned().collect() };
    let way = match (sort, status) {
        (Sort::Producer | Sort::Batch, JobStatus::Pending)
        | (Sort::Executor, JobStatus::Queued) => vec![],
        (Sort::Producer, JobStatus::Queued)
        | (Sort::Executor, JobStatus::Pending | JobStatus::Pausing | JobStatus::Paused) => {
            return None;
        }
        (Sort::Producer, JobStatus::Running) => vec![start],
        (Sort::Producer, JobStatus::Pausing) => vec![start, pause],
        (Sort::Producer, JobStatus::Paused) => vec![start, pause, paused],
        (Sort::Producer, JobStatus::Cancelling) => vec![start, cancel],
        (Sort::Producer, JobStatus::Completed) => vec![complete],
        (Sort::Producer, JobStatus::Failed) => vec![fail],
        (Sort::Producer | Sort::Executor, JobStatus::Cancelled) => vec![cancel],
        (Sort::Producer | Sort::Executor, JobStatus::Expired) => vec![Said::TimeOver],
        (Sort::Executor, JobStatus::Running) => vec![Said::Begin],
        (Sort::Executor, JobStatus::Cancelling) => vec![Said::Begin, cancel],
        (Sort::Executor, JobStatus::Completed) => vec![Said::Begin, complete],
        (Sort::Executor, JobStatus::Failed) => vec![Said::Begin, fail],
        (Sort::Batch, JobStatus::Queued) => vec![Said::Seal],
        (Sort::Batch, JobStatus::Running) => then(&[]),
        (Sort::Batch, JobStatus::Pausing) => then(&[pause]),
        (Sort::Batch, JobStatus::Paused) => then(&[pause, moved(none)]),
        (Sort::Batch, JobStatus::Cancelling) => then(&[cancel]),
        (Sort::Batch, JobStatus::Completed) => {
            then(&[moved(ItemsMoved { succeeded: vec![(0, 1)], ..none })])
        }
        (Sort::Batch, JobStatus::Failed) => then(&[moved(all_failed())]),
        (Sort::Batch, JobStatus::Cancelled) => {
            then(&[cancel, moved(ItemsMoved { cancelled: ITEMS, ..none })])
        }
        (Sort::Batch, JobStatus::Expired) => {
            then(&[Said::TimeOver, moved(ItemsMoved { expired: ITEMS, ..none })])
        }
    };
    let needs = Needs { end: needs.end || status == JobStatus::Expired, ..needs };
    let (mut state, _) = create(BEGAN, request(sort, needs)).ok()?;
    let mut now = BEGAN;
    for said in way {
        for event in put(&state, now, &said).ok()? {
            evolve(&mut state, &event);
            now = event.at;
        }
    }
    (state.job.status == status).then_some((state, now))
}

fn request(sort: Sort, needs: Needs) -> Create {
    let executor = Executor::Command(CommandExecutor {
        argv: vec!["true".to_owned()],
        mode: CommandMode::Item,
        processes: None,
        env: Vec::new(),
        cwd: None,
    });
    let budget = |on_budget| Budget {
        max_budget: Amount::from_nanos(1_000_000_000),
        soft_budget: None,
        on_budget,
    };
    let settings = Settings {
        executor: (sort != Sort::Producer).then_some(executor),
        stall_after_ms: needs.silence.then_some(1),
        command_timeout_ms: needs.silence.then_some(2 * LONG_MS),
        expires_after_ms: needs.end.then_some(LONG_MS),
        budget: needs.budget.map(budget),
        ..Settings::default()
    };
    Create {
        id: headway_protocol::JobId::new_job(0, 0),
        epoch: 0,
        kind: "example".to_owned(),
        name: None,
        session: None,
        tags: Vec::new(),
        metadata: Value::Null,
        owner: Owner::default(),
        steps: BTreeMap::from([(STEP.to_owned(), PlannedStep::default())]),
        total: None,
        unit: None,
        currency: Currency::default(),
        batch: sort == Sort::Batch,
        settings,
    }
}
