//! The task of one shard: load, decide, append, answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::future::join_all;
use headway_core::{Input, JobState, decide, evolve, next_deadline};
use headway_protocol::{JobId, Problem, ProblemCode};
use headway_store::{Append, AppendError, Expected, ItemOutcome, StoreError, Stored, UniqueKey};
use tokio::sync::{mpsc, watch};

use super::answer::{applied, unchanged};
use super::cache::Cache;
use super::message::{Applied, Change, Message, Origin, Reply};
use super::record::{facets, record};
use super::{Error, GROUP};
use crate::context::Context;

/// How often something said to a job is decided again when others changed the job in between.
const TRIES: u32 = 8;

/// One shard's own state.
pub(super) struct Shard {
    context: Arc<Context>,
    cache: Cache,
    /// Jobs of the present group that could not be read, and why.
    unreadable: HashMap<JobId, StoreError>,
    followed: HashMap<JobId, watch::Sender<Arc<JobState>>>,
}

/// An append on its way, and what to do when it is durable.
struct Sent {
    job: JobId,
    then: Then,
}

#[expect(clippy::large_enum_variant, reason = "nearly every append is an applied one")]
enum Then {
    Created { reply: Reply<Arc<JobState>>, state: Arc<JobState> },
    Applied { message: Message, applied: Applied },
}

impl Shard {
    pub(super) fn new(context: Arc<Context>) -> Self {
        let (unreadable, followed) = (HashMap::new(), HashMap::new());
        Self { context, cache: Cache::default(), unreadable, followed }
    }

    /// Works until nobody can ask any more.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut again = Vec::new();
        loop {
            group.append(&mut again);
            if group.is_empty() && inbox.recv_many(&mut group, GROUP).await == 0 {
                return;
            }
            self.load_missing(&group).await;
            let mut appends = Vec::with_capacity(group.len());
            let mut sent = Vec::with_capacity(group.len());
            for message in group.drain(..) {
                if let Some((append, then)) = self.take(message) {
                    appends.push(append);
                    sent.push(then);
                }
            }
            if appends.is_empty() {
                continue;
            }
            let began = tokio::time::Instant::now();
            let results = self.context.store.append(appends).await;
            self.context.metrics.append_seconds.observe(began.elapsed().as_secs_f64());
            for (sent, result) in sent.into_iter().zip(results) {
                self.finish(sent, result, &mut again);
            }
        }
    }

    /// Reads the states of the group's jobs that are not remembered.
    async fn load_missing(&mut self, group: &[Message]) {
        self.unreadable.clear();
        let mut missing: Vec<&JobId> = group
            .iter()
            .filter_map(|message| match message {
                Message::Apply { job, .. } | Message::Follow { job, .. } => Some(job),
                Message::Create { .. } | Message::Forget { .. } => None,
            })
            .filter(|job| !self.cache.holds(job))
            .collect();
        if missing.is_empty() {
            return;
        }
        missing.sort_unstable();
        missing.dedup();
        let store = &self.context.store;
        let loaded = join_all(missing.iter().map(|job| store.load(job))).await;
        for (job, result) in missing.into_iter().zip(loaded) {
            let state = result.and_then(|stored| stored.map(restore).transpose());
            match state {
                Ok(Some(state)) => self.cache.insert(job.clone(), state),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%job, %error, "the job cannot be read");
                    self.unreadable.insert(job.clone(), error);
                }
            }
        }
    }

    /// Carries one message out as far as the append; answers at once what needs none.
    fn take(&mut self, message: Message) -> Option<(Append, Sent)> {
        match message {
            Message::Create { create, key, reply } => self.create(*create, key, reply),
            Message::Apply { job, origin, change, tries, reply } => {
                self.apply(job, origin, change, tries, reply)
            }
            Message::Follow { job, reply } => {
                answer(reply, self.follow(&job));
                None
            }
            Message::Forget { jobs } => {
                for job in &jobs {
                    self.cache.remove(job);
                }
                None
            }
        }
    }

    fn follow(&mut self, job: &JobId) -> Result<watch::Receiver<Arc<JobState>>, Error> {
        let state = self.cache.get(job).ok_or_else(|| not_there(&self.unreadable, job))?;
        let state = Arc::new(state.clone());
        let sender = self
            .followed
            .entry(job.clone())
            .or_insert_with(|| watch::Sender::new(Arc::clone(&state)));
        sender.send_replace(state);
        Ok(sender.subscribe())
    }

    fn create(
        &mut self,
        create: headway_core::Create,
        key: Option<UniqueKey>,
        reply: Reply<Arc<JobState>>,
    ) -> Option<(Append, Sent)> {
        let job = create.id.clone();
        let epoch = create.epoch;
        if self.cache.holds(&job) {
            answer(reply, Err(already_exists(&job)));
            return None;
        }
        let now = self.context.now();
        let (state, events) = match headway_core::create(now, create) {
            Ok(made) => made,
            Err(refusal) => {
                answer(reply, Err(refusal.into()));
                return None;
            }
        };
        let (document, private) = state.whole();
        let record = match record(0, now, &events, &document, &private) {
            Ok(record) => record,
            Err(error) => {
                answer(reply, Err(error));
                return None;
            }
        };
        let append = Append {
            job: job.clone(),
            expected: Expected::Absent { epoch },
            record: Arc::new(record),
            facets: Arc::new(facets(&state)),
            items: Vec::new(),
            key,
        };
        let shared = Arc::new(state.clone());
        self.cache.insert(job.clone(), state);
        Some((append, Sent { job, then: Then::Created { reply, state: shared } }))
    }

    fn apply(
        &mut self,
        job: JobId,
        origin: Origin,
        change: Change,
        tries: u32,
        reply: Reply<Applied>,
    ) -> Option<(Append, Sent)> {
        let rates = self.context.rates();
        let now = self.context.now();
        let Some(state) = self.cache.get(&job) else {
            answer(reply, Err(not_there(&self.unreadable, &job)));
            return None;
        };
        if let Err(error) = allowed(state, &origin, &change) {
            answer(reply, Err(error));
            return None;
        }
        let input = match &change {
            Change::Report { producer, reports } => {
                Input::Report { producer: producer.clone(), reports, rates: &rates }
            }
            Change::Command { action, max_budget, retry_items } => Input::Command {
                action: *action,
                max_budget: *max_budget,
                retry_items: *retry_items,
            },
            Change::Tick => Input::Tick,
            Change::Seal(seal) => Input::Seal(*seal),
            Change::Begin => Input::Begin,
            Change::Moved { moved, .. } => Input::Moved(moved.clone()),
            Change::BudgetReached { next } => Input::BudgetReached { next: *next },
            Change::Peek => {
                answer(reply, Ok(applied(state, &change)));
                return None;
            }
        };
        let events = match decide(state, now, &input) {
            Ok(events) => events,
            Err(refusal) => {
                answer(reply, Err(refusal.into()));
                return None;
            }
        };
        let outcomes = outcomes(&change);
        if events.is_empty() {
            answer(reply, unchanged(state, &change, &outcomes));
            return None;
        }
        let before = state.clone();
        for event in &events {
            evolve(state, event);
        }
        let (patch, private) = state.patches_since(&before);
        let record = match record(before.job.cursor.offset, now, &events, &patch, &private) {
            Ok(record) => record,
            Err(error) => {
                *state = before;
                answer(reply, Err(error));
                return None;
            }
        };
        self.context.metrics.events.inc_by(events.len() as u64);
        let append = Append {
            job: job.clone(),
            expected: Expected::At(before.job.cursor.offset),
            record: Arc::new(record),
            facets: Arc::new(facets(state)),
            items: outcomes,
            key: None,
        };
        let applied = applied(state, &change);
        let message = Message::Apply { job: job.clone(), origin, change, tries, reply };
        Some((append, Sent { job, then: Then::Applied { message, applied } }))
    }

    /// Answers an append that came back.
    fn finish(&mut self, sent: Sent, result: Result<(), AppendError>, again: &mut Vec<Message>) {
        let Sent { job, then } = sent;
        match result {
            Ok(()) => {
                match then {
                    Then::Created { reply, state } => answer(reply, Ok(state)),
                    Then::Applied { message: Message::Apply { reply, .. }, applied } => {
                        answer(reply, Ok(applied));
                    }
                    Then::Applied { message: _, .. } => {}
                }
                self.tell(&job);
            }
            Err(error) => {
                self.cache.remove(&job);
                self.refuse(then, error, again);
            }
        }
    }

    fn refuse(&self, then: Then, error: AppendError, again: &mut Vec<Message>) {
        match then {
            Then::Created { reply, .. } => answer(reply, Err(refused_creation(error))),
            Then::Applied {
                message: Message::Apply { job, origin, change, tries, reply }, ..
            } => match error {
                AppendError::Conflict { .. } if tries < TRIES => {
                    self.context.metrics.conflicts.inc();
                    let tries = tries + 1;
                    again.push(Message::Apply { job, origin, change, tries, reply });
                }
                AppendError::Conflict { .. } | AppendError::KeyTaken { .. } => {
                    answer(reply, Err(Error::Contended(job)));
                }
                AppendError::Fenced { .. } => answer(reply, Err(Error::LeaseLost(job))),
                AppendError::Store(error) => answer(reply, Err(error.into())),
            },
            Then::Applied { .. } => {}
        }
    }

    /// Tells those that wait for it of a job's new state.
    fn tell(&mut self, job: &JobId) {
        let Some(state) = self.cache.get(job) else { return };
        if let Some(due) = next_deadline(state) {
            self.context.deadline_at(due);
        }
        let ended = state.job.status.is_terminal();
        if let Some(sender) = self.followed.get(job) {
            if sender.receiver_count() == 0 {
                self.followed.remove(job);
            } else {
                sender.send_replace(Arc::new(state.clone()));
            }
        }
        if wants_executor(state) && self.context.wanted.try_send(job.clone()).is_err() {
            self.context.metrics.wanted_overflowed.store(true, Relaxed);
        }
        if ended {
            self.cache.remove(job);
        }
    }
}

/// Whether somebody has to run, or to stop, this job.
pub(crate) fn wants_executor(state: &JobState) -> bool {
    use headway_protocol::JobStatus as Status;
    let sealed = state.private.batch.as_ref().is_none_or(|batch| batch.seal.is_some());
    let runs = match state.job.status {
        Status::Queued | Status::Running | Status::Pausing | Status::Cancelling => true,
        Status::Pending
        | Status::Paused
        | Status::Completed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired => false,
    };
    runs && sealed && state.private.settings.executor.is_some()
}

fn restore(stored: Stored) -> Result<JobState, StoreError> {
    JobState::restore(stored.document, stored.cursor, stored.private).map_err(|error| {
        StoreError::Failed {
            doing: "read what an earlier version wrote",
            detail: error.to_string(),
        }
    })
}

/// Why a job that was looked for is not remembered.
fn not_there(unreadable: &HashMap<JobId, StoreError>, job: &JobId) -> Error {
    unreadable.get(job).map_or_else(|| Error::NoSuchJob(job.clone()), |error| error.clone().into())
}

fn allowed(state: &JobState, origin: &Origin, change: &Change) -> Result<(), Error> {
    let Origin::Caller { tenant } = origin else { return Ok(()) };
    if state.job.owner.tenant != *tenant {
        return Err(Error::NoSuchJob(state.job.id.clone()));
    }
    let run_here = state.private.settings.executor.is_some();
    if run_here && matches!(change, Change::Report { .. }) {
        let detail = format!(
            "job {} is run by its kind's executor: only the executor reports on it",
            state.job.id
        );
        return Err(Problem::new(ProblemCode::WrongStatus, detail).into());
    }
    Ok(())
}

fn outcomes(change: &Change) -> Vec<ItemOutcome> {
    match change {
        Change::Moved { outcomes, .. } => outcomes.to_vec(),
        Change::Report { .. }
        | Change::Command { .. }
        | Change::Tick
        | Change::Seal(_)
        | Change::Begin
        | Change::BudgetReached { .. }
        | Change::Peek => Vec::new(),
    }
}

fn refused_creation(error: AppendError) -> Error {
    match error {
        AppendError::Conflict { job, .. } => already_exists(&job),
        AppendError::KeyTaken { job, fingerprint } => Error::KeyTaken { job, fingerprint },
        AppendError::Fenced { job, .. } => Error::LeaseLost(job),
        AppendError::Store(error) => error.into(),
    }
}

fn already_exists(job: &JobId) -> Error {
    let detail = format!("there is a job {job} already: leave `id` out, or choose another");
    Problem::new(ProblemCode::AlreadyExists, detail).at_field("id").into()
}

fn answer<T>(reply: Reply<T>, result: Result<T, Error>) {
    // Whoever asked may have gone; what happened is in the log all the same.
    drop(reply.send(result));
}
