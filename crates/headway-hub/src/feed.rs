//! Selectors: which jobs a subscription is about, and how it hears of new ones.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headway_protocol::JobId;
use headway_store::{Appended, Record};
use parking_lot::Mutex;
use serde::de::IgnoredAny;
use slab::Slab;

use crate::wake::{Bell, Dirty, Ring, Wakes};

/// Which jobs a subscription is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// One job.
    Job(JobId),
    /// All jobs of a session.
    Session(String),
    /// All jobs with a tag.
    Tag(String),
    /// All jobs of the caller's tenant.
    All,
}

/// New jobs that a feed remembers for sessions that have not looked yet. A session that is further
/// behind asks the store for the list again.
const ANNOUNCED: usize = 10_000;

/// Live jobs that a feed remembers as announced. Beyond it the memory begins anew, and jobs are
/// announced again, which sessions pass over.
const MEMBERS: usize = 100_000;

/// The jobs of one selector, as they begin to move.
///
/// Owner: [`Feeds`]. A job is announced when it moves for the first time, and again when it goes on
/// after its end; its sessions watch it by its own topic from then on.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    members: HashSet<JobId>,
    announced: VecDeque<JobId>,
    /// The number of the first job in `announced`.
    first: u64,
    readers: Slab<Reader>,
}

#[derive(Debug)]
struct Reader {
    bell: Arc<Bell>,
    ring: Ring,
    rung: bool,
}

impl Feed {
    fn announce(&self, appended: &Appended, wakes: &mut Wakes) {
        let (job, ended) = (&appended.job, appended.facets.status.is_terminal());
        let mut state = self.state.lock();
        if state.members.contains(job) {
            if ended {
                state.members.remove(job);
            }
            return;
        }
        if ended && !changes_status(&appended.record) {
            // Something late of an attempt whose end was said.
            return;
        }
        if !ended {
            if state.members.len() >= MEMBERS {
                state.members.clear();
            }
            state.members.insert(job.clone());
        }
        if state.announced.len() >= ANNOUNCED {
            state.announced.pop_front();
            state.first += 1;
        }
        state.announced.push_back(job.clone());
        state.ring(wakes);
    }

    /// Says that jobs may have moved unseen: every session lists them again.
    fn lost(&self, wakes: &mut Wakes) {
        let mut state = self.state.lock();
        // The step of one more makes every reader, also one that has seen all, fall behind.
        state.first += state.announced.len() as u64 + 1;
        state.announced.clear();
        state.members.clear();
        state.ring(wakes);
    }
}

impl State {
    fn ring(&mut self, wakes: &mut Wakes) {
        for (_, reader) in &mut self.readers {
            if !reader.rung {
                reader.rung = true;
                wakes.ring(&reader.bell, [reader.ring]);
            }
        }
    }
}

/// Whether a record changed its job's status, or began an attempt.
fn changes_status(record: &Record) -> bool {
    #[derive(serde::Deserialize)]
    struct Change {
        status: Option<IgnoredAny>,
        attempt: Option<IgnoredAny>,
    }
    serde_json::from_str(record.patch.get())
        .is_ok_and(|change: Change| change.status.is_some() || change.attempt.is_some())
}

/// A subscription's place in a feed; leaves it when dropped.
#[derive(Debug)]
pub struct FeedReader {
    feed: Arc<Feed>,
    key: usize,
    seen: u64,
}

impl FeedReader {
    /// Joins a feed: every job that moves from now on is announced to this reader.
    pub(crate) fn join(feed: Arc<Feed>, bell: Arc<Bell>, session: u32, subscription: u16) -> Self {
        let mut state = feed.state.lock();
        // What was announced before is news to this reader.
        state.members.clear();
        let ring = Ring { session, dirty: Dirty::Feed(subscription) };
        let key = state.readers.insert(Reader { bell, ring, rung: false });
        let seen = state.first + state.announced.len() as u64;
        drop(state);
        Self { feed, key, seen }
    }

    /// The jobs that were announced since the last look; `None` when some were forgotten.
    pub(crate) fn look(&mut self) -> Option<Vec<JobId>> {
        let mut state = self.feed.state.lock();
        if let Some(reader) = state.readers.get_mut(self.key) {
            reader.rung = false;
        }
        let end = state.first + state.announced.len() as u64;
        let skip = self.seen.checked_sub(state.first);
        self.seen = end;
        let skip = usize::try_from(skip?).unwrap_or(usize::MAX);
        Some(state.announced.iter().skip(skip).cloned().collect())
    }
}

impl Drop for FeedReader {
    fn drop(&mut self) {
        self.feed.state.lock().readers.try_remove(self.key);
    }
}

/// All feeds that somebody reads, by tenant and selector.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    feeds: Mutex<HashMap<(String, Selector), Arc<Feed>>>,
    count: AtomicUsize,
}

impl Feeds {
    /// The feed of a tenant's selector.
    pub(crate) fn open(&self, tenant: &str, selector: &Selector) -> Arc<Feed> {
        let mut feeds = self.feeds.lock();
        // Feeds that nobody reads any more go when the next one comes.
        feeds.retain(|_, feed| Arc::strong_count(feed) > 1);
        let feed = feeds.entry((tenant.to_owned(), selector.clone())).or_default();
        let feed = Arc::clone(feed);
        self.count.store(feeds.len(), Ordering::Release);
        feed
    }

    /// Whether nobody reads any feed.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Tells the feeds that a job moved.
    pub(crate) fn announce(&self, appended: &Appended, wakes: &mut Wakes) {
        if self.is_empty() {
            return;
        }
        let facets = &appended.facets;
        let selectors = std::iter::once(Selector::All)
            .chain(facets.session.clone().map(Selector::Session))
            .chain(facets.tags.iter().cloned().map(Selector::Tag));
        let feeds = self.feeds.lock();
        for selector in selectors {
            if let Some(feed) = feeds.get(&(facets.owner.tenant.clone(), selector)) {
                feed.announce(appended, wakes);
            }
        }
    }

    /// Tells every feed that jobs may have moved unseen.
    pub(crate) fn lost(&self, wakes: &mut Wakes) {
        for feed in self.feeds.lock().values() {
            feed.lost(wakes);
        }
    }
}
