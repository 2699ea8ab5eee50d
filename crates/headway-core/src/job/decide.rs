//! What an input leads to.

use headway_protocol::{Event, Timestamp};

use super::{Input, JobState, Refusal, begin, command, report, tick};
use crate::batch;

/// What an input leads to: events to [`evolve`](super::evolve) in turn, none when it is a repeat or
/// changes nothing, or a refusal.
pub fn decide(state: &JobState, now: Timestamp, input: &Input<'_>) -> Result<Vec<Event>, Refusal> {
    match input {
        Input::Report { producer, reports, rates } => {
            report::decide(state, now, producer.as_ref(), reports, rates)
        }
        Input::Command { action, max_budget, retry_items } => {
            command::decide(state, now, *action, *max_budget, retry_items)
        }
        Input::Tick => Ok(tick::decide(state, now)),
        Input::Begin => begin::decide(state, now),
        Input::Seal(seal) => batch::seal(state, now, seal),
        Input::Moved(moved) => batch::moved(state, now, moved),
        Input::BudgetReached { next } => batch::budget_reached(state, now, *next),
    }
}
