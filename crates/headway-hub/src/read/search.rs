//! Finding jobs by words: part of a name, a kind, a session or a tag.
//!
//! There is no index of words: the list is looked through, newest first, and a request looks at a
//! bounded number of jobs. Whoever wants more goes on from where it ended.

use headway_store::{ListPage, ListQuery, PageKey, Store, Stored};
use serde_json::Value;

use crate::error::Error;

/// Jobs that one request looks at: some tenths of a second's work for a store.
const MOST: usize = 5_000;

/// Jobs that are looked at together, and held in memory: the largest page of a list.
const TOGETHER: usize = 200;

/// Words, each of which a job has to have somewhere.
pub(super) struct Words(Vec<String>);

impl Words {
    /// The words of a text. Letters are the same large and small.
    pub(super) fn new(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_lowercase).collect())
    }

    /// Whether each is part of something that people call the job by.
    fn fit(&self, stored: &Stored) -> bool {
        let facets = &stored.facets;
        let member = |name: &str| stored.document.get(name).and_then(Value::as_str);
        let named = [member("id"), member("name"), Some(&facets.kind), facets.session.as_deref()];
        let tags = facets.tags.iter().map(String::as_str);
        let places: Vec<String> =
            named.into_iter().flatten().chain(tags).map(str::to_lowercase).collect();
        self.0.iter().all(|word| places.iter().any(|place| place.contains(word.as_str())))
    }
}

/// A page of the jobs that `query` finds and the words fit. It may have few of them, or none, and
/// still say where to go on.
pub(super) async fn find(
    store: &dyn Store,
    query: ListQuery,
    words: &Words,
) -> Result<ListPage, Error> {
    let wanted = query.limit;
    let mut query = ListQuery { limit: TOGETHER, ..query };
    let mut jobs = Vec::new();
    let mut looked_at = 0;
    loop {
        let page = store.list(&query).await?;
        looked_at += page.jobs.len();
        let mut left = page.jobs.into_iter();
        while let Some(stored) = left.next() {
            if !words.fit(&stored) {
                continue;
            }
            let key = key_of(&stored)?;
            jobs.push(stored);
            if jobs.len() >= wanted {
                let more = left.len() > 0 || page.next.is_some();
                return Ok(ListPage { jobs, next: more.then_some(key) });
            }
        }
        if page.next.is_none() || looked_at >= MOST {
            return Ok(ListPage { jobs, next: page.next });
        }
        query.after = page.next;
    }
}

/// A job's place in the list.
fn key_of(stored: &Stored) -> Result<PageKey, Error> {
    let id = stored.document.get("id").and_then(Value::as_str).unwrap_or_default();
    let id = id.parse().map_err(|_| Error::Unreadable("a document without its name".to_owned()))?;
    Ok(PageKey { created_at: stored.facets.created_at, id })
}
