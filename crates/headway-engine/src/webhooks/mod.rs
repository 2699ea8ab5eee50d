//! Webhooks: what happens to a job is announced where its request said.
//!
//! ```text
//!  shard ── record and delivery in one append ──► queue ──► courier ──► attempt ──► the receiver
//!                                                   ▲                      │
//!                                                   └── again, later ──────┤
//!                                         dead letters ◄── given up ───────┘
//! ```
//!
//! A delivery is written with the record that it announces ([`outbox`]), so that there is none for
//! what did not happen and none is lost. The [`courier`] reads what is due and gives it to
//! [`attempt`]s, a few for each server; [`delivery`] says what follows from an attempt's outcome, and
//! what is given up becomes a dead letter ([`letters`]) that can be sent again. Everything rests in
//! the store's entries: any node may take up a delivery, by changing its entry as it found it, and
//! one that a dead node had taken is taken up by another a little later.
//!
//! **Invariants.** An event is announced at least once, or is a dead letter. All attempts of one
//! event have the same `webhook-id`. What signs and where it goes is shown nowhere: no log, metric or
//! message has a secret, or more of an address than [`shown`].

pub(crate) mod courier;
pub(crate) mod letters;
pub(crate) mod outbox;

mod attempt;
mod delivery;
mod endpoint;
mod lanes;
mod places;
mod signing;

pub(crate) use delivery::RETRIES_MS;
pub(crate) use endpoint::check;
pub(crate) use signing::SigningKeys;

use std::sync::Arc;

use headway_protocol::Problem;
use tokio::sync::Notify;

use crate::Options;

/// What the parts of webhooks share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Webhooks {
    /// The node's own keys; none when it has no secret.
    keys: Arc<SigningKeys>,
    /// Rung when a delivery was written.
    written: Arc<Notify>,
}

impl Webhooks {
    /// Refuses secrets that are none.
    pub(crate) fn new(options: &Options) -> Result<Self, Problem> {
        let keys = SigningKeys::of_node(&options.webhooks.secrets)?;
        Ok(Self { keys: Arc::new(keys), written: Arc::default() })
    }

    /// Says that a delivery was written.
    pub(crate) fn ring(&self) {
        self.written.notify_one();
    }
}

/// As much of an address as may be shown: neither a user nor a query.
fn shown(url: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse(url) else { return String::new() };
    url.set_query(None);
    url.set_fragment(None);
    // Refused by addresses that cannot have a user, and so have none.
    let _none = (url.set_username(""), url.set_password(None));
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        for (url, expected) in [
            ("https://example.org/a?token=x#y", "https://example.org/a"),
            ("http://user:pass@example.org:81/a/b", "http://example.org:81/a/b"),
            ("nonsense", ""),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
