//! What `/metrics` tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headway_hub::{FrameKind, LATENCY_BOUNDS_MS};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, LabelSetEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::front::admission::{Admission, Limit};
use crate::process::Process;

/// A transport of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Transport {
    pub(crate) transport: &'static str,
}

/// Every transport; each is told of from the start, also while nobody uses it.
const TRANSPORTS: [&str; 3] = ["websocket", "sse", "poll"];

/// Which program this is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Answered {
    /// The route's path, with its placeholders.
    pub(crate) route: String,
    pub(crate) method: String,
    pub(crate) status: u16,
}

/// What the gateway counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Watchers now.
    pub(crate) connections: Family<Transport, Gauge>,
    /// Watchers that were closed because they could not be written to, or gave no pong.
    pub(crate) failed: Family<Transport, Counter>,
    /// Requests.
    pub(crate) requests: Family<Answered, Counter>,
    /// How long requests took to their first byte; streams are left out.
    pub(crate) request_seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new(
        hub: &headway_hub::Handle,
        admission: &Arc<Admission>,
        registry: &mut Registry,
    ) -> Self {
        let metrics = Self {
            connections: Family::default(),
            failed: Family::default(),
            requests: Family::default(),
            request_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
        };
        let Self { connections, failed, requests, request_seconds } = &metrics;
        for transport in TRANSPORTS {
            drop(connections.get_or_create(&Transport { transport }));
        }
        registry.register("headway_connections", "Watchers", connections.clone());
        registry.register(
            "headway_connections_failed",
            "Watchers closed because a write stood still or no pong came",
            failed.clone(),
        );
        registry.register("headway_http_requests", "Answered requests", requests.clone());
        registry.register(
            "headway_http_request_seconds",
            "Time to a request's answer, streams left out",
            request_seconds.clone(),
        );
        registry.register_collector(Box::new(Counts(hub.clone(), Arc::clone(admission))));
        registry.register_collector(Box::new(Process));
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("headway_build_info", "Which program this is; always 1", build);
        metrics
    }
}

/// Counts a watcher for as long as it lives.
#[derive(Debug)]
pub(crate) struct Connected {
    gauge: Gauge,
    transport: &'static str,
}

impl Connected {
    pub(crate) fn new(metrics: &Metrics, transport: &'static str) -> Self {
        let gauge = metrics.connections.get_or_create(&Transport { transport }).clone();
        gauge.inc();
        Self { gauge, transport }
    }

    /// Counts that it was closed because it could not be written to, or gave no pong.
    pub(crate) fn fail(&self, metrics: &Metrics) {
        metrics.failed.get_or_create(&Transport { transport: self.transport }).inc();
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// Reads counters that somebody else keeps when they are asked for.
#[derive(Debug)]
struct Counts(headway_hub::Handle, Arc<Admission>);

/// A limit as a label.
#[derive(Clone, Debug)]
struct Limited(&'static str);

impl EncodeLabelSet for Limited {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        [("limit", self.0)].encode(encoder)
    }
}

/// An answer that takes a look through a batch's items: about what, and where it came from.
#[derive(Clone, Debug, EncodeLabelSet)]
struct Look {
    of: &'static str,
    by: &'static str,
}

#[derive(Clone, Debug)]
struct Kind(FrameKind);

impl EncodeLabelSet for Kind {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        [("type", self.0.as_str())].encode(encoder)
    }
}

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let metrics = self.0.metrics();
        let of = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        let (open, most) = (self.1.connections(), self.1.limits().connections);
        let gauges = [
            ("headway_connections_open", "Connections, watchers' and others'", open as u64),
            ("headway_connections_limit", "Connections that may be open at once", most as u64),
            ("headway_topics", "Jobs in the read side's memory", of(&metrics.topics)),
            ("headway_subscriptions", "Subscriptions that stand", of(&metrics.subscriptions)),
            ("headway_ring_bytes", "Records of jobs kept at hand", of(&metrics.ring_bytes)),
        ];
        for (name, help, value) in gauges {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)?;
        }
        let counters = [
            ("headway_conflated", "Records joined or skipped on their way", &metrics.conflated),
            ("headway_rereads", "Logs read because records were missed", &metrics.rereads),
            ("headway_inbox_dropped", "Records that the inbox could not hold", &metrics.dropped),
            ("headway_messages_refused", "Client messages refused", &metrics.refused),
        ];
        for (name, help, value) in counters {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value.load(Ordering::Relaxed)).encode(metric)?;
        }
        let mut looks = encoder.encode_descriptor(
            "headway_batch_looks",
            "Answers about a batch's items, looked for or shared",
            None,
            MetricType::Counter,
        )?;
        let counts = [
            ("errors", &metrics.error_looks),
            ("items", &metrics.item_looks),
            ("timings", &metrics.timing_looks),
        ];
        for (of, counts) in counts {
            for (by, count) in [("look", &counts.made), ("shared", &counts.shared)] {
                let count = ConstCounter::new(count.load(Ordering::Relaxed));
                count.encode(looks.encode_family(&Look { of, by })?)?;
            }
        }
        let mut frames = encoder.encode_descriptor(
            "headway_frames",
            "Frames handed out, by type",
            None,
            MetricType::Counter,
        )?;
        for kind in FrameKind::ALL {
            let count = ConstCounter::new(metrics.frames(kind));
            count.encode(frames.encode_family(&Kind(kind))?)?;
        }
        let mut limits = encoder.encode_descriptor(
            "headway_limits",
            "Limits that somebody ran into",
            None,
            MetricType::Counter,
        )?;
        let of_hub = headway_hub::Limit::ALL.map(|limit| (limit.as_str(), metrics.limited(limit)));
        let own = Limit::ALL.map(|limit| (limit.as_str(), self.1.hits(limit)));
        for (name, hits) in of_hub.into_iter().chain(own) {
            ConstCounter::new(hits).encode(limits.encode_family(&Limited(name))?)?;
        }
        let (sum_ms, counts) = metrics.latency();
        let bounds = LATENCY_BOUNDS_MS.iter().map(|bound| *bound as f64 / 1_000.0);
        let buckets: Vec<(f64, u64)> =
            bounds.chain(std::iter::once(f64::INFINITY)).zip(counts.iter().copied()).collect();
        encoder
            .encode_descriptor(
                "headway_delivery_seconds",
                "Time from a record's decision to its state frame",
                None,
                MetricType::Histogram,
            )?
            .encode_histogram::<prometheus_client::encoding::NoLabelSet>(
                sum_ms as f64 / 1_000.0,
                counts.iter().sum(),
                &buckets,
                None,
            )
    }
}
