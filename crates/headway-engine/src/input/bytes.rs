//! The bytes of a file, a block at a time.

use std::fmt;
use std::io;
use std::pin::Pin;

use headway_protocol::{Problem, ProblemCode};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::not_the_format;

/// How much is read at once.
const BLOCK: usize = 64 * 1024;

/// A file's bytes, a block at a time, without a byte-order mark. Refuses files that are not text.
pub(super) struct Blocks {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    block: Vec<u8>,
    taken: usize,
    began: bool,
    ended: bool,
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blocks({} bytes unread)", self.block.len() - self.taken)
    }
}

impl Blocks {
    pub(super) fn new(reader: Pin<Box<dyn AsyncRead + Send>>) -> Self {
        Self { reader, block: Vec::new(), taken: 0, began: false, ended: false }
    }

    /// What was read and not yet taken; empty only at the end of the file.
    pub(super) async fn peek(&mut self) -> Result<&[u8], Box<Problem>> {
        if self.taken == self.block.len() && !self.ended {
            self.block.clear();
            self.taken = 0;
            self.fill().await?;
        }
        Ok(self.block.get(self.taken..).unwrap_or_default())
    }

    /// Takes so many of the bytes that [`Blocks::peek`] gave.
    pub(super) fn take(&mut self, bytes: usize) {
        self.taken = (self.taken + bytes).min(self.block.len());
    }

    async fn fill(&mut self) -> Result<(), Box<Problem>> {
        self.block.reserve(BLOCK);
        // A mark at the beginning is three bytes; see them all before judging.
        while self.block.is_empty() || (!self.began && self.block.len() < 3) {
            let read = (&mut self.reader).take(BLOCK as u64).read_buf(&mut self.block).await;
            if read.map_err(|error| broken(&error))? == 0 {
                self.ended = true;
                break;
            }
        }
        if !self.began {
            self.began = true;
            if self.block.starts_with(b"\xef\xbb\xbf") {
                self.taken = 3;
            }
            if self.block.starts_with(b"\xff\xfe") || self.block.starts_with(b"\xfe\xff") {
                return Err(not_the_format("the file is UTF-16: save it as UTF-8".to_owned()));
            }
            if self.taken == self.block.len() && !self.ended {
                return Box::pin(self.fill_after_mark()).await;
            }
        }
        if memchr::memchr(0, &self.block).is_some() {
            return Err(not_the_format("the file is not text: it has NUL bytes".to_owned()));
        }
        Ok(())
    }

    /// A file whose first read was just its mark.
    async fn fill_after_mark(&mut self) -> Result<(), Box<Problem>> {
        self.block.clear();
        self.taken = 0;
        self.fill().await
    }
}

fn broken(error: &io::Error) -> Box<Problem> {
    Box::new(
        Problem::new(ProblemCode::Malformed, format!("the file broke off: {error}"))
            .at_field("file"),
    )
}
