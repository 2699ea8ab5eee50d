//! What a producer's report leads to.

use headway_protocol::event::{ItemsMoved, Producer, SystemEvent};
use headway_protocol::limits::{
    EVENTS_PER_REPORT, METADATA_BYTES, RESULT_BYTES, TASK_BYTES, TASKS,
};
use headway_protocol::report::{SequencedReport, Usage};
use headway_protocol::{Action, Event, JobError, JobStatus, Report, Timestamp, patch};
use serde_json::{Map, Value};

use super::sequence::Sequence;
use super::{Draft, JobState, Refusal, Sort, budget, create, is_expiry, limit, steps};
use crate::rates::{Price, RateCard};

const WHAT: &str = "reports";

/// All reports of one request are taken, or none.
pub(super) fn decide(
    state: &JobState,
    now: Timestamp,
    producer: Option<&Producer>,
    reports: &[SequencedReport],
    rates: &RateCard,
) -> Result<Vec<Event>, Refusal> {
    if reports.len() > EVENTS_PER_REPORT {
        let message = format!(
            "{} events in one request, the limit is {EVENTS_PER_REPORT}: send several requests",
            reports.len()
        );
        return Err(Refusal::invalid("events", message));
    }
    let mut sequence = Sequence::new(state, producer, reports)?;
    let mut draft = Draft::new(state, now);
    for (place, sequenced) in reports.iter().enumerate() {
        if sequence.takes(sequenced.seq) {
            one(&mut draft, rates, &sequenced.report).map_err(|refusal| refusal.at(place))?;
        }
    }
    Ok(draft.finish_for(sequence.producer()))
}

fn one(draft: &mut Draft<'_>, rates: &RateCard, report: &Report) -> Result<(), Refusal> {
    let state = draft.state();
    let (status, sort) = (state.job.status, state.sort());
    if let Report::Ack { command } = report {
        return acknowledge(draft, command);
    }
    if status.is_terminal() {
        return Err(Refusal::Ended { status, what: WHAT });
    }
    check(state, report)?;
    match (sort, status) {
        (Sort::Batch, _) => return on_batch(draft, report),
        (Sort::Producer, JobStatus::Pending | JobStatus::Queued) if !is_note(report) => {
            draft.report(Report::Start {});
        }
        (Sort::Executor, JobStatus::Pending | JobStatus::Queued)
            if !is_note(report) && !matches!(report, Report::Fail { .. }) =>
        {
            let hint = "its executor has not taken it up yet";
            return Err(Refusal::WrongStatus { status, what: WHAT, hint });
        }
        (Sort::Producer | Sort::Executor, _) => {}
    }
    accept(draft, rates, report)
}

/// A batch moves as its items do. One that cannot be worked on at all (its executor does not start,
/// its upload broke off) fails with whatever is open left out.
fn on_batch(draft: &mut Draft<'_>, report: &Report) -> Result<(), Refusal> {
    match report {
        Report::Log { .. } | Report::Partial { .. } => draft.report(report.clone()),
        Report::Fail { error } => {
            let open = draft.state().job.items.map_or(0, |items| items.open());
            if open > 0 {
                let left_out = ItemsMoved { cancelled: open, ..ItemsMoved::default() };
                draft.system(SystemEvent::Items(left_out));
            }
            fail(draft, error);
        }
        Report::Start {}
        | Report::Progress { .. }
        | Report::Phase { .. }
        | Report::StepStart { .. }
        | Report::StepUpdate { .. }
        | Report::StepFinish { .. }
        | Report::Usage(_)
        | Report::Cost { .. }
        | Report::Complete { .. }
        | Report::Ack { .. } => {
            let message = "a batch moves as its items do: only log, partial and fail can be \
                           reported on it";
            return Err(Refusal::invalid("type", message));
        }
    }
    Ok(())
}

/// A note says nothing about the work itself: it does not begin a job.
fn is_note(report: &Report) -> bool {
    matches!(report, Report::Log { .. } | Report::Ack { .. })
}

fn accept(draft: &mut Draft<'_>, rates: &RateCard, report: &Report) -> Result<(), Refusal> {
    match report {
        // Whoever is running already, or stands still until an operator resumes, need not begin.
        Report::Start {} | Report::Ack { .. } => {}
        Report::Usage(usage) => price(draft, rates, usage)?,
        Report::Cost { .. } => {
            draft.report(report.clone());
            budget::enforce(draft);
        }
        Report::Fail { error } => fail(draft, error),
        Report::Complete { result } => {
            let result = result.clone().filter(|result| !result.is_null());
            draft.report(Report::Complete { result });
        }
        Report::StepFinish { step, status, .. } => {
            let settled = draft.state().job.steps.get(step).map(|step| step.status);
            if settled != Some(*status) {
                draft.report(report.clone());
            }
        }
        Report::Progress { .. }
        | Report::Phase { .. }
        | Report::StepStart { .. }
        | Report::StepUpdate { .. }
        | Report::Log { .. }
        | Report::Partial { .. } => draft.report(report.clone()),
    }
    Ok(())
}

/// Checks the values of a report against the job as it stands.
fn check(state: &JobState, report: &Report) -> Result<(), Refusal> {
    match report {
        Report::Start {} | Report::Ack { .. } => Ok(()),
        Report::Progress {
            percent: None,
            done: None,
            total: None,
            message: None,
            phase: None,
            metadata: None,
        } => {
            let message = "progress that says nothing: send percent, or done and total, or a \
                           message, a phase or metadata";
            Err(Refusal::invalid("percent", message))
        }
        Report::Progress { done, total, message, phase, metadata, .. } => {
            if let (Some(done), Some(total)) = (done, total)
                && done > total
            {
                let message =
                    format!("{done} of {total} are done: send a total of at least {done}");
                return Err(Refusal::invalid("done", message));
            }
            if let Some(message) = message {
                limit::message("message", message)?;
            }
            if let Some(phase) = phase {
                steps::check_phase(&state.job.steps, phase)?;
            }
            metadata.as_ref().map_or(Ok(()), |members| check_metadata(state, members))
        }
        Report::Phase { name } => steps::check_phase(&state.job.steps, name),
        Report::StepStart { step, name, role, parent, tasks, weight } => {
            for (field, text) in [("name", name), ("role", role)] {
                if let Some(text) = text {
                    limit::name(field, text)?;
                }
            }
            if let Some(weight) = weight {
                limit::weight(*weight)?;
            }
            check_tasks(tasks.as_deref())?;
            steps::check_start(&state.job.steps, step, parent.as_deref())
        }
        Report::StepUpdate { step, tasks, message, .. } => {
            check_tasks(tasks.as_deref())?;
            if let Some(message) = message {
                limit::message("message", message)?;
            }
            steps::check_update(&state.job.steps, step)
        }
        Report::StepFinish { step, status, error } => {
            if let Some(error) = error {
                limit::error(error)?;
            }
            steps::check_finish(&state.job.steps, step, *status)
        }
        Report::Log { message, fields, .. } => {
            limit::message("message", message)?;
            match fields {
                Some(fields) => limit::json("fields", fields, METADATA_BYTES, "log less at once"),
                None => Ok(()),
            }
        }
        Report::Partial { name, data } => {
            limit::name("name", name)?;
            limit::json("data", data, RESULT_BYTES, "keep it elsewhere and send its address")
        }
        Report::Usage(usage) => create::usage(usage),
        Report::Cost { amount, sku } => {
            if let Some(sku) = sku {
                limit::name("sku", sku)?;
            }
            limit::amount("amount", *amount)
        }
        Report::Complete { result } => match result {
            Some(result) => limit::json(
                "result",
                result,
                RESULT_BYTES,
                "keep it elsewhere and send its address",
            ),
            None => Ok(()),
        },
        Report::Fail { error } => limit::error(error),
    }
}

fn check_tasks(tasks: Option<&[String]>) -> Result<(), Refusal> {
    let tasks = tasks.unwrap_or_default();
    if tasks.len() > TASKS {
        let message = format!("{} tasks, the limit is {TASKS}", tasks.len());
        return Err(Refusal::invalid("tasks", message));
    }
    tasks.iter().try_for_each(|task| limit::length("tasks", task, TASK_BYTES))
}

fn check_metadata(state: &JobState, members: &Map<String, Value>) -> Result<(), Refusal> {
    let mut merged = state.job.metadata.clone();
    patch::apply(&mut merged, &Value::Object(members.clone()));
    limit::json("metadata", &merged, METADATA_BYTES, "keep large data elsewhere and name it here")
}

/// A price in another currency cannot be added to the job's: its units count as unpriced.
fn price(draft: &mut Draft<'_>, rates: &RateCard, usage: &Usage) -> Result<(), Refusal> {
    let private = &draft.state().private;
    let currency = private.currency.clone();
    let price = if *rates.currency() == currency {
        rates.price(usage, private.settings.batch_rates)
    } else {
        Price { unpriced: usage.units.keys().cloned().collect(), ..Price::default() }
    };
    limit::amount("usage", price.amount)?;
    draft.system(SystemEvent::Priced {
        amount: price.amount,
        currency,
        usage: usage.clone(),
        unpriced: price.unpriced,
    });
    budget::enforce(draft);
    Ok(())
}

/// A failure while a job is being stopped ends the stop: it is what the stop led to.
fn fail(draft: &mut Draft<'_>, error: &JobError) {
    let job = &draft.state().job;
    if job.status != JobStatus::Cancelling {
        draft.report(Report::Fail { error: error.clone() });
    } else if job.error.as_ref().is_some_and(is_expiry) {
        draft.system(SystemEvent::Expired {});
    } else {
        draft.system(SystemEvent::Cancelled { reason: Some(error.clone()) });
    }
}

/// A command was carried out. It is named by its id or its action; one that was withdrawn or
/// acknowledged before is no mistake of the worker's.
fn acknowledge(draft: &mut Draft<'_>, word: &str) -> Result<(), Refusal> {
    let state = draft.state();
    let (status, sort) = (state.job.status, state.sort());
    if sort == Sort::Batch {
        let message = "the commands of a batch are carried out by its executor";
        return Err(Refusal::invalid("command", message));
    }
    let commands = &state.private.commands;
    let named = |command: &&headway_protocol::Command| {
        command.id == word || command.action.as_str() == word
    };
    if let Some(command) = commands.iter().find(named).cloned() {
        draft.report(Report::Ack { command: command.id });
        match command.action {
            Action::Cancel => draft.system(SystemEvent::Cancelled { reason: command.reason }),
            Action::Pause => draft.system(SystemEvent::Paused { reason: command.reason }),
            Action::Resume | Action::Retry => {}
        }
        return Ok(());
    }
    let stopped = status == JobStatus::Cancelling && word == Action::Cancel.as_str();
    if let (true, Some(reason)) = (stopped, state.job.error.clone()) {
        draft.system(if is_expiry(&reason) {
            SystemEvent::Expired {}
        } else {
            SystemEvent::Cancelled { reason: Some(reason) }
        });
        return Ok(());
    }
    let requested = state.private.commands_requested;
    let known = word
        .strip_prefix("cmd-")
        .and_then(|number| number.parse::<u32>().ok())
        .is_some_and(|number| (1..=requested).contains(&number))
        || (word.parse::<Action>().is_ok() && (requested > 0 || status.is_terminal()));
    if known {
        return Ok(());
    }
    let waiting: Vec<&str> = commands.iter().map(|command| command.id.as_str()).collect();
    let waiting = if waiting.is_empty() { "none".to_owned() } else { waiting.join(", ") };
    let shown: String = word.chars().take(40).collect();
    Err(Refusal::invalid("command", format!("no command `{shown}` was given; waiting: {waiting}")))
}
