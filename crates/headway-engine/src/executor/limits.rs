//! What a program may use.

use nix::sys::resource::{Resource, getrlimit, rlim_t};
use serde::{Deserialize, Serialize};

/// 4 GiB.
const MEMORY_BYTES: u64 = 4 << 30;
const OPEN_FILES: u64 = 1_024;
/// 4 GiB.
const FILE_BYTES: u64 = 4 << 30;
/// 256 MiB.
const OUTPUT_BYTES: u64 = 256 << 20;

/// What each process of a program may use. Only the configuration says so, for a kind; a request
/// cannot. What is absent has its default, and 0 is no limit.
///
/// A process that passes a limit of the kernel's is refused more, or ended by a signal, and its
/// item fails with what the program made of that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessLimits {
    /// Memory that a process may have for itself, in bytes (`RLIMIT_DATA`); 4 GiB. Address space
    /// that it only reserves does not count: Node, Java and Go reserve much more than they use, so
    /// that a limit of address space (`RLIMIT_AS`) would have to be of no use or hit the innocent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Files and sockets that a process may have open; 1,024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// How large a file a process may write, in bytes; 4 GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// How long a process may compute, in seconds of processor time; no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<u64>,
    /// Processes and threads that the server's user may have in all when a process starts another
    /// (`RLIMIT_NPROC`); no limit. The kernel counts those of the server too, and never holds root
    /// to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// What an item's program may write to standard output and standard error in all, in bytes, and
    /// a pool's worker between two answers; 256 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

/// A limit as the kernel takes it: at which it objects, and beyond which nobody may raise it.
pub(super) type KernelLimit = (Resource, rlim_t, rlim_t);

impl ProcessLimits {
    /// What one item may write in all.
    pub(super) fn output_bytes(&self) -> u64 {
        limit(self.output_bytes, Some(OUTPUT_BYTES)).unwrap_or(u64::MAX)
    }

    /// The limits that the kernel holds a process to. None is above what the server itself is held
    /// to, and nobody's program leaves a copy of its memory behind.
    pub(super) fn of_kernel(&self) -> Vec<KernelLimit> {
        let Self { memory_bytes, open_files, file_bytes, cpu_seconds, processes, output_bytes: _ } =
            self;
        let wanted = [
            (Resource::RLIMIT_CORE, Some(0), 0),
            (Resource::RLIMIT_DATA, limit(*memory_bytes, Some(MEMORY_BYTES)), 0),
            (Resource::RLIMIT_NOFILE, limit(*open_files, Some(OPEN_FILES)), 0),
            (Resource::RLIMIT_FSIZE, limit(*file_bytes, Some(FILE_BYTES)), 0),
            // A second between being told and being killed.
            (Resource::RLIMIT_CPU, limit(*cpu_seconds, None), 1),
            (Resource::RLIMIT_NPROC, limit(*processes, None), 0),
        ];
        let known = wanted.into_iter().filter_map(|(resource, soft, more)| {
            let (soft, (_, own)) = (soft?, getrlimit(resource).ok()?);
            Some((resource, soft.min(own), soft.saturating_add(more).min(own)))
        });
        known.collect()
    }
}

/// What was said, or what there is unless it was; 0 is no limit.
fn limit(said: Option<u64>, unless: Option<u64>) -> Option<u64> {
    said.or(unless).filter(|limit| *limit > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stands_and_nothing_is_above_the_servers_own() {
        let said = ProcessLimits {
            memory_bytes: Some(0),
            open_files: Some(u64::MAX),
            cpu_seconds: Some(7),
            output_bytes: Some(0),
            ..ProcessLimits::default()
        };
        let own = getrlimit(Resource::RLIMIT_NOFILE).unwrap().1;
        let found = said.of_kernel();
        let of = |resource| found.iter().find(|(found, ..)| *found == resource).copied();
        assert_eq!(of(Resource::RLIMIT_CORE), Some((Resource::RLIMIT_CORE, 0, 0)));
        assert_eq!(of(Resource::RLIMIT_DATA), None);
        assert_eq!(of(Resource::RLIMIT_NOFILE), Some((Resource::RLIMIT_NOFILE, own, own)));
        assert_eq!(of(Resource::RLIMIT_CPU), Some((Resource::RLIMIT_CPU, 7, 8)));
        assert_eq!(of(Resource::RLIMIT_NPROC), None);
        assert_eq!(said.output_bytes(), u64::MAX);
        assert_eq!(ProcessLimits::default().output_bytes(), OUTPUT_BYTES);
    }
}
