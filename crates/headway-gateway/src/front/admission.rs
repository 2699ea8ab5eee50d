//! Who is let in, and how many: the limits on connections.
//!
//! Owner: the gateway. Every count is taken back by dropping what was given for it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, Hash};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use axum::http::HeaderMap;
use axum::http::request::Parts;
use headway_access::Caller;
use headway_protocol::{Owner, ProblemCode};
use parking_lot::Mutex;

use crate::options::Limits;
use crate::problem::Refusal;

/// A limit that somebody ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    /// Connections in all.
    Connections,
    /// Connections of one address.
    ConnectionsPerAddress,
    /// Watchers of one subject.
    ConnectionsPerSubject,
    /// Messages of one watcher in a second.
    Messages,
    /// The time that a request's head may take.
    Head,
    /// The time that a connection may stay without a subscription.
    Idle,
    /// The time that a write may stand still.
    StalledWrite,
    /// The time that a pong may take.
    Pong,
    /// Connections that wait to be taken over by the server of all other requests.
    Handover,
    /// Watchers of one tenant.
    ConnectionsPerTenant,
    /// Jobs that are made in a second.
    Jobs,
    /// Requests in a second.
    Requests,
    /// New work, while there is too much to do.
    Overload,
    /// The time that a WebSocket may take to say who it is for.
    SignIn,
    /// The time that a request's body may take.
    Body,
    /// Keys, tokens, tickets and sessions that are made in a second.
    Grants,
    /// Lines of the audit log about refusals of one caller.
    AuditedRefusals,
}

impl Limit {
    /// Every limit.
    pub(crate) const ALL: [Self; 17] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::ConnectionsPerSubject,
        Self::Messages,
        Self::Head,
        Self::Idle,
        Self::StalledWrite,
        Self::Pong,
        Self::Handover,
        Self::ConnectionsPerTenant,
        Self::Jobs,
        Self::Requests,
        Self::Overload,
        Self::SignIn,
        Self::Body,
        Self::Grants,
        Self::AuditedRefusals,
    ];

    /// Its name in the figures.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::ConnectionsPerSubject => "connections_per_subject",
            Self::Messages => "messages",
            Self::Head => "head",
            Self::Idle => "idle",
            Self::StalledWrite => "stalled_write",
            Self::Pong => "pong",
            Self::Handover => "handover",
            Self::ConnectionsPerTenant => "connections_per_tenant",
            Self::Jobs => "jobs",
            Self::Requests => "requests",
            Self::Overload => "overload",
            Self::SignIn => "sign_in",
            Self::Body => "body",
            Self::Grants => "grants",
            Self::AuditedRefusals => "audited_refusals",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: Limits,
    /// How often somebody ran into each limit.
    hits: [AtomicU64; Limit::ALL.len()],
    connections: AtomicUsize,
    /// Connections by who they are counted for. The key is a hash with a secret of this process:
    /// two that share one would also share their limit, which takes 2^32 of them to be likely.
    counts: Mutex<HashMap<u64, u32>>,
    secret: foldhash::quality::RandomState,
}

/// A place among those who are counted; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    counted: Counted,
}

#[derive(Debug)]
enum Counted {
    /// Among all connections, and those of an address.
    Connection(Option<u64>),
    /// Among those of an address or a subject.
    Key(u64),
}

impl Admission {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            hits: Default::default(),
            connections: AtomicUsize::new(0),
            counts: Mutex::default(),
            secret: foldhash::quality::RandomState::default(),
        })
    }

    /// The limits.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts that somebody ran into a limit.
    pub(crate) fn hit(&self, limit: Limit) {
        if let Some(count) = self.hits.get(limit as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often somebody ran into a limit.
    pub(crate) fn hits(&self, limit: Limit) -> u64 {
        self.hits.get(limit as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Lets a connection in. Addresses of this machine and those of proxies that are trusted stand
    /// for many people and have no limit of their own.
    pub(crate) fn connect(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Limit> {
        let before = self.connections.fetch_add(1, Ordering::AcqRel);
        let mut place = Place { admission: Arc::clone(self), counted: Counted::Connection(None) };
        if before >= self.limits.connections {
            self.hit(Limit::Connections);
            return Err(Limit::Connections);
        }
        let peer = peer.to_canonical();
        if !peer.is_loopback() && !self.is_proxy(peer) {
            let limit = Limit::ConnectionsPerAddress;
            let most = self.limits.connections_per_address;
            let key = self.take(&("address", network(peer)), limit, most)?;
            place.counted = Counted::Connection(Some(key));
        }
        Ok(place)
    }

    /// Lets a watcher in, for its client's address and for the person that it belongs to. Its
    /// connection has its place already.
    pub(crate) fn places(
        self: &Arc<Self>,
        peer: Option<IpAddr>,
        request: &Parts,
        caller: &Caller,
    ) -> Result<Vec<Place>, Limit> {
        let client = peer.and_then(|peer| self.client_of(peer, &forwarded(&request.headers)));
        let mut places = Vec::new();
        if let Some(client) = client {
            places.push(self.forwarded(client)?);
        }
        if !caller.is_nobody() {
            places.extend(self.watch(&caller.owner)?);
        }
        Ok(places)
    }

    /// Lets a watcher in for the person and the tenant that it belongs to, once it has said who it
    /// is.
    pub(crate) fn places_of(self: &Arc<Self>, owner: &Owner) -> Result<Vec<Place>, Limit> {
        self.watch(owner)
    }

    /// Where a request comes from: the peer, or the client that a trusted proxy tells of.
    pub(crate) fn address_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.client_of(peer, &forwarded(headers)).unwrap_or_else(|| peer.to_canonical())
    }

    /// Lets a watcher in whose request came through a proxy, for the address that it tells of.
    fn forwarded(self: &Arc<Self>, client: IpAddr) -> Result<Place, Limit> {
        let most = self.limits.connections_per_address;
        let limit = Limit::ConnectionsPerAddress;
        let key = self.take(&("address", network(client)), limit, most)?;
        Ok(Place { admission: Arc::clone(self), counted: Counted::Key(key) })
    }

    /// Lets a watcher in for the person and the tenant that it belongs to; nobody in particular has
    /// no limit.
    fn watch(self: &Arc<Self>, owner: &Owner) -> Result<Vec<Place>, Limit> {
        let mut places = Vec::new();
        if let Some(most) = self.limits.connections_per_tenant {
            let key = self.take(&("tenant", &owner.tenant), Limit::ConnectionsPerTenant, most)?;
            places.push(Place { admission: Arc::clone(self), counted: Counted::Key(key) });
        }
        if let Some(subject) = &owner.subject {
            let most = self.limits.connections_per_subject;
            let key = self.take(&(&owner.tenant, subject), Limit::ConnectionsPerSubject, most)?;
            places.push(Place { admission: Arc::clone(self), counted: Counted::Key(key) });
        }
        Ok(places)
    }

    /// Whose address counts for a request: the last in `forwarded` (the values of
    /// `X-Forwarded-For`, joined) that is no trusted proxy, if the peer is one; `None` when the peer
    /// speaks for itself or does not say for whom.
    fn client_of(&self, peer: IpAddr, forwarded: &str) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.is_proxy(peer) {
            return None;
        }
        let hops = forwarded.rsplit(',').map_while(|hop| hop.trim().parse::<IpAddr>().ok());
        hops.map(|hop| hop.to_canonical()).find(|hop| !self.is_proxy(*hop))
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.limits.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    fn take(&self, whom: &impl Hash, limit: Limit, most: usize) -> Result<u64, Limit> {
        let key = self.secret.hash_one(whom);
        let mut counts = self.counts.lock();
        let count = counts.entry(key).or_default();
        if *count as usize >= most {
            drop(counts);
            self.hit(limit);
            return Err(limit);
        }
        *count += 1;
        Ok(key)
    }

    fn give_back(&self, key: u64) {
        if let Entry::Occupied(mut count) = self.counts.lock().entry(key) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let key = match self.counted {
            Counted::Connection(key) => {
                self.admission.connections.fetch_sub(1, Ordering::AcqRel);
                key
            }
            Counted::Key(key) => Some(key),
        };
        if let Some(key) = key {
            self.admission.give_back(key);
        }
    }
}

fn forwarded(headers: &HeaderMap) -> String {
    let lines = headers.get_all("x-forwarded-for").iter();
    let lines: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
    lines.join(",")
}

/// What one person is likely to have: an address, or with IPv6 a network of 64 bits.
pub(crate) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> 64 | 1 << 127,
    }
}

impl From<Limit> for Refusal {
    fn from(limit: Limit) -> Self {
        let (code, detail) = match limit {
            Limit::Connections | Limit::Handover => (
                ProblemCode::Overloaded,
                "the server has as many connections as it takes: come back later",
            ),
            Limit::ConnectionsPerAddress => (
                ProblemCode::TooManyConnections,
                "your address has as many connections as one may have: close some",
            ),
            Limit::ConnectionsPerSubject => (
                ProblemCode::TooManyConnections,
                "you watch by as many connections as one may: close some",
            ),
            Limit::ConnectionsPerTenant => (
                ProblemCode::TooManyConnections,
                "your organisation watches by as many connections as it may: close some",
            ),
            Limit::Overload => (
                ProblemCode::Overloaded,
                "the server has too much to do and takes no new work: come back later",
            ),
            Limit::Jobs | Limit::Requests | Limit::Grants | Limit::AuditedRefusals => {
                (ProblemCode::RateLimited, "too many requests: send fewer")
            }
            Limit::Messages => (ProblemCode::RateLimited, "too many messages: send fewer"),
            Limit::Head
            | Limit::Idle
            | Limit::StalledWrite
            | Limit::Pong
            | Limit::SignIn
            | Limit::Body => {
                (ProblemCode::Malformed, "the request did not come in time: send it at once")
            }
        };
        Self::new(code, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limits: Limits) -> Arc<Admission> {
        Admission::new(limits)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let admission = admission(Limits { connections: 2, ..Limits::default() });
        let peer = address("127.0.0.1");
        let first = admission.connect(peer).unwrap();
        let _second = admission.connect(peer).unwrap();
        assert_eq!(admission.connect(peer).unwrap_err(), Limit::Connections);
        drop(first);
        admission.connect(peer).unwrap();
    }

    #[test]
    fn an_address_has_its_own_limit() {
        let admission = admission(Limits { connections_per_address: 1, ..Limits::default() });
        let check = |one: &str, other: &str, same: bool| {
            let held = admission.connect(address(one)).unwrap();
            let outcome = admission.connect(address(other)).map(drop);
            assert_eq!(outcome.is_err(), same, "{one} and {other}");
            drop(held);
            assert!(admission.counts.lock().is_empty());
        };
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("2001:db8::1", "2001:db8::2", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
        check("127.0.0.1", "127.0.0.1", false);
        check("::1", "::1", false);
    }

    #[test]
    fn a_person_has_a_limit_wherever_they_are() {
        let admission = admission(Limits { connections_per_subject: 1, ..Limits::default() });
        let owner = |subject: Option<&str>| Owner {
            subject: subject.map(str::to_owned),
            ..Owner::default()
        };
        let held = admission.watch(&owner(Some("u1"))).unwrap();
        assert_eq!(held.len(), 1);
        assert_eq!(admission.watch(&owner(Some("u1"))).unwrap_err(), Limit::ConnectionsPerSubject);
        assert!(!admission.watch(&owner(Some("u2"))).unwrap().is_empty());
        assert!(admission.watch(&owner(None)).unwrap().is_empty());
    }

    #[test]
    fn a_proxy_is_believed_only_when_it_is_trusted() {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let admission = admission(Limits { trusted_proxies, ..Limits::default() });
        let check = |peer: &str, forwarded: &str, client: Option<&str>| {
            let found = admission.client_of(address(peer), forwarded);
            assert_eq!(found, client.map(address), "{peer}: {forwarded}");
        };
        check("10.0.0.1", "192.0.2.7", Some("192.0.2.7"));
        check("10.0.0.1", "203.0.113.9, 192.0.2.7", Some("192.0.2.7"));
        check("10.0.0.1", "192.0.2.7, 10.1.1.1", Some("192.0.2.7"));
        check("10.0.0.1", "", None);
        check("10.0.0.1", "192.0.2.7, nonsense", None);
        check("192.0.2.1", "203.0.113.9", None);
        check("127.0.0.1", "203.0.113.9", None);
    }
}
