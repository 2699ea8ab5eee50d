//! The head of a request, as far as the front has to know it: whether somebody wants to watch.

use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, Version};

use crate::stream::opening::Address;

/// A head beyond this many bytes is not waited for.
const HEAD_BYTES: usize = 16 * 1024;

/// The most lines that are read of it.
const HEADERS: usize = 64;

/// What the first bytes of a request say.
#[derive(Debug)]
pub(crate) enum Head {
    /// Too little to tell.
    Incomplete,
    /// Somebody wants to watch; the head has so many bytes.
    Watch(Box<Parts>, Address, usize),
    /// Anything else, also what cannot be read: another server knows what to answer.
    Other,
}

/// Reads the beginning of a connection, or what follows an answer on it. `compatible`: whether the
/// formats of older services are served.
pub(crate) fn read(bytes: &[u8], compatible: bool) -> Head {
    const METHOD: &[u8] = b"GET /";
    let known = bytes.len().min(METHOD.len());
    if bytes.get(..known) != METHOD.get(..known) {
        return Head::Other;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES => return Head::Incomplete,
        Ok(httparse::Status::Partial) | Err(_) => return Head::Other,
    };
    match parts(&request, compatible) {
        Some((parts, address)) => Head::Watch(parts, address, length),
        None => Head::Other,
    }
}

/// Whether whoever asks will not use the connection again.
pub(crate) fn is_last(parts: &Parts) -> bool {
    let lines = parts.headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case("close"))
}

/// The request, if somebody wants to watch by it.
fn parts(request: &httparse::Request<'_, '_>, compatible: bool) -> Option<(Box<Parts>, Address)> {
    let target = request.path.filter(|_| request.version == Some(1))?;
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let address = Address::of_path(path, compatible)?;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::GET;
    parts.version = Version::HTTP_11;
    parts.uri = target.parse::<Uri>().ok()?;
    for header in request.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        parts.headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    // What comes with a body, or asks about one, is none of ours.
    let empty = parts.headers.get_all(CONTENT_LENGTH).iter().all(|length| length == "0");
    let bodiless = empty && !parts.headers.contains_key(TRANSFER_ENCODING);
    (bodiless && !parts.headers.contains_key(EXPECT)).then(|| (Box::new(parts), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_are_told_from_everybody_else() {
        let check = |text: &str, wanted: &str| {
            let said = match read(text.as_bytes(), true) {
                Head::Incomplete => "incomplete".to_owned(),
                Head::Watch(parts, Address::Job(job), length) => {
                    format!("{job} of {} at {length}", parts.uri)
                }
                Head::Watch(parts, Address::Many, length) => {
                    format!("many of {} at {length}", parts.uri)
                }
                Head::Watch(parts, Address::Compatible(format, name), length) => {
                    let format = format.as_str();
                    format!("{name} in {format} of {} at {length}", parts.uri)
                }
                Head::Other => "other".to_owned(),
            };
            assert_eq!(said, wanted, "{text:?}");
        };
        check("", "incomplete");
        check("GE", "incomplete");
        check("GET /api/v1/stream HTTP/1.1\r\nHost", "incomplete");
        check("GET /api/v1/stream HTTP/1.1\r\n\r\nmore", "many of /api/v1/stream at 31");
        check("GET /api/v1/stream?all=1 HTTP/1.1\r\n\r\n", "many of /api/v1/stream?all=1 at 37");
        let one = "GET /api/v1/jobs/a%20b/stream HTTP/1.1\r\nAccept: */*\r\n\r\n";
        check(one, "a b of /api/v1/jobs/a%20b/stream at 55");
        let session = "GET /ws/progress/a%20b?token=c HTTP/1.1\r\n\r\n";
        check(session, "a b in session of /ws/progress/a%20b?token=c at 43");
        assert!(matches!(read(session.as_bytes(), false), Head::Other), "they may be off");
        check("GET /progress/ws/a HTTP/1.1\r\n\r\n", "a in job_progress of /progress/ws/a at 31");
        let analysis = "GET /api/v1/analyze/a/stream HTTP/1.1\r\n\r\n";
        check(analysis, "a in analysis of /api/v1/analyze/a/stream at 41");
        check("GET /api/v1/analyze/a HTTP/1.1\r\n\r\n", "other");
        check("GET /progress/ws/a/b HTTP/1.1\r\n\r\n", "other");
        check("GET /api/v1/jobs/a/b/stream HTTP/1.1\r\n\r\n", "other");
        check("GET /api/v1/jobs//stream HTTP/1.1\r\n\r\n", "other");
        check("GET /api/v1/jobs/%FF/stream HTTP/1.1\r\n\r\n", "other");
        check("GET /api/v1/jobs HTTP/1.1\r\n\r\n", "other");
        check("GET /api/v1/stream HTTP/1.0\r\n\r\n", "other");
        check(
            "GET /api/v1/stream HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "many of /api/v1/stream at 50",
        );
        check("GET /api/v1/stream HTTP/1.1\r\nContent-Length: 1\r\n\r\n", "other");
        check("GET /api/v1/stream HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "other");
        check("GET /api/v1/stream HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", "other");
        check("GET /api/v1/stream HTTP/1.1\r\nBad Name: 1\r\n\r\n", "other");
        check("POST /api/v1/jobs HTTP/1.1\r\n", "other");
        check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "other");
        check("\u{16}\u{3}\u{1}", "other");
    }

    #[test]
    fn a_head_without_an_end_is_not_waited_for() {
        let long = format!("GET /api/v1/stream HTTP/1.1\r\nX: {}", "x".repeat(HEAD_BYTES));
        assert!(matches!(read(long.as_bytes(), true), Head::Other));
        let many = format!("GET /api/v1/stream HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65));
        assert!(matches!(read(many.as_bytes(), true), Head::Other));
    }
}
