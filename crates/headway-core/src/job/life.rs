//! The turns of a job's life, as `evolve` takes them.

use headway_protocol::batch::{Budget, OnBudget};
use headway_protocol::{Action, Amount, Command, JobError, JobStatus, Timestamp, patch};

use super::{JobState, Settings, Sort, budget, committed, show_cost, steps};
use crate::{batch, progress};

const COMMAND_TIMEOUT_MS: u64 = 60_000;

/// How long a worker has to carry out a command, in milliseconds.
pub(super) fn command_timeout(settings: &Settings) -> u64 {
    settings.command_timeout_ms.unwrap_or(COMMAND_TIMEOUT_MS)
}

/// Its worker was heard.
pub(super) fn hear(state: &mut JobState, at: Timestamp) {
    state.job.stalled = false;
    if state.private.settings.stall_after_ms.is_some() && state.sort() == Sort::Producer {
        state.private.heard_at = Some(at);
    }
}

/// Work begins.
pub(super) fn begin(state: &mut JobState, at: Timestamp) {
    state.job.status = JobStatus::Running;
    state.job.started_at.get_or_insert(at);
    if let Some(batch) = &mut state.private.batch {
        batch.forget_requeue();
    }
}

/// A worker is asked. A later wish replaces an earlier one that it makes pointless. Only a
/// producer's worker has a time limit: executors are the server's own.
pub(super) fn ask(state: &mut JobState, at: Timestamp, command: &Command) {
    let limited = state.sort() == Sort::Producer;
    let (job, private) = (&mut state.job, &mut state.private);
    match command.action {
        Action::Cancel => job.status = JobStatus::Cancelling,
        Action::Pause => job.status = JobStatus::Pausing,
        Action::Resume | Action::Retry => {}
    }
    if let Some(reason) = &command.reason {
        job.error = Some(tidy(reason.clone()));
    }
    private.commands.clear();
    private.commands.push(command.clone());
    private.commands_requested = private.commands_requested.saturating_add(1);
    private.command_due_at = limited.then(|| at.plus(command_timeout(&private.settings)));
}

/// A command is taken back; a job that was to pause goes on.
pub(super) fn withdraw(state: &mut JobState, id: &str, action: Action) {
    acknowledge(state, id);
    if action == Action::Pause && state.job.status == JobStatus::Pausing {
        state.job.status = JobStatus::Running;
        state.job.error = None;
    }
}

/// A command waits no longer.
pub(super) fn acknowledge(state: &mut JobState, id: &str) {
    let private = &mut state.private;
    private.commands.retain(|command| command.id != id);
    if private.commands.is_empty() {
        private.command_due_at = None;
    }
}

/// It is brought to a stop.
pub(super) fn stop(state: &mut JobState, reason: &JobError) {
    state.job.status = JobStatus::Cancelling;
    state.job.error = Some(tidy(reason.clone()));
    forget_commands(state);
    if let Some(batch) = &mut state.private.batch {
        batch.stopping = Some(tidy(reason.clone()));
    }
}

/// It stands still.
pub(super) fn stand_still(state: &mut JobState, reason: Option<&JobError>) {
    state.job.status = JobStatus::Paused;
    state.job.error = reason.cloned().map(tidy);
    state.job.stalled = false;
    forget_commands(state);
    progress::stand_still(state);
}

/// It goes on, perhaps under another budget.
pub(super) fn go_on(state: &mut JobState, at: Timestamp, max_budget: Option<Amount>) {
    let job = &mut state.job;
    match job.status {
        JobStatus::Paused | JobStatus::Pausing => {
            let begun = job.started_at.is_some();
            job.status = if begun { JobStatus::Running } else { JobStatus::Queued };
            job.error = None;
            if state.private.heard_at.is_some() {
                state.private.heard_at = Some(at);
            }
            progress::go_on(state, at);
        }
        JobStatus::Pending
        | JobStatus::Queued
        | JobStatus::Running
        | JobStatus::Cancelling
        | JobStatus::Completed
        | JobStatus::Failed
        | JobStatus::Cancelled
        | JobStatus::Expired => {}
    }
    if let Some(max_budget) = max_budget {
        set_budget(state, max_budget);
    }
}

/// A new largest amount. Shares of it that are passed already are not warned of again.
fn set_budget(state: &mut JobState, max_budget: Amount) {
    let (_, committed) = committed(state);
    let private = &mut state.private;
    let on_budget = OnBudget::default();
    let none = Budget { max_budget, soft_budget: None, on_budget };
    private.settings.budget.get_or_insert(none).max_budget = max_budget;
    private.warned_percent = budget::share(committed, max_budget);
    show_cost(state).budget = Some(max_budget);
}

/// The attempt is over.
pub(super) fn end(state: &mut JobState, at: Timestamp, status: JobStatus, error: Option<JobError>) {
    forget_commands(state);
    let job = &mut state.job;
    job.status = status;
    job.error = error.map(tidy);
    job.stalled = false;
    job.finished_at = Some(at);
    steps::end(&mut job.steps, at, status);
    progress::end(state);
    batch::ended(state);
}

/// A new attempt. What is known of the plan stays, and so does what was spent.
pub(super) fn retry(state: &mut JobState, at: Timestamp, attempt: u32, status: JobStatus) {
    forget_commands(state);
    let (job, private) = (&mut state.job, &mut state.private);
    job.attempt = attempt;
    job.status = status;
    job.phase = None;
    job.message = None;
    job.result = None;
    job.error = None;
    job.stalled = false;
    job.queued_at = (status == JobStatus::Queued).then_some(at);
    job.started_at = None;
    job.finished_at = None;
    steps::reset(&mut job.steps);
    private.heard_at = None;
    private.expires_at = private.settings.expires_after_ms.map(|limit| at.plus(limit));
    progress::reset(state);
}

fn forget_commands(state: &mut JobState) {
    state.private.commands.clear();
    state.private.command_due_at = None;
}

/// An error as a document can hold it: a merge patch cannot carry `null`s.
pub(super) fn tidy(mut error: JobError) -> JobError {
    if let Some(details) = &mut error.details {
        patch::drop_nulls(details);
    }
    error.details = error.details.filter(|details| !details.is_null());
    error
}
