//! The only way into the engine.

use std::sync::Arc;
use std::time::Duration;

use headway_access::{Act, Caller, Denial, On, authorize};
use headway_core::rates::RateCard;
use headway_core::{ItemChoice, JobState};
use headway_protocol::batch::{BatchOptions, Estimate};
use headway_protocol::event::Producer;
use headway_protocol::kind::Kinds;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{CommandRequest, CreateJob, ReportReply};
use headway_protocol::{Action, Job, JobId, Owner, Problem, ProblemCode};
use headway_store::{Clock, Store, UniqueKey};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::metrics::Metrics;
use crate::shard::{Change, Origin, Shards};
use crate::supervisor::Supervisor;
use crate::webhooks::courier;
use crate::{Error, ItemSource, NotReady, Options, intake, retention, settings, timer};

mod choice;
mod letters;

/// Jobs that want an executor and that the supervisor has not heard of yet. Full: it looks through
/// the store.
const WANTED: usize = 4_096;

/// Logs that have grown too long and that retention has not looked at yet. Full: retention is told
/// again when such a log has grown by another step.
const OVERLONG: usize = 1_024;

/// Shards: one for each processor up to this many; beyond it the store's one writer is the limit.
const SHARDS: usize = 4;

/// The longest name of a subject, in characters.
const SUBJECT_CHARACTERS: usize = 256;

/// The longest `Idempotency-Key`, in bytes.
const KEY_BYTES: usize = 255;

/// The only way into the engine. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    context: Arc<Context>,
    shards: Shards,
    stop: CancellationToken,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// A job that was made, or that an earlier request with the same idempotency key had made.
#[derive(Clone, Debug)]
pub struct Created {
    /// The document.
    pub job: Job,
    /// Whether an earlier request had made it.
    pub repeated: bool,
}

impl Handle {
    /// Starts an engine over a store. Jobs that were running when the last one stopped go on.
    ///
    /// Must be called within a Tokio runtime. Fails when the options cannot be used.
    pub fn start(
        options: Options,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let metrics = Metrics::new();
        let surroundings = options.surroundings(&metrics, &clock)?;
        options.check(&surroundings)?;
        let (wanted, wanting) = mpsc::channel(WANTED);
        let (overlong, trimming) = mpsc::channel(OVERLONG);
        let context = Context::new(options, store, clock, metrics, surroundings, wanted, overlong)?;
        let context = Arc::new(context);
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shards = Shards::start(&context, processors.min(SHARDS));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let supervisor = Supervisor::new(Arc::clone(&context), shards.clone(), stop.clone());
        tasks.spawn(supervisor.run(wanting));
        tasks.spawn(timer::run(Arc::clone(&context), shards.clone(), stop.clone()));
        let retention =
            retention::run(Arc::clone(&context), shards.clone(), trimming, stop.clone());
        tasks.spawn(retention);
        tasks.spawn(courier::run(Arc::clone(&context), stop.clone()));
        Ok(Self { context, shards, stop, tasks: Arc::new(Mutex::new(tasks)) })
    }

    /// Adds what the engine counts to a registry.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.context.metrics.register(registry);
    }

    /// Whether new work would be taken, or why not. The store is asked to keep something small, at
    /// most every two seconds however many ask; whoever asks waits for two seconds at the most.
    pub async fn ready(&self) -> Result<(), NotReady> {
        if self.stop.is_cancelled() {
            return Err(NotReady::Stops);
        }
        self.context.readiness.ask(&self.context.store).await
    }

    /// The configured kinds, as those see them who may make jobs of them.
    pub fn kinds(&self) -> Kinds {
        let kinds = self.context.options.kinds.iter();
        Kinds { kinds: kinds.map(|(name, kind)| kind.described(name)).collect() }
    }

    /// Makes a job. `key` is the request's `Idempotency-Key`.
    pub async fn create_job(
        &self,
        caller: &Arc<Caller>,
        request: CreateJob,
        key: Option<&str>,
    ) -> Result<Created, Error> {
        self.takes_work()?;
        let owner = maker(caller, request.subject.as_deref())?;
        let key = unique_key(&owner, "job", key, &request)?;
        let create = settings::job(&self.context, owner, request)?;
        match self.shards.create(create, key.clone()).await {
            Ok(state) => Ok(Created { job: state.job.clone(), repeated: false }),
            Err(Error::KeyTaken { job, fingerprint }) => self.earlier(&job, fingerprint, key).await,
            Err(error) => Err(error),
        }
    }

    /// Makes a batch and takes in its items; answers when all of them are durable.
    ///
    /// When the items cannot be read, or the future is dropped before its end, there is no batch.
    pub async fn create_batch(
        &self,
        caller: &Arc<Caller>,
        options: BatchOptions,
        items: ItemSource,
        key: Option<&str>,
    ) -> Result<Created, Error> {
        self.takes_work()?;
        let owner = maker(caller, options.subject.as_deref())?;
        let key = unique_key(&owner, "batch", key, &options)?;
        if let Some(wanted) = &key
            && let Some((job, fingerprint)) = self.context.store.find_key(&wanted.key).await?
        {
            if !self.unsealed(&job).await? {
                return self.earlier(&job, fingerprint, key).await;
            }
            if self.context.uploads.holds(&job) {
                let detail =
                    format!("the items of batch {job} are still arriving: try again later");
                return Err(Problem::new(ProblemCode::WrongStatus, detail).into());
            }
            self.forget(&job).await?;
        }
        let create = settings::batch(&self.context, owner, options)?;
        let job = create.id.clone();
        let upload = self.context.uploads.begin(&job);
        let state = match self.shards.create(create, key.clone()).await {
            Ok(state) => state,
            Err(Error::KeyTaken { job, fingerprint }) => {
                return self.earlier(&job, fingerprint, key).await;
            }
            Err(error) => return Err(error),
        };
        let stored = self.store_items(&state, items).await;
        drop(upload);
        match stored {
            Ok(state) => Ok(Created { job: state.job.clone(), repeated: false }),
            Err(error) => {
                self.forget(&job).await?;
                Err(error)
            }
        }
    }

    async fn store_items(
        &self,
        state: &JobState,
        items: ItemSource,
    ) -> Result<Arc<JobState>, Error> {
        let job = &state.job.id;
        let seal = intake::store_items(&self.context, &state.private.settings, job, items).await?;
        let applied = self.shards.apply(job, Origin::Engine, Change::Seal(seal)).await?;
        applied.state.ok_or(Error::ShuttingDown)
    }

    /// What a batch would cost. Nothing is kept and nothing is run.
    pub async fn estimate(
        &self,
        caller: &Arc<Caller>,
        options: BatchOptions,
        items: ItemSource,
    ) -> Result<Estimate, Error> {
        self.takes_work()?;
        let owner = maker(caller, options.subject.as_deref())?;
        let settings = settings::batch_settings(&self.context, &options)?;
        let kind = options.kind.as_deref();
        let whose = (owner.tenant.as_str(), caller.lists_only().flatten());
        intake::estimate(&self.context, &settings, whose, kind, items).await
    }

    /// Takes a producer's report: all of it or none, durable when answered.
    pub async fn report(
        &self,
        caller: &Arc<Caller>,
        job: &JobId,
        producer: Option<Producer>,
        reports: Vec<SequencedReport>,
    ) -> Result<ReportReply, Error> {
        may(caller, Act::Report, job)?;
        let change = Change::Report { producer, reports };
        Ok(self.shards.apply(job, origin(caller), change).await?.reply)
    }

    /// Asks something of a job; answers with its document after the wish was written down.
    pub async fn command(
        &self,
        caller: &Arc<Caller>,
        job: &JobId,
        action: Action,
        request: CommandRequest,
    ) -> Result<Job, Error> {
        may(caller, Act::Command(action), job)?;
        let CommandRequest { max_budget, status, items } = request;
        let retry_items = match items {
            None => ItemChoice::Status(status.unwrap_or_default()),
            Some(items) => {
                choice::check_request(action, status, &items)?;
                ItemChoice::Items(self.choose_items(caller, job, items).await?)
            }
        };
        let change = Change::Command { action, max_budget, retry_items };
        let applied = self.shards.apply(job, origin(caller), change).await?;
        applied.state.map(|state| state.job.clone()).ok_or(Error::ShuttingDown)
    }

    /// How much waits to be decided: the share of places that are taken in the fullest queue, 0 to
    /// 1. At 1 whoever asks waits, and is refused after a while.
    pub fn waiting(&self) -> f64 {
        self.shards.waiting()
    }

    /// Prices for usage from now on; what was booked stays.
    pub fn set_rates(&self, rates: RateCard) {
        self.context.set_rates(rates);
    }

    /// Stops: starts nothing more, lets what runs end for a moment, gives the rest back and writes
    /// down what happened. Answers when that is done, or after `grace`.
    pub async fn shutdown(&self, grace: Duration) {
        self.stop.cancel();
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!(
                ?grace,
                "what runs did not end in time; it is taken up again at the next start"
            );
        }
    }

    fn takes_work(&self) -> Result<(), Error> {
        if self.stop.is_cancelled() { Err(Error::ShuttingDown) } else { Ok(()) }
    }

    async fn unsealed(&self, job: &JobId) -> Result<bool, Error> {
        let applied = match self.shards.apply(job, Origin::Engine, Change::Peek).await {
            Ok(applied) => applied,
            Err(Error::NoSuchJob(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(applied.state.is_some_and(|state| {
            state.private.batch.as_ref().is_some_and(|batch| batch.seal.is_none())
        }))
    }

    async fn forget(&self, job: &JobId) -> Result<(), Error> {
        let jobs = std::slice::from_ref(job);
        self.context.store.remove(jobs).await?;
        self.shards.forget(jobs).await;
        Ok(())
    }

    /// The job that an earlier request with the same key made.
    async fn earlier(
        &self,
        job: &JobId,
        fingerprint: u64,
        key: Option<UniqueKey>,
    ) -> Result<Created, Error> {
        if key.is_none_or(|key| key.fingerprint != fingerprint) {
            let detail = format!(
                "the Idempotency-Key was used for another request, which made job {job}: \
                 use a new key for a new request"
            );
            return Err(Problem::new(ProblemCode::KeyReused, detail).into());
        }
        let applied = self.shards.apply(job, Origin::Engine, Change::Peek).await?;
        let state = applied.state.ok_or(Error::ShuttingDown)?;
        Ok(Created { job: state.job.clone(), repeated: true })
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

fn origin(caller: &Arc<Caller>) -> Origin {
    Origin::Caller(Arc::clone(caller))
}

/// Whether a caller may do something to a job of that name, as far as that can be said before it is
/// known whether there is one.
fn may(caller: &Caller, act: Act, job: &JobId) -> Result<(), Error> {
    authorize(caller, act, On::JobNamed(job)).map_err(|denial| Error::denied(denial, job))
}

/// Whose a job will be: the caller's, or that of somebody whom the caller may make it for.
fn maker(caller: &Caller, subject: Option<&str>) -> Result<Owner, Error> {
    let subject = subject.or(caller.owner.subject.as_deref());
    authorize(caller, Act::Create, On::Subject(subject)).map_err(Denial::problem)?;
    if subject.is_some_and(|subject| !(1..=SUBJECT_CHARACTERS).contains(&subject.chars().count())) {
        let detail = format!("`subject` has 1 to {SUBJECT_CHARACTERS} characters");
        return Err(Problem::new(ProblemCode::Invalid, detail).at_field("subject").into());
    }
    Ok(Owner { tenant: caller.tenant().to_owned(), subject: subject.map(str::to_owned) })
}

/// The key under which a request's job is found again, with what tells a repeat from a reuse.
fn unique_key<T: serde::Serialize>(
    owner: &Owner,
    what: &str,
    key: Option<&str>,
    request: &T,
) -> Result<Option<UniqueKey>, Error> {
    let Some(key) = key else { return Ok(None) };
    if key.is_empty() || key.len() > KEY_BYTES {
        let detail = format!("the Idempotency-Key has {} bytes: use 1 to {KEY_BYTES}", key.len());
        return Err(Problem::new(ProblemCode::Invalid, detail).at_field("Idempotency-Key").into());
    }
    // The fingerprint is kept, so its hash must be the same in every process and version: FNV-1a,
    // 64 bits (Internet draft draft-eastlake-fnv).
    let text = serde_json::to_string(request).unwrap_or_default();
    let fingerprint = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // What one person made is not found by another who has guessed the key.
    let subject = owner.subject.as_deref().map(|subject| format!("\u{1f}@{subject}"));
    let key = format!("{}{}\u{1f}{what}\u{1f}{key}", owner.tenant, subject.unwrap_or_default());
    Ok(Some(UniqueKey { key, fingerprint }))
}
