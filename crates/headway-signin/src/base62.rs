//! Numbers and chance as digits and letters, which need no escaping anywhere, are selected by a
//! double click, and sort as the numbers do.

use rand::RngExt as _;
use rand::distr::Alphanumeric;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// As many letters as hold 256 bits of chance.
pub(crate) const SECRET_LETTERS: usize = 43;

/// The lowest `LETTERS` digits of a number.
pub(crate) fn number<const LETTERS: usize>(mut value: u64) -> String {
    let mut text = [b'0'; LETTERS];
    for place in text.iter_mut().rev() {
        let low = usize::try_from(value % 62).unwrap_or_default();
        *place = DIGITS.get(low).copied().unwrap_or(b'0');
        value /= 62;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

/// The number that was written so; `None` for another text, or a larger number than there is.
pub(crate) fn read_number(text: &str) -> Option<u64> {
    text.bytes().try_fold(0_u64, |value, byte| {
        let digit = DIGITS.binary_search(&byte).ok()?;
        value.checked_mul(62)?.checked_add(u64::try_from(digit).ok()?)
    })
}

/// Letters by chance, each of 62.
pub(crate) fn random(letters: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(letters).map(char::from).collect()
}

/// Whether a text is made of these letters alone.
pub(crate) fn is_base62(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_and_sort_as_numbers(one: u64, other: u64) {
            let (text, other_text) = (number::<11>(one), number::<11>(other));
            prop_assert_eq!(read_number(&text), Some(one));
            prop_assert_eq!(text.cmp(&other_text), one.cmp(&other));
        }
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in ["-1", "1 ", "ä", "zzzzzzzzzzzz"] {
            assert_eq!(read_number(text), None, "{text}");
        }
    }
}
