//! A peer that speaks plain HTTP to a port that speaks TLS: someone typed `http://`.

/// Whether the first byte of a connection begins a request and no TLS record.
///
/// A record begins with its content type, 20 to 24 (RFC 8446, section 5.1), a request with the
/// first letter of its method.
pub(crate) fn is_request(first: u8) -> bool {
    first.is_ascii_uppercase()
}

/// The whole answer, after which the connection is closed.
pub(crate) const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 63\r\n\
    connection: close\r\n\
    \r\n\
    This port speaks TLS: use https:// (or wss://) in the address.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }

    #[test]
    fn every_method_is_told_from_a_record() {
        for method in ["GET", "POST", "OPTIONS", "PRI"] {
            assert!(is_request(method.as_bytes()[0]));
        }
        for content_type in 0..=64 {
            assert!(!is_request(content_type));
        }
    }
}
