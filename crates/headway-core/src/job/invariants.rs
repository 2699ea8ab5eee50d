//! What always holds of a job, in one place: checked after every event in tests and simulations.

use std::fmt;

use headway_protocol::{Amount, JobStatus};

use super::{JobState, committed};

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The values that break it.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// What always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The counts of a batch's items add up to its total.
    CountsAddUp,
    /// A job has a time of its end exactly when it has ended.
    FinishedWhenEnded,
    /// Nothing of a batch runs while it stands still; nothing of it is open once it has ended.
    NothingRunsAtRest,
    /// No command, deadline, stall, reason to stop, item to put back or time to the end outlives the
    /// attempt.
    NothingWaitsAfterEnd,
    /// Amounts are not negative.
    AmountsAreNotNegative,
    /// An event moves the cursor by one.
    CursorRisesByOne,
    /// The percent never falls inside an attempt.
    PercentNeverFalls,
    /// A terminal status is left only by a new attempt, and an attempt only by an end.
    EndIsLeftByRetry,
    /// What was spent never becomes less, and its currency never changes.
    SpentNeverFalls,
    /// A time in the document never goes back.
    TimeNeverGoesBack,
    /// The name, the owner and the log of a job never change.
    IdentityStays,
}

/// The rules that a state breaks, and with the state one event before it, those that the step
/// between them breaks.
pub fn check(before: Option<&JobState>, after: &JobState) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    state(&mut found, after);
    if let Some(before) = before {
        step(&mut found, before, after);
    }
    found.0
}

/// How far spent and reserved are beyond the budget; zero inside it, or without one. In a batch
/// whose items are started through [`Flight`](crate::batch::Flight) it is never more than the error
/// of the estimates of items in flight.
pub fn overspend(state: &JobState) -> Amount {
    let Some(budget) = &state.private.settings.budget else { return Amount::ZERO };
    let (_, committed) = committed(state);
    committed.minus(budget.max_budget).max(Amount::ZERO)
}

struct Found(Vec<Violation>);

impl Found {
    fn unless(&mut self, holds: bool, rule: Rule, detail: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { rule, detail: detail() });
        }
    }
}

fn state(found: &mut Found, state: &JobState) {
    let (job, private) = (&state.job, &state.private);
    let ended = job.status.is_terminal();
    found.unless(job.finished_at.is_some() == ended, Rule::FinishedWhenEnded, || {
        format!("{} with finished_at {:?}", job.status, job.finished_at)
    });
    let waits = !private.commands.is_empty()
        || private.command_due_at.is_some()
        || super::next_deadline(state).is_some()
        || job.stalled
        || job.progress.eta_ms.is_some()
        || private.batch.as_ref().is_some_and(|batch| batch.stopping.is_some() || batch.requeues());
    found.unless(!(ended && waits), Rule::NothingWaitsAfterEnd, || {
        format!("{} with {:?} and stalled {}", job.status, private.commands, job.stalled)
    });
    if let Some(items) = &job.items {
        found.unless(items.adds_up(), Rule::CountsAddUp, || format!("{items:?}"));
        let rests = job.status == JobStatus::Paused && items.running > 0;
        let left = ended && items.open() > 0;
        found.unless(!rests && !left, Rule::NothingRunsAtRest, || {
            format!("{} with {items:?}", job.status)
        });
    }
    if let Some(cost) = &job.cost {
        let reserved = cost.reserved.unwrap_or_default();
        let negative = cost.spent.is_negative() || reserved.is_negative();
        found.unless(!negative, Rule::AmountsAreNotNegative, || format!("{cost:?}"));
    }
}

fn step(found: &mut Found, before: &JobState, after: &JobState) {
    let (old, new) = (&before.job, &after.job);
    found.unless(
        new.cursor.offset == old.cursor.offset.saturating_add(1),
        Rule::CursorRisesByOne,
        || format!("{} to {}", old.cursor, new.cursor),
    );
    let same_attempt = old.attempt == new.attempt;
    let falls = old.progress.percent > new.progress.percent;
    found.unless(!(same_attempt && falls), Rule::PercentNeverFalls, || {
        format!("{:?} to {:?}", old.progress.percent, new.progress.percent)
    });
    let left = old.status.is_terminal() && (same_attempt || new.status.is_terminal());
    let next = old.attempt.saturating_add(1) == new.attempt && old.status.is_terminal();
    found.unless(
        (same_attempt || next) && !(left && old.status != new.status),
        Rule::EndIsLeftByRetry,
        || format!("{} {} to {} {}", old.status, old.attempt, new.status, new.attempt),
    );
    if let Some(cost) = &old.cost {
        let kept = new
            .cost
            .as_ref()
            .is_some_and(|now| now.spent >= cost.spent && now.currency == cost.currency);
        found.unless(kept, Rule::SpentNeverFalls, || format!("{cost:?} to {:?}", new.cost));
    }
    found.unless(new.updated_at >= old.updated_at, Rule::TimeNeverGoesBack, || {
        format!("{} to {}", old.updated_at, new.updated_at)
    });
    let stays = old.id == new.id
        && old.owner == new.owner
        && old.cursor.epoch == new.cursor.epoch
        && old.created_at == new.created_at
        && before.sort() == after.sort();
    found.unless(stays, Rule::IdentityStays, || format!("{} to {}", old.id, new.id));
}
