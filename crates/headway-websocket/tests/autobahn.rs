//! The cases of the Autobahn test suite (v25.10), by their numbers, against the codec: what a client
//! sends, and what is read of it. Each is read whole, byte by byte and in pieces that fit nothing.
//!
//! The suite itself is a program for an old Python that few machines have. Where it varies only
//! what is in a message or how often it is sent, the variants are rows of one loop. What needs a
//! socket (who closes first, what is written back) is in the gateway's tests.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails where a test would")]

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress};
use headway_websocket::handshake::Handshake;
use headway_websocket::{Fault, Message, Reader, deflate};
use http::{HeaderMap, HeaderValue, Method, Version, header};

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The largest message of the suite.
const LIMIT: u32 = 16 * 1024 * 1024;

/// A client's frame with these first bits.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => bytes.push(0x80 | short),
        (_, Ok(medium)) => {
            bytes.push(0x80 | 0x7E);
            bytes.extend(medium.to_be_bytes());
        }
        (_, Err(_)) => {
            bytes.push(0x80 | 0x7F);
            bytes.extend((payload.len() as u64).to_be_bytes());
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

fn pong(content: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | PONG, content)
}

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
}

/// A message in fragments of so many bytes.
fn fragments(first: u8, message: &[u8], size: usize) -> Vec<u8> {
    let count = message.len().div_ceil(size);
    let frames = message.chunks(size).enumerate().flat_map(|(index, part)| {
        let fin = if index + 1 == count { FIN } else { 0 };
        frame(fin | if index == 0 { first } else { CONTINUATION }, part)
    });
    frames.collect()
}

fn said(text: impl AsRef<[u8]>) -> Message {
    Message::Text(text.as_ref().to_vec())
}

fn pinged(content: impl AsRef<[u8]>) -> Message {
    Message::Ping(content.as_ref().to_vec())
}

/// Everything that is read of some pieces, up to a farewell or a fault.
fn read<'a>(
    deflate: bool,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Message>, Option<Fault>) {
    let mut reader = Reader::new(LIMIT, deflate);
    let mut messages = Vec::new();
    for mut piece in pieces {
        loop {
            match reader.read(&mut piece) {
                Ok(None) => break,
                Ok(Some(message)) => {
                    let last = matches!(message, Message::Close(_));
                    messages.push(message);
                    if last {
                        return (messages, None);
                    }
                }
                Err(fault) => return (messages, Some(fault)),
            }
        }
    }
    (messages, None)
}

/// Each of these frames, and what is read of them all.
#[track_caller]
fn check(case: &str, frames: &[Vec<u8>], messages: &[Message], fault: Option<Fault>) {
    check_with(false, case, frames, messages, fault);
}

#[track_caller]
fn check_with(
    deflate: bool,
    case: &str,
    frames: &[Vec<u8>],
    messages: &[Message],
    fault: Option<Fault>,
) {
    let stream = frames.concat();
    let sizes: &[usize] = if stream.len() > 100_000 {
        &[stream.len(), 65_521]
    } else {
        &[stream.len().max(1), 997, 1]
    };
    for size in sizes {
        let (read, failed) = read(deflate, stream.chunks(*size));
        // Not compared by `assert_eq`: some are sixteen megabytes.
        assert!(read == messages, "case {case} in pieces of {size}: other messages");
        assert_eq!(failed, fault, "case {case} in pieces of {size}");
    }
    let (read, failed) = read(deflate, frames.iter().map(Vec::as_slice));
    assert!(read == messages && failed == fault, "case {case} frame by frame");
}

#[test]
fn case_1_framing() {
    for (number, size) in (1..).zip([0, 125, 126, 127, 128, 65_535, 65_536, 65_536]) {
        let payload = vec![b'*'; size];
        check(&format!("1.1.{number}"), &[text(&payload)], &[said(&payload)], None);
        let payload = vec![0xFE; size];
        let sent = frame(FIN | BINARY, &payload);
        check(&format!("1.2.{number}"), &[sent], &[Message::Binary(payload)], None);
    }
}

#[test]
fn case_2_pings_and_pongs() {
    let binary = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF];
    check("2.1", &[ping("")], &[pinged("")], None);
    check("2.2", &[ping("Hello, world!")], &[pinged("Hello, world!")], None);
    check("2.3", &[ping(binary)], &[pinged(binary)], None);
    check("2.4, 2.6", &[ping([0xFE; 125])], &[pinged([0xFE; 125])], None);
    check("2.5", &[ping([0xFE; 126])], &[], Some(Fault::ControlTooLong));
    check("2.7", &[pong("")], &[Message::Pong], None);
    check("2.8", &[pong("unsolicited")], &[Message::Pong], None);
    let both = [pong("unsolicited"), ping("ping")];
    check("2.9", &both, &[Message::Pong, pinged("ping")], None);
    let ten: Vec<_> = (0..10).map(|n| ping(format!("payload-{n}"))).collect();
    let answered: Vec<_> = (0..10).map(|n| pinged(format!("payload-{n}"))).collect();
    check("2.10, 2.11", &ten, &answered, None);
}

#[test]
fn case_3_reserved_bits() {
    let (before, said) = (text("Hello, world!"), said("Hello, world!"));
    let fault = Some(Fault::ReservedBit);
    check("3.1", &[frame(FIN | 0x10 | TEXT, "Hello")], &[], fault);
    for (case, bits) in [("3.2", 0x20), ("3.3", 0x30), ("3.4", 0x40)] {
        let sent = [before.clone(), frame(FIN | bits | TEXT, "Hello"), ping("")];
        check(case, &sent, std::slice::from_ref(&said), fault);
    }
    for (case, first) in [("3.5", 0x50 | BINARY), ("3.6", 0x60 | PING), ("3.7", 0x70 | CLOSE)] {
        check(case, &[frame(FIN | first, "x")], &[], fault);
    }
}

#[test]
fn case_4_reserved_opcodes() {
    let (before, said) = (text("Hello, world!"), said("Hello, world!"));
    let fault = Some(Fault::ReservedOpcode);
    for (class, first) in [(1, 3), (2, 11)] {
        for number in 0..5 {
            let case = format!("4.{class}.{}", number + 1);
            let payload = if number % 2 == 0 { "" } else { "reserved opcode payload" };
            let sent = frame(FIN | (first + number), payload);
            check(&case, std::slice::from_ref(&sent), &[], fault);
            check(&case, &[before.clone(), sent, ping("")], std::slice::from_ref(&said), fault);
        }
    }
}

#[test]
fn case_5_fragmentation() {
    let (first, last) = (frame(TEXT, "fragment1"), frame(FIN, "fragment2"));
    let whole = said("fragment1fragment2");
    let fragmented = Some(Fault::ControlFragmented);
    check("5.1", &[frame(PING, "fragment1"), last.clone()], &[], fragmented);
    check("5.2", &[frame(PONG, "fragment1"), last.clone()], &[], fragmented);
    check("5.3–5.5", &[first.clone(), last.clone()], std::slice::from_ref(&whole), None);
    let sent = [first.clone(), ping("ping payload"), last.clone()];
    check("5.6–5.8", &sent, &[pinged("ping payload"), whole.clone()], None);

    let nothing = Some(Fault::NothingToContinue);
    for (cases, first_bits) in [("5.9–5.11", FIN), ("5.12–5.14", 0)] {
        check(cases, &[frame(first_bits, "non-continuation"), text("Hello")], &[], nothing);
    }
    let sent = [first.clone(), last.clone(), frame(0, "fragment3"), frame(FIN | TEXT, "fragment4")];
    check("5.15", &sent, std::slice::from_ref(&whole), nothing);
    for (case, bits) in [("5.16", 0), ("5.17", FIN)] {
        let once = [frame(bits, "fragment1"), frame(TEXT, "fragment2"), frame(FIN, "fragment3")];
        check(case, &[once.clone(), once].concat(), &[], nothing);
    }
    let sent = [first, frame(FIN | TEXT, "fragment2")];
    check("5.18", &sent, &[], Some(Fault::NotContinued));
    let parts = ["fragment1", "fragment2", "fragment3", "fragment4", "fragment5"];
    let sent = [
        frame(TEXT, parts[0]),
        frame(CONTINUATION, parts[1]),
        ping("pongme 1!"),
        frame(CONTINUATION, parts[2]),
        frame(CONTINUATION, parts[3]),
        ping("pongme 2!"),
        frame(FIN, parts[4]),
    ];
    let wanted = [pinged("pongme 1!"), pinged("pongme 2!"), said(parts.concat())];
    check("5.19, 5.20", &sent, &wanted, None);
}

/// A text as one frame and as fragments of one byte; UTF-8, or a fault.
#[track_caller]
fn check_text(case: &str, bytes: &[u8], valid: bool) {
    let (messages, fault) =
        if valid { (vec![said(bytes)], None) } else { (vec![], Some(Fault::NotUtf8)) };
    check(case, &[text(bytes)], &messages, fault);
    check(case, &[fragments(TEXT, bytes, 1)], &messages, fault);
}

#[test]
fn case_6_texts_are_utf_8() {
    check("6.1.1", &[text("")], &[said("")], None);
    check("6.1.2", &[frame(TEXT, ""), frame(0, ""), frame(FIN, "")], &[said("")], None);
    let sent = [frame(TEXT, ""), frame(0, "middle frame payload"), frame(FIN, "")];
    check("6.1.3", &sent, &[said("middle frame payload")], None);
    let valid = "Hello-µ@ßöäüàá-UTF-8!!";
    check_text("6.2.1, 6.2.3", valid.as_bytes(), true);
    let (a, b) = valid.split_at(8);
    check("6.2.2", &[frame(TEXT, a), frame(FIN, b)], &[said(valid)], None);
    let kosme = "κόσμε".as_bytes();
    check_text("6.2.4, 6.5", kosme, true);
    check_text("6.3", b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited", false);

    // What cannot become a text any more is refused at once.
    let begins = [b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4".as_slice(), b"\x90"].concat();
    let fault = Some(Fault::NotUtf8);
    check("6.4.1", &[frame(TEXT, &begins)], &[], fault);
    check("6.4.2", &[frame(TEXT, &begins[..12]), frame(0, &begins[12..])], &[], fault);
    let mut half = text([&*begins, b"\x80\x80edited"].concat());
    half.truncate(6 + begins.len());
    check("6.4.3, 6.4.4", &[half], &[], fault);

    for end in 1..=kosme.len() {
        let piece = &kosme[..end];
        check_text(&format!("6.6.{end}"), piece, std::str::from_utf8(piece).is_ok());
    }
    // Markus Kuhn's table, as the suite numbers it.
    let valid: [(&str, &[&[u8]]); 6] = [
        ("6.7", &[b"\x00", b"\xC2\x80", b"\xE0\xA0\x80", b"\xF0\x90\x80\x80"]),
        ("6.9", &[b"\x7F", b"\xDF\xBF", b"\xEF\xBF\xBF", b"\xF4\x8F\xBF\xBF"]),
        ("6.11.1–4", &[b"\xED\x9F\xBF", b"\xEE\x80\x80", b"\xEF\xBF\xBD", b"\xF4\x8F\xBF\xBF"]),
        ("6.22.1, 2", &[b"\xEF\xBF\xBE", b"\xEF\xBF\xBF"]),
        ("6.23.1–4", &[b"\xEF\xBF\xB9", b"\xEF\xBF\xBA", b"\xEF\xBF\xBB", b"\xEF\xBF\xBC"]),
        ("6.23.5–7", &[b"\xEF\xBF\xBD", b"\xEF\xBF\xBE", b"\xEF\xBF\xBF"]),
    ];
    for (case, rows) in valid {
        for bytes in rows {
            check_text(case, bytes, true);
        }
    }
    // 6.22.3–34: the two non-characters at the end of each plane.
    for plane in 1..=16_u32 {
        for last in [0xFFFE, 0xFFFF] {
            let character = char::from_u32(plane * 0x1_0000 + last).unwrap();
            check_text("6.22", character.to_string().as_bytes(), true);
        }
    }
    let invalid: [(&str, &[&[u8]]); 11] = [
        ("6.8", &[b"\xF8\x88\x80\x80\x80", b"\xFC\x84\x80\x80\x80\x80"]),
        ("6.10", &[b"\xF7\xBF\xBF\xBF", b"\xFB\xBF\xBF\xBF\xBF", b"\xFD\xBF\xBF\xBF\xBF\xBF"]),
        ("6.11.5", &[b"\xF4\x90\x80\x80"]),
        ("6.12", &[b"\x80", b"\xBF", b"\x80\xBF", b"\x80\xBF\x80", b"\x80\xBF\x80\xBF\x80\xBF"]),
        (
            "6.14",
            &[
                b"\xC0",
                b"\xE0\x80",
                b"\xF0\x80\x80",
                b"\xF8\x80\x80\x80",
                b"\xFC\x80\x80\x80\x80",
                b"\xDF",
                b"\xEF\xBF",
                b"\xF7\xBF\xBF",
                b"\xFB\xBF\xBF\xBF",
                b"\xFD\xBF\xBF\xBF\xBF",
            ],
        ),
        ("6.15", &[b"\xC0\xE0\x80\xF0\x80\x80\xF8\x80\x80\x80\xFC\x80\x80\x80\x80"]),
        ("6.16", &[b"\xFE", b"\xFF", b"\xFE\xFE\xFF\xFF"]),
        ("6.17", &[b"\xC0\xAF", b"\xE0\x80\xAF", b"\xF0\x80\x80\xAF", b"\xF8\x80\x80\x80\xAF"]),
        ("6.18", &[b"\xC1\xBF", b"\xE0\x9F\xBF", b"\xF0\x8F\xBF\xBF", b"\xF8\x87\xBF\xBF\xBF"]),
        ("6.19", &[b"\xC0\x80", b"\xE0\x80\x80", b"\xF0\x80\x80\x80", b"\xF8\x80\x80\x80\x80"]),
        ("6.17–19, six bytes", &[b"\xFC\x80\x80\x80\x80\xAF", b"\xFC\x83\xBF\xBF\xBF\xBF"]),
    ];
    for (case, rows) in invalid {
        for bytes in rows {
            check_text(case, bytes, false);
        }
    }
    for (begin, end) in [(0xC0_u8, 0xDF_u8), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD)]
    {
        let lonely: Vec<u8> = (begin..=end).flat_map(|start| [start, b' ']).collect();
        check_text("6.13", &lonely, false);
    }
    let surrogates: [&[u8]; 7] = [
        b"\xED\xA0\x80",
        b"\xED\xAD\xBF",
        b"\xED\xAE\x80",
        b"\xED\xAF\xBF",
        b"\xED\xB0\x80",
        b"\xED\xBE\x80",
        b"\xED\xBF\xBF",
    ];
    for single in surrogates {
        check_text("6.20", single, false);
    }
    for high in &surrogates[..4] {
        for low in [surrogates[4], surrogates[6]] {
            check_text("6.21", &[high, low].concat(), false);
        }
    }
}

#[test]
fn case_7_closing() {
    let left = |code| Message::Close(Some(code));
    let hello = text("Hello World!");
    let sent = [hello.clone(), close(1000, "")];
    check("7.1.1", &sent, &[said("Hello World!"), left(1000)], None);
    check("7.1.2", &[close(1000, ""), close(1000, "")], &[left(1000)], None);
    check("7.1.3", &[close(1000, ""), ping("")], &[left(1000)], None);
    check("7.1.4", &[close(1000, ""), hello], &[left(1000)], None);
    let sent = [frame(TEXT, "fragment1"), close(1000, ""), frame(FIN, "fragment2")];
    check("7.1.5", &sent, &[left(1000)], None);
    let large = vec![b'B'; 256 * 1024];
    let sent = [text(&large), close(1000, ""), ping("")];
    check("7.1.6", &sent, &[said(&large), left(1000)], None);
    check("7.3.1", &[frame(FIN | CLOSE, "")], &[Message::Close(None)], None);
    check("7.3.2", &[frame(FIN | CLOSE, "a")], &[], Some(Fault::CloseWithoutCode));
    check("7.3.3", &[close(1000, "")], &[left(1000)], None);
    check("7.3.4", &[close(1000, "Hello World!")], &[left(1000)], None);
    check("7.3.5", &[close(1000, [b'*'; 123])], &[left(1000)], None);
    check("7.3.6", &[close(1000, [b'*'; 124])], &[], Some(Fault::ControlTooLong));
    let reason = b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited";
    check("7.5.1", &[close(1000, reason)], &[], Some(Fault::NotUtf8));
    // And those that were registered later, 1012 to 1014.
    let codes = (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]);
    for (number, code) in (1..).zip(codes) {
        check(&format!("7.7.{number}"), &[close(code, "")], &[left(code)], None);
    }
    let codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999];
    for (number, code) in (1..).zip(codes) {
        check(&format!("7.9.{number}"), &[close(code, "")], &[], Some(Fault::CloseCode));
    }
    for (number, code) in (1..).zip([5000, 65_535]) {
        check(&format!("7.13.{number}"), &[close(code, "")], &[], Some(Fault::CloseCode));
    }
}

#[test]
fn case_9_large_messages_and_many() {
    const MEGABYTE: usize = 1024 * 1024;
    for (number, size) in (1..).zip([64 * 1024, 256 * 1024, MEGABYTE, 4 * MEGABYTE, 16 * MEGABYTE])
    {
        let payload = vec![b'*'; size];
        check(&format!("9.1.{number}"), &[text(&payload)], &[said(&payload)], None);
        let sent = frame(FIN | BINARY, &payload);
        check(&format!("9.2.{number}"), &[sent], &[Message::Binary(payload)], None);
    }
    let payload = vec![b'*'; 4 * MEGABYTE];
    for (number, size) in (1..).zip([64, 1024, 65_536, MEGABYTE, 4 * MEGABYTE]) {
        let sent = fragments(TEXT, &payload, size);
        check(&format!("9.3.{number}"), &[sent], &[said(&payload)], None);
        let sent = fragments(BINARY, &payload, size);
        check(&format!("9.4.{number}"), &[sent], &[Message::Binary(payload.clone())], None);
    }
    // How the bytes of a megabyte are cut.
    let payload = vec![b'*'; MEGABYTE];
    for (number, size) in (1..).zip([64, 128, 256, 512, 1024, 2048]) {
        for (class, sent, wanted) in [
            (5, text(&payload), said(&payload)),
            (6, frame(FIN | BINARY, &payload), Message::Binary(payload.clone())),
        ] {
            let got = read(false, sent.chunks(size));
            assert!(got == (vec![wanted], None), "case 9.{class}.{number}");
        }
    }
    for (number, size) in (1..).zip([0, 16, 64, 256, 1024, 4096]) {
        let payload = vec![b'*'; size];
        let (sent, wanted) = (vec![text(&payload); 1000], vec![said(&payload); 1000]);
        check(&format!("9.7.{number}"), &sent, &wanted, None);
        let sent = vec![frame(FIN | BINARY, &payload); 1000];
        check(&format!("9.8.{number}"), &sent, &vec![Message::Binary(payload); 1000], None);
    }
    let one_more = text(vec![b'*'; LIMIT as usize + 1]);
    check("beyond the limit", &[one_more], &[], Some(Fault::TooBig));
}

#[test]
fn case_10_fragments_that_the_sender_chose() {
    let payload = vec![b'*'; 65_536];
    check("10.1.1", &[fragments(TEXT, &payload, 1300)], &[said(&payload)], None);
}

/// As a client compresses (RFC 7692, section 7.2.1).
fn compressed(payload: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(payload).unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().clone();
    assert!(bytes.ends_with(&[0, 0, 0xFF, 0xFF]));
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// Bytes that can hardly be compressed (Knuth's generator, volume 2, 3.3.4, line 26).
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(size)
    .collect()
}

#[test]
fn case_12_compressed_messages() {
    let sizes = [16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
    for (number, size) in (1..).zip(sizes) {
        let prose: Vec<u8> =
            "It is a truth universally acknowledged. ".bytes().cycle().take(size).collect();
        for (class, payload, opcode) in
            [(1, prose.clone(), TEXT), (2, prose, BINARY), (3, noise(size), BINARY)]
        {
            let wanted =
                if opcode == TEXT { said(&payload) } else { Message::Binary(payload.clone()) };
            for level in [Compression::none(), Compression::fast(), Compression::best()] {
                let data = compressed(&payload, level);
                let case = format!("12.{class}.{number}");
                let sent = [frame(FIN | RSV1 | opcode, &data)];
                check_with(true, &case, &sent, std::slice::from_ref(&wanted), None);
                // 12.*.11–18: the same in fragments.
                let sent = [fragments(RSV1 | opcode, &data, 256)];
                check_with(true, &case, &sent, std::slice::from_ref(&wanted), None);
            }
        }
    }
    let data = compressed(b"Hello", Compression::fast());
    let marked = [frame(RSV1 | TEXT, &data[..2]), frame(FIN | RSV1, &data[2..])];
    check_with(true, "a marked continuation", &marked, &[], Some(Fault::ReservedBit));
    let marked = [frame(FIN | RSV1 | PING, "")];
    check_with(true, "a marked ping", &marked, &[], Some(Fault::ReservedBit));
    let broken = [frame(FIN | RSV1 | TEXT, &data[..data.len() - 2])];
    check_with(true, "data that break off", &broken, &[], Some(Fault::NotDeflate));
    let early = [frame(FIN | RSV1 | TEXT, [&*data, b"more"].concat())];
    check_with(true, "more than the data", &early, &[], Some(Fault::NotDeflate));
}

#[test]
fn case_13_what_compression_is_agreed_on() {
    let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let window = format!("{plain}; server_max_window_bits=12");
    let offer = "permessage-deflate; client_no_context_takeover; client_max_window_bits";
    for (case, offers, wanted) in [
        ("13.1", offer.to_owned(), Some(plain)),
        ("13.2", format!("{offer}; server_no_context_takeover"), Some(plain)),
        ("13.3", format!("{offer}; server_max_window_bits=9"), None),
        ("13.4", format!("{offer}; server_max_window_bits=15"), Some(&*window)),
        ("13.5", format!("{offer}; server_no_context_takeover; server_max_window_bits=9"), None),
        (
            "13.6",
            format!("{offer}; server_no_context_takeover; server_max_window_bits=15"),
            Some(&*window),
        ),
        (
            "13.7",
            format!(
                "{offer}; server_no_context_takeover; server_max_window_bits=9, {offer}; \
                 server_max_window_bits=15, {offer}"
            ),
            Some(&*window),
        ),
    ] {
        let headers: HeaderMap = [
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            (header::SEC_WEBSOCKET_EXTENSIONS, &*offers),
        ]
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()))
        .collect();
        let handshake =
            Handshake::read(&Method::GET, Version::HTTP_11, &headers, "headway.v1").unwrap();
        let (_, answer) = handshake.answer();
        let agreed = answer.get(header::SEC_WEBSOCKET_EXTENSIONS);
        assert_eq!(agreed.map(|agreed| agreed.to_str().unwrap()), wanted, "case {case}");
    }
    // What was agreed on is kept: an inflater with that window, and none but this message, reads it.
    let text = "It is a truth universally acknowledged. ".repeat(500);
    let frame = deflate::text(text.as_bytes()).unwrap();
    let data = [&frame[if frame[1] == 0x7E { 4 } else { 2 }..], &[0, 0, 0xFF, 0xFF]].concat();
    let mut output = Vec::with_capacity(text.len() + 1);
    let mut inflate = Decompress::new_with_window_bits(false, 12);
    inflate.decompress_vec(&data, &mut output, FlushDecompress::Sync).unwrap();
    assert_eq!(output, text.as_bytes());
}
