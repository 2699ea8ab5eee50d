//! What a session needs done by others, and how it hears of it.

use std::sync::Arc;

use headway_protocol::{Action, Cursor, JobId};
use headway_store::History;

use crate::error::Error;
use crate::feed::{FeedReader, Selector};
use crate::topic::Topic;

/// Something that a session needs done; every request is answered once by
/// [`super::Session::handle_answer`].
#[derive(Clone, Debug)]
pub enum Request {
    /// Watch a job.
    Watch {
        /// Comes back with the answer.
        ticket: u32,
        /// The job.
        job: JobId,
        /// The position that the reader holds: records after it are wanted at hand.
        cursor: Option<Cursor>,
    },
    /// Join a selector's feed, then list its jobs.
    Survey {
        /// Comes back with the answer.
        ticket: u32,
        /// The subscription, under which the feed rings.
        subscription: u16,
        /// What it is about.
        selector: Selector,
    },
    /// Read a page of a job's log.
    Read {
        /// The lane that needs it.
        lane: u32,
        /// The job.
        job: JobId,
        /// The position after which it begins.
        after: u64,
    },
}

/// What came of a request.
#[derive(Debug)]
pub enum Answer {
    /// Of `Watch`.
    Watched {
        /// The request's.
        ticket: u32,
        /// The job; `None` when the caller sees no such job.
        outcome: Result<Option<Found>, Error>,
    },
    /// Of `Survey`.
    Surveyed {
        /// The request's.
        ticket: u32,
        /// The request's.
        subscription: u16,
        /// The jobs.
        outcome: Result<Surveyed, Error>,
    },
    /// Of `Read`.
    Read {
        /// The request's.
        lane: u32,
        /// The request's.
        job: JobId,
        /// The request's.
        after: u64,
        /// The page; `None` when there is no such job any more.
        outcome: Result<Option<History>, Error>,
    },
}

/// A job that can be watched.
#[derive(Clone, Debug)]
pub struct Found {
    /// The job.
    pub topic: Arc<Topic>,
    /// Its log is known to begin after this position.
    pub trimmed_to: u64,
}

/// The jobs of a selector.
#[derive(Debug)]
pub struct Surveyed {
    /// The subscription's place in the feed.
    pub reader: FeedReader,
    /// Jobs that have not ended, the newest.
    pub jobs: Vec<JobId>,
}

/// A command that a watcher sent; answered by [`super::Session::handle_command_answer`].
#[derive(Clone, Debug)]
pub struct AskedCommand {
    /// The watcher's message.
    pub id: String,
    /// The job.
    pub job: JobId,
    /// What is asked.
    pub action: Action,
}
