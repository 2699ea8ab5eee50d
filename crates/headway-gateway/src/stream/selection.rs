//! What a stream's address asks to watch.

use axum::http::HeaderMap;
use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{Cursor, JobId};

use crate::headers::text_of;
use crate::problem::Refusal;
use crate::query::Query;

/// What a stream's address asks to watch: a list of subscriptions, and where they go on.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    subscriptions: Vec<Subscribe>,
    /// Positions of jobs that the reader holds, from a poll over many.
    positions: Vec<(JobId, Cursor)>,
    /// Whether the address names the one job that there is to watch: then the stream ends with it.
    pub(crate) single: bool,
}

impl Selection {
    /// The stream of one job.
    pub(crate) fn one(job: JobId, query: &Query, headers: &HeaderMap) -> Result<Self, Refusal> {
        let template = template(query)?;
        let cursor = last_event_id(query, headers)?.or(query.read("cursor")?);
        let id = job.to_string();
        let subscription = Subscribe { id, job: Some(job), cursor, ..template };
        Ok(Self { subscriptions: vec![subscription], positions: Vec::new(), single: true })
    }

    /// What another format's address names; `ends`: the stream ends with it.
    pub(crate) fn named(subscribe: Subscribe, positions: Vec<(JobId, Cursor)>, ends: bool) -> Self {
        Self { subscriptions: vec![subscribe], positions, single: ends }
    }

    /// The positions that a parameter holds: `JOB@CURSOR`, repeated or with commas between.
    pub(crate) fn positions(query: &Query, name: &str) -> Result<Vec<(JobId, Cursor)>, Refusal> {
        let positions = query.all(name).map(|text| read_positions(text, name));
        Ok(positions.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// The stream of many jobs, which must be named.
    pub(crate) fn many(query: &Query, headers: &HeaderMap) -> Result<Self, Refusal> {
        let selection = Self::optional(query, headers)?;
        if selection.subscriptions.is_empty() {
            let detail = "say what to watch: `job`, `session`, `tag` or `all=true`";
            return Err(Refusal::invalid("all", detail));
        }
        Ok(selection)
    }

    /// The stream of many jobs, which may still be named by messages.
    pub(crate) fn optional(query: &Query, headers: &HeaderMap) -> Result<Self, Refusal> {
        let template = template(query)?;
        let mut subscriptions = Vec::new();
        for job in query.read_list::<JobId>("job")? {
            let id = format!("job:{job}");
            subscriptions.push(Subscribe { id, job: Some(job), ..template.clone() });
        }
        for session in query.all("session") {
            let (id, session) = (format!("session:{session}"), Some(session.to_owned()));
            subscriptions.push(Subscribe { id, session, ..template.clone() });
        }
        for tag in query.all("tag") {
            let (id, tag) = (format!("tag:{tag}"), Some(tag.to_owned()));
            subscriptions.push(Subscribe { id, tag, ..template.clone() });
        }
        match query.one("all")? {
            None | Some("false" | "0") => {}
            Some("true" | "1") => {
                let id = "all".to_owned();
                subscriptions.push(Subscribe { id, all: Some(true), ..template });
            }
            Some(_) => return Err(Refusal::invalid("all", "`all` must be true or false")),
        }
        for subscription in &mut subscriptions {
            // A subscription's name has at most 128 characters; a session's may have more.
            subscription.id = subscription.id.chars().take(128).collect();
        }
        let last = last_event_id(query, headers)?;
        let mut positions = Vec::new();
        match query.one("cursor")? {
            Some(text) if text.contains('@') => positions = read_positions(text, "cursor")?,
            Some(_) | None => {
                let cursor = last.or(query.read("cursor")?);
                // A cursor is a place in one job: with several it cannot be told whose it is.
                if let ([only], Some(_)) = (subscriptions.as_mut_slice(), cursor)
                    && only.job.is_some()
                {
                    only.cursor = cursor;
                }
            }
        }
        for (job, cursor) in &positions {
            let named = subscriptions.iter_mut().find(|named| named.job.as_ref() == Some(job));
            if let Some(named) = named {
                named.cursor = Some(*cursor);
            }
        }
        Ok(Self { subscriptions, positions, single: false })
    }

    /// Whether one job is watched, so that a plain cursor says where.
    pub(crate) fn is_one_job(&self) -> bool {
        matches!(self.subscriptions.as_slice(), [only] if only.job.is_some())
    }

    /// The one job that is watched.
    pub(crate) fn job(&self) -> Option<&JobId> {
        match self.subscriptions.as_slice() {
            [only] => only.job.as_ref(),
            [] | [_, _, ..] => None,
        }
    }

    /// The position of the one job that is watched.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        match self.subscriptions.as_slice() {
            [only] => only.cursor,
            [] | [_, _, ..] => None,
        }
    }

    /// What to subscribe to, and the positions of jobs that its selectors may bring.
    pub(crate) fn into_parts(self) -> (Vec<Subscribe>, Vec<(JobId, Cursor)>) {
        (self.subscriptions, self.positions)
    }
}

/// Writes down where a poll over many jobs is: `JOB@CURSOR`, with commas between.
pub(crate) fn write_positions<'a>(positions: impl Iterator<Item = (&'a JobId, Cursor)>) -> String {
    let parts: Vec<_> = positions.map(|(job, cursor)| format!("{job}@{cursor}")).collect();
    parts.join(",")
}

fn read_positions(text: &str, name: &str) -> Result<Vec<(JobId, Cursor)>, Refusal> {
    let wrong = || Refusal::invalid(name, format!("`{name}` must be one that an answer carried"));
    text.split(',')
        .map(|part| {
            let (job, cursor) = part.split_once('@').ok_or_else(wrong)?;
            Ok((job.parse().map_err(|_| wrong())?, cursor.parse().map_err(|_| wrong())?))
        })
        .collect()
}

/// The members that every subscription of an address has.
fn template(query: &Query) -> Result<Subscribe, Refusal> {
    let events = match query.one("events")? {
        None => None,
        Some("true" | "1") => Some(EventFilter::All(true)),
        Some("false" | "0") => Some(EventFilter::All(false)),
        Some(types) => Some(EventFilter::Types(types.split(',').map(str::to_owned).collect())),
    };
    let min_interval_ms = query.read("min_interval_ms")?;
    if min_interval_ms.is_some_and(|interval: u64| interval > 3_600_000) {
        let detail = "`min_interval_ms` must be 0 to 3600000";
        return Err(Refusal::invalid("min_interval_ms", detail));
    }
    Ok(Subscribe { events, min_interval_ms, ..Subscribe::default() })
}

/// Where an `EventSource` goes on. The header is the newer of the two: a browser keeps the address
/// and sets the header when it comes back.
fn last_event_id(query: &Query, headers: &HeaderMap) -> Result<Option<Cursor>, Refusal> {
    match text_of(headers, "last-event-id") {
        Ok(Some(text)) => text
            .parse()
            .map(Some)
            .map_err(|error| Refusal::invalid("Last-Event-ID", format!("{error}"))),
        // An empty header is what a browser sends that has seen no id.
        Ok(None) | Err(_) => query.read("last_event_id"),
    }
}
