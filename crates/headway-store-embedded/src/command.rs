//! What the writer's thread is asked to do, and how it answers.

use headway_protocol::JobId;
use headway_store::{
    Append, AppendError, EntryError, LeaseRequest, LeasedItem, NewItem, PutEntry, StoreError, Sweep,
};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::codec;

/// A command and its place in the queue, which it keeps until it is answered.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// What to do.
    pub(crate) command: Command,
    /// Bytes that it brings.
    pub(crate) bytes: usize,
    /// Its place.
    pub(crate) place: OwnedSemaphorePermit,
}

/// A change of the store.
#[derive(Debug)]
pub(crate) enum Command {
    /// Append records.
    Append {
        /// The appends, or why one cannot be.
        appends: Vec<Result<Prepared, StoreError>>,
        /// One answer each.
        reply: oneshot::Sender<Vec<Result<(), AppendError>>>,
    },
    /// Add items to a batch.
    AddItems {
        /// The batch.
        job: JobId,
        /// The items.
        items: Vec<NewItem>,
        /// Done, or why not.
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Take items to work on.
    Lease {
        /// The batch.
        job: JobId,
        /// Who, and how many.
        lease: LeaseRequest,
        /// The items.
        reply: oneshot::Sender<Result<Vec<LeasedItem>, StoreError>>,
    },
    /// Move items between statuses.
    Sweep {
        /// The batch.
        job: JobId,
        /// Which, and where to.
        sweep: Sweep,
        /// How many.
        reply: oneshot::Sender<Result<u64, StoreError>>,
    },
    /// Forget the beginning of a log.
    Trim {
        /// The job.
        job: JobId,
        /// Records that end here or before go.
        before: u64,
        /// Where the log begins after that, or `None` when there is no such job.
        reply: oneshot::Sender<Result<Option<u64>, StoreError>>,
    },
    /// Forget jobs.
    Remove {
        /// The jobs.
        jobs: Vec<JobId>,
        /// Done, or why not.
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Change entries.
    PutEntries {
        /// The changes.
        puts: Vec<PutEntry>,
        /// Their revisions.
        reply: oneshot::Sender<Result<Vec<u64>, EntryError>>,
    },
    /// Remove entries from the beginning of a collection.
    TrimEntries {
        /// The collection.
        collection: String,
        /// Entries before this key go.
        before: String,
        /// At most so many.
        limit: usize,
        /// How many.
        reply: oneshot::Sender<Result<u64, StoreError>>,
    },
    /// Write down everything and end.
    Close {
        /// Done, or why not.
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
}

/// An append whose patches are read and whose record is encoded: done by whoever appends, so that
/// the one writer has less to do.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The append.
    pub(crate) append: Append,
    /// Its record's patch of the document.
    pub(crate) document: Value,
    /// Its record's patch of the private state.
    pub(crate) private: Value,
    /// Its record as it rests in the journal.
    pub(crate) encoded: Vec<u8>,
}

impl Prepared {
    /// Refuses what no store takes.
    pub(crate) fn new(append: Append) -> Result<Self, StoreError> {
        append.check_shape()?;
        let parsed = |text: &str| {
            serde_json::from_str(text)
                .map_err(|error| StoreError::Refused(format!("a patch that is no JSON: {error}")))
        };
        let document = parsed(append.record.patch.get())?;
        let private = parsed(append.record.private.get())?;
        let mut encoded = Vec::with_capacity(codec::size(&append.record));
        codec::encode(&append.record, &mut encoded);
        Ok(Self { append, document, private, encoded })
    }

    /// About how many bytes wait with it.
    pub(crate) fn bytes(&self) -> usize {
        let items: usize = self
            .append
            .items
            .iter()
            .map(|item| 100 + item.output.as_ref().map_or(0, |output| output.get().len()))
            .sum();
        let entries: usize = self.append.entries.iter().map(PutEntry::bytes).sum();
        self.encoded.len() + items + entries
    }
}

/// A command's answer, known before the commit and given after it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Of an append.
    Append(oneshot::Sender<Vec<Result<(), AppendError>>>, Vec<Result<(), AppendError>>),
    /// Of a command that is done or not.
    Done(oneshot::Sender<Result<(), StoreError>>, Result<(), StoreError>),
    /// Of a lease.
    Leased(oneshot::Sender<Result<Vec<LeasedItem>, StoreError>>, Vec<LeasedItem>),
    /// Of a sweep, or of a removal of entries: how many.
    Counted(oneshot::Sender<Result<u64, StoreError>>, u64),
    /// Of changes of entries.
    Put(oneshot::Sender<Result<Vec<u64>, EntryError>>, Result<Vec<u64>, EntryError>),
    /// Of a trim.
    Trimmed(oneshot::Sender<Result<Option<u64>, StoreError>>, Option<u64>),
}

impl Answer {
    /// Gives the answer. Nobody may be waiting any more; then it is dropped.
    pub(crate) fn give(self) {
        match self {
            Self::Append(reply, answers) => drop(reply.send(answers)),
            Self::Done(reply, answer) => drop(reply.send(answer)),
            Self::Leased(reply, items) => drop(reply.send(Ok(items))),
            Self::Counted(reply, count) => drop(reply.send(Ok(count))),
            Self::Put(reply, answer) => drop(reply.send(answer)),
            Self::Trimmed(reply, begin) => drop(reply.send(Ok(begin))),
        }
    }

    /// Answers that nothing was committed. That goes for refusals too: they were found beside
    /// changes that are now taken back.
    pub(crate) fn fail(self, error: &StoreError) {
        match self {
            Self::Append(reply, answers) => {
                let answers = answers.iter().map(|_| Err(error.clone().into()));
                drop(reply.send(answers.collect()));
            }
            Self::Done(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Leased(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Counted(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Put(reply, _) => drop(reply.send(Err(error.clone().into()))),
            Self::Trimmed(reply, _) => drop(reply.send(Err(error.clone()))),
        }
    }
}

impl Command {
    /// Whether it is done at once: records of jobs and entries may gather for a moment, but a batch
    /// goes as fast as its items are taken and settled.
    pub(crate) fn is_urgent(&self) -> bool {
        match self {
            Self::Append { appends, .. } => {
                appends.iter().flatten().any(|prepared| !prepared.append.items.is_empty())
            }
            Self::PutEntries { .. } => false,
            Self::AddItems { .. }
            | Self::Lease { .. }
            | Self::Sweep { .. }
            | Self::Trim { .. }
            | Self::Remove { .. }
            | Self::TrimEntries { .. }
            | Self::Close { .. } => true,
        }
    }

    /// Answers that it was not begun.
    pub(crate) fn fail(self, error: &StoreError) {
        match self {
            Self::Append { appends, reply } => {
                let answers = appends.iter().map(|_| Err(error.clone().into()));
                drop(reply.send(answers.collect()));
            }
            Self::AddItems { reply, .. } | Self::Remove { reply, .. } | Self::Close { reply } => {
                drop(reply.send(Err(error.clone())));
            }
            Self::Lease { reply, .. } => drop(reply.send(Err(error.clone()))),
            Self::Sweep { reply, .. } | Self::TrimEntries { reply, .. } => {
                drop(reply.send(Err(error.clone())));
            }
            Self::PutEntries { reply, .. } => drop(reply.send(Err(error.clone().into()))),
            Self::Trim { reply, .. } => drop(reply.send(Err(error.clone()))),
        }
    }
}
