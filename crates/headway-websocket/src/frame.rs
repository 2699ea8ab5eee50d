//! Frames: the head before each payload, read and written (RFC 6455, section 5.2).

use bytes::Bytes;

use crate::message::Fault;

/// The longest head that a client may send: two bytes, a length of eight, a mask of four.
pub(crate) const HEAD_BYTES: usize = 14;

/// The longest head that a server writes, which has no mask.
pub(crate) const OWN_HEAD_BYTES: usize = 10;

/// The most bytes that a control frame carries.
const CONTROL_BYTES: usize = 125;

const FINISHED: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn of(bits: u8) -> Result<Self, Fault> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(Fault::ReservedOpcode),
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    pub(crate) const fn is_control(self) -> bool {
        match self {
            Self::Close | Self::Ping | Self::Pong => true,
            Self::Continuation | Self::Text | Self::Binary => false,
        }
    }
}

/// The head of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Whether it ends its message.
    pub(crate) finished: bool,
    /// The first reserved bit: the message that begins here is compressed.
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    /// The length of the payload in bytes.
    pub(crate) length: u64,
    pub(crate) mask: [u8; 4],
}

impl Head {
    /// How many bytes the head has, as far as those that are here tell; more than are here when
    /// more are needed.
    pub(crate) fn size(bytes: &[u8]) -> usize {
        match bytes {
            [] | [_] => 2,
            [_, second, ..] => match second & !MASKED {
                126 => 8,
                127 => 14,
                _ => 6,
            },
        }
    }

    /// Checks the two bytes that every head begins with; `deflate` says whether messages may be
    /// compressed.
    pub(crate) fn check(first: u8, second: u8, deflate: bool) -> Result<(), Fault> {
        if first & RESERVED != 0 {
            return Err(Fault::ReservedBit);
        }
        let opcode = Opcode::of(first & 0x0F)?;
        // A compressed message says so in its first frame only (RFC 7692, section 6.1).
        let may_be_compressed = deflate && matches!(opcode, Opcode::Text | Opcode::Binary);
        if first & COMPRESSED != 0 && !may_be_compressed {
            return Err(Fault::ReservedBit);
        }
        if second & MASKED == 0 {
            return Err(Fault::NotMasked);
        }
        if opcode.is_control() {
            if first & FINISHED == 0 {
                return Err(Fault::ControlFragmented);
            }
            if usize::from(second & !MASKED) > CONTROL_BYTES {
                return Err(Fault::ControlTooLong);
            }
        }
        Ok(())
    }

    /// Reads a head of [`Self::size`] bytes that was checked.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let (first, length, mask) = match *bytes {
            [first, second, a, b, c, d] => (first, u64::from(second & !MASKED), [a, b, c, d]),
            [first, _, high, low, a, b, c, d] => {
                let length = u64::from(u16::from_be_bytes([high, low]));
                if length < 126 {
                    return Err(Fault::Length);
                }
                (first, length, [a, b, c, d])
            }
            [first, _, l0, l1, l2, l3, l4, l5, l6, l7, a, b, c, d] => {
                let length = u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
                if u16::try_from(length).is_ok() || i64::try_from(length).is_err() {
                    return Err(Fault::Length);
                }
                (first, length, [a, b, c, d])
            }
            _ => return Err(Fault::Length),
        };
        Ok(Self {
            finished: first & FINISHED != 0,
            compressed: first & COMPRESSED != 0,
            opcode: Opcode::of(first & 0x0F)?,
            length,
            mask,
        })
    }
}

/// Takes a mask off, or puts it on: `offset` is where `bytes` begin in their frame.
pub(crate) fn unmask(bytes: &mut [u8], mask: [u8; 4], offset: u64) {
    let mut turned = mask;
    turned.rotate_left((offset % 4) as usize);
    let [a, b, c, d] = turned;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = bytes.as_chunks_mut();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ twice).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(turned.iter().cycle()) {
        *byte ^= mask;
    }
}

/// A text message in one frame, complete as it leaves.
pub fn text(text: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(OWN_HEAD_BYTES + text.len());
    write_head(&mut frame, Opcode::Text, false, text.len());
    frame.extend_from_slice(text);
    frame.into()
}

/// A compressed text message in one frame. `room` begins with [`OWN_HEAD_BYTES`] bytes for the
/// head; the compressed data follows.
pub(crate) fn compressed(mut room: Vec<u8>) -> Bytes {
    let mut head = Vec::with_capacity(OWN_HEAD_BYTES);
    write_head(&mut head, Opcode::Text, true, room.len().saturating_sub(OWN_HEAD_BYTES));
    let begin = OWN_HEAD_BYTES - head.len();
    for (slot, byte) in room.iter_mut().skip(begin).zip(&head) {
        *slot = *byte;
    }
    Bytes::from(room).split_off(begin)
}

/// A ping without content.
pub fn ping() -> Bytes {
    const PING: &[u8] = &[FINISHED | Opcode::Ping.bits(), 0];
    Bytes::from_static(PING)
}

/// The answer to a ping: a pong of the same content, which has at most 125 bytes.
pub fn pong(content: &[u8]) -> Bytes {
    control(Opcode::Pong, content)
}

/// A control frame; content beyond 125 bytes, which no caller has, is cut.
pub(crate) fn control(opcode: Opcode, content: &[u8]) -> Bytes {
    let content = content.get(..CONTROL_BYTES).unwrap_or(content);
    let mut frame = Vec::with_capacity(2 + content.len());
    write_head(&mut frame, opcode, false, content.len());
    frame.extend_from_slice(content);
    frame.into()
}

fn write_head(frame: &mut Vec<u8>, opcode: Opcode, compressed: bool, length: usize) {
    frame.push(FINISHED | if compressed { COMPRESSED } else { 0 } | opcode.bits());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => frame.push(short),
        (_, Ok(medium)) => {
            frame.push(126);
            frame.extend(medium.to_be_bytes());
        }
        (_, Err(_)) => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
}
