//! What may be spent: warnings, and what reaching the budget does to a job that reports its costs.

use headway_protocol::batch::OnBudget;
use headway_protocol::event::SystemEvent;
use headway_protocol::{Action, Amount, JobStatus, Percent};

use super::{Draft, JobState, Sort, budget_reached, command};

/// The shares of the budget that are warned of, in percent.
const WARNINGS: [u32; 3] = [50, 80, 100];

/// What is spent, and what is spent or held.
pub(crate) fn committed(state: &JobState) -> (Amount, Amount) {
    let Some(cost) = &state.job.cost else { return (Amount::ZERO, Amount::ZERO) };
    (cost.spent, cost.spent.plus(cost.reserved.unwrap_or_default()))
}

/// The highest share that is warned of and that `amount` has come to.
pub(super) fn share(amount: Amount, budget: Amount) -> u32 {
    WARNINGS.into_iter().filter(|percent| comes_to(amount, budget, *percent)).max().unwrap_or(0)
}

fn comes_to(amount: Amount, budget: Amount, percent: u32) -> bool {
    i128::from(amount.as_nanos()) * 100 >= i128::from(budget.as_nanos()) * i128::from(percent)
}

/// Warns of every share that was passed and not warned of yet. `used_up`: nothing more fits, so
/// that the whole budget counts as passed.
pub(crate) fn warn(draft: &mut Draft<'_>, used_up: bool) {
    let state = draft.state();
    let Some(budget) = state.private.settings.budget.clone() else { return };
    let (_, committed) = committed(state);
    let warned = state.private.warned_percent;
    let soft = if state.private.warned_soft { None } else { budget.soft_budget };
    for percent in WARNINGS {
        let passed = comes_to(committed, budget.max_budget, percent) || (used_up && percent == 100);
        if percent > warned && passed {
            draft.system(SystemEvent::BudgetWarning {
                percent: Percent::of(f64::from(percent), 100.0),
                committed,
                budget: budget.max_budget,
                soft: false,
            });
        }
    }
    if let Some(soft) = soft
        && committed >= soft
    {
        draft.system(SystemEvent::BudgetWarning {
            percent: Percent::FULL,
            committed,
            budget: soft,
            soft: true,
        });
    }
}

/// After a cost was booked: warns, and asks the worker of a job that spent more than its budget to
/// pause or to stop. A program cannot be paused: an executor's job is stopped either way.
pub(super) fn enforce(draft: &mut Draft<'_>) {
    if draft.state().private.settings.budget.is_none() {
        return;
    }
    warn(draft, false);
    let state = draft.state();
    let Some(budget) = &state.private.settings.budget else { return };
    let (spent, _) = committed(state);
    if spent <= budget.max_budget {
        return;
    }
    let reason = budget_reached(spent, None, budget.max_budget, state.private.currency.as_str());
    let action = match (state.sort(), budget.on_budget) {
        (Sort::Producer | Sort::Batch, OnBudget::Pause) => Action::Pause,
        (Sort::Producer | Sort::Batch, OnBudget::Cancel) | (Sort::Executor, _) => Action::Cancel,
    };
    let ask = match state.job.status {
        JobStatus::Running => true,
        JobStatus::Pausing | JobStatus::Paused => action == Action::Cancel,
        JobStatus::Pending
        | JobStatus::Queued
        | JobStatus::Cancelling
        | JobStatus::Completed
        | JobStatus::Failed
        | JobStatus::Cancelled
        | JobStatus::Expired => false,
    };
    if ask {
        command::request(draft, action, Some(reason));
    }
}
