//! What a reader's frames are held against.

use headway_protocol::frame::Subscribe;
use headway_protocol::{Cursor, JobId};
use serde_json::Value;

use crate::viewer::Viewer;

/// The truth about jobs, as far as somebody knows it. The simulation knows all of it; a test over a
/// network knows what it reported and what it was answered. What is not known is not judged.
pub trait Truth {
    /// Whether this is the job's document at a position. `Err` says what it should have been.
    fn judge_document(&self, job: &JobId, at: Cursor, document: &Value) -> Result<(), String>;

    /// Whether this is the event at a position.
    fn judge_event(&self, job: &JobId, at: Cursor, event: &Value) -> Result<(), String>;

    /// The first event after `after`, up to `until`, whose type is wanted.
    fn next_event(
        &self,
        job: &JobId,
        after: Cursor,
        until: u64,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Option<u64>;

    /// The first change of status, or beginning of an attempt, after `after` and up to `until`.
    fn next_change(&self, job: &JobId, after: Cursor, until: u64) -> Option<u64>;

    /// Whether there may be one, for all that is known.
    fn may_change(&self, job: &JobId, after: Cursor, until: u64) -> bool;

    /// Whether a log's beginning is forgotten up to some position after this one; `None` when it is
    /// not known.
    fn is_forgotten(&self, job: &JobId, at: Cursor) -> Option<bool>;

    /// Whether somebody may see the job, whose log has this epoch.
    fn may_see(&self, viewer: &Viewer, job: &JobId, epoch: u32) -> bool;

    /// Whether a subscription of somebody is about the job, whose log has this epoch.
    fn covers(&self, subscribe: &Subscribe, viewer: &Viewer, job: &JobId, epoch: u32) -> bool;

    /// The state frames' shortest interval where a subscription does not say, in milliseconds.
    fn default_interval_ms(&self, job: &JobId) -> u64;
}
