//! JSONL: one JSON value a line.
//!
//! Blank lines are no items. A line ends with `\n`; a `\r` before it does not matter.

use headway_protocol::{Problem, limits};

use super::bytes::Blocks;
use super::{Beginning, Chunk, ParsedItem, item, not_the_format};

/// The items of a JSONL file.
#[derive(Debug)]
pub(super) struct JsonlItems {
    blocks: Blocks,
    /// The part of the current line that came with earlier blocks, never beyond the limit.
    line: Vec<u8>,
    /// Whether the current line is beyond the limit, so that the rest of it is skipped.
    too_long: bool,
    /// The number of the current line, from 1.
    number: u64,
    beginning: Beginning,
    ended: bool,
}

impl JsonlItems {
    pub(super) fn new(reader: std::pin::Pin<Box<dyn tokio::io::AsyncRead + Send>>) -> Self {
        Self {
            blocks: Blocks::new(reader),
            line: Vec::new(),
            too_long: false,
            number: 1,
            beginning: Beginning::default(),
            ended: false,
        }
    }

    pub(super) async fn next_chunk(&mut self) -> Result<Vec<ParsedItem>, Box<Problem>> {
        let mut chunk = Chunk::default();
        while !chunk.is_full() && !self.ended {
            let block = self.blocks.peek().await?;
            if block.is_empty() {
                self.ended = true;
                self.finish_line(&mut chunk)?;
                self.beginning.end("JSONL")?;
                break;
            }
            let end = memchr::memchr(b'\n', block);
            let piece = block.get(..end.unwrap_or(block.len())).unwrap_or_default();
            if self.line.len() + piece.len() > limits::LINE_BYTES {
                self.too_long = true;
                let room = limits::LINE_BYTES.saturating_sub(self.line.len()).min(piece.len());
                self.line.extend_from_slice(piece.get(..room).unwrap_or_default());
            } else {
                self.line.extend_from_slice(piece);
            }
            let taken = piece.len() + usize::from(end.is_some());
            self.blocks.take(taken);
            if end.is_some() {
                self.finish_line(&mut chunk)?;
                self.number += 1;
            }
        }
        Ok(chunk.items)
    }

    fn finish_line(&mut self, chunk: &mut Chunk) -> Result<(), Box<Problem>> {
        let place = format_args!("line {}", self.number);
        let parsed = if self.too_long {
            let why = format!("longer than {} bytes", limits::LINE_BYTES);
            Some(item::bad(&String::from_utf8_lossy(&self.line), place, &why))
        } else {
            match std::str::from_utf8(&self.line) {
                Ok(text) if text.trim().is_empty() => None,
                Ok(text) => Some(item::parse(text, place)),
                Err(error) => {
                    let why = format!("not UTF-8 from byte {}", error.valid_up_to());
                    Some(item::bad(&String::from_utf8_lossy(&self.line), place, &why))
                }
            }
        };
        self.line.clear();
        self.too_long = false;
        if let Some(parsed) = parsed {
            let began = self.beginning.good || self.beginning.bad > 0;
            if !began && parsed.error.is_some() && parsed.input.get().starts_with("\"[") {
                return Err(not_the_format(
                    "the file is not JSONL but looks like one JSON array: put each of its \
                     members on a line of its own, without the brackets and commas"
                        .to_owned(),
                ));
            }
            self.beginning.note(&parsed, "JSONL")?;
            chunk.push(parsed);
        }
        Ok(())
    }
}
