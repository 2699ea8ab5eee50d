//! Tickets: a secret that opens one stream, once, soon.
//!
//! A browser cannot send a header with an event stream or a WebSocket, and what stands in an address
//! ends up in logs. A ticket in an address is worth nothing by the time that somebody reads it there:
//! it lasts half a minute, and the first use removes it from the store, for all nodes.

use headway_protocol::{Secret, Timestamp};

use crate::base62::{self, SECRET_LETTERS};
use crate::collection;

const PREFIX: &str = "hwo_";
const END_LETTERS: usize = 8;
const HASH_CONTEXT: &str = "headway 2026-11 ticket";

/// How long a ticket lasts, in milliseconds.
pub(crate) const LASTS_MS: u64 = 30_000;

/// A ticket for a moment until which it holds. When it ends stands in it, so that its key in the
/// store sorts by that; another end is another ticket.
pub(crate) fn make(ends_at: Timestamp) -> Secret {
    let end = base62::number::<END_LETTERS>(ends_at.as_millis());
    Secret::new(format!("{PREFIX}{end}{}", base62::random(SECRET_LETTERS)))
}

/// The key of a ticket's entry, and when it ends; `None` for another form.
pub(crate) fn entry_key(text: &str) -> Option<(String, Timestamp)> {
    let body = text.strip_prefix(PREFIX)?;
    if body.len() != END_LETTERS + SECRET_LETTERS || !base62::is_base62(body) {
        return None;
    }
    let (end, _) = body.split_at_checked(END_LETTERS)?;
    let ends_at = Timestamp::from_millis(base62::read_number(end)?);
    let hash = blake3::Hasher::new_derive_key(HASH_CONTEXT).update(text.as_bytes()).finalize();
    Some((format!("{}.{}", collection::at(ends_at), hash.to_hex()), ends_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_says_when_it_ends_and_its_entry_does_not_say_it() {
        let ends_at = Timestamp::from_millis(1_800_000_000_123);
        let ticket = make(ends_at);
        let (key, read) = entry_key(ticket.expose()).unwrap();
        assert_eq!(read, ends_at);
        assert!(key.starts_with("001800000000123.") && !key.contains(ticket.expose()));
        assert!(key < entry_key(make(ends_at.plus(1)).expose()).unwrap().0);
        for text in ["", "hwo_", &ticket.expose()[1..], &format!("{}a", ticket.expose())] {
            assert_eq!(entry_key(text), None, "{text}");
        }
    }
}
