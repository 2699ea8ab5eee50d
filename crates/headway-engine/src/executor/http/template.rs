//! `{{input.name}}`: parts of an item within a URL, a header or a body.
//!
//! A reference is `input` with a path of members and array places, or `index`, `custom_id`,
//! `attempt` or `job`. Templates are read when the executor is built, so that one which names no
//! part of an item is refused then.

use std::borrow::Cow;

use serde_json::Value;

use super::super::Attempt;

/// A text with references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Part(Part),
}

/// A part of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The input, or what is at this path in it.
    Input(Vec<String>),
    Index,
    CustomId,
    Attempt,
    Job,
}

/// What templates take their parts from.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) input: &'a Value,
}

impl Template {
    /// Reads a template; an error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                // Without the text: it may be a header that holds a secret.
                return Err("it has `{{` without `}}`".to_owned());
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Part(Part::parse(name.trim())?));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The part, if the template is one reference and nothing else.
    pub(super) fn only_part(&self) -> Option<&Part> {
        match self.0.as_slice() {
            [Piece::Part(part)] => Some(part),
            [] | [Piece::Text(_)] | [_, _, ..] => None,
        }
    }

    /// The text, if there is no reference in it.
    pub(super) fn only_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            [Piece::Part(_)] | [_, _, ..] => None,
        }
    }

    /// The text with the same for every reference.
    pub(super) fn example(&self, reference: &str) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Part(_) => reference,
        });
        pieces.collect()
    }

    /// The text with every reference filled in, each as `write` writes it.
    pub(super) fn fill(
        &self,
        parts: &Parts<'_>,
        write: impl Fn(&str, &mut String),
    ) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Part(part) => write(&part.text(parts)?, &mut filled),
            }
        }
        Ok(filled)
    }
}

impl Part {
    fn parse(name: &str) -> Result<Self, String> {
        let mut path = name.split('.');
        let first = path.next().unwrap_or_default();
        let rest: Vec<String> = path.map(str::to_owned).collect();
        let part = match first {
            "input" if rest.iter().all(|member| !member.is_empty()) => Self::Input(rest),
            "index" if rest.is_empty() => Self::Index,
            "custom_id" if rest.is_empty() => Self::CustomId,
            "attempt" if rest.is_empty() => Self::Attempt,
            "job" if rest.is_empty() => Self::Job,
            _ => {
                return Err(format!(
                    "`{{{{{name}}}}}` names no part of an item: use input, input.NAME, index, \
                     custom_id, attempt or job"
                ));
            }
        };
        Ok(part)
    }

    /// The part with its type. An absent `custom_id` is null; an absent member is an error.
    pub(super) fn value<'a>(&self, parts: &Parts<'a>) -> Result<Cow<'a, Value>, String> {
        Ok(match self {
            Self::Input(path) => {
                let mut value = parts.input;
                for (depth, member) in path.iter().enumerate() {
                    let inner = match value {
                        Value::Array(values) => {
                            member.parse::<usize>().ok().and_then(|place| values.get(place))
                        }
                        Value::Object(members) => members.get(member),
                        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
                    };
                    value = inner.ok_or_else(|| {
                        let known: Vec<&str> =
                            path.iter().take(depth + 1).map(String::as_str).collect();
                        format!("the item has no `input.{}`", known.join("."))
                    })?;
                }
                Cow::Borrowed(value)
            }
            Self::Index => Cow::Owned(parts.attempt.index.into()),
            Self::CustomId => Cow::Owned(parts.attempt.custom_id.clone().into()),
            Self::Attempt => Cow::Owned(parts.attempt.number.into()),
            Self::Job => Cow::Owned(parts.attempt.job.as_str().into()),
        })
    }

    /// The part as text: a string as it is, anything else as JSON. Null has no text.
    fn text(&self, parts: &Parts<'_>) -> Result<String, String> {
        match self.value(parts)?.into_owned() {
            Value::String(text) => Ok(text),
            Value::Null => Err(match self {
                Self::Input(path) => format!("the item's `input.{}` is null", path.join(".")),
                Self::CustomId => "the item has no `custom_id`".to_owned(),
                Self::Index | Self::Attempt | Self::Job => "a part is null".to_owned(),
            }),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Ok(other.to_string())
            }
        }
    }
}

/// JSON with references in its strings.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// Has none.
    Literal(Value),
    /// A string.
    Text(Template),
    /// A string that is one reference and nothing else: the part with its type.
    Part(Part),
    Array(Vec<Body>),
    Object(Vec<(String, Body)>),
}

impl Body {
    /// Reads a body.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => {
                let template = Template::parse(text)?;
                match (template.only_part(), template.only_text()) {
                    (Some(part), _) => Self::Part(part.clone()),
                    (None, Some(_)) => Self::Literal(value.clone()),
                    (None, None) => Self::Text(template),
                }
            }
            Value::Array(values) => {
                Self::Array(values.iter().map(Self::parse).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| Self::parse(value).map(|value| (name.clone(), value)));
                Self::Object(members.collect::<Result<_, _>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Literal(value.clone()),
        })
    }

    /// The JSON with every reference filled in.
    pub(super) fn fill(&self, parts: &Parts<'_>) -> Result<Value, String> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Text(template) => {
                Value::String(template.fill(parts, |text, filled| filled.push_str(text))?)
            }
            Self::Part(part) => part.value(parts)?.into_owned(),
            Self::Array(values) => Value::Array(
                values.iter().map(|value| value.fill(parts)).collect::<Result<_, _>>()?,
            ),
            Self::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| value.fill(parts).map(|value| (name.clone(), value)))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;

    fn fill(body: &Value, input: &Value) -> Result<Value, String> {
        let attempt = Attempt {
            job: "bat_1".parse().unwrap(),
            index: 7,
            custom_id: None,
            number: 2,
            input: RawValue::NULL.to_owned(),
            timeout: None,
        };
        Body::parse(body)?.fill(&Parts { attempt: &attempt, input })
    }

    #[test]
    fn references_are_filled_in() {
        let input = json!({"a": {"b": [1, "two"]}, "n": null, "s": "text"});
        for (body, expected) in [
            (json!("{{input}}"), input.clone()),
            (json!("{{ input.a.b }}"), json!([1, "two"])),
            (json!(["{{input.a.b.0}}", "<{{input.a.b.1}}>"]), json!([1, "<two>"])),
            (json!({"{{index}}": "{{index}}/{{attempt}}"}), json!({"{{index}}": "7/2"})),
            (json!("{{input.n}}"), json!(null)),
            (json!("{{custom_id}}"), json!(null)),
            (json!("of {{job}}: {{input.a}}"), json!("of bat_1: {\"b\":[1,\"two\"]}")),
            (json!({"k": 1.5, "t": "no {reference}"}), json!({"k": 1.5, "t": "no {reference}"})),
            (json!("{{input.s}}"), json!("text")),
        ] {
            assert_eq!(fill(&body, &input).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn what_is_not_there_is_said() {
        let input = json!({"a": {"b": [1]}, "n": null});
        for (body, part) in [
            (json!("{{input.x}}"), "no `input.x`"),
            (json!("{{input.a.x.y}}"), "no `input.a.x`"),
            (json!("{{input.a.b.1}}"), "no `input.a.b.1`"),
            (json!("is {{input.n}}"), "`input.n` is null"),
            (json!("is {{custom_id}}"), "no `custom_id`"),
            (json!("{{name}}"), "names no part"),
            (json!("{{input.}}"), "names no part"),
            (json!("{{index.a}}"), "names no part"),
            (json!("{{input"), "without"),
        ] {
            let why = fill(&body, &input).unwrap_err();
            assert!(why.contains(part), "{body}: {why}");
        }
    }
}
