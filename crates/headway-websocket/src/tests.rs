//! The codec against another one, and against itself.

#![expect(
    clippy::cast_possible_truncation,
    clippy::decimal_bitwise_operands,
    reason = "lengths that were looked at, as RFC 6455 writes them"
)]

use std::io::{self, Read, Write};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message as Theirs};

use crate::frame::{self, Opcode, unmask};
use crate::{Fault, Message, Reader, close, deflate};

/// Messages up to so many bytes are read in these tests.
const LIMIT: u32 = 300;

/// A frame of a client; its parts need not fit together.
#[derive(Clone, Debug)]
struct Sent {
    finished: bool,
    reserved: u8,
    opcode: u8,
    mask: Option<[u8; 4]>,
    payload: Vec<u8>,
}

impl Sent {
    fn bytes(&self) -> Vec<u8> {
        let first = u8::from(self.finished) << 7 | self.reserved << 4 | self.opcode;
        let masked = u8::from(self.mask.is_some()) << 7;
        let mut bytes = vec![first];
        match self.payload.len() {
            short @ 0..126 => bytes.push(masked | short as u8),
            length => {
                bytes.push(masked | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
        }
        bytes.extend(self.mask.unwrap_or_default().iter().take(if masked == 0 { 0 } else { 4 }));
        let begin = bytes.len();
        bytes.extend(&self.payload);
        unmask(&mut bytes[begin..], self.mask.unwrap_or_default(), 0);
        bytes
    }
}

/// Everything that comes of some bytes, up to a farewell or a fault.
fn ours(pieces: &[&[u8]]) -> (Vec<Message>, Option<Fault>) {
    let mut reader = Reader::new(LIMIT, false);
    let mut messages = Vec::new();
    for mut piece in pieces.iter().copied() {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(message)) => {
                    let last = matches!(message, Message::Close(_));
                    messages.push(message);
                    if last {
                        return (messages, None);
                    }
                }
                Ok(None) => break,
                Err(fault) => return (messages, Some(fault)),
            }
        }
        assert!(piece.is_empty(), "what is read is taken");
    }
    (messages, None)
}

/// A socket that has some bytes to read and forgets what is written.
struct Script<'a>(&'a [u8]);

impl Read for Script<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            read => read,
        }
    }
}

impl Write for Script<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same by another reader; a fault without its name, since a frame may have several.
fn theirs(bytes: &[u8]) -> (Vec<Message>, bool) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT as usize))
        .max_frame_size(Some(LIMIT as usize))
        .read_buffer_size(1024);
    let mut socket = WebSocket::from_raw_socket(Script(bytes), Role::Server, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(Theirs::Text(text)) => messages.push(Message::Text(text.as_bytes().to_vec())),
            Ok(Theirs::Binary(binary)) => messages.push(Message::Binary(binary.to_vec())),
            Ok(Theirs::Ping(content)) => messages.push(Message::Ping(content.to_vec())),
            Ok(Theirs::Pong(_)) => messages.push(Message::Pong),
            Ok(Theirs::Close(close)) => {
                // It tells a code that must not be sent as a farewell with a code of its own.
                if close.as_ref().is_some_and(|close| close.reason == "Protocol violation") {
                    return (messages, true);
                }
                messages.push(Message::Close(close.map(|close| close.code.into())));
                return (messages, false);
            }
            Ok(Theirs::Frame(_)) => unreachable!("frames are not read raw"),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (messages, false);
            }
            Err(_) => return (messages, true),
        }
    }
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<String>().prop_map(|text| text.chars().take(40).collect::<String>().into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 0..12),
        // Characters that are cut, so that the next frame may go on with them.
        2 => ("[κ€𐍈]{1,4}", 0_usize..12).prop_map(|(text, end)| {
            let mut bytes = text.into_bytes();
            bytes.truncate(end);
            bytes
        }),
        1 => prop::collection::vec(Just(b'a'), 120..350),
        // A close frame's. 1014 was registered after the other reader was written.
        2 => (990_u16..1020, "[a-z]{0,4}").prop_filter("known to both", |(code, _)| *code != 1014)
            .prop_map(|(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat()),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let opcode = prop_oneof![
        6 => Just(0x0), 6 => Just(0x1), 2 => Just(0x2), 1 => Just(0x8), 3 => Just(0x9),
        2 => Just(0xA), 1 => 0_u8..16,
    ];
    let reserved = prop_oneof![30 => Just(0), 1 => 0_u8..8];
    let mask = prop_oneof![30 => any::<[u8; 4]>().prop_map(Some), 1 => Just(None)];
    (prop::bool::weighted(0.7), reserved, opcode, mask, payload()).prop_map(
        |(finished, reserved, opcode, mask, payload)| Sent {
            finished,
            reserved,
            opcode,
            mask,
            payload,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn two_readers_agree_however_the_bytes_arrive(
        frames in prop::collection::vec(sent(), 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(Sent::bytes).collect();
        let whole = ours(&[&bytes]);
        let (messages, failed) = theirs(&bytes);
        prop_assert_eq!(&whole.0, &messages);
        prop_assert_eq!(whole.1.is_some(), failed, "{:?}", whole.1);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(ours(&pieces), whole);
    }

    #[test]
    fn no_bytes_make_the_reader_fail_or_keep_more_than_its_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000), compressed in any::<bool>(),
    ) {
        let mut reader = Reader::new(LIMIT, compressed);
        let mut rest = &*bytes;
        while let Ok(Some(message)) = reader.read(&mut rest) {
            match message {
                Message::Text(content) | Message::Binary(content) | Message::Ping(content) => {
                    prop_assert!(content.len() <= LIMIT as usize);
                }
                Message::Pong | Message::Close(_) => {}
            }
        }
        prop_assert!(reader.heap_bytes() <= LIMIT as usize + 125 + 200);
    }

    #[test]
    fn what_is_deflated_is_read_as_it_was(text in "[a-f{}\":,κ]{0,3000}", cut in 1_usize..50) {
        let text = text.repeat(2);
        let Some(frame) = deflate::text(text.as_bytes()) else { return Ok(()) };
        prop_assert!(frame.len() < text.len());
        let (payload, head) = payload_of(&frame);
        prop_assert_eq!(head, 0xC1, "one frame, text, compressed");
        // In fragments, only the first of which is marked.
        let mut reader = Reader::new(text.len() as u32, true);
        let mut read = None;
        let count = payload.chunks(cut).count();
        for (index, chunk) in payload.chunks(cut).enumerate() {
            let (first, last) = (index == 0, index + 1 == count);
            let sent = Sent {
                finished: last,
                reserved: if first { 4 } else { 0 },
                opcode: u8::from(first),
                mask: Some([1, 2, 3, 4]),
                payload: chunk.to_vec(),
            };
            read = reader.read(&mut &*sent.bytes()).unwrap();
        }
        prop_assert_eq!(read, Some(Message::Text(text.into_bytes())));
        prop_assert_eq!(reader.heap_bytes(), 0);
    }
}

/// A frame of ours without its head, and the head's first byte.
fn payload_of(frame: &[u8]) -> (Vec<u8>, u8) {
    let head = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    (frame[head..].to_vec(), frame[0])
}

#[test]
fn what_is_written_is_read_by_another_reader() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
        let text = "x".repeat(length);
        let bytes = frame::text(text.as_bytes());
        let mut socket = WebSocket::from_raw_socket(Script(&bytes), Role::Client, None);
        assert_eq!(socket.read().unwrap(), Theirs::text(text), "{length}");
    }
    let bytes = [frame::ping(), frame::pong(b"there"), close::frame(4008, &"é".repeat(100))];
    let bytes = bytes.concat();
    let mut socket = WebSocket::from_raw_socket(Script(&bytes), Role::Client, None);
    assert_eq!(socket.read().unwrap(), Theirs::Ping(bytes::Bytes::new()));
    assert_eq!(socket.read().unwrap(), Theirs::Pong(bytes::Bytes::from_static(b"there")));
    let Theirs::Close(Some(close)) = socket.read().unwrap() else { panic!("a farewell") };
    assert_eq!((u16::from(close.code), close.reason.len()), (4008, 122));
}

#[test]
fn a_limit_can_grow() {
    let mut frame = vec![0x82, 0x80 | 100, 0, 0, 0, 0];
    frame.extend([7; 100]);
    let mut reader = Reader::new(99, false);
    assert_eq!(reader.read(&mut frame.as_slice()), Err(Fault::TooBig));
    let mut reader = Reader::new(99, false);
    reader.allow(100);
    assert!(reader.read(&mut frame.as_slice()).unwrap().is_some());
}

#[test]
fn an_announced_length_takes_no_memory() {
    let mut reader = Reader::new(1 << 30, false);
    let mut bytes: &[u8] = &[0x82, 0xFF, 0, 0, 0, 0, 0x20, 0, 0, 0, 1, 2, 3, 4, 5];
    assert_eq!(reader.read(&mut bytes), Ok(None));
    assert!(reader.heap_bytes() < 300);
    let mut reader = Reader::new(1 << 30, false);
    let mut bytes: &[u8] = &[0x82, 0xFF, 0x7F, 0, 0, 0, 0x20, 0, 0, 0, 1, 2, 3, 4, 5];
    assert_eq!(reader.read(&mut bytes), Err(Fault::TooBig));
}

#[test]
fn a_message_in_frames_without_end_is_refused() {
    let masked = |first: u8| [first, 0x80, 0, 0, 0, 0];
    let check = |continuations: usize, refused: bool| {
        let mut sent = masked(0x01).to_vec();
        sent.extend(masked(0x00).repeat(continuations));
        sent.extend(masked(0x80));
        let mut reader = Reader::new(64_000, false);
        for _ in 0..2 {
            let read = reader.read(&mut sent.as_slice());
            if refused {
                return assert_eq!(read, Err(Fault::TooManyFrames));
            }
            assert_eq!(read, Ok(Some(Message::Text(Vec::new()))), "each message has its own count");
        }
    };
    check(5_094, false);
    check(5_095, true);
    check(100_000, true);
}

#[test]
fn a_mask_goes_on_where_it_was() {
    let plain: Vec<u8> = (0..50).collect();
    let mask = [9, 8, 7, 6];
    let mut whole = plain.clone();
    unmask(&mut whole, mask, 0);
    for cut in 0..plain.len() {
        let mut pieces = plain.clone();
        let (head, tail) = pieces.split_at_mut(cut);
        unmask(head, mask, 0);
        unmask(tail, mask, cut as u64);
        assert_eq!(pieces, whole, "{cut}");
    }
    assert!(Opcode::Ping.is_control());
}

#[test]
fn little_is_not_compressed_nor_what_would_grow() {
    assert_eq!(deflate::text(&[b'a'; deflate::WORTH_BYTES - 1]), None);
    assert!(deflate::text(&[b'a'; deflate::WORTH_BYTES]).is_some());
    // A generator of numbers that repeat late (Knuth's, volume 2, 3.3.4, line 26).
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(4_096)
    .collect();
    assert_eq!(deflate::text(&noise), None);
}

#[test]
fn an_idle_connection_costs_two_words() {
    assert_eq!(size_of::<Reader>(), 16);
    let mut reader = Reader::new(1_000, false);
    // A ping, and the beginning of a text.
    let mut bytes: &[u8] = &[0x89, 0x81, 0, 0, 0, 0, b'p', 0x81, 0x82, 0, 0, 0, 0, b'a'];
    assert_eq!(reader.read(&mut bytes), Ok(Some(Message::Ping(b"p".to_vec()))));
    assert_eq!(reader.heap_bytes(), 0);
    assert_eq!(reader.read(&mut bytes), Ok(None));
    assert!(reader.heap_bytes() > 0);
    assert_eq!(reader.read(&mut &b"b"[..]), Ok(Some(Message::Text(b"ab".to_vec()))));
    assert_eq!(reader.heap_bytes(), 0);
}
