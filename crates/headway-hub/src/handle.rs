//! The only way into the hub.

use std::sync::Arc;
use std::time::Duration;

use headway_protocol::{JobId, JobStatus, Owner, Timestamp};
use headway_store::{Clock, ListQuery, Store};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::connection::Connection;
use crate::error::Error;
use crate::feed::{FeedReader, Feeds, Selector};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::registry::Registry;
use crate::service::{self, Ear, Inbox};
use crate::session::{Answer, Found, Request, Session, Surveyed};
use crate::wake::Waker;

/// Events of one page that is read for a watcher who is behind. With what a record may hold this
/// bounds what a read keeps in memory.
const PAGE_EVENTS: usize = 64;

/// Jobs of one page of a survey.
const SURVEY_PAGE: usize = 100;

/// What the parts of a hub share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Arc<Options>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) registry: Registry,
    pub(crate) feeds: Feeds,
    pub(crate) inbox: Arc<Inbox>,
    _stop: DropGuard,
}

/// The only way into the hub. Cheap to clone; the hub ends with its last handle.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
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
            options: Arc::new(options),
            store,
            clock,
            metrics: Arc::default(),
            registry: Registry::default(),
            feeds: Feeds::default(),
            _stop: stop.clone().drop_guard(),
        });
        shared.store.attach(Arc::new(Ear::new(&shared)));
        tokio::spawn(service::run(Arc::downgrade(&shared), stop));
        Ok(Handle { shared })
    }
}

impl Handle {
    /// A connection of a caller; `name` is for logs.
    pub fn connect(&self, caller: Owner, name: &str) -> Connection {
        let waker = Arc::new(Waker::default());
        let session = Session::new(
            Arc::clone(&self.shared.options),
            Arc::clone(&self.shared.metrics),
            Arc::clone(&waker),
            name,
            self.now(),
        );
        Connection::new(self.clone(), caller, waker, session)
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// The options that it was started with.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// How long until a moment.
    pub(crate) fn until(&self, moment: Timestamp) -> Duration {
        Duration::from_millis(moment.since(self.now()))
    }

    /// Does what a session asked for.
    pub(crate) async fn perform(
        &self,
        caller: &Owner,
        waker: &Arc<Waker>,
        request: Request,
    ) -> Answer {
        match request {
            Request::Watch { ticket, job, cursor } => {
                Answer::Watched { ticket, outcome: self.find(caller, &job, cursor).await }
            }
            Request::Survey { subscription, selector } => {
                let outcome = self.survey(caller, waker, subscription, &selector).await;
                Answer::Surveyed { subscription, outcome }
            }
            Request::Read { lane, job, after } => {
                let outcome = self.shared.store.read(&job, after, PAGE_EVENTS).await;
                Answer::Read { lane, job, after, outcome: outcome.map_err(Error::from) }
            }
        }
    }

    async fn find(
        &self,
        caller: &Owner,
        job: &JobId,
        cursor: Option<headway_protocol::Cursor>,
    ) -> Result<Option<Found>, Error> {
        let Shared { registry, store, options, .. } = &*self.shared;
        let Some(topic) = registry.open(&**store, options, job).await? else { return Ok(None) };
        if topic.look().tenant() != caller.tenant {
            return Ok(None);
        }
        let trimmed_to = match cursor {
            Some(cursor) => registry.recover(&**store, &topic, cursor, options).await?,
            None => 0,
        };
        Ok(Some(Found { topic, trimmed_to }))
    }

    async fn survey(
        &self,
        caller: &Owner,
        waker: &Arc<Waker>,
        subscription: u64,
        selector: &Selector,
    ) -> Result<Surveyed, Error> {
        let feed = self.shared.feeds.open(&caller.tenant, selector);
        // Joined before the list is read, so that no job can pass between the two.
        let reader = FeedReader::join(feed, Arc::clone(waker), subscription);
        let mut query = ListQuery {
            tenant: Some(caller.tenant.clone()),
            statuses: JobStatus::ALL
                .iter()
                .copied()
                .filter(|status| !status.is_terminal())
                .collect(),
            ..ListQuery::default()
        };
        match selector {
            Selector::Session(session) => query.session = Some(session.clone()),
            Selector::Tag(tag) => query.tag = Some(tag.clone()),
            Selector::All | Selector::Job(_) => {}
        }
        let most = self.shared.options.survey_jobs;
        let mut jobs = Vec::new();
        while jobs.len() < most {
            query.limit = SURVEY_PAGE.min(most - jobs.len());
            let page = self.shared.store.list(&query).await?;
            jobs.extend(page.jobs.iter().filter_map(|stored| {
                stored.document.get("id").and_then(serde_json::Value::as_str)?.parse().ok()
            }));
            query.after = page.next;
            if query.after.is_none() || page.jobs.is_empty() {
                break;
            }
        }
        Ok(Surveyed { reader, jobs })
    }
}
