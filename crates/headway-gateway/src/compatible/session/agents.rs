//! The agents of a transaction: which work, at what, and in which order they did.

use std::collections::BTreeMap;

use headway_protocol::document::Step;
use headway_protocol::{StepStatus, Timestamp};
use serde_json::{Value, json};

use crate::compatible::document::Document;

/// What a step is that is an agent.
const ROLE: &str = "agent";

/// See the module.
#[derive(Debug)]
pub(super) struct Agents {
    steps: BTreeMap<String, Step>,
    /// Whether steps say that they are agents; where none does, those that belong to no other are.
    said: bool,
    now: Option<Timestamp>,
}

/// A step, as an event tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worker<'a> {
    /// The agent's name.
    pub(super) agent: &'a str,
    /// The name of the task, when the step is not the agent itself.
    pub(super) task: Option<&'a str>,
    /// Where the agent stands among the others; unknown of a step that is not in the document.
    pub(super) place: Option<Place>,
}

/// An agent among the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Its place in the order in which agents began, from 0.
    pub(super) order: usize,
    /// Whether another agent worked at the same time.
    pub(super) parallel: bool,
}

impl Agents {
    pub(super) fn new(document: Document<'_>) -> Self {
        let steps = document.steps();
        let said = steps.values().any(|step| step.role.as_deref() == Some(ROLE));
        Self { steps, said, now: document.now() }
    }

    /// The one that began last of those that work.
    pub(super) fn current(&self) -> Option<&str> {
        let working = self.each().filter(|(_, step)| step.status == StepStatus::Running);
        working.max_by_key(|(_, step)| (step.started_at, step.index)).map(|(_, step)| &*step.name)
    }

    /// What each of those that work is busy with.
    pub(super) fn tasks(&self) -> Value {
        let mut tasks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, step) in self.each().filter(|(_, step)| step.status == StepStatus::Running) {
            // Two steps may be the work of one agent.
            tasks.entry(&step.name).or_default().extend(self.tasks_of(key, step));
        }
        json!(tasks)
    }

    /// When each began and ended, in seconds since 1970, in the order in which they began.
    pub(super) fn order(&self) -> Vec<Value> {
        let mut begun: Vec<_> = self.begun().collect();
        begun.sort_by_key(|(place, _)| *place);
        begun
            .into_iter()
            .map(|((started, _), step)| {
                let ended = step.finished_at;
                json!({
                    "agent": step.name,
                    "status": step.status,
                    "start_time": seconds(started.as_millis()),
                    "end_time": ended.map(|ended| seconds(ended.as_millis())),
                    "duration": ended.map(|ended| seconds(ended.since(started))),
                })
            })
            .collect()
    }

    /// Who works at a step.
    pub(super) fn worker(&self, key: &str) -> Option<Worker<'_>> {
        let step = self.steps.get(key)?;
        let mut agent = step;
        // A chain of parents is no longer than there are steps.
        for _ in 0..self.steps.len() {
            let parent = agent.parent.as_deref().and_then(|parent| self.steps.get(parent));
            match parent {
                Some(parent) if !self.is_agent(agent) => agent = parent,
                Some(_) | None => break,
            }
        }
        let task = (!std::ptr::eq(agent, step)).then_some(&*step.name);
        let place = Place { order: self.order_of(agent), parallel: self.shares(agent) };
        Some(Worker { agent: &agent.name, task, place: Some(place) })
    }

    /// Agents that have begun, and what their order goes by.
    fn begun(&self) -> impl Iterator<Item = ((Timestamp, u32), &Step)> {
        self.each().filter_map(|(_, step)| Some(((step.started_at?, step.index), step)))
    }

    /// How many agents began before this one: all of them, where it has not begun.
    fn order_of(&self, agent: &Step) -> usize {
        let place = agent.started_at.map(|started| (started, agent.index));
        self.begun().filter(|(other, _)| place.is_none_or(|place| *other < place)).count()
    }

    fn each(&self) -> impl Iterator<Item = (&String, &Step)> {
        self.steps.iter().filter(|(_, step)| self.is_agent(step))
    }

    fn is_agent(&self, step: &Step) -> bool {
        if self.said { step.role.as_deref() == Some(ROLE) } else { step.parent.is_none() }
    }

    /// What a step says that it is busy with, else the steps below it that work.
    fn tasks_of<'a>(&'a self, key: &str, step: &'a Step) -> Vec<&'a str> {
        if !step.tasks.is_empty() {
            return step.tasks.iter().map(String::as_str).collect();
        }
        let below = self.steps.values().filter(|other| {
            other.parent.as_deref() == Some(key) && other.status == StepStatus::Running
        });
        below.map(|other| &*other.name).collect()
    }

    /// Whether another agent worked at some moment at which this one did.
    fn shares(&self, step: &Step) -> bool {
        let Some((from, to)) = self.time_of(step) else { return false };
        self.each().any(|(_, other)| {
            other.index != step.index
                && self.time_of(other).is_some_and(|(begun, ended)| begun < to && from < ended)
        })
    }

    fn time_of(&self, step: &Step) -> Option<(Timestamp, Timestamp)> {
        let begun = step.started_at?;
        // One that works goes on for at least a moment from now.
        let now = self.now.unwrap_or(begun).max(begun).plus(1);
        Some((begun, step.finished_at.unwrap_or(now)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of any date fit into 53 bits")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}
