//! A line that a worker wrote.

use std::borrow::Cow;

use headway_protocol::{JobError, Percent, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::command::too_large;
use super::super::spent::Spent;
use super::super::{Ended, Failure, News};
use crate::input::json_text;

/// A line that a worker wrote about one item. Members are read one by one: a wrong one concerns
/// its item alone.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    /// Which item.
    pub(super) index: u64,
    #[serde(borrow, default, deserialize_with = "present")]
    output: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cost: Option<&'a RawValue>,
    #[serde(borrow, default)]
    progress: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

/// Tells a member that is `null` from one that is absent.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A worker's own word for why an item failed.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
    #[serde(default)]
    details: Option<serde_json::Value>,
    #[serde(default)]
    retryable: bool,
    #[serde(default)]
    retry_after_ms: Option<u64>,
}

/// What a line says about its item.
#[derive(Debug)]
pub(super) enum Word {
    /// It goes on.
    News(News),
    /// It ended.
    End(Ended),
}

impl Line<'_> {
    /// What the line says. Whatever is wrong with it fails the item, and `complain` hears of what
    /// could not be counted.
    pub(super) fn word(&self, mut complain: impl FnMut(String)) -> Word {
        let outcome = match (self.error.filter(|error| error.get() != "null"), self.output) {
            (Some(error), _) => Err(failure(error)),
            (None, Some(output)) => output_of(output),
            (None, None) if self.error.is_some() => Ok(json_text::null()),
            (None, None) if self.progress.is_some() || self.message.is_some() => {
                return Word::News(self.news(complain));
            }
            (None, None) => Err(unusable("it has neither `output` nor `error` nor `progress`")),
        };
        let mut spent = Spent::default();
        if let Some(Err(why)) = self.usage.map(|usage| spent.add_written_usage(usage)) {
            complain(why);
        }
        if let Some(Err(why)) = self.cost.map(|cost| spent.add_written_cost(cost)) {
            complain(why);
        }
        Word::End(Ended { outcome, usage: spent.usage, cost: spent.cost })
    }

    fn news(&self, mut complain: impl FnMut(String)) -> News {
        let percent = self.progress.map(|text| serde_json::from_str::<Option<Percent>>(text.get()));
        let message = self.message.map(|text| serde_json::from_str::<Option<String>>(text.get()));
        let percent = percent.transpose().unwrap_or_else(|error| {
            complain(format!("`progress` cannot be read: {error}"));
            None
        });
        let message = message.transpose().unwrap_or_else(|error| {
            complain(format!("`message` cannot be read: {error}"));
            None
        });
        let message = message.flatten().map(|text| cut(&text, limits::MESSAGE_BYTES));
        News::Progress { percent: percent.flatten(), message }
    }
}

/// The index in the beginning of a line that is too long to be read whole.
pub(super) fn index_of(beginning: &[u8]) -> Option<u64> {
    let beginning = beginning.get(..beginning.len().min(200))?;
    let after = memchr::memmem::find(beginning, b"\"index\"")? + b"\"index\"".len();
    let rest = beginning.get(after..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let digits = rest.split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn output_of(output: &RawValue) -> Result<Box<RawValue>, Failure> {
    if output.get().len() > limits::OUTPUT_BYTES {
        return Err(Failure::Error { error: too_large(), retry_after_ms: None });
    }
    json_text::keep(output.get())
        .map_err(|error| unusable(&format!("`output` cannot be kept: {error}")))
}

fn failure(error: &RawValue) -> Failure {
    if let Ok(text) = serde_json::from_str::<String>(error.get()) {
        let error = JobError::fatal("failed", cut(&text, limits::MESSAGE_BYTES));
        return Failure::Error { error, retry_after_ms: None };
    }
    let Ok(written) = serde_json::from_str::<Written<'_>>(error.get()) else {
        return unusable("`error` is not {code, message, retryable}");
    };
    let error = JobError {
        code: cut(&written.code.unwrap_or(Cow::Borrowed("failed")), limits::NAME_BYTES),
        message: cut(&written.message.unwrap_or_default(), limits::MESSAGE_BYTES),
        details: written.details,
        retryable: written.retryable,
    };
    Failure::Error { error, retry_after_ms: written.retry_after_ms }
}

fn cut(text: &str, bytes: usize) -> String {
    json_text::beginning(text, bytes).to_owned()
}

fn unusable(why: &str) -> Failure {
    let error = JobError::fatal("bad_answer", format!("the worker's answer is unusable: {why}"));
    Failure::Error { error, retry_after_ms: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(line: &str) -> (Word, Vec<String>) {
        let mut complaints = Vec::new();
        let line: Line<'_> = serde_json::from_str(line).unwrap();
        let word = line.word(|why| complaints.push(why));
        (word, complaints)
    }

    #[track_caller]
    fn check_output(line: &str, output: &str) {
        match word(line) {
            (Word::End(Ended { outcome: Ok(text), .. }), _) => assert_eq!(text.get(), output),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[track_caller]
    fn check_failure(line: &str, code: &str, retryable: bool) {
        match word(line) {
            (Word::End(Ended { outcome: Err(Failure::Error { error, .. }), .. }), _) => {
                assert_eq!((error.code.as_str(), error.retryable), (code, retryable), "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn answers_end_their_item() {
        check_output(r#"{"index":3,"output":{"a":1.50}}"#, r#"{"a":1.50}"#);
        check_output(r#"{"index":3,"output":null}"#, "null");
        check_output(r#"{"index":3,"output":1,"error":null}"#, "1");
        check_output(r#"{"index":3,"error":null}"#, "null");
        check_failure(
            r#"{"index":3,"error":{"code":"c","message":"m","retryable":true}}"#,
            "c",
            true,
        );
        check_failure(r#"{"index":3,"error":{"message":"m"}}"#, "failed", false);
        check_failure(r#"{"index":3,"error":"text"}"#, "failed", false);
        check_failure(r#"{"index":3,"error":7}"#, "bad_answer", false);
        check_failure(r#"{"index":3,"ouput":7}"#, "bad_answer", false);
        check_failure(r#"{"index":3,"output":1e999}"#, "bad_answer", false);
    }

    #[test]
    fn progress_goes_on() {
        let (word, complaints) = word(r#"{"index":3,"progress":12.5,"message":"m"}"#);
        let expected =
            News::Progress { percent: Percent::new(12.5).ok(), message: Some("m".to_owned()) };
        assert!(matches!(word, Word::News(news) if news == expected));
        assert!(complaints.is_empty());
    }

    #[test]
    fn usage_comes_with_either_end_and_a_wrong_one_is_told() {
        for end in [r#""output":1"#, r#""error":"no""#] {
            let line = format!(r#"{{"index":3,{end},"usage":{{"sku":"m","n":2}},"cost":"1"}}"#);
            let (Word::End(ended), complaints) = word(&line) else { panic!("no end") };
            assert_eq!(ended.usage[0].units.get("n"), Some(&2.0));
            assert_eq!(ended.cost.to_string(), "1.00");
            assert!(complaints.is_empty());
        }
        let (_, complaints) = word(r#"{"index":3,"output":1,"usage":7,"cost":"-1"}"#);
        assert_eq!(complaints.len(), 2);
    }

    #[test]
    fn the_index_of_a_line_is_found_without_its_end() {
        assert_eq!(index_of(br#"{"index": 17,"output":"xxx"#), Some(17));
        assert_eq!(index_of(br#"{"output":"xxx"#), None);
        assert_eq!(index_of(b""), None);
    }
}
