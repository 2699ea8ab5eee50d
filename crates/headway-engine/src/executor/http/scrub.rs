//! Keeps what a request's headers hold out of what people read about its failure.

use reqwest::header::HeaderMap;

/// Shorter words are no secrets, and would be found in the middle of others.
const SHORTEST: usize = 6;

/// What a request's headers hold: each value, and the words of each that could stand alone.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Takes note of what is marked as sensitive.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.values().filter(|value| value.is_sensitive());
        let texts = values.filter_map(|value| value.to_str().ok());
        let mut words: Vec<String> = texts
            .flat_map(|text| std::iter::once(text).chain(text.split_whitespace()))
            .filter(|word| word.len() >= SHORTEST)
            .map(str::to_owned)
            .collect();
        // The whole of a value before its parts.
        words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
        Self(words)
    }

    /// The text without them: a server may answer with what it was asked.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, word| text.replace(word, "***"))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn what_headers_hold_is_taken_out_whole_and_in_part() {
        let mut headers = HeaderMap::new();
        for (name, text, sensitive) in [
            ("authorization", "Bearer s3cr3t-t0ken", true),
            ("x-plain", "of-no-interest", false),
            ("x-short", "abc", true),
        ] {
            let mut value = HeaderValue::from_static(text);
            value.set_sensitive(sensitive);
            headers.insert(name, value);
        }
        let secrets = Secrets::of(&headers);
        for (text, scrubbed) in [
            ("no token Bearer s3cr3t-t0ken here", "no token *** here"),
            ("{\"token\":\"s3cr3t-t0ken\"}", "{\"token\":\"***\"}"),
            ("abc of-no-interest", "abc of-no-interest"),
        ] {
            assert_eq!(secrets.scrubbed(text), scrubbed);
        }
    }
}
