//! What a server's answer means for its item.

use std::time::{Duration, SystemTime};

use headway_protocol::batch::HttpExecutor;
use headway_protocol::report::Usage;
use headway_protocol::{JobError, Problem, ProblemCode, limits};
use headway_store::{Clock, SystemClock};
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::Failure;
use super::super::command::too_large;
use super::super::spent::Spent;
use super::scrub::Secrets;
use crate::input::json_text;
use crate::outgoing::retry_after::retry_after;

/// How much of an answer that is no success is kept to explain it, in bytes.
const EXCERPT: usize = 1024;

/// How much of such an answer is read, in bytes: JSON that is longer is not understood.
const EXPLANATION: usize = 16 * 1024;

/// Where JSON says in words what was wrong, the most telling place first: as most services do, and
/// as Problem Details do (RFC 9457).
const WORDS: [&str; 5] = ["/error/message", "/error", "/message", "/detail", "/title"];

/// Where in an answer an item finds what it wants.
#[derive(Clone, Debug)]
pub(super) struct AnswerTemplate {
    output: Option<String>,
    /// The SKU, and for each unit where its number is.
    usage: Option<(String, Vec<(String, String)>)>,
    cost: Option<String>,
}

impl AnswerTemplate {
    /// Checks the pointers.
    pub(super) fn new(executor: &HttpExecutor) -> Result<Self, Problem> {
        let pointer = |field: String, text: &str| {
            if text.is_empty() || text.starts_with('/') {
                return Ok(text.to_owned());
            }
            let detail = format!("`{text}` is not a JSON pointer: it begins with `/`");
            Err(Problem::new(ProblemCode::Invalid, detail).at_field(field))
        };
        let optional = |field: &str, text: &Option<String>| {
            text.as_ref().map(|text| pointer(format!("executor.{field}"), text)).transpose()
        };
        let usage = match &executor.usage {
            None => None,
            Some(usage) => {
                let Some(sku) = usage.get("sku") else {
                    let detail = "`usage` has no `sku`";
                    return Err(
                        Problem::new(ProblemCode::Invalid, detail).at_field("executor.usage")
                    );
                };
                let units = usage.iter().filter(|(unit, _)| *unit != "sku").map(|(unit, text)| {
                    pointer(format!("executor.usage.{unit}"), text).map(|at| (unit.clone(), at))
                });
                Some((sku.clone(), units.collect::<Result<_, _>>()?))
            }
        };
        Ok(Self {
            output: optional("output", &executor.output)?,
            usage,
            cost: optional("cost", &executor.cost)?,
        })
    }

    /// The output of an answer that is a success; counts what it says was used, also when there is
    /// no output, and tells `complain` of what cannot be counted.
    pub(super) fn read(
        &self,
        body: &[u8],
        spent: &mut Spent,
        mut complain: impl FnMut(String),
    ) -> Result<Box<RawValue>, Failure> {
        let text = String::from_utf8_lossy(body);
        if self.output.is_none() && self.usage.is_none() && self.cost.is_none() {
            return whole(&text);
        }
        let value: Option<Value> = serde_json::from_str(&text).ok();
        let at = |pointer: &str| value.as_ref().and_then(|value| value.pointer(pointer));
        if let Some((sku, units)) = &self.usage {
            let mut usage = Usage { sku: sku.clone(), units: std::collections::BTreeMap::new() };
            for (unit, pointer) in units {
                match at(pointer).and_then(Value::as_f64) {
                    Some(count) => {
                        usage.units.insert(unit.clone(), count);
                    }
                    None => {
                        complain(format!("the answer has no number at `{pointer}` for `{unit}`"));
                    }
                }
            }
            if let Err(why) = spent.add_usage(usage) {
                complain(why);
            }
        }
        if let Some(pointer) = &self.cost {
            let cost = at(pointer).and_then(|cost| serde_json::from_value(cost.clone()).ok());
            match cost.map(|cost| spent.add_cost(cost)) {
                Some(Ok(())) => {}
                Some(Err(why)) => complain(why),
                None => complain(format!("the answer has no amount at `{pointer}`")),
            }
        }
        match &self.output {
            None => whole(&text),
            Some(pointer) => match at(pointer) {
                Some(output) => {
                    fits(json_text::keep(&output.to_string()).unwrap_or_else(|_| json_text::null()))
                }
                None if value.is_none() => Err(fatal(
                    "output_missing",
                    format!("the answer is not JSON, so there is no output at `{pointer}`"),
                )),
                None => {
                    Err(fatal("output_missing", format!("the answer has no output at `{pointer}`")))
                }
            },
        }
    }
}

fn whole(text: &str) -> Result<Box<RawValue>, Failure> {
    if text.trim().is_empty() {
        return Ok(json_text::null());
    }
    fits(json_text::keep(text).unwrap_or_else(|_| json_text::string(text)))
}

fn fits(output: Box<RawValue>) -> Result<Box<RawValue>, Failure> {
    if output.get().len() > limits::OUTPUT_BYTES {
        return Err(Failure::Error { error: too_large(), retry_after_ms: None });
    }
    Ok(output)
}

pub(super) fn fatal(code: &str, message: String) -> Failure {
    Failure::Error { error: JobError::fatal(code, message), retry_after_ms: None }
}

/// Refuses an answer that is compressed: none was asked for, and what it holds is not its size.
pub(super) fn check_encoding(response: &Response) -> Result<(), Failure> {
    let mut encodings = response.headers().get_all(CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let message = "the answer is compressed, which was not asked for";
    Err(fatal("content_encoding", message.to_owned()))
}

/// The body of an answer; one that is larger than an output may be is given up.
pub(super) async fn body(
    mut response: Response,
) -> Result<Result<Vec<u8>, Failure>, reqwest::Error> {
    let large = || Failure::Error { error: too_large(), retry_after_ms: None };
    let limit = limits::OUTPUT_BYTES;
    let promised = response.content_length().and_then(|length| usize::try_from(length).ok());
    if promised.is_some_and(|length| length > limit) {
        return Ok(Err(large()));
    }
    let mut body = Vec::with_capacity(promised.unwrap_or_default());
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > limit {
            return Ok(Err(large()));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Ok(body))
}

/// Why an answer that is no success is none: in its own words where it is JSON that has some, which
/// tell failures apart, and otherwise with its beginning.
pub(super) async fn status_failure(mut response: Response, secrets: &Secrets) -> Failure {
    let status = response.status();
    let retry_after_ms = asked_wait(response.headers());
    let mut body = Vec::new();
    // What cannot be read does not change what the status said.
    while body.len() < EXPLANATION
        && let Ok(Some(piece)) = response.chunk().await
    {
        body.extend_from_slice(&piece);
    }
    // What JSON writes with escapes is scrubbed as what it means.
    let told = words(&body).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    let told = secrets.scrubbed(&told);
    let told = json_text::beginning(told.trim(), EXCERPT);
    let message = if told.is_empty() {
        format!("the server answered {status}")
    } else {
        format!("the server answered {status}: {told}")
    };
    let error = JobError {
        details: Some(json!({"status": status.as_u16()})),
        retryable: is_passing(status),
        ..JobError::fatal("http_status", message)
    };
    Failure::Error { error, retry_after_ms }
}

/// What JSON says in words about what was wrong.
fn words(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let texts = WORDS.iter().filter_map(|place| answer.pointer(place)?.as_str());
    let mut said = texts.filter(|text| !text.trim().is_empty());
    said.next().map(str::to_owned)
}

/// Statuses after which the same request may succeed.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 425 | 429)
}

/// How long the server asks to wait, in milliseconds.
pub(super) fn asked_wait(headers: &HeaderMap) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(SystemClock.now().as_millis());
    let wait = retry_after(text(RETRY_AFTER)?, text(DATE), now)?;
    u64::try_from(wait.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_that_may_pass() {
        for (status, passing) in [
            (408, true),
            (409, true),
            (425, true),
            (429, true),
            (500, true),
            (503, true),
            (599, true),
            (400, false),
            (401, false),
            (404, false),
            (422, false),
            (304, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_passing(status), passing, "{status}");
        }
    }

    #[test]
    fn words_are_found_where_services_have_them() {
        for (body, said) in [
            (json!({"error": {"message": "no such model", "code": 7}}), Some("no such model")),
            (json!({"error": "no such model", "message": "x"}), Some("no such model")),
            (json!({"error": {"code": 7}, "message": "no such model"}), Some("no such model")),
            (json!({"title": "Not found", "detail": "no such model"}), Some("no such model")),
            (json!({"title": "Not found", "status": 404}), Some("Not found")),
            (json!({"error": " ", "message": 7, "title": "x"}), Some("x")),
            (json!({"reason": "no such model"}), None),
            (json!(["no such model"]), None),
            (json!("no such model"), None),
        ] {
            assert_eq!(words(body.to_string().as_bytes()).as_deref(), said, "{body}");
        }
        assert_eq!(words(b"no such model"), None);
        assert_eq!(words(b"{\"error\": \"no such"), None);
    }
}
