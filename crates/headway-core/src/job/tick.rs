//! What time itself leads to.

use headway_protocol::event::SystemEvent;
use headway_protocol::{Action, Event, JobStatus, Timestamp};

use super::deadline::{command_due, expiry, silence};
use super::{Draft, JobState, Sort, life, reason, time_ran_out};

pub(super) fn decide(state: &JobState, now: Timestamp) -> Vec<Event> {
    let mut draft = Draft::new(state, now);
    if expiry(state).is_some_and(|due| due <= now) {
        expire(&mut draft);
    }
    if command_due(draft.state()).is_some_and(|due| due <= now) {
        give_up(&mut draft);
    }
    if silence(draft.state()).is_some_and(|due| due <= now) {
        draft.system(SystemEvent::Stalled {});
    }
    draft.finish()
}

/// Work that Headway runs is stopped first; a producer's job is over.
fn expire(draft: &mut Draft<'_>) {
    let state = draft.state();
    let working = match state.sort() {
        Sort::Producer => false,
        Sort::Executor => {
            matches!(
                state.job.status,
                JobStatus::Running | JobStatus::Pausing | JobStatus::Cancelling
            )
        }
        Sort::Batch => state.job.items.is_some_and(|items| items.open() > 0),
    };
    if working {
        let reason = time_ran_out(&state.private.settings);
        draft.system(SystemEvent::Stopping { reason });
    } else {
        draft.system(SystemEvent::Expired {});
    }
}

/// A cancel that nobody confirms is enforced; a pause or a resume is withdrawn.
fn give_up(draft: &mut Draft<'_>) {
    let private = &draft.state().private;
    let waited = life::command_timeout(&private.settings);
    let commands = private.commands.clone();
    if commands.iter().any(|command| command.action == Action::Cancel) {
        draft.system(SystemEvent::Cancelled { reason: Some(reason::worker_silent(waited)) });
        return;
    }
    for command in commands {
        draft.system(SystemEvent::Withdrawn { command: command.id, action: command.action });
    }
}
