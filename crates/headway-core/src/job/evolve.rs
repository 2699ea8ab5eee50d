//! What an event changes.

use headway_protocol::event::SystemEvent;
use headway_protocol::{
    Amount, Cost, Event, EventKind, JobStatus, Percent, Report, Timestamp, patch,
};
use serde_json::Value;

use super::{JobState, life, sequence, steps, time_ran_out};
use crate::{batch, progress};

/// Applies one event. This is the only place where a status changes.
///
/// What the state becomes depends on the state and the event alone, so a log that is read again
/// leads to the same document.
pub fn evolve(state: &mut JobState, event: &Event) {
    let job = &mut state.job;
    job.cursor.offset = job.cursor.offset.saturating_add(1);
    job.updated_at = job.updated_at.max(event.at);
    match &event.what {
        EventKind::System(what) => system(state, event.at, what),
        EventKind::Report(report) => {
            life::hear(state, event.at);
            reported(state, event.at, report);
        }
    }
    if let Some(producer) = &event.producer {
        sequence::remember(state, event.at, producer);
    }
}

fn system(state: &mut JobState, at: Timestamp, event: &SystemEvent) {
    match event {
        SystemEvent::Created { status, .. } => state.job.status = *status,
        SystemEvent::Queued { items } => {
            state.job.status = JobStatus::Queued;
            state.job.queued_at = Some(at);
            if let Some(items) = items {
                batch::sealed(state, items);
            }
        }
        SystemEvent::Requested(command) => life::ask(state, at, command),
        SystemEvent::Withdrawn { command, action } => life::withdraw(state, command, *action),
        SystemEvent::Stopping { reason } => life::stop(state, reason),
        SystemEvent::Paused { reason } => life::stand_still(state, reason.as_ref()),
        SystemEvent::Resumed { budget } => life::go_on(state, at, *budget),
        SystemEvent::Cancelled { reason } => {
            life::end(state, at, JobStatus::Cancelled, reason.clone());
        }
        SystemEvent::Expired {} => {
            let reason = time_ran_out(&state.private.settings);
            life::end(state, at, JobStatus::Expired, Some(reason));
        }
        SystemEvent::Retried { attempt, status, items } => {
            life::retry(state, at, *attempt, *status);
            if let Some(items) = items {
                batch::requeued(state, items);
            }
        }
        SystemEvent::Stalled {} => state.job.stalled = true,
        SystemEvent::Items(moved) => batch::items_moved(state, at, moved),
        SystemEvent::BudgetWarning { percent, soft, .. } => {
            if *soft {
                state.private.warned_soft = true;
            } else {
                let warned = &mut state.private.warned_percent;
                *warned = (*warned).max(whole(*percent));
            }
        }
        SystemEvent::Priced { amount, .. } => {
            life::hear(state, at);
            book(state, *amount);
        }
    }
}

fn reported(state: &mut JobState, at: Timestamp, report: &Report) {
    match report {
        Report::Start {} => life::begin(state, at),
        Report::Progress { percent, done, total, message, phase, metadata } => {
            let job = &mut state.job;
            if let Some(message) = message {
                job.message = Some(message.clone());
            }
            if let Some(members) = metadata {
                patch::apply(&mut job.metadata, &Value::Object(members.clone()));
            }
            if let Some(phase) = phase
                && job.phase.as_deref() != Some(phase)
            {
                state.private.steps_open |= job.steps.is_empty();
                steps::phase(job, at, phase);
            }
            progress::reported(state, *percent, *done, *total);
            progress::move_on(state, at);
        }
        Report::Phase { name } => {
            state.private.steps_open |= state.job.steps.is_empty();
            steps::phase(&mut state.job, at, name);
            progress::move_on(state, at);
        }
        Report::StepStart { step, name, role, parent, tasks, weight } => {
            let begun = steps::Begun { name, role, parent, tasks, weight: *weight };
            state.private.steps_open |= state.job.steps.is_empty();
            steps::start(&mut state.job.steps, at, step, &begun);
            progress::move_on(state, at);
        }
        Report::StepUpdate { step, percent, tasks, message } => {
            if let Some(step) = state.job.steps.get_mut(step) {
                steps::update(step, at, *percent, tasks.as_ref(), message.as_ref());
            }
            progress::move_on(state, at);
        }
        Report::StepFinish { step, status, error } => {
            if let Some(step) = state.job.steps.get_mut(step) {
                steps::finish(step, at, *status, error.as_ref());
            }
            progress::move_on(state, at);
        }
        Report::Log { .. } | Report::Partial { .. } | Report::Usage(_) => {}
        Report::Cost { amount, .. } => book(state, *amount),
        Report::Complete { result } => {
            state.job.result.clone_from(result);
            if let Some(result) = &mut state.job.result {
                patch::drop_nulls(result);
            }
            state.job.progress.percent = Some(Percent::FULL);
            life::end(state, at, JobStatus::Completed, None);
        }
        Report::Fail { error } => life::end(state, at, JobStatus::Failed, Some(error.clone())),
        Report::Ack { command } => life::acknowledge(state, command),
    }
}

/// Books money: what is spent only grows.
fn book(state: &mut JobState, amount: Amount) {
    if amount == Amount::ZERO && state.job.cost.is_none() {
        return;
    }
    show_cost(state).spent += amount;
}

/// The job's cost, shown from its first amount on.
pub(crate) fn show_cost(state: &mut JobState) -> &mut Cost {
    let currency = &state.private.currency;
    state.job.cost.get_or_insert_with(|| Cost { currency: currency.clone(), ..Cost::default() })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a percent lies between 0 and 100"
)]
fn whole(percent: Percent) -> u32 {
    percent.value() as u32
}
