//! The audit log: who did what, from where, and what came of it.
//!
//! A line is durable when whoever wrote it is answered. What changes who may come in is written in
//! one step with its line. Refused sign-ins are counted in memory and written down together once a
//! minute ([`Failures`]), so that whoever guesses cannot fill the log.

mod failures;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use headway_access::Caller;
use headway_protocol::Timestamp;
use headway_protocol::access::AuditEntry;
use headway_store::{EntryOrder, EntryQuery, PutEntry, Store, StoreError};

pub(crate) use failures::{Failure, Failures};

use crate::collection::{self, AUDIT};
use crate::{Error, base62};

/// The most entries of one page.
pub(crate) const PAGE: usize = 1_000;

/// The most of a target that is written down, in characters.
const TARGET_CHARACTERS: usize = 256;

/// How many entries are looked at for one page: when few of them fit, the page is short, and says
/// where to go on.
const LOOKED_AT: usize = 10_000;

/// Somebody who acts, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// From which address; `None` when it was not over the network.
    pub address: Option<IpAddr>,
}

/// Something that was done or tried, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// By whom.
    pub by: Actor<'a>,
    /// What: `job.cancel`, `webhook.replay`, …
    pub what: &'a str,
    /// To what: an id.
    pub target: Option<&'a str>,
    /// What came of it: `done`, or the code of the refusal.
    pub outcome: &'a str,
}

/// Which entries of the audit log are asked for, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only those before this entry's id.
    pub before: Option<String>,
    /// At most so many: 1 to 1,000; 0 is 100.
    pub limit: usize,
    /// Only what was done so: `key.create`, or all that begins so with a dot at the end: `key.`.
    pub what: Option<String>,
    /// Only what this subject did.
    pub subject: Option<String>,
    /// Only what was done to this.
    pub target: Option<String>,
}

impl AuditQuery {
    fn fits(&self, entry: &AuditEntry) -> bool {
        let what = self.what.as_deref().is_none_or(|what| {
            entry.what == what || what.ends_with('.') && entry.what.starts_with(what)
        });
        let subject = self.subject.as_deref().is_none_or(|subject| {
            let owner = entry.owner.as_ref();
            owner.and_then(|owner| owner.subject.as_deref()) == Some(subject)
        });
        let target = self.target.is_none() || entry.target == self.target;
        what && subject && target
    }
}

/// Gives entries their places in the log.
#[derive(Debug)]
pub(crate) struct Places {
    /// Tells this node's entries of one millisecond from others'.
    node: String,
    next: AtomicU64,
}

impl Places {
    pub(crate) fn new() -> Self {
        Self { node: base62::random(6), next: AtomicU64::new(0) }
    }

    /// An entry for a deed.
    pub(crate) fn entry(&self, deed: Deed<'_>, now: Timestamp) -> AuditEntry {
        let Deed { by: Actor { caller, address }, what, target, outcome } = deed;
        AuditEntry {
            id: self.place(now),
            at: now,
            owner: Some(caller.owner.clone()),
            credential: Some(caller.credential.kind().to_owned()),
            credential_id: caller.credential.id().map(str::to_owned),
            address: address.map(|address| address.to_canonical().to_string()),
            what: what.to_owned(),
            target: target.map(told),
            outcome: outcome.to_owned(),
            times: 1,
        }
    }

    /// An entry for what somebody at the machine did, or somebody who could not sign in.
    pub(crate) fn nobody(&self, what: &str, outcome: &str, now: Timestamp) -> AuditEntry {
        AuditEntry {
            id: self.place(now),
            at: now,
            owner: None,
            credential: None,
            credential_id: None,
            address: None,
            what: what.to_owned(),
            target: None,
            outcome: outcome.to_owned(),
            times: 1,
        }
    }

    fn place(&self, now: Timestamp) -> String {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}.{}{}", collection::at(now), base62::number::<6>(next), self.node)
    }
}

/// A target as it is written down: whoever acts may have named anything, and is not to fill the log or
/// to steer the terminal of whoever reads it.
fn told(target: &str) -> String {
    let letters = target.chars().take(TARGET_CHARACTERS);
    letters.map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// What puts an entry down.
pub(crate) fn put(entry: &AuditEntry) -> Result<PutEntry, StoreError> {
    PutEntry::new(AUDIT, entry.id.clone(), entry)
}

/// Entries that fit, newest first, and where to go on.
pub(crate) async fn page(
    store: &dyn Store,
    query: &AuditQuery,
    sees: impl Fn(&AuditEntry) -> bool,
) -> Result<(Vec<AuditEntry>, Option<String>), Error> {
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(PAGE),
    };
    let mut found = Vec::new();
    let mut before = query.before.clone();
    let mut looked_at = 0;
    while looked_at < LOOKED_AT {
        let asked = EntryQuery {
            prefix: String::new(),
            after: before.clone(),
            order: EntryOrder::Descending,
            limit: collection::PAGE,
        };
        let entries = store.entries(AUDIT, &asked).await?;
        looked_at += entries.len();
        let is_last = entries.len() < collection::PAGE;
        for entry in entries {
            let parsed: AuditEntry = entry.parse()?;
            before = Some(entry.key);
            if sees(&parsed) && query.fits(&parsed) {
                found.push(parsed);
                if found.len() == limit {
                    return Ok((found, before));
                }
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_one_short_line() {
        assert_eq!(told("msg_1"), "msg_1");
        assert_eq!(told("a\nb\u{1b}[2J"), "a\u{fffd}b\u{fffd}[2J");
        assert_eq!(told(&"é".repeat(10_000)).chars().count(), TARGET_CHARACTERS);
    }
}
