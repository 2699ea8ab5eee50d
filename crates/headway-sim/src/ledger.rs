//! The log as its writer knows it, and what is true at each of its positions.
//!
//! Documents are made first and patches are found by comparing two of them, so that a mistake in
//! applying or joining patches cannot hide in the truth. Owner: the world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headway_protocol::frame::Subscribe;
use headway_protocol::patch::Diff;
use headway_protocol::{Cursor, JobId, JobStatus, Owner, Timestamp};
use headway_store::{Append, Expected, Facets, Record};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::truth::Truth;
use crate::viewer::Viewer;

/// One log: of a job's name there is another after it was removed and made again.
#[derive(Debug, Default)]
struct Log {
    /// The document at the end of each record.
    documents: BTreeMap<u64, Value>,
    /// Where the status changes or an attempt begins.
    changes: BTreeSet<u64>,
    events: Vec<(&'static str, Value)>,
    trimmed_to: u64,
    removed: bool,
}

/// Everything that was ever written.
#[derive(Debug)]
pub(crate) struct Ledger {
    logs: BTreeMap<(JobId, u32), Log>,
    newest: BTreeMap<JobId, u32>,
    next_epoch: u32,
    default_interval_ms: u64,
}

/// A job's document and place.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Its newest position.
    pub(crate) cursor: Cursor,
    /// Its document, without `cursor`.
    pub(crate) document: Value,
}

impl Standing {
    /// Its status.
    pub(crate) fn status(&self) -> JobStatus {
        status_of(&self.document)
    }
}

/// The status in a document; `pending` where there is none.
fn status_of(document: &Value) -> JobStatus {
    let word = document.get("status").and_then(Value::as_str).unwrap_or_default();
    word.parse().unwrap_or(JobStatus::Pending)
}

impl Ledger {
    /// An empty ledger. State frames come at most every so many milliseconds where a subscription
    /// does not say.
    pub(crate) fn new(default_interval_ms: u64) -> Self {
        Self { logs: BTreeMap::new(), newest: BTreeMap::new(), next_epoch: 1, default_interval_ms }
    }

    /// Where a job is; `None` when it was removed or never was.
    pub(crate) fn standing(&self, job: &JobId) -> Option<Standing> {
        let epoch = *self.newest.get(job)?;
        let log = self.log(job, epoch).filter(|log| !log.removed)?;
        let (offset, document) = log.documents.last_key_value()?;
        Some(Standing { cursor: Cursor { epoch, offset: *offset }, document: document.clone() })
    }

    /// Writes the record that leads from where a job is to this document, and says what to append.
    pub(crate) fn write(
        &mut self,
        job: &JobId,
        document: Value,
        words: &[&'static str],
        at: Timestamp,
    ) -> Append {
        let standing = self.standing(job);
        let (cursor, before) = if let Some(Standing { cursor, document }) = standing {
            (cursor, document)
        } else {
            let epoch = self.next_epoch;
            self.next_epoch += 1;
            self.newest.insert(job.clone(), epoch);
            self.logs.insert((job.clone(), epoch), Log::default());
            (Cursor { epoch, offset: 0 }, Value::Null)
        };
        let Cursor { epoch, offset: from } = cursor;
        let patch = if before.is_null() {
            document.clone()
        } else {
            before.diff(&document).unwrap_or_else(|| json!({}))
        };
        let changes = ["status", "attempt"].iter().any(|member| patch.get(member).is_some());
        let mut to = from;
        let log = self.logs.entry((job.clone(), epoch)).or_default();
        let mut events = Vec::with_capacity(words.len());
        for word in words {
            to += 1;
            let event = json!({"type": word, "at": at, "fields": {"n": to}});
            events.push(raw(&event));
            log.events.push((word, event));
        }
        if changes {
            log.changes.insert(to);
        }
        let facets = facets_of(&document, at);
        log.documents.insert(to, document);
        let expected = if from == 0 { Expected::Absent { epoch } } else { Expected::At(from) };
        let private = raw(&json!({}));
        let record = Record { from, to, at, events, patch: raw(&patch), private };
        Append {
            job: job.clone(),
            expected,
            record: Arc::new(record),
            facets: Arc::new(facets),
            items: Vec::new(),
            key: None,
            entries: Vec::new(),
        }
    }

    /// Forgets the beginning of a job's log, up to the end of one of its records that is not the
    /// last. The position after which the log begins.
    pub(crate) fn trim(&mut self, job: &JobId, records: usize) -> Option<u64> {
        let epoch = *self.newest.get(job)?;
        let log = self.logs.get_mut(&(job.clone(), epoch)).filter(|log| !log.removed)?;
        let to = *log.documents.keys().rev().skip(1).nth(records)?;
        log.trimmed_to = log.trimmed_to.max(to);
        Some(log.trimmed_to)
    }

    /// Removes a job.
    pub(crate) fn remove(&mut self, job: &JobId) {
        if let Some(epoch) = self.newest.get(job)
            && let Some(log) = self.logs.get_mut(&(job.clone(), *epoch))
        {
            log.removed = true;
        }
    }

    /// Whether a job's newest record changed its status, or began an attempt.
    pub(crate) fn has_just_changed(&self, job: &JobId) -> bool {
        self.standing(job).is_some_and(|standing| {
            let Cursor { epoch, offset } = standing.cursor;
            self.log(job, epoch).is_some_and(|log| log.changes.contains(&offset))
        })
    }

    /// Whether a job's name has had several logs.
    pub(crate) fn was_given_away(&self, job: &JobId) -> bool {
        self.logs.keys().filter(|(known, _)| known == job).count() > 1
    }

    fn log(&self, job: &JobId, epoch: u32) -> Option<&Log> {
        self.logs.get(&(job.clone(), epoch))
    }
}

impl Truth for Ledger {
    fn judge_document(&self, job: &JobId, at: Cursor, document: &Value) -> Result<(), String> {
        let truth = self.log(job, at.epoch).and_then(|log| log.documents.get(&at.offset));
        let Some(truth) = truth else { return Err("no record ends there".to_owned()) };
        let mut truth = truth.clone();
        if let Value::Object(members) = &mut truth {
            members.insert("cursor".to_owned(), json!(at));
        }
        if truth == *document { Ok(()) } else { Err(truth.to_string()) }
    }

    fn judge_event(&self, job: &JobId, at: Cursor, event: &Value) -> Result<(), String> {
        let place = usize::try_from(at.offset).unwrap_or(usize::MAX).wrapping_sub(1);
        let truth = self.log(job, at.epoch).and_then(|log| log.events.get(place));
        match truth {
            Some((_, truth)) if truth == event => Ok(()),
            Some((_, truth)) => Err(truth.to_string()),
            None => Err("there is no such event".to_owned()),
        }
    }

    fn next_event(
        &self,
        job: &JobId,
        after: Cursor,
        until: u64,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Option<u64> {
        let log = self.log(job, after.epoch)?;
        let skip = usize::try_from(after.offset).unwrap_or(usize::MAX);
        let events = (1..).zip(&log.events).skip(skip);
        events
            .take_while(|(offset, _)| *offset <= until)
            .find(|(_, (word, _))| wanted(word))
            .map(|(offset, _)| offset)
    }

    fn next_change(&self, job: &JobId, after: Cursor, until: u64) -> Option<u64> {
        let log = self.log(job, after.epoch)?;
        log.changes.range(after.offset + 1..).next().copied().filter(|change| *change <= until)
    }

    fn may_change(&self, job: &JobId, after: Cursor, until: u64) -> bool {
        self.next_change(job, after, until).is_some()
    }

    fn is_forgotten(&self, job: &JobId, at: Cursor) -> Option<bool> {
        Some(self.log(job, at.epoch).is_none_or(|log| log.removed || at.offset < log.trimmed_to))
    }

    fn may_see(&self, viewer: &Viewer, job: &JobId, epoch: u32) -> bool {
        let log = self.log(job, epoch);
        let document = log.and_then(|log| log.documents.values().next_back());
        document.is_some_and(|document| viewer.sees(job, document))
    }

    fn covers(&self, subscribe: &Subscribe, viewer: &Viewer, job: &JobId, epoch: u32) -> bool {
        let log = self.log(job, epoch);
        let Some(document) = log.and_then(|log| log.documents.values().next_back()) else {
            return false;
        };
        let text = |member: &str| document.get(member).and_then(Value::as_str);
        let tags = document.get("tags").and_then(Value::as_array);
        viewer.sees(job, document)
            && (subscribe.job.as_ref() == Some(job)
                || subscribe.session.as_deref().is_some_and(|name| text("session") == Some(name))
                || subscribe.tag.as_deref().is_some_and(|tag| {
                    tags.is_some_and(|tags| tags.iter().any(|known| known == tag))
                })
                || subscribe.all == Some(true))
    }

    fn default_interval_ms(&self, _: &JobId) -> u64 {
        self.default_interval_ms
    }
}

fn facets_of(document: &Value, at: Timestamp) -> Facets {
    let text = |member: &str| document.get(member).and_then(Value::as_str).map(str::to_owned);
    let tags = document.get("tags").and_then(Value::as_array);
    let tags = tags.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let owner = document.get("owner").cloned().unwrap_or_default();
    let owner: Owner = serde_json::from_value(owner).unwrap_or_default();
    let status = status_of(document);
    let created_at = text("created_at").and_then(|text| text.parse().ok()).unwrap_or(at);
    Facets {
        status,
        kind: text("kind").unwrap_or_default(),
        session: text("session"),
        tags,
        owner,
        created_at,
        finished_at: status.is_terminal().then_some(at),
        due_at: None,
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_default()
}
