//! The reader: bytes in, messages out.

use crate::frame::{HEAD_BYTES, Head, Opcode, unmask};
use crate::message::{Fault, Message};
use crate::{close, deflate};

/// Frames that every message may come in; a long one may have more, see [`FRAME_BYTES`]. Whoever could
/// send frames without end, empty ones even, would keep the reader busy and say nothing.
const FRAMES: u32 = 4_096;

/// For each of so many bytes that a message may have, it may have a frame more: nobody cuts a message
/// of the largest size finer.
const FRAME_BYTES: u32 = 64;

/// Reads what a client sends.
///
/// Owner: the connection. Invariants: it keeps bytes of an incomplete frame or message only, at
/// most the limit of them and a control frame's 125, whatever lengths are announced; between
/// messages it owns no memory on the heap, and a message that is there at once never makes it own
/// any. After a [`Fault`] it must not be used again.
#[derive(Debug)]
pub struct Reader {
    /// What has begun and is not complete.
    begun: Option<Box<Begun>>,
    agreed: Agreed,
}

/// What holds for a whole connection.
#[derive(Clone, Copy, Debug)]
struct Agreed {
    /// The largest message in bytes, as it comes and inflated.
    limit: u32,
    /// Whether messages may be compressed.
    deflate: bool,
}

impl Agreed {
    fn limit(self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    /// The most frames that a message may come in.
    fn frames(self) -> u32 {
        FRAMES + self.limit / FRAME_BYTES
    }
}

/// A head, a frame or a message that is under way, with what of it has come.
#[derive(Debug, Default)]
struct Begun {
    head: [u8; HEAD_BYTES],
    head_length: usize,
    /// The frame whose payload comes next, and how much of it was taken.
    frame: Option<(Head, u64)>,
    message: Option<Kind>,
    /// Frames of the message that have begun.
    frames: u32,
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
    /// A reader of messages up to `limit` bytes, as they come and inflated; `deflate` says whether
    /// compression was agreed on ([`Handshake::deflate`](crate::handshake::Handshake::deflate)).
    pub const fn new(limit: u32, deflate: bool) -> Self {
        Self { begun: None, agreed: Agreed { limit, deflate } }
    }

    /// Takes messages up to another `limit` from now on, such as a larger one of somebody who has said
    /// who they are.
    pub const fn allow(&mut self, limit: u32) {
        self.agreed.limit = limit;
    }

    /// The next message in `input`, which is moved past it; `None` when all of it was taken and
    /// more is needed. It does not matter how the bytes are cut into calls.
    ///
    /// # Errors
    ///
    /// The first [`Fault`] in the bytes. A text that cannot become UTF-8 any more and a message that
    /// announces more than the limit are faults at once, not when they end.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Fault> {
        if self.begun.is_none() {
            // Nearly always a message is one frame, and there at once.
            let read = read_whole(input, self.agreed)?;
            if read.is_some() || input.is_empty() {
                return Ok(read);
            }
        }
        let begun = self.begun.get_or_insert_default();
        let read = begun.read(input, self.agreed);
        if begun.is_nothing() {
            self.begun = None;
        }
        read
    }

    /// The memory that it owns beside itself, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.begun.as_ref().map_or(0, |begun| {
            size_of::<Begun>() + begun.content.capacity() + begun.control.capacity()
        })
    }
}

/// The message in the frame that `input` begins with, if all of it is there and it is the only one;
/// otherwise nothing is taken.
fn read_whole(input: &mut &[u8], agreed: Agreed) -> Result<Option<Message>, Fault> {
    let Some((bytes, rest)) = input.split_at_checked(Head::size(input)) else { return Ok(None) };
    let [first, second, ..] = *bytes else { return Ok(None) };
    Head::check(first, second, agreed.deflate)?;
    if matches!(first & 0x0F, 0x0) {
        // There is nothing to continue, which is the first thing wrong with it.
        return Err(Fault::NothingToContinue);
    }
    let head = Head::parse(bytes)?;
    if !head.finished {
        return Ok(None);
    }
    if !head.opcode.is_control() && head.length > u64::from(agreed.limit) {
        return Err(Fault::TooBig);
    }
    let length = usize::try_from(head.length).unwrap_or(usize::MAX);
    let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    *input = rest;
    let mut content = payload.to_vec();
    unmask(&mut content, head.mask, 0);
    match head.opcode {
        Opcode::Ping => Ok(Some(Message::Ping(content))),
        Opcode::Pong => Ok(Some(Message::Pong)),
        Opcode::Close => close::parse(&content).map(|code| Some(Message::Close(code))),
        Opcode::Text => message(Kind { text: true, compressed: head.compressed }, content, agreed),
        Opcode::Binary | Opcode::Continuation => {
            message(Kind { text: false, compressed: head.compressed }, content, agreed)
        }
    }
}

/// A message whose bytes are complete.
fn message(kind: Kind, mut content: Vec<u8>, agreed: Agreed) -> Result<Option<Message>, Fault> {
    if kind.compressed {
        content = deflate::inflate(&content, agreed.limit())?;
    }
    if !kind.text {
        return Ok(Some(Message::Binary(content)));
    }
    std::str::from_utf8(&content).map_err(|_| Fault::NotUtf8)?;
    Ok(Some(Message::Text(content)))
}

impl Begun {
    /// Whether the next byte begins a message.
    fn is_nothing(&self) -> bool {
        self.head_length == 0 && self.frame.is_none() && self.message.is_none()
    }

    fn read(&mut self, input: &mut &[u8], agreed: Agreed) -> Result<Option<Message>, Fault> {
        loop {
            let Some((head, taken)) = self.frame else {
                if !self.read_head(input, agreed)? {
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
            if let Some(message) = self.finish(head, agreed)? {
                return Ok(Some(message));
            }
        }
    }

    /// Whether a head is complete now; then it is the frame's.
    fn read_head(&mut self, input: &mut &[u8], agreed: Agreed) -> Result<bool, Fault> {
        loop {
            let here = self.head.get(..self.head_length).unwrap_or_default();
            let size = Head::size(here);
            if here.len() == size {
                let head = Head::parse(here)?;
                self.head_length = 0;
                self.begin(head, agreed)?;
                return Ok(true);
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(false) };
            *input = rest;
            if let Some(slot) = self.head.get_mut(self.head_length) {
                *slot = *byte;
            }
            self.head_length += 1;
            if let (2, [first, second, ..]) = (self.head_length, self.head) {
                Head::check(first, second, agreed.deflate)?;
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

    fn begin(&mut self, head: Head, agreed: Agreed) -> Result<(), Fault> {
        let begins = |text| Some(Kind { text, compressed: head.compressed });
        match head.opcode {
            Opcode::Text => self.message = begins(true),
            Opcode::Binary => self.message = begins(false),
            Opcode::Continuation if self.frames >= agreed.frames() => {
                return Err(Fault::TooManyFrames);
            }
            Opcode::Continuation => {}
            Opcode::Close | Opcode::Ping | Opcode::Pong => {
                self.frame = Some((head, 0));
                return Ok(());
            }
        }
        if head.length > agreed.limit().saturating_sub(self.content.len()) as u64 {
            return Err(Fault::TooBig);
        }
        self.frames += 1;
        self.frame = Some((head, 0));
        Ok(())
    }

    fn take(&mut self, piece: &[u8], head: Head, taken: u64) -> Result<(), Fault> {
        let target = if head.opcode.is_control() { &mut self.control } else { &mut self.content };
        let begin = target.len();
        if target.capacity() - begin < piece.len() {
            // Twice as much as before, but nothing beyond the frame: the limit bounds the room too.
            let left = usize::try_from(head.length - taken).unwrap_or(usize::MAX);
            target.reserve_exact(piece.len().max(begin.min(left)));
        }
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
    fn finish(&mut self, head: Head, agreed: Agreed) -> Result<Option<Message>, Fault> {
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
                self.valid = 0;
                self.frames = 0;
                message(kind, std::mem::take(&mut self.content), agreed)
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
