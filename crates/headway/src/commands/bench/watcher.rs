//! One watcher: a socket, its handshake, and what comes over it.

use std::io;
use std::rc::Rc;

use headway_protocol::Cursor;
use headway_protocol::frame::SUBPROTOCOL;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::SemaphorePermit;
use tokio::task::spawn_local;

use super::audience::Audience;
use super::connection::Head;
use super::message::Message;
use super::target::Target;
use super::wire::{Arrived, Wire};
use crate::arguments::{Lane, Transport};
use crate::failure::Failure;

/// The longest head of an answer to a handshake, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// A state frame an hour: whoever watches the events only.
const STATE_RARELY_MS: u32 = 3_600_000;

/// How watchers watch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) transport: Transport,
    pub(super) lane: Lane,
    pub(super) min_interval_ms: u32,
}

/// Starts all watchers of an audience. Each is one task with one socket; what it finds out, the
/// audience knows.
pub(super) fn start(audience: &Rc<Audience>, count: usize, target: &Target, manner: Manner) {
    for number in 0..count {
        let (audience, target) = (Rc::clone(audience), target.clone());
        spawn_local(async move {
            if let Err(failure) = watch(&audience, number, &target, manner).await {
                audience.lost(&failure);
            }
        });
    }
}

async fn watch(
    audience: &Audience,
    number: usize,
    target: &Target,
    manner: Manner,
) -> Result<(), Failure> {
    let broken = |error: io::Error| Failure::because("a watcher's connection broke", &error);
    let opening = audience.opening.acquire().await;
    let opening = opening.map_err(|error| Failure::because("no turn to connect", &error))?;
    let mut socket = TcpStream::connect(target.address).await.map_err(broken)?;
    socket.set_nodelay(true).map_err(broken)?;
    let request = request(audience, number, target, manner);
    socket.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    let head = loop {
        if socket.read_buf(&mut answer).await.map_err(broken)? == 0 || answer.len() > LONGEST_HEAD {
            return Err(Failure::new("the server did not answer a watcher's handshake"));
        }
        if let Some(head) = Head::read(&answer)? {
            break head;
        }
    };
    let (wire, expected) = match manner.transport {
        Transport::Websocket => (Wire::websocket(), 101),
        Transport::Sse => (Wire::sse(head.chunked), 200),
    };
    if head.status != expected {
        let text = String::from_utf8_lossy(answer.get(head.end..).unwrap_or_default()).into_owned();
        return Err(Failure::new(format!("a watcher was refused with {}: {text}", head.status)));
    }
    let mut watcher = Watcher {
        audience,
        number,
        document: None,
        opening: Some(opening),
        pongs: Vec::new(),
        over: None,
    };
    let mut wire = wire;
    watcher.take(&mut wire, answer.get(head.end..).unwrap_or_default())?;
    drop(answer);
    loop {
        match watcher.over {
            Some(Over::Ended) => return Ok(()),
            Some(Over::Closed) => {
                return Err(Failure::new("the server closed a watcher's connection"));
            }
            None => {}
        }
        if !watcher.pongs.is_empty() {
            socket.write_all(&watcher.pongs).await.map_err(broken)?;
            watcher.pongs.clear();
        }
        socket.readable().await.map_err(broken)?;
        let mut buffer = audience.buffer.borrow_mut();
        match socket.try_read(&mut buffer) {
            Ok(0) => return Err(Failure::new("the server cut a watcher's connection")),
            Ok(count) => watcher.take(&mut wire, buffer.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(broken(error)),
        }
    }
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug)]
enum Over {
    /// The job's end was told.
    Ended,
    /// The server said farewell before it.
    Closed,
}

#[derive(Debug)]
struct Watcher<'a> {
    audience: &'a Audience,
    number: usize,
    /// The cursor of the document that it holds.
    document: Option<Cursor>,
    /// Held until the first snapshot.
    opening: Option<SemaphorePermit<'a>>,
    /// Frames that answer pings.
    pongs: Vec<u8>,
    over: Option<Over>,
}

impl Watcher<'_> {
    fn take(&mut self, wire: &mut Wire, bytes: &[u8]) -> Result<(), Failure> {
        wire.take(bytes, |arrived| match arrived {
            Arrived::Message(text) => {
                let message = Message::read(text);
                if self.audience.told(self.number, &mut self.document, message) {
                    self.over = Some(Over::Ended);
                }
                if self.document.is_some() {
                    self.opening = None;
                }
            }
            Arrived::Ping(payload) => {
                let length = u8::try_from(payload.len()).unwrap_or_default();
                // A client masks what it sends; a mask of zeros changes nothing.
                self.pongs.extend_from_slice(&[0x8a, 0x80 | length, 0, 0, 0, 0]);
                self.pongs.extend_from_slice(payload);
            }
            Arrived::Closed => {
                self.over.get_or_insert(Over::Closed);
            }
        })
    }
}

fn request(audience: &Audience, number: usize, target: &Target, manner: Manner) -> String {
    let job = audience.jobs.get(number % audience.jobs.len()).map_or("", String::as_str);
    let selection = match manner.lane {
        Lane::State => format!("min_interval_ms={}", manner.min_interval_ms),
        Lane::Events => format!("events=log&min_interval_ms={STATE_RARELY_MS}"),
    };
    let transport = match manner.transport {
        // The key only has to be echoed; nothing between here and the server could have kept an
        // answer to it.
        Transport::Websocket => format!(
            "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: aGVhZHdheSBsb2FkcyBpdA==\r\nsec-websocket-protocol: {SUBPROTOCOL}\r\n"
        ),
        Transport::Sse => "accept: text/event-stream\r\n".to_owned(),
    };
    let headers = target.headers();
    format!("GET /api/v1/jobs/{job}/stream?{selection} HTTP/1.1\r\n{headers}{transport}\r\n")
}
