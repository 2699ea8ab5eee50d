//! Who carries a job out.

use std::fmt;

/// Who carries a job out; it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A producer of its own, which reports and acknowledges commands.
    Producer,
    /// An executor that Headway runs.
    Executor,
    /// An executor that Headway runs for each of many items.
    Batch,
}

impl Sort {
    /// Every sort.
    pub const ALL: &'static [Self] = &[Self::Producer, Self::Executor, Self::Batch];

    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "producer job",
            Self::Executor => "executor job",
            Self::Batch => "batch",
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
