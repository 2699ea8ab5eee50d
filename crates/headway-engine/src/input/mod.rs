//! Items from a request: JSON, JSONL and CSV, one after the other, never the whole file.

use std::pin::Pin;

use serde_json::Value;
use tokio::io::AsyncRead;

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
    pub input: Box<serde_json::value::RawValue>,
    /// What it is expected to use.
    pub estimate: Option<headway_protocol::report::Usage>,
    /// Why the line is no item, with its number.
    pub error: Option<headway_protocol::JobError>,
}
