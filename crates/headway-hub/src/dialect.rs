//! Dialects: other wire formats of the same log.
//!
//! A session that [speaks](crate::session::Session::speak) a dialect is told of each job's state in
//! the words of that dialect instead of snapshots and patches: each message stands alone and tells
//! the whole. What it says is a function of the document and of the events since the last message,
//! so that all watchers of a job who are told the same share one message, and nobody keeps anything
//! beside a position. All else is as in the stream's own words: order, conflation, limits, ends.
//!
//! Owner: whoever serves the format makes one of each and hands it to its sessions.

use std::fmt;

use headway_protocol::Cursor;
use serde_json::Value;
use serde_json::value::RawValue;

/// Another wire format of the same log.
pub struct Dialect {
    /// Its name, for logs.
    pub name: &'static str,
    /// Says a job's state as one message, JSON text. It is called once for all who are told the
    /// same, while others wait for the job: it must not block, and its outcome must depend on
    /// nothing but the argument.
    pub tell: fn(&Telling<'_>) -> String,
    /// Whether messages carry events, and how many of the past whoever comes for the first time is
    /// told of, the newest, as far as they are in the log; 0: they carry none. After that a message
    /// carries all events since the one before that are at hand; see
    /// [`crate::Options::ring_records`] and [`crate::Options::ring_bytes`].
    pub events: usize,
    /// A heartbeat is sent when nothing else was for so many milliseconds.
    pub heartbeat_ms: u64,
    /// For a selector: jobs that ended within so many milliseconds are shown as well, and a
    /// selector that finds no job is refused as one that is about nothing. `None`: as in the
    /// stream's own words, only jobs that have not ended are shown at first, and there may be none.
    pub ended_within_ms: Option<u64>,
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialect").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What there is to say of a job.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The job's document, without its cursor.
    pub document: &'a Value,
    /// The position that it shows.
    pub cursor: Cursor,
    /// Events that were not told before, oldest first, each with its position.
    pub events: &'a [(Cursor, &'a RawValue)],
    /// Events that were not told before and are not among these.
    pub missed: u64,
}
