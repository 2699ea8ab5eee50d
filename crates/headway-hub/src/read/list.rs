//! Pages of jobs, newest first: bounded by their number, by what they weigh, and by how many jobs are
//! looked at for them.

use headway_store::{ListPage, ListQuery, PageKey, Store, Stored};
use serde_json::Value;

use super::search::Words;
use crate::error::Error;

/// Jobs that are looked at for the words of one page: some tenths of a second's work for a store.
const LOOKED_AT: usize = 5_000;

/// Bytes of documents that are looked at for one page, for the same reason.
const LOOKED_AT_BYTES: usize = 128 * 1024 * 1024;

/// Bytes of a page: with one document more it ends. A document has up to some MiB.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Bytes that one read aims at, how many jobs the first one has, and the most of the others.
const READ_BYTES: usize = 4 * 1024 * 1024;
const READ: (usize, usize) = (25, 200);

/// Documents as JSON text, and where the next page begins.
pub(super) struct Page {
    pub(super) jobs: Vec<String>,
    pub(super) next: Option<PageKey>,
}

/// A page of the jobs that `query` finds, and that the words fit where there are some. It may have
/// fewer than asked for, or none, and still say where to go on.
pub(super) async fn page(
    store: &dyn Store,
    query: ListQuery,
    words: Option<&Words>,
) -> Result<Page, Error> {
    let wanted = query.limit;
    let (first, most) = READ;
    let mut query = ListQuery { limit: first.min(wanted), ..query };
    let mut page = Page { jobs: Vec::new(), next: None };
    let (mut bytes, mut looked_at, mut looked_at_bytes) = (0, 0, 0);
    loop {
        let ListPage { jobs: found, next } = store.list(&query).await?;
        looked_at += found.len();
        let mut weights = Weights::default();
        let mut left = found.into_iter();
        while let Some(stored) = left.next() {
            weights.add(&stored.document);
            if words.is_some_and(|words| !words.fit(&stored)) {
                continue;
            }
            let document = stored.rendered();
            bytes += document.len();
            page.jobs.push(document);
            if page.jobs.len() >= wanted || bytes >= PAGE_BYTES {
                if left.len() > 0 || next.is_some() {
                    page.next = Some(key_of(&stored)?);
                }
                return Ok(page);
            }
        }
        looked_at_bytes += weights.bytes;
        let tired = words.is_some() && looked_at >= LOOKED_AT || looked_at_bytes >= LOOKED_AT_BYTES;
        if next.is_none() || tired {
            page.next = next;
            return Ok(page);
        }
        query.after = next;
        let fit = (READ_BYTES / weights.average().max(1)).clamp(1, most);
        query.limit = if words.is_some() { fit } else { fit.min(wanted - page.jobs.len()) };
    }
}

/// A job's place in the list.
fn key_of(stored: &Stored) -> Result<PageKey, Error> {
    let id = stored.document.get("id").and_then(Value::as_str).unwrap_or_default();
    let id = id.parse().map_err(|_| Error::Unreadable("a document without its name".to_owned()))?;
    Ok(PageKey { created_at: stored.facets.created_at, id })
}

/// What documents weigh together.
#[derive(Default)]
struct Weights {
    bytes: usize,
    count: usize,
}

impl Weights {
    fn add(&mut self, document: &Value) {
        self.bytes += weight(document);
        self.count += 1;
    }

    fn average(&self) -> usize {
        self.bytes / self.count.max(1)
    }
}

/// About as many bytes as a value has as text.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(values) => values.iter().map(weight).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum::<usize>() + 2
        }
    }
}
