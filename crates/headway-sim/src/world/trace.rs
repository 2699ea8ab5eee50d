//! What was done, for a report, and its fingerprint.

use std::collections::VecDeque;

/// Steps that a report shows.
const SHOWN: usize = 80;

/// The characters of a step that a report shows.
const WIDTH: usize = 400;

/// The steps of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    last: VecDeque<String>,
    steps: u64,
    hash: u64,
}

impl Default for Trace {
    fn default() -> Self {
        // FNV-1a: the same on every machine, and no matter of safety.
        Self { last: VecDeque::new(), steps: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Trace {
    /// Notes a step.
    pub(crate) fn note(&mut self, step: String) {
        for byte in step.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        self.steps += 1;
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(step);
    }

    /// The fingerprint of all steps.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The last steps, oldest first, a line each.
    pub(crate) fn report(&self) -> Vec<String> {
        let first = self.steps - self.last.len() as u64;
        let numbered = (first..).zip(&self.last);
        numbered
            .map(|(number, step)| {
                format!("{number:>6} {}", step.chars().take(WIDTH).collect::<String>())
            })
            .collect()
    }
}
