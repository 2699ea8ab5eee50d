//! What the formats read of a job's document.

use std::collections::BTreeMap;

use headway_protocol::document::Step;
use headway_protocol::{JobError, JobStatus, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// A job's document, as the log folds to it. Members that are absent and members that are `null`
/// mean the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a>(pub(super) &'a Value);

impl<'a> Document<'a> {
    /// The job's name.
    pub(super) fn id(self) -> &'a str {
        self.text("id").unwrap_or_default()
    }

    /// Where it is in its life.
    pub(super) fn status(self) -> JobStatus {
        // The hub has read it before it told of the job.
        self.text("status").and_then(|text| text.parse().ok()).unwrap_or(JobStatus::Pending)
    }

    /// The share that is done; `None`: nobody knows.
    pub(super) fn percent(self) -> Option<f64> {
        self.0.pointer("/progress/percent").and_then(Value::as_f64)
    }

    /// What part of the work is going on.
    pub(super) fn phase(self) -> Option<&'a str> {
        self.text("phase")
    }

    /// The newest message for people.
    pub(super) fn message(self) -> Option<&'a str> {
        self.text("message")
    }

    /// The producer's grouping key.
    pub(super) fn session(self) -> Option<&'a str> {
        self.text("session")
    }

    /// The producer's own data.
    pub(super) fn metadata(self) -> Option<&'a Value> {
        self.0.get("metadata").filter(|metadata| !metadata.is_null())
    }

    /// What came out, as it is.
    pub(super) fn result(self) -> Value {
        self.0.get("result").cloned().unwrap_or_default()
    }

    /// Why it failed, was stopped or stands still.
    pub(super) fn error(self) -> Option<JobError> {
        JobError::deserialize(self.0.get("error")?).ok()
    }

    /// Why it did not end well, in words.
    pub(super) fn failure(self) -> String {
        let said = self.error().map(|error| error.message).filter(|message| !message.is_empty());
        said.unwrap_or_else(|| match self.status() {
            JobStatus::Cancelled => "it was cancelled".to_owned(),
            JobStatus::Expired => "its time ran out".to_owned(),
            JobStatus::Pending
            | JobStatus::Queued
            | JobStatus::Running
            | JobStatus::Pausing
            | JobStatus::Paused
            | JobStatus::Cancelling
            | JobStatus::Completed
            | JobStatus::Failed => "it failed".to_owned(),
        })
    }

    /// Its steps, by key.
    pub(super) fn steps(self) -> BTreeMap<String, Step> {
        let steps = self.0.get("steps").map(BTreeMap::deserialize);
        steps.and_then(Result::ok).unwrap_or_default()
    }

    /// A moment, as it is written.
    pub(super) fn moment(self, member: &str) -> Option<&'a str> {
        self.text(member)
    }

    /// When its newest event happened, as it is written.
    pub(super) fn updated_at(self) -> &'a str {
        self.text("updated_at").unwrap_or_default()
    }

    /// The same as a time.
    pub(super) fn now(self) -> Option<Timestamp> {
        self.updated_at().parse().ok()
    }

    fn text(self, member: &str) -> Option<&'a str> {
        self.0.get(member)?.as_str()
    }
}
