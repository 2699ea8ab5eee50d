//! Where the quotes of a CSV file open and close, by RFC 4180: what the reader of rows takes without
//! a word, a quote that is never closed and text behind one that is, is told here.
//!
//! It follows the same bytes as the reader of rows, in pieces of any size, and agrees with it on
//! what a quote means: one at the beginning of a field opens it, two within it are one of the text,
//! and one elsewhere is text. It also counts lines.

use memchr::{memchr, memchr_iter};

/// What to do about a quote that is read otherwise than it was meant.
const TWICE: &str = "a quote that belongs to the text twice, and its field between quotes";

/// Follows the quotes of a file.
#[derive(Debug)]
pub(super) struct Quotes {
    /// The line of the next byte, from 1.
    line: u64,
    place: Place,
    /// The byte before the next one; a file begins as if a line had ended.
    last: u8,
    /// The line that the latest quote was opened on.
    opened: u64,
    /// The first of the row's quotes that has text behind it: where it was opened and closed.
    stray: Option<(u64, u64)>,
}

/// Where the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between fields, or in one without quotes.
    Outside,
    /// In a field between quotes.
    Inside,
    /// Behind a quote within such a field: it closes the field, or is the first of two.
    Behind,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { line: 1, place: Place::Outside, last: b'\n', opened: 1, stray: None }
    }
}

impl Quotes {
    /// The line of the next byte, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Follows the next bytes of a row.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        let (mut at, mut counted) = (0, 0);
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.place {
                Place::Outside => {
                    let Some(found) = memchr(b'"', rest) else { break };
                    let quote = at + found;
                    let before = quote.checked_sub(1).and_then(|before| bytes.get(before)).copied();
                    if ends_a_field(before.unwrap_or(self.last)) {
                        self.count(bytes.get(counted..quote));
                        counted = quote;
                        self.opened = self.line;
                        self.place = Place::Inside;
                    }
                    at = quote + 1;
                }
                Place::Inside => {
                    let Some(found) = memchr(b'"', rest) else { break };
                    self.place = Place::Behind;
                    at += found + 1;
                }
                Place::Behind => match rest.first() {
                    None => break,
                    Some(b'"') => {
                        self.place = Place::Inside;
                        at += 1;
                    }
                    Some(byte) => {
                        if !ends_a_field(*byte) {
                            self.count(bytes.get(counted..at));
                            counted = at;
                            self.stray.get_or_insert((self.opened, self.line));
                        }
                        self.place = Place::Outside;
                    }
                },
            }
        }
        self.count(bytes.get(counted..));
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    /// Ends a row, and says what is wrong with its quotes. Only the end of the file ends a row within
    /// one.
    pub(super) fn end_row(&mut self) -> Option<String> {
        let stray = self.stray.take();
        if self.place == Place::Inside {
            let last = if self.last == b'\n' { self.line.saturating_sub(1) } else { self.line };
            return Some(format!(
                "the quote opened on line {} is not closed, so that everything up to the file's end \
                 on line {last} is one row: close it, or write {TWICE}",
                self.opened
            ));
        }
        let (opened, closed) = stray?;
        Some(if opened == closed {
            format!("text follows the quote that closes a field: leave it out, or write {TWICE}")
        } else {
            format!(
                "the quote opened on line {opened} is closed on line {closed} with text behind it, so \
                 that these lines are one row: write {TWICE}"
            )
        })
    }

    fn count(&mut self, bytes: Option<&[u8]>) {
        let lines = memchr_iter(b'\n', bytes.unwrap_or_default()).count();
        self.line += u64::try_from(lines).unwrap_or(u64::MAX);
    }
}

fn ends_a_field(byte: u8) -> bool {
    matches!(byte, b',' | b'\n' | b'\r')
}
