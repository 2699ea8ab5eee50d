//! What `/metrics` tells of the process, under the names that Prometheus's own libraries give them.
//!
//! Read from `proc(5)` whenever somebody asks; what the machine does not tell is left out.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Ticks in a second of the times in `/proc/self/stat`: what Linux shows to programs, whatever it
/// counts with inside.
const TICKS: f64 = 100.0;

/// See the module.
#[derive(Debug)]
pub(crate) struct Process;

/// What is read of the process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Reading {
    /// Memory that it holds, in bytes.
    resident_bytes: Option<i64>,
    /// Time that processors spent on it, in seconds.
    cpu_seconds: Option<f64>,
    /// When it began, in seconds since 1970.
    start_seconds: Option<f64>,
    /// Files and sockets that it has open.
    open_fds: Option<i64>,
}

impl Reading {
    fn take() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let [status, stat, machine] =
            ["/proc/self/status", "/proc/self/stat", "/proc/stat"].map(read);
        Self { open_fds: open_fds(), ..Self::parse(&status, &stat, &machine) }
    }

    /// Reads `/proc/self/status`, `/proc/self/stat` and `/proc/stat`.
    fn parse(status: &str, stat: &str, machine: &str) -> Self {
        let resident = number_behind(status, "VmRSS:").and_then(|kib| kib.checked_mul(1_024));
        // The name of the program comes first, in brackets, and may hold anything; the third field
        // follows it.
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let field = |number: usize| {
            let text = fields.split_ascii_whitespace().nth(number.checked_sub(3)?)?;
            text.parse::<u64>().ok().map(|ticks| ticks as f64 / TICKS)
        };
        let boot = number_behind(machine, "btime ");
        Self {
            resident_bytes: resident,
            cpu_seconds: field(14).zip(field(15)).map(|(user, system)| user + system),
            start_seconds: boot.zip(field(22)).map(|(boot, since)| boot as f64 + since),
            open_fds: None,
        }
    }
}

/// The number behind a word at the beginning of a line.
fn number_behind(text: &str, word: &str) -> Option<i64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// How many entries `/proc/self/fd` has. Newer kernels say it as the folder's size, without the time
/// that reading ten thousands of them takes; before Linux 6.2 they are counted.
fn open_fds() -> Option<i64> {
    let told = fs::metadata("/proc/self/fd").ok()?.len();
    let count = if told > 0 { told } else { fs::read_dir("/proc/self/fd").ok()?.count() as u64 };
    i64::try_from(count).ok()
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let now = Reading::take();
        let mut gauge = |name, help, value: &dyn EncodeMetric| {
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        if let Some(bytes) = now.resident_bytes {
            let help = "Memory that the process holds";
            gauge("process_resident_memory_bytes", help, &ConstGauge::new(bytes))?;
        }
        if let Some(count) = now.open_fds {
            let help = "Files and sockets that the process has open";
            gauge("process_open_fds", help, &ConstGauge::new(count))?;
        }
        if let Some(seconds) = now.start_seconds {
            let help = "When the process began, since 1970";
            gauge("process_start_time_seconds", help, &ConstGauge::new(seconds))?;
        }
        if let Some(seconds) = now.cpu_seconds {
            let help = "Time that processors spent on the process";
            let kind = MetricType::Counter;
            let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, kind)?;
            ConstCounter::new(seconds).encode(metric)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_writes_is_read() {
        let status = "Name:\theadway\nVmPeak:\t  99 kB\nVmRSS:\t   51200 kB\nThreads:\t9\n";
        let stat =
            "7 (a (odd) name) S 1 7 7 0 -1 4194560 100 0 0 0 250 125 0 0 20 0 9 0 4711 1 2\n";
        let machine = "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n";
        let expected = Reading {
            resident_bytes: Some(52_428_800),
            cpu_seconds: Some(3.75),
            start_seconds: Some(1_700_000_047.11),
            open_fds: None,
        };
        assert_eq!(Reading::parse(status, stat, machine), expected);
        assert_eq!(Reading::parse("", "", ""), Reading::default());
        // Two years of a processor, on a machine that began as long ago.
        let old = "7 (a) S 1 7 7 0 -1 0 1 0 0 0 6307200000 0 0 0 20 0 9 0 6307200000 1 2\n";
        let long = Reading::parse("", old, machine);
        assert_eq!(
            (long.cpu_seconds, long.start_seconds),
            (Some(63_072_000.0), Some(1_763_072_000.0))
        );
        assert_eq!(Reading::parse("VmRSS: many kB", "7 (a) S", "btime"), Reading::default());
    }

    #[test]
    fn this_process_is_told_of() {
        let now = Reading::take();
        assert!(now.resident_bytes.is_some_and(|bytes| bytes > 1024 * 1024), "{now:?}");
        assert!(now.cpu_seconds.is_some_and(|seconds| seconds >= 0.0), "{now:?}");
        assert!(now.start_seconds.is_some_and(|seconds| seconds > 1.5e9), "{now:?}");
        assert!(now.open_fds.is_some_and(|count| count >= 3), "{now:?}");
    }
}
