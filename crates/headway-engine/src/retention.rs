//! Forgets finished jobs that are over the limits, and the beginnings of logs that are.

use std::sync::Arc;
use std::time::Duration;

use headway_protocol::{JobId, Timestamp};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::shard::Shards;

/// How often the limits are looked at.
const EVERY: Duration = Duration::from_mins(1);

/// Jobs forgotten in one go, so that appends are not held up.
const GROUP: usize = 200;

/// Works until it is stopped.
pub(crate) async fn run(
    context: Arc<Context>,
    shards: Shards,
    mut overlong: mpsc::Receiver<(JobId, u64)>,
    stop: CancellationToken,
) {
    let mut rounds = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some((job, before)) = overlong.recv() => trim(&context, &job, before).await,
            _ = rounds.tick() => {
                while !stop.is_cancelled() && forget_some(&context, &shards).await {}
            }
        }
    }
}

/// Forgets the beginning of a log. When that fails it is tried again after the log's next step.
async fn trim(context: &Context, job: &JobId, before: u64) {
    match context.store.trim(job, before).await {
        Ok(begin) => {
            context.metrics.trimmed.inc_by(u64::from(begin.is_some()));
        }
        Err(error) => {
            tracing::error!(%job, %error, "the beginning of a log could not be forgotten");
        }
    }
}

/// Forgets a group; answers whether there may be more.
async fn forget_some(context: &Context, shards: &Shards) -> bool {
    let retention = context.options.retention;
    let before = context.now().as_millis().saturating_sub(retention.finished_for_ms);
    let before = Timestamp::from_millis(before);
    let found = context.store.expendable(before, retention.finished_jobs, GROUP).await;
    let jobs = match found {
        Ok(jobs) if jobs.is_empty() => return false,
        Ok(jobs) => jobs,
        Err(error) => {
            tracing::error!(%error, "the store does not tell which jobs may be forgotten");
            return false;
        }
    };
    if let Err(error) = context.store.remove(&jobs).await {
        tracing::error!(%error, "finished jobs could not be forgotten");
        return false;
    }
    shards.forget(&jobs).await;
    context.metrics.removed.inc_by(jobs.len() as u64);
    jobs.len() == GROUP
}
