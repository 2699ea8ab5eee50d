//! The reader: bytes in, messages out.

use super::frame::{HEAD_BYTES, Head, Opcode, unmask};
use super::message::{Fault, Message};
use super::{close, deflate};

/// Reads what a client sends.
///
/// Owner: the connection. Invariants: it keeps bytes of an incomplete frame or message only, at
/// most `limit` of them and a control frame's 125, whatever lengths are announced; between messages
/// it owns no memory on the heap. After a [`Fault`] it must not be used again.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The largest message in bytes, as it comes and inflated.
    limit: usize,
    /// Whether messages may be compressed.
    deflate: bool,
    head: [u8; HEAD_BYTES],
    head_length: usize,
    /// The frame whose payload comes next, and how much of it was taken.
    frame: Option<(Head, u64)>,
    /// The message that is under way.
    message: Option<Kind>,
    content: Vec<u8>,
    /// So many bytes of `content` are known to be UTF-8.
    valid: usize,
    control: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    text: bool,
    compressed: bool,
}

impl Reader {
    /// A reader of messages up to `limit` bytes; `deflate` says whether compression was agreed on.
    pub(crate) fn new(limit: usize, deflate: bool) -> Self {
        Self {
            limit,
            deflate,
            head: [0; HEAD_BYTES],
            head_length: 0,
            frame: None,
            message: None,
            content: Vec::new(),
            valid: 0,
            control: Vec::new(),
        }
    }

    /// The next message in `input`, which is moved past it; `None` when all of it was taken and
    /// more is needed.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Fault> {
        loop {
            let Some((head, taken)) = self.frame else {
                if !self.read_head(input)? {
                    return Ok(None);
                }
                continue;
            };
            let left = head.length - taken;
            let size = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
            let Some((piece, rest)) = input.split_at_checked(size) else { return Ok(None) };
            *input = rest;
            self.take(piece, head, taken)?;
            let taken = taken + size as u64;
            if taken < head.length {
                self.frame = Some((head, taken));
                return Ok(None);
            }
            self.frame = None;
            if let Some(message) = self.finish(head)? {
                return Ok(Some(message));
            }
        }
    }

    /// The memory that it owns beside itself, in bytes.
    #[cfg(test)]
    pub(super) fn holds(&self) -> usize {
        self.content.capacity() + self.control.capacity()
    }

    /// Whether a head is complete now; then it is the frame's.
    fn read_head(&mut self, input: &mut &[u8]) -> Result<bool, Fault> {
        loop {
            let here = self.head.get(..self.head_length).unwrap_or_default();
            let size = Head::size(here);
            if here.len() == size {
                let head = Head::parse(here)?;
                self.head_length = 0;
                self.begin(head)?;
                return Ok(true);
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(false) };
            *input = rest;
            if let Some(slot) = self.head.get_mut(self.head_length) {
                *slot = *byte;
            }
            self.head_length += 1;
            if let (2, [first, second, ..]) = (self.head_length, self.head) {
                Head::check(first, second, self.deflate)?;
                self.check_order(first)?;
            }
        }
    }

    /// Whether a frame may come now.
    fn check_order(&self, first: u8) -> Result<(), Fault> {
        match (first & 0x0F, self.message) {
            (0x0, None) => Err(Fault::NothingToContinue),
            (0x1 | 0x2, Some(_)) => Err(Fault::NotContinued),
            (_, None | Some(_)) => Ok(()),
        }
    }

    fn begin(&mut self, head: Head) -> Result<(), Fault> {
        let begins = |text| Some(Kind { text, compressed: head.compressed });
        match head.opcode {
            Opcode::Text => self.message = begins(true),
            Opcode::Binary => self.message = begins(false),
            Opcode::Continuation => {}
            Opcode::Close | Opcode::Ping | Opcode::Pong => {
                self.frame = Some((head, 0));
                return Ok(());
            }
        }
        if head.length > (self.limit - self.content.len()) as u64 {
            return Err(Fault::TooBig);
        }
        self.frame = Some((head, 0));
        Ok(())
    }

    fn take(&mut self, piece: &[u8], head: Head, taken: u64) -> Result<(), Fault> {
        let target = if head.opcode.is_control() { &mut self.control } else { &mut self.content };
        let begin = target.len();
        target.extend_from_slice(piece);
        unmask(target.get_mut(begin..).unwrap_or_default(), head.mask, taken);
        match self.message {
            Some(Kind { text: true, compressed: false }) if !head.opcode.is_control() => {
                self.valid += valid_up_to(self.content.get(self.valid..).unwrap_or_default())?;
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A frame is complete. What came of it.
    fn finish(&mut self, head: Head) -> Result<Option<Message>, Fault> {
        match head.opcode {
            Opcode::Ping => Ok(Some(Message::Ping(std::mem::take(&mut self.control)))),
            Opcode::Pong => {
                self.control = Vec::new();
                Ok(Some(Message::Pong))
            }
            Opcode::Close => {
                let code = close::parse(&std::mem::take(&mut self.control))?;
                Ok(Some(Message::Close(code)))
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                if !head.finished {
                    return Ok(None);
                }
                let Some(kind) = self.message.take() else { return Err(Fault::NothingToContinue) };
                let valid = std::mem::take(&mut self.valid);
                let mut content = std::mem::take(&mut self.content);
                if kind.compressed {
                    content = deflate::inflate(&content, self.limit)?;
                    if kind.text {
                        std::str::from_utf8(&content).map_err(|_| Fault::NotUtf8)?;
                    }
                } else if kind.text && valid < content.len() {
                    return Err(Fault::NotUtf8);
                }
                Ok(Some(if kind.text { Message::Text(content) } else { Message::Binary(content) }))
            }
        }
    }
}

/// How many of the bytes are UTF-8; what remains may be the beginning of a character.
fn valid_up_to(bytes: &[u8]) -> Result<usize, Fault> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(_) => Err(Fault::NotUtf8),
    }
}
