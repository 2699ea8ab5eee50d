//! Refused sign-ins, counted.

use std::collections::HashMap;

use headway_protocol::Timestamp;
use headway_protocol::access::AuditEntry;

use super::Places;
use crate::guess::Neighbourhood;

/// What is counted apart between two times of writing. The rest is counted together, so that one
/// writing puts down at most this many and one more.
const APART: usize = 256;

/// A refused sign-in, as far as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Failure {
    pub(crate) from: Neighbourhood,
    /// What was presented: `key`, `jwt`, `token`, `session`, `ticket`, `other`.
    pub(crate) kind: &'static str,
    /// Why it was refused.
    pub(crate) why: &'static str,
}

/// Refused sign-ins that are not written down yet.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    apart: HashMap<Failure, u64>,
    others: u64,
}

impl Failures {
    pub(crate) fn count(&mut self, failure: Failure) {
        let full = self.apart.len() >= APART;
        match self.apart.get_mut(&failure) {
            Some(times) => *times += 1,
            None if full => self.others += 1,
            None => drop(self.apart.insert(failure, 1)),
        }
    }

    /// Takes them all, as entries of the log.
    pub(crate) fn take(&mut self, places: &Places, now: Timestamp) -> Vec<AuditEntry> {
        let others = std::mem::take(&mut self.others);
        let rest = (others > 0).then(|| AuditEntry {
            times: others,
            ..places.nobody("sign_in", "unauthenticated", now)
        });
        let apart = self.apart.drain().map(|(failure, times)| AuditEntry {
            credential: Some(failure.kind.to_owned()),
            address: Some(failure.from.to_string()),
            times,
            ..places.nobody("sign_in", failure.why, now)
        });
        apart.chain(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn failure(address: u32) -> Failure {
        let from = Neighbourhood::of(Ipv4Addr::from(address).into());
        Failure { from, kind: "key", why: "invalid" }
    }

    #[test]
    fn tries_of_one_kind_are_one_line_and_lines_are_bounded() {
        let places = Places::new();
        let now = Timestamp::from_millis(5);
        let mut failures = Failures::default();
        for _ in 0..1_000 {
            failures.count(failure(1));
        }
        let lines = failures.take(&places, now);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].times, 1_000);
        assert_eq!(lines[0].address.as_deref(), Some("0.0.0.1"));
        assert_eq!((&*lines[0].what, &*lines[0].outcome), ("sign_in", "invalid"));
        assert!(failures.take(&places, now).is_empty());

        for address in 0..10_000 {
            failures.count(failure(address));
        }
        let lines = failures.take(&places, now);
        assert_eq!(lines.len(), APART + 1);
        assert_eq!(lines.iter().map(|line| line.times).sum::<u64>(), 10_000);
        assert_eq!(lines.last().unwrap().address, None);
    }
}
