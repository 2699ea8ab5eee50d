//! The configuration file: what is in it, line by line.

use std::collections::BTreeMap;
use std::path::Path;

use headway_engine::Kind;
use headway_protocol::batch::Retry;
use headway_protocol::request::PlannedStep;
use serde::Serialize;
use toml::de::{DeTable, DeValue};

use super::key::{KEYS, Key, Shape};
use super::{ConfigurationError, Origin, Value};

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) values: BTreeMap<&'static str, (Value, Origin)>,
    pub(super) kinds: BTreeMap<String, (Kind, Origin)>,
    /// Where each member of a kind stands, by its path.
    pub(super) places: BTreeMap<String, Origin>,
}

/// A member of the file on its way to being understood.
struct Place<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
    }

    fn wrong(&self, at: usize, message: impl Into<String>) -> ConfigurationError {
        let place = format!("{}, line {}", self.file.display(), self.line(at));
        ConfigurationError::new(place, message)
    }

    fn origin(&self, at: usize) -> Origin {
        Origin::File { path: self.file.to_owned(), line: self.line(at) }
    }
}

/// Reads a file's text. Every key must be known: a misspelt one is an error and never a silent
/// default.
pub(super) fn parse(file: &Path, text: &str) -> Result<Read, ConfigurationError> {
    let place = Place { file, text };
    let table = DeTable::parse(text)
        .map_err(|error| place.wrong(error.span().map_or(0, |span| span.start), error.message()))?;
    let whole: toml::Table = toml::from_str(text)
        .map_err(|error| place.wrong(error.span().map_or(0, |span| span.start), error.message()))?;
    let mut read = Read::default();
    read_table(&place, table.get_ref(), "", &mut read)?;
    if let (Some(kinds), Some(spanned)) = (
        whole.get("kinds").and_then(toml::Value::as_table),
        table.get_ref().get("kinds").and_then(|kinds| kinds.get_ref().as_table()),
    ) {
        note_places(&place, spanned, "kinds", &mut read.places);
        for (name, at) in spanned.iter().map(|(name, _)| (name.get_ref(), name.span().start)) {
            let Some(value) = kinds.get(name.as_ref()) else { continue };
            let kind: Kind = value.clone().try_into().map_err(|error: toml::de::Error| {
                place.wrong(at, format!("kinds.{name}: {}", error.to_string().trim()))
            })?;
            read.kinds.insert(name.to_string(), (kind, place.origin(at)));
        }
    }
    Ok(read)
}

fn read_table(
    place: &Place<'_>,
    table: &DeTable<'_>,
    prefix: &str,
    read: &mut Read,
) -> Result<(), ConfigurationError> {
    for (name, value) in table {
        let path = join(prefix, name.get_ref());
        let at = name.span().start;
        if path == "kinds" {
            check_kinds(place, value.get_ref(), at)?;
        } else if let Some(key) = KEYS.iter().find(|key| key.path == path) {
            let value = understand(place, key, value.get_ref(), at)?;
            read.values.insert(key.path, (value, place.origin(at)));
        } else if KEYS.iter().any(|key| is_below(key.path, &path)) {
            let Some(section) = value.get_ref().as_table() else {
                return Err(place.wrong(at, format!("`{path}` is a section: write [{path}]")));
            };
            read_table(place, section, &path, read)?;
        } else {
            let known = KEYS.iter().map(|key| key.path).chain(["kinds"]);
            return Err(place.wrong(at, unknown(&path, known)));
        }
    }
    Ok(())
}

/// Notes where the members of a table stand, and those of the tables in it.
fn note_places(
    place: &Place<'_>,
    table: &DeTable<'_>,
    prefix: &str,
    places: &mut BTreeMap<String, Origin>,
) {
    for (name, value) in table {
        let path = join(prefix, name.get_ref());
        if let Some(below) = value.get_ref().as_table() {
            note_places(place, below, &path, places);
        }
        places.insert(path, place.origin(name.span().start));
    }
}

fn understand(
    place: &Place<'_>,
    key: &Key,
    value: &DeValue<'_>,
    at: usize,
) -> Result<Value, ConfigurationError> {
    let wrong = || {
        let found = value.type_str();
        place.wrong(at, format!("`{}` is a {}: it takes a {}", key.path, found, key.shape_words()))
    };
    match key.shape {
        Shape::Text => value.as_str().map(|text| Value::Text(text.to_owned())).ok_or_else(wrong),
        Shape::Path => {
            let text = value.as_str().ok_or_else(wrong)?;
            let folder = place.file.parent().unwrap_or(Path::new(""));
            Ok(Value::Text(folder.join(text).display().to_string()))
        }
        Shape::Secret { .. } => {
            let text = value.as_str().ok_or_else(wrong)?;
            key.parse(text).map_err(|message| place.wrong(at, format!("`{}`: {message}", key.path)))
        }
        Shape::Truth => value.as_bool().map(Value::Truth).ok_or_else(wrong),
        Shape::Whole { .. } => {
            let number = value.as_integer().ok_or_else(wrong)?;
            let digits = number.as_str().replace('_', "");
            key.parse(&digits)
                .map_err(|message| place.wrong(at, format!("`{}`: {message}", key.path)))
        }
        Shape::List => {
            let list = value.as_array().ok_or_else(wrong)?;
            let texts = list.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<_>>().map(Value::List).ok_or_else(wrong)
        }
    }
}

/// What may stand below a member of a kind.
enum Below {
    /// A value, or a table whose members are free.
    Anything,
    /// A table with these members.
    Members(Vec<(String, Below)>),
    /// A table whose members are named by the user, each with these members.
    Named(Vec<(String, Below)>),
}

fn check_kinds(
    place: &Place<'_>,
    kinds: &DeValue<'_>,
    at: usize,
) -> Result<(), ConfigurationError> {
    if !kinds.is_table() {
        return Err(place.wrong(at, "`kinds` is a section: write [kinds.NAME]"));
    }
    check_members(place, kinds, "kinds", &Below::Named(kind_members()))
}

fn kind_members() -> Vec<(String, Below)> {
    let executor = ["type", "argv", "mode", "processes", "env", "cwd", "method", "url", "headers"]
        .into_iter()
        .chain(["body", "output", "usage", "cost"]);
    members_of(&Kind::default())
        .into_iter()
        .map(|name| {
            let below = match name.as_str() {
                "executor" => Below::Members(plain(executor.clone())),
                "steps" => Below::Named(plain(members_of(&PlannedStep::default()))),
                "retry" => Below::Members(plain(members_of(&Retry::default()))),
                "rate" => Below::Members(plain(["count", "per_ms"])),
                "budget" => Below::Members(plain(["max_budget", "soft_budget", "on_budget"])),
                _ => Below::Anything,
            };
            (name, below)
        })
        .collect()
}

fn plain<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Vec<(String, Below)> {
    names.into_iter().map(|name| (name.into(), Below::Anything)).collect()
}

/// The names of a struct's members as they are written.
fn members_of(example: &impl Serialize) -> Vec<String> {
    match serde_json::to_value(example) {
        Ok(serde_json::Value::Object(members)) => members.keys().cloned().collect(),
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn check_members(
    place: &Place<'_>,
    value: &DeValue<'_>,
    path: &str,
    below: &Below,
) -> Result<(), ConfigurationError> {
    let Some(table) = value.as_table() else { return Ok(()) };
    for (name, value) in table {
        let path = join(path, name.get_ref());
        match below {
            Below::Anything => {}
            Below::Named(members) => {
                check_known(place, value.get_ref(), &path, members)?;
            }
            Below::Members(members) => {
                let Some((_, below)) = members.iter().find(|(known, _)| known == name.get_ref())
                else {
                    let prefix = path.rsplit_once('.').map_or("", |(prefix, _)| prefix);
                    let known: Vec<_> =
                        members.iter().map(|(known, _)| join(prefix, known)).collect();
                    let message = unknown(&path, known.iter().map(String::as_str));
                    return Err(place.wrong(name.span().start, message));
                };
                check_members(place, value.get_ref(), &path, below)?;
            }
        }
    }
    Ok(())
}

fn check_known(
    place: &Place<'_>,
    value: &DeValue<'_>,
    path: &str,
    members: &[(String, Below)],
) -> Result<(), ConfigurationError> {
    let Some(table) = value.as_table() else { return Ok(()) };
    for (name, value) in table {
        let path_here = join(path, name.get_ref());
        let Some((_, below)) = members.iter().find(|(known, _)| known == name.get_ref()) else {
            let known: Vec<_> = members.iter().map(|(known, _)| join(path, known)).collect();
            let message = unknown(&path_here, known.iter().map(String::as_str));
            return Err(place.wrong(name.span().start, message));
        };
        check_members(place, value.get_ref(), &path_here, below)?;
    }
    Ok(())
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

fn is_below(path: &str, section: &str) -> bool {
    path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// Names the known key that is nearest to one that is not known.
fn unknown<'a>(path: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known
        .map(|known| (strsim::normalized_damerau_levenshtein(path, known), known))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((_, nearest)) => format!("there is no key `{path}`: did you mean `{nearest}`?"),
        None => format!("there is no key `{path}`: `headway config schema` prints all of them"),
    }
}
