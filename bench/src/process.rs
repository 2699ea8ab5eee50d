//! What a process used, as the kernel counts it.

use std::fs;

/// CPU seconds, and bytes sent to the disk, of one process so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    pub(crate) cpu_seconds: f64,
    pub(crate) written_bytes: u64,
}

impl Used {
    /// What the process used so far; zeros when it cannot be read.
    pub(crate) fn by(pid: u32) -> Self {
        let cpu_nanos: u64 = fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
            .sum();
        let written_bytes = fs::read_to_string(format!("/proc/{pid}/io"))
            .ok()
            .and_then(|text| {
                text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok())
            })
            .unwrap_or_default();
        Self { cpu_seconds: cpu_nanos as f64 / 1e9, written_bytes }
    }
}
