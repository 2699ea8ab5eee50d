//! Revocations: what ended before its time.
//!
//! A subject that is revoked loses everything that was made for it up to that moment; what is made
//! later holds. A token is revoked by its id. Keys are not here: a key's record says itself that it
//! was revoked.
//!
//! **Invariant.** A revocation outlives what it ends. Tokens end within [`KEPT_MS`], because none
//! that lasts longer is taken; keys may have no end, so a subject's revocation is kept as long as there
//! is a key that it ended.

use std::collections::HashMap;

use headway_protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a revocation is kept, in milliseconds: 90 days. No token is taken that ends later than
/// this from now.
pub(crate) const KEPT_MS: u64 = 90 * 24 * 3_600_000;

/// The most revocations that are kept of one tenant: each is one record in memory.
pub(crate) const PER_TENANT: usize = 100_000;

const KEY_CONTEXT: &str = "headway 2026-11 revocation";

/// A revocation as it rests in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) tenant: String,
    pub(crate) of: Revoked,
    /// When it may be forgotten.
    pub(crate) until: Timestamp,
}

/// What was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Revoked {
    /// A subject: what was made at or before this moment.
    Subject { subject: String, before: Timestamp },
    /// A token.
    Token { id: String },
}

impl Revocation {
    pub(crate) fn of_subject(tenant: &str, subject: &str, now: Timestamp) -> Self {
        let of = Revoked::Subject { subject: subject.to_owned(), before: now };
        Self { tenant: tenant.to_owned(), of, until: now.plus(KEPT_MS) }
    }

    pub(crate) fn of_token(tenant: &str, id: &str, now: Timestamp) -> Self {
        let of = Revoked::Token { id: id.to_owned() };
        Self { tenant: tenant.to_owned(), of, until: now.plus(KEPT_MS) }
    }

    /// Its key in the store: the names may be of any length and hold anything, so their hash.
    pub(crate) fn entry_key(&self) -> String {
        let (kind, name) = match &self.of {
            Revoked::Subject { subject, .. } => ("subject", subject),
            Revoked::Token { id } => ("token", id),
        };
        let mut hasher = blake3::Hasher::new_derive_key(KEY_CONTEXT);
        for part in [kind, &self.tenant, name] {
            hasher.update(&part.len().to_le_bytes()).update(part.as_bytes());
        }
        format!("{kind}.{}", hasher.finalize().to_hex())
    }
}

/// All revocations that still matter.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    by_tenant: HashMap<String, OfTenant>,
}

#[derive(Debug, Default)]
struct OfTenant {
    subjects: HashMap<String, Ends>,
    tokens: HashMap<String, Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    before: Timestamp,
    until: Timestamp,
}

impl Revocations {
    /// Takes one in; answers whether it ends more than was ended already. An older one of the same
    /// subject changes nothing.
    pub(crate) fn add(&mut self, revocation: Revocation) -> bool {
        let Revocation { tenant, of, until } = revocation;
        let held = self.by_tenant.entry(tenant).or_default();
        match of {
            Revoked::Subject { subject, before } => match held.subjects.get_mut(&subject) {
                Some(ends) => {
                    let more = before > ends.before;
                    ends.before = ends.before.max(before);
                    ends.until = ends.until.max(until);
                    more
                }
                None => held.subjects.insert(subject, Ends { before, until }).is_none(),
            },
            Revoked::Token { id } => held.tokens.insert(id, until).is_none(),
        }
    }

    /// The moment up to which everything of a subject was revoked.
    pub(crate) fn of_subject(&self, tenant: &str, subject: &str) -> Option<Timestamp> {
        self.by_tenant.get(tenant)?.subjects.get(subject).map(|ends| ends.before)
    }

    /// Whether what a subject was given at a moment has been revoked.
    pub(crate) fn ends(&self, tenant: &str, subject: Option<&str>, issued_at: Timestamp) -> bool {
        let before = subject.and_then(|subject| self.of_subject(tenant, subject));
        before.is_some_and(|before| issued_at <= before)
    }

    /// Whether a token has been revoked.
    pub(crate) fn has_token(&self, tenant: &str, id: &str) -> bool {
        self.by_tenant.get(tenant).is_some_and(|held| held.tokens.contains_key(id))
    }

    /// How many there are of a tenant.
    pub(crate) fn count_of(&self, tenant: &str) -> usize {
        self.by_tenant.get(tenant).map_or(0, OfTenant::count)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.by_tenant.values().map(OfTenant::count).sum()
    }

    /// Those whose time is over, but for subjects that `needs` (tenant, subject, moment) says are
    /// still needed; at most `limit`.
    pub(crate) fn over(
        &self,
        now: Timestamp,
        limit: usize,
        needs: impl Fn(&str, &str, Timestamp) -> bool,
    ) -> Vec<Revocation> {
        let all = self.by_tenant.iter().flat_map(|(tenant, held)| {
            let told = |of, until| Revocation { tenant: tenant.clone(), of, until };
            let is_over = move |until: &Timestamp| *until <= now;
            let needs = &needs;
            let subjects = (held.subjects.iter())
                .filter(move |(subject, Ends { before, until })| {
                    is_over(until) && !needs(tenant, subject, *before)
                })
                .map(move |(subject, Ends { before, until })| {
                    told(Revoked::Subject { subject: subject.clone(), before: *before }, *until)
                });
            let tokens = (held.tokens.iter())
                .filter(move |(_, until)| is_over(until))
                .map(move |(id, until)| told(Revoked::Token { id: id.clone() }, *until));
            subjects.chain(tokens)
        });
        all.take(limit).collect()
    }

    /// Forgets one, unless it was made again meanwhile.
    pub(crate) fn forget(&mut self, over: &Revocation) {
        let Some(held) = self.by_tenant.get_mut(&over.tenant) else { return };
        match &over.of {
            Revoked::Subject { subject, .. } => {
                if held.subjects.get(subject).is_some_and(|ends| ends.until == over.until) {
                    held.subjects.remove(subject);
                }
            }
            Revoked::Token { id } => {
                if held.tokens.get(id) == Some(&over.until) {
                    held.tokens.remove(id);
                }
            }
        }
        if held.count() == 0 {
            self.by_tenant.remove(&over.tenant);
        }
    }
}

impl OfTenant {
    fn count(&self) -> usize {
        self.subjects.len() + self.tokens.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_was_made_up_to_that_moment_ends_and_what_comes_later_holds() {
        let mut held = Revocations::default();
        assert!(held.add(Revocation::of_subject("acme", "ada", at(10))));
        assert!(!held.add(Revocation::of_subject("acme", "ada", at(5))));
        for (tenant, subject, issued_at, ends) in [
            ("acme", Some("ada"), 9, true),
            ("acme", Some("ada"), 10, true),
            ("acme", Some("ada"), 11, false),
            ("acme", Some("bob"), 1, false),
            ("acme", None, 1, false),
            ("other", Some("ada"), 1, false),
        ] {
            assert_eq!(held.ends(tenant, subject, at(issued_at)), ends, "{tenant} {subject:?}");
        }
        assert!(held.add(Revocation::of_subject("acme", "ada", at(20))));
        assert!(held.ends("acme", Some("ada"), at(11)));
    }

    #[test]
    fn a_token_is_revoked_in_its_tenant_alone() {
        let mut held = Revocations::default();
        assert!(held.add(Revocation::of_token("acme", "t1", at(10))));
        assert!(!held.add(Revocation::of_token("acme", "t1", at(10))));
        assert!(held.has_token("acme", "t1"));
        assert!(!held.has_token("other", "t1") && !held.has_token("acme", "t2"));
    }

    #[test]
    fn one_is_forgotten_when_nothing_is_left_that_it_ended() {
        let mut held = Revocations::default();
        held.add(Revocation::of_subject("acme", "ada", at(10)));
        held.add(Revocation::of_subject("acme", "bob", at(10)));
        held.add(Revocation::of_token("acme", "t1", at(10)));
        let forget = |held: &mut Revocations, now, needs: fn(&str, &str, Timestamp) -> bool| {
            let over = held.over(at(now), 9, needs);
            for one in &over {
                held.forget(one);
            }
            over.len()
        };
        assert_eq!(forget(&mut held, KEPT_MS, |_, _, _| false), 0);
        assert_eq!(forget(&mut held, 10 + KEPT_MS, |_, subject, _| subject == "bob"), 2);
        assert!(held.ends("acme", Some("bob"), at(1)));
        assert_eq!(held.count(), 1);
        let over = held.over(at(10 + KEPT_MS), 9, |_, _, _| false);
        held.add(Revocation::of_subject("acme", "bob", at(20)));
        held.forget(&over[0]);
        assert_eq!(held.count(), 1, "it was made again");
        assert_eq!(forget(&mut held, 20 + KEPT_MS, |_, _, _| false), 1);
        assert_eq!(held.count_of("acme"), 0);
    }

    #[test]
    fn names_that_run_together_have_keys_of_their_own() {
        let now = at(1);
        let one = Revocation::of_token("ab", "c", now).entry_key();
        let keys = [
            Revocation::of_token("a", "bc", now).entry_key(),
            Revocation::of_subject("ab", "c", now).entry_key(),
            Revocation::of_token("ab", "c ", now).entry_key(),
        ];
        assert!(!keys.contains(&one));
        assert_eq!(Revocation::of_token("ab", "c", at(9)).entry_key(), one);
    }
}
