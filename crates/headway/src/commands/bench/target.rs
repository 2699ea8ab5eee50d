//! The server that is loaded.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use headway_protocol::Secret;

use crate::failure::Failure;

/// The server that is loaded. **Invariant:** its address is a loopback address.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// Header lines that every request carries.
    headers: Secret,
}

impl Target {
    /// Reads `http://127.0.0.1:4323`; any other machine is refused.
    pub(super) fn new(server: &str, token: Option<&Secret>) -> Result<Self, Failure> {
        let wrong = |reason: &str| Failure::usage(format!("`{server}` cannot be loaded: {reason}"));
        let rest = server.strip_prefix("http://");
        let rest =
            rest.ok_or_else(|| wrong("the load speaks plain HTTP, say http://127.0.0.1:PORT"))?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            Some(_) | None => (authority, "80"),
        };
        let port = port.parse().map_err(|_| wrong("its port is no number"))?;
        let address = match host.trim_matches(['[', ']']) {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.parse().map_err(|_| wrong("name a loopback address"))?,
        };
        if !address.is_loopback() {
            return Err(wrong("the load goes to loopback addresses only"));
        }
        let mut headers = format!("host: {authority}\r\n");
        if let Some(token) = token.map(Secret::expose) {
            if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Failure::usage("the token has characters that no header can carry"));
            }
            headers.extend(["authorization: Bearer ", token, "\r\n"]);
        }
        Ok(Self { address: SocketAddr::new(address, port), headers: headers.into() })
    }

    /// Header lines that every request carries, each with its end.
    pub(super) fn headers(&self) -> &str {
        self.headers.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(server: &str, expected: Option<&str>) {
        let address = Target::new(server, None).ok().map(|target| target.address.to_string());
        assert_eq!(address.as_deref(), expected, "{server}");
    }

    #[test]
    fn only_this_machine_is_loaded() {
        check("http://127.0.0.1:4323", Some("127.0.0.1:4323"));
        check("http://127.8.0.1:1/", Some("127.8.0.1:1"));
        check("http://localhost:4323", Some("127.0.0.1:4323"));
        check("http://localhost", Some("127.0.0.1:80"));
        check("http://[::1]:4323", Some("[::1]:4323"));
        check("http://[::1]", Some("[::1]:80"));
        check("https://127.0.0.1:4323", None);
        check("http://192.168.0.4:4323", None);
        check("http://0.0.0.0:4323", None);
        check("http://example.com:4323", None);
        check("http://127.0.0.1:4323/path", None);
        check("127.0.0.1:4323", None);
    }

    #[test]
    fn a_token_cannot_bring_headers_of_its_own() {
        let server = "http://127.0.0.1:1";
        assert!(Target::new(server, Some(&Secret::new("a\r\nb: c"))).is_err());
        let target = Target::new(server, Some(&Secret::new("secret"))).unwrap();
        assert!(!format!("{target:?}").contains("secret"));
        assert_eq!(target.headers(), "host: 127.0.0.1:1\r\nauthorization: Bearer secret\r\n");
    }
}
