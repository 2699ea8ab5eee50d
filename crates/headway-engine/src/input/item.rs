//! What one line or one member of `items` says: an input, or an envelope around one.
//!
//! An object with a member `input` is an envelope and may also have `custom_id` and `estimate`;
//! anything else beside them is an error, for it would be lost. Every other value is the input
//! itself; a member `custom_id` of it that is a string or a number names the item.

use std::borrow::Cow;
use std::fmt;

use headway_protocol::JobError;
use headway_protocol::limits;
use headway_protocol::report::Usage;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{ParsedItem, json_text};

/// How much of a bad line is kept to recognise it by, in bytes.
const KEPT_OF_BAD_LINE: usize = 200;

/// The item that a JSON text is; `place` names it in errors (`line 17`).
pub(super) fn parse(text: &str, place: impl fmt::Display) -> ParsedItem {
    read(text).unwrap_or_else(|why| bad(text, place, &why))
}

/// An item that could not be read: it is in the batch, failed, so that indexes match the file.
pub(super) fn bad(text: &str, place: impl fmt::Display, why: &str) -> ParsedItem {
    ParsedItem {
        custom_id: None,
        input: json_text::string(json_text::beginning(text.trim(), KEPT_OF_BAD_LINE)),
        estimate: None,
        error: Some(JobError::fatal("invalid_input", format!("{place}: {why}"))),
    }
}

/// A name that is not too long.
pub(super) fn custom_id(text: &str) -> Result<Option<String>, String> {
    if text.len() > limits::NAME_BYTES {
        return Err(format!("`custom_id` is longer than {} bytes", limits::NAME_BYTES));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The name that a JSON string or number is.
fn name(text: &str) -> Option<Cow<'_, str>> {
    if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Some(Cow::Borrowed(text));
    }
    serde_json::from_str(text).ok()
}

fn read(text: &str) -> Result<ParsedItem, String> {
    let complain = |error: serde_json::Error| json_text::complaint(&error);
    let whole = json_text::keep(text).map_err(complain)?;
    if !whole.get().starts_with('{') {
        return Ok(ParsedItem { custom_id: None, input: whole, estimate: None, error: None });
    }
    let members: Members<'_> = serde_json::from_str(whole.get()).map_err(complain)?;
    let Some(input) = members.input else {
        let custom_id = members.custom_id.and_then(name).map_or(Ok(None), |id| custom_id(&id))?;
        return Ok(ParsedItem { custom_id, input: whole, estimate: None, error: None });
    };
    if let Some(other) = members.other {
        return Err(format!(
            "`{other}` stands beside `input`: put it inside, or leave `input` out"
        ));
    }
    let custom_id = match members.custom_id {
        None | Some("null") => None,
        Some(text) => match name(text) {
            Some(id) => custom_id(&id)?,
            None => return Err("`custom_id` is neither a string nor a number".to_owned()),
        },
    };
    let estimate = match members.estimate.map(serde_json::from_str::<Option<Usage>>) {
        None => None,
        Some(Ok(estimate)) => estimate,
        Some(Err(error)) => return Err(format!("`estimate`: {}", json_text::complaint(&error))),
    };
    if !estimate.as_ref().is_none_or(countable) {
        return Err("`estimate` has a number below 0".to_owned());
    }
    let input = input.to_owned();
    Ok(ParsedItem { custom_id, input, estimate, error: None })
}

/// Whether every number of a usage can be priced.
pub(crate) fn countable(usage: &Usage) -> bool {
    usage.units.values().all(|units| units.is_finite() && *units >= 0.0)
}

/// The members of an object that matter here, as they are written. The last of a name counts, as
/// everywhere in JSON.
#[derive(Default)]
struct Members<'a> {
    input: Option<&'a RawValue>,
    custom_id: Option<&'a str>,
    estimate: Option<&'a str>,
    other: Option<String>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            match key.0.as_ref() {
                "input" => members.input = Some(map.next_value()?),
                "custom_id" => members.custom_id = Some(map.next_value::<&RawValue>()?.get()),
                "estimate" => members.estimate = Some(map.next_value::<&RawValue>()?.get()),
                other => {
                    members.other.get_or_insert_with(|| other.to_owned());
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }
}

/// A member's name, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
