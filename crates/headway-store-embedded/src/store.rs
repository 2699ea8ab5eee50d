//! The handle: opens the store, queues what changes it, and reads.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use headway_protocol::{ItemStatus, JobId, Timestamp};
use headway_store::{
    Append, AppendError, Due, Entry, EntryError, EntryQuery, History, ItemQuery, ItemSummary,
    LeaseRequest, LeasedItem, ListPage, ListQuery, NewItem, PutEntry, Sink, Store, StoreError,
    Stored, StoredItem, Sweep,
};
use tokio::sync::{Semaphore, oneshot};

use crate::checkpoint;
use crate::command::{Command, Prepared, Ticket};
use crate::connection;
use crate::failure::{Failure, translate};
use crate::options::Options;
use crate::private;
use crate::reader::{self, Readers};
use crate::schema;
use crate::shared::Shared;
use crate::writer::Writer;

/// The database's name in the folder.
const DATABASE: &str = "headway.db";

/// Held locked by the process that has the store open.
const LOCK: &str = "headway.lock";

/// A place in the queue is worth so many bytes; a command takes at least one.
const PLACE_BYTES: usize = 1_024;

/// The durable store of one node. Reads and writes need a Tokio runtime around them.
///
/// Dropping it ends its threads; what was acknowledged is durable, and what waits is not done.
/// [`Store::close`] in addition folds the journal, so that the next opening has nothing to do.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    readers: Readers,
    /// `None` once dropped.
    commands: Option<SyncSender<Ticket>>,
    places: Arc<Semaphore>,
    queue_places: u32,
    patience: Duration,
    threads: Vec<JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in a folder, and makes both when they are not there. Ready as soon as it
    /// returns; takes up to a second after a crash.
    ///
    /// Fails with [`StoreError::InUse`] while another process has it, with [`StoreError::TooNew`]
    /// and [`StoreError::Damaged`] when the file is not one that this program can use; such a file
    /// is never changed.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        schema::check_library()?;
        let path = options.folder.join(DATABASE);
        let place = path.display().to_string();
        let lock = lock(&options.folder, &place)?;
        schema::check_files(&path)?;
        private::make_database(&path).map_err(|error| StoreError::Failed {
            doing: "open",
            detail: format!("{place}: {error}"),
        })?;

        let shared = Arc::new(Shared::new(place.clone()));
        let told = |failure: Failure| failure.told(&place, "open");
        let opened =
            |error: rusqlite::Error| translate(&error, &path.display().to_string(), "open");
        let mut main = connection::writer(&path, options.cache_bytes).map_err(&opened)?;
        schema::prepare(&mut main, &place, schema::MIGRATIONS).map_err(&told)?;
        let moves = connection::checkpointer(&path).map_err(&opened)?;
        let readers =
            Readers::open(&path, options.readers, options.cache_bytes / 4, Arc::clone(&shared))
                .map_err(&told)?;

        // One call is as good as many.
        let (calls, called) = sync_channel(1);
        let queue_places =
            u32::try_from(options.queue_bytes as usize / PLACE_BYTES).unwrap_or(u32::MAX).max(1);
        let patience = options.patience;
        // Every ticket holds a place, so that sending never waits.
        let (commands, queue) = sync_channel(queue_places as usize);
        let writer =
            Writer::begin(main, Arc::clone(&shared), options, calls, lock).map_err(&told)?;
        let threads = spawn(writer, queue, moves, called, &shared)?;
        Ok(Self {
            shared,
            readers,
            commands: Some(commands),
            places: Arc::new(Semaphore::new(queue_places as usize)),
            queue_places,
            patience,
            threads,
        })
    }

    /// Waits for a place in the queue, and sends.
    async fn send<T>(
        &self,
        bytes: usize,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, StoreError> {
        if self.shared.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        let places = u32::try_from(bytes / PLACE_BYTES + 1).unwrap_or(u32::MAX);
        let acquire = Arc::clone(&self.places).acquire_many_owned(places.min(self.queue_places));
        let place = tokio::time::timeout(self.patience, acquire)
            .await
            .map_err(|_| StoreError::Full { detail: "too much waits to be written".to_owned() })?
            .map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let ticket = Ticket { command: command(reply), bytes, place };
        let urgent = ticket.command.is_urgent();
        let commands = self.commands.as_ref().ok_or(StoreError::Closed)?;
        self.shared.waiting.comes();
        commands.try_send(ticket).map_err(|_| StoreError::Closed)?;
        self.shared.waiting.came(urgent);
        answer.await.map_err(|_| StoreError::Closed)
    }
}

/// How often the lock is asked for, and how long between. A process that was just killed may have been
/// starting another one, which has the lock as well for the moment until it has loaded its program or
/// has noticed.
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(10);

fn lock(folder: &Path, place: &str) -> Result<File, StoreError> {
    let failed = |error: std::io::Error| StoreError::Failed {
        doing: "open",
        detail: format!("{}: {error}", folder.display()),
    };
    private::make_folder(folder).map_err(failed)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join(LOCK))
        .map_err(failed)?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Err(StoreError::InUse { place: place.to_owned() })
}

fn spawn(
    writer: Writer,
    queue: Receiver<Ticket>,
    moves: rusqlite::Connection,
    called: Receiver<()>,
    shared: &Arc<Shared>,
) -> Result<Vec<JoinHandle<()>>, StoreError> {
    let failed = |error: std::io::Error| StoreError::Failed {
        doing: "open",
        detail: format!("a thread could not be begun: {error}"),
    };
    let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
    let for_moves = Arc::clone(shared);
    let writing = thread("store-writer").spawn(move || writer.run(&queue)).map_err(failed)?;
    let moving = thread("store-checkpoint")
        .spawn(move || checkpoint::run(&moves, &called, &for_moves))
        .map_err(failed)?;
    Ok(vec![writing, moving])
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.commands = None;
        for thread in self.threads.drain(..) {
            // A sink may hold the last handle, and be dropped by the thread itself.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the store ended with a panic");
            }
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
        let count = appends.len();
        if count == 0 {
            return Vec::new();
        }
        let appends: Vec<_> = appends.into_iter().map(Prepared::new).collect();
        let bytes = appends.iter().flatten().map(Prepared::bytes).sum();
        match self.send(bytes, |reply| Command::Append { appends, reply }).await {
            Ok(answers) => answers,
            Err(error) => vec![Err(error.into()); count],
        }
    }

    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError> {
        let job = job.clone();
        self.readers
            .read("load a job", move |connection, shared| reader::load(connection, shared, &job))
            .await
    }

    async fn read(
        &self,
        job: &JobId,
        after: u64,
        max_events: usize,
    ) -> Result<Option<History>, StoreError> {
        if let Some(history) = reader::newest(&self.shared, job, after, max_events) {
            return Ok(Some(history));
        }
        let job = job.clone();
        self.readers
            .read("read a log", move |connection, shared| {
                reader::history(connection, shared, &job, after, max_events)
            })
            .await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        let query = query.clone();
        self.readers
            .read("list jobs", move |connection, shared| reader::list(connection, shared, &query))
            .await
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.readers
            .read("find due jobs", move |connection, shared| {
                reader::due(connection, shared, until, limit)
            })
            .await
    }

    async fn find_key(&self, key: &str) -> Result<Option<(JobId, u64)>, StoreError> {
        let key = key.to_owned();
        self.readers
            .read("find a key", move |connection, _| reader::find_key(connection, &key))
            .await
    }

    async fn add_items(&self, job: &JobId, items: Vec<NewItem>) -> Result<(), StoreError> {
        let bytes = items.iter().map(|item| 100 + item.input.get().len()).sum();
        let job = job.clone();
        self.send(bytes, |reply| Command::AddItems { job, items, reply }).await?
    }

    async fn lease_items(
        &self,
        job: &JobId,
        lease: &LeaseRequest,
    ) -> Result<Vec<LeasedItem>, StoreError> {
        let (job, lease) = (job.clone(), *lease);
        self.send(0, |reply| Command::Lease { job, lease, reply }).await?
    }

    async fn next_retry(&self, job: &JobId) -> Result<Option<Timestamp>, StoreError> {
        let job = job.clone();
        self.readers
            .read("find the next retry", move |connection, _| reader::next_retry(connection, &job))
            .await
    }

    async fn items(&self, job: &JobId, query: &ItemQuery) -> Result<Vec<StoredItem>, StoreError> {
        let (job, query) = (job.clone(), query.clone());
        self.readers
            .read("read items", move |connection, _| reader::page(connection, &job, &query))
            .await
    }

    async fn item_summaries(
        &self,
        job: &JobId,
        query: &ItemQuery,
    ) -> Result<Vec<ItemSummary>, StoreError> {
        let (job, query) = (job.clone(), query.clone());
        self.readers
            .read("read items", move |connection, _| reader::summaries(connection, &job, &query))
            .await
    }

    async fn count_items(&self, job: &JobId) -> Result<Vec<(ItemStatus, u64)>, StoreError> {
        let job = job.clone();
        self.readers.read("count items", move |connection, _| reader::count(connection, &job)).await
    }

    async fn sweep_items(&self, job: &JobId, sweep: &Sweep) -> Result<u64, StoreError> {
        sweep.check_shape()?;
        let (job, sweep) = (job.clone(), sweep.clone());
        self.send(0, |reply| Command::Sweep { job, sweep, reply }).await?
    }

    async fn trim(&self, job: &JobId, before: u64) -> Result<Option<u64>, StoreError> {
        let job = job.clone();
        self.send(0, |reply| Command::Trim { job, before, reply }).await?
    }

    async fn remove(&self, jobs: &[JobId]) -> Result<(), StoreError> {
        let jobs = jobs.to_vec();
        self.send(0, |reply| Command::Remove { jobs, reply }).await?
    }

    async fn expendable(
        &self,
        finished_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        self.readers
            .read("find expendable jobs", move |connection, _| {
                reader::expendable(connection, finished_before, keep, limit)
            })
            .await
    }

    async fn put_entries(&self, puts: Vec<PutEntry>) -> Result<Vec<u64>, EntryError> {
        PutEntry::check_shape(&puts)?;
        let bytes = puts.iter().map(PutEntry::bytes).sum();
        self.send(bytes, |reply| Command::PutEntries { puts, reply }).await?
    }

    async fn entry(&self, collection: &str, key: &str) -> Result<Option<Entry>, StoreError> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.readers
            .read("read an entry", move |connection, _| {
                reader::entry(connection, &collection, &key)
            })
            .await
    }

    async fn entries(
        &self,
        collection: &str,
        query: &EntryQuery,
    ) -> Result<Vec<Entry>, StoreError> {
        let (collection, query) = (collection.to_owned(), query.clone());
        self.readers
            .read("read entries", move |connection, _| {
                reader::entries(connection, &collection, &query)
            })
            .await
    }

    async fn changed_entries(
        &self,
        collection: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let collection = collection.to_owned();
        self.readers
            .read("find changed entries", move |connection, _| {
                reader::changed_entries(connection, &collection, after, limit)
            })
            .await
    }

    async fn count_entries(&self, collection: &str) -> Result<u64, StoreError> {
        let collection = collection.to_owned();
        self.readers
            .read("count entries", move |connection, _| {
                reader::count_entries(connection, &collection)
            })
            .await
    }

    async fn trim_entries(
        &self,
        collection: &str,
        before: &str,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let (collection, before) = (collection.to_owned(), before.to_owned());
        self.send(0, |reply| Command::TrimEntries { collection, before, limit, reply }).await?
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        self.shared.sinks.write().push(sink);
    }

    async fn close(&self) -> Result<(), StoreError> {
        match self.send(0, |reply| Command::Close { reply }).await {
            Ok(answer) => answer,
            Err(StoreError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
