//! Items of a batch from a file: the bytes as they come from an upload.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};

use crate::input::{CHUNK_ITEMS, Format, ItemSource};

/// One JSON value a line.
pub fn jsonl(bytes: &[u8]) {
    file(bytes, Format::Jsonl);
}

/// Comma-separated values with a header.
pub fn csv(bytes: &[u8]) {
    file(bytes, Format::Csv);
}

/// The first byte says how the others are cut, which changes nothing. Inputs are JSON; chunks have
/// items, and not too many.
fn file(bytes: &[u8], format: Format) {
    let [cut, file @ ..] = bytes else { return };
    if file.starts_with(b"\xef\xbb\xbf\xef\xbb\xbf") {
        // The second byte-order mark of a file is text, which the library for CSV leaves out when
        // it sees all of it at once.
        return;
    }
    let whole = read(file, file.len(), format);
    // Which of several mistakes is told depends on what is seen first.
    let pieces = read(file, usize::from(*cut), format);
    assert_eq!(pieces.as_ref().ok(), whole.as_ref().ok(), "{pieces:?} {whole:?}");
    for (_, input, _) in whole.into_iter().flatten() {
        serde_json::from_str::<serde::de::IgnoredAny>(&input).expect("an input is JSON");
    }
}

/// Each item's name, its input and why it is none; or why the file is none.
type Items = Result<Vec<(Option<String>, String, Option<String>)>, String>;

fn read(file: &[u8], piece: usize, format: Format) -> Items {
    let pieces = Pieces { rest: file.to_vec(), piece: piece.max(1) };
    let mut reader = ItemSource::File { format, reader: Box::pin(pieces) }.into_reader();
    let mut items = Vec::new();
    while let Some(chunk) = now(reader.next_chunk()).map_err(|problem| format!("{problem:?}"))? {
        assert!(!chunk.is_empty() && chunk.len() <= CHUNK_ITEMS);
        items.extend(chunk.into_iter().map(|item| {
            let error = item.error.map(|error| format!("{error:?}"));
            (item.custom_id, item.input.get().to_owned(), error)
        }));
    }
    Ok(items)
}

/// A future that never has to wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("all bytes are there"),
    }
}

/// Bytes that come in pieces.
struct Pieces {
    rest: Vec<u8>,
    piece: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let size = self.piece.min(buffer.remaining()).min(self.rest.len());
        buffer.put_slice(&self.rest[..size]);
        self.rest.drain(..size);
        Poll::Ready(Ok(()))
    }
}
