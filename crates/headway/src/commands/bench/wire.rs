//! How messages lie in the bytes of a connection: frames of a WebSocket (RFC 6455) or events of a
//! text stream in chunks (WHATWG HTML section 9.2, RFC 9112 section 7.1). No socket is known here.

use memchr::{memchr, memmem};

use crate::failure::Failure;

/// The longest message that is taken, in bytes.
const LONGEST: usize = 4 << 20;

/// What a connection brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived<'a> {
    Message(&'a [u8]),
    /// To be answered with the same payload.
    Ping(&'a [u8]),
    /// Nothing follows.
    Closed,
}

/// Bytes that came, cut into messages. What is not whole yet is kept; whole messages are not copied.
#[derive(Debug)]
pub(super) enum Wire {
    Websocket { rest: Vec<u8> },
    Sse { chunks: Option<Chunks>, rest: Vec<u8> },
}

impl Wire {
    pub(super) fn websocket() -> Self {
        Self::Websocket { rest: Vec::new() }
    }

    pub(super) fn sse(chunked: bool) -> Self {
        Self::Sse { chunks: chunked.then(Chunks::default), rest: Vec::new() }
    }

    /// Takes bytes and tells what they bring.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut tell: impl FnMut(Arrived<'_>),
    ) -> Result<(), Failure> {
        match self {
            Self::Websocket { rest } if rest.is_empty() => {
                let used = tell_frames(bytes, &mut tell)?;
                rest.extend_from_slice(bytes.get(used..).unwrap_or_default());
            }
            Self::Websocket { rest } => {
                rest.extend_from_slice(bytes);
                let used = tell_frames(rest, &mut tell)?;
                rest.drain(..used);
            }
            Self::Sse { chunks, rest } => {
                let last = if let Some(chunks) = chunks {
                    chunks.take(bytes, rest)?
                } else {
                    rest.extend_from_slice(bytes);
                    false
                };
                let used = tell_events(rest, &mut tell);
                rest.drain(..used);
                if rest.len() > LONGEST {
                    return Err(Failure::new("an event of the stream has no end"));
                }
                if last {
                    tell(Arrived::Closed);
                }
            }
        }
        Ok(())
    }
}

/// Tells the whole frames, and how many bytes they were.
fn tell_frames(bytes: &[u8], tell: &mut impl FnMut(Arrived<'_>)) -> Result<usize, Failure> {
    let mut used = 0;
    while let Some((first, payload)) = frame(bytes.get(used..).unwrap_or_default())? {
        let start = used + payload.start;
        used += payload.end;
        let payload = bytes.get(start..used).unwrap_or_default();
        match first {
            // The last (and only) part of a text; a ping; a farewell; a pong.
            0x81 => tell(Arrived::Message(payload)),
            0x89 => tell(Arrived::Ping(payload)),
            0x88 => tell(Arrived::Closed),
            0x8a => {}
            other => return Err(Failure::new(format!("a frame begins with {other:#04x}"))),
        }
    }
    Ok(used)
}

/// The first byte of a frame and where its payload lies, when it is whole.
fn frame(bytes: &[u8]) -> Result<Option<(u8, std::ops::Range<usize>)>, Failure> {
    let Some((&[first, second], rest)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
    let (start, length) = match second {
        0..=125 => (2, Some(usize::from(second))),
        126 => (4, rest.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)))),
        127 => {
            let length = rest.first_chunk().map(|length| u64::from_be_bytes(*length));
            (10, length.map(|length| usize::try_from(length).unwrap_or(usize::MAX)))
        }
        128.. => return Err(Failure::new("the server masked a frame")),
    };
    match length {
        Some(length) if length > LONGEST => Err(Failure::new("a frame of the stream is too long")),
        Some(length) if bytes.len() >= start + length => Ok(Some((first, start..start + length))),
        Some(_) | None => Ok(None),
    }
}

/// Tells the messages of the whole events, and how many bytes they were.
fn tell_events(text: &[u8], tell: &mut impl FnMut(Arrived<'_>)) -> usize {
    let mut used = 0;
    while let Some(rest) = text.get(used..)
        && let Some(end) = memmem::find(rest, b"\n\n")
    {
        let event = rest.get(..end).unwrap_or_default();
        // The program writes a message as one line; a comment has none.
        let data = event.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"data: "));
        if let Some(data) = data {
            tell(Arrived::Message(data));
        }
        used += end + 2;
    }
    used
}

/// Chunks of a body.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// Bytes that are still to come of this chunk, with the line end behind it.
    left: usize,
    /// The line that tells the next chunk's size, as far as it has come.
    line: Vec<u8>,
}

/// The longest line that tells a chunk's size, in bytes.
const LONGEST_SIZE: usize = 64;

impl Chunks {
    /// Adds what the chunks carry to `body`, and tells whether the last has come.
    fn take(&mut self, mut bytes: &[u8], body: &mut Vec<u8>) -> Result<bool, Failure> {
        let wrong = || Failure::new("the stream's chunks are broken");
        while !bytes.is_empty() {
            if self.left > 0 {
                let (part, rest) = bytes.split_at(self.left.min(bytes.len()));
                // The last two bytes are the line end.
                let carried = part.len().min(self.left.saturating_sub(2));
                body.extend_from_slice(part.get(..carried).unwrap_or_default());
                self.left -= part.len();
                bytes = rest;
                continue;
            }
            let end = memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
            let (part, rest) = bytes.split_at(end);
            self.line.extend_from_slice(part);
            bytes = rest;
            if self.line.len() > LONGEST_SIZE {
                return Err(wrong());
            }
            if let Some(size) = self.line.strip_suffix(b"\r\n") {
                let size = std::str::from_utf8(size).ok();
                let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
                let size = size.filter(|size| *size <= LONGEST).ok_or_else(wrong)?;
                self.line.clear();
                if size == 0 {
                    return Ok(true);
                }
                self.left = size + 2;
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
