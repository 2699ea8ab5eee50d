//! Wakes jobs whose deadline has come.
//!
//! The deadlines rest in the store, beside each job; this task asks for those that have passed, says
//! [`Change::Tick`](crate::shard::Change) to their jobs, and waits for the next one.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use headway_protocol::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::shard::{Change, Origin, Shards};

/// Deadlines handled in one go.
const GROUP: usize = 500;

/// The shortest wait: a deadline that its job does not move is not asked for without end.
const SHORTEST: Duration = Duration::from_millis(50);

/// The longest wait: the clock may be set forward meanwhile.
const LONGEST: Duration = Duration::from_secs(30);

/// Works until it is stopped.
pub(crate) async fn run(context: Arc<Context>, shards: Shards, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let now = context.now();
        let wait = match context.store.due(now, GROUP).await {
            Ok(due) => {
                let full = due.len() == GROUP;
                let ticks = due.into_iter().map(|due| {
                    let shards = &shards;
                    async move {
                        let ticked =
                            shards.apply(&due.job, Origin::Engine, Change::Tick).await;
                        if let Err(error) = ticked {
                            tracing::warn!(job = %due.job, %error, "a deadline could not be acted on");
                        }
                    }
                });
                futures_util::future::join_all(ticks).await;
                if full { SHORTEST } else { until_next(&context, now).await }
            }
            Err(error) => {
                tracing::error!(%error, "the store does not tell which deadlines have passed");
                LONGEST
            }
        };
        let waits_for = now.plus(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        context.timer_waits_for.store(waits_for.as_millis(), Relaxed);
        tokio::select! {
            () = stop.cancelled() => {}
            () = context.deadline_moved.notified() => {
                tokio::time::sleep(SHORTEST).await;
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn until_next(context: &Context, now: Timestamp) -> Duration {
    match context.store.due(Timestamp::from_millis(u64::MAX), 1).await {
        Ok(next) => next.first().map_or(LONGEST, |next| {
            Duration::from_millis(next.due_at.since(now)).clamp(SHORTEST, LONGEST)
        }),
        Err(_) => LONGEST,
    }
}
