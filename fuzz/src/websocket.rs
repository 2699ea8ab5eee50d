//! The WebSocket reader: alone, and beside two others.

use std::io::{self, Read, Write};

use bytes::BytesMut;
use headway_websocket::{Fault, Message, Reader};
use sockudo_ws::deflate::DeflateConfig;
use sockudo_ws::protocol::{self as sockudo, CompressedProtocol, Protocol};
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

/// Messages up to so many bytes are read.
const LIMIT: usize = 1_000;

/// What the reader may hold beside a message and a control frame: what it knows of them.
const BESIDE: usize = 200;

/// Everything that was read up to a farewell, and the fault that ended it.
type Heard = (Vec<Message>, Option<Fault>);

/// Bytes as they come: the first says whether compression was agreed on, the second how the others
/// are cut.
pub fn bytes(bytes: &[u8]) {
    let [flags, cut, stream @ ..] = bytes else { return };
    let deflate = flags & 1 == 1;
    let whole = ours(stream, stream.len(), deflate);
    assert_eq!(ours(stream, usize::from(*cut), deflate), whole, "however the bytes arrive");
    assert_eq!(ours(stream, 1, deflate), whole, "one by one");
    for message in &whole.0 {
        match message {
            Message::Text(text) => {
                assert!(text.len() <= LIMIT);
                assert!(std::str::from_utf8(text).is_ok(), "a text is UTF-8");
            }
            Message::Binary(content) => assert!(content.len() <= LIMIT),
            Message::Ping(content) => assert!(content.len() <= 125),
            Message::Pong | Message::Close(_) => {}
        }
    }
}

/// Frames, most of them well formed, against tungstenite and sockudo: the same messages, and a fault
/// where they have one.
pub fn frames(bytes: &[u8]) {
    let stream = write_frames(bytes);
    let (messages, fault) = ours(&stream, stream.len(), false);
    let (theirs, failed) = tungstenite(&stream);
    if let [before @ .., Message::Close(Some(1014))] = &*messages {
        // Registered after tungstenite's table was written: there it is a code that must not be sent.
        assert_eq!((before, true), (&*theirs, failed));
    } else {
        // A length that is not written in the shortest way is taken there; a control frame cannot
        // have one that is written in another.
        let lenient = [Fault::Length, Fault::ControlTooLong];
        compare(&messages, fault, &theirs, failed, &lenient);
    }
    let mut protocol = Protocol::new(sockudo::Role::Server, LIMIT, LIMIT);
    let mut theirs = Vec::new();
    let failed = protocol.process_into(&mut BytesMut::from(&*stream), &mut theirs).is_err();
    let (theirs, failed) = until_farewell(theirs, failed);
    compare(&messages, fault, &theirs, failed, &[]);
}

/// The same with compression, against sockudo.
pub fn compressed(bytes: &[u8]) {
    let stream = write_frames(bytes);
    let (messages, fault) = ours(&stream, stream.len(), true);
    let config = DeflateConfig {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        ..DeflateConfig::default()
    };
    let mut protocol = CompressedProtocol::server(LIMIT, LIMIT, config);
    let mut theirs = Vec::new();
    let failed = protocol.process_into(&mut BytesMut::from(&*stream), &mut theirs).is_err();
    let (theirs, failed) = until_farewell(theirs, failed);
    // There a text is judged when its message ends, and what follows a last block is not looked at:
    // it may be no such data, or too much.
    let lenient = [Fault::NotUtf8, Fault::NotDeflate, Fault::TooBig];
    compare(&messages, fault, &theirs, failed, &lenient);
}

/// The same messages and the same verdict; a fault that the other reader lets pass is one of
/// `lenient`, and everything before it is the same.
fn compare(
    ours: &[Message],
    fault: Option<Fault>,
    theirs: &[Message],
    failed: bool,
    lenient: &[Fault],
) {
    if fault.is_some_and(|fault| lenient.contains(&fault)) {
        assert!(theirs.starts_with(ours), "{ours:?} before {fault:?}, {theirs:?}");
    } else {
        assert_eq!((ours, fault.is_some()), (theirs, failed), "{fault:?}");
    }
}

/// Frames from bytes: three of each frame say its first byte, how it is written, and its length; then
/// comes its payload, before the mask.
fn write_frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    while let [first, form, length, rest @ ..] = bytes {
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        let masked = form & 0x07 != 7;
        let bit = if masked { 0x80 } else { 0 };
        stream.push(*first);
        match (form >> 3) & 0x0F {
            // Lengths that are not written in the shortest way.
            14 => {
                stream.push(bit | 126);
                stream.extend((payload.len() as u16).to_be_bytes());
            }
            15 => {
                stream.push(bit | 127);
                stream.extend((payload.len() as u64).to_be_bytes());
            }
            _ if payload.len() < 126 => stream.push(bit | payload.len() as u8),
            _ => {
                stream.push(bit | 126);
                stream.extend((payload.len() as u16).to_be_bytes());
            }
        }
        let mask = [0x37, *form, 0x21, *first];
        if masked {
            stream.extend(mask);
            stream.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            stream.extend(payload);
        }
    }
    stream
}

/// Everything that our reader makes of a stream that comes in pieces of so many bytes.
fn ours(stream: &[u8], piece: usize, deflate: bool) -> Heard {
    let mut reader = Reader::new(LIMIT as u32, deflate);
    let mut messages = Vec::new();
    for mut piece in stream.chunks(piece.max(1)) {
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
        assert!(reader.heap_bytes() <= LIMIT + 125 + BESIDE, "nothing is hoarded");
    }
    (messages, None)
}

fn tungstenite(stream: &[u8]) -> (Vec<Message>, bool) {
    use tungstenite::{Error, Message as Theirs};
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT))
        .read_buffer_size(1024);
    let mut socket = WebSocket::from_raw_socket(Script(stream), Role::Server, Some(config));
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
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (messages, false);
            }
            Err(_) => return (messages, true),
        }
    }
}

/// Their messages in our words, up to a farewell, after which nothing is a fault.
fn until_farewell(theirs: Vec<sockudo::Message>, failed: bool) -> (Vec<Message>, bool) {
    let mut messages = Vec::new();
    for message in theirs {
        messages.push(match message {
            sockudo::Message::Text(text) => Message::Text(text.to_vec()),
            sockudo::Message::Binary(binary) => Message::Binary(binary.to_vec()),
            sockudo::Message::Ping(content) => Message::Ping(content.to_vec()),
            sockudo::Message::Pong(_) => Message::Pong,
            sockudo::Message::Close(close) => {
                messages.push(Message::Close(close.map(|close| close.code)));
                return (messages, false);
            }
        });
    }
    (messages, failed)
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
