//! The one thread that changes the store.
//!
//! It takes whatever waits, up to a cap, does it in one transaction, and answers after the commit.
//! What arrives while one commit runs is the next group; when more is to be expected it gathers a
//! moment longer: see [`rhythm`](crate::rhythm). A command that is
//! refused changes nothing; a commit that fails takes the whole group back, in the tables and in
//! memory, and each of its commands is told.
//!
//! In the same transactions it folds, a few jobs at a time: see [`fold`].

mod append;
mod entries;
mod fold;
mod head;
mod items;
mod news;
mod recover;
mod remove;
mod trim;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use hashlink::LruCache;
use headway_protocol::JobId;
use headway_store::StoreError;
use rusqlite::Connection;

use crate::checkpoint;
use crate::codec;
use crate::command::{Answer, Command, Ticket};
use crate::failure::Failure;
use crate::options::Options;
use crate::pace::Pace;
use crate::rhythm::{APART, Rhythm};
use crate::schema;
use crate::shared::Shared;
use crate::tail::{Fresh, Head};

use fold::Folding;
use news::News;

/// The most commands of one commit. More, and the first of them waits long for the last.
const GROUP: usize = 1_024;

/// The most bytes of one commit, give or take its last command.
const GROUP_BYTES: usize = 4 << 20;

/// So long without a command, and the writer begins to fold what is left.
const IDLE: Duration = Duration::from_millis(200);

/// Positions of jobs that were appended to lately and are folded: about 500 bytes each. With fewer,
/// a fleet of jobs that each report once in a while would read its position anew each time.
const HEADS: usize = 32_768;

/// The writer's state; it lives on its thread.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    shared: Arc<Shared>,
    options: Options,
    calls: SyncSender<()>,
    heads: LruCache<JobId, Head>,
    next_number: i64,
    next_journal: i64,
    /// The last revision of an entry that was given.
    revision: u64,
    /// The last row of the journal whose records the tails show.
    last_shown: i64,
    folding: Folding,
    /// Whether removed jobs have left something to delete.
    debris: bool,
    /// Whether trimmed logs have left something to delete.
    trims: bool,
    /// Held for as long as the store may change; released with the writer.
    _lock: std::fs::File,
}

/// What a group will have changed in memory once it is committed.
#[derive(Debug, Default)]
struct Staged {
    /// Where jobs are for the rest of the group; `None`: removed.
    heads: std::collections::HashMap<JobId, Option<Head>>,
    /// In order.
    changes: Vec<Change>,
    /// For the sinks.
    news: News,
    /// The group's row of the journal.
    journal: Vec<u8>,
    /// Jobs whose logs were trimmed and that are to be folded therefore.
    trimmed: Vec<JobId>,
    /// Jobs whose tails were folded.
    folded: Vec<JobId>,
}

#[derive(Debug)]
enum Change {
    Append(Fresh),
    Trim(JobId, u64),
    Remove(JobId),
}

impl Writer {
    /// Takes over the file: reads what an earlier process left unfolded.
    pub(crate) fn begin(
        connection: Connection,
        shared: Arc<Shared>,
        options: Options,
        calls: SyncSender<()>,
        lock: std::fs::File,
    ) -> Result<Self, Failure> {
        let recovered = recover::recover(&connection, &shared)?;
        let jobs = shared.tails.lock().jobs().map(|(job, _)| job.clone()).collect();
        let debris =
            connection.query_row("SELECT EXISTS (SELECT 1 FROM debris)", [], |row| row.get(0))?;
        let unswept = "SELECT EXISTS (SELECT 1 FROM trims WHERE swept = 0)";
        let trims = connection.query_row(unswept, [], |row| row.get(0))?;
        let revision = entries::last_revision(&connection)?;
        Ok(Self {
            connection,
            shared,
            options,
            calls,
            heads: LruCache::new(HEADS),
            next_number: recovered.next_number,
            next_journal: recovered.next_journal,
            revision,
            last_shown: recovered.next_journal - 1,
            folding: Folding::after_recovery(jobs, recovered.first_journal, recovered.next_journal),
            debris,
            trims,
            _lock: lock,
        })
    }

    /// Works until the store is closed or its handle is gone.
    pub(crate) fn run(mut self, commands: &Receiver<Ticket>) {
        let mut idle = false;
        let mut rhythm = Rhythm::default();
        let mut begun: Option<Pace> = None;
        loop {
            let enough = rhythm.enough();
            if !idle
                && enough > 1
                && let Some(begun) = begun
            {
                self.shared.waiting.gather(enough, || begun.left(APART));
            }
            let first = if self.has_work() {
                let wait = if idle { Duration::ZERO } else { IDLE };
                match commands.recv_timeout(wait) {
                    Ok(ticket) => Some(ticket),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                match commands.recv() {
                    Ok(ticket) => Some(ticket),
                    Err(_) => return,
                }
            };
            let Some(first) = first else {
                // After a failure the disk is given time, as if the store were busy.
                idle = self.round(Vec::new(), true).is_ok();
                continue;
            };
            idle = false;
            begun = Some(Pace::begin());
            let (group, closing) = gather(first, commands);
            self.shared.waiting.taken(group.len());
            rhythm.came(group.iter().filter(|ticket| !ticket.command.is_urgent()).count());
            if !group.is_empty() {
                // A failure was told to whoever asked for the group's changes.
                let _told = self.round(group, false);
            }
            if let Some(reply) = closing {
                self.shared.closed.store(true, Ordering::SeqCst);
                let answer = self.close();
                refuse_the_rest(commands);
                // Whoever hears the answer may open the store again at once.
                drop(self);
                drop(reply.send(answer));
                return;
            }
        }
    }

    fn has_work(&self) -> bool {
        self.debris
            || self.trims
            || self.folding.is_under_way()
            || !self.shared.tails.lock().is_empty()
    }

    /// One transaction: the group's commands, and a slice of folding.
    fn round(&mut self, group: Vec<Ticket>, idle: bool) -> Result<(), StoreError> {
        let mut staged = Staged::default();
        let mut answers = Vec::with_capacity(group.len());
        let mut waiting = group.into_iter();
        let before = self.folding.clone_marks();
        let numbers = (self.next_number, self.next_journal, self.revision);
        let outcome = self.transact(&mut waiting, &mut answers, &mut staged, idle);
        match outcome {
            Ok(()) => {
                self.apply(staged);
                checkpoint::call(&self.calls, &self.shared);
                for (answer, _place) in answers {
                    answer.give();
                }
                checkpoint::begin_log_anew(&self.connection, &self.shared);
                Ok(())
            }
            Err(failure) => {
                self.take_back();
                (self.next_number, self.next_journal, self.revision) = numbers;
                self.folding.restore(before, &mut staged.folded);
                let error = failure.told(&self.shared.place, "commit a group of changes");
                tracing::error!(%error, "the store could not commit");
                if let StoreError::Full { .. } = error {
                    // What the log holds may be in the way: once it is in the file, the log begins
                    // anew where it lies. Nothing else would try while no commit succeeds.
                    checkpoint::call(&self.calls, &self.shared);
                }
                for (answer, _place) in answers {
                    answer.fail(&error);
                }
                for ticket in waiting {
                    ticket.command.fail(&error);
                }
                Err(error)
            }
        }
    }

    fn transact(
        &mut self,
        waiting: &mut std::vec::IntoIter<Ticket>,
        answers: &mut Vec<(Answer, tokio::sync::OwnedSemaphorePermit)>,
        staged: &mut Staged,
        idle: bool,
    ) -> Result<(), Failure> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let revision = self.revision;
        for ticket in waiting {
            match self.obey(ticket.command, staged) {
                Ok(answer) => answers.push((answer, ticket.place)),
                Err((answer, failure)) => {
                    answers.push((answer, ticket.place));
                    return Err(failure);
                }
            }
        }
        self.keep_revision(revision)?;
        if !staged.journal.is_empty() {
            self.connection
                .prepare_cached("INSERT INTO journal (id, body) VALUES (?1, ?2)")?
                .execute((self.next_journal, codec::pack(&staged.journal)))?;
            self.next_journal += 1;
        }
        self.fold(staged, idle)?;
        self.fold_trimmed(staged)?;
        self.sweep_trims(idle)?;
        self.sweep_debris(idle)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    fn obey(&mut self, command: Command, staged: &mut Staged) -> Result<Answer, (Answer, Failure)> {
        match command {
            Command::Append { appends, reply } => {
                let mut answers = Vec::with_capacity(appends.len());
                for append in appends {
                    let answer = match append {
                        Ok(prepared) => self.append(prepared, staged),
                        Err(refusal) => Ok(Err(refusal.into())),
                    };
                    match answer {
                        Ok(answer) => answers.push(answer),
                        Err(failure) => return Err((Answer::Append(reply, answers), failure)),
                    }
                }
                Ok(Answer::Append(reply, answers))
            }
            Command::AddItems { job, items, reply } => match self.add_items(&job, items, staged) {
                Ok(answer) => Ok(Answer::Done(reply, answer)),
                Err(failure) => Err((Answer::Done(reply, Ok(())), failure)),
            },
            Command::Lease { job, lease, reply } => match self.lease(&job, &lease, staged) {
                Ok(items) => Ok(Answer::Leased(reply, items)),
                Err(failure) => Err((Answer::Leased(reply, Vec::new()), failure)),
            },
            Command::Sweep { job, sweep, reply } => match self.sweep(&job, &sweep, staged) {
                Ok(count) => Ok(Answer::Counted(reply, count)),
                Err(failure) => Err((Answer::Counted(reply, 0), failure)),
            },
            Command::Trim { job, before, reply } => match self.trim(&job, before, staged) {
                Ok(begin) => Ok(Answer::Trimmed(reply, begin)),
                Err(failure) => Err((Answer::Trimmed(reply, None), failure)),
            },
            Command::Remove { jobs, reply } => match self.remove(&jobs, staged) {
                Ok(()) => Ok(Answer::Done(reply, Ok(()))),
                Err(failure) => Err((Answer::Done(reply, Ok(())), failure)),
            },
            Command::PutEntries { puts, reply } => match self.put_entries(&puts) {
                Ok(answer) => Ok(Answer::Put(reply, answer)),
                Err(failure) => Err((Answer::Put(reply, Ok(Vec::new())), failure)),
            },
            Command::TrimEntries { collection, before, limit, reply } => {
                match self.trim_entries(&collection, &before, limit) {
                    Ok(count) => Ok(Answer::Counted(reply, count)),
                    Err(failure) => Err((Answer::Counted(reply, 0), failure)),
                }
            }
            Command::Close { reply } => Ok(Answer::Done(reply, Ok(()))),
        }
    }

    /// Shows readers what was committed, and tells the sinks.
    fn apply(&mut self, staged: Staged) {
        self.last_shown = self.next_journal - 1;
        let mut tails = self.shared.tails.lock();
        for job in staged.folded {
            if let Some(head) = tails.forget(&job) {
                self.heads.insert(job, head);
            }
        }
        for change in staged.changes {
            match change {
                Change::Append(fresh) => {
                    self.heads.remove(&fresh.job);
                    tails.push(fresh);
                }
                Change::Trim(job, trimmed_to) => {
                    self.heads.remove(&job);
                    tails.trim(&job, trimmed_to);
                }
                Change::Remove(job) => {
                    self.heads.remove(&job);
                    tails.forget(&job);
                }
            }
        }
        drop(tails);
        if !staged.news.is_empty() {
            for sink in self.shared.sinks.read().iter() {
                staged.news.tell(&**sink);
            }
        }
    }

    fn take_back(&self) {
        if self.connection.is_autocommit() {
            // SQLite has rolled back by itself, as it does when the disk is full.
            return;
        }
        if let Err(error) = self.connection.execute_batch("ROLLBACK") {
            tracing::error!(%error, "the store could not roll back");
        }
    }

    fn close(&mut self) -> Result<(), StoreError> {
        while self.has_work() {
            self.round(Vec::new(), true)?;
        }
        schema::mark_clean(&self.connection)
            .map_err(|failure| failure.told(&self.shared.place, "close"))?;
        checkpoint::checkpoint(&self.connection, &self.shared, "TRUNCATE");
        Ok(())
    }
}

type Closing = Option<tokio::sync::oneshot::Sender<Result<(), StoreError>>>;

/// The first command and those that wait behind it, up to the caps or to a `Close`.
fn gather(first: Ticket, commands: &Receiver<Ticket>) -> (Vec<Ticket>, Closing) {
    let mut group = Vec::new();
    let mut bytes = 0_usize;
    let mut next = Some(first);
    while let Some(ticket) = next {
        if let Command::Close { reply } = ticket.command {
            return (group, Some(reply));
        }
        bytes = bytes.saturating_add(ticket.bytes);
        group.push(ticket);
        if group.len() >= GROUP || bytes >= GROUP_BYTES {
            break;
        }
        next = commands.try_recv().ok();
    }
    (group, None)
}

fn refuse_the_rest(commands: &Receiver<Ticket>) {
    while let Ok(ticket) = commands.try_recv() {
        match ticket.command {
            // A second close finds the first one's work done.
            Command::Close { reply } => drop(reply.send(Ok(()))),
            command @ (Command::Append { .. }
            | Command::AddItems { .. }
            | Command::Lease { .. }
            | Command::Sweep { .. }
            | Command::Trim { .. }
            | Command::Remove { .. }
            | Command::PutEntries { .. }
            | Command::TrimEntries { .. }) => command.fail(&StoreError::Closed),
        }
    }
}
