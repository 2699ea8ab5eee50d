//! How fast somebody may ask: a pace for each measure, counted for callers, tenants and all.
//!
//! Each is a leaky bucket (GCRA). Answers to what is counted say what is left of the narrowest one,
//! in the fields of the IETF draft `RateLimit` header fields for HTTP.

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use headway_access::{Caller, Credential};

use crate::front::admission::network;
use crate::options::{Limits, Pace};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Jobs that are made.
    Jobs,
    /// Keys, tokens, tickets and sessions that are made.
    Grants,
    /// Requests.
    Requests,
}

type Buckets = RateLimiter<u64, HashMapStateStore<u64>, MonotonicClock, StateInformationMiddleware>;

/// One pace, and who has used how much of it. The keys are hashes with a secret of this process.
#[derive(Debug)]
struct Counted {
    name: &'static str,
    pace: Pace,
    buckets: Buckets,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Quotas {
    jobs: Counted,
    jobs_of_tenant: Option<Counted>,
    jobs_in_all: Option<Counted>,
    grants: Counted,
    /// Refused deeds that are written down one by one.
    refusals: Counted,
    requests: Option<Counted>,
    requests_of_tenant: Option<Counted>,
    secret: foldhash::quality::RandomState,
    clock: MonotonicClock,
}

/// What is left of a pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    name: &'static str,
    pace: Pace,
    remaining: u32,
    /// Until there is more, in seconds.
    reset: u64,
}

/// Somebody is too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFast {
    pub(crate) left: Left,
    /// When it may be tried again, in seconds, at least 1.
    pub(crate) retry_after: u64,
}

impl Counted {
    fn new(name: &'static str, pace: Pace) -> Self {
        let quota = Quota::per_second(pace.per_second).allow_burst(pace.burst);
        let buckets = RateLimiter::hashmap_with_clock(quota, MonotonicClock);
        Self { name, pace, buckets: buckets.with_middleware() }
    }

    fn spend(&self, key: u64, clock: &MonotonicClock) -> Result<Left, TooFast> {
        let Self { name, pace, buckets } = self;
        let left = |remaining, reset| Left { name, pace: *pace, remaining, reset };
        match buckets.check_key(&key) {
            Ok(state) => Ok(left(state.remaining_burst_capacity(), 1)),
            Err(until) => {
                let wait = whole_seconds(until.wait_time_from(clock.now()));
                Err(TooFast { left: left(0, wait), retry_after: wait })
            }
        }
    }
}

impl Quotas {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            jobs: Counted::new("jobs", limits.jobs),
            jobs_of_tenant: limits.jobs_of_tenant.map(|pace| Counted::new("jobs-tenant", pace)),
            jobs_in_all: limits.jobs_in_all.map(|pace| Counted::new("jobs-all", pace)),
            grants: Counted::new("grants", limits.grants),
            refusals: Counted::new("refusals", Pace::new(1, 20)),
            requests: limits.requests.map(|pace| Counted::new("requests", pace)),
            requests_of_tenant: limits
                .requests_of_tenant
                .map(|pace| Counted::new("requests-tenant", pace)),
            secret: foldhash::quality::RandomState::default(),
            clock: MonotonicClock,
        }
    }

    /// Counts one for a caller and everything that it belongs to; what is left of the narrowest, if
    /// anything is counted. Of somebody who has no name the address counts.
    pub(crate) fn spend(
        &self,
        measure: Measure,
        caller: &Caller,
        address: IpAddr,
    ) -> Result<Option<Left>, TooFast> {
        // On a node that asks nobody everybody is the same caller, and one would stop all others.
        let alone = caller.credential == Credential::None && !caller.is_nobody();
        let own = self.whom(caller, address);
        let tenant = self.secret.hash_one(("tenant", caller.tenant()));
        let (of_caller, of_tenant, in_all) = match measure {
            Measure::Jobs => (Some(&self.jobs), &self.jobs_of_tenant, &self.jobs_in_all),
            Measure::Grants => (Some(&self.grants), &None, &None),
            Measure::Requests => (self.requests.as_ref(), &self.requests_of_tenant, &None),
        };
        let of_caller = of_caller.filter(|_| !alone).map(|counted| (counted, own));
        let of_tenant = of_tenant.as_ref().filter(|_| !alone).map(|counted| (counted, tenant));
        let spends = [of_caller, of_tenant, in_all.as_ref().map(|counted| (counted, 0))];
        let mut narrowest: Option<Left> = None;
        for (counted, key) in spends.into_iter().flatten() {
            let left = counted.spend(key, &self.clock)?;
            if narrowest.is_none_or(|known| left.remaining < known.remaining) {
                narrowest = Some(left);
            }
        }
        Ok(narrowest)
    }

    /// Whether one more refusal of a caller is written down: the log is not to be filled with them.
    pub(crate) fn notes_refusal(&self, caller: &Caller, address: Option<IpAddr>) -> bool {
        let address = address.unwrap_or(IpAddr::from([0; 4]));
        self.refusals.spend(self.whom(caller, address), &self.clock).is_ok()
    }

    /// Forgets those who have their whole burst again.
    pub(crate) fn forget_the_idle(&self) {
        let Self { jobs_of_tenant, jobs_in_all, requests, requests_of_tenant, .. } = self;
        let optional = [jobs_of_tenant, jobs_in_all, requests, requests_of_tenant];
        for counted in
            optional.into_iter().flatten().chain([&self.jobs, &self.grants, &self.refusals])
        {
            counted.buckets.retain_recent();
        }
    }

    fn whom(&self, caller: &Caller, address: IpAddr) -> u64 {
        let whom = |parts: (&str, &str, &str)| self.secret.hash_one(("caller", parts));
        let Caller { owner, credential, .. } = caller;
        match (credential, credential.id(), &owner.subject) {
            (Credential::Key { .. } | Credential::AdminKey, id, _) => {
                whom(("key", credential.kind(), id.unwrap_or_default()))
            }
            // Whoever renews a token is the same person.
            (Credential::Jwt { .. } | Credential::Token { .. }, _, Some(subject)) => {
                whom(("subject", &owner.tenant, subject))
            }
            (Credential::Jwt { .. } | Credential::Token { .. }, Some(id), None) => {
                whom(("token", &owner.tenant, id))
            }
            (Credential::None | Credential::Jwt { .. } | Credential::Token { .. }, _, _) => {
                self.secret.hash_one(("address", network(address)))
            }
        }
    }
}

impl Left {
    /// Says it in an answer.
    pub(crate) fn mark(&self, answer: &mut HeaderMap) {
        let Self { name, pace, remaining, reset } = self;
        let policy = format!("\"{name}\";q={};w=1;burst={}", pace.per_second, pace.burst);
        let state = format!("\"{name}\";r={remaining};t={reset}");
        for (header, text) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                answer.insert(HeaderName::from_static(header), value);
            }
        }
    }
}

impl Pace {
    /// A pace of so many a second, and so many at once; each at least 1.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self { per_second: at_least_one(per_second), burst: at_least_one(burst) }
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0).max(u64::from(wait.is_zero()))
}

#[cfg(test)]
mod tests {
    use headway_protocol::Owner;

    use super::*;

    fn key(tenant: &str, id: &str) -> Caller {
        Caller {
            owner: Owner { tenant: tenant.to_owned(), subject: None },
            credential: Credential::Key { id: id.to_owned() },
            ..Caller::anyone()
        }
    }

    fn spend(quotas: &Quotas, caller: &Caller, times: u32) -> u32 {
        let address = "192.0.2.1".parse().unwrap();
        let spent = (0..times).filter(|_| quotas.spend(Measure::Jobs, caller, address).is_ok());
        u32::try_from(spent.count()).unwrap()
    }

    #[test]
    fn one_key_does_not_use_up_another_s_pace() {
        let quotas = Quotas::new(&Limits { jobs: Pace::new(1, 3), ..Limits::default() });
        assert_eq!(spend(&quotas, &key("a", "one"), 10), 3);
        assert_eq!(spend(&quotas, &key("a", "two"), 2), 2);
    }

    #[test]
    fn the_keys_of_a_tenant_share_what_the_tenant_has() {
        let jobs_of_tenant = Some(Pace::new(1, 4));
        let quotas =
            Quotas::new(&Limits { jobs: Pace::new(1, 3), jobs_of_tenant, ..Limits::default() });
        assert_eq!(spend(&quotas, &key("a", "one"), 3), 3);
        assert_eq!(spend(&quotas, &key("a", "two"), 3), 1);
        assert_eq!(spend(&quotas, &key("b", "one"), 0), 0);
        assert_eq!(spend(&quotas, &key("b", "three"), 3), 3);
    }

    #[test]
    fn nobody_is_stopped_by_others_where_nobody_signs_in() {
        let quotas = Quotas::new(&Limits { jobs: Pace::new(1, 1), ..Limits::default() });
        assert_eq!(spend(&quotas, &Caller::anyone(), 10), 10);
        let jobs_in_all = Some(Pace::new(1, 2));
        let quotas = Quotas::new(&Limits { jobs_in_all, ..Limits::default() });
        assert_eq!(spend(&quotas, &Caller::anyone(), 10), 2);
    }

    #[test]
    fn what_is_left_is_said() {
        let quotas = Quotas::new(&Limits { jobs: Pace::new(1, 2), ..Limits::default() });
        let (caller, address) = (key("a", "one"), "192.0.2.1".parse().unwrap());
        let left = quotas.spend(Measure::Jobs, &caller, address).unwrap().unwrap();
        let mut headers = HeaderMap::new();
        left.mark(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"jobs\";q=1;w=1;burst=2");
        assert_eq!(headers["ratelimit"], "\"jobs\";r=1;t=1");
        quotas.spend(Measure::Jobs, &caller, address).unwrap();
        let too_fast = quotas.spend(Measure::Jobs, &caller, address).unwrap_err();
        assert_eq!((too_fast.left.remaining, too_fast.retry_after), (0, 1));
    }

    #[test]
    fn those_who_wait_long_are_forgotten() {
        let quotas = Quotas::new(&Limits { jobs: Pace::new(1_000_000, 1), ..Limits::default() });
        spend(&quotas, &key("a", "one"), 1);
        while !quotas.jobs.buckets.is_empty() {
            quotas.forget_the_idle();
        }
    }
}
