//! Selectors: which jobs a subscription is about, and how it hears of new ones.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use headway_protocol::JobId;
use headway_store::{Appended, Record};
use parking_lot::Mutex;
use serde::de::IgnoredAny;
use slab::Slab;

use crate::wake::{Bell, Dirty, Ring, Wakes};

/// Which jobs a subscription is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// One job.
    Job(JobId),
    /// All jobs of a session.
    Session(String),
    /// All jobs with a tag.
    Tag(String),
    /// All jobs that the caller sees.
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
/// Owner: [`crate::feeds::Feeds`]. A job is announced when it moves for the first time, and again when it goes on
/// after its end, in whatever order the news come; its sessions watch it by its own topic from then on.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Jobs that were announced and have not ended, each with the count of joins at that time:
    /// whoever joined later has not heard of it.
    members: HashMap<JobId, u64>,
    announced: VecDeque<Announced>,
    /// The number of the first in `announced`.
    first: u64,
    readers: Slab<Reader>,
    /// How often somebody joined.
    joins: u64,
}

#[derive(Debug)]
struct Announced {
    job: JobId,
    /// Readers up to this join know the job.
    known_to: u64,
}

#[derive(Debug)]
struct Reader {
    bell: Arc<Bell>,
    ring: Ring,
    /// Which join it was, from 1.
    joined: u64,
    /// The number of the first announcement that is news to it, when it rang for one.
    news: Option<u64>,
}

impl Feed {
    /// A job moved.
    pub(crate) fn announce(&self, appended: &Appended, wakes: &mut Wakes) {
        let (job, ended) = (&appended.job, appended.facets.status.is_terminal());
        let mut state = self.state.lock();
        if appended.record.from == 0 {
            // A name that begins another log is another job, which may fit where the first did not.
            state.members.remove(job);
        }
        let known = if ended { state.members.remove(job) } else { state.members.get(job).copied() };
        // Whoever watches the job may have read its end in the log before the news of older records
        // came here, and have given it up.
        let again = !ended && begins_attempt(&appended.record);
        if known == Some(state.joins) && !again {
            return;
        }
        if ended && !changes_status(&appended.record) {
            // Something late of an attempt whose end was said.
            return;
        }
        if !ended {
            if known.is_none() && state.members.len() >= MEMBERS {
                state.members.clear();
            }
            let joins = state.joins;
            state.members.insert(job.clone(), joins);
        }
        if state.announced.len() >= ANNOUNCED {
            state.announced.pop_front();
            state.first += 1;
        }
        let known_to = known.filter(|_| !again).unwrap_or_default();
        let number = state.first + state.announced.len() as u64;
        state.announced.push_back(Announced { job: job.clone(), known_to });
        state.ring(known_to, number, wakes);
    }

    /// How many live jobs it remembers.
    #[cfg(test)]
    pub(crate) fn members(&self) -> usize {
        self.state.lock().members.len()
    }

    /// A job is no more.
    pub(crate) fn forget(&self, job: &JobId) {
        self.state.lock().members.remove(job);
    }

    /// Says that jobs may have moved unseen: every session lists them again.
    pub(crate) fn lost(&self, wakes: &mut Wakes) {
        let mut state = self.state.lock();
        // The step of one more makes every reader, also one that has seen all, fall behind.
        let missing = state.first + state.announced.len() as u64;
        state.first = missing + 1;
        state.announced.clear();
        state.members.clear();
        state.ring(0, missing, wakes);
    }
}

impl State {
    /// Rings for an announcement, for those who joined later than `known_to`.
    fn ring(&mut self, known_to: u64, number: u64, wakes: &mut Wakes) {
        for (_, reader) in &mut self.readers {
            if reader.joined > known_to && reader.news.is_none() {
                reader.news = Some(number);
                wakes.ring(&reader.bell, [reader.ring]);
            }
        }
    }
}

/// Whether a record may begin an attempt; what is announced in vain is passed over.
fn begins_attempt(record: &Record) -> bool {
    record.patch.get().contains(r#""attempt""#)
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
}

impl FeedReader {
    /// Joins a feed: every job that moves from now on is announced to this reader. `None`: it has
    /// readers of `most` other sessions already.
    pub(crate) fn join(
        feed: Arc<Feed>,
        bell: Arc<Bell>,
        session: u32,
        subscription: u16,
        most: usize,
    ) -> Option<Self> {
        let mut state = feed.state.lock();
        if most < usize::MAX {
            // So few that they are counted faster than a list of them would be kept.
            let mut others: Vec<_> = state
                .readers
                .iter()
                .map(|(_, reader)| (Arc::as_ptr(&reader.bell), reader.ring.session))
                .filter(|other| *other != (Arc::as_ptr(&bell), session))
                .collect();
            others.sort_unstable();
            others.dedup();
            if others.len() >= most {
                return None;
            }
        }
        state.joins += 1;
        let joined = state.joins;
        let ring = Ring { session, dirty: Dirty::Feed(subscription) };
        let key = state.readers.insert(Reader { bell, ring, joined, news: None });
        drop(state);
        Some(Self { feed, key })
    }

    /// The jobs that were announced to it since the last look; `None` when some were forgotten.
    pub(crate) fn look(&mut self) -> Option<Vec<JobId>> {
        let mut state = self.feed.state.lock();
        let State { readers, announced, first, .. } = &mut *state;
        let Some(reader) = readers.get_mut(self.key) else { return Some(Vec::new()) };
        let Some(news) = reader.news.take() else { return Some(Vec::new()) };
        let skip = usize::try_from(news.checked_sub(*first)?).unwrap_or(usize::MAX);
        let for_it = announced.iter().skip(skip).filter(|job| job.known_to < reader.joined);
        Some(for_it.map(|announced| announced.job.clone()).collect())
    }
}

impl Drop for FeedReader {
    fn drop(&mut self) {
        self.feed.state.lock().readers.try_remove(self.key);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use headway_protocol::{Cursor, JobStatus, Owner, Timestamp};
    use headway_store::Facets;
    use serde_json::value::RawValue;

    use super::*;

    pub(crate) fn moved(name: &str, status: JobStatus, patch: &str) -> Appended {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let record = Record {
            from: 1,
            to: 2,
            at: Timestamp::default(),
            events: Vec::new(),
            patch: raw(patch),
            private: raw("{}"),
        };
        let facets = Facets {
            status,
            kind: "test".to_owned(),
            session: None,
            tags: Vec::new(),
            owner: Owner::default(),
            created_at: Timestamp::default(),
            finished_at: None,
            due_at: None,
        };
        Appended {
            job: name.parse().unwrap(),
            cursor: Cursor { epoch: 1, offset: 2 },
            record: Arc::new(record),
            facets: Arc::new(facets),
        }
    }

    fn news(reader: &mut FeedReader) -> Option<Vec<String>> {
        Some(reader.look()?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_job_is_news_to_whoever_has_not_heard_of_it_and_to_nobody_else() {
        let feed = Arc::new(Feed::default());
        let bell = Bell::new(|| ());
        let join = |key| {
            let (feed, bell) = (Arc::clone(&feed), Arc::clone(&bell));
            FeedReader::join(feed, bell, key, 0, usize::MAX).unwrap()
        };
        let tell = |name: &str, status: JobStatus, patch: &str| {
            feed.announce(&moved(name, status, patch), &mut Wakes::default());
            let mut rings = Vec::new();
            bell.take(&mut rings);
            rings.iter().map(|ring| ring.session).collect::<Vec<_>>()
        };
        let running = |name: &str| tell(name, JobStatus::Running, "{}");
        let mut first = join(1);
        assert_eq!(running("a"), [1]);
        assert_eq!(running("b"), [0; 0], "it has not looked since");
        assert_eq!(news(&mut first).unwrap(), ["a", "b"]);
        assert_eq!(running("a"), [0; 0]);

        let mut second = join(2);
        assert_eq!(running("a"), [2]);
        assert_eq!(running("c"), [1]);
        assert_eq!(news(&mut first).unwrap(), ["c"]);
        assert_eq!(news(&mut second).unwrap(), ["a", "c"]);

        let ended = r#"{"status":"completed"}"#;
        assert_eq!(tell("a", JobStatus::Completed, ended), [0; 0], "they watch it by now");
        assert_eq!(tell("a", JobStatus::Completed, "{}"), [0; 0], "it is over");
        assert_eq!(running("a"), [1, 2], "it goes on after its end");
        assert_eq!(tell("d", JobStatus::Completed, ended), [0; 0], "they have not looked");
        assert_eq!(news(&mut second).unwrap(), ["a", "d"]);

        feed.lost(&mut Wakes::default());
        bell.take(&mut Vec::new());
        assert_eq!([news(&mut first), news(&mut second)], [None, None], "they have to ask");
        assert_eq!(running("a"), [1, 2]);
    }

    #[test]
    fn a_job_that_is_tried_again_is_news_also_when_its_end_came_before_what_led_to_it() {
        let feed = Arc::new(Feed::default());
        let mut reader =
            FeedReader::join(Arc::clone(&feed), Bell::new(|| ()), 1, 0, usize::MAX).unwrap();
        let mut heard = |status: JobStatus, patch: &str| {
            feed.announce(&moved("a", status, patch), &mut Wakes::default());
            news(&mut reader).unwrap().len()
        };
        assert_eq!(heard(JobStatus::Running, "{}"), 1);
        assert_eq!(heard(JobStatus::Completed, r#"{"status":"completed"}"#), 0);
        // An older record.
        assert_eq!(heard(JobStatus::Running, r#"{"status":"running"}"#), 1);
        assert_eq!(heard(JobStatus::Running, r#"{"phase":"x"}"#), 0);
        assert_eq!(heard(JobStatus::Queued, r#"{"status":"queued","attempt":2}"#), 1);
    }

    #[test]
    fn who_does_not_look_for_long_has_to_ask_again() {
        let feed = Arc::new(Feed::default());
        let bell = Bell::new(|| ());
        let reader = FeedReader::join(Arc::clone(&feed), bell, 1, 0, usize::MAX);
        let mut reader = reader.unwrap();
        for number in 0..=ANNOUNCED {
            let name = format!("job_{number}");
            let appended = moved(&name, JobStatus::Running, "{}");
            feed.announce(&appended, &mut Wakes::default());
        }
        assert_eq!(news(&mut reader), None);
        assert_eq!(news(&mut reader).unwrap(), [""; 0]);
    }
}
