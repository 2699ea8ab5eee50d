//! Bodies of requests: read whole under a limit, and parsed with the place of a mistake.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, header};
use futures_util::{StreamExt as _, stream};
use headway_protocol::misread::{self, Path, Step};
use headway_protocol::{Problem, ProblemCode};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;
use tokio::time::{Instant, timeout};

use crate::front::admission::{Admission, Limit};
use crate::problem::Refusal;

/// The forms of a body that carries JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON value.
    Json,
    /// One JSON value a line.
    Lines,
    /// Parts, one of which is a file.
    Multipart,
}

/// The form that a request says its body has; JSON when it says nothing.
pub(crate) fn form(headers: &HeaderMap, allowed: &[Form]) -> Result<Form, Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Form::Json) };
    let text = value.to_str().unwrap_or_default();
    let media = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let form = match media.as_str() {
        "application/json" => Some(Form::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Form::Lines),
        "multipart/form-data" => Some(Form::Multipart),
        other if other.ends_with("+json") => Some(Form::Json),
        _ => None,
    };
    form.filter(|form| allowed.contains(form)).ok_or_else(|| {
        let names: Vec<_> = allowed
            .iter()
            .map(|form| match form {
                Form::Json => "application/json",
                Form::Lines => "application/x-ndjson",
                Form::Multipart => "multipart/form-data",
            })
            .collect();
        let detail = format!("`{media}` is not taken here: send {}", names.join(" or "));
        Refusal::new(ProblemCode::UnsupportedMediaType, detail)
    })
}

/// The slowest that a body may come after its first moments, in bytes a second.
const SLOWEST: u64 = 1_024;

/// A body that does not keep its reader waiting: in all for as long as `within` and what its bytes
/// take at [`SLOWEST`]. Time in which nobody asks for more does not count, so that a file may be
/// taken in as slowly as the engine likes.
pub(crate) fn paced(body: Body, within: Duration, admission: &Arc<Admission>) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let begin = (body.into_data_stream(), within, Arc::clone(admission));
    Body::from_stream(stream::try_unfold(begin, |(mut pieces, left, admission)| async move {
        let asked = Instant::now();
        let Ok(piece) = timeout(left, pieces.next()).await else {
            admission.hit(Limit::Body);
            return Err(axum::Error::new(TooSlow));
        };
        let Some(piece) = piece.transpose()? else { return Ok(None) };
        let earned = Duration::from_millis(piece.len() as u64 * 1_000 / SLOWEST);
        let left = left.saturating_sub(asked.elapsed()) + earned;
        Ok(Some((piece, (pieces, left, admission))))
    }))
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it came too slowly")]
struct TooSlow;

/// The whole body, when it is no larger than `limit` bytes.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes: send it in parts");
        Refusal::new(ProblemCode::TooLarge, detail)
    };
    if declared_length(headers).is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    to_bytes(body, limit).await.map_err(|error| {
        let limited = std::error::Error::source(&error)
            .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if limited {
            too_large()
        } else {
            Refusal::new(ProblemCode::Malformed, format!("the body ended early: {error}"))
        }
    })
}

/// The length that a request says its body has.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A value from the JSON text of an object, or what is wrong with it and where.
pub(crate) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    // A list would be taken for the members in the order in which we happen to write them.
    if text.trim_ascii_start().first() == Some(&b'[') {
        let detail = "invalid type: an array, expected an object at line 1 column 1";
        return Err(Problem::new(ProblemCode::Invalid, detail));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| refused_in::<T>(text, &error))?;
    reader.end().map_err(|error| refused(&error, Path::default()))?;
    Ok(value)
}

/// A value that borrows from its JSON text.
pub(crate) fn parse_borrowed<'a, T: serde::Deserialize<'a>>(text: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(text).map_err(|error| refused(&error, Path::default()))
}

/// The same from a value that was read from so many bytes.
pub(crate) fn parse_value<T: DeserializeOwned>(
    value: &serde_json::Value,
    bytes: usize,
) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error: Traced| {
        let path = steps_of(error.path());
        let searched = bytes <= misread::SEARCHED_BYTES;
        refused(error.inner(), if searched { misread::locate::<T>(value, path) } else { path })
    })
}

type Traced = serde_path_to_error::Error<serde_json::Error>;

/// Why a text is no `T`.
fn refused_in<T: DeserializeOwned>(text: &[u8], error: &Traced) -> Problem {
    let path = steps_of(error.path());
    if text.len() > misread::SEARCHED_BYTES {
        return refused(error.inner(), path);
    }
    let Ok(value) = serde_json::from_slice(text) else { return refused(error.inner(), path) };
    if error.inner().classify() == Category::Data {
        return refused(error.inner(), misread::locate::<T>(&value, path));
    }
    // It is JSON after all: a word was expected, which a reader of text takes for a mistake of form.
    match parse_value::<T>(&value, text.len()) {
        Err(problem) => problem,
        Ok(_) => refused(error.inner(), path),
    }
}

/// The way that a reader has gone, as far as it knows.
fn steps_of(path: &serde_path_to_error::Path) -> Path {
    let steps = path.iter().map_while(|segment| match segment {
        Segment::Map { key } => Some(Step::Member(key.clone())),
        Segment::Seq { index } => Some(Step::Element(*index)),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    Path(steps.collect())
}

fn refused(error: &serde_json::Error, mut path: Path) -> Problem {
    match error.classify() {
        Category::Data => {
            let detail = misread::in_json_words(&error.to_string());
            // A member that is missing or not known ends the way to it.
            if let Some(name) = misread::names_a_member(&detail) {
                let last = Step::Member(name.to_owned());
                if path.0.last() != Some(&last) {
                    path.0.push(last);
                }
            }
            let problem = Problem::new(ProblemCode::Invalid, detail);
            if path.0.is_empty() { problem } else { problem.at_field(path.to_string()) }
        }
        Category::Io | Category::Syntax | Category::Eof => {
            Problem::new(ProblemCode::Malformed, format!("the body is not JSON: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use headway_protocol::batch::BatchOptions;
    use headway_protocol::request::CreateJob;

    use super::*;

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let check = |text: &str, status: u16, field: Option<&str>| {
            let problem = parse::<CreateJob>(text.as_bytes()).unwrap_err();
            assert_eq!((problem.status, problem.field.as_deref()), (status, field), "{problem:?}");
        };
        check("{", 400, None);
        check("{}", 422, Some("kind"));
        check(r#"{"kind":"x","colour":1}"#, 422, Some("colour"));
        check(r#"{"kind":"x","total":-1}"#, 422, Some("total"));
        check(r#"{"kind":"x","steps":{"a":{"weight":"heavy"}}}"#, 422, Some("steps.a.weight"));
        check(r#"{"kind":"x"} trailing"#, 400, None);
        let told = |text: &str| parse::<CreateJob>(text.as_bytes()).unwrap_err().detail;
        assert_eq!(told("5"), "invalid type: integer `5`, expected an object at line 1 column 1");
        assert!(told("[]").contains("expected an object"), "{}", told("[]"));
        // Its kind, and nothing of what else a job may have.
        assert!(told(r#" ["import"]"#).contains("expected an object"));
        let problem = parse::<BatchOptions>(br#"{"retry":{"max_atempts":2}}"#).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("retry.max_atempts"));
    }
}
