//! The only way into the hub.

use std::sync::Arc;
use std::time::Duration;

use headway_access::{Act, Caller, On, authorize};
use headway_protocol::batch::ErrorGroups;
use headway_protocol::{Cursor, JobId, JobStatus, Timestamp};
use headway_store::{Clock, ListQuery, Store, Stored};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::feed::{FeedReader, Selector};
use crate::feeds::Feeds;
use crate::metrics::Metrics;
use crate::options::{Options, Setting};
use crate::read::{ItemsAsked, ItemsFound, Looks, ReadTimes, Turns};
use crate::registry::Registry;
use crate::service::{self, Ear, Inbox};
use crate::session::{Answer, Found, Request, Session, Surveyed};
use crate::topic::Topic;
use crate::wake::Bell;

/// Events of one page that is read for a watcher who is behind. With what a record may hold this
/// bounds what a read keeps in memory.
const PAGE_EVENTS: usize = 64;

/// Jobs of one page of a survey.
const SURVEY_PAGE: usize = 100;

/// Ended jobs that a survey looks at, where these are wanted too: the newest of a session's.
const SURVEY_ENDED: usize = 200;

/// What the parts of a hub share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) setting: Arc<Setting>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) feeds: Feeds,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) turns: Turns,
    pub(crate) error_looks: Looks<JobId, ErrorGroups>,
    pub(crate) item_looks: Looks<ItemsAsked, ItemsFound>,
    pub(crate) timing_looks: Looks<JobId, ReadTimes>,
    _stop: DropGuard,
}

/// The only way into the hub. Cheap to clone; the hub ends with its last handle.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

/// What is known of a job without a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warm {
    /// It is at hand: its position and status.
    Here(Cursor, JobStatus),
    /// It is at hand, and the caller does not see it: as if it did not exist.
    Hidden,
    /// It is not at hand: ask [`Handle::warm`].
    Cold,
}

/// The read side; see [`Hub::start`].
#[derive(Debug)]
pub struct Hub;

impl Hub {
    /// Starts a hub over a store. Must be called inside a Tokio runtime.
    pub fn start(
        options: Options,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Handle, Error> {
        options.validate()?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            inbox: Arc::new(Inbox::new(options.inbox_records)),
            setting: Arc::new(Setting { options, metrics: Metrics::default() }),
            store,
            clock,
            registry: Registry::default(),
            feeds: Feeds::default(),
            turns: Turns::default(),
            error_looks: Looks::default(),
            item_looks: Looks::default(),
            timing_looks: Looks::default(),
            _stop: stop.clone().drop_guard(),
        });
        shared.store.attach(Arc::new(Ear::new(&shared)));
        tokio::spawn(service::run(Arc::downgrade(&shared), stop));
        Ok(Handle { shared })
    }
}

impl Handle {
    /// A connection of a caller; `name` is for logs.
    pub fn connect(&self, caller: Arc<Caller>, name: &str) -> Connection {
        Connection::new(self.clone(), caller, name)
    }

    /// A session of `caller` whose jobs ring `bell` under the number `key`; `name` is for logs. A
    /// number may be used again once its session was dropped: late rings for the old one are
    /// harmless.
    pub fn session(&self, caller: Arc<Caller>, name: &str, bell: &Arc<Bell>, key: u32) -> Session {
        Session::new(
            Arc::clone(&self.shared.setting),
            caller,
            (Arc::clone(bell), key),
            name,
            self.now(),
        )
    }

    /// Does what a session asked for, if that needs no read: the job is at hand and, when the reader
    /// comes with a cursor, so are the records after it. Else gives the request back, for
    /// [`Self::perform`].
    pub fn perform_now(&self, session: &Session, request: Request) -> Result<Answer, Request> {
        let Request::Watch { ticket, job, cursor } = &request else { return Err(request) };
        let Some(topic) = self.shared.registry.at_hand(job) else { return Err(request) };
        if !sees(session.caller(), &topic) {
            return Ok(Answer::Watched { ticket: *ticket, outcome: Ok(None) });
        }
        let dialect = session.dialect().map(|dialect| &**dialect);
        let wanted = past_of(&topic, *cursor, dialect, self.options());
        if wanted.is_some_and(|wanted| !topic.reaches(wanted)) {
            return Err(request);
        }
        let found = Found { topic, trimmed_to: 0 };
        Ok(Answer::Watched { ticket: *ticket, outcome: Ok(Some(found)) })
    }

    /// Does what a session asked for, with reads. The future does not borrow the session: it may be
    /// run anywhere, and its answer is handed to [`Session::handle_answer`].
    pub fn perform(
        &self,
        session: &Session,
        request: Request,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let hub = self.clone();
        let caller = Arc::clone(session.caller());
        let (bell, key) = session.bell();
        let bell = Arc::clone(bell);
        let dialect = session.dialect().cloned();
        async move {
            match request {
                Request::Watch { ticket, job, cursor } => {
                    let outcome = hub.find(&caller, &job, cursor, dialect.as_deref()).await;
                    Answer::Watched { ticket, outcome }
                }
                Request::Survey { ticket, subscription, selector } => {
                    let feed = hub.shared.feeds.open(&caller, &selector);
                    // Joined before the list is read, so that no job can pass between the two.
                    let most = hub.most_connections(&selector);
                    let outcome = match FeedReader::join(feed, bell, key, subscription, most) {
                        Some(reader) => {
                            let ended_within_ms =
                                dialect.and_then(|dialect| dialect.ended_within_ms);
                            let jobs = hub.survey(&caller, &selector, ended_within_ms).await;
                            jobs.map(|jobs| Surveyed { reader, jobs })
                        }
                        None => Err(Error::TooManyConnections { most }),
                    };
                    Answer::Surveyed { ticket, subscription, outcome }
                }
                Request::Read { lane, job, after } => {
                    let outcome = hub.shared.store.read(&job, after, PAGE_EVENTS).await;
                    Answer::Read { lane, job, after, outcome: outcome.map_err(Error::from) }
                }
            }
        }
    }

    /// Brings a job to hand, so that watching it needs no read for as long as
    /// [`Options::topic_grace_ms`] says; its position and status, `None` when the caller sees no
    /// such job.
    pub async fn warm(
        &self,
        caller: &Caller,
        job: &JobId,
    ) -> Result<Option<(Cursor, JobStatus)>, Error> {
        let found = self.find(caller, job, None, None).await?;
        Ok(found.map(|found| standing(&found.topic)))
    }

    /// The same without a read, when the job is at hand already.
    pub fn warm_now(&self, caller: &Caller, job: &JobId) -> Warm {
        match self.shared.registry.at_hand(job) {
            None => Warm::Cold,
            Some(topic) if sees(caller, &topic) => {
                let (cursor, status) = standing(&topic);
                Warm::Here(cursor, status)
            }
            Some(_) => Warm::Hidden,
        }
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.setting.metrics
    }

    /// The options that it was started with.
    pub fn options(&self) -> &Options {
        &self.shared.setting.options
    }

    /// The time by the hub's clock: what its sessions are told.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// How long until a moment.
    pub(crate) fn until(&self, moment: Timestamp) -> Duration {
        Duration::from_millis(moment.since(self.now()))
    }

    async fn find(
        &self,
        caller: &Caller,
        job: &JobId,
        cursor: Option<Cursor>,
        dialect: Option<&Dialect>,
    ) -> Result<Option<Found>, Error> {
        let Shared { registry, store, setting, .. } = &*self.shared;
        if authorize(caller, Act::Watch, On::JobNamed(job)).is_err() {
            return Ok(None);
        }
        let Some(topic) = registry.open(&**store, setting, job).await? else { return Ok(None) };
        if !sees(caller, &topic) {
            return Ok(None);
        }
        let trimmed_to = match past_of(&topic, cursor, dialect, &setting.options) {
            Some(cursor) => registry.recover(&**store, &topic, cursor, &setting.options).await?,
            None => 0,
        };
        Ok(Some(Found { topic, trimmed_to }))
    }

    /// How many connections may watch by a selector.
    fn most_connections(&self, selector: &Selector) -> usize {
        match selector {
            Selector::Session(_) => self.shared.setting.options.max_session_connections,
            Selector::Job(_) | Selector::Tag(_) | Selector::All => usize::MAX,
        }
    }

    /// The caller's jobs that a selector is about and that have not ended, the newest; with
    /// `ended_within_ms` also those that have ended since then, and in the order of their making.
    async fn survey(
        &self,
        caller: &Caller,
        selector: &Selector,
        ended_within_ms: Option<u64>,
    ) -> Result<Vec<JobId>, Error> {
        let subject = match caller.lists_only() {
            None => None,
            Some(Some(subject)) => Some(subject.to_owned()),
            Some(None) => return Ok(Vec::new()),
        };
        let mut query = ListQuery {
            tenant: Some(caller.tenant().to_owned()),
            subject,
            statuses: statuses(|status| !status.is_terminal()),
            ..ListQuery::default()
        };
        match selector {
            Selector::Session(session) => query.session = Some(session.clone()),
            Selector::Tag(tag) => query.tag = Some(tag.clone()),
            Selector::All | Selector::Job(_) => {}
        }
        let most = self.shared.setting.options.survey_jobs;
        let open = self.list_jobs(query.clone(), most, |_| true).await?;
        let Some(ended_within_ms) = ended_within_ms else { return Ok(open) };
        query.statuses = statuses(JobStatus::is_terminal);
        let since = Timestamp::from_millis(self.now().as_millis().saturating_sub(ended_within_ms));
        let lately = |stored: &Stored| stored.facets.finished_at.is_some_and(|at| at >= since);
        let ended = self.list_jobs(query, SURVEY_ENDED, lately).await?;
        Ok(ended.into_iter().rev().chain(open.into_iter().rev()).collect())
    }

    /// The names of the newest `most` jobs of a list that fit, in its order.
    async fn list_jobs(
        &self,
        mut query: ListQuery,
        most: usize,
        fits: impl Fn(&Stored) -> bool,
    ) -> Result<Vec<JobId>, Error> {
        let mut jobs = Vec::new();
        let mut looked_at = 0;
        while looked_at < most {
            query.limit = SURVEY_PAGE.min(most - looked_at);
            let page = self.shared.store.list(&query).await?;
            looked_at += page.jobs.len();
            jobs.extend(page.jobs.iter().filter(|stored| fits(stored)).filter_map(|stored| {
                stored.document.get("id").and_then(serde_json::Value::as_str)?.parse().ok()
            }));
            query.after = page.next;
            if query.after.is_none() || page.jobs.is_empty() {
                break;
            }
        }
        Ok(jobs)
    }
}

fn statuses(fit: impl Fn(JobStatus) -> bool) -> Vec<JobStatus> {
    JobStatus::ALL.iter().copied().filter(|status| fit(*status)).collect()
}

/// The position after which records are wanted at hand: the reader's own; in a dialect that tells
/// events not further back than the ring can hold, and for somebody who comes for the first time so
/// many events back.
pub(crate) fn past_of(
    topic: &Topic,
    cursor: Option<Cursor>,
    dialect: Option<&Dialect>,
    options: &Options,
) -> Option<Cursor> {
    let Some(events) = dialect.map(|dialect| dialect.events).filter(|events| *events > 0) else {
        return cursor;
    };
    let newest = topic.look().cursor();
    let back = |events: usize| newest.offset.saturating_sub(events as u64);
    let offset = match cursor.filter(|own| own.epoch == newest.epoch) {
        Some(own) => own.offset.min(newest.offset).max(back(options.ring_records)),
        None => back(events),
    };
    Some(Cursor { offset, ..newest })
}

fn sees(caller: &Caller, topic: &Topic) -> bool {
    topic.look().is_seen_by(caller)
}

fn standing(topic: &Topic) -> (Cursor, JobStatus) {
    let state = topic.look();
    (state.cursor(), state.standing().status)
}
