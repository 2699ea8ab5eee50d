//! What the hub counts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::frame::FrameKind;
use crate::read::LookCounts;

/// The upper ends of the latency buckets, in milliseconds; the last bucket has none.
pub const LATENCY_BOUNDS_MS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 500, 2_000];

/// Groups of counters between which threads are spread, so that threads which serve watchers do not
/// wait for one another's counting.
const STRIPES: usize = 8;

/// A bound that somebody ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// [`crate::Options::max_subscriptions`].
    Subscriptions,
    /// [`crate::Options::max_jobs`].
    Jobs,
    /// [`crate::Options::max_session_connections`].
    SessionConnections,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 3] = [Self::Subscriptions, Self::Jobs, Self::SessionConnections];

    /// The limit's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscriptions => "subscriptions",
            Self::Jobs => "jobs",
            Self::SessionConnections => "connections_per_session",
        }
    }
}

/// Counters of a hub, from its start. They only rise, but for the gauges `topics`,
/// `subscriptions`, `connections` and `ring_bytes`.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Jobs at hand: those that are watched, and others until they are let go.
    pub topics: AtomicU64,
    /// Subscriptions that stand.
    pub subscriptions: AtomicU64,
    /// Connections that stand.
    pub connections: AtomicU64,
    /// Bytes of the records that are kept at hand, as far as [`crate::Options::all_rings_bytes`]
    /// counts them.
    pub ring_bytes: AtomicU64,
    /// Records that were folded into a joined update or skipped by a snapshot.
    pub conflated: AtomicU64,
    /// Times that the log had to be read because records did not reach the hub.
    pub rereads: AtomicU64,
    /// Records that the inbox could not hold.
    pub dropped: AtomicU64,
    /// Client messages that were refused.
    pub refused: AtomicU64,
    /// Why a batch's items failed.
    pub error_looks: LookCounts,
    /// Which of a batch's items failed with a code.
    pub item_looks: LookCounts,
    /// How fast a batch's items finished.
    pub timing_looks: LookCounts,
    limited: [AtomicU64; Limit::ALL.len()],
    stripes: [Stripe; STRIPES],
}

/// What is counted with every frame. Alone in its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    frames: [AtomicU64; FrameKind::ALL.len()],
    latency: [AtomicU64; LATENCY_BOUNDS_MS.len() + 1],
    latency_sum_ms: AtomicU64,
}

impl Metrics {
    /// Frames of this type that were handed out.
    pub fn frames(&self, kind: FrameKind) -> u64 {
        let counts = self.stripes.iter().filter_map(|stripe| stripe.frames.get(kind as usize));
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Time from a record's decision to its frame: the sum in milliseconds, and how many took up to
    /// each of [`LATENCY_BOUNDS_MS`] (not cumulative), the rest last.
    pub fn latency(&self) -> (u64, Vec<u64>) {
        let mut sum = 0;
        let mut counts = vec![0; LATENCY_BOUNDS_MS.len() + 1];
        for stripe in &self.stripes {
            sum += stripe.latency_sum_ms.load(Ordering::Relaxed);
            for (total, count) in counts.iter_mut().zip(&stripe.latency) {
                *total += count.load(Ordering::Relaxed);
            }
        }
        (sum, counts)
    }

    /// How often somebody ran into a limit.
    pub fn limited(&self, limit: Limit) -> u64 {
        self.limited.get(limit as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts a record that reached a watcher: the time from its decision (see
    /// [`crate::Frame::at`]) to the write of its frame to a socket, in milliseconds.
    pub fn delivered(&self, millis: u64) {
        let Some(stripe) = self.stripe() else { return };
        let bucket = LATENCY_BOUNDS_MS.partition_point(|bound| *bound < millis);
        if let Some(count) = stripe.latency.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        stripe.latency_sum_ms.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, kind: FrameKind) {
        let count = self.stripe().and_then(|stripe| stripe.frames.get(kind as usize));
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn limit(&self, limit: Limit) {
        if let Some(count) = self.limited.get(limit as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// This thread's counters.
    fn stripe(&self) -> Option<&Stripe> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static STRIPE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES;
        }
        self.stripes.get(STRIPE.with(|stripe| *stripe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_count_apart_is_told_together() {
        let metrics = Metrics::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| {
                    metrics.sent(FrameKind::Update);
                    metrics.delivered(3);
                });
            }
        });
        let threads = 2 * STRIPES as u64;
        assert_eq!(metrics.frames(FrameKind::Update), threads);
        assert_eq!(metrics.frames(FrameKind::Event), 0);
        let (sum, counts) = metrics.latency();
        assert_eq!(sum, 3 * threads);
        assert_eq!(counts, [0, 0, threads, 0, 0, 0, 0, 0, 0, 0]);
    }
}
