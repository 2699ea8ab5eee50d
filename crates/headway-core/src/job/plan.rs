//! The steps that a job is created with.

use std::collections::BTreeMap;

use headway_protocol::limits::STEPS;
use headway_protocol::request::PlannedStep;
use headway_protocol::{Step, StepStatus};

use super::{Refusal, limit};

/// The planned steps as the document shows them. Steps with an index come first, in its order;
/// the others follow in the order of their keys.
pub(super) fn steps(
    plan: BTreeMap<String, PlannedStep>,
) -> Result<BTreeMap<String, Step>, Refusal> {
    if plan.len() > STEPS {
        return Err(Refusal::invalid(
            "steps",
            format!("{} steps are planned, the limit is {STEPS}", plan.len()),
        ));
    }
    for (key, step) in &plan {
        limit::name("steps", key)?;
        for (field, text) in [("name", &step.name), ("role", &step.role)] {
            if let Some(text) = text {
                limit::name(field, text)?;
            }
        }
        if let Some(weight) = step.weight {
            limit::weight(weight)?;
        }
        ancestry(&plan, key)?;
    }
    let mut order: Vec<(u32, String)> =
        plan.iter().map(|(key, step)| (step.index.unwrap_or(u32::MAX), key.clone())).collect();
    order.sort();
    let mut plan = plan;
    let mut steps = BTreeMap::new();
    for (index, (_, key)) in (0..).zip(order) {
        if let Some(planned) = plan.remove(&key) {
            steps.insert(key.clone(), step(index, key, planned));
        }
    }
    Ok(steps)
}

fn step(index: u32, key: String, planned: PlannedStep) -> Step {
    Step {
        index,
        name: planned.name.unwrap_or(key),
        role: planned.role,
        parent: planned.parent,
        status: StepStatus::Pending,
        percent: None,
        tasks: Vec::new(),
        message: None,
        weight: planned.weight.unwrap_or(1.0),
        error: None,
        started_at: None,
        finished_at: None,
    }
}

/// Every parent exists, and no step is its own ancestor.
fn ancestry(plan: &BTreeMap<String, PlannedStep>, key: &str) -> Result<(), Refusal> {
    let mut at = key;
    for _ in 0..=plan.len() {
        let Some(parent) = plan.get(at).and_then(|step| step.parent.as_deref()) else {
            return Ok(());
        };
        if !plan.contains_key(parent) {
            return Err(Refusal::invalid(
                format!("steps.{at}.parent"),
                format!("there is no step `{parent}` that `{at}` could belong to"),
            ));
        }
        at = parent;
    }
    Err(Refusal::invalid(
        format!("steps.{key}.parent"),
        format!("`{key}` belongs to itself through its parents"),
    ))
}
