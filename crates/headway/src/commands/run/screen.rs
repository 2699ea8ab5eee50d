//! What a person would see of a program's output: lines, and what a bar shows before it is
//! overwritten. Escape sequences, carriage returns and backspaces are taken as a terminal takes
//! them, as far as one line goes.

/// The longest line that is kept, in bytes; the rest of it is dropped.
const LINE_BYTES: usize = 4 * 1024;

/// Something that stood on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A line that stays.
    Line(String),
    /// A text that is overwritten, such as a bar.
    Fleeting(String),
    /// The beginning of a line that has not ended yet.
    Unfinished(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// After ESC.
    Escape,
    /// Inside ESC [ … up to its final byte.
    Control,
    /// Inside ESC ] … up to BEL or ESC \.
    Title,
    /// After an ESC inside a title.
    TitleEscape,
    /// One byte of a character set's name follows.
    Charset,
}

/// Reads a program's output as a screen would.
#[derive(Debug)]
pub(crate) struct Screen {
    state: State,
    line: Vec<u8>,
    /// What stood in the line before a carriage return, until something overwrites it.
    returned: Option<Vec<u8>>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self { state: State::Text, line: Vec::new(), returned: None }
    }

    /// Takes output as it comes, cut anywhere.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Shown> {
        let mut shown = Vec::new();
        for &byte in bytes {
            self.take(byte, &mut shown);
        }
        if !self.line.is_empty() {
            shown.push(Shown::Unfinished(text(&self.line)));
        }
        shown
    }

    /// The end of the output: a last line without its end counts.
    pub(crate) fn finish(&mut self) -> Option<Shown> {
        let line = std::mem::take(&mut self.line);
        let line = if line.is_empty() { self.returned.take().unwrap_or_default() } else { line };
        let line = text(&line);
        (!line.trim().is_empty()).then_some(Shown::Line(line))
    }

    fn take(&mut self, byte: u8, shown: &mut Vec<Shown>) {
        self.state = match self.state {
            State::Text => match byte {
                0x1b => State::Escape,
                b'\n' => {
                    let returned = self.returned.take();
                    let line = std::mem::take(&mut self.line);
                    let line = if line.is_empty() { returned.unwrap_or_default() } else { line };
                    let line = text(&line);
                    if !line.trim().is_empty() {
                        shown.push(Shown::Line(line));
                    }
                    State::Text
                }
                b'\r' => {
                    if !self.line.is_empty() {
                        self.fleet(shown);
                        self.returned = Some(std::mem::take(&mut self.line));
                    }
                    State::Text
                }
                0x08 => {
                    self.line.pop();
                    State::Text
                }
                b'\t' => {
                    self.write(b' ');
                    State::Text
                }
                0..0x20 | 0x7f => State::Text,
                _ => {
                    self.write(byte);
                    State::Text
                }
            },
            State::Escape => match byte {
                b'[' => State::Control,
                b']' => State::Title,
                b'(' | b')' => State::Charset,
                _ => State::Text,
            },
            State::Control => match byte {
                // Up or down: a bar of several lines is drawn again.
                b'A' | b'B' | b'E' | b'F' | b'H' => {
                    self.fleet(shown);
                    self.line.clear();
                    State::Text
                }
                0x40..=0x7e => State::Text,
                _ => State::Control,
            },
            State::Title => match byte {
                0x07 => State::Text,
                0x1b => State::TitleEscape,
                _ => State::Title,
            },
            State::TitleEscape | State::Charset => State::Text,
        };
    }

    fn write(&mut self, byte: u8) {
        self.returned = None;
        if self.line.len() < LINE_BYTES {
            self.line.push(byte);
        }
    }

    fn fleet(&self, shown: &mut Vec<Shown>) {
        if !self.line.is_empty() {
            shown.push(Shown::Fleeting(text(&self.line)));
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, lines: &[&str], fleeting: &[&str]) {
        // Cut at every place, the result is the same.
        for size in [1, 2, 3, 7, 10_000] {
            let mut screen = Screen::new();
            let mut shown: Vec<_> =
                output.as_bytes().chunks(size).flat_map(|chunk| screen.push(chunk)).collect();
            shown.extend(screen.finish());
            let mut seen = (Vec::new(), Vec::new());
            for one in shown {
                match one {
                    Shown::Line(text) => seen.0.push(text),
                    Shown::Fleeting(text) => seen.1.push(text),
                    Shown::Unfinished(_) => {}
                }
            }
            assert_eq!(seen.0, lines, "in pieces of {size}");
            assert_eq!(seen.1, fleeting, "in pieces of {size}");
        }
    }

    #[test]
    fn lines_stay_and_bars_pass() {
        check("one\ntwo\r\nthree", &["one", "two", "three"], &["two"]);
        check("\r10%\r20%\rdone\n", &["done"], &["10%", "20%"]);
        check("10%\r20%\r\n", &["20%"], &["10%", "20%"]);
        check("\n\n  \n", &[], &[]);
    }

    #[test]
    fn escapes_are_not_text() {
        check("\u{1b}[1m\u{1b}[92m  Compiling\u{1b}[0m x\n", &["  Compiling x"], &[]);
        check("\u{1b}]0;title\u{7}a\u{1b}]0;t\u{1b}\\b\n", &["ab"], &[]);
        check("a\u{1b}(Bb\tc\u{8}d\n", &["ab d"], &[]);
        check("x 1%\u{1b}[1Ay 2%\u{1b}[2K\n", &["y 2%"], &["x 1%"]);
    }

    #[test]
    fn a_line_without_end_costs_bounded_memory() {
        let mut screen = Screen::new();
        for _ in 0..100 {
            screen.push(&[b'x'; 1000]);
        }
        assert!(screen.line.len() <= LINE_BYTES);
    }

    #[test]
    fn an_unfinished_line_is_shown_early() {
        assert_eq!(Screen::new().push(b"at 45%"), [Shown::Unfinished("at 45%".into())]);
    }
}
