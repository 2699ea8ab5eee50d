//! One attempt of one item, from its start to its outcome.

use std::sync::Arc;
use std::time::Duration;

use headway_core::batch::Settled;
use headway_core::retry;
use headway_protocol::batch::Retry;
use headway_protocol::{Amount, ItemStatus, JobError, JobId, Timestamp};
use headway_store::{ItemOutcome, LeasedItem};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::executor::{Attempt, Ended, Execute, Failure, NewsSink};

/// The code of an error by which an executor says that an item is not worth running.
const SKIPPED: &str = "skipped";

/// An attempt that ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) item: LeasedItem,
    pub(super) ended: Ended,
    pub(super) started_at: Timestamp,
    pub(super) duration_ms: u64,
}

/// Runs one attempt.
pub(super) async fn run(
    context: Arc<Context>,
    executor: Arc<dyn Execute>,
    job: JobId,
    mut item: LeasedItem,
    timeout: Option<Duration>,
    news: NewsSink,
    kill: CancellationToken,
) -> Finished {
    let started_at = context.now();
    let began = tokio::time::Instant::now();
    let input = std::mem::take(&mut item.input);
    let attempt = Attempt {
        job,
        index: item.index,
        custom_id: item.custom_id.clone(),
        number: item.attempts,
        input,
        timeout,
    };
    context.metrics.attempts_running.inc();
    let ended = executor.run(&attempt, &news, &kill).await;
    context.metrics.attempts_running.dec();
    let took = began.elapsed();
    context.metrics.attempt_seconds.observe(took.as_secs_f64());
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Finished { item, ended, started_at, duration_ms }
}

/// What became of an attempt: for the batch's count, and for the item's row. An attempt that was
/// stopped has no row: it is given back.
pub(super) struct Outcome {
    pub(super) settled: Settled,
    pub(super) row: Option<ItemOutcome>,
}

impl Finished {
    /// The outcome at `now`, with a price for what was used.
    pub(super) fn outcome(
        self,
        context: &Context,
        fence: u64,
        retry: &Retry,
        batch_rates: bool,
        unpriced: &mut Vec<String>,
    ) -> Outcome {
        let Self { item, ended, started_at, duration_ms } = self;
        let rates = context.rates();
        let mut cost = ended.cost;
        for usage in &ended.usage {
            let price = rates.price(usage, batch_rates);
            cost += price.amount;
            unpriced.extend(price.unpriced.into_iter().map(|unit| format!("{}.{unit}", usage.sku)));
        }
        let (status, due_at, output, error) = match ended.outcome {
            Ok(output) => (ItemStatus::Succeeded, None, Some(output), None),
            Err(Failure::Stopped) => (ItemStatus::Queued, None, None, None),
            Err(Failure::Error { error, .. }) if error.code == SKIPPED => {
                (ItemStatus::Skipped, None, None, Some(error))
            }
            Err(Failure::Away { error, retry_after_ms }) => {
                let due_at = context.now().plus(retry_after_ms);
                (ItemStatus::Retrying, Some(due_at), None, Some(error))
            }
            Err(Failure::Error { error, retry_after_ms }) => {
                let (status, due_at) =
                    after_failure(context, retry, item.attempts, &error, retry_after_ms);
                (status, due_at, None, Some(error))
            }
        };
        context
            .metrics
            .attempts
            .get_or_create(&crate::metrics::Ending { status: status.as_str() })
            .inc();
        context.metrics.spent_units.inc_by(cost.as_units().max(0.0));
        let total_cost = item.cost.unwrap_or_default().plus(cost);
        let priced = total_cost != Amount::ZERO || item.cost.is_some();
        let row = (status != ItemStatus::Queued).then(|| ItemOutcome {
            index: item.index,
            fence,
            status,
            due_at,
            output,
            error: error.clone(),
            cost: priced.then_some(total_cost),
            started_at: Some(started_at),
            duration_ms: Some(duration_ms),
        });
        let settled = Settled {
            index: item.index,
            custom_id: item.custom_id,
            attempts: item.attempts,
            status,
            error,
            cost,
            total_cost,
            estimate: item.estimate,
        };
        Outcome { settled, row }
    }
}

fn after_failure(
    context: &Context,
    retry: &Retry,
    attempts: u32,
    error: &JobError,
    asked_ms: Option<u64>,
) -> (ItemStatus, Option<Timestamp>) {
    match retry::delay(retry, attempts, error, asked_ms, rand::random()) {
        Some(delay_ms) => (ItemStatus::Retrying, Some(context.now().plus(delay_ms))),
        None => (ItemStatus::Failed, None),
    }
}
