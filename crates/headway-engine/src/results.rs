//! What became of a batch's items, as lines of a file.
//!
//! JSONL is the form that loses nothing. CSV is for spreadsheets: its columns are
//! [`CSV_COLUMNS`], `output` is JSON text, and a `custom_id` or an error that a spreadsheet would
//! run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage return) gets a `'`
//! before it.

use std::borrow::Cow;

use headway_protocol::batch::ResultLine;
use headway_protocol::{Amount, ItemStatus, JobError, Timestamp};
use headway_store::StoredItem;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The columns of a CSV of results. New ones are added at the end only.
pub const CSV_COLUMNS: [&str; 10] = [
    "index",
    "custom_id",
    "status",
    "output",
    "error_code",
    "error_message",
    "attempts",
    "cost",
    "started_at",
    "duration_ms",
];

/// One item's result, borrowed from wherever it rests. Its JSON is that of a [`ResultLine`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ResultRow<'a> {
    index: u64,
    custom_id: Option<&'a str>,
    status: ItemStatus,
    output: Option<Output<'a>>,
    error: Option<&'a JobError>,
    attempts: u32,
    cost: Option<Amount>,
    started_at: Option<Timestamp>,
    duration_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
enum Output<'a> {
    Text(&'a RawValue),
    Value(&'a Value),
}

impl<'a> From<&'a StoredItem> for ResultRow<'a> {
    fn from(item: &'a StoredItem) -> Self {
        Self {
            index: item.index,
            custom_id: item.custom_id.as_deref(),
            status: item.status,
            output: item.output.as_deref().map(Output::Text),
            error: item.error.as_ref(),
            attempts: item.attempts,
            cost: item.cost,
            started_at: item.started_at,
            duration_ms: item.duration_ms,
        }
    }
}

impl<'a> From<&'a ResultLine> for ResultRow<'a> {
    fn from(line: &'a ResultLine) -> Self {
        Self {
            index: line.index,
            custom_id: line.custom_id.as_deref(),
            status: line.status,
            output: line.output.as_ref().map(Output::Value),
            error: line.error.as_ref(),
            attempts: line.attempts,
            cost: line.cost,
            started_at: line.started_at,
            duration_ms: line.duration_ms,
        }
    }
}

impl ResultRow<'_> {
    /// Adds the result as one line of JSON.
    pub fn write_jsonl(&self, out: &mut Vec<u8>) {
        let before = out.len();
        if let Err(error) = serde_json::to_writer(&mut *out, self) {
            tracing::error!(index = self.index, %error, "a result could not be written");
            out.truncate(before);
            return;
        }
        // JSON text that came from elsewhere may be spread over lines.
        for byte in out.iter_mut().skip(before).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        out.push(b'\n');
    }

    /// Adds the result as one row of CSV.
    pub fn write_csv(&self, out: &mut Vec<u8>) {
        let output = match self.output {
            Some(Output::Text(text)) => Cow::Borrowed(text.get()),
            Some(Output::Value(value)) => Cow::Owned(value.to_string()),
            None => Cow::Borrowed(""),
        };
        let error = |part: fn(&JobError) -> &str| self.error.map_or("", part);
        write_row(
            [
                &self.index.to_string(),
                &inert(self.custom_id.unwrap_or_default()),
                self.status.as_str(),
                &output,
                &inert(error(|error| &error.code)),
                &inert(error(|error| &error.message)),
                &self.attempts.to_string(),
                &self.cost.map(|cost| cost.to_string()).unwrap_or_default(),
                &self.started_at.map(|at| at.to_string()).unwrap_or_default(),
                &self.duration_ms.map(|millis| millis.to_string()).unwrap_or_default(),
            ],
            out,
        );
    }
}

/// Adds the header row of a CSV of results.
pub fn write_csv_header(out: &mut Vec<u8>) {
    write_row(CSV_COLUMNS, out);
}

fn write_row(fields: [&str; CSV_COLUMNS.len()], out: &mut Vec<u8>) {
    let mut writer = csv::WriterBuilder::new().buffer_capacity(1_024).from_writer(&mut *out);
    let written = writer.write_record(fields).and_then(|()| Ok(writer.flush()?));
    if let Err(error) = written {
        tracing::error!(%error, "a row of results could not be written");
    }
}

/// A text that no spreadsheet runs.
fn inert(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(output: Option<&str>, custom_id: Option<&str>) -> StoredItem {
        StoredItem {
            index: 7,
            custom_id: custom_id.map(str::to_owned),
            status: ItemStatus::Failed,
            attempts: 2,
            input: RawValue::NULL.to_owned(),
            estimate: None,
            output: output.map(|text| RawValue::from_string(text.to_owned()).unwrap()),
            error: Some(JobError::fatal("exit_code", "=cmd|'/C calc'!A0, \"quoted\"\nmore")),
            cost: Some(Amount::from_nanos(1_500_000_000)),
            started_at: Some(Timestamp::from_millis(0)),
            duration_ms: Some(12),
        }
    }

    #[test]
    fn a_line_of_json_is_a_result_line() {
        let item = stored(Some("{\"a\":\n1.50}"), Some("x"));
        let mut text = Vec::new();
        ResultRow::from(&item).write_jsonl(&mut text);
        assert_eq!(memchr::memchr(b'\n', &text), Some(text.len() - 1));
        let line: ResultLine = serde_json::from_slice(&text).unwrap();
        assert_eq!(line.index, 7);
        assert_eq!(line.output, Some(serde_json::json!({"a": 1.5})));
        assert_eq!(line.error, item.error);

        let mut again = Vec::new();
        ResultRow::from(&line).write_jsonl(&mut again);
        let mut plain = serde_json::to_vec(&line).unwrap();
        plain.push(b'\n');
        assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(plain).unwrap());
    }

    #[test]
    fn a_row_of_csv_reads_back_and_runs_nothing() {
        let mut text = Vec::new();
        write_csv_header(&mut text);
        ResultRow::from(&stored(Some("-5"), Some("@SUM(1)"))).write_csv(&mut text);
        ResultRow::from(&stored(None, None)).write_csv(&mut text);
        let mut reader = csv::Reader::from_reader(text.as_slice());
        assert_eq!(reader.headers().unwrap(), CSV_COLUMNS.as_slice());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let message = "'=cmd|'/C calc'!A0, \"quoted\"\nmore";
        let at = "1970-01-01T00:00:00.000Z";
        assert_eq!(
            rows[0].iter().collect::<Vec<_>>(),
            ["7", "'@SUM(1)", "failed", "-5", "exit_code", message, "2", "1.50", at, "12"]
        );
        assert_eq!(
            rows[1].iter().collect::<Vec<_>>(),
            ["7", "", "failed", "", "exit_code", message, "2", "1.50", at, "12"]
        );
    }
}
