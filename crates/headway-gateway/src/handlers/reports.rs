//! The events in a body, each read for itself, so that a mistake is told with its place.

use headway_protocol::report::SequencedReport;
use headway_protocol::{ProblemCode, limits};
use serde_json::value::RawValue;

use crate::body::{self, Form};
use crate::problem::Refusal;

/// The events of a body: one, an array, or one a line.
pub(crate) fn reports(text: &[u8], form: Form) -> Result<Vec<SequencedReport>, Refusal> {
    let pieces: Vec<&[u8]> = match form {
        Form::Lines => {
            text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect()
        }
        Form::Json | Form::Multipart if text.trim_ascii_start().starts_with(b"[") => {
            let events: Vec<&RawValue> = body::parse_borrowed(text)?;
            events.into_iter().map(|event| event.get().as_bytes()).collect()
        }
        Form::Json | Form::Multipart => vec![text],
    };
    if pieces.is_empty() {
        return Err(Refusal::new(ProblemCode::Invalid, "there is no event in the body"));
    }
    if pieces.len() > limits::EVENTS_PER_REPORT {
        let most = limits::EVENTS_PER_REPORT;
        let detail = format!("a report has at most {most} events: send several");
        return Err(Refusal::new(ProblemCode::TooLarge, detail));
    }
    (0..)
        .zip(pieces)
        .map(|(index, piece)| body::parse(piece).map_err(|problem| problem.at_index(index).into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_an_array_and_lines_are_read_alike() {
        let event = r#"{"type":"progress","percent":5}"#;
        let check = |text: String, form: Form, count: usize| {
            assert_eq!(reports(text.as_bytes(), form).unwrap().len(), count, "{text}");
        };
        check(event.to_owned(), Form::Json, 1);
        check(format!("[{event},{event}]"), Form::Json, 2);
        check(format!("{event}\n\n{event}\n"), Form::Lines, 2);
    }

    #[test]
    fn a_refused_event_is_named_with_its_member() {
        let check = |event: &str, field: Option<&str>| {
            let text = format!(r#"[{{"type":"start"}},{event}]"#);
            let refusal = reports(text.as_bytes(), Form::Json).unwrap_err();
            let problem = refusal.problem();
            assert_eq!((problem.status, problem.index), (422, Some(1)), "{problem:?}");
            assert_eq!(problem.field.as_deref(), field, "{problem:?}");
        };
        check(r#"{"type":"progress","percent":150}"#, Some("percent"));
        check(r#"{"type":"progress","percent":"half","message":"x"}"#, Some("percent"));
        check(r#"{"type":"progress","done":-1}"#, Some("done"));
        check(r#"{"type":"progress","done":1e308}"#, Some("done"));
        check(r#"{"type":"fail","error":{"code":"x","message":7}}"#, Some("error.message"));
        check(r#"{"type":"step_start","step":"a","tasks":["x",7]}"#, Some("tasks[1]"));
        check(r#"{"type":"usage","sku":"a","tokens":"many"}"#, Some("tokens"));
        check(r#"{"type":"log","level":"loud","message":"x"}"#, Some("level"));
        check(r#"{"type":"log"}"#, Some("message"));
        check(r#"{"type":"dance"}"#, Some("type"));
        check(r#"{"percent":1}"#, Some("type"));
        check("7", None);
    }

    #[test]
    fn what_is_no_json_and_what_is_no_event_are_told_apart() {
        assert_eq!(reports(b"{", Form::Json).unwrap_err().problem().status, 400);
        assert_eq!(reports(b"[]", Form::Json).unwrap_err().problem().status, 422);
    }
}
