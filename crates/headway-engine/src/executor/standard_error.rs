//! A program's standard error: lines as they come, and the tail to explain a failure with.

use std::collections::VecDeque;

use memchr::memchr;

use crate::input::json_text;

/// How much of the end is kept to explain a failure with, in bytes.
const TAIL: usize = 4 * 1024;
/// The longest line that is handed on whole; a longer one comes in pieces of this length.
const LINE: usize = 8 * 1024;

/// A program's standard error so far. Memory is bounded by [`TAIL`] and [`LINE`].
#[derive(Debug, Default)]
pub(super) struct StandardError {
    tail: VecDeque<u8>,
    line: Vec<u8>,
}

impl StandardError {
    /// Takes what was read and hands on every line that is complete.
    pub(super) fn take(&mut self, mut bytes: &[u8], mut line: impl FnMut(String)) {
        let kept = bytes.len().saturating_sub(TAIL);
        self.tail.extend(bytes.get(kept..).unwrap_or_default());
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
        while !bytes.is_empty() {
            let end = memchr(b'\n', bytes);
            let room = LINE.saturating_sub(self.line.len());
            let length = end.unwrap_or(bytes.len()).min(room);
            let (piece, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
            self.line.extend_from_slice(piece);
            bytes = rest;
            if let Some(after) = bytes.strip_prefix(b"\n") {
                bytes = after;
                self.hand_on(&mut line);
            } else if self.line.len() >= LINE {
                self.hand_on(&mut line);
            }
        }
    }

    /// Hands on a last line that was not ended.
    pub(super) fn end(&mut self, line: impl FnMut(String)) {
        self.hand_on(line);
    }

    /// The end of what was written, for people: from the beginning of a line where there is one.
    pub(super) fn tail(&self) -> String {
        let bytes: Vec<u8> = self.tail.iter().copied().collect();
        let whole = String::from_utf8_lossy(&bytes);
        let text = match whole.split_once('\n') {
            Some((_, rest)) if bytes.len() == TAIL && !rest.trim().is_empty() => rest,
            Some(_) | None => &whole,
        };
        text.trim().to_owned()
    }

    fn hand_on(&mut self, mut line: impl FnMut(String)) {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end();
        if !text.is_empty() {
            line(json_text::beginning(text, LINE).to_owned());
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> (Vec<String>, String) {
        let mut error = StandardError::default();
        let mut lines = Vec::new();
        for piece in pieces {
            error.take(piece, |line| lines.push(line));
        }
        error.end(|line| lines.push(line));
        (lines, error.tail())
    }

    #[test]
    fn lines_come_whole_and_the_last_needs_no_end() {
        let (lines, tail) = lines(&[b"one\ntw", b"o\r\n\n", b"three"]);
        assert_eq!(lines, ["one", "two", "three"]);
        assert_eq!(tail, "one\ntwo\r\n\nthree");
    }

    #[test]
    fn the_tail_begins_with_a_line_and_is_bounded() {
        let long = "a line of some length\n".repeat(1_000);
        let (short, tail) = lines(&[long.as_bytes()]);
        assert_eq!(short.len(), 1_000);
        assert!(tail.len() <= TAIL && tail.len() > TAIL - 50);
        assert!(tail.starts_with("a line of"));
        let (long, _) = lines(&[&vec![b'x'; 20_000]]);
        assert_eq!(long.iter().map(String::len).collect::<Vec<_>>(), [8_192, 8_192, 3_616]);
    }
}
