//! WebSocket as the RFCs have it, byte by byte, against a real server: the case classes of the
//! Autobahn test suite (framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, limits,
//! compression and its negotiation).
//!
//! The server is no echo, but three answers show what it read: a `ping` message, an `unsubscribe`
//! from what was never subscribed (its name comes back), and a binary message, which is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::decimal_bitwise_operands,
    reason = "a helper of tests fails where a test would; lengths are as RFC 6455 writes them"
)]

mod support;

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress};
use headway_gateway::{Limits, Options};
use serde_json::{Value, json};
use support::{Server, counted, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A frame with these first bits.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        medium @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn text(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | TEXT, payload)
}

fn ping(content: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | PING, content)
}

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
}

/// A message whose answer carries `name`.
fn echo(name: &str) -> String {
    format!(r#"{{"type":"unsubscribe","id":"{name}"}}"#)
}

/// The same, filled up with spaces to a length.
fn echo_of(name: &str, length: usize) -> String {
    let message = echo(name);
    let room = " ".repeat(length - message.len());
    message + &room
}

/// Parts of a message as fragments: the first with this opcode, the last finished.
fn fragments(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let count = parts.len();
    let frames = parts.iter().enumerate().flat_map(|(index, part)| {
        let fin = if index + 1 == count { FIN } else { 0 };
        frame(fin | if index == 0 { first } else { CONTINUATION }, part)
    });
    frames.collect()
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    /// The name of an [`echo`].
    Echo(String),
    /// A message that could not be understood, by its code.
    Refused(String),
    Pong(Vec<u8>),
    Close(u16),
    /// The end of the bytes.
    Gone,
}

/// A name, the frames that are sent, and what is expected.
type Case = (&'static str, Vec<Vec<u8>>, Vec<Got>);

fn echoed(name: &str) -> Got {
    Got::Echo(name.to_owned())
}

fn refused(code: &str) -> Got {
    Got::Refused(code.to_owned())
}

/// A client that writes and reads bytes.
struct Raw {
    socket: TcpStream,
    seen: Vec<u8>,
    head: String,
    /// Whether any frame came compressed.
    compressed: bool,
}

impl Raw {
    /// Opens a stream with more headers.
    async fn open(server: &Server, path: &str, more: &str) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
        );
        Self::send_request(server, request.as_bytes()).await
    }

    async fn send_request(server: &Server, request: &[u8]) -> Self {
        let mut socket = TcpStream::connect(&server.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        socket.write_all(request).await.unwrap();
        let mut raw = Self { socket, seen: Vec::new(), head: String::new(), compressed: false };
        let end = loop {
            if let Some(end) = raw.seen.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            assert!(raw.fill().await, "an answer");
        };
        raw.head = String::from_utf8(raw.seen.drain(..end + 4).collect()).unwrap();
        raw
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    async fn send(&mut self, bytes: &[u8]) {
        // A server that has closed takes no more; what it said before is still read.
        self.socket.write_all(bytes).await.ok();
    }

    /// Reads more; whether there was any.
    async fn fill(&mut self) -> bool {
        let mut buffer = [0; 8_192];
        let read = within("bytes", self.socket.read(&mut buffer)).await.unwrap_or(0);
        self.seen.extend_from_slice(&buffer[..read]);
        read > 0
    }

    /// The next frame: its first byte and its payload.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            let head = match self.seen.get(1) {
                Some(126) => 4,
                Some(127) | None => 10,
                Some(_) => 2,
            };
            if self.seen.len() >= head {
                let length = match head {
                    4 => usize::from(u16::from_be_bytes([self.seen[2], self.seen[3]])),
                    10 => u64::from_be_bytes(self.seen[2..10].try_into().unwrap()) as usize,
                    _ => usize::from(self.seen[1]),
                };
                if self.seen.len() >= head + length {
                    let frame: Vec<u8> = self.seen.drain(..head + length).collect();
                    return Some((frame[0], frame[head..].to_vec()));
                }
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// The next message of the server as JSON.
    async fn message(&mut self) -> Option<Value> {
        loop {
            let (first, payload) = self.frame().await?;
            match first {
                0x81 => return Some(serde_json::from_slice(&payload).unwrap()),
                0xC1 => {
                    self.compressed = true;
                    return Some(serde_json::from_slice(&inflate(&payload)).unwrap());
                }
                0x88..=0x8A => {}
                other => panic!("no frame of a server begins with {other:#x}"),
            }
        }
    }

    async fn got(&mut self) -> Got {
        loop {
            let Some((first, payload)) = self.frame().await else { return Got::Gone };
            match first {
                0x8A => return Got::Pong(payload),
                0x88 => return Got::Close(u16::from_be_bytes(payload[..2].try_into().unwrap())),
                0x89 => {}
                _ => {
                    let message: Value = serde_json::from_slice(&payload).unwrap();
                    if message["code"] == "no_such_subscription" {
                        return Got::Echo(message["id"].as_str().unwrap().to_owned());
                    } else if message["type"] == "error" {
                        return Got::Refused(message["code"].as_str().unwrap().to_owned());
                    }
                }
            }
        }
    }
}

/// A message of the server that was deflated by itself, with a window of 4 KiB.
fn inflate(payload: &[u8]) -> Vec<u8> {
    let input = [payload, &[0, 0, 0xFF, 0xFF]].concat();
    let mut output = Vec::with_capacity(4 * 1024 * 1024);
    let mut inflate = Decompress::new_with_window_bits(false, 12);
    inflate.decompress_vec(&input, &mut output, FlushDecompress::Sync).unwrap();
    assert_eq!(inflate.total_in(), input.len() as u64);
    output
}

/// As a client compresses (RFC 7692, section 7.2.1).
fn deflate(payload: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(payload.as_ref()).unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().clone();
    assert!(bytes.ends_with(&[0, 0, 0xFF, 0xFF]));
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// How a case's bytes are written.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    /// Each byte by itself.
    Bytes,
    /// In pieces of so many.
    Pieces(usize),
}

/// Sends `bytes` on a connection of its own, and reads what is expected; each case ends with a
/// close frame from either side, and nothing after it.
async fn check(
    server: &Server,
    deflated: bool,
    name: &str,
    cut: Cut,
    bytes: &[u8],
    wanted: &[Got],
) {
    let offer = if deflated { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let mut raw = Raw::open(server, "/api/v1/stream", offer).await;
    assert_eq!(raw.header("sec-websocket-extensions").is_some(), deflated);
    let size = match cut {
        Cut::Whole => bytes.len().max(1),
        Cut::Bytes => 1,
        Cut::Pieces(size) => size,
    };
    for piece in bytes.chunks(size) {
        raw.send(piece).await;
    }
    let closes = matches!(wanted.last(), Some(Got::Close(_)));
    if !closes {
        raw.send(&close(1000, "")).await;
    }
    let end = if closes { None } else { Some(Got::Close(1000)) };
    for wanted in wanted.iter().cloned().chain(end).chain([Got::Gone]) {
        assert_eq!(raw.got().await, wanted, "{name} ({cut:?})");
    }
}

#[tokio::test]
async fn framing() {
    let server = Server::start().await;
    for length in [60, 125, 126, 127, 128, 65_535, 65_536] {
        let sent = text(echo_of("name", length));
        for cut in [Cut::Whole, Cut::Pieces(997)] {
            check(&server, false, &format!("text {length}"), cut, &sent, &[echoed("name")]).await;
        }
        let sent = frame(FIN | BINARY, vec![0xFE; length]);
        check(
            &server,
            false,
            &format!("binary {length}"),
            Cut::Whole,
            &sent,
            &[refused("malformed")],
        )
        .await;
    }
    check(&server, false, "one byte at a time", Cut::Bytes, &text(echo("a")), &[echoed("a")]).await;
    for (name, sent) in [("text", text("")), ("binary", frame(FIN | BINARY, ""))] {
        check(&server, false, &format!("empty {name}"), Cut::Whole, &sent, &[refused("malformed")])
            .await;
    }
    let mut plain = text(echo("a"));
    plain[1] &= 0x7F;
    check(&server, false, "without a mask", Cut::Whole, &plain, &[Got::Close(1002)]).await;
    server.stop().await;
}

#[tokio::test]
async fn pings_and_pongs() {
    let server = Server::start().await;
    let pong = |content: &[u8]| Got::Pong(content.to_vec());
    let binary = [0x00, 0xFF, 0xFE, 0xFD];
    let ten: Vec<u8> = (0..10).flat_map(|n| ping(format!("payload-{n}"))).collect();
    let tens: Vec<_> = (0..10).map(|n| pong(format!("payload-{n}").as_bytes())).collect();
    for cut in [Cut::Whole, Cut::Bytes] {
        let check = |name, sent: Vec<u8>, wanted: Vec<Got>| {
            let server = &server;
            async move { check(server, false, name, cut, &sent, &wanted).await }
        };
        check("an empty ping", ping(""), vec![pong(b"")]).await;
        check("a ping of text", ping("Hello"), vec![pong(b"Hello")]).await;
        check("a ping of bytes", ping(binary), vec![pong(&binary)]).await;
        check("a ping of 125", ping([0xFE; 125]), vec![pong(&[0xFE; 125])]).await;
        check("a ping of 126", ping([0xFE; 126]), vec![Got::Close(1002)]).await;
        check("a pong", frame(FIN | PONG, ""), vec![]).await;
        check("a pong of text", frame(FIN | PONG, "unasked"), vec![]).await;
        let both = [frame(FIN | PONG, "unasked"), ping("asked")].concat();
        check("a pong and a ping", both, vec![pong(b"asked")]).await;
        check("ten pings", ten.clone(), tens.clone()).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn reserved_bits_and_opcodes() {
    let server = Server::start().await;
    let before = text(echo("before"));
    for bits in 1..8_u8 {
        for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
            let sent = [before.clone(), frame(FIN | bits << 4 | opcode, "x"), ping("never")];
            let name = format!("reserved bits {bits:03b} of opcode {opcode}");
            let wanted = [echoed("before"), Got::Close(1002)];
            check(&server, false, &name, Cut::Whole, &sent.concat(), &wanted).await;
        }
    }
    for opcode in (3..8).chain(11..16) {
        for payload in ["", "payload"] {
            let sent = [before.clone(), frame(FIN | opcode, payload), ping("never")].concat();
            let wanted = [echoed("before"), Got::Close(1002)];
            let name = format!("opcode {opcode} {payload}");
            check(&server, false, &name, Cut::Whole, &sent, &wanted).await;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn fragments_of_messages() {
    let server = Server::start().await;
    let message = echo("whole");
    let (a, b) = message.as_bytes().split_at(11);
    let two = fragments(TEXT, &[a, b]);
    let pong = Got::Pong(b"between".to_vec());
    let bytes: Vec<&[u8]> = message.as_bytes().chunks(1).collect();
    let first = frame(TEXT, a);
    let last = frame(FIN | CONTINUATION, b);
    let whole = || echoed("whole");
    let cases: [Case; 17] = [
        ("a ping in fragments", vec![frame(PING, "a"), frame(FIN, "b")], vec![Got::Close(1002)]),
        ("a pong in fragments", vec![frame(PONG, "a"), frame(FIN, "b")], vec![Got::Close(1002)]),
        ("a farewell in fragments", vec![frame(CLOSE, "")], vec![Got::Close(1002)]),
        ("two fragments", vec![two.clone()], vec![whole()]),
        ("many fragments", vec![fragments(TEXT, &bytes)], vec![whole()]),
        ("empty fragments", vec![fragments(TEXT, &[b"", a, b"", b, b""])], vec![whole()]),
        (
            "only empty fragments",
            vec![fragments(TEXT, &[b"", b"", b""])],
            vec![refused("malformed")],
        ),
        ("binary", vec![fragments(BINARY, &[a, b])], vec![refused("malformed")]),
        (
            "a ping between",
            vec![first.clone(), ping("between"), last.clone()],
            vec![pong.clone(), whole()],
        ),
        (
            "pings between",
            vec![first.clone(), ping("between"), frame(0, ""), ping("between"), last.clone()],
            vec![pong.clone(), pong, whole()],
        ),
        (
            "a pong between",
            vec![first.clone(), frame(FIN | PONG, "x"), last.clone()],
            vec![whole()],
        ),
        ("nothing to continue", vec![frame(FIN, "x"), text(echo("a"))], vec![Got::Close(1002)]),
        ("nothing to continue yet", vec![frame(0, "x"), text(echo("a"))], vec![Got::Close(1002)]),
        (
            "nothing to continue any more",
            vec![two, frame(FIN, "x")],
            vec![whole(), Got::Close(1002)],
        ),
        ("a text in a text", vec![first.clone(), text("x")], vec![Got::Close(1002)]),
        ("a binary in a text", vec![first.clone(), frame(BINARY, "x")], vec![Got::Close(1002)]),
        ("a farewell in a text", vec![first, close(1000, ""), last], vec![Got::Close(1000)]),
    ];
    for (name, sent, wanted) in cases {
        for cut in [Cut::Whole, Cut::Bytes] {
            check(&server, false, name, cut, &sent.concat(), &wanted).await;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn text_is_utf_8() {
    let server = Server::start().await;
    // The first and last of each length, of each plane, and those that are no characters.
    let valid = [
        "κόσμε",
        "Hello-µ@ßöäüàá-UTF-8!!",
        "\u{7f}",
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10000}",
        "\u{1fffe}",
        "\u{10ffff}",
        "\u{1f1e9}\u{1f1ea}",
    ];
    for name in valid {
        let message = echo(name);
        let sent = text(&message);
        check(&server, false, name, Cut::Whole, &sent, &[echoed(name)]).await;
        check(&server, false, name, Cut::Bytes, &sent, &[echoed(name)]).await;
        let bytes: Vec<&[u8]> = message.as_bytes().chunks(1).collect();
        let sent = fragments(TEXT, &bytes);
        check(&server, false, name, Cut::Whole, &sent, &[echoed(name)]).await;
    }
    let invalid: [&[u8]; 20] = [
        b"\x80",
        b"\xBF",
        b"\xC0\xAF",
        b"\xC1\xBF",
        b"\xE0\x80\xAF",
        b"\xE0\x9F\xBF",
        b"\xF0\x80\x80\xAF",
        b"\xF0\x8F\xBF\xBF",
        b"\xF8\x88\x80\x80\x80",
        b"\xFC\x84\x80\x80\x80\x80",
        b"\xED\xA0\x80",
        b"\xED\xBF\xBF",
        b"\xED\xA0\x80\xED\xB0\x80",
        b"\xF4\x90\x80\x80",
        b"\xFE",
        b"\xFF",
        b"\xC3\x28",
        b"\xE2\x28\xA1",
        b"\xF0\x28\x8C\xBC",
        b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited",
    ];
    for bytes in invalid {
        let name = format!("{bytes:x?}");
        for cut in [Cut::Whole, Cut::Bytes] {
            check(&server, false, &name, cut, &text(bytes), &[Got::Close(1007)]).await;
        }
        let bytes: Vec<&[u8]> = bytes.chunks(1).collect();
        check(&server, false, &name, Cut::Whole, &fragments(TEXT, &bytes), &[Got::Close(1007)])
            .await;
        // What cannot become a text is refused before its message ends.
        let begun = frame(TEXT, b"good \xF4\x90");
        check(&server, false, "early", Cut::Whole, &begun, &[Got::Close(1007)]).await;
        let mut half = text(b"good \xF4\x90 and more that never comes");
        half.truncate(6 + 8);
        check(&server, false, "in a frame", Cut::Whole, &half, &[Got::Close(1007)]).await;
    }
    for cut_off in [&b"\xCE"[..], b"\xE1\xBD", b"\xF0\x90\x8D"] {
        let name = format!("cut off {cut_off:x?}");
        check(&server, false, &name, Cut::Whole, &text(cut_off), &[Got::Close(1007)]).await;
    }
    // Bytes that are no text may be anything.
    let sent = frame(FIN | BINARY, b"\xFF\xFE");
    check(&server, false, "binary", Cut::Whole, &sent, &[refused("malformed")]).await;
    server.stop().await;
}

#[tokio::test]
async fn closing() {
    let server = Server::start().await;
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("without a code", frame(FIN | CLOSE, ""), 1000),
        ("with a reason", close(1000, "Hello World!"), 1000),
        ("with the longest reason", close(1000, [b'*'; 123]), 1000),
        ("with too long a reason", close(1000, [b'*'; 124]), 1002),
        ("with half a code", frame(FIN | CLOSE, "a"), 1002),
        ("with a reason that is no UTF-8", close(1000, b"\xCE\xBA\xED\xA0\x80"), 1007),
        ("and a ping", [close(1000, ""), ping("never")].concat(), 1000),
        ("and a text", [close(1000, ""), text(echo("never"))].concat(), 1000),
        ("twice", [close(1000, ""), close(1001, "")].concat(), 1000),
        ("in a fragmented message", [frame(TEXT, "a"), close(1000, "")].concat(), 1000),
    ];
    for (name, sent, code) in cases {
        for cut in [Cut::Whole, Cut::Bytes] {
            check(&server, false, name, cut, &sent, &[Got::Close(code)]).await;
        }
    }
    let large = [text(echo_of("a", 60_000)), close(1000, "")].concat();
    let wanted = [echoed("a"), Got::Close(1000)];
    check(&server, false, "after a large message", Cut::Whole, &large, &wanted).await;
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
        let name = format!("code {code}");
        check(&server, false, &name, Cut::Whole, &close(code, ""), &[Got::Close(code)]).await;
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        let name = format!("code {code}");
        check(&server, false, &name, Cut::Whole, &close(code, ""), &[Got::Close(1002)]).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn limits() {
    const MOST: usize = 256 * 1024;
    let server = Server::start().await;
    let long = |first: u8, length: u64| [&[first, 0xFF][..], &length.to_be_bytes(), &MASK].concat();
    let medium = |length: u16| [&[FIN | TEXT, 0xFE][..], &length.to_be_bytes(), &MASK].concat();
    let cases: Vec<(&str, Vec<u8>, Got)> = vec![
        ("the largest", text(echo_of("a", MOST)), refused("too_large")),
        ("one more", text(echo_of("a", MOST + 1)), Got::Close(1009)),
        (
            "the largest in fragments",
            fragments(TEXT, &[&vec![b' '; MOST - 1], b" "]),
            refused("too_large"),
        ),
        ("one more in fragments", fragments(TEXT, &[&vec![b' '; MOST], b" "]), Got::Close(1009)),
        ("an announced length", long(FIN | BINARY, 1 << 62), Got::Close(1009)),
        ("a length above 2^63", long(FIN | BINARY, 1 << 63), Got::Close(1002)),
        ("a short length in eight bytes", long(FIN | TEXT, 65_535), Got::Close(1002)),
        ("a short length in two bytes", medium(125), Got::Close(1002)),
    ];
    for (name, sent, wanted) in cases {
        check(&server, false, name, Cut::Whole, &sent, &[wanted]).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn compressed_messages_are_read() {
    let server = Server::start().await;
    let packed = |message: &str| frame(FIN | RSV1 | TEXT, deflate(message));
    let message = echo("packed");
    let data = deflate(&message);
    let (a, b) = data.split_at(data.len() / 2);
    let bytes: Vec<&[u8]> = data.chunks(1).collect();
    let got = || vec![echoed("packed")];
    // Sections 7.2.3.3 and 7.2.3.4 of RFC 7692: a block that is not compressed, and one that says
    // that it is the last.
    let mut stored = vec![0x00, message.len() as u8, 0x00, !(message.len() as u8), 0xFF];
    stored.extend(message.as_bytes());
    stored.push(0x00);
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message.as_bytes()).unwrap();
    let mut last = encoder.finish().unwrap();
    last.push(0x00);
    let bomb = deflate(vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 256 * 1024, "small as it comes");
    let first = frame(RSV1 | TEXT, a);
    let cases: Vec<(&str, Vec<u8>, Vec<Got>)> = vec![
        ("compressed", packed(&message), got()),
        ("not compressed", text(&message), got()),
        ("both", [packed(&message), text(&message), packed(&message)].concat(), {
            vec![echoed("packed"), echoed("packed"), echoed("packed")]
        }),
        ("large", packed(&echo_of("packed", 65_536)), got()),
        ("two fragments", fragments(RSV1 | TEXT, &[a, b]), got()),
        ("many fragments", fragments(RSV1 | TEXT, &bytes), got()),
        (
            "a ping between",
            [first.clone(), ping("p"), frame(FIN, b)].concat(),
            vec![Got::Pong(b"p".to_vec()), echoed("packed")],
        ),
        ("a stored block", frame(FIN | RSV1 | TEXT, &stored), got()),
        ("a last block", frame(FIN | RSV1 | TEXT, &last), got()),
        ("an empty message", frame(FIN | RSV1 | TEXT, [0x00]), vec![refused("malformed")]),
        ("no data at all", frame(FIN | RSV1 | TEXT, ""), vec![refused("malformed")]),
        ("binary", frame(FIN | RSV1 | BINARY, &data), vec![refused("malformed")]),
        ("no UTF-8", frame(FIN | RSV1 | TEXT, deflate(b"\xFF")), vec![Got::Close(1007)]),
        ("no deflate", frame(FIN | RSV1 | TEXT, [0xFF; 9]), vec![Got::Close(1007)]),
        ("a bomb", frame(FIN | RSV1 | TEXT, &bomb), vec![Got::Close(1009)]),
        ("too large", packed(&" ".repeat(256 * 1024 + 1)), vec![Got::Close(1009)]),
        ("the largest", packed(&" ".repeat(256 * 1024)), vec![refused("too_large")]),
        ("a marked continuation", [first, frame(FIN | RSV1, b)].concat(), vec![Got::Close(1002)]),
        ("a marked ping", frame(FIN | RSV1 | PING, ""), vec![Got::Close(1002)]),
        ("another bit", frame(FIN | RSV1 | 0x20 | TEXT, &data), vec![Got::Close(1002)]),
    ];
    for (name, sent, wanted) in cases {
        for cut in [Cut::Whole, Cut::Pieces(1 + sent.len() / 50)] {
            check(&server, true, name, cut, &sent, &wanted).await;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn large_documents_are_compressed_for_those_who_want_it() {
    let server = Server::start().await;
    let metadata: Value = (0..200).map(|n| (format!("key-{n}"), json!(n))).collect();
    server.job_with(json!({"kind":"import","id":"a","metadata":metadata})).await;
    let document = server.document("a").await;
    for (offer, compressed) in [
        ("", false),
        ("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", true),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12\r\n", true),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n", false),
        ("Sec-WebSocket-Extensions: bogus, permessage-deflate\r\n", true),
    ] {
        let mut raw = Raw::open(&server, "/api/v1/jobs/a/stream", offer).await;
        let agreed = raw.header("sec-websocket-extensions").map(str::to_owned);
        assert_eq!(agreed.is_some(), compressed, "{offer}");
        for member in ["server_no_context_takeover", "client_no_context_takeover"] {
            assert_eq!(agreed.as_ref().is_some_and(|agreed| agreed.contains(member)), compressed);
        }
        let snapshot = loop {
            let message = raw.message().await.unwrap();
            if message["type"] == "snapshot" {
                break message;
            }
            assert!(!raw.compressed, "small messages are not compressed");
        };
        assert_eq!(raw.compressed, compressed, "{offer}");
        assert_eq!(snapshot["state"], document, "{offer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_handshake() {
    let server = Server::start().await;
    let request = |change: &str, with: &str| {
        let whole = format!(
            "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
             Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: other, headway.v1\r\n\r\n"
        );
        assert!(whole.contains(change));
        whole.replace(change, with).into_bytes()
    };
    let opened = Raw::send_request(&server, &request("Host", "Host")).await;
    assert!(opened.head.starts_with("HTTP/1.1 101 "), "{}", opened.head);
    assert_eq!(opened.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(opened.header("sec-websocket-protocol"), Some("headway.v1"));
    let other = Raw::send_request(&server, &request("other, headway.v1", "other")).await;
    assert!(other.head.starts_with("HTTP/1.1 101 "), "{}", other.head);
    assert_eq!(other.header("sec-websocket-protocol"), None);
    for version in ["8", "14", "13, 8", ""] {
        let with = format!("Version: {version}");
        let refused = Raw::send_request(&server, &request("Version: 13", &with)).await;
        assert!(refused.head.starts_with("HTTP/1.1 426 "), "{version} {}", refused.head);
        assert_eq!(refused.header("sec-websocket-version"), Some("13"));
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    }
    for (change, with) in [
        (KEY, "c2hvcnQ="),
        (KEY, ""),
        ("Connection: keep-alive, Upgrade", "Connection: keep-alive"),
    ] {
        let refused = Raw::send_request(&server, &request(change, with)).await;
        assert!(refused.head.starts_with("HTTP/1.1 400 "), "{change} {with} {}", refused.head);
    }
    server.stop().await;
}

#[tokio::test]
async fn what_comes_with_the_handshake_is_read() {
    let server = Server::start().await;
    let head = format!(
        "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    let early = [head.into_bytes(), text(echo("early")), ping("early")].concat();
    let mut raw = Raw::send_request(&server, &early).await;
    let mut got = [raw.got().await, raw.got().await];
    got.sort_by_key(|got| matches!(got, Got::Pong(_)));
    assert_eq!(got, [echoed("early"), Got::Pong(b"early".to_vec())]);
    server.stop().await;
}

#[tokio::test]
async fn a_flood_of_messages_is_answered_at_the_reader_s_pace() {
    let limits = Limits { message_burst: 10_000, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let server = Server::start_with(options, headway_hub::Options::default()).await;
    let mut raw = Raw::open(&server, "/api/v1/stream", "").await;
    let sent: Vec<u8> =
        (0..5_000).flat_map(|n| text(json!({"type":"ping","at":n}).to_string())).collect();
    let (mut reader, mut writer) = (&mut raw, Vec::new());
    writer.extend(sent);
    reader.send(&writer).await;
    for n in 0..5_000 {
        let pong = loop {
            let message = reader.message().await.unwrap();
            if message["type"] == "pong" {
                break message;
            }
        };
        assert_eq!(pong["at"], n);
    }
    reader = &mut raw;
    reader.send(&close(1000, "")).await;
    assert_eq!(reader.got().await, Got::Close(1000));
    server.stop().await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed() {
    // What is to be read is reported to a server that gives everybody their time.
    let calm = Server::start().await;
    calm.job("a").await;
    // More than both ends of a connection hold on their way.
    let log = json!({"type":"log","message":"x".repeat(15_000)});
    let page = Value::from(vec![log; 60]);
    for _ in 0..30 {
        calm.report("a", page.clone()).await;
    }
    let cursor = calm.get("/api/v1/jobs/a/events?limit=1").await.json::<Value>().await.unwrap();
    let cursor = cursor["events"][0]["cursor"].as_str().unwrap().to_owned();
    let store = std::sync::Arc::clone(&calm.store);
    calm.stop().await;
    let options =
        Options { write_within: std::time::Duration::from_millis(100), ..Options::default() };
    let (hub, signin) = (headway_hub::Options::default(), headway_signin::Options::default());
    let server = Server::start_over(store, options, hub, signin).await;
    let path = format!("/api/v1/jobs/a/stream?events=log&cursor={cursor}");
    let _silent = Raw::open(&server, &path, "").await;
    counted(&server, "headway_connections_failed_total{transport=\"websocket\"}", 1).await;
    server.stop().await;
}
