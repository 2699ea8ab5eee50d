//! CSV: comma-separated values, a header row that names the fields, RFC 4180 quotes.
//!
//! An item's input is an object of strings: a file has no other types. A field `custom_id` also
//! names the item. Blank lines are no items.
//!
//! A row whose [`quotes`] are wrong is a bad one as a whole, with every line that its open quote
//! reaches over: where it was meant to end is a guess, and a wrong guess would run items that nobody
//! wrote. Its error says which lines these are.

use csv_core::{ReadRecordResult, Reader};
use headway_protocol::{Problem, limits};
use serde_json::value::RawValue;

use super::bytes::Blocks;
use super::{Beginning, Chunk, ParsedItem, item, json_text, not_the_format};
use quotes::Quotes;

mod quotes;

/// The most fields of a row.
const FIELDS: usize = 4_096;

/// The items of a CSV file.
#[derive(Debug)]
pub(super) struct CsvItems {
    rows: Rows,
    /// The fields' names; absent until the first row was read.
    header: Option<Header>,
    beginning: Beginning,
    ended: bool,
}

impl CsvItems {
    pub(super) fn new(reader: std::pin::Pin<Box<dyn tokio::io::AsyncRead + Send>>) -> Self {
        Self {
            rows: Rows::new(Blocks::new(reader)),
            header: None,
            beginning: Beginning::default(),
            ended: false,
        }
    }

    pub(super) async fn next_chunk(&mut self) -> Result<Vec<ParsedItem>, Box<Problem>> {
        let mut chunk = Chunk::default();
        while !chunk.is_full() && !self.ended {
            let Some(row) = self.rows.next().await? else {
                self.ended = true;
                self.beginning.end("CSV")?;
                break;
            };
            let Some(header) = &self.header else {
                self.header = Some(Header::new(&row)?);
                continue;
            };
            let parsed = header.item(&row);
            self.beginning.note(&parsed, "CSV")?;
            chunk.push(parsed);
        }
        Ok(chunk.items)
    }
}

/// The names of the fields.
#[derive(Debug)]
struct Header {
    /// Each name as the beginning of a member: `{"name":` for the first, `,"name":` for others.
    keys: Vec<String>,
    /// Which field names the item.
    custom_id: Option<usize>,
}

impl Header {
    fn new(row: &Row<'_>) -> Result<Self, Box<Problem>> {
        let refuse = |why: String| Err(not_the_format(format!("the header row {why}")));
        if row.too_long {
            return refuse(format!(
                "is longer than {} bytes or {FIELDS} fields",
                limits::LINE_BYTES
            ));
        }
        // A row of JSON has quotes of another kind, and is told so below.
        let is_json = row.text.starts_with(b"{") || row.text.starts_with(b"[");
        if let Some(why) = row.wrong_quote.as_ref().filter(|_| !is_json) {
            return refuse(format!("cannot be read: {why}"));
        }
        let mut names: Vec<&str> = Vec::with_capacity(row.ends.len());
        for (place, field) in row.fields().enumerate() {
            let Ok(name) = std::str::from_utf8(field) else {
                return refuse(format!("is not UTF-8 in field {}", place + 1));
            };
            let name = name.trim();
            if name.is_empty() {
                return refuse(format!("has no name for field {}", place + 1));
            }
            if names.contains(&name) {
                return refuse(format!("has the name `{name}` twice"));
            }
            names.push(name);
        }
        match names.as_slice() {
            [first, ..] if first.starts_with(['{', '[']) => {
                return refuse(format!(
                    "begins with `{}`: is the file JSONL?",
                    json_text::beginning(first, 20)
                ));
            }
            [only] if only.contains([';', '\t']) => {
                return refuse(format!("has one field, `{only}`: separate fields with commas"));
            }
            _ => {}
        }
        let custom_id = names.iter().position(|name| *name == "custom_id");
        let keys = names.iter().enumerate().map(|(place, name)| {
            let before = if place == 0 { '{' } else { ',' };
            format!("{before}{}:", json_text::string(name).get())
        });
        Ok(Self { keys: keys.collect(), custom_id })
    }

    fn item(&self, row: &Row<'_>) -> ParsedItem {
        self.read(row).unwrap_or_else(|why| {
            let beginning = String::from_utf8_lossy(row.text);
            item::bad(&beginning, format_args!("line {}", row.line), &why)
        })
    }

    fn read(&self, row: &Row<'_>) -> Result<ParsedItem, String> {
        if let Some(why) = &row.wrong_quote {
            return Err(why.clone());
        }
        if row.too_long {
            return Err(format!(
                "the row is longer than {} bytes or {FIELDS} fields: is a quote left open?",
                limits::LINE_BYTES
            ));
        }
        let (found, named) = (row.ends.len(), self.keys.len());
        if found != named {
            return Err(format!("{found} fields where the header names {named}"));
        }
        let mut object = Vec::with_capacity(row.text.len() + named * 16);
        let mut custom_id = None;
        for (place, (key, field)) in self.keys.iter().zip(row.fields()).enumerate() {
            let value = std::str::from_utf8(field)
                .map_err(|_| format!("field {} is not UTF-8", place + 1))?;
            object.extend_from_slice(key.as_bytes());
            serde_json::to_writer(&mut object, value).map_err(|error| error.to_string())?;
            if self.custom_id == Some(place) {
                custom_id = item::custom_id(value)?;
            }
        }
        object.push(b'}');
        let object = String::from_utf8(object).map_err(|error| error.to_string())?;
        let input = RawValue::from_string(object).map_err(|error| error.to_string())?;
        Ok(ParsedItem { custom_id, input, estimate: None, error: None })
    }
}

/// A row as it was read.
struct Row<'a> {
    /// The line that it begins on, from 1.
    line: u64,
    /// The fields one after the other.
    text: &'a [u8],
    /// Where each field ends in `text`.
    ends: &'a [usize],
    /// Whether it has more bytes or fields than are allowed; `text` is then its beginning.
    too_long: bool,
    /// What is wrong with its quotes, and what to do.
    wrong_quote: Option<String>,
}

impl<'a> Row<'a> {
    fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        let text = self.text;
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends).map(move |(start, end)| text.get(start..*end).unwrap_or_default())
    }
}

/// Takes rows from bytes.
#[derive(Debug)]
struct Rows {
    blocks: Blocks,
    reader: Reader,
    /// Holds the row's fields; grows to the limit of a line.
    text: Vec<u8>,
    ends: Vec<usize>,
    quotes: Quotes,
}

impl Rows {
    fn new(blocks: Blocks) -> Self {
        let (text, ends) = (vec![0; 4_096], vec![0; 64]);
        Self { blocks, reader: Reader::new(), text, ends, quotes: Quotes::default() }
    }

    async fn next(&mut self) -> Result<Option<Row<'_>>, Box<Problem>> {
        let (mut bytes, mut fields) = (0, 0);
        let mut first_line = None;
        let mut too_long = false;
        loop {
            // What is beyond the limit overwrites the room that was left for the next field.
            if too_long {
                bytes = bytes.min(self.text.len() / 2);
                fields = fields.min(self.ends.len() / 2);
            }
            let block = self.blocks.peek().await?;
            let (text, ends) = (
                self.text.get_mut(bytes..).unwrap_or_default(),
                self.ends.get_mut(fields..).unwrap_or_default(),
            );
            let (result, read, wrote, ended) = self.reader.read_record(block, text, ends);
            let consumed = block.get(..read).unwrap_or_default();
            let blank = consumed.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
            if first_line.is_none() && blank.clone().count() < consumed.len() {
                first_line = Some(self.quotes.line() + count_lines(blank));
            }
            self.quotes.pass(consumed);
            self.blocks.take(read);
            bytes += wrote;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < limits::LINE_BYTES => {
                    self.text.resize((self.text.len() * 2).min(limits::LINE_BYTES), 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < FIELDS => {
                    self.ends.resize((self.ends.len() * 2).min(FIELDS), 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => too_long = true,
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        let wrong_quote = self.quotes.end_row();
        Ok(Some(Row {
            line: first_line.unwrap_or(self.quotes.line()),
            text: self.text.get(..bytes).unwrap_or_default(),
            ends: self.ends.get(..fields).unwrap_or_default(),
            too_long,
            wrong_quote,
        }))
    }
}

fn count_lines<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.map(|byte| u64::from(*byte == b'\n')).sum()
}
