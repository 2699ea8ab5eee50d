//! What messages of the same failure have in common.

use headway_protocol::JobError;

/// Stands for what differs.
const SIGN: &str = "…";

/// Characters of a message that are looked at, and of its form.
const LOOKED_AT: usize = 2_000;
const LONGEST: usize = 300;

/// More bytes than the longest form has, and a sign that may be taken back.
const FORM_BYTES: usize = 4 * (LONGEST + 2);

/// The longest quotation, in bytes.
const QUOTED: usize = 400;

/// A word without digits counts as a number in base 16 from this length on; with digits from the
/// shorter one.
const HEX_LETTERS: usize = 8;
const HEX: usize = 6;

/// The form of an error's message: numbers, names with numbers in them, quoted words and addresses
/// are replaced by `…`, and white space is one space. A number stays that the details name as the
/// status of an answer or of an exit: it tells failures apart.
pub(super) fn of(error: &JobError) -> String {
    let kept = ["status", "exit_code"].iter().find_map(|name| {
        let number = error.details.as_ref()?.get(name)?.as_i64()?;
        Some(number.to_string())
    });
    let message = beginning(&error.message, LOOKED_AT);
    let mut form = String::with_capacity(message.len().min(LONGEST));
    let mut quotations = Quotations::default();
    let mut rest = message.trim_start();
    // What is cut off anyway is not made.
    while form.len() <= FORM_BYTES
        && let Some(first) = rest.chars().next()
    {
        let before = form.chars().next_back();
        let length = if first.is_whitespace() {
            let length = run(rest, char::is_whitespace);
            if rest.len() > length {
                form.push(' ');
            }
            length
        } else if let Some(length) = address(rest) {
            sign(&mut form);
            length
        } else if let Some(length) = quotations.length(&message, rest, before) {
            form.push(first);
            form.push_str(SIGN);
            form.push(closing(first));
            length
        } else if first.is_alphanumeric() {
            let length = run(rest, char::is_alphanumeric);
            let word = rest.get(..length).unwrap_or_default();
            push_word(&mut form, word, kept.as_deref());
            length
        } else {
            form.push(first);
            first.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    beginning(&form, LONGEST)
}

/// A text, or of a longer one so many characters and `…`.
pub(super) fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + SIGN,
    }
}

/// Bytes of the characters at the beginning that fit.
fn run(text: &str, fits: fn(char) -> bool) -> usize {
    text.find(|sign| !fits(sign)).unwrap_or(text.len())
}

/// Bytes of an address that the text begins with.
fn address(text: &str) -> Option<usize> {
    let scheme = run(text, |sign| sign.is_ascii_alphanumeric());
    if scheme == 0 || !text.get(scheme..)?.starts_with("://") {
        return None;
    }
    let ends = |sign: char| sign.is_whitespace() || matches!(sign, '"' | '\'' | '`' | '>' | ')');
    let whole = text.find(ends).unwrap_or(text.len());
    // What ends a sentence is not of the address.
    let trimmed = text.get(..whole)?.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    Some(trimmed.len())
}

const fn closing(opening: char) -> char {
    match opening {
        '“' => '”',
        '«' => '»',
        same => same,
    }
}

/// Finds the ends of quotations in one message. Each part of it is looked through once for each mark,
/// however many quotations begin there that nothing ends.
#[derive(Default)]
struct Quotations {
    /// Marks, and up to where in the message none of them ends a quotation.
    searched: Vec<(char, usize)>,
}

impl Quotations {
    /// Bytes of a quotation that the rest of a message begins with, its marks among them. An
    /// apostrophe begins none.
    fn length(&mut self, message: &str, rest: &str, before: Option<char>) -> Option<usize> {
        let first = rest.chars().next()?;
        let opens = match first {
            '"' | '`' | '“' | '«' => true,
            '\'' => !before.is_some_and(char::is_alphanumeric),
            _ => false,
        };
        if !opens {
            return None;
        }
        let begin = message.len() - rest.len();
        let end = self.end(message, begin + first.len_utf8(), closing(first))?;
        Some(end - begin)
    }

    /// Where a quotation that has begun before `from` ends.
    fn end(&mut self, message: &str, from: usize, mark: char) -> Option<usize> {
        let known = self.searched.iter_mut().find(|(known, _)| *known == mark);
        let mut at = known.as_ref().map_or(from, |(_, until)| from.max(*until));
        let until = message.floor_char_boundary(from + QUOTED).max(at);
        while let Some(found) = message.get(at..until)?.find(mark) {
            let after = at + found + mark.len_utf8();
            // Within quotation marks of one stroke, one before a letter is an apostrophe.
            let next = message.get(after..)?.chars().next();
            if mark != '\'' || !next.is_some_and(char::is_alphanumeric) {
                return Some(after);
            }
            at = after;
        }
        match known {
            Some((_, searched)) => *searched = until,
            None => self.searched.push((mark, until)),
        }
        None
    }
}

/// Adds a word, or what is left of it without numbers.
fn push_word(form: &mut String, word: &str, kept: Option<&str>) {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let length = word.len();
    // The later parts of a UUID have 4 and 12 signs.
    if hex && matches!(length, 4 | 12) && form.ends_with("…-") {
        sign(form);
        return;
    }
    if kept == Some(word) || (digits == 0 && !(hex && length >= HEX_LETTERS)) {
        form.push_str(word);
        return;
    }
    let number = run(word, |sign| sign.is_ascii_digit());
    let (letters, unit) = (
        word.trim_end_matches(|sign: char| sign.is_ascii_digit()),
        word.get(number..).unwrap_or_default(),
    );
    let plain = |text: &str| !text.bytes().any(|byte| byte.is_ascii_digit());
    if hex && length >= HEX {
        sign(form);
    } else if plain(letters) {
        form.push_str(letters);
        sign(form);
    } else if number > 0 && plain(unit) {
        sign(form);
        form.push_str(unit);
    } else {
        sign(form);
    }
}

/// Adds the sign; numbers with one mark between them are one.
fn sign(form: &mut String) {
    if form.ends_with(SIGN) {
        return;
    }
    let joined = form.strip_suffix(['.', ',', ':', '-', '/', '_']);
    match joined.filter(|before| before.ends_with(SIGN)) {
        Some(before) => form.truncate(before.len()),
        None => form.push_str(SIGN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_left_out_and_what_tells_apart_stays() {
        for (message, form) in [
            ("row 17 is empty", "row … is empty"),
            ("timed out after 3000ms (limit 2.5 s)", "timed out after …ms (limit … s)"),
            ("no user 4f2a91c0ffee", "no user …"),
            ("no key deadbeef in the facade", "no key … in the facade"),
            ("job_01jd7x9 is gone", "job_… is gone"),
            ("id 550e8400-e29b-41d4-a716-446655440000", "id …"),
            ("id deadbeef-cafe-4afe-beef-aaaaaaaaaaaa", "id …"),
            ("cannot reach 10.0.0.7:8080", "cannot reach …"),
            ("GET https://a.example/x?y=1: refused", "GET …: refused"),
            ("see (http://a.example/1), please.", "see (…), please."),
            ("invalid literal: 'abc'", "invalid literal: '…'"),
            ("can't parse \"a b\" and `c`", "can't parse \"…\" and `…`"),
            ("'it isn't here' was said", "'…' was said"),
            ("the file’s name is “x y”", "the file’s name is “…”"),
            ("an \"open quotation", "an \"open quotation"),
            ("  two\n  lines \t", "two lines"),
            ("at 2026-11-21T19:40:51Z", "at …Z"),
            ("Zeile 3 fehlt, Größe 12", "Zeile … fehlt, Größe …"),
            ("", ""),
        ] {
            assert_eq!(of(&JobError::fatal("c", message)), form, "{message}");
        }
    }

    #[test]
    fn the_status_of_an_answer_stays() {
        let error = |status: u16, more: &str| JobError {
            details: Some(serde_json::json!({"status": status})),
            ..JobError::fatal("http_status", format!("the server answered {status}{more}"))
        };
        assert_eq!(of(&error(503, ": try in 30 s")), "the server answered 503: try in … s");
        assert_eq!(of(&error(404, "")), "the server answered 404");
    }

    #[test]
    fn what_was_searched_for_the_end_of_a_quotation_is_not_searched_again() {
        let long = "x".repeat(QUOTED);
        for (message, form) in [
            // Two that nothing ends, and one that ends beyond where was searched.
            (format!("“a “b “{long}” c"), format!("“a “b “{}", &long[..LONGEST - 7])),
            ("'a 'b 'c' d".to_owned(), "'…' d".to_owned()),
            (format!("'a 'b {long} 'c' d"), format!("'a 'b {}", &long[..LONGEST - 6])),
            ("\"a\" \"b\" \"c".to_owned(), "\"…\" \"…\" \"c".to_owned()),
        ] {
            let cut = if form.chars().count() == LONGEST { SIGN } else { "" };
            assert_eq!(of(&JobError::fatal("c", &*message)), form + cut, "{message}");
        }
        let mut quotations = Quotations::default();
        let message = "“".repeat(1_000);
        let mut searched = 0;
        for begin in (0..message.len()).step_by("“".len()) {
            let before = quotations.searched.first().map_or(begin, |(_, until)| *until);
            assert_eq!(quotations.length(&message, &message[begin..], None), None);
            searched += quotations.searched[0].1 - before.max(begin);
        }
        assert!(searched <= message.len(), "{searched} of {}", message.len());
    }

    #[test]
    fn a_form_is_short_whatever_the_message_is() {
        let form = of(&JobError::fatal("c", "ä".repeat(100_000)));
        assert_eq!(form.chars().count(), LONGEST + 1);
        assert!(form.ends_with(SIGN));
    }
}
