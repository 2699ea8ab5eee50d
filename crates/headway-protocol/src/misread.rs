//! What is wrong with a JSON text, and where, in the words of JSON: a reader's complaint without the
//! names that things have in this program.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The largest text in which a member is looked for, in bytes: it is read again for each that is
/// tried.
pub const SEARCHED_BYTES: usize = 64 * 1024;

/// Members of one object, or elements of one array, that are tried for being at fault.
const TRIED: usize = 32;

/// The deepest that a member is looked for.
const DEPTH: usize = 8;

/// The most characters of a refused value that are shown.
const SHOWN: usize = 100;

/// A complaint of `serde` or `serde_json` in the words of JSON: an object, an array, a string, a
/// number, one of these words. Everything else of it stays, the place in the text too.
pub fn in_json_words(complaint: &str) -> String {
    let (told, place) = split_place(complaint);
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some(rest) = told.strip_prefix(kind)
            // What was found may have any text in it; what was expected is ours.
            && let Some((found, expected)) = rest.rsplit_once(", expected ")
        {
            return format!(
                "{kind}{}, expected {}{place}",
                found_in_json(found),
                expected_in_json(expected)
            );
        }
    }
    if let Some(rest) = told.strip_prefix("unknown variant `")
        && let Some((found, known)) = rest.rsplit_once("`, expected ")
    {
        return format!("`{}` is not known here, expected {known}{place}", cut(found));
    }
    if told.starts_with("data did not match any variant of untagged enum ") {
        return format!("the value has none of the forms that it may have{place}");
    }
    if told.starts_with("can only flatten structs and maps") {
        return format!("expected an object{place}");
    }
    complaint.to_owned()
}

/// One step on the way to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Of an object.
    Member(String),
    /// Of an array.
    Element(usize),
}

/// A member as people write it: `steps.a.tasks[2]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if place == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Element(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Why a text is no `T`, in the words of JSON, with the member at fault where one is found.
pub fn complaint<T: DeserializeOwned>(text: &[u8], error: &serde_json::Error) -> String {
    let told = in_json_words(&error.to_string());
    if text.len() > SEARCHED_BYTES {
        return told;
    }
    let Ok(value) = serde_json::from_slice(text) else { return told };
    let path = locate::<T>(&value, Path::default());
    if path.0.is_empty() { told } else { format!("`{path}`: {told}") }
}

/// The member because of which a value is no `T`, from where a reader has found that: the innermost
/// one without which there is another complaint or none. A reader cannot always tell, because it
/// reads the members of some objects before it knows what they are to be.
pub fn locate<T: DeserializeOwned>(value: &Value, begin: Path) -> Path {
    let wrong = |value: Value| serde_json::from_value::<T>(value).err().map(|it| it.to_string());
    let mut path = begin;
    let Some(mistake) = wrong(value.clone()) else { return path };
    if names_a_member(&mistake).is_some() {
        return path;
    }
    while path.0.len() < DEPTH {
        let mut best = None;
        for step in steps_from(value, &path) {
            let mut rest = value.clone();
            remove(&mut rest, &path, &step);
            let Some(rank) = rank(&step, &mistake, wrong(rest).as_deref()) else { continue };
            if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                best = Some((rank, step));
            }
        }
        let Some((_, step)) = best else { break };
        path.0.push(step);
    }
    path
}

/// How surely a step is the one at fault, by what is wrong without it; 0 is surest.
fn rank(step: &Step, mistake: &str, without: Option<&str>) -> Option<u8> {
    let Some(other) = without else { return Some(0) };
    if other == mistake {
        return None;
    }
    match (names_a_member(other), step) {
        (None, _) => Some(1),
        // It must be there. What an object is says nothing of what is wrong with the rest of it.
        (Some(missing), Step::Member(name)) if missing == name => {
            Some(if name == "type" { 3 } else { 2 })
        }
        (Some(_), _) => None,
    }
}

/// The member that a complaint names, because it is missing or not known.
pub fn names_a_member(complaint: &str) -> Option<&str> {
    ["unknown field `", "missing field `", "duplicate field `"].iter().find_map(|start| {
        let rest = complaint.strip_prefix(start)?;
        rest.split_once('`').map(|(name, _)| name)
    })
}

fn steps_from(value: &Value, path: &Path) -> Vec<Step> {
    let mut node = value;
    for step in &path.0 {
        let next = match step {
            Step::Member(name) => node.get(name),
            Step::Element(index) => node.get(*index),
        };
        let Some(next) = next else { return Vec::new() };
        node = next;
    }
    match node {
        Value::Object(members) => members.keys().take(TRIED).cloned().map(Step::Member).collect(),
        Value::Array(elements) => (0..elements.len().min(TRIED)).map(Step::Element).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn remove(value: &mut Value, path: &Path, last: &Step) {
    let mut node = value;
    for step in &path.0 {
        let next = match step {
            Step::Member(name) => node.get_mut(name),
            Step::Element(index) => node.get_mut(*index),
        };
        let Some(next) = next else { return };
        node = next;
    }
    match (node, last) {
        (Value::Object(members), Step::Member(name)) => {
            members.remove(name);
        }
        (Value::Array(elements), Step::Element(index)) if *index < elements.len() => {
            elements.remove(*index);
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            Step::Member(_) | Step::Element(_),
        ) => {}
    }
}

/// The complaint, and the place in the text where there is one.
fn split_place(complaint: &str) -> (&str, &str) {
    let is_place = |rest: &str| {
        let numbers = rest.strip_prefix(" at line ").and_then(|rest| rest.split_once(" column "));
        numbers.is_some_and(|(line, column)| {
            let digits =
                |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
            digits(line) && digits(column)
        })
    };
    match complaint.rfind(" at line ") {
        Some(at) => match complaint.split_at(at) {
            (told, place) if is_place(place) => (told, place),
            _ => (complaint, ""),
        },
        None => (complaint, ""),
    }
}

/// `serde::de::Unexpected`, as it is shown.
fn found_in_json(found: &str) -> String {
    match found {
        "unit value" | "Option value" => "null".to_owned(),
        "map" | "struct variant" | "newtype variant" => "an object".to_owned(),
        "sequence" | "tuple variant" => "an array".to_owned(),
        "enum" | "unit variant" => "a string".to_owned(),
        "newtype struct" => "a value".to_owned(),
        other => match other.strip_prefix("floating point ") {
            Some(number) => format!("number {number}"),
            None => cut(other),
        },
    }
}

/// What a `Visitor` says that it expects.
fn expected_in_json(expected: &str) -> String {
    const OBJECTS: [&str; 9] = [
        "struct ",
        "struct variant ",
        "newtype variant ",
        "unit variant ",
        "unit struct ",
        "internally tagged enum ",
        "adjacently tagged enum ",
        "map",
        "a map",
    ];
    const ARRAYS: [&str; 5] = ["sequence", "a sequence", "tuple ", "a tuple", "an array"];
    const STRINGS: [&str; 7] = [
        "string or map",
        "enum ",
        "variant identifier",
        "variant of enum ",
        "field identifier",
        "a borrowed string",
        "a char",
    ];
    let begins = |words: &[&str]| words.iter().any(|word| expected.starts_with(word));
    let words = if begins(&OBJECTS) {
        "an object"
    } else if begins(&ARRAYS) {
        "an array"
    } else if begins(&STRINGS) {
        "a string"
    } else {
        match expected {
            "f32" | "f64" => "a number",
            "u8" => "a whole number from 0 to 255",
            "u16" => "a whole number from 0 to 65535",
            "u32" | "u64" | "u128" | "usize" => "a whole number that is not negative",
            "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
            "unit" => "null",
            "option" => "a value or null",
            other => other,
        }
    };
    words.to_owned()
}

/// The beginning of what was refused.
fn cut(found: &str) -> String {
    match found.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", found.get(..end).unwrap_or_default()),
        None => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Members {
        whole: Option<u64>,
        small: Option<u16>,
        signed: Option<i64>,
        number: Option<f64>,
        list: Option<Vec<u8>>,
        pair: Option<(u8, u8)>,
        named: Option<BTreeMap<String, bool>>,
        word: Option<Word>,
        tagged: Option<Tagged>,
        inner: Option<Box<Self>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Struct,
        Enum,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    #[expect(dead_code, reason = "only read")]
    enum Tagged {
        Ping,
        Say { what: String },
    }

    fn told<T: DeserializeOwned + fmt::Debug>(text: &str) -> [String; 2] {
        let value: Value = serde_json::from_str(text).unwrap();
        let of_text = serde_json::from_str::<T>(text).unwrap_err().to_string();
        let of_value = serde_json::from_value::<T>(value).unwrap_err().to_string();
        [in_json_words(&of_text), in_json_words(&of_value)]
    }

    #[test]
    fn no_complaint_has_names_of_this_program() {
        let check = |text: &str, words: &str| {
            let [_, of_value] = told::<Members>(text);
            assert_eq!(of_value, words, "{text}");
        };
        check("5", "invalid type: integer `5`, expected an object");
        check(
            r#"{"whole":{}}"#,
            "invalid type: an object, expected a whole number that is not negative",
        );
        check(
            r#"{"whole":1e308}"#,
            "invalid type: number `1e+308`, expected a whole number that is not negative",
        );
        check(
            r#"{"small":65536}"#,
            "invalid value: integer `65536`, expected a whole number from 0 to 65535",
        );
        check(r#"{"signed":[]}"#, "invalid type: an array, expected a whole number");
        check(r#"{"number":"f64"}"#, r#"invalid type: string "f64", expected a number"#);
        check(r#"{"list":{}}"#, "invalid type: an object, expected an array");
        check(r#"{"pair":[1]}"#, "invalid length 1, expected an array");
        check(r#"{"named":[]}"#, "invalid type: an array, expected an object");
        check(r#"{"named":{"a":null}}"#, "invalid type: null, expected a boolean");
        check(r#"{"word":5}"#, "invalid type: integer `5`, expected a string");
        check(r#"{"word":"unit"}"#, "`unit` is not known here, expected `struct` or `enum`");
        check(
            r#"{"tagged":null,"whole":""}"#,
            r#"invalid type: string "", expected a whole number that is not negative"#,
        );
        check(r#"{"tagged":7}"#, "invalid type: integer `7`, expected an object");
        check(r#"{"tagged":{"type":null}}"#, "invalid type: null, expected a string");
        check(
            r#"{"tagged":{"type":"say","what":[]}}"#,
            "invalid type: an array, expected a string",
        );
        check(r#"{"inner":"x"}"#, r#"invalid type: string "x", expected an object"#);
    }

    #[test]
    fn the_place_and_what_a_client_wrote_stay() {
        let [of_text, _] =
            told::<Members>(r#"{"number":", expected struct Members at line 1 column 2"}"#);
        assert!(
            of_text.starts_with(r#"invalid type: string ", expected struct Members at line 1"#),
            "{of_text}"
        );
        assert!(of_text.contains(", expected a number at line 1 column "), "{of_text}");
        let [of_text, _] = told::<Members>(r#"{"word":"`, expected x"}"#);
        assert!(
            of_text.starts_with("``, expected x` is not known here, expected `struct`"),
            "{of_text}"
        );
        let unknown = "unknown field `enum`, expected `a`";
        assert_eq!(in_json_words(unknown), unknown);
    }

    #[test]
    fn the_member_at_fault_is_found_also_where_the_reader_does_not_know_it() {
        let check = |text: &str, path: &str| {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(locate::<Members>(&value, Path::default()).to_string(), path, "{text}");
        };
        check(r#"{"whole":1,"number":"x"}"#, "number");
        check(r#"{"tagged":{"type":"say","what":7}}"#, "tagged.what");
        check(r#"{"tagged":{"type":7}}"#, "tagged.type");
        check(r#"{"list":[1,2,300]}"#, "list[2]");
        check(r#"{"inner":{"inner":{"named":{"a":true,"b":7}}}}"#, "inner.inner.named.b");
        check(r#"{"list":{}}"#, "list");
        check("7", "");
        let told = |text: &str| {
            let error = serde_json::from_str::<Tagged>(text).unwrap_err();
            complaint::<Tagged>(text.as_bytes(), &error)
        };
        let what = told(r#"{"type":"say","what":null}"#);
        assert!(what.starts_with("`what`: invalid type: null, expected a string"), "{what}");
        assert!(told("{").starts_with("EOF while parsing an object"), "{}", told("{"));
    }

    #[test]
    fn a_long_value_is_not_sent_back_whole() {
        let text = format!(r#"{{"number":"{}"}}"#, "é".repeat(10_000));
        for told in told::<Members>(&text) {
            assert!(told.len() < 400, "{told}");
            assert!(told.contains("expected a number"), "{told}");
        }
    }
}
