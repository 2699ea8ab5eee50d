//! What the server's process used, as the kernel counts it.

use std::fs;

use crate::failure::Failure;

/// What a process used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// Time on a processor, of all threads that live, in nanoseconds.
    pub(super) cpu_nanos: u64,
    /// Bytes sent to the disk.
    pub(super) written_bytes: u64,
    /// Memory of its own: not files, not shared.
    pub(super) anonymous_bytes: u64,
}

impl Used {
    /// What the process used so far.
    pub(super) fn by(pid: u32) -> Result<Self, Failure> {
        let unknown = |what: &str| {
            Failure::new(format!(
                "{what} of process {pid} cannot be read: is it the server's, and is it yours?"
            ))
        };
        let tasks =
            fs::read_dir(format!("/proc/{pid}/task")).map_err(|_| unknown("the threads"))?;
        let cpu_nanos = tasks
            .flatten()
            // A thread may end between the two reads.
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
            .sum();
        let written = member(&format!("/proc/{pid}/io"), "write_bytes:");
        let anonymous = member(&format!("/proc/{pid}/status"), "RssAnon:");
        Ok(Self {
            cpu_nanos,
            written_bytes: written.ok_or_else(|| unknown("the writes"))?,
            anonymous_bytes: anonymous.ok_or_else(|| unknown("the memory"))? * 1_024,
        })
    }
}

/// The first number behind a name.
fn member(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_none_has_number_0() {
        let used = Used::by(std::process::id()).unwrap();
        assert!(used.anonymous_bytes > 0);
        assert!(Used::by(0).is_err());
    }
}
