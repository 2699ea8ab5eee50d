//! The steps of a job: their checks, what changes them, and the percent that they add up to.

use std::collections::BTreeMap;

use headway_protocol::limits::STEPS;
use headway_protocol::{Job, JobError, JobStatus, Percent, Step, StepStatus, Timestamp};

use super::{Refusal, life, limit};

type Steps = BTreeMap<String, Step>;

const PHASE: &str = "phase";
/// How many known keys a refusal names.
const NAMED: usize = 20;

/// Whether a phase of this name can begin.
pub(super) fn check_phase(steps: &Steps, name: &str) -> Result<(), Refusal> {
    limit::name(PHASE, name)?;
    check_room(steps, name)
}

/// Whether a step can begin, or begin again.
pub(super) fn check_start(steps: &Steps, key: &str, parent: Option<&str>) -> Result<(), Refusal> {
    limit::name("step", key)?;
    check_room(steps, key)?;
    let Some(parent) = parent else { return Ok(()) };
    if !steps.contains_key(parent) {
        return Err(unknown(steps, "parent", parent));
    }
    let mut ancestor = Some(parent);
    for _ in 0..=steps.len() {
        let Some(at) = ancestor else { return Ok(()) };
        if at == key {
            break;
        }
        ancestor = steps.get(at).and_then(|step| step.parent.as_deref());
    }
    let message = format!("`{key}` would belong to itself through its parents");
    Err(Refusal::invalid("parent", message))
}

/// Whether a step can move.
pub(super) fn check_update(steps: &Steps, key: &str) -> Result<(), Refusal> {
    let step = steps.get(key).ok_or_else(|| unknown(steps, "step", key))?;
    if step.status.is_terminal() {
        let message = format!("`{key}` is {}: a step_start begins it again", step.status);
        return Err(Refusal::invalid("step", message));
    }
    Ok(())
}

/// Whether a step can end so.
pub(super) fn check_finish(steps: &Steps, key: &str, status: StepStatus) -> Result<(), Refusal> {
    let step = steps.get(key).ok_or_else(|| unknown(steps, "step", key))?;
    if !status.is_terminal() {
        let message = format!("`{status}` is no end: use completed, failed, skipped or cancelled");
        return Err(Refusal::invalid("status", message));
    }
    if step.status.is_terminal() && step.status != status {
        let message = format!("`{key}` is {} already", step.status);
        return Err(Refusal::invalid("step", message));
    }
    Ok(())
}

fn check_room(steps: &Steps, key: &str) -> Result<(), Refusal> {
    if steps.len() >= STEPS && !steps.contains_key(key) {
        let message = format!("the job has {STEPS} steps, which is the limit: reuse their keys");
        return Err(Refusal::invalid("step", message));
    }
    Ok(())
}

fn unknown(steps: &Steps, field: &str, key: &str) -> Refusal {
    let shown: String = key.chars().take(80).collect();
    let known: Vec<&str> = steps.keys().take(NAMED).map(String::as_str).collect();
    let message = if known.is_empty() {
        format!("there is no step `{shown}`: begin it with step_start")
    } else {
        let more = if steps.len() > NAMED { ", …" } else { "" };
        format!(
            "there is no step `{shown}`: begin it with step_start; known: {}{more}",
            known.join(", ")
        )
    };
    Refusal::invalid(field, message)
}

/// What is said of a step that begins.
#[derive(Debug)]
pub(super) struct Begun<'a> {
    pub(super) name: &'a Option<String>,
    pub(super) role: &'a Option<String>,
    pub(super) parent: &'a Option<String>,
    pub(super) tasks: &'a Option<Vec<String>>,
    pub(super) weight: Option<f64>,
}

/// A step begins, or begins again: its place in the order stays.
pub(super) fn start(steps: &mut Steps, at: Timestamp, key: &str, begun: &Begun<'_>) {
    let next = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let step = steps.entry(key.to_owned()).or_insert_with(|| Step {
        index: next,
        name: key.to_owned(),
        role: None,
        parent: None,
        status: StepStatus::Pending,
        percent: None,
        tasks: Vec::new(),
        message: None,
        weight: 1.0,
        error: None,
        started_at: None,
        finished_at: None,
    });
    if step.status != StepStatus::Running {
        step.status = StepStatus::Running;
        step.percent = None;
        step.error = None;
        step.started_at = Some(at);
        step.finished_at = None;
    }
    if let Some(name) = begun.name {
        step.name.clone_from(name);
    }
    if begun.role.is_some() {
        step.role.clone_from(begun.role);
    }
    if begun.parent.is_some() {
        step.parent.clone_from(begun.parent);
    }
    if let Some(tasks) = begun.tasks {
        step.tasks.clone_from(tasks);
    }
    if let Some(weight) = begun.weight {
        step.weight = weight;
    }
}

/// A step moves; one that had not begun begins. Its percent never falls while it runs.
pub(super) fn update(
    step: &mut Step,
    at: Timestamp,
    percent: Option<Percent>,
    tasks: Option<&Vec<String>>,
    message: Option<&String>,
) {
    if step.status == StepStatus::Pending {
        step.status = StepStatus::Running;
        step.started_at = Some(at);
    }
    if let Some(percent) = percent {
        step.percent = Some(step.percent.unwrap_or_default().max(percent));
    }
    if let Some(tasks) = tasks {
        step.tasks.clone_from(tasks);
    }
    if message.is_some() {
        step.message = message.cloned();
    }
}

/// A step ends.
pub(super) fn finish(step: &mut Step, at: Timestamp, status: StepStatus, error: Option<&JobError>) {
    step.status = status;
    step.error = error.cloned().map(life::tidy);
    step.finished_at = Some(at);
    if status == StepStatus::Completed {
        step.percent = Some(Percent::FULL);
    }
}

/// A phase begins: phases that run finish, and the step of its name starts.
pub(super) fn phase(job: &mut Job, at: Timestamp, name: &str) {
    job.phase = Some(name.to_owned());
    for (key, step) in &mut job.steps {
        let is_phase = step.role.as_deref() == Some(PHASE);
        if is_phase && key != name && step.status == StepStatus::Running {
            finish(step, at, StepStatus::Completed, None);
        }
    }
    let role = match job.steps.get(name) {
        Some(planned) if planned.role.is_some() => None,
        Some(_) | None => Some(PHASE.to_owned()),
    };
    let begun = Begun { name: &None, role: &role, parent: &None, tasks: &None, weight: None };
    start(&mut job.steps, at, name, &begun);
}

/// The attempt ends: steps that run end as it does, and after a good end what never began was left
/// out.
pub(super) fn end(steps: &mut Steps, at: Timestamp, status: JobStatus) {
    let (running, pending) = match status {
        JobStatus::Completed => (StepStatus::Completed, StepStatus::Skipped),
        JobStatus::Failed => (StepStatus::Failed, StepStatus::Pending),
        JobStatus::Cancelled
        | JobStatus::Expired
        | JobStatus::Pending
        | JobStatus::Queued
        | JobStatus::Running
        | JobStatus::Pausing
        | JobStatus::Paused
        | JobStatus::Cancelling => (StepStatus::Cancelled, StepStatus::Pending),
    };
    for step in steps.values_mut() {
        match step.status {
            StepStatus::Running => finish(step, at, running, None),
            StepStatus::Pending => step.status = pending,
            StepStatus::Completed
            | StepStatus::Failed
            | StepStatus::Skipped
            | StepStatus::Cancelled => {}
        }
    }
}

/// A new attempt: every step is still to come.
pub(super) fn reset(steps: &mut Steps) {
    for step in steps.values_mut() {
        step.status = StepStatus::Pending;
        step.percent = None;
        step.tasks = Vec::new();
        step.message = None;
        step.error = None;
        step.started_at = None;
        step.finished_at = None;
    }
}

/// The percent that the steps add up to by their weights; a parent counts as its children do unless
/// its own percent was said. `None` without steps. While they are `open`, one more of their average
/// weight is still to come: that all known ones have ended does not say that the work has.
pub(crate) fn percent(steps: &Steps, open: bool) -> Option<Percent> {
    if steps.is_empty() {
        return None;
    }
    let nested = steps.values().any(|step| step.parent.is_some());
    let mut families: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    if nested {
        for (key, step) in steps {
            if let Some(parent) = &step.parent {
                families.entry(parent).or_default().push(key);
            }
        }
    }
    let roots = steps.iter().filter(|(_, step)| step.parent.is_none());
    let mut sum = Sum::default();
    let mut known = 0.0;
    for (key, step) in roots {
        sum.add(step.weight, share(steps, &families, key, step));
        known += 1.0;
    }
    if open && known > 0.0 {
        sum.add(sum.weight / known, 0.0);
    }
    Some(Percent::of(sum.done, sum.weight))
}

#[derive(Default)]
struct Sum {
    weight: f64,
    done: f64,
}

impl Sum {
    fn add(&mut self, weight: f64, share: f64) {
        self.weight += weight;
        self.done += weight * share;
    }
}

/// The share of a step that is done with, 0–1. A step that ended, in whatever way, is done with.
fn share(steps: &Steps, families: &BTreeMap<&str, Vec<&String>>, key: &str, step: &Step) -> f64 {
    if step.status.is_terminal() {
        return 1.0;
    }
    if let Some(percent) = step.percent {
        return percent.value() / 100.0;
    }
    let mut sum = Sum::default();
    for child in families.get(key).into_iter().flatten() {
        if let Some(step) = steps.get(*child) {
            sum.add(step.weight, share(steps, families, child, step));
        }
    }
    if sum.weight > 0.0 { sum.done / sum.weight } else { 0.0 }
}
