//! Where deliveries rest among the store's entries.
//!
//! | collection | key | holds |
//! |---|---|---|
//! | `webhook-queue` | `lane/due/id` | a [`Delivery`](super::delivery::Delivery), changed with each attempt |
//! | `webhook-messages` | `id` | its body and its own secret, never changed |
//! | `webhook-dead` | `tenant/id` | a delivery that was given up |
//! | `webhook-dead-messages` | `tenant/id` | its body and secret |
//! | `webhook-endpoints` | `endpoint` | since when an endpoint is gone |
//!
//! A *lane* is one tenant's deliveries to one server, in the order in which they are due. Lanes,
//! tenants and endpoints are named by digests, since their own names may hold anything.

use aws_lc_rs::digest::{SHA256, digest};
use headway_protocol::Timestamp;
use reqwest::Url;

/// What is to be sent.
pub(super) const QUEUE: &str = "webhook-queue";
/// The bodies of what is to be sent.
pub(super) const MESSAGES: &str = "webhook-messages";
/// What was given up.
pub(super) const DEAD: &str = "webhook-dead";
/// The bodies of what was given up.
pub(super) const DEAD_MESSAGES: &str = "webhook-dead-messages";
/// Endpoints that are gone.
pub(super) const ENDPOINTS: &str = "webhook-endpoints";

/// Digits of a lane's name that are its tenant's.
const TENANT_DIGITS: usize = 16;

/// The lane of one tenant's deliveries to a URL's server.
pub(super) fn lane(tenant: &str, url: &str) -> String {
    let server =
        Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization());
    let half = |words: &[&str]| name(words).split_at(TENANT_DIGITS).0.to_owned();
    half(&[tenant]) + &half(&[tenant, &server])
}

/// The part of a lane's name that all lanes of its tenant begin with.
pub(super) fn tenant_of(lane: &str) -> &str {
    lane.split_at_checked(TENANT_DIGITS).map_or(lane, |(tenant, _)| tenant)
}

/// A delivery's key in the queue.
pub(super) fn in_queue(lane: &str, due: Timestamp, id: &str) -> String {
    format!("{lane}/{:015}/{id}", due.as_millis())
}

/// What the keys of a lane begin with.
pub(super) fn in_lane(lane: &str) -> String {
    format!("{lane}/")
}

/// The lane and the due time of a key in the queue; `None` when it is not one.
pub(super) fn parse(key: &str) -> Option<(&str, Timestamp)> {
    let (lane, rest) = key.split_once('/')?;
    let (due, _id) = rest.split_once('/')?;
    Some((lane, Timestamp::from_millis(due.parse().ok()?)))
}

/// What the keys of a tenant's dead letters begin with.
pub(super) fn of_tenant(tenant: &str) -> String {
    format!("{}/", name(&[tenant]))
}

/// A dead letter's key.
pub(super) fn of_letter(tenant: &str, id: &str) -> String {
    format!("{}{id}", of_tenant(tenant))
}

/// An endpoint's key: one tenant's, the whole address.
pub(super) fn of_endpoint(tenant: &str, url: &str) -> String {
    name(&[tenant, url])
}

/// A name of 32 hexadecimal digits for these words, told apart from all others.
fn name(words: &[&str]) -> String {
    use std::fmt::Write as _;
    let joined = words.join("\u{1f}");
    let mut text = String::with_capacity(32);
    for byte in digest(&SHA256, joined.as_bytes()).as_ref().iter().take(16) {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_a_tenant_and_a_server() {
        let one = lane("a", "https://example.org/x?y");
        assert_eq!(one, lane("a", "https://example.org:443/z"));
        assert_ne!(one, lane("b", "https://example.org/x"));
        assert_eq!(tenant_of(&one), tenant_of(&lane("a", "https://other.org")));
        assert_ne!(tenant_of(&one), tenant_of(&lane("b", "https://example.org/x")));
        assert_ne!(one, lane("a", "http://example.org/x"));
        assert_ne!(one, lane("a", "https://example.org:444/x"));
        assert!(one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(of_endpoint("a", "https://e/x"), of_endpoint("a", "https://e/y"));
    }

    #[test]
    fn keys_of_a_lane_are_in_the_order_of_their_due_times() {
        let keys: Vec<_> = [9, 10, 1_768_037_400_000]
            .map(|due| in_queue("0a", Timestamp::from_millis(due), "msg_1"))
            .into();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(parse(&keys[2]), Some(("0a", Timestamp::from_millis(1_768_037_400_000))));
        for text in ["", "0a", "0a/5", "0a/x/msg_1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
