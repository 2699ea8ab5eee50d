//! A producer's connection: requests, one after the other, on a socket that is kept.

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::target::Target;
use crate::failure::Failure;

/// The longest answer that is read, in bytes; a document with its steps is far smaller.
const LONGEST_ANSWER: usize = 4 << 20;

/// A kept connection. Its buffers are used again for each request.
#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    target: Target,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// An answer; the body is the connection's, until the next request.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    /// Seconds that the server asks to wait.
    pub(super) retry_after: Option<u64>,
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    /// The body of an answer that grants what was asked.
    pub(super) fn granted(&self) -> Result<&[u8], Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let text = String::from_utf8_lossy(self.body);
        Err(Failure::new(format!("the server refused with {}: {text}", self.status)))
    }
}

impl Connection {
    pub(super) async fn open(target: &Target) -> Result<Self, Failure> {
        let broken = |error| Failure::because("no connection to the server", &error);
        let socket = TcpStream::connect(target.address).await.map_err(broken)?;
        socket.set_nodelay(true).map_err(broken)?;
        Ok(Self { socket, target: target.clone(), request: Vec::new(), answer: Vec::new() })
    }

    /// Sends a request with a JSON body and waits for its answer.
    pub(super) async fn post(&mut self, path: &str, body: &str) -> Result<Answer<'_>, Failure> {
        self.request.clear();
        for part in ["POST ", path, " HTTP/1.1\r\n", self.target.headers()] {
            self.request.extend_from_slice(part.as_bytes());
        }
        let head =
            format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        let broken = |error| Failure::because("a producer's connection broke", &error);
        self.socket.write_all(&self.request).await.map_err(broken)?;
        self.answer.clear();
        let head = loop {
            if self.socket.read_buf(&mut self.answer).await.map_err(broken)? == 0 {
                return Err(Failure::new("the server closed a producer's connection"));
            }
            match Head::read(&self.answer)? {
                Some(head) if self.answer.len() >= head.end + head.length => break head,
                Some(_) | None if self.answer.len() > LONGEST_ANSWER => {
                    return Err(Failure::new("the server's answer has no end"));
                }
                Some(_) | None => {}
            }
        };
        let body = self.answer.get(head.end..head.end + head.length).unwrap_or_default();
        Ok(Answer { status: head.status, retry_after: head.retry_after, body })
    }
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Where it ends and the body begins.
    pub(super) end: usize,
    /// The body's bytes; 0 when it is not said.
    length: usize,
    /// Whether the body comes in chunks.
    pub(super) chunked: bool,
    retry_after: Option<u64>,
}

impl Head {
    /// Reads it, when all of it is there.
    pub(super) fn read(answer: &[u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = memmem::find(answer, b"\r\n\r\n") else { return Ok(None) };
        let wrong = || Failure::new("what answers there is no HTTP server");
        let text = answer.get(..end).and_then(|head| std::str::from_utf8(head).ok());
        let mut lines = text.ok_or_else(wrong)?.split("\r\n");
        let first = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let status = first.and_then(|rest| rest.get(..3)?.parse().ok()).ok_or_else(wrong)?;
        let mut head = Self { status, end: end + 4, length: 0, chunked: false, retry_after: None };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                head.length = value.parse().map_err(|_| wrong())?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                head.chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("retry-after") {
                head.retry_after = value.parse().ok();
            }
        }
        Ok(Some(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let text = b"HTTP/1.1 429 Too Many\r\nContent-Length: 2\r\nRetry-After: 3\r\n\r\n{}";
        for cut in 0..text.len() - 2 {
            assert_eq!(Head::read(&text[..cut]).unwrap(), None, "{cut}");
        }
        let head = Head::read(text).unwrap().unwrap();
        let expected = Head {
            status: 429,
            end: text.len() - 2,
            length: 2,
            chunked: false,
            retry_after: Some(3),
        };
        assert_eq!(head, expected);
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert!(Head::read(chunked).unwrap().unwrap().chunked);
        assert!(Head::read(b"SSH-2.0-x\r\n\r\n").is_err());
    }
}
