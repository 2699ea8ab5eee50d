//! What browsers are told and held to: which host they may have meant, which origin may ask.
//!
//! A page of another origin can send requests from inside a network where it could never look: to a
//! node on this machine, or with the cookie of somebody who has signed in. A browser says where a
//! request comes from (`Origin`, RFC 6454; `Sec-Fetch-Site`), and a name that an attacker has
//! pointed at this machine stands in `Host`. Programs that are no browsers send none of it and are
//! not concerned.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use headway_protocol::ProblemCode;

use crate::options::Site;
use crate::problem::Refusal;

/// What a request says about where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing: a program, or a browser that asks its own site for a page.
    Unsaid,
    /// The site itself.
    Same,
    /// One that the configuration lets in.
    Allowed,
    /// Any other.
    Foreign,
}

const ORIGIN_FETCHED: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Headers that a page of an allowed origin may send.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, accept, idempotency-key, if-none-match, last-event-id, \
     producer-id, producer-seq, traceparent, x-request-id",
);
/// Headers of answers that it may read.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "date, etag, location, retry-after, ratelimit, ratelimit-policy, idempotent-replayed, \
     x-request-id",
);
/// How long a browser keeps the answer to a preflight, in seconds.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");

impl Site {
    /// Judges a request. `guarded`: whether the names of the host are checked, as on a node that
    /// asks nobody to sign in and is meant for this machine alone.
    pub(crate) fn judge(&self, parts: &Parts, guarded: bool) -> Result<Origin, Refusal> {
        if parts.headers.get_all(header::HOST).iter().nth(1).is_some() {
            // Whoever is in front may have judged by the other one (RFC 9112, section 3.2).
            let detail = "the request has two `Host` headers: send one";
            return Err(Refusal::new(ProblemCode::Malformed, detail));
        }
        let host = host_of(parts);
        if guarded && !host.as_deref().is_none_or(|host| self.is_known_host(host)) {
            let detail = "this server asks nobody to sign in and answers only to the names of this \
                          machine: use localhost, or add the name to `browser.hosts`";
            return Err(Refusal::new(ProblemCode::Forbidden, detail));
        }
        let origin = self.origin_of(&parts.headers, host.as_deref());
        if origin == Origin::Foreign && (changes_something(&parts.method) || upgrades(parts)) {
            let detail = "the request comes from a page of another origin: add the origin to \
                          `browser.origins` if that page may use this server";
            return Err(Refusal::new(ProblemCode::Forbidden, detail));
        }
        Ok(origin)
    }

    /// Refuses a request with a cookie that changes something, unless a browser says that it comes
    /// from the site itself.
    pub(crate) fn judge_cookie(parts: &Parts, origin: Origin) -> Result<(), Refusal> {
        let harmless = !changes_something(&parts.method) && !upgrades(parts);
        let fetched = parts.headers.get(ORIGIN_FETCHED);
        let same = match origin {
            Origin::Same => true,
            Origin::Unsaid => fetched.is_some_and(|site| site == "same-origin"),
            Origin::Allowed | Origin::Foreign => false,
        };
        if harmless || same {
            return Ok(());
        }
        let detail = "a cookie is taken from this server's own pages alone: send a key or token in \
                      `Authorization` instead";
        Err(Refusal::new(ProblemCode::Forbidden, detail))
    }

    /// Tells a browser that the answer may be read by the page that asked.
    pub(crate) fn mark(origin: Origin, request: Option<&HeaderValue>, answer: &mut HeaderMap) {
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        if origin == Origin::Allowed
            && let Some(name) = request
        {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, name.clone());
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }

    /// What a preflight is answered with, beside the methods that the path takes.
    pub(crate) fn mark_preflight(origin: Origin, answer: &mut HeaderMap) {
        if origin == Origin::Allowed
            && let Some(methods) = answer.get(header::ALLOW).cloned()
        {
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
        }
    }

    fn origin_of(&self, headers: &HeaderMap, host: Option<&str>) -> Origin {
        let mut lines = headers.get_all(header::ORIGIN).iter();
        let (first, more) = (lines.next(), lines.next());
        let Some(line) = first else {
            // A browser that sends no origin says at least whether it is another site's page.
            return match headers.get(ORIGIN_FETCHED).map(HeaderValue::as_bytes) {
                None | Some(b"none" | b"same-origin") => Origin::Unsaid,
                Some(_) => Origin::Foreign,
            };
        };
        let Some(origin) = line.to_str().ok().filter(|_| more.is_none()) else {
            return Origin::Foreign;
        };
        let authority = origin.split_once("://").map(|(_, authority)| bare(authority));
        let apart = headers.get(ORIGIN_FETCHED).is_some_and(|site| {
            [b"same-site".as_slice(), b"cross-site"].contains(&site.as_bytes())
        });
        // The browser knows better than a comparison of names: a page of the same host without TLS is
        // another site's. Of a WebSocket it says nothing, or what is true of another scheme.
        let apart = apart && !headers.contains_key(header::UPGRADE);
        if authority.is_some() && authority == host.map(bare) && !apart {
            return Origin::Same;
        }
        let named = |known: &String| known == "*" || known.eq_ignore_ascii_case(origin);
        if self.origins.iter().any(named) { Origin::Allowed } else { Origin::Foreign }
    }

    fn is_known_host(&self, host: &str) -> bool {
        let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        let is_address = literal.parse::<std::net::IpAddr>().is_ok();
        // An address cannot be pointed elsewhere, so it is what the browser's user has typed.
        is_address
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(&name))
    }
}

/// Whose name a request was sent to.
fn host_of(parts: &Parts) -> Option<String> {
    let line = parts.headers.get(header::HOST).and_then(|line| line.to_str().ok());
    let said = line.map(str::to_owned);
    said.or_else(|| parts.uri.authority().map(|authority| authority.as_str().to_owned()))
}

/// An authority without the port that its scheme has anyway, for comparing: a proxy may have taken
/// TLS off.
fn bare(authority: &str) -> String {
    let plain = authority.strip_suffix(":443").or_else(|| authority.strip_suffix(":80"));
    plain.unwrap_or(authority).to_ascii_lowercase()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') && !name.is_empty() => name,
        Some(_) | None => host,
    }
}

/// Whether a method may change something (RFC 9110, section 9.2.1).
pub(crate) fn changes_something(method: &Method) -> bool {
    !method.is_safe()
}

fn upgrades(parts: &Parts) -> bool {
    parts.headers.contains_key(header::UPGRADE)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn site() -> Site {
        Site {
            origins: vec!["https://app.example".to_owned()],
            hosts: vec!["headway.internal".to_owned()],
        }
    }

    #[test]
    fn a_name_that_somebody_pointed_here_is_not_answered() {
        let check = |host: &str, known: bool| {
            let outcome = site().judge(&parts("GET", &[("host", host)]), true);
            assert_eq!(outcome.is_ok(), known, "{host}");
            assert!(site().judge(&parts("GET", &[("host", host)]), false).is_ok());
        };
        check("localhost:4323", true);
        check("LOCALHOST", true);
        check("demo.localhost:80", true);
        check("127.0.0.1:4323", true);
        check("[::1]:4323", true);
        check("192.0.2.7", true);
        check("headway.internal:4323", true);
        check("attacker.example:4323", false);
        check("localhost.attacker.example", false);
        check("127.0.0.1.attacker.example", false);
        check("", false);
    }

    #[test]
    fn a_request_is_for_one_host() {
        for hosts in [["localhost", "attacker.example"], ["attacker.example", "localhost"]] {
            let twice = hosts.map(|host| ("host", host));
            let refused = site().judge(&parts("GET", &twice), false).unwrap_err();
            assert_eq!(refused.problem().status, 400);
        }
    }

    #[test]
    fn another_origin_may_change_nothing() {
        let host = ("host", "headway.example");
        let check = |method: &str, origin: &str, expected: Option<Origin>| {
            let request = parts(method, &[host, ("origin", origin)]);
            assert_eq!(site().judge(&request, false).ok(), expected, "{method} from {origin}");
        };
        check("POST", "https://headway.example", Some(Origin::Same));
        check("POST", "http://headway.example:80", Some(Origin::Same));
        check("POST", "https://app.example", Some(Origin::Allowed));
        check("POST", "http://app.example", None);
        check("POST", "https://attacker.example", None);
        check("POST", "null", None);
        check("GET", "https://attacker.example", Some(Origin::Foreign));
        check("OPTIONS", "https://attacker.example", Some(Origin::Foreign));
        let upgrade = [host, ("origin", "https://attacker.example"), ("upgrade", "websocket")];
        assert!(site().judge(&parts("GET", &upgrade), false).is_err());
        let twice = [host, ("origin", "https://headway.example"), ("origin", "null")];
        assert!(site().judge(&parts("POST", &twice), false).is_err());
    }

    #[test]
    fn what_a_browser_says_of_a_request_without_an_origin_counts() {
        let check = |fetched: &str, accepted: bool| {
            let request = parts("POST", &[("host", "h"), ("sec-fetch-site", fetched)]);
            assert_eq!(site().judge(&request, false).is_ok(), accepted, "{fetched}");
        };
        check("same-origin", true);
        check("none", true);
        check("same-site", false);
        check("cross-site", false);
    }

    #[test]
    fn a_page_of_the_same_host_without_tls_is_another_site() {
        let check = |fetched: &str, accepted: bool| {
            let said = [("host", "h"), ("origin", "http://h"), ("sec-fetch-site", fetched)];
            assert_eq!(site().judge(&parts("POST", &said), false).is_ok(), accepted, "{fetched}");
        };
        check("same-origin", true);
        check("same-site", false);
        check("cross-site", false);
    }

    #[test]
    fn a_cookie_changes_something_only_from_the_site_itself() {
        let check = |method: &str, headers: &[(&str, &str)], accepted: bool| {
            let request = parts(method, headers);
            let origin = site().judge(&request, false).unwrap();
            let judged = Site::judge_cookie(&request, origin);
            assert_eq!(judged.is_ok(), accepted, "{method} {headers:?}");
        };
        let host = ("host", "headway.example");
        check("GET", &[host], true);
        check("POST", &[host], false);
        check("POST", &[host, ("sec-fetch-site", "same-origin")], true);
        check("POST", &[host, ("sec-fetch-site", "none")], false);
        check("POST", &[host, ("origin", "https://headway.example")], true);
        check("POST", &[host, ("origin", "https://app.example")], false);
        check("GET", &[host, ("upgrade", "websocket")], false);
    }

    #[test]
    fn an_allowed_page_may_read_the_answer() {
        let mut answer = HeaderMap::new();
        let name = HeaderValue::from_static("https://app.example");
        Site::mark(Origin::Allowed, Some(&name), &mut answer);
        assert_eq!(answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN), Some(&name));
        assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        let mut answer = HeaderMap::new();
        Site::mark(Origin::Foreign, Some(&name), &mut answer);
        assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}
