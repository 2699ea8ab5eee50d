//! A JSON object as it is written: members in order, values as their own text, so that a price keeps
//! its digits, and each name once.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::RateCardError;
use super::decimal::Decimal;

/// The members of one object. Names are distinct.
#[derive(Debug)]
pub(super) struct Members<'a> {
    place: String,
    members: Vec<(String, &'a RawValue)>,
}

/// What a member's value is, as far as a rate card cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object.
    Object,
    /// A number, or a text that may hold one.
    Scalar,
    /// An array.
    Array,
    /// `null`, `true` or `false`.
    Word,
}

impl<'a> Members<'a> {
    /// The members of the object that `text` is; `place` is its path in the file.
    pub(super) fn read(text: &'a str, place: &str) -> Result<Self, RateCardError> {
        let Pairs(members) = serde_json::from_str(text)
            .map_err(|error| RateCardError::at(place, format!("not a JSON object: {error}")))?;
        let mut names = HashSet::new();
        for (name, _) in &members {
            if !names.insert(name.as_str()) {
                return Err(RateCardError::at(
                    &pointer(place, name),
                    "stands twice; keep one of the two",
                ));
            }
        }
        drop(names);
        Ok(Self { place: place.to_owned(), members })
    }

    /// Whether there is a member of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(own, _)| own == name)
    }

    /// The path of a member.
    pub(super) fn place(&self, name: &str) -> String {
        pointer(&self.place, name)
    }

    /// Every member with its value's text.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value.get()))
    }

    /// The object that a member is.
    pub(super) fn object(&self, name: &str, text: &'a str) -> Result<Self, RateCardError> {
        Self::read(text, &self.place(name))
    }

    /// The decimal that a member is, written as a number or as a text.
    pub(super) fn decimal(&self, name: &str, text: &str) -> Result<Decimal, RateCardError> {
        let refused = |message: String| RateCardError::at(&self.place(name), message);
        let written = if text.starts_with('"') { string(text) } else { Some(text.to_owned()) };
        let written =
            written.ok_or_else(|| refused("not a decimal; write one such as \"0.0025\"".into()))?;
        Decimal::parse(written.trim()).map_err(|why| refused(why.to_string()))
    }
}

/// What a value's text is.
pub(super) fn shape(text: &str) -> Shape {
    match text.as_bytes().first() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::Array,
        Some(b'n' | b't' | b'f') | None => Shape::Word,
        Some(_) => Shape::Scalar,
    }
}

/// The text that a JSON string's text stands for.
pub(super) fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn pointer(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Collect).map(Self)
    }
}
