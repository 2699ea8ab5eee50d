//! How many files a process may have open; every connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files that a node has open beside its connections: the store's, those of its threads, and the
/// pipes of what it runs.
const OTHERS: u64 = 512;

/// Takes as many open files as the system gives, and says when that is less than so many connections
/// need.
pub(crate) fn allow(connections: usize) {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    let needed = connections as u64 + OTHERS;
    match raised {
        Ok(most) if most < needed => tracing::warn!(
            "the system allows {most} open files, and limits.connections needs {needed}: raise the \
             system's limit, or lower limits.connections"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}
