//! What a request and its kind together say about how a job is run.

use std::collections::BTreeMap;

use headway_core::{Create, Settings};
use headway_protocol::batch::{BatchOptions, Executor};
use headway_protocol::request::CreateJob;
use headway_protocol::webhook::Webhook;
use headway_protocol::{Currency, JobId, Owner, Problem, ProblemCode, Timestamp};

use crate::context::Context;
use crate::executor::{Terms, build};
use crate::{Error, Kind, webhooks};

/// The kind of a batch that brings its own executor.
const CUSTOM: &str = "custom";

/// The longest that a request may take unless its batch or kind says: 5 minutes.
const HTTP_TIMEOUT_MS: u64 = 300_000;

/// The most items at once.
const CONCURRENCY: u32 = 10_000;

/// What makes a job, from its request and its kind.
pub(crate) fn job(context: &Context, owner: Owner, request: CreateJob) -> Result<Create, Error> {
    check_webhook(context, request.webhook.as_ref())?;
    let kind = context.options.kinds.get(&request.kind);
    let (default, known) = (Kind::default(), kind.is_some());
    let kind = kind.unwrap_or(&default);
    if request.input.is_some() && kind.executor.is_none() {
        let why = if known {
            format!("kind `{}` has no executor", request.kind)
        } else {
            format!("there is no kind `{}` in the configuration", request.kind)
        };
        let detail = format!("`input` is for an executor, and {why}: leave it out");
        return Err(Problem::new(ProblemCode::Invalid, detail).at_field("input").into());
    }
    let mut steps = kind.steps.clone();
    steps.extend(request.steps);
    let now = context.now();
    let id = request.id.unwrap_or_else(|| JobId::new_job(now.as_millis(), rand::random()));
    Ok(Create {
        id,
        epoch: rand::random(),
        kind: request.kind,
        name: request.name,
        session: request.session,
        tags: request.tags,
        metadata: request.metadata,
        owner,
        steps,
        total: request.total,
        unit: request.unit,
        currency: context.rates().currency().clone(),
        batch: false,
        settings: Settings {
            executor: None,
            run_by_kind: kind.executor.is_some(),
            input: request.input,
            stall_after_ms: request.stall_after_ms.or(kind.stall_after_ms),
            expires_after_ms: request.expires_after_ms.or(kind.expires_after_ms),
            timeout_ms: kind
                .executor
                .as_ref()
                .map_or(kind.timeout_ms, |executor| time_limit(executor, kind.timeout_ms)),
            command_timeout_ms: kind.command_timeout_ms,
            concurrency: None,
            retry: kind.retry.clone(),
            rate: None,
            budget: request.budget.or_else(|| kind.budget.clone()),
            on_failure: kind.on_failure.unwrap_or_default(),
            estimate: kind.estimate.clone(),
            batch_rates: kind.batch_rates.unwrap_or(false),
            start_paused: false,
            webhook: request.webhook,
        },
    })
}

/// What makes a batch, from its request and its kind. Checks its executor as far as that goes
/// without running it.
pub(crate) fn batch(
    context: &Context,
    owner: Owner,
    options: BatchOptions,
) -> Result<Create, Error> {
    let settings = batch_settings(context, &options)?;
    let now = context.now();
    Ok(Create {
        id: JobId::new_batch(now.as_millis(), rand::random()),
        epoch: rand::random(),
        kind: options.kind.unwrap_or_else(|| CUSTOM.to_owned()),
        name: options.name,
        session: options.session,
        tags: options.tags,
        metadata: options.metadata,
        owner,
        steps: BTreeMap::new(),
        total: None,
        unit: Some("items".to_owned()),
        currency: context.rates().currency().clone(),
        batch: true,
        settings,
    })
}

/// How a batch is run.
pub(crate) fn batch_settings(context: &Context, options: &BatchOptions) -> Result<Settings, Error> {
    let default = Kind::default();
    let kind = match &options.kind {
        None => &default,
        Some(name) => context.options.kinds.get(name).ok_or_else(|| unknown_kind(context, name))?,
    };
    check_numbers(options)?;
    check_webhook(context, options.webhook.as_ref())?;
    let own = options.executor.clone();
    if own.is_some() && !context.options.allow_exec && matches!(own, Some(Executor::Command(_))) {
        let detail = "this server runs only the commands of its configured kinds: name a `kind`, \
                      or start the server with --allow-exec";
        return Err(Problem::new(ProblemCode::Forbidden, detail).at_field("executor").into());
    }
    let executor = own.as_ref().or(kind.executor.as_ref()).ok_or_else(|| {
        let detail = "a batch needs an `executor`, or a `kind` that has one";
        Problem::new(ProblemCode::Invalid, detail).at_field("executor")
    })?;
    let surroundings = &context.surroundings;
    if own.is_some() {
        build(executor, &Terms::default(), &surroundings.for_requests())?;
    } else {
        build(executor, &Terms::default(), surroundings)?;
    }
    let timeout_ms = time_limit(executor, options.timeout_ms.or(kind.timeout_ms));
    Ok(Settings {
        run_by_kind: own.is_none(),
        executor: own,
        input: None,
        stall_after_ms: None,
        expires_after_ms: options.expires_after_ms.or(kind.expires_after_ms),
        timeout_ms,
        command_timeout_ms: kind.command_timeout_ms,
        concurrency: options.concurrency.or(kind.concurrency),
        retry: options.retry.clone().or_else(|| kind.retry.clone()),
        rate: options.rate.clone().or_else(|| kind.rate.clone()),
        budget: options.budget.clone().or_else(|| kind.budget.clone()),
        on_failure: options.on_failure.or(kind.on_failure).unwrap_or_default(),
        estimate: options.estimate.clone().or_else(|| kind.estimate.clone()),
        batch_rates: options.batch_rates.or(kind.batch_rates).unwrap_or(true),
        start_paused: options.start == Some(false),
        webhook: options.webhook.clone(),
    })
}

/// Refuses a kind that every job would be refused for: by making one of it, as a request would that
/// says nothing else. What is wrong within its estimate or its steps is told as theirs; a parent
/// that its steps name is one of them.
pub(crate) fn check_kind(name: &str, kind: &Kind) -> Result<(), Problem> {
    let plain = Settings {
        run_by_kind: kind.executor.is_some(),
        stall_after_ms: kind.stall_after_ms,
        expires_after_ms: kind.expires_after_ms,
        timeout_ms: kind.timeout_ms,
        command_timeout_ms: kind.command_timeout_ms,
        concurrency: kind.concurrency,
        retry: kind.retry.clone(),
        rate: kind.rate.clone(),
        budget: kind.budget.clone(),
        ..Settings::default()
    };
    let none = BTreeMap::new();
    let estimating = Settings { estimate: kind.estimate.clone(), ..Settings::default() };
    for (part, settings, steps) in [
        ("", plain, &none),
        ("estimate.", estimating, &none),
        ("steps.", Settings::default(), &kind.steps),
    ] {
        let now = Timestamp::default();
        let job = Create {
            id: JobId::new_job(now.as_millis(), 0),
            epoch: 0,
            kind: name.to_owned(),
            name: None,
            session: None,
            tags: Vec::new(),
            metadata: serde_json::Value::Null,
            owner: Owner::default(),
            steps: steps.clone(),
            total: None,
            unit: None,
            currency: Currency::default(),
            batch: false,
            settings,
        };
        headway_core::create(now, job).map_err(|refusal| {
            let mut problem = refusal.problem();
            problem.field = problem.field.map(|field| format!("{part}{field}"));
            problem
        })?;
    }
    Ok(())
}

/// The longest that one attempt may take. A program may run for hours; a request that is not
/// answered holds a place, and is given up at some time even if nobody said when.
fn time_limit(executor: &Executor, said: Option<u64>) -> Option<u64> {
    match executor {
        Executor::Command(_) => said,
        Executor::Http(_) => Some(said.unwrap_or(HTTP_TIMEOUT_MS)),
    }
}

fn check_numbers(options: &BatchOptions) -> Result<(), Problem> {
    let invalid = |field: &str, detail: &str| {
        Err(Problem::new(ProblemCode::Invalid, format!("`{field}` {detail}")).at_field(field))
    };
    if options.concurrency.is_some_and(|count| !(1..=CONCURRENCY).contains(&count)) {
        return invalid("concurrency", "is a number from 1 to 10000");
    }
    if options.timeout_ms == Some(0) {
        return invalid("timeout_ms", "is at least 1 millisecond");
    }
    if options.rate.as_ref().is_some_and(|rate| rate.count == 0 || rate.per_ms == 0) {
        return invalid("rate", "needs a `count` and a `per_ms` of at least 1");
    }
    if let Some(retry) = &options.retry {
        if !(1..=100).contains(&retry.max_attempts) {
            return invalid("retry.max_attempts", "is a number from 1 to 100");
        }
        if !(1.0..=10.0).contains(&retry.factor) {
            return invalid("retry.factor", "is a number from 1 to 10");
        }
    }
    Ok(())
}

fn unknown_kind(context: &Context, name: &str) -> Problem {
    let known: Vec<_> = context.options.kinds.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let detail = format!("there is no kind `{name}` in the configuration; there is: {known}");
    Problem::new(ProblemCode::Invalid, detail).at_field("kind")
}

fn check_webhook(context: &Context, webhook: Option<&Webhook>) -> Result<(), Problem> {
    match webhook {
        Some(given) => {
            let outgoing = context.surroundings.outgoing_of_requests();
            webhooks::check(given, &context.webhooks, outgoing)
        }
        None => Ok(()),
    }
}
