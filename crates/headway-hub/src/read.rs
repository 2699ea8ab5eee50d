//! Reads that are no stream: documents, histories, lists, items and results.

mod errors;
mod history;
mod list;
mod looks;
mod records;
mod search;
mod timings;
mod turns;

use std::sync::Arc;

use headway_access::{Act, Caller, JobView, On, authorize};
use headway_protocol::batch::{Item, ResultLine};
use headway_protocol::request::ItemPage;
use headway_protocol::{Cursor, ItemCounts, ItemStatus, JobId, JobStatus};
use headway_store::{ItemQuery, ListQuery, Store, Stored, StoredItem};
use serde_json::Value;
use serde_json::value::RawValue;

pub use self::errors::ERROR_GROUPS;
pub(crate) use self::errors::{ItemsAsked, ItemsFound};
pub use self::history::{HistoryPlace, HistoryQuery};
pub use self::looks::LookCounts;
pub(crate) use self::looks::Looks;
use self::search::Words;
pub(crate) use self::timings::Read as ReadTimes;
pub(crate) use self::turns::Turns;
use crate::error::Error;
use crate::handle::Handle;

/// Which jobs, and how many. Members that are absent do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only with one of these statuses; empty: any.
    pub statuses: Vec<JobStatus>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this session.
    pub session: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only those in whose id, name, kind, session and tags each of these words is found.
    pub text: Option<String>,
    /// The `next` of the page before.
    pub page: Option<String>,
    /// At most so many, at least 1.
    pub limit: usize,
}

/// Bytes of items that a page of results aims at.
const RESULTS_BYTES: usize = 4 * 1024 * 1024;
/// The most items of a page of results, and how many the first page has.
const RESULTS_ITEMS: (usize, usize) = (1_024, 64);

impl Handle {
    /// A job's document as JSON text, and its position; `None` when the caller sees no such batch.
    /// It shows everything that was acknowledged before the call.
    pub async fn document(
        &self,
        caller: &Caller,
        job: &JobId,
    ) -> Result<Option<(Cursor, String)>, Error> {
        let stored = self.visible(caller, job).await?;
        Ok(stored.map(|stored| (stored.cursor, stored.rendered())))
    }

    /// A job's status and position; `None` when the caller sees no such batch.
    pub async fn standing(
        &self,
        caller: &Caller,
        job: &JobId,
    ) -> Result<Option<(Cursor, JobStatus)>, Error> {
        let stored = self.visible(caller, job).await?;
        Ok(stored.map(|stored| (stored.cursor, stored.facets.status)))
    }

    /// A page of the caller's jobs, newest first, as the JSON text of a
    /// [`headway_protocol::request::JobPage`]. A page ends at about 8 MiB, and with a text at most
    /// 5,000 jobs are looked at: there may be a next page after one with few jobs or none.
    pub async fn list(&self, caller: &Caller, filter: &JobFilter) -> Result<String, Error> {
        // What fits all of the filter fits each part of it: one part that may be asked for is enough.
        let parts = [
            filter.session.as_deref().map(On::Session),
            filter.tag.as_deref().map(On::Tag),
            Some(On::All),
        ];
        let asked = |on| authorize(caller, Act::Watch, on);
        parts.into_iter().flatten().map(asked).reduce(Result::or).unwrap_or(Ok(()))?;
        let after = filter.page.as_deref().map(str::parse).transpose()?;
        let subject = match caller.lists_only() {
            None => None,
            Some(Some(subject)) => Some(subject.to_owned()),
            Some(None) => return Ok(r#"{"jobs":[]}"#.to_owned()),
        };
        let query = ListQuery {
            tenant: Some(caller.tenant().to_owned()),
            subject,
            statuses: filter.statuses.clone(),
            kind: filter.kind.clone(),
            session: filter.session.clone(),
            tag: filter.tag.clone(),
            after,
            limit: filter.limit,
        };
        let words = filter.text.as_deref().map(Words::new);
        let page = list::page(self.shared.store.as_ref(), query, words.as_ref());
        let page = match &words {
            None => page.await?,
            Some(_) => self.shared.turns.wait(caller.tenant(), page).await?,
        };
        let next = page.next.map(|next| Value::from(next.to_string()));
        let next = next.map_or_else(String::new, |next| format!(r#","next":{next}"#));
        Ok(format!(r#"{{"jobs":[{}]{next}}}"#, page.jobs.join(",")))
    }

    /// A page of a batch's items; `None` when the caller sees no such batch.
    pub async fn items(
        &self,
        caller: &Caller,
        job: &JobId,
        query: ItemQuery,
    ) -> Result<Option<ItemPage>, Error> {
        if !self.is_batch(caller, job).await? {
            return Ok(None);
        }
        let asked = query.limit;
        // One more than asked tells whether there is a next page.
        let query = ItemQuery { limit: asked.saturating_add(1), ..query };
        let mut stored = self.shared.store.items(job, &query).await?;
        let more = stored.len() > asked;
        stored.truncate(asked);
        let next = stored.last().map(|item| item.index).filter(|_| more);
        let items = stored.iter().map(item_of).collect::<Result<_, _>>()?;
        Ok(Some(ItemPage { items, next }))
    }

    /// A reader of a batch's results; `None` when the caller sees no such batch.
    pub async fn results(
        &self,
        caller: &Caller,
        job: &JobId,
        statuses: Vec<ItemStatus>,
    ) -> Result<Option<Results>, Error> {
        if !self.is_batch(caller, job).await? {
            return Ok(None);
        }
        let (_, first) = RESULTS_ITEMS;
        let query = ItemQuery { statuses, limit: first, ..ItemQuery::default() };
        let store = Arc::clone(&self.shared.store);
        Ok(Some(Results { store, job: job.clone(), query, done: false }))
    }

    /// Whether there is a batch of that name that the caller may see. A job that is none and that
    /// the caller sees is [`Error::NotABatch`].
    pub async fn is_batch(&self, caller: &Caller, job: &JobId) -> Result<bool, Error> {
        match self.visible(caller, job).await? {
            None => Ok(false),
            Some(stored) if stored.document.get("items").is_some() => Ok(true),
            Some(_) => Err(Error::NotABatch(job.clone())),
        }
    }

    /// A batch's position, and where its items are; `None` when the caller sees no such batch.
    async fn item_counts(
        &self,
        caller: &Caller,
        job: &JobId,
    ) -> Result<Option<(Cursor, ItemCounts)>, Error> {
        let Some(mut stored) = self.visible(caller, job).await? else { return Ok(None) };
        let items = stored.document.get_mut("items");
        let items = items.ok_or_else(|| Error::NotABatch(job.clone()))?;
        serde_json::from_value(items.take())
            .map(|counts| Some((stored.cursor, counts)))
            .map_err(|error| Error::Unreadable(error.to_string()))
    }

    async fn visible(&self, caller: &Caller, job: &JobId) -> Result<Option<Stored>, Error> {
        if authorize(caller, Act::Watch, On::JobNamed(job)).is_err() {
            return Ok(None);
        }
        let stored = self.shared.store.load(job).await?;
        Ok(stored.filter(|stored| {
            let facets = &stored.facets;
            let view = JobView {
                id: job.as_str(),
                owner: &facets.owner,
                session: facets.session.as_deref(),
                tags: &facets.tags,
            };
            authorize(caller, Act::Watch, On::Job(view)).is_ok()
        }))
    }
}

/// Reads a batch's results page by page, by index. Its memory is bounded by a page, whose number of
/// items follows their size.
#[derive(Debug)]
pub struct Results {
    store: Arc<dyn Store>,
    job: JobId,
    query: ItemQuery,
    done: bool,
}

impl Results {
    /// The next page; `None` at the end. Not cancel safe: a page whose future is dropped may be
    /// read again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ResultLine>>, Error> {
        if self.done {
            return Ok(None);
        }
        let items = self.store.items(&self.job, &self.query).await?;
        let Some(last) = items.last() else {
            self.done = true;
            return Ok(None);
        };
        self.query.after = Some(last.index);
        let bytes: usize = items.iter().map(bytes_of).sum();
        let (most, _) = RESULTS_ITEMS;
        self.query.limit = (RESULTS_BYTES / (bytes / items.len()).max(1)).clamp(1, most);
        let lines = items.iter().map(|item| item_of(item).map(ResultLine::from));
        lines.collect::<Result<_, _>>().map(Some)
    }
}

/// Refuses a cursor that no log gave which reaches to `newest`.
fn check_cursor(field: &'static str, cursor: Option<Cursor>, newest: Cursor) -> Result<(), Error> {
    match cursor {
        Some(cursor) if cursor.epoch != newest.epoch || cursor.offset > newest.offset => {
            Err(Error::OtherLog { field, cursor })
        }
        Some(_) | None => Ok(()),
    }
}

fn bytes_of(item: &StoredItem) -> usize {
    let output = item.output.as_ref().map_or(0, |output| output.get().len());
    256 + item.input.get().len() + output
}

fn item_of(item: &StoredItem) -> Result<Item, Error> {
    Ok(Item {
        index: item.index,
        custom_id: item.custom_id.clone(),
        status: item.status,
        attempts: item.attempts,
        input: value_of(&item.input)?,
        output: item.output.as_deref().map(value_of).transpose()?,
        error: item.error.clone(),
        cost: item.cost,
        started_at: item.started_at,
        duration_ms: item.duration_ms,
    })
}

fn value_of(text: &RawValue) -> Result<Value, Error> {
    serde_json::from_str(text.get()).map_err(|error| Error::Unreadable(error.to_string()))
}
