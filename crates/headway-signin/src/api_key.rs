//! API keys as text: `hw_`, an id of 12 letters, `_`, a secret of 43, and a checksum of 6.
//!
//! The id is no secret, and begins with the time, so that ids sort by age. The secret holds 256 bits
//! of chance: a plain keyed hash is enough to keep it, and nobody guesses it. The checksum tells a
//! mistyped or shortened key from a wrong one without a look-up, and a scanner that looks for leaked
//! keys from text that looks like one.

use headway_protocol::{Secret, Timestamp};

use crate::base62::{self, SECRET_LETTERS};

/// What every API key begins with.
pub(crate) const PREFIX: &str = "hw_";
/// Six letters of seconds and six of chance.
const ID_LETTERS: usize = 12;
const CHECKSUM_LETTERS: usize = 6;
const KEY_BYTES: usize = PREFIX.len() + ID_LETTERS + 1 + SECRET_LETTERS + CHECKSUM_LETTERS;

/// What the hashes of keys are bound to, so that no other hash of this node is ever equal to one.
const HASH_CONTEXT: &str = "headway 2026-11 api key";

/// A text of the form of a key, whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyText<'a> {
    text: &'a str,
    id: &'a str,
}

impl<'a> KeyText<'a> {
    /// Reads a key; `None` for another form or a wrong checksum.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        if text.len() != KEY_BYTES {
            return None;
        }
        let (body, checksum) = text.split_at_checked(KEY_BYTES - CHECKSUM_LETTERS)?;
        let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let fits = id.len() == ID_LETTERS
            && base62::is_base62(id)
            && base62::is_base62(secret)
            && checksum == checksum_of(body);
        fits.then_some(Self { text, id })
    }

    /// Its id.
    pub(crate) fn id(self) -> &'a str {
        self.id
    }

    /// What is kept of it. Two hashes compare in constant time.
    pub(crate) fn hash(self) -> blake3::Hash {
        hash(self.text)
    }
}

/// Whether a text is an API key without a mistake in it. Whether there is such a key is another
/// question.
pub fn is_whole_key(text: &str) -> bool {
    KeyText::read(text).is_some()
}

/// A key that was just made.
pub(crate) struct FreshKey {
    pub(crate) id: String,
    pub(crate) text: Secret,
    pub(crate) hash: blake3::Hash,
}

impl FreshKey {
    pub(crate) fn make(now: Timestamp) -> Self {
        let id = format!("{}{}", base62::number::<6>(now.as_millis() / 1_000), base62::random(6));
        let body = format!("{PREFIX}{id}_{}", base62::random(SECRET_LETTERS));
        let text = format!("{body}{}", checksum_of(&body));
        Self { id, hash: hash(&text), text: Secret::new(text) }
    }
}

fn hash(text: &str) -> blake3::Hash {
    blake3::Hasher::new_derive_key(HASH_CONTEXT).update(text.as_bytes()).finalize()
}

fn checksum_of(body: &str) -> String {
    base62::number::<CHECKSUM_LETTERS>(crc32fast::hash(body.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(millis: u64) -> FreshKey {
        FreshKey::make(Timestamp::from_millis(millis))
    }

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let key = made(1_800_000_000_000);
        let read = KeyText::read(key.text.expose()).unwrap();
        assert_eq!(read.id(), key.id);
        assert_eq!(read.hash(), key.hash);
        assert!(key.text.expose().starts_with(&format!("hw_{}_", key.id)));
        assert_ne!(made(0).text.expose(), made(0).text.expose());
    }

    #[test]
    fn ids_sort_by_age() {
        assert!(made(1_800_000_000_000).id < made(1_800_000_001_000).id);
        assert!(made(9_000).id < made(70_000).id);
    }

    #[test]
    fn a_known_key_keeps_its_form() {
        let body = "hw_0123456789AB_".to_owned() + &"x".repeat(43);
        let text = format!("{body}{}", checksum_of(&body));
        assert_eq!(text.len(), 65);
        assert!(is_whole_key(&text));
        assert_eq!(checksum_of("123456789"), base62::number::<6>(0xCBF4_3926));
        assert!(!is_whole_key(&text.to_lowercase()) && !is_whole_key(&format!("{text} ")));
    }

    proptest! {
        #[test]
        fn one_wrong_letter_is_noticed(place in 0_usize..65, letter in "[0-9A-Za-z_ä]") {
            let key = made(1_800_000_000_000);
            let mut text: Vec<char> = key.text.expose().chars().collect();
            let before = text[place].to_string();
            text[place] = letter.chars().next().unwrap();
            let text: String = text.into_iter().collect();
            prop_assert_eq!(is_whole_key(&text), before == letter);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            prop_assert!(!is_whole_key(&text));
        }
    }
}
