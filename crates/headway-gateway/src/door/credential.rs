//! What a request shows of who asks.

use axum::http::HeaderMap;
use axum::http::header;
use axum::http::request::Parts;
use headway_signin::Presented;

use crate::query::Query;
use crate::routes::{Route, Rule};

/// The prefix of a subprotocol that carries a token: a browser can send nothing else with a
/// WebSocket. It is never chosen, so it is never in an answer.
const SUBPROTOCOL: &str = "headway.bearer.";

/// The name of the cookie of a person's session: under TLS with the prefix that makes a browser hold
/// it to this host (RFC 6265bis, section 4.1.3.2).
pub(crate) fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-headway_session" } else { "headway_session" }
}

/// What a request shows; the first of these that is there. A query may carry something only where
/// somebody watches.
pub(crate) fn presented<'a>(parts: &'a Parts, query: &'a Query, route: &Route) -> Presented<'a> {
    let shown = bearer(&parts.headers).or_else(|| subprotocol(&parts.headers));
    if let Some(token) = shown {
        return Presented::Bearer(token);
    }
    if route.rule == Rule::Stream {
        if let Some(token) = query.all("token").next() {
            return Presented::Bearer(token);
        }
        if let Some(ticket) = query.all("ticket").next() {
            return Presented::Ticket(ticket);
        }
    }
    cookie(&parts.headers).map_or(Presented::Nothing, Presented::Cookie)
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let line = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = line.split_once(' ').unwrap_or((line, ""));
    // Another scheme is shown all the same, as something that nobody knows.
    Some(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" })
}

fn subprotocol(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let words = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    words.map(str::trim).find_map(|word| word.strip_prefix(SUBPROTOCOL))
}

/// The value of the session's cookie, whichever way it was set. The one with the prefix comes first:
/// no page of another host or port can have set that one in the browser, but it can the other.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    [true, false].into_iter().find_map(|secure| cookie_named(headers, cookie_name(secure)))
}

fn cookie_named<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::routes;

    #[test]
    fn a_credential_is_found_where_it_may_be() {
        let check = |uri: &str, headers: &[(&str, &str)], streams: bool, expected: &str| {
            let mut request = Request::builder().uri(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let path = if streams { "/api/v1/stream" } else { "/api/v1/jobs" };
            let route = routes::find("GET", path).unwrap();
            let known = routes::find("GET", "/api/v1/stream").unwrap().parameters;
            let query = Query::parse(parts.uri.query().unwrap_or_default(), known).unwrap();
            let found = match presented(&parts, &query, route) {
                Presented::Bearer(token) => format!("bearer {token}"),
                Presented::Cookie(value) => format!("cookie {value}"),
                Presented::Ticket(ticket) => format!("ticket {ticket}"),
                Presented::Nothing => "nothing".to_owned(),
            };
            assert_eq!(found, expected, "{uri} {headers:?}");
        };
        check("/", &[], true, "nothing");
        check("/", &[("authorization", "Bearer abc")], false, "bearer abc");
        check("/", &[("authorization", "bearer abc")], false, "bearer abc");
        check("/", &[("authorization", "Basic abc")], false, "bearer ");
        let protocols = [("sec-websocket-protocol", "headway.v1, headway.bearer.abc")];
        check("/", &protocols, true, "bearer abc");
        check("/?token=abc", &[], true, "bearer abc");
        check("/?token=abc", &[], false, "nothing");
        check("/?ticket=abc", &[], true, "ticket abc");
        check("/?ticket=abc", &[], false, "nothing");
        check("/", &[("cookie", "a=b; headway_session=abc")], false, "cookie abc");
        check("/", &[("cookie", "__Host-headway_session=abc")], false, "cookie abc");
        let planted = [("cookie", "headway_session=theirs; __Host-headway_session=abc")];
        check("/", &planted, false, "cookie abc");
        let both = [("cookie", "headway_session=abc"), ("authorization", "Bearer def")];
        check("/?token=ghi", &both, true, "bearer def");
    }
}
