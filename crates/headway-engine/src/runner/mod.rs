//! Runs one job or batch from its queue to its end, its pause, or the engine's stop.

mod attempt;
mod batch;
mod pace;
mod solo;

use std::sync::Arc;
use std::time::Duration;

use headway_core::JobState;
use headway_protocol::report::{Report, SequencedReport};
use headway_protocol::{JobError, JobId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::context::Context;
use crate::executor::{Execute, ProcessLimits, Terms, build};
use crate::shard::{Change, Origin, Shards};

/// How long a runner that broke off waits before its job is taken up again.
const AFTER_TROUBLE: Duration = Duration::from_secs(1);

/// What both kinds of runner work with.
pub(super) struct Run {
    pub(super) context: Arc<Context>,
    pub(super) shards: Shards,
    pub(super) job: JobId,
    /// The job's present state and those to come.
    pub(super) follow: watch::Receiver<Arc<JobState>>,
    /// Cancelled when the engine stops.
    pub(super) stop: CancellationToken,
}

impl Run {
    /// Says something to the job, for the engine.
    pub(super) async fn say(&self, change: Change) -> Result<Arc<JobState>, Error> {
        let applied = self.shards.apply(&self.job, Origin::Engine, change).await?;
        applied.state.ok_or(Error::ShuttingDown)
    }

    /// Reports for the job's executor.
    pub(super) async fn report(&self, reports: Vec<Report>) -> Result<(), Error> {
        let reports =
            reports.into_iter().map(|report| SequencedReport { seq: None, report }).collect();
        let change = Change::Report { producer: None, reports };
        self.shards.apply(&self.job, Origin::Engine, change).await.map(|_| ())
    }

    /// The job's executor, ready; or why it cannot be. There is none of a job that its producer
    /// runs. A kind's executor is what the configuration names now.
    pub(super) fn executor(&self, state: &JobState) -> Result<Option<Arc<dyn Execute>>, JobError> {
        let settings = &state.private.settings;
        let mut terms =
            Terms { tenant: state.job.owner.tenant.clone(), limits: ProcessLimits::default() };
        let surroundings = &self.context.surroundings;
        let (executor, surroundings) = if settings.run_by_kind {
            let name = &state.job.kind;
            let kind = self.context.options.kinds.get(name);
            let Some((kind, executor)) =
                kind.and_then(|kind| Some((kind, kind.executor.as_ref()?)))
            else {
                let why = format!(
                    "kind `{name}` has no executor in the configuration any more: put it back and \
                     retry the job"
                );
                return Err(JobError::fatal("executor_unusable", why));
            };
            terms.limits = kind.limits.clone();
            (executor, surroundings.clone())
        } else {
            let Some(executor) = &settings.executor else { return Ok(None) };
            (executor, surroundings.for_requests())
        };
        build(executor, &terms, &surroundings)
            .map(Some)
            .map_err(|problem| JobError::fatal("executor_unusable", problem.detail))
    }
}

/// Runs the job until it ends, pauses or the engine stops.
pub(crate) async fn run(
    context: Arc<Context>,
    shards: Shards,
    job: JobId,
    stop: CancellationToken,
) {
    let follow = match shards.follow(&job).await {
        Ok(follow) => follow,
        Err(error) => {
            tracing::warn!(%job, %error, "the job to run cannot be read");
            return;
        }
    };
    let is_batch = follow.borrow().private.batch.is_some();
    let run = Run { context, shards, job: job.clone(), follow, stop: stop.clone() };
    let ended = if is_batch { batch::run(run).await } else { solo::run(run).await };
    if let Err(error) = ended {
        tracing::error!(%job, %error, "the job's runner broke off; it is taken up again");
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(AFTER_TROUBLE) => {}
        }
    }
}
