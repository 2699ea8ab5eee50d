//! What the codec costs, for `cargo xtask instructions`: without arguments the names of the
//! operations, with a name and a number that operation so many times.

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::hint::black_box;
use std::process::ExitCode;

use headway_websocket::handshake::Handshake;
use headway_websocket::{Reader, deflate, frame};
use http::{HeaderMap, HeaderValue, Method, Version, header};

/// An operation: its name, and what does it so many times.
type Operation = (&'static str, fn(u32));

const OPERATIONS: &[Operation] = &[
    ("a message of 300 bytes as a frame", |count| {
        let text = document(300);
        repeat(count, || frame::text(&text));
    }),
    ("a message of 1 KiB compressed", |count| {
        let text = document(1024);
        repeat(count, || deflate::text(&text));
    }),
    ("a message of 16 KiB compressed", |count| {
        let text = document(16 * 1024);
        repeat(count, || deflate::text(&text));
    }),
    ("a pong of a client read", |count| read(count, &sent(0x8A, b""))),
    ("a message of 30 bytes read", |count| read(count, &sent(0x81, &document(30)))),
    ("a message of 4 KiB read", |count| read(count, &sent(0x81, &document(4 * 1024)))),
    ("an opening handshake answered", |count| {
        let headers: HeaderMap = [
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            (header::SEC_WEBSOCKET_EXTENSIONS, "permessage-deflate; client_max_window_bits"),
        ]
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
        repeat(count, || {
            Handshake::read(&Method::GET, Version::HTTP_11, black_box(&headers), "headway.v1")
                .map(|handshake| handshake.answer())
        });
    }),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        for (name, _) in OPERATIONS {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let [name, count] = &*words else { return ExitCode::FAILURE };
    let operation = OPERATIONS.iter().find(|(known, _)| known == name);
    let (Some((_, operation)), Ok(count)) = (operation, count.parse()) else {
        return ExitCode::FAILURE;
    };
    operation(count);
    ExitCode::SUCCESS
}

fn repeat<T>(count: u32, mut operation: impl FnMut() -> T) {
    for _ in 0..count {
        black_box(operation());
    }
}

fn read(count: u32, bytes: &[u8]) {
    let mut reader = Reader::new(256 * 1024, false);
    repeat(count, || reader.read(&mut black_box(bytes)));
}

/// JSON of so many bytes that repeats itself about as much as a document does.
fn document(bytes: usize) -> Vec<u8> {
    let mut text = br#"{"type":"update","patch":{"#.to_vec();
    for number in 0_u64.. {
        if text.len() >= bytes {
            break;
        }
        let noise = number.wrapping_mul(6_364_136_223_846_793_005) >> 40;
        text.extend(format!(r#""step-{number}":{{"percent":{noise}}},"#).into_bytes());
    }
    text.truncate(bytes);
    text
}

/// A client's frame.
fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => bytes.push(0x80 | short),
        (_, length) => {
            bytes.push(0x80 | 0x7E);
            bytes.extend(length.unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
