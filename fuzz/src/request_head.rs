//! The head of a request, as the owner of watchers' sockets reads it.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use crate::head::{Head, read};

/// The first bytes of a connection. What is taken for a watcher's request is one, whole and without a
/// body, and nothing behind it or about its arrival changes that.
pub fn request_head(bytes: &[u8]) {
    for compatible in [false, true] {
        check(bytes, compatible);
    }
}

fn check(bytes: &[u8], compatible: bool) {
    let Head::Watch(parts, _, length) = read(bytes, compatible) else { return };
    let (head, rest) = bytes.split_at(length);
    assert!(head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n"), "its end is an empty line");
    let lengths = parts.headers.get_all(CONTENT_LENGTH);
    assert!(lengths.iter().all(|length| length == "0"), "a body would be read as another request");
    assert!(!parts.headers.contains_key(TRANSFER_ENCODING));
    let lines = head.iter().filter(|byte| **byte == b'\n').count();
    assert!(parts.headers.len() + 2 <= lines, "a line is one header");
    let begins = format!("GET {}", parts.uri.path());
    assert!(head.starts_with(begins.as_bytes()), "{}", parts.uri);
    for end in 0..length {
        assert!(
            matches!(read(&bytes[..end], compatible), Head::Incomplete),
            "{end} of {length} bytes"
        );
    }
    if !rest.is_empty() {
        let Head::Watch(alone, _, same) = read(head, compatible) else {
            panic!("what follows decides")
        };
        assert_eq!((alone.uri, alone.headers, same), (parts.uri, parts.headers, length));
    }
}
