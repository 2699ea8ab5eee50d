//! What is known of the truth over a network: what producers were answered, and what readers agree
//! on.
//!
//! Reports are numbered, and each carries its number in a log line and in the job's progress, so
//! that a document or an event says by itself which report it is of. Two readers who were shown
//! different numbers at one position, or numbers that fall while positions rise, have not seen one
//! log.

use std::collections::BTreeMap;

use headway_protocol::frame::Subscribe;
use headway_protocol::{Cursor, JobId};
use parking_lot::Mutex;
use serde_json::Value;

use crate::truth::Truth;
use crate::viewer::Viewer;

/// The parts of a document that say which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    report: Option<u64>,
    status: String,
    attempt: u64,
}

/// An event's type, and the report that it belongs to.
type Told = (String, Option<u64>);

#[derive(Debug, Default)]
struct Log {
    documents: BTreeMap<u64, Shown>,
    events: BTreeMap<u64, Told>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Known {
    logs: Mutex<BTreeMap<(JobId, u32), Log>>,
}

impl Known {
    /// A producer was told that this report is the newest at a position.
    pub(crate) fn acknowledge(&self, job: &JobId, at: Cursor, report: u64) -> Result<(), String> {
        let mut logs = self.logs.lock();
        let log = logs.entry((job.clone(), at.epoch)).or_default();
        match log.documents.get(&at.offset).and_then(|shown| shown.report) {
            Some(shown) if shown != report => Err(format!("report {shown}, acknowledged {report}")),
            Some(_) | None => Ok(()),
        }
    }
}

/// The report that a document shows.
pub(crate) fn report_of(document: &Value) -> Option<u64> {
    document.get("progress")?.get("done")?.as_u64()
}

/// The report that an event belongs to.
pub(crate) fn report_of_event(event: &Value) -> Option<u64> {
    let done = event.get("done").and_then(Value::as_u64);
    done.or_else(|| event.get("fields")?.get("n")?.as_u64())
}

fn text<'value>(value: &'value Value, member: &str) -> &'value str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Numbers of reports rise with positions, where both are known.
fn rises(before: Option<u64>, after: Option<u64>) -> bool {
    before.zip(after).is_none_or(|(before, after)| before <= after)
}

impl Truth for Known {
    fn judge_document(&self, job: &JobId, at: Cursor, document: &Value) -> Result<(), String> {
        if text(document, "cursor") != at.to_string() {
            return Err(format!("a document whose cursor is {at}"));
        }
        let report = report_of(document);
        let message = document.get("message").and_then(Value::as_str);
        if let (Some(report), Some(message)) = (report, message)
            && message != format!("n={report}")
        {
            return Err(format!("a document with the message of report {report}"));
        }
        let attempt = document.get("attempt").and_then(Value::as_u64).unwrap_or_default();
        let shown = Shown { report, status: text(document, "status").to_owned(), attempt };
        let mut logs = self.logs.lock();
        let log = logs.entry((job.clone(), at.epoch)).or_default();
        if let Some(known) = log.documents.get(&at.offset)
            && *known != shown
        {
            return Err(format!("{known:?}, as others were shown"));
        }
        let before = log.documents.range(..at.offset).next_back();
        let after = log.documents.range(at.offset + 1..).next();
        let falls = before.is_some_and(|(_, known)| !rises(known.report, report))
            || after.is_some_and(|(_, known)| !rises(report, known.report));
        if falls {
            return Err(format!("between {before:?} and {after:?}"));
        }
        log.documents.insert(at.offset, shown);
        Ok(())
    }

    fn judge_event(&self, job: &JobId, at: Cursor, event: &Value) -> Result<(), String> {
        let told = (text(event, "type").to_owned(), report_of_event(event));
        let mut logs = self.logs.lock();
        let log = logs.entry((job.clone(), at.epoch)).or_default();
        let known = log.events.entry(at.offset).or_insert_with(|| told.clone());
        if *known == told { Ok(()) } else { Err(format!("{known:?}, as others were told")) }
    }

    fn next_event(
        &self,
        job: &JobId,
        after: Cursor,
        until: u64,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Option<u64> {
        let logs = self.logs.lock();
        let log = logs.get(&(job.clone(), after.epoch))?;
        let mut events = log.events.range(after.offset + 1..=until.max(after.offset + 1));
        events.find(|(offset, (word, _))| **offset <= until && wanted(word)).map(|(at, _)| *at)
    }

    fn next_change(&self, job: &JobId, after: Cursor, until: u64) -> Option<u64> {
        let logs = self.logs.lock();
        let log = logs.get(&(job.clone(), after.epoch))?;
        let from = log.documents.get(&after.offset)?;
        let mut later = log.documents.range(after.offset + 1..);
        let same = |known: &Shown| known.status == from.status && known.attempt == from.attempt;
        later.find(|(at, known)| **at <= until && !same(known)).map(|(at, _)| *at)
    }

    fn may_change(&self, _: &JobId, _: Cursor, _: u64) -> bool {
        true
    }

    fn is_forgotten(&self, _: &JobId, _: Cursor) -> Option<bool> {
        None
    }

    fn may_see(&self, _: &Viewer, _: &JobId, _: u32) -> bool {
        true
    }

    fn covers(&self, subscribe: &Subscribe, _: &Viewer, job: &JobId, _: u32) -> bool {
        subscribe.job.as_ref().is_none_or(|named| named == job)
    }

    fn default_interval_ms(&self, _: &JobId) -> u64 {
        0
    }
}
