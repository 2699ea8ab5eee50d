//! Lines `{"headway":{…}}` by which a program reports instead of putting out.

use headway_protocol::{Percent, Report};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::News;
use super::spent::Spent;

/// A line that reports.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    headway: &'a RawValue,
}

/// The short form of a report; the long one has a `type` and is any report of the protocol.
#[derive(Deserialize)]
struct Short<'a> {
    #[serde(borrow, default, rename = "type")]
    long: Option<&'a RawValue>,
    #[serde(default)]
    progress: Option<Percent>,
    #[serde(default)]
    message: Option<String>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cost: Option<&'a RawValue>,
}

/// Takes a line of standard output if it reports; otherwise it is output. A report that cannot be
/// understood is said as a line of standard error would be: whoever looks for it finds it there.
pub(super) fn take(line: &[u8], spent: &mut Spent, mut say: impl FnMut(News)) -> bool {
    let Some(report) = report(line) else { return false };
    if let Err(why) = understand(report.get(), spent, &mut say) {
        say(News::Line(format!("a report cannot be understood: {why}: {}", report.get())));
    }
    true
}

fn report(line: &[u8]) -> Option<&RawValue> {
    let line = line.trim_ascii();
    let key = line.strip_prefix(b"{")?.trim_ascii_start();
    if !key.starts_with(b"\"headway\"") {
        return None;
    }
    serde_json::from_slice::<Line<'_>>(line).ok().map(|line| line.headway)
}

fn understand(text: &str, spent: &mut Spent, say: &mut impl FnMut(News)) -> Result<(), String> {
    let short: Short<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if short.long.is_some() {
        return match serde_json::from_str(text).map_err(|error| error.to_string())? {
            Report::Usage(usage) => spent.add_usage(usage),
            Report::Cost { amount, sku: _ } => spent.add_cost(amount),
            Report::Progress {
                percent,
                message,
                done: None,
                total: None,
                phase: None,
                metadata: None,
            } => {
                say(News::Progress { percent, message });
                Ok(())
            }
            other @ (Report::Start {}
            | Report::Progress { .. }
            | Report::Phase { .. }
            | Report::StepStart { .. }
            | Report::StepUpdate { .. }
            | Report::StepFinish { .. }
            | Report::Log { .. }
            | Report::Partial { .. }
            | Report::Complete { .. }
            | Report::Fail { .. }
            | Report::Ack { .. }) => {
                say(News::Report(other));
                Ok(())
            }
        };
    }
    if short.progress.is_some() || short.message.is_some() {
        say(News::Progress { percent: short.progress, message: short.message });
    }
    let usage = short.usage.map_or(Ok(()), |usage| spent.add_written_usage(usage));
    let cost = short.cost.map_or(Ok(()), |cost| spent.add_written_cost(cost));
    usage.and(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<&[News]>) -> Spent {
        let mut spent = Spent::default();
        let mut said = Vec::new();
        let taken = take(line.as_bytes(), &mut spent, |news| said.push(news));
        assert_eq!(taken, expected.is_some(), "{line}");
        assert_eq!(said, expected.unwrap_or_default(), "{line}");
        spent
    }

    #[test]
    fn reports_are_told_from_output() {
        for output in [
            "",
            "text",
            "{\"a\":1}",
            "{\"headway\":1,\"a\":2}",
            "{\"headway\":",
            "[{\"headway\":1}]",
        ] {
            check(output, None);
        }
        let progress = News::Progress { percent: Percent::new(50.0).ok(), message: None };
        check(" { \"headway\": {\"progress\":50}}\r\n", Some(&[progress]));
        let message = News::Progress { percent: None, message: Some("half".to_owned()) };
        check(r#"{"headway":{"message":"half"}}"#, Some(std::slice::from_ref(&message)));
        check(r#"{"headway":{"type":"progress","message":"half"}}"#, Some(&[message]));
        let phase = News::Report(Report::Phase { name: "load".to_owned() });
        check(r#"{"headway":{"type":"phase","name":"load"}}"#, Some(&[phase]));
    }

    #[test]
    fn what_was_used_is_counted_and_not_said() {
        let spent =
            check(r#"{"headway":{"usage":{"sku":"m","tokens":3},"cost":"0.10"}}"#, Some(&[]));
        assert_eq!(spent.usage[0].units.get("tokens"), Some(&3.0));
        assert_eq!(spent.cost.to_string(), "0.10");
        let spent = check(r#"{"headway":{"type":"usage","sku":"m","tokens":3}}"#, Some(&[]));
        assert_eq!(spent.usage.len(), 1);
        let spent = check(r#"{"headway":{"type":"cost","amount":"2"}}"#, Some(&[]));
        assert_eq!(spent.cost.to_string(), "2.00");
    }

    #[test]
    fn a_report_that_cannot_be_understood_is_found_in_the_log() {
        for line in [r#"{"headway":{"progress":500}}"#, r#"{"headway":7}"#] {
            let mut said = Vec::new();
            assert!(take(line.as_bytes(), &mut Spent::default(), |news| said.push(news)));
            assert!(matches!(said.as_slice(), [News::Line(line)] if line.contains("understood")));
        }
    }
}
