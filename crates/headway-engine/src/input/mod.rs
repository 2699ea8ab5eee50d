//! Items from a request: JSON, JSONL and CSV, one after the other, never the whole file.
//!
//! An [`ItemSource`] is what a request brought; its [`ItemReader`] yields the items in chunks. A
//! line that is no item becomes a [`ParsedItem`] with an error that names the line, in its place,
//! so that indexes match the file. What is not the format at all is refused whole.
//!
//! Memory is bounded by one chunk and one line, whatever the size of the file.

use std::pin::Pin;

use headway_protocol::report::Usage;
use headway_protocol::{JobError, Problem, ProblemCode};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::AsyncRead;

mod bytes;
mod csv;
mod inline;
mod item;
pub(crate) mod json_text;
mod jsonl;

pub(crate) use item::countable;

#[cfg(test)]
mod tests;

/// The most items of a chunk: enough that a store commits them as one large group.
pub const CHUNK_ITEMS: usize = 1_000;
/// A chunk ends when its inputs reach this many bytes; one line may pass it by its own length.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// So many bad lines at a file's beginning, without a good one, and it is not the format at all.
pub const BAD_LINES: u64 = 100;

/// Where a batch's items come from.
pub enum ItemSource {
    /// The request itself.
    Inline(Vec<Value>),
    /// A file that is read once, from its beginning to its end.
    File {
        /// How its items are written.
        format: Format,
        /// Its bytes.
        reader: Pin<Box<dyn AsyncRead + Send>>,
    },
}

impl std::fmt::Debug for ItemSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline(items) => write!(f, "Inline({} items)", items.len()),
            Self::File { format, .. } => write!(f, "File({format:?})"),
        }
    }
}

impl ItemSource {
    /// Reads the items, the first one first.
    pub fn into_reader(self) -> ItemReader {
        ItemReader(match self {
            Self::Inline(items) => Form::Inline(inline::InlineItems::new(items)),
            Self::File { format: Format::Jsonl, reader } => {
                Form::Jsonl(jsonl::JsonlItems::new(reader))
            }
            Self::File { format: Format::Csv, reader } => {
                Form::Csv(Box::new(csv::CsvItems::new(reader)))
            }
        })
    }
}

/// How the items of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON value a line.
    Jsonl,
    /// Comma-separated values with a header row that names the fields.
    Csv,
}

/// One item, or why there is none.
#[derive(Clone, Debug)]
pub struct ParsedItem {
    /// Its producer's name for it.
    pub custom_id: Option<String>,
    /// What it works on; for a bad line the line's beginning as a JSON string.
    pub input: Box<RawValue>,
    /// What it is expected to use.
    pub estimate: Option<Usage>,
    /// Why the line is no item, with its number.
    pub error: Option<JobError>,
}

/// The items of a source, in chunks.
#[derive(Debug)]
pub struct ItemReader(Form);

#[derive(Debug)]
enum Form {
    Inline(inline::InlineItems),
    Jsonl(jsonl::JsonlItems),
    Csv(Box<csv::CsvItems>),
}

impl ItemReader {
    /// The next items: at least one and at most [`CHUNK_ITEMS`], about [`CHUNK_BYTES`]; `None`
    /// after the last. An error means that the source is not its format at all or broke off; items
    /// that came before it are then not a batch either.
    ///
    /// Not cancel safe: a chunk whose future is dropped is lost.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<ParsedItem>>, Problem> {
        let chunk = match &mut self.0 {
            Form::Inline(items) => items.next_chunk(),
            Form::Jsonl(items) => items.next_chunk().await.map_err(|problem| *problem)?,
            Form::Csv(items) => items.next_chunk().await.map_err(|problem| *problem)?,
        };
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

/// Items on their way to becoming a chunk.
#[derive(Debug, Default)]
struct Chunk {
    items: Vec<ParsedItem>,
    bytes: usize,
}

impl Chunk {
    fn push(&mut self, item: ParsedItem) {
        self.bytes += item.input.get().len();
        self.items.push(item);
    }

    fn is_full(&self) -> bool {
        self.items.len() >= CHUNK_ITEMS || self.bytes >= CHUNK_BYTES
    }
}

/// Judges whether a file is its format at all, from how it begins.
#[derive(Debug, Default)]
struct Beginning {
    good: bool,
    bad: u64,
    first: Option<String>,
}

impl Beginning {
    /// Takes note of an item; fails when only bad ones have come so far, and too many.
    fn note(&mut self, item: &ParsedItem, format: &str) -> Result<(), Box<Problem>> {
        match &item.error {
            None => self.good = true,
            Some(_) if self.good => {}
            Some(error) => {
                self.bad += 1;
                self.first.get_or_insert_with(|| error.message.clone());
                if self.bad >= BAD_LINES {
                    return Err(self.refusal(format));
                }
            }
        }
        Ok(())
    }

    /// At the end: a file of nothing but bad lines is refused too.
    fn end(&self, format: &str) -> Result<(), Box<Problem>> {
        if self.bad > 0 && !self.good { Err(self.refusal(format)) } else { Ok(()) }
    }

    fn refusal(&self, format: &str) -> Box<Problem> {
        let first = self.first.as_deref().unwrap_or_default();
        not_the_format(format!(
            "the file is not {format}: none of its first {} lines is an item ({first})",
            self.bad
        ))
    }
}

fn not_the_format(detail: String) -> Box<Problem> {
    Box::new(Problem::new(ProblemCode::Invalid, detail).at_field("file"))
}
