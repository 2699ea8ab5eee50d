//! What a hub is told before it starts.

use std::collections::BTreeMap;

use crate::Error;
use crate::metrics::Metrics;

/// What every part of a hub goes by and counts with.
#[derive(Debug, Default)]
pub(crate) struct Setting {
    pub(crate) options: Options,
    pub(crate) metrics: Metrics,
}

/// What a hub is told before it starts. The defaults are the protocol's.
#[derive(Clone, Debug)]
pub struct Options {
    /// A heartbeat is sent when nothing else was for so many milliseconds; at least 100.
    pub heartbeat_ms: u64,
    /// The shortest time between two state frames of one job, in milliseconds, where neither the
    /// subscription nor the kind says; 0 holds nothing back.
    pub min_interval_ms: u64,
    /// The same for jobs of some kinds, by kind. Who subscribes may ask for more and not for less:
    /// it protects those who watch such jobs, and this server, from what moves too fast.
    pub kind_intervals: BTreeMap<String, u64>,
    /// The most subscriptions of one connection; 1 to 4096.
    pub max_subscriptions: u32,
    /// The most connections that watch one session by its name; at least 1.
    pub max_session_connections: usize,
    /// The largest message that a client may send, in bytes.
    pub max_message_bytes: u64,
    /// Records of a watched job that are kept at hand for those who are a little behind. Somebody
    /// further behind gets a snapshot, and reads events from the log.
    pub ring_records: usize,
    /// The most bytes of them.
    pub ring_bytes: usize,
    /// The most bytes of them for all watched jobs together. Above it a job keeps its newest few
    /// alone.
    pub all_rings_bytes: u64,
    /// Events that a live watcher may be behind before it gets a `gap` instead of them.
    pub max_event_lag: u64,
    /// Jobs that one connection may watch at once through its selectors. A connection costs a few
    /// hundred bytes for each, so this bounds its memory.
    pub max_jobs: usize,
    /// Jobs that have not ended and that a new selector shows at once, the newest; others appear
    /// when they change.
    pub survey_jobs: usize,
    /// Records that wait between the store and the hub. When it is full they are dropped, and the
    /// log is read instead.
    pub inbox_records: usize,
    /// How long a job that nobody watches any more is kept at hand, in milliseconds: a page that
    /// reloads finds it warm.
    pub topic_grace_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heartbeat_ms: 20_000,
            min_interval_ms: 100,
            kind_intervals: BTreeMap::new(),
            max_subscriptions: 256,
            max_session_connections: 3,
            max_message_bytes: 64 * 1024,
            ring_records: 256,
            ring_bytes: 256 * 1024,
            all_rings_bytes: 64 * 1024 * 1024,
            max_event_lag: 65_536,
            max_jobs: 10_000,
            survey_jobs: 1_000,
            inbox_records: 65_536,
            topic_grace_ms: 30_000,
        }
    }
}

impl Options {
    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), Error> {
        let rules = [
            (self.heartbeat_ms >= 100, "heartbeat_ms", "at least 100"),
            ((1..=4_096).contains(&self.max_subscriptions), "max_subscriptions", "1 to 4096"),
            (self.max_session_connections >= 1, "max_session_connections", "at least 1"),
            (self.max_message_bytes >= 1_024, "max_message_bytes", "at least 1024"),
            (self.ring_records >= 2, "ring_records", "at least 2"),
            (self.max_event_lag >= 1, "max_event_lag", "at least 1"),
            (self.max_jobs >= 1, "max_jobs", "at least 1"),
            (self.inbox_records >= 1, "inbox_records", "at least 1"),
            (self.topic_grace_ms >= 100, "topic_grace_ms", "at least 100"),
        ];
        match rules.into_iter().find(|(holds, _, _)| !holds) {
            Some((_, option, range)) => Err(Error::Option { option, range }),
            None => Ok(()),
        }
    }

    /// The shortest time between two state frames of a job of this kind: whatever a subscription
    /// asks for, and where it asks for none.
    pub fn intervals_of(&self, kind: &str) -> (u64, u64) {
        match self.kind_intervals.get(kind) {
            Some(interval) => (*interval, *interval),
            None => (0, self.min_interval_ms),
        }
    }
}
