//! Takes a batch up: puts back what an earlier runner had taken.

use std::sync::Arc;

use headway_core::JobState;
use headway_core::batch::BatchState;
use headway_protocol::event::ItemsMoved;
use headway_protocol::request::RetryItems;
use headway_protocol::{ItemStatus, JobStatus};
use headway_store::{StoreError, Sweep, SweptAttempts};

use super::super::Run;
use crate::Error;
use crate::shard::Change;

/// Items moved in one go by a sweep, so that other jobs' appends are not held up.
pub(super) const SWEEP: usize = 20_000;

/// Puts back what an earlier runner had taken, and what a retry of the batch runs again.
pub(super) async fn put_back_interrupted(run: &Run, state: &JobState) -> Result<(), Error> {
    let back = |from: &[ItemStatus], attempted_only, attempts| Sweep {
        from: from.to_vec(),
        to: ItemStatus::Queued,
        attempted_only,
        only: None,
        attempts,
        max: SWEEP,
    };
    sweep(run, &back(&[ItemStatus::Running], false, SweptAttempts::TakeBack)).await?;
    sweep(run, &back(&[ItemStatus::Retrying], false, SweptAttempts::Keep)).await?;
    let Some(batch) = state.private.batch.as_ref().filter(|batch| batch.requeues()) else {
        return Ok(());
    };
    let stopped: &[ItemStatus] = &[ItemStatus::Cancelled, ItemStatus::Expired];
    let (failed, rest): (bool, &[ItemStatus]) = match batch.requeue {
        Some(RetryItems::Failed) => (true, &[]),
        Some(RetryItems::Cancelled) => (false, &[ItemStatus::Cancelled]),
        Some(RetryItems::Expired) => (false, &[ItemStatus::Expired]),
        Some(RetryItems::Unfinished) | None => (true, stopped),
    };
    let chosen = batch.requeue.is_none().then(|| batch.requeue_items.iter().copied().collect());
    if failed {
        let failed = back(&[ItemStatus::Failed], true, SweptAttempts::Reset);
        sweep(run, &Sweep { only: chosen.clone(), ..failed }).await?;
    }
    if !rest.is_empty() {
        let rest = back(rest, false, SweptAttempts::Reset);
        sweep(run, &Sweep { only: chosen, ..rest }).await?;
    }
    Ok(())
}

/// Gives every item that is not finished its last status, as the batch ends without it.
pub(super) async fn close_open_items(run: &Run, to: ItemStatus) -> Result<(), Error> {
    let close = Sweep {
        from: vec![ItemStatus::Queued, ItemStatus::Retrying, ItemStatus::Running],
        to,
        attempted_only: false,
        only: None,
        attempts: SweptAttempts::Keep,
        max: SWEEP,
    };
    sweep(run, &close).await?;
    Ok(())
}

/// Moves all items that fit; answers how many.
pub(super) async fn sweep(run: &Run, sweep: &Sweep) -> Result<u64, StoreError> {
    let mut moved = 0;
    loop {
        match run.context.store.sweep_items(&run.job, sweep).await? {
            0 => return Ok(moved),
            some => moved += some,
        }
    }
}

/// Takes the batch up, and makes the document say that nothing is running yet.
pub(super) async fn begin(run: &Run, state: Arc<JobState>) -> Result<Arc<JobState>, Error> {
    let mut state = if state.job.status == JobStatus::Queued || requeues(&state) {
        run.say(Change::Begin).await?
    } else {
        state
    };
    let counted = state.job.items.is_some_and(|items| items.running + items.retrying > 0);
    if counted {
        let moved = ItemsMoved::default();
        state = run.say(Change::Moved { moved, outcomes: Arc::from([]) }).await?;
    }
    Ok(state)
}

fn requeues(state: &JobState) -> bool {
    state.private.batch.as_ref().is_some_and(BatchState::requeues)
}
