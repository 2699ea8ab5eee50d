//! What an operator's command leads to.

use headway_protocol::event::{RequeuedItems, SystemEvent};
use headway_protocol::request::RetryItems;
use headway_protocol::{Action, Amount, Command, Event, JobError, JobStatus, Timestamp};

use super::{ChosenItems, Draft, ItemChoice, JobState, Refusal, Sort, committed};

pub(super) fn decide(
    state: &JobState,
    now: Timestamp,
    action: Action,
    max_budget: Option<Amount>,
    retry_items: &ItemChoice,
) -> Result<Vec<Event>, Refusal> {
    let status = state.job.status;
    let mut draft = Draft::new(state, now);
    match action {
        Action::Retry => retry(&mut draft, retry_items)?,
        Action::Cancel | Action::Pause | Action::Resume if status.is_terminal() => {
            return Err(Refusal::Ended { status, what: what(action) });
        }
        Action::Cancel => cancel(&mut draft),
        Action::Pause => pause(&mut draft)?,
        Action::Resume => resume(&mut draft, max_budget)?,
    }
    Ok(draft.finish())
}

const fn what(action: Action) -> &'static str {
    match action {
        Action::Cancel => "cancel",
        Action::Pause => "pause",
        Action::Resume => "resume",
        Action::Retry => "retry",
    }
}

/// Asks something that a worker must carry out.
pub(super) fn request(draft: &mut Draft<'_>, action: Action, reason: Option<JobError>) {
    let number = draft.state().private.commands_requested.saturating_add(1);
    let command = Command { id: format!("cmd-{number}"), action, requested_at: draft.at(), reason };
    draft.system(SystemEvent::Requested(command));
}

/// Where nobody works, a cancel is carried out at once; else the worker is asked.
fn cancel(draft: &mut Draft<'_>) {
    let state = draft.state();
    let open = state.job.items.is_some_and(|items| items.open() > 0);
    let at_once = match (state.sort(), state.job.status) {
        (
            _,
            JobStatus::Cancelling
            | JobStatus::Completed
            | JobStatus::Failed
            | JobStatus::Cancelled
            | JobStatus::Expired,
        ) => return,
        (Sort::Batch, _) => !open,
        (_, JobStatus::Pending | JobStatus::Queued) | (Sort::Executor, JobStatus::Paused) => true,
        (Sort::Producer, JobStatus::Paused) => false,
        (_, JobStatus::Running | JobStatus::Pausing) => state.job.stalled,
    };
    if at_once {
        draft.system(SystemEvent::Cancelled { reason: None });
    } else {
        request(draft, Action::Cancel, None);
    }
}

fn pause(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let state = draft.state();
    let (sort, status) = (state.sort(), state.job.status);
    let wrong = |hint| Err(Refusal::WrongStatus { status, what: what(Action::Pause), hint });
    match (sort, status) {
        (Sort::Executor, _) => wrong("a single program cannot stand still: cancel it"),
        (_, JobStatus::Pausing | JobStatus::Paused) => Ok(()),
        (Sort::Producer | Sort::Batch, JobStatus::Running) => {
            request(draft, Action::Pause, None);
            Ok(())
        }
        (Sort::Batch, JobStatus::Queued) => {
            draft.system(SystemEvent::Paused { reason: None });
            Ok(())
        }
        (Sort::Batch, JobStatus::Pending) => wrong("its items are still being added"),
        (Sort::Producer, JobStatus::Pending | JobStatus::Queued) => {
            wrong("it has not begun: cancel it, or wait")
        }
        (_, JobStatus::Cancelling) => wrong("it is being stopped"),
        (
            _,
            JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired,
        ) => wrong("it has ended"),
    }
}

fn resume(draft: &mut Draft<'_>, max_budget: Option<Amount>) -> Result<(), Refusal> {
    let state = draft.state();
    let (sort, status) = (state.sort(), state.job.status);
    let wrong = |hint| Err(Refusal::WrongStatus { status, what: what(Action::Resume), hint });
    check_budget(state, max_budget)?;
    match status {
        JobStatus::Paused => {
            draft.system(SystemEvent::Resumed { budget: max_budget });
        }
        JobStatus::Pausing => {
            let pause = state.private.commands.iter().find(|waits| waits.action == Action::Pause);
            if let Some(pause) = pause.cloned() {
                let withdrawn = SystemEvent::Withdrawn { command: pause.id, action: Action::Pause };
                draft.system(withdrawn);
            }
            draft.system(SystemEvent::Resumed { budget: max_budget });
        }
        // Going on already: a repeat, or a larger budget while it runs.
        JobStatus::Queued | JobStatus::Running => {
            if max_budget.is_some() {
                draft.system(SystemEvent::Resumed { budget: max_budget });
            }
            return Ok(());
        }
        JobStatus::Pending => return wrong("it has not begun"),
        JobStatus::Cancelling => return wrong("it is being stopped; retry it when it has ended"),
        JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired => {
            return wrong("it has ended");
        }
    }
    // The worker may have seen the pause already: it is told in either case.
    if sort == Sort::Producer {
        request(draft, Action::Resume, None);
    }
    Ok(())
}

fn check_budget(state: &JobState, max_budget: Option<Amount>) -> Result<(), Refusal> {
    let (spent, _) = committed(state);
    let budget = state.private.settings.budget.as_ref();
    let Some(given) = max_budget else {
        let used_up = budget.is_some_and(|budget| spent >= budget.max_budget);
        let stands = matches!(state.job.status, JobStatus::Paused | JobStatus::Pausing);
        if used_up && stands {
            let message =
                format!("{spent} are spent, which is all of the budget: give a larger one");
            return Err(Refusal::invalid("max_budget", message));
        }
        return Ok(());
    };
    if given <= spent || given.as_nanos() <= 0 {
        let message = format!("{spent} are spent already: a budget of {given} lets nothing run");
        return Err(Refusal::invalid("max_budget", message));
    }
    if let Some(soft) = budget.and_then(|budget| budget.soft_budget)
        && given < soft
    {
        let message = format!("a budget of {given} is below the soft budget of {soft}");
        return Err(Refusal::invalid("max_budget", message));
    }
    Ok(())
}

/// A new attempt. Of a batch only the asked items run again, and never input lines that could not
/// be read.
fn retry(draft: &mut Draft<'_>, which: &ItemChoice) -> Result<(), Refusal> {
    let state = draft.state();
    let status = state.job.status;
    let wrong = |hint| Err(Refusal::WrongStatus { status, what: what(Action::Retry), hint });
    if !status.is_terminal() {
        return wrong("it has not ended");
    }
    if matches!(which, ItemChoice::Items(_)) && state.sort() != Sort::Batch {
        let message = "it is no batch and has no items: leave `items` out";
        return Err(Refusal::invalid("items", message));
    }
    let attempt = state.job.attempt.saturating_add(1);
    let (begins, items) = match (state.sort(), status) {
        (Sort::Producer | Sort::Executor, JobStatus::Completed) => {
            return wrong("there is nothing to retry: it ended well");
        }
        (Sort::Producer, _) => (JobStatus::Pending, None),
        (Sort::Executor, _) => (JobStatus::Queued, None),
        (Sort::Batch, _) => match which {
            ItemChoice::Status(which) => match requeued(state, *which) {
                Some(items) => (JobStatus::Queued, Some(items)),
                None => return wrong("no item of the asked status is left that could run again"),
            },
            ItemChoice::Items(chosen) if chosen.position != state.job.cursor.offset => {
                return wrong("it has gone on since its items were looked at: look at them again");
            }
            ItemChoice::Items(chosen) => {
                check_chosen(state, chosen)?;
                (JobStatus::Queued, Some(chosen.items.clone()))
            }
        },
    };
    draft.system(SystemEvent::Retried { attempt, status: begins, items });
    Ok(())
}

/// All items of a batch that a retry could run again.
fn runnable(state: &JobState) -> Option<RequeuedItems> {
    let counts = state.job.items?;
    let seal = state.private.batch.as_ref()?.seal?;
    Some(RequeuedItems {
        failed: counts.failed.saturating_sub(seal.invalid),
        cancelled: counts.cancelled,
        expired: counts.expired,
        only: Vec::new(),
    })
}

/// Refuses a choice that cannot be one of this batch's items.
fn check_chosen(state: &JobState, chosen: &ChosenItems) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::invalid("items", message));
    let items = &chosen.items;
    let total = state.job.items.map_or(0, |items| items.total);
    let ascending = items.only.is_sorted_by(|one, next| one < next);
    if items.only.is_empty() || !ascending || items.only.last().is_some_and(|last| *last >= total) {
        return invalid(format!("choose items by their indexes, from 0 to below {total}"));
    }
    let counted = [items.failed, items.cancelled, items.expired];
    let counted = counted.into_iter().fold(0_u64, u64::saturating_add);
    let fits = runnable(state).is_some_and(|all| {
        items.failed <= all.failed
            && items.cancelled <= all.cancelled
            && items.expired <= all.expired
    });
    if !fits || u64::try_from(items.only.len()) != Ok(counted) {
        let message = "not all of these items failed or were stopped: choose among those that did";
        return invalid(message.to_owned());
    }
    Ok(())
}

fn requeued(state: &JobState, which: RetryItems) -> Option<RequeuedItems> {
    let all = runnable(state)?;
    let none = RequeuedItems::default();
    let asked = match which {
        RetryItems::Failed => RequeuedItems { failed: all.failed, ..none.clone() },
        RetryItems::Cancelled => RequeuedItems { cancelled: all.cancelled, ..none.clone() },
        RetryItems::Expired => RequeuedItems { expired: all.expired, ..none.clone() },
        RetryItems::Unfinished => all,
    };
    (asked != none).then_some(asked)
}
