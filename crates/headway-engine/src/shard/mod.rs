//! A shard decides for its share of the jobs.
//!
//! One task owns a shard's states; what is said to a job passes through it, one after the other. It
//! takes all that waits, decides each on the state that the one before left, and appends everything
//! in one call. While that call is under way it goes on deciding, so that the store has more to
//! write at once; what it decides then stands on states that are not durable yet, and is in the log
//! after them or not at all, because every append says where it expects its job. A state that could
//! not be appended is forgotten and read again. Invariant: nobody is answered about an event that is
//! not in the log.

mod answer;
mod apply;
mod cache;
mod flight;
mod message;
mod record;

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use headway_protocol::JobId;
use tokio::sync::{mpsc, oneshot};

use crate::Error;
use crate::context::Context;

pub(crate) use apply::{may_do, wants_executor};
pub(crate) use message::{Applied, Asked, Change, Message, Origin, Reply};

/// Messages that wait for one shard: two thousand producers with one report each. Full: the sender
/// waits, [`PATIENCE`] at the most.
const INBOX: usize = 2_048;

/// Messages decided together; more than one store commit holds makes no commit cheaper.
const GROUP: usize = 512;

/// Calls of the store that one shard has under way. More would only be smaller ones: while this
/// many are open, what comes gathers in the inbox.
const CALLS: usize = 32;

/// How long somebody waits for a place in an inbox before being told that the server is overloaded.
const PATIENCE: Duration = Duration::from_secs(5);

/// The ways to all shards.
#[derive(Clone, Debug)]
pub(crate) struct Shards {
    inboxes: Arc<[mpsc::Sender<Message>]>,
}

impl Shards {
    /// Starts `count` shards, which end when the last handle is gone.
    pub(crate) fn start(context: &Arc<Context>, count: usize) -> Self {
        let inboxes = (0..count.max(1))
            .map(|_| {
                let (inbox, messages) = mpsc::channel(INBOX);
                tokio::spawn(apply::Shard::new(Arc::clone(context)).run(messages));
                inbox
            })
            .collect();
        Self { inboxes }
    }

    /// How full the fullest inbox is, 0 to 1.
    pub(crate) fn waiting(&self) -> f64 {
        let taken = |inbox: &mpsc::Sender<Message>| INBOX.saturating_sub(inbox.capacity());
        let most = self.inboxes.iter().map(taken).max().unwrap_or_default();
        most as f64 / INBOX as f64
    }

    fn inbox(&self, job: &JobId) -> Result<&mpsc::Sender<Message>, Error> {
        let mut hasher = steady_hasher();
        job.hash(&mut hasher);
        let shards = self.inboxes.len() as u64;
        let place = usize::try_from(hasher.finish() % shards.max(1)).unwrap_or_default();
        self.inboxes.get(place).ok_or(Error::ShuttingDown)
    }

    async fn ask<T>(
        &self,
        job: &JobId,
        message: impl FnOnce(Reply<T>) -> Message,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let inbox = self.inbox(job)?;
        match inbox.try_send(message(reply)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(Error::ShuttingDown),
            Err(mpsc::error::TrySendError::Full(message)) => {
                match inbox.send_timeout(message, PATIENCE).await {
                    Ok(()) => {}
                    Err(mpsc::error::SendTimeoutError::Closed(_)) => {
                        return Err(Error::ShuttingDown);
                    }
                    Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                        return Err(Error::Overloaded);
                    }
                }
            }
        }
        answer.await.map_err(|_| Error::ShuttingDown)?
    }

    /// Says something to a job; answers when it is durable.
    pub(crate) async fn apply(
        &self,
        job: &JobId,
        origin: Origin,
        change: Change,
    ) -> Result<Applied, Error> {
        self.ask(job, |reply| {
            Message::Apply(Asked { job: job.clone(), origin, change, tries: 0, reply })
        })
        .await
    }

    /// Makes a job.
    pub(crate) async fn create(
        &self,
        create: headway_core::Create,
        key: Option<headway_store::UniqueKey>,
    ) -> Result<Arc<headway_core::JobState>, Error> {
        let job = create.id.clone();
        self.ask(&job, |reply| Message::Create { create: Box::new(create), key, reply }).await
    }

    /// The job's present state and those to come.
    pub(crate) async fn follow(
        &self,
        job: &JobId,
    ) -> Result<tokio::sync::watch::Receiver<Arc<headway_core::JobState>>, Error> {
        self.ask(job, |reply| Message::Follow { job: job.clone(), reply }).await
    }

    /// Forgets what is remembered of jobs that are no more.
    pub(crate) async fn forget(&self, jobs: &[JobId]) {
        for inbox in self.inboxes.iter() {
            // A shard that is gone remembers nothing.
            drop(inbox.send(Message::Forget { jobs: jobs.to_vec() }).await);
        }
    }
}

/// The same hash for the same id in every handle of one process.
fn steady_hasher() -> impl Hasher {
    std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default().build_hasher()
}
