//! The task of one shard: load, decide, append, answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::{FuturesOrdered, StreamExt};
use headway_access::{Act, Caller, JobView, On, authorize};
use headway_core::{Input, JobState, decide, evolve, next_deadline};
use headway_protocol::{JobId, Problem, ProblemCode};
use headway_store::{Append, AppendError, Expected, ItemOutcome, StoreError, Stored, UniqueKey};
use tokio::sync::{mpsc, watch};

use super::answer::{applied, unchanged};
use super::cache::Cache;
use super::flight::{Call, Flights, Held, Sent, Then};
use super::message::{Applied, Asked, Change, Message, Origin, Reply};
use super::record::{facets, record};
use super::{CALLS, Error, GROUP};
use crate::context::Context;
use crate::webhooks::outbox::Outbox;

/// How often something said to a job is decided again when others changed the job in between.
const TRIES: u32 = 8;

/// One shard's own state.
pub(super) struct Shard {
    context: Arc<Context>,
    cache: Cache,
    flights: Flights,
    /// Jobs of the present group that could not be read, and why.
    unreadable: HashMap<JobId, StoreError>,
    followed: HashMap<JobId, watch::Sender<Arc<JobState>>>,
}

impl Shard {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            cache: Cache::default(),
            flights: Flights::default(),
            unreadable: HashMap::new(),
            followed: HashMap::new(),
        }
    }

    /// Works until nobody can ask any more and everyone is answered.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut calls = FuturesOrdered::new();
        let mut open = true;
        while open || !calls.is_empty() {
            tokio::select! {
                biased;
                Some(call) = calls.next() => self.finish(call, &mut group),
                count = inbox.recv_many(&mut group, GROUP), if open && calls.len() < CALLS => {
                    open = count > 0;
                }
            }
            if !group.is_empty()
                && let Some(call) = self.decide(&mut group).await
            {
                calls.push_back(call);
            }
        }
    }

    /// Carries a group out as far as a call of the store, if it needs one.
    async fn decide(&mut self, group: &mut Vec<Message>) -> Option<BoxFuture<'static, Call>> {
        self.load_missing(group).await;
        let mut appends = Vec::with_capacity(group.len());
        let mut sent = Vec::with_capacity(group.len());
        for message in group.drain(..) {
            if let Some((append, then)) = self.take(message) {
                self.flights.begin(&then.job);
                appends.push(append);
                sent.push(then);
            }
        }
        if appends.is_empty() {
            return None;
        }
        let store = Arc::clone(&self.context.store);
        Some(Box::pin(async move {
            let began = tokio::time::Instant::now();
            let results = store.append(appends).await;
            Call { sent, results, began }
        }))
    }

    /// Reads the states of the group's jobs that are not remembered.
    async fn load_missing(&mut self, group: &[Message]) {
        self.unreadable.clear();
        let mut missing: Vec<&JobId> = group
            .iter()
            .filter_map(|message| match message {
                Message::Apply(Asked { job, .. }) | Message::Follow { job, .. } => Some(job),
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
            Message::Create { create, key, reply } => {
                if self.flights.has(&create.id) {
                    let job = create.id.clone();
                    self.hold(&job, Held::Message(Message::Create { create, key, reply }));
                    return None;
                }
                self.create(*create, key, reply)
            }
            Message::Apply(asked) => self.apply(asked),
            Message::Follow { job, reply } => {
                if self.flights.has(&job) {
                    let message = Message::Follow { job: job.clone(), reply };
                    self.hold(&job, Held::Message(message));
                } else {
                    answer(reply, self.follow(&job));
                }
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
            entries: Vec::new(),
        };
        let shared = Arc::new(state.clone());
        self.cache.insert(job.clone(), state);
        Some((
            append,
            Sent {
                job,
                surplus: None,
                announces: false,
                then: Then::Created { reply, state: shared },
            },
        ))
    }

    fn apply(&mut self, asked: Asked) -> Option<(Append, Sent)> {
        match self.change(&asked) {
            Ok(Changed::Nothing(applied)) => self.settle(asked, Ok(applied)),
            Ok(Changed::State { append, applied }) => {
                let retention = self.context.options.retention;
                let surplus = retention.surplus(append.record.from, append.record.to);
                let job = asked.job.clone();
                let announces = !append.entries.is_empty();
                let then = Then::Applied { asked, applied };
                return Some((append, Sent { job, surplus, announces, then }));
            }
            Err(error) => self.settle(asked, Err(error)),
        }
        None
    }

    /// Changes the job's state as was asked, or says why not.
    fn change(&mut self, asked: &Asked) -> Result<Changed, Error> {
        let Asked { job, origin, change, .. } = asked;
        let rates = self.context.rates();
        let now = self.context.now();
        let Some(state) = self.cache.get(job) else {
            return Err(not_there(&self.unreadable, job));
        };
        allowed(state, origin, change)?;
        let input = match change {
            Change::Report { producer, reports } => {
                Input::Report { producer: producer.clone(), reports, rates: &rates }
            }
            Change::Command { action, max_budget, retry_items } => {
                Input::Command { action: *action, max_budget: *max_budget, retry_items }
            }
            Change::Tick => Input::Tick,
            Change::Seal(seal) => Input::Seal(*seal),
            Change::Begin => Input::Begin,
            Change::Moved { moved, .. } => Input::Moved(moved.clone()),
            Change::BudgetReached { next } => Input::BudgetReached { next: *next },
            Change::Peek => return Ok(Changed::Nothing(applied(state, change))),
        };
        let events = decide(state, now, &input)?;
        let outcomes = outcomes(change);
        if events.is_empty() {
            return unchanged(state, change, &outcomes).map(Changed::Nothing);
        }
        let before = state.clone();
        let mut outbox = Outbox::default();
        for event in &events {
            let status = state.job.status;
            evolve(state, event);
            if let Err(error) = outbox.take(state, status, event) {
                *state = before;
                return Err(error.into());
            }
        }
        let (patch, private) = state.patches_since(&before);
        let record = match record(before.job.cursor.offset, now, &events, &patch, &private) {
            Ok(record) => record,
            Err(error) => {
                *state = before;
                return Err(error);
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
            entries: outbox.entries(),
        };
        Ok(Changed::State { append, applied: applied(state, change) })
    }

    /// Answers what needs no append: now, or when what it was decided on is durable.
    fn settle(&mut self, asked: Asked, answer: Result<Applied, Error>) {
        let job = asked.job.clone();
        self.hold(&job, Held::Answer { asked, answer });
    }

    fn hold(&mut self, job: &JobId, held: Held) {
        match self.flights.hold(job, held) {
            None | Some(Held::Message(_)) => {}
            Some(Held::Answer { asked, answer: result }) => answer(asked.reply, result),
        }
    }

    /// Answers a call that came back; what has to be decided again goes to `again`.
    fn finish(&mut self, call: Call, again: &mut Vec<Message>) {
        let Call { sent, results, began } = call;
        self.context.metrics.append_seconds.observe(began.elapsed().as_secs_f64());
        for (Sent { job, surplus, announces, then }, result) in sent.into_iter().zip(results) {
            let durable = result.is_ok();
            if let Some(before) = surplus.filter(|_| durable) {
                // When retention has too much to do, it is told after the log's next step.
                drop(self.context.overlong.try_send((job.clone(), before)));
            }
            if announces && durable {
                self.context.webhooks.ring();
            }
            match result {
                Ok(()) => match then {
                    Then::Created { reply, state } => answer(reply, Ok(state)),
                    Then::Applied { asked, applied } => answer(asked.reply, Ok(applied)),
                },
                Err(error) => {
                    self.cache.remove(&job);
                    self.refuse(&job, then, error, again);
                }
            }
            let (held, last) = self.flights.land(&job);
            for held in held {
                match held {
                    Held::Answer { asked, answer: result } if durable => {
                        answer(asked.reply, result);
                    }
                    Held::Answer { asked, .. } => again.push(Message::Apply(asked)),
                    Held::Message(message) => again.push(message),
                }
            }
            if last {
                self.tell(&job);
            }
        }
    }

    fn refuse(&self, job: &JobId, then: Then, error: AppendError, again: &mut Vec<Message>) {
        match then {
            Then::Created { reply, .. } => answer(reply, Err(refused_creation(job, error))),
            Then::Applied { asked, .. } => match error {
                AppendError::Conflict { .. } if asked.tries < TRIES => {
                    self.context.metrics.conflicts.inc();
                    again.push(Message::Apply(Asked { tries: asked.tries + 1, ..asked }));
                }
                AppendError::Conflict { .. }
                | AppendError::KeyTaken { .. }
                | AppendError::EntryConflict { .. } => {
                    answer(asked.reply, Err(Error::Contended(asked.job)));
                }
                AppendError::Fenced { .. } => {
                    answer(asked.reply, Err(Error::LeaseLost(asked.job)));
                }
                AppendError::Store(error) => answer(asked.reply, Err(error.into())),
            },
        }
    }

    /// Tells those that wait for it of a job's new state, all of which is durable.
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

/// What came of something that was said to a job.
enum Changed {
    /// Nothing is to be appended.
    Nothing(Applied),
    /// The state is another, once this is durable.
    State { append: Append, applied: Applied },
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
    runs && sealed && state.private.settings.has_executor()
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

/// Refuses what a caller may not do to this job.
pub(crate) fn may_do(caller: &Caller, act: Act, state: &JobState) -> Result<(), Error> {
    let job = &state.job;
    let view = JobView {
        id: job.id.as_str(),
        owner: &job.owner,
        session: job.session.as_deref(),
        tags: &job.tags,
    };
    authorize(caller, act, On::Job(view)).map_err(|denial| Error::denied(denial, &job.id))
}

fn allowed(state: &JobState, origin: &Origin, change: &Change) -> Result<(), Error> {
    let Origin::Caller(caller) = origin else { return Ok(()) };
    let act = match change {
        Change::Report { .. } => Act::Report,
        Change::Command { action, .. } => Act::Command(*action),
        // The engine's own; nobody outside says them.
        Change::Peek
        | Change::Tick
        | Change::Seal(_)
        | Change::Begin
        | Change::BudgetReached { .. }
        | Change::Moved { .. } => Act::Watch,
    };
    may_do(caller, act, state)?;
    let run_here = state.private.settings.has_executor();
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

fn refused_creation(job: &JobId, error: AppendError) -> Error {
    match error {
        AppendError::Conflict { job, .. } => already_exists(&job),
        AppendError::KeyTaken { job, fingerprint } => Error::KeyTaken { job, fingerprint },
        AppendError::Fenced { job, .. } => Error::LeaseLost(job),
        AppendError::EntryConflict { .. } => Error::Contended(job.clone()),
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
