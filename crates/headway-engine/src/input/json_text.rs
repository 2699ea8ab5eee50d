//! JSON text that is kept as it was written: inputs and outputs are not taken apart on their way
//! through the engine.
//!
//! Invariants of everything that [`keep`] lets through: it reads as a [`serde_json::Value`] (so it
//! nests no deeper than 127, its numbers are in range, its strings are Unicode), and it is one line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Checks JSON text and keeps it as it is written, on one line.
pub(crate) fn keep(text: &str) -> Result<Box<RawValue>, serde_json::Error> {
    let text = text.trim();
    serde_json::from_str::<Readable>(text)?;
    RawValue::from_string(one_line(text))
}

/// A text as a JSON string.
pub(crate) fn string(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).unwrap_or_else(|_| null())
}

/// JSON's `null`.
pub(crate) fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// At most `bytes` of a text's beginning, cut between characters.
pub(crate) fn beginning(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

/// What is wrong with a JSON text, without the line that the parser counts (it sees one line only).
pub(crate) fn complaint(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let what = whole.split(" at line ").next().unwrap_or_default();
    if error.column() == 0 {
        what.to_owned()
    } else {
        format!("{what} at column {}", error.column())
    }
}

/// Valid JSON has line breaks only between its tokens, where a blank means the same.
fn one_line(text: &str) -> String {
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
        return text.to_owned();
    }
    text.replace(['\n', '\r'], " ")
}

/// Reads any JSON value as `serde_json::Value` would, and keeps nothing of it.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadableVisitor)
    }
}

struct ReadableVisitor;

impl<'de> Visitor<'de> for ReadableVisitor {
    type Value = Readable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_str<E>(self, _: &str) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_unit<E>(self) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Readable, A::Error> {
        while members.next_element::<Readable>()?.is_some() {}
        Ok(Readable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Readable, A::Error> {
        while members.next_entry::<Readable, Readable>()?.is_some() {}
        Ok(Readable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_text_on_one_line() {
        let kept = keep(" {\"a\": 1.50,\r\n \"b\": \"x\\ny\"}\n").unwrap();
        assert_eq!(kept.get(), "{\"a\": 1.50,   \"b\": \"x\\ny\"}");
    }

    #[test]
    fn refuses_what_a_value_cannot_hold() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for text in [deep.as_str(), "1e999", r#""\ud800""#, "{", "", "1 2", "NaN"] {
            assert!(keep(text).is_err(), "{}", beginning(text, 20));
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err());
        }
    }

    #[test]
    fn a_beginning_is_cut_between_characters() {
        assert_eq!(beginning("aé", 2), "a");
        assert_eq!(beginning("aé", 9), "aé");
    }
}
