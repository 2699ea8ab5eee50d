//! What the hub counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::frame::FrameKind;

/// The upper ends of the latency buckets, in milliseconds; the last bucket has none.
pub const LATENCY_BOUNDS_MS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 500, 2_000];

/// Counters of a hub, from its start. They only rise, but for the gauges `topics`,
/// `subscriptions` and `connections`.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Jobs that are watched, or were a moment ago.
    pub topics: AtomicU64,
    /// Subscriptions that stand.
    pub subscriptions: AtomicU64,
    /// Connections that stand.
    pub connections: AtomicU64,
    /// Records that were folded into a joined update or skipped by a snapshot.
    pub conflated: AtomicU64,
    /// Times that the log had to be read because records did not reach the hub.
    pub rereads: AtomicU64,
    /// Records that the inbox could not hold.
    pub dropped: AtomicU64,
    /// Client messages that were refused.
    pub refused: AtomicU64,
    frames: [AtomicU64; FrameKind::ALL.len()],
    latency: [AtomicU64; LATENCY_BOUNDS_MS.len() + 1],
    latency_sum_ms: AtomicU64,
}

impl Metrics {
    /// Frames of this type that were handed out.
    pub fn frames(&self, kind: FrameKind) -> u64 {
        self.frames.get(kind as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Time from a record's decision to its frame: the sum in milliseconds, and how many took up to
    /// each of [`LATENCY_BOUNDS_MS`] (not cumulative), the rest last.
    pub fn latency(&self) -> (u64, Vec<u64>) {
        let counts = self.latency.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        (self.latency_sum_ms.load(Ordering::Relaxed), counts)
    }

    pub(crate) fn sent(&self, kind: FrameKind) {
        if let Some(count) = self.frames.get(kind as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a record that reached a watcher: the time from its decision (see
    /// [`crate::Frame::at`]) to the write of its frame to a socket, in milliseconds.
    pub fn delivered(&self, millis: u64) {
        let bucket = LATENCY_BOUNDS_MS.partition_point(|bound| *bound < millis);
        if let Some(count) = self.latency.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.latency_sum_ms.fetch_add(millis, Ordering::Relaxed);
    }
}
