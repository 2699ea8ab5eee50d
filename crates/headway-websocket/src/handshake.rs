//! The opening handshake: what a request must say, and what is answered (RFC 6455, section 4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use sha1::{Digest as _, Sha1};

use crate::deflate::WINDOW_BITS;

/// What is hashed with the client's key (section 1.3).
const SALT: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The version that is spoken here, as `Sec-WebSocket-Version` says it.
pub const VERSION: HeaderValue = HeaderValue::from_static("13");

/// Why a request cannot become a WebSocket. [`Refused::Version`] is answered with status 426 and
/// [`VERSION`], the others with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another method, or an HTTP version without upgrades.
    #[error("a WebSocket is opened by GET over HTTP/1.1")]
    Request,
    /// `Connection` or `Upgrade` is missing.
    #[error("a WebSocket is opened with `Connection: Upgrade` and `Upgrade: websocket`")]
    Upgrade,
    /// Another version of the WebSocket protocol.
    #[error("`Sec-WebSocket-Version` must be 13")]
    Version,
    /// A key that is not 16 bytes in Base64.
    #[error("`Sec-WebSocket-Key` must be 16 bytes in Base64, once")]
    Key,
}

/// What was agreed on in an opening handshake.
#[derive(Clone, Debug)]
pub struct Handshake {
    accept: HeaderValue,
    protocol: Option<&'static str>,
    extension: Option<&'static str>,
}

impl Handshake {
    /// Reads a request that asks for a WebSocket; `protocol` is the subprotocol that is spoken when
    /// it is asked for, without it none is. The first offer of compression that can be kept is
    /// accepted.
    ///
    /// # Errors
    ///
    /// [`Refused`] says what the request lacks.
    pub fn read(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        protocol: &'static str,
    ) -> Result<Self, Refused> {
        if method != Method::GET || version != Version::HTTP_11 {
            return Err(Refused::Request);
        }
        let names = |name, token: &str| {
            tokens(headers, name).any(|present| present.eq_ignore_ascii_case(token))
        };
        if !names(header::CONNECTION, "upgrade") || !names(header::UPGRADE, "websocket") {
            return Err(Refused::Upgrade);
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
            return Err(Refused::Version);
        }
        let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
        let (Some(key), None) = (keys.next(), keys.next()) else { return Err(Refused::Key) };
        if BASE64.decode(key).map_or(0, |bytes| bytes.len()) != 16 {
            return Err(Refused::Key);
        }
        let asked = tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).any(|asked| asked == protocol);
        let extension = tokens(headers, header::SEC_WEBSOCKET_EXTENSIONS).find_map(accept_offer);
        Ok(Self {
            accept: accept(key.as_bytes()).ok_or(Refused::Key)?,
            protocol: asked.then_some(protocol),
            extension,
        })
    }

    /// Whether messages may be compressed.
    pub fn deflate(&self) -> bool {
        self.extension.is_some()
    }

    /// The answer: its status and headers.
    pub fn answer(&self) -> (StatusCode, HeaderMap) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        if let Some(protocol) = self.protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        if let Some(extension) = self.extension {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(extension));
        }
        (StatusCode::SWITCHING_PROTOCOLS, headers)
    }
}

/// The members of a header that is a list, over all its lines. None of the values that are looked
/// for may hold a comma, so one in a quoted string only makes a member that fits nothing.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

/// Proves that the request was understood as what it is.
fn accept(key: &[u8]) -> Option<HeaderValue> {
    let hash = Sha1::new().chain_update(key).chain_update(SALT).finalize();
    HeaderValue::from_str(&BASE64.encode(hash)).ok()
}

/// What answers an offer of `permessage-deflate`; `None` declines it (RFC 7692, section 7.1).
///
/// Neither side may take a window over into its next message. A window that the client has for its
/// own messages needs no answer: every one can be inflated here.
fn accept_offer(offer: &str) -> Option<&'static str> {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next()? != "permessage-deflate" {
        return None;
    }
    let mut seen = Vec::new();
    let mut answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
            None => (part, None),
        };
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            (
                "server_no_context_takeover"
                | "client_no_context_takeover"
                | "client_max_window_bits",
                None,
            ) => {}
            ("client_max_window_bits", Some(bits)) => {
                window_bits(bits)?;
            }
            ("server_max_window_bits", Some(bits)) => {
                if window_bits(bits)? < WINDOW_BITS {
                    return None;
                }
                answer = "permessage-deflate; server_no_context_takeover; \
                          client_no_context_takeover; server_max_window_bits=12";
            }
            _ => return None,
        }
    }
    Some(answer)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// A window's size: 8 to 15, without leading zeros.
fn window_bits(text: &str) -> Option<u8> {
    let bits = text.parse().ok().filter(|bits| (8..=15).contains(bits));
    bits.filter(|_| !text.starts_with(['0', '+']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_accepted_when_it_can_be_kept() {
        let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        let window = format!("{plain}; server_max_window_bits={WINDOW_BITS}");
        let check = |offer: &str, wanted: Option<&str>| {
            assert_eq!(accept_offer(offer), wanted, "{offer}");
        };
        check("permessage-deflate", Some(plain));
        check("permessage-deflate; client_max_window_bits", Some(plain));
        check("permessage-deflate;client_max_window_bits=8", Some(plain));
        check("permessage-deflate; client_max_window_bits=\"15\"", Some(plain));
        check("permessage-deflate; server_no_context_takeover", Some(plain));
        check("permessage-deflate; client_no_context_takeover", Some(plain));
        check("permessage-deflate; server_max_window_bits=12", Some(&window));
        check("permessage-deflate; server_max_window_bits=15", Some(&window));
        check("permessage-deflate; server_max_window_bits = \"13\"", Some(&window));
        check("permessage-deflate; server_max_window_bits=11", None);
        check("permessage-deflate; server_max_window_bits=8", None);
        check("permessage-deflate; server_max_window_bits=16", None);
        check("permessage-deflate; server_max_window_bits=012", None);
        check("permessage-deflate; server_max_window_bits=+12", None);
        check("permessage-deflate; server_max_window_bits", None);
        check("permessage-deflate; server_max_window_bits=", None);
        check("permessage-deflate; client_max_window_bits=7", None);
        check("permessage-deflate; client_max_window_bits=16", None);
        check("permessage-deflate; client_max_window_bits=x", None);
        check("permessage-deflate; server_no_context_takeover=1", None);
        check("permessage-deflate; client_no_context_takeover=", None);
        check("permessage-deflate; client_max_window_bits; client_max_window_bits", None);
        check("permessage-deflate; unknown", None);
        check("permessage-deflate;", None);
        check("x-webkit-deflate-frame", None);
        check("", None);
    }

    #[test]
    fn the_first_offer_that_can_be_kept_is_answered() {
        let mut headers = HeaderMap::new();
        for offers in [
            "other, permessage-deflate; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=14, permessage-deflate",
        ] {
            headers.append(header::SEC_WEBSOCKET_EXTENSIONS, offers.parse().unwrap());
        }
        for (name, value) in [
            (header::CONNECTION, "keep-alive, Upgrade"),
            (header::UPGRADE, "WebSocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            (header::SEC_WEBSOCKET_PROTOCOL, "other, spoken"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let read = Handshake::read(&Method::GET, Version::HTTP_11, &headers, "spoken").unwrap();
        assert!(read.deflate());
        let (status, answer) = read.answer();
        assert_eq!(status, 101);
        // The example of RFC 6455, section 1.3.
        assert_eq!(answer["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer["sec-websocket-protocol"], "spoken");
        assert_eq!(
            answer["sec-websocket-extensions"],
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=12"
        );
    }

    #[test]
    fn a_request_that_is_no_handshake_is_refused() {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let check = |method: Method, version, change: (&'static str, &str), wanted| {
            let mut headers = HeaderMap::new();
            let whole = [
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", key),
            ];
            for (name, value) in whole.into_iter().chain([change]) {
                if value.is_empty() {
                    headers.remove(name);
                } else {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            let read = Handshake::read(&method, version, &headers, "spoken");
            assert_eq!(read.err(), wanted, "{change:?}");
        };
        let one = Version::HTTP_11;
        check(Method::GET, one, ("x", "y"), None);
        check(Method::POST, one, ("x", "y"), Some(Refused::Request));
        check(Method::GET, Version::HTTP_10, ("x", "y"), Some(Refused::Request));
        check(Method::GET, one, ("connection", "close"), Some(Refused::Upgrade));
        check(Method::GET, one, ("upgrade", "h2c"), Some(Refused::Upgrade));
        check(Method::GET, one, ("sec-websocket-version", "8"), Some(Refused::Version));
        check(Method::GET, one, ("sec-websocket-version", ""), Some(Refused::Version));
        check(Method::GET, one, ("sec-websocket-key", ""), Some(Refused::Key));
        check(Method::GET, one, ("sec-websocket-key", "c2hvcnQ="), Some(Refused::Key));
        check(Method::GET, one, ("sec-websocket-key", "not base 64 at all!!"), Some(Refused::Key));
    }
}
