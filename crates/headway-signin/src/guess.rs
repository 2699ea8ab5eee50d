//! How many wrong keys and tokens an address may try.
//!
//! Nobody guesses 256 bits; this keeps those who try from costing anything, and from filling the audit
//! log. So it counts failures only, and is asked *before* it is known whether a try fails: that
//! is why it can be looked at without being spent, which rate limiting libraries do not offer.
//!
//! Many people may share an address behind a proxy. What is genuine is told from memory and for next to
//! nothing (a key by its hash, a watch token and a session likewise, an identity provider's token that
//! was seen before), so it is let in however many wrong ones came from the same address. What
//! costs more to tell, a signature with a public key that was not checked before, has a share of its
//! own for all suspected addresses together ([`Suspects`]), and is put off beyond that.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use headway_protocol::Timestamp;

use crate::GuessLimits;

/// Addresses that are remembered, 32 bytes each. When there are more, the rest share one account:
/// that is an attack from so many places that each alone is within its limit.
const ADDRESSES: usize = 65_536;

/// Whose tries are counted together: an IPv4 address, or the /64 of an IPv6 address, which is what
/// one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Neighbourhood(IpAddr);

impl Neighbourhood {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let bits = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            }
        })
    }
}

impl std::fmt::Display for Neighbourhood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// An account of tries: the moment at which it will be whole again (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    whole_at: u64,
}

impl Account {
    /// How long until one may be tried; 0: now.
    fn wait(self, limits: GuessLimits, now: u64) -> u64 {
        let room = u64::from(limits.burst).saturating_sub(1).saturating_mul(limits.every_ms);
        let wait = self.whole_at.saturating_sub(now).saturating_sub(room);
        // Longer than a step it is only when the clock was set back; the next try puts that right.
        if wait > limits.every_ms { 0 } else { wait }
    }

    /// Counts a try. However many come, the wait is never longer than one step.
    fn spend(&mut self, limits: GuessLimits, now: u64) {
        let most = u64::from(limits.burst).saturating_mul(limits.every_ms);
        self.whole_at =
            self.whole_at.max(now).saturating_add(limits.every_ms).min(now.saturating_add(most));
    }
}

/// The accounts of all addresses.
#[derive(Debug)]
pub(crate) struct Guesses {
    limits: GuessLimits,
    accounts: HashMap<Neighbourhood, Account>,
    /// Of all who found no place.
    others: Account,
}

impl Guesses {
    pub(crate) fn new(limits: GuessLimits) -> Self {
        Self { limits, accounts: HashMap::new(), others: Account::default() }
    }

    /// How long an address has to wait before it may be wrong again, in milliseconds; `None` when it
    /// need not.
    pub(crate) fn wait(&self, from: Neighbourhood, now: Timestamp) -> Option<u64> {
        let account = match self.accounts.get(&from) {
            Some(account) => *account,
            None if self.accounts.len() < ADDRESSES => return None,
            None => self.others,
        };
        Some(account.wait(self.limits, now.as_millis())).filter(|wait| *wait > 0)
    }

    /// Notes that an address was wrong.
    pub(crate) fn spend(&mut self, from: Neighbourhood, now: Timestamp) {
        let full = self.accounts.len() >= ADDRESSES;
        let account = match self.accounts.get_mut(&from) {
            Some(account) => account,
            None if full => &mut self.others,
            None => self.accounts.entry(from).or_default(),
        };
        account.spend(self.limits, now.as_millis());
    }

    /// Forgets addresses that have been quiet long enough to have all their tries again.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        self.accounts.retain(|_, account| account.whole_at > now.as_millis());
        self.accounts.shrink_to(1_024);
    }
}

/// How many expensive checks are made in all for addresses that are over their limit.
#[derive(Debug, Default)]
pub(crate) struct Suspects(Account);

impl Suspects {
    /// A signature costs some fifty microseconds, so a hundred in a second are half a percent of a
    /// core.
    const LIMITS: GuessLimits = GuessLimits { burst: 200, every_ms: 10 };

    /// Takes one, if there is one left.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let now = now.as_millis();
        let has = self.0.wait(Self::LIMITS, now) == 0;
        if has {
            self.0.spend(Self::LIMITS, now);
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GuessLimits = GuessLimits { burst: 3, every_ms: 1_000 };

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn of(address: &str) -> Neighbourhood {
        Neighbourhood::of(address.parse().unwrap())
    }

    #[test]
    fn a_burst_then_one_in_a_while() {
        let mut guesses = Guesses::new(LIMITS);
        let from = of("192.0.2.1");
        for _ in 0..3 {
            assert_eq!(guesses.wait(from, at(0)), None);
            guesses.spend(from, at(0));
        }
        assert_eq!(guesses.wait(from, at(0)), Some(1_000));
        assert_eq!(guesses.wait(from, at(400)), Some(600));
        assert_eq!(guesses.wait(of("192.0.2.2"), at(0)), None);
        assert_eq!(guesses.wait(from, at(1_000)), None);
        guesses.spend(from, at(1_000));
        assert_eq!(guesses.wait(from, at(1_000)), Some(1_000));
    }

    #[test]
    fn whoever_goes_on_in_vain_does_not_lock_out_the_neighbours_for_longer() {
        let mut guesses = Guesses::new(LIMITS);
        let from = of("192.0.2.1");
        for _ in 0..1_000 {
            guesses.spend(from, at(0));
        }
        assert_eq!(guesses.wait(from, at(0)), Some(1_000));
        guesses.forget(at(2_999));
        assert_eq!(guesses.accounts.len(), 1);
        guesses.forget(at(3_000));
        assert!(guesses.accounts.is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let mut guesses = Guesses::new(LIMITS);
        let from = of("192.0.2.1");
        for _ in 0..3 {
            guesses.spend(from, at(3_600_000));
        }
        assert_eq!(guesses.wait(from, at(0)), None);
        guesses.spend(from, at(0));
        assert_eq!(guesses.wait(from, at(0)), Some(1_000));
        assert_eq!(guesses.wait(from, at(1_000)), None);
    }

    #[test]
    fn an_attack_from_everywhere_is_bounded() {
        let mut guesses = Guesses::new(LIMITS);
        for address in 0..u32::try_from(ADDRESSES).unwrap() + 10 {
            guesses.spend(Neighbourhood::of(IpAddr::V4(address.into())), at(0));
        }
        assert_eq!(guesses.accounts.len(), ADDRESSES);
        assert_eq!(guesses.wait(of("255.0.0.1"), at(0)), Some(1_000));
        guesses.forget(at(1_000));
        assert_eq!(guesses.wait(of("255.0.0.1"), at(1_000)), None);
    }

    #[test]
    fn one_customer_is_one_neighbourhood() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1").to_string(), "2001:db8::/64");
    }

    #[test]
    fn expensive_checks_have_a_share() {
        let mut suspects = Suspects::default();
        assert_eq!((0..1_000).filter(|_| suspects.take(at(5))).count(), 200);
        assert!(!suspects.take(at(14)) && suspects.take(at(15)));
    }
}
