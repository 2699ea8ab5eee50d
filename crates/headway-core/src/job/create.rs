//! The first events of a job.

use headway_protocol::event::SystemEvent;
use headway_protocol::limits::{METADATA_BYTES, TAG_BYTES, TAGS};
use headway_protocol::patch::drop_nulls;
use headway_protocol::{
    Cost, Cursor, Event, EventKind, ItemCounts, Job, JobStatus, Progress, Timestamp,
};

use super::{Create, JobState, Private, Refusal, Settings, evolve, limit, plan};
use crate::batch::BatchState;

/// Makes a job: its state after its first events, and those events.
pub fn create(now: Timestamp, create: Create) -> Result<(JobState, Vec<Event>), Refusal> {
    let queued = create.settings.has_executor() && !create.batch;
    let mut state = blank(now, create)?;
    let created = SystemEvent::Created {
        kind: state.job.kind.clone(),
        status: JobStatus::Pending,
        owner: state.job.owner.clone(),
    };
    let mut events = vec![created];
    if queued {
        events.push(SystemEvent::Queued { items: None });
    }
    let events: Vec<Event> = events
        .into_iter()
        .map(|event| Event { at: now, producer: None, what: EventKind::System(event) })
        .collect();
    for event in &events {
        evolve(&mut state, event);
    }
    Ok((state, events))
}

/// The job before its first event: what its request said, checked.
pub(super) fn blank(now: Timestamp, create: Create) -> Result<JobState, Refusal> {
    check(&create)?;
    let Create {
        id,
        epoch,
        kind,
        name,
        session,
        mut tags,
        mut metadata,
        owner,
        steps,
        total,
        unit,
        currency,
        batch,
        settings,
    } = create;
    drop_nulls(&mut metadata);
    limit::json(
        "metadata",
        &metadata,
        METADATA_BYTES,
        "keep large data elsewhere and name it here",
    )?;
    let mut seen = std::collections::BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    let cost = settings.budget.as_ref().map(|budget| Cost {
        currency: currency.clone(),
        budget: Some(budget.max_budget),
        soft_budget: budget.soft_budget,
        ..Cost::default()
    });
    let job = Job {
        id,
        kind,
        name,
        status: JobStatus::Pending,
        attempt: 1,
        progress: Progress { total, unit, ..Progress::default() },
        phase: None,
        message: None,
        steps: plan::steps(steps)?,
        items: batch.then(ItemCounts::default),
        cost,
        session,
        tags,
        owner,
        metadata,
        result: None,
        error: None,
        stalled: false,
        cursor: Cursor { epoch, offset: 0 },
        created_at: now,
        queued_at: None,
        started_at: None,
        updated_at: now,
        finished_at: None,
    };
    let private = Private {
        expires_at: settings.expires_after_ms.map(|limit| now.plus(limit)),
        currency,
        batch: batch.then(BatchState::default),
        settings,
        ..Private::default()
    };
    Ok(JobState { job, private })
}

fn check(create: &Create) -> Result<(), Refusal> {
    limit::name("kind", &create.kind)?;
    limit::name("owner.tenant", &create.owner.tenant)?;
    for (field, text) in [
        ("name", &create.name),
        ("session", &create.session),
        ("unit", &create.unit),
        ("owner.subject", &create.owner.subject),
    ] {
        if let Some(text) = text {
            limit::name(field, text)?;
        }
    }
    if create.tags.len() > TAGS {
        let message = format!("{} tags were given, the limit is {TAGS}", create.tags.len());
        return Err(Refusal::invalid("tags", message));
    }
    for tag in &create.tags {
        if tag.is_empty() {
            return Err(Refusal::invalid("tags", "a tag is empty: leave it out"));
        }
        limit::length("tags", tag, TAG_BYTES)?;
    }
    if !create.metadata.is_object() && !create.metadata.is_null() {
        return Err(Refusal::invalid("metadata", "metadata is an object with members of your own"));
    }
    if create.batch && !create.settings.has_executor() {
        let message =
            "a batch needs an executor, its own or its kind's: nothing would run its items";
        return Err(Refusal::invalid("executor", message));
    }
    settings(&create.settings)
}

fn settings(settings: &Settings) -> Result<(), Refusal> {
    limit::at_least_one("stall_after_ms", settings.stall_after_ms)?;
    limit::at_least_one("expires_after_ms", settings.expires_after_ms)?;
    limit::at_least_one("timeout_ms", settings.timeout_ms)?;
    limit::at_least_one("command_timeout_ms", settings.command_timeout_ms)?;
    if let Some(concurrency) = settings.concurrency
        && !(1..=10_000).contains(&concurrency)
    {
        let message = format!("{concurrency} items at once: use 1 to 10000");
        return Err(Refusal::invalid("concurrency", message));
    }
    if let Some(retry) = &settings.retry {
        if !(1..=100).contains(&retry.max_attempts) {
            let message = format!("{} attempts: use 1 to 100", retry.max_attempts);
            return Err(Refusal::invalid("retry.max_attempts", message));
        }
        if !(1.0..=10.0).contains(&retry.factor) {
            let message = format!("a factor of {}: use 1 to 10", retry.factor);
            return Err(Refusal::invalid("retry.factor", message));
        }
    }
    if let Some(rate) = &settings.rate {
        limit::at_least_one("rate.count", Some(u64::from(rate.count)))?;
        limit::at_least_one("rate.per_ms", Some(rate.per_ms))?;
    }
    if let Some(budget) = &settings.budget {
        if budget.max_budget.as_nanos() <= 0 {
            let message = format!("a budget of {} lets nothing run", budget.max_budget);
            return Err(Refusal::invalid("budget.max_budget", message));
        }
        if let Some(soft) = budget.soft_budget
            && (soft.as_nanos() <= 0 || soft > budget.max_budget)
        {
            let message = format!("soft_budget {soft} is not between 0 and {}", budget.max_budget);
            return Err(Refusal::invalid("budget.soft_budget", message));
        }
    }
    if let Some(estimate) = &settings.estimate {
        usage(estimate)?;
    }
    Ok(())
}

/// Units used: a name, and numbers that can be priced.
pub(super) fn usage(usage: &headway_protocol::report::Usage) -> Result<(), Refusal> {
    limit::name("sku", &usage.sku)?;
    for (unit, count) in &usage.units {
        limit::name("unit", unit)?;
        if !count.is_finite() || *count < 0.0 {
            let message = format!("{count} units of `{unit}` were used: use a number from 0 up");
            return Err(Refusal::invalid(unit.clone(), message));
        }
    }
    Ok(())
}
