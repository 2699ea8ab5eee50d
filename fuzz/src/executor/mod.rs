//! The engine's readers of what programs write, and what they say, as in the engine.

use headway_protocol::report::Usage;
use headway_protocol::{Amount, JobError, Percent, Report};
use serde_json::value::RawValue;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum News {
    Progress { percent: Option<Percent>, message: Option<String> },
    Line(String),
    Report(Report),
}

#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Result<Box<RawValue>, Failure>,
    pub(crate) usage: Vec<Usage>,
    pub(crate) cost: Amount,
}

#[derive(Debug)]
#[allow(dead_code, reason = "named by the reader")]
pub(crate) enum Failure {
    Error { error: JobError, retry_after_ms: Option<u64> },
}

mod command {
    pub(super) fn too_large() -> headway_protocol::JobError {
        headway_protocol::JobError::fatal("output_too_large", "too large")
    }
}

#[allow(dead_code, unreachable_pub, reason = "a part of the engine")]
#[rustfmt::skip]
#[path = "../../../crates/headway-engine/src/executor/spent.rs"]
mod spent;

#[allow(dead_code, unreachable_pub, reason = "a part of the engine")]
#[rustfmt::skip]
#[path = "../../../crates/headway-engine/src/executor/spoken.rs"]
mod spoken;

#[allow(dead_code, unreachable_pub, reason = "a part of the engine")]
#[rustfmt::skip]
#[path = "../../../crates/headway-engine/src/executor/standard_error.rs"]
mod standard_error;

mod stream;

pub(crate) use stream::read as worker_line;

/// What a program for each item has used and spent so far.
#[derive(Default)]
pub(crate) struct Program(spent::Spent);

impl Program {
    /// Whether a line reports, and what it then says.
    pub(crate) fn line(&mut self, line: &[u8], say: impl FnMut(News)) -> bool {
        spoken::take(line, &mut self.0, say)
    }

    pub(crate) fn spent(&self) -> (&[Usage], Amount) {
        (&self.0.usage, self.0.cost)
    }
}

/// The lines of standard error and its end, when it comes in such pieces.
pub(crate) fn standard_error<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, String) {
    let mut error = standard_error::StandardError::default();
    let mut lines = Vec::new();
    for piece in pieces {
        error.take(piece, |line| lines.push(line));
    }
    error.end(|line| lines.push(line));
    (lines, error.tail())
}
