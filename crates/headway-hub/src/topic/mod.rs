//! A job that is watched: its folded document and its newest records.
//!
//! A topic is fed records in any order and applies those that follow; it says when there is a hole,
//! and its feeder reads the log. It does no I/O. Owner: the registry. Invariants: the document is
//! what the log folds to at the cursor; the ring ends at the cursor.

mod retold;
mod ring;
mod watchers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headway_access::{Act, Caller, JobView, On, authorize};
use headway_protocol::{Cursor, JobId, JobStatus, Owner, patch};
use headway_store::{Record, Stored, render};
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;

pub(crate) use retold::About;
pub(crate) use ring::{EventFrame, encode_events};
pub(crate) use watchers::Seat;

use retold::Retold;
use ring::Ring;
use watchers::Watchers;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::frame::Frame;
use crate::options::Setting;
use crate::wake::{Bell, Wakes};

/// A watched job. Its lock is held for the time of one look, never across an await.
#[derive(Debug)]
pub struct Topic {
    job: JobId,
    state: Mutex<State>,
    /// The job was removed, and its name may be another's. Its last records may still be on their
    /// way here: once they have come, [`State::is_removed`] says so.
    forgotten: AtomicBool,
}

/// Where a job's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) status: JobStatus,
    pub(crate) attempt: u32,
}

/// What became of a record that a topic was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It was applied, or was known, or somebody is reading the log already.
    Taken,
    /// Records before it are missing: read the log, then say so with [`Topic::filled`].
    Hole,
}

/// What a topic knows; see [`Topic::look`].
#[derive(Debug)]
pub(crate) struct State {
    job: JobId,
    cursor: Cursor,
    document: Value,
    standing: Standing,
    ring: Ring,
    snapshot: Option<Frame>,
    /// What was said in dialects; none until somebody speaks one.
    retold: Option<Box<Retold>>,
    watchers: Watchers,
    setting: Arc<Setting>,
    /// Somebody reads the log to fill a hole.
    filling: bool,
    /// A record came meanwhile that could not be applied.
    missed: bool,
    /// Sweeps that found no watcher since the last that found one.
    idle_sweeps: u8,
    /// The job is no more, and its last record was handed over.
    removed: bool,
}

impl Topic {
    /// A topic of a job as the store has it.
    pub(crate) fn new(job: JobId, stored: Stored, setting: &Arc<Setting>) -> Result<Self, Error> {
        let standing = standing_of(&stored.document)?;
        let state = State {
            job: job.clone(),
            cursor: stored.cursor,
            ring: Ring::new(stored.cursor.offset, Arc::clone(setting)),
            document: stored.document,
            standing,
            snapshot: None,
            retold: None,
            watchers: Watchers::default(),
            setting: Arc::clone(setting),
            filling: false,
            missed: false,
            idle_sweeps: 0,
            removed: false,
        };
        Ok(Self { job, state: Mutex::new(state), forgotten: AtomicBool::new(false) })
    }

    /// The job.
    pub(crate) fn job(&self) -> &JobId {
        &self.job
    }

    /// A look at the state; others wait meanwhile.
    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Takes a record of the log with this epoch, and wakes the watchers.
    pub(crate) fn apply(&self, epoch: u32, record: &Arc<Record>, wakes: &mut Wakes) -> Applied {
        let mut state = self.state.lock();
        let follows = epoch == state.cursor.epoch && record.from == state.cursor.offset;
        if follows && state.fold(record) {
            state.tell_watchers(wakes);
            return Applied::Taken;
        }
        if epoch == state.cursor.epoch && record.to <= state.cursor.offset {
            return Applied::Taken;
        }
        state.hole()
    }

    /// Takes a record that was read from the log.
    pub(crate) fn refill(&self, epoch: u32, record: &Arc<Record>, wakes: &mut Wakes) {
        let mut state = self.state.lock();
        let follows = epoch == state.cursor.epoch && record.from == state.cursor.offset;
        if follows && state.fold(record) {
            state.tell_watchers(wakes);
        }
    }

    /// Says that records were lost on their way here.
    pub(crate) fn lost(&self) -> Applied {
        self.state.lock().hole()
    }

    /// Says that the log was read to its end after a hole. `false`: more was missed meanwhile, read
    /// it again.
    pub(crate) fn filled(&self) -> bool {
        let mut wakes = Wakes::default();
        let mut state = self.state.lock();
        state.filling = state.missed;
        state.missed = false;
        let filled = !state.filling;
        if filled {
            // Whoever kept an ended job for what might have been in the hole may give it up.
            state.watchers.ring(true, &mut wakes);
        }
        drop(state);
        filled
    }

    /// Begins anew from what the store has, when that is newer or another log of a job that was not
    /// said to be removed.
    pub(crate) fn replace(&self, stored: Stored, wakes: &mut Wakes) -> Result<(), Error> {
        let mut state = self.state.lock();
        if stored.cursor.epoch == state.cursor.epoch && stored.cursor.offset <= state.cursor.offset
        {
            return Ok(());
        }
        if stored.cursor.epoch != state.cursor.epoch && self.is_forgotten() {
            return Ok(());
        }
        state.standing = standing_of(&stored.document)?;
        state.cursor = stored.cursor;
        state.document = stored.document;
        state.ring = Ring::new(stored.cursor.offset, Arc::clone(&state.setting));
        state.snapshot = None;
        state.retold = None;
        state.watchers.ring(true, wakes);
        Ok(())
    }

    /// Says that the job was removed, before its last records may have come.
    pub(crate) fn forget(&self) {
        self.forgotten.store(true, Ordering::SeqCst);
    }

    /// Whether the job was removed: whoever comes by its name is about another.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::SeqCst)
    }

    /// Says that the job was removed, after its last record: its watchers are told what they have not
    /// been told yet, as far as it is at hand, and then that there is no such job.
    pub(crate) fn end(&self, wakes: &mut Wakes) {
        let mut state = self.state.lock();
        state.removed = true;
        state.watchers.ring(true, wakes);
    }

    /// Puts older records of the log into the ring, as far as they fit.
    pub(crate) fn prepend(&self, epoch: u32, records: &[Arc<Record>]) {
        let older = with_changes(records);
        let mut state = self.state.lock();
        if epoch == state.cursor.epoch {
            state.ring.prepend(&older);
        }
    }

    /// Whether a reader who comes with this cursor needs nothing that is not at hand. A cursor of
    /// another log needs nothing either: its reader begins anew.
    pub(crate) fn reaches(&self, cursor: Cursor) -> bool {
        let state = self.state.lock();
        cursor.epoch != state.cursor.epoch
            || (state.ring.begin()..=state.cursor.offset).contains(&cursor.offset)
    }

    /// Somebody is about to watch: the grace begins anew.
    pub(crate) fn touch(&self) {
        self.state.lock().idle_sweeps = 0;
    }

    /// Forgets records that are above a bound, and counts the sweep. Whether nobody watched for as
    /// many sweeps as the grace asks for.
    pub(crate) fn sweep(&self) -> bool {
        let mut state = self.state.lock();
        state.ring.trim();
        if state.watchers.is_empty() {
            state.retold = None;
            state.idle_sweeps = state.idle_sweeps.saturating_add(1);
        } else {
            state.idle_sweeps = 0;
        }
        state.idle_sweeps > 2
    }
}

impl State {
    /// The position of the newest record.
    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Where the job's life is.
    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// The job's kind.
    pub(crate) fn kind(&self) -> &str {
        self.document.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whose job it is.
    pub(crate) fn owner(&self) -> Owner {
        let owner = self.document.get("owner");
        let word = |name: &str| owner.and_then(|owner| owner.get(name)).and_then(Value::as_str);
        // Nobody is of the tenant without a name.
        let tenant = word("tenant").unwrap_or_default().to_owned();
        Owner { tenant, subject: word("subject").map(str::to_owned) }
    }

    /// Whether a caller may see the job.
    pub(crate) fn is_seen_by(&self, caller: &Caller) -> bool {
        let tags: Vec<_> = self.tags().map(str::to_owned).collect();
        let owner = self.owner();
        let id = self.job.as_str();
        let view = JobView { id, owner: &owner, session: self.session(), tags: &tags };
        authorize(caller, Act::Watch, On::Job(view)).is_ok()
    }

    /// The job's session.
    pub(crate) fn session(&self) -> Option<&str> {
        self.document.get("session").and_then(Value::as_str)
    }

    /// The job's tags.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> + Clone {
        let tags = self.document.get("tags").and_then(Value::as_array);
        tags.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether the job has this tag.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags().any(|known| known == tag)
    }

    /// Whether the job was removed and nothing of it follows.
    pub(crate) fn is_removed(&self) -> bool {
        self.removed
    }

    /// Whether there are newer records, which are being read.
    pub(crate) fn is_filling(&self) -> bool {
        self.filling
    }

    /// The newest records.
    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The snapshot of this position, encoded once.
    pub(crate) fn snapshot(&mut self) -> Frame {
        let made = self.snapshot.get_or_insert_with(|| {
            Frame::snapshot(&self.job, self.cursor, &render(&self.document, self.cursor))
        });
        made.clone()
    }

    /// See [`Ring::update`].
    pub(crate) fn update(&mut self, position: u64, to: u64) -> Option<(Frame, u64, u64)> {
        self.ring.update(&self.job, self.cursor.epoch, position, to)
    }

    /// The newest state in a dialect, for somebody who holds none; `since`: events up to there were
    /// told.
    pub(crate) fn retell(&mut self, dialect: &Arc<Dialect>, since: Option<u64>) -> Frame {
        let about = About { since, to: self.cursor.offset, at: None };
        // The newest state is there.
        self.tell(dialect, about).unwrap_or_else(|| self.snapshot())
    }

    /// The state at `to` in a dialect, for somebody who holds that at `position`, and how many
    /// records lie between; `None` when that state is not at hand any more.
    pub(crate) fn told_update(
        &mut self,
        dialect: &Arc<Dialect>,
        since: Option<u64>,
        position: u64,
        to: u64,
    ) -> Option<(Frame, u64, u64)> {
        let (at, records) = self.ring.span(position, to)?;
        let frame = self.tell(dialect, About { since, to, at: Some(at) })?;
        Some((frame, to, records))
    }

    fn tell(&mut self, dialect: &Arc<Dialect>, about: About) -> Option<Frame> {
        let since = about.since.filter(|_| dialect.events > 0);
        let job = (&self.job, self.cursor, &self.document);
        let retold = self.retold.get_or_insert_default();
        retold.tell(dialect, About { since, ..about }, job, &self.ring)
    }

    /// See [`Ring::events_after`].
    pub(crate) fn events_after(&mut self, position: u64) -> Option<(Arc<[EventFrame]>, u64)> {
        self.ring.events_after(&self.job, self.cursor.epoch, position)
    }

    /// The job.
    pub(crate) fn job(&self) -> &JobId {
        &self.job
    }

    /// A watcher wants to hear of nothing but changes of status until it looks again.
    pub(crate) fn spare(&mut self, seat: Seat) {
        self.watchers.spare(seat);
    }

    /// A watcher looked at it: ring for the next change.
    pub(crate) fn seen_by(&mut self, seat: Seat) {
        self.watchers.seen_by(seat);
    }

    fn fold(&mut self, record: &Arc<Record>) -> bool {
        let Ok(change) = serde_json::from_str::<Value>(record.patch.get()) else {
            return false;
        };
        if let Some(retold) = &mut self.retold {
            if self.ring.ends_with_change() {
                retold.keep(self.cursor.offset, &self.document);
            }
            retold.move_on();
        }
        patch::apply(&mut self.document, &change);
        let before = self.standing;
        if ["status", "attempt"].iter().any(|member| change.get(member).is_some())
            && let Ok(standing) = standing_of(&self.document)
        {
            self.standing = standing;
        }
        self.cursor.offset = record.to;
        let changed = (before != self.standing || record.from == 0).then_some(self.standing.status);
        self.ring.push(Arc::clone(record), changed);
        self.snapshot = None;
        true
    }

    /// Rings for the newest record.
    fn tell_watchers(&mut self, wakes: &mut Wakes) {
        let changed = self.ring.ends_with_change();
        self.watchers.ring(changed, wakes);
    }

    fn hole(&mut self) -> Applied {
        if self.filling {
            self.missed = true;
            return Applied::Taken;
        }
        self.filling = true;
        Applied::Hole
    }
}

/// A lane's place among a topic's watchers; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Watching {
    topic: Arc<Topic>,
    seat: Seat,
}

impl Watching {
    /// Joins: from now on `bell` rings for the session's lane whenever the job moves.
    pub(crate) fn join(topic: Arc<Topic>, bell: &Arc<Bell>, session: u32, lane: u32) -> Self {
        let seat = topic.look().watchers.join(bell, session, lane);
        Self { topic, seat }
    }

    /// The topic.
    pub(crate) fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// The place.
    pub(crate) fn seat(&self) -> Seat {
        self.seat
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.topic.look().watchers.leave(self.seat);
    }
}

/// Each record with the status that it changes the job to. Records whose change cannot be told
/// without those before them are left out, with all that are older.
fn with_changes(records: &[Arc<Record>]) -> Vec<(Arc<Record>, Option<JobStatus>)> {
    #[derive(serde::Deserialize)]
    struct Change {
        status: Option<JobStatus>,
        attempt: Option<u32>,
    }
    let mut told = Vec::with_capacity(records.len());
    let mut known = None;
    for record in records {
        let Ok(change) = serde_json::from_str::<Change>(record.patch.get()) else {
            told.clear();
            continue;
        };
        let begins = change.attempt.is_some();
        known = change.status.or(known);
        if begins && known.is_none() {
            told.clear();
            continue;
        }
        let changes = begins || change.status.is_some();
        told.push((Arc::clone(record), known.filter(|_| changes)));
    }
    told
}

fn standing_of(document: &Value) -> Result<Standing, Error> {
    let status = document.get("status").and_then(Value::as_str).unwrap_or_default();
    let status = status.parse().map_err(|wrong: headway_protocol::status::NotAStatus| {
        Error::Unreadable(wrong.to_string())
    })?;
    let attempt = document.get("attempt").and_then(Value::as_u64).unwrap_or(1);
    Ok(Standing { status, attempt: u32::try_from(attempt).unwrap_or(u32::MAX) })
}
