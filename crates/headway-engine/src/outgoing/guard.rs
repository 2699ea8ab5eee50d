//! Which addresses executors and webhooks may reach.
//!
//! Whoever may submit a batch could otherwise make the server ask its own network for them:
//! loopback, private networks, the metadata service of a cloud. A name is judged by what it
//! resolves to, at the moment of connecting, and only addresses that were judged are connected to,
//! so that a name which changes its answer gains nothing. An address that stands in the URL itself
//! never reaches the resolver and is judged before the request.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use headway_protocol::{Problem, ProblemCode};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

#[cfg(test)]
mod tests;

/// The setting that allows an address, for messages.
const SETTING: &str = "allow_hosts";

/// Which addresses may be reached: all that are public, and those that are allowed by name, address
/// or network.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressGuard {
    allowed: Vec<Allowance>,
}

#[derive(Clone, Debug)]
struct Allowance {
    target: Target,
    /// Only this port, if there is one.
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Target {
    /// In lower case.
    Name(String),
    Network(IpNet),
}

/// An address that may not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is a loopback, private, link-local or otherwise special address; if it is meant to be \
     reached, add `{host}` to the server's setting `{SETTING}`, or to `allow_request_hosts` where \
     somebody signs in and it is a request that brings the address"
)]
pub(crate) struct Refused {
    /// The name or address as it was asked for.
    pub(crate) host: String,
}

impl AddressGuard {
    /// A guard that also lets these pass: a name, an address or a network, each with or without
    /// `:port` (an IPv6 address then in brackets).
    pub(crate) fn new(allowed: &[String]) -> Result<Self, Problem> {
        let allowed = allowed.iter().map(|text| {
            allowance(text.trim()).ok_or_else(|| {
                let detail = format!(
                    "`{text}` is not a host, an address or a network such as `localhost:9000` or \
                     `10.0.0.0/8`"
                );
                Problem::new(ProblemCode::Invalid, detail).at_field(SETTING)
            })
        });
        Ok(Self { allowed: allowed.collect::<Result<_, _>>()? })
    }

    /// Judges what of a URL can be judged before its name is resolved. The resolver of
    /// [`AddressGuard::resolver`] judges the rest.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Refused> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let passes = match literal.parse::<IpAddr>() {
            Ok(address) => self.address_passes(address, port),
            Err(_) => !is_local_name(literal) || self.name_passes(literal, port),
        };
        if passes { Ok(()) } else { Err(Refused { host: host.to_owned() }) }
    }

    /// A resolver for connections to one port that answers with addresses that may be reached, and
    /// with a [`Refused`] when there are none.
    pub(crate) fn resolver(
        self: &Arc<Self>,
        port: u16,
        names: &Arc<dyn Lookup>,
    ) -> Arc<GuardedResolver> {
        Arc::new(GuardedResolver { guard: Arc::clone(self), port, names: Arc::clone(names) })
    }

    /// Those of a name's addresses that may be reached.
    fn reachable(
        &self,
        name: &str,
        port: u16,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Refused> {
        let allowed = self.name_passes(name, port);
        let mut found = false;
        let reachable: Vec<_> = addresses
            .inspect(|_| found = true)
            .filter(|address| allowed || self.address_passes(address.ip(), port))
            .collect();
        if found && reachable.is_empty() {
            return Err(Refused { host: name.to_owned() });
        }
        Ok(reachable)
    }

    fn name_passes(&self, name: &str, port: u16) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.allowed.iter().any(|allowance| match &allowance.target {
            Target::Name(allowed) => *allowed == name && allowance.covers(port),
            Target::Network(_) => false,
        })
    }

    fn address_passes(&self, address: IpAddr, port: u16) -> bool {
        let plain = address.to_canonical();
        !is_special(address)
            || self.allowed.iter().any(|allowance| match &allowance.target {
                Target::Network(network) => network.contains(&plain) && allowance.covers(port),
                Target::Name(_) => false,
            })
    }
}

impl Allowance {
    fn covers(&self, port: u16) -> bool {
        self.port.is_none_or(|only| only == port)
    }
}

fn allowance(text: &str) -> Option<Allowance> {
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(Allowance { target: Target::Network(network), port: None });
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(Allowance { target: Target::Network(address.into()), port: None });
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        let target = Target::Network(socket.ip().into());
        return Some(Allowance { target, port: Some(socket.port()) });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    if let Ok(network) = host.parse::<IpNet>() {
        return Some(Allowance { target: Target::Network(network), port });
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let fits = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    fits.then_some(Allowance { target: Target::Name(name), port })
}

/// Names that mean this machine by definition (RFC 6761), so that they are refused before a batch
/// is begun rather than at its first item.
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Blocks of the IANA special-purpose registries that are not the public internet, with the
/// metadata and wire servers that clouds keep at addresses of their own.
const SPECIAL_V4: [(Ipv4Addr, u8); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Within the global unicast block `2000::/3`, outside of which everything is special: IETF protocol
/// assignments with Teredo and benchmarking, documentation, `6to4`, and documentation again.
const SPECIAL_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => SPECIAL_V4.iter().any(|(network, length)| {
            Ipv4Net::new(*network, *length).is_ok_and(|network| network.contains(&address))
        }),
        IpAddr::V6(address) => {
            // `::1`, IPv4 within IPv6, NAT64, unique local, link-local and multicast addresses
            // are all outside of 2000::/3.
            address.octets()[0] >> 5 != 1
                || SPECIAL_V6.iter().any(|(network, length)| {
                    Ipv6Net::new(*network, *length).is_ok_and(|network| network.contains(&address))
                })
        }
    }
}

/// Where names are looked up.
#[async_trait]
pub(crate) trait Lookup: fmt::Debug + Send + Sync {
    /// All addresses of a name.
    async fn lookup(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Where this machine looks names up.
#[derive(Debug)]
pub(crate) struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        tokio::net::lookup_host((name, port)).await.map(Iterator::collect)
    }
}

/// Resolves names to addresses that may be reached.
pub(crate) struct GuardedResolver {
    guard: Arc<AddressGuard>,
    port: u16,
    names: Arc<dyn Lookup>,
}

impl fmt::Debug for GuardedResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuardedResolver(port {})", self.port)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, port, names) = (Arc::clone(&self.guard), self.port, Arc::clone(&self.names));
        Box::pin(async move {
            let addresses = names.lookup(name.as_str(), port).await?;
            let reachable = guard.reachable(name.as_str(), port, addresses.into_iter())?;
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
}
