//! How a store is opened.

use std::path::PathBuf;
use std::time::Duration;

/// Where the store lies and what it may use. [`Options::new`] gives values that suit a node of a
/// few cores.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the store's files; made when it is not there.
    pub folder: PathBuf,
    /// Memory for the writer's page cache, bytes. Readers take a quarter of it each.
    pub cache_bytes: u32,
    /// Connections for reading, at least 1: so many reads run at once, the others wait.
    pub readers: usize,
    /// The bound of what waits to be written, bytes of records and items. Whoever comes later waits
    /// for a place, up to `patience`.
    pub queue_bytes: u32,
    /// How long a change waits for a place before it is refused with
    /// [`Full`](headway_store::StoreError::Full).
    pub patience: Duration,
    /// Records kept in memory before they are folded, bytes of their encoding. At twice as
    /// much, writing waits for folding. More makes fewer and larger writes, and a slower opening
    /// after a crash: about 20 ms per MiB.
    pub tail_bytes: usize,
    /// How long records stay unfolded while others keep arriving.
    pub tail_age: Duration,
}

impl Options {
    /// The usual values for a store in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            cache_bytes: 64 << 20,
            readers: 3,
            queue_bytes: 32 << 20,
            patience: Duration::from_secs(10),
            tail_bytes: 16 << 20,
            tail_age: Duration::from_secs(10),
        }
    }
}
