//! One connection: from its first byte to its last, unless it is handed over to the server of all
//! other requests.

mod ending;
mod request;
mod watching;

use std::io;

use mio::Token;
use mio::event::Event;

use super::admission::Place;
use super::adopted::{Adopted, Purpose};
use super::inbox::is_momentary;
use super::outbound::{Outbound, Written};
use super::shard::Context;
use super::socket::{Read, Secure, Socket};
use super::watcher::Watcher;
use super::wheel::Tick;
use crate::observe::Seen;
use request::Asking;

/// Rounds of taking and writing before others have their turn.
const ROUNDS: usize = 4;

/// Bytes of a next request that may come before this one is answered.
const EARLY_BYTES: usize = 16 * 1024;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for something to happen.
    Stays,
    /// It has more to do, after others.
    Again,
    /// It is over.
    Gone,
    /// Its request is none of ours.
    HandOver,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Connection {
    socket: Socket,
    /// A number that no other connection of the shard has had.
    serial: u32,
    /// For when it is armed in the wheel's near and far slots.
    armed: [Option<Tick>; 2],
    /// Since when the socket has taken nothing, while something waits.
    blocked: Option<Tick>,
    ready: Readiness,
    /// The other side has said its last byte.
    finished: bool,
    /// No request follows the present one.
    last: bool,
    /// Whether it waits in the shard's list.
    pub(super) queued: bool,
    outbound: Outbound,
    /// What was read and is not understood yet, or not wanted yet.
    unread: Vec<u8>,
    phase: Phase,
    place: Place,
}

/// What the poll has told of a socket, and what has been found since.
#[derive(Clone, Copy, Debug)]
struct Readiness {
    readable: bool,
    writable: bool,
    /// The other side says no more: what a read leaves is the end.
    hung_up: bool,
}

#[derive(Debug)]
enum Phase {
    /// A request is awaited, since then; the first, or one after another.
    Request { since: Tick, first: bool },
    /// Whoever sent a request is found out.
    Identifying(Box<Seen>),
    /// The job that a request names is looked up.
    Asking(Box<Asking>),
    /// Somebody watches.
    Watching(Box<Watcher>),
    /// What was taken leaves, and then the other side has a moment to read it all.
    Ending { until: Tick, finished: bool, heard: usize },
}

/// A connection on its way to another owner.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) secure: Option<Box<Secure>>,
    /// What was read of it.
    pub(crate) read: Vec<u8>,
    pub(crate) place: Place,
}

impl Connection {
    pub(super) fn new(socket: Socket, serial: u32, place: Place, now: Tick) -> Self {
        Self {
            socket,
            serial,
            armed: [None; 2],
            blocked: None,
            // Found out by trying; there may have been bytes before the poll knew of it.
            ready: Readiness { readable: true, writable: true, hung_up: false },
            finished: false,
            last: false,
            queued: false,
            outbound: Outbound::default(),
            unread: Vec::new(),
            phase: Phase::Request { since: now, first: true },
            place,
        }
    }

    /// A watcher whose request was answered by somebody else.
    pub(super) fn adopt(adopted: Adopted, key: u32, serial: u32, context: &mut Context) -> Self {
        let Adopted { stream, secure, early, purpose, place, places } = adopted;
        let stream = mio::net::TcpStream::from_std(stream);
        let mut connection = Self::new(Socket::new(stream, secure), serial, place, context.now);
        connection.unread = early;
        match purpose {
            Purpose::Watch(opening) => {
                let (watcher, _answered) = Watcher::open(*opening, key, places, None, context);
                connection.phase = Phase::Watching(Box::new(watcher));
            }
            Purpose::Close(farewell) => {
                connection.outbound.push(farewell.into_bytes());
                connection.end(context);
            }
        }
        connection
    }

    pub(super) fn register(&mut self, key: u32, context: &Context) -> io::Result<()> {
        self.socket.register(&context.registry, Token(key as usize))
    }

    pub(super) fn serial(&self) -> u32 {
        self.serial
    }

    /// Takes what the poll says.
    pub(super) fn notice(&mut self, event: &Event) {
        self.ready.hung_up |= event.is_read_closed() || event.is_error();
        self.ready.readable |= event.is_readable() || self.ready.hung_up;
        self.ready.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// The watcher, if it is one.
    pub(super) fn watcher(&mut self) -> Option<&mut Watcher> {
        match &mut self.phase {
            Phase::Watching(watcher) => Some(watcher),
            Phase::Request { .. }
            | Phase::Identifying(_)
            | Phase::Asking(_)
            | Phase::Ending { .. } => None,
        }
    }

    /// Whether it can do nothing before its socket takes something.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some() && !self.ready.writable
    }

    /// Has it go.
    pub(super) fn stop(&mut self, context: &Context) {
        match &mut self.phase {
            Phase::Watching(watcher) => watcher.stop(context),
            Phase::Request { .. } => self.end(context),
            // What is asked for is answered, and then goes like all others.
            Phase::Identifying(_) | Phase::Asking(_) | Phase::Ending { .. } => {}
        }
    }

    /// Looks at it because a moment has come that it was armed for.
    pub(super) fn due(&mut self, at: Tick, context: &Context) -> bool {
        let Some(slot) = self.armed.iter_mut().find(|armed| **armed == Some(at)) else {
            return false;
        };
        *slot = None;
        match &mut self.phase {
            Phase::Watching(watcher) => {
                watcher.keep_alive(self.blocked, &mut self.outbound, context);
            }
            Phase::Request { .. }
            | Phase::Identifying(_)
            | Phase::Asking(_)
            | Phase::Ending { .. } => {}
        }
        true
    }

    /// Does everything that can be done now.
    pub(super) fn pump(&mut self, key: u32, context: &mut Context) -> Fate {
        // A watcher writes for itself; an answer that did not fit at once leaves here.
        let behind = self.blocked.is_some() || self.socket.is_behind();
        if self.ready.writable && behind && self.watcher().is_none() {
            self.write_waiting(context);
            if let Phase::Request { since, .. } = &mut self.phase
                && self.blocked.is_none()
            {
                // The time for the next request begins when this one's answer has left.
                *since = context.now;
            }
        }
        let mut rounds = 0;
        loop {
            let fate = match &mut self.phase {
                Phase::Request { .. } => self.await_request(key, context),
                Phase::Identifying(_) | Phase::Asking(_) => self.await_nothing(context),
                Phase::Watching(_) => self.watch(key, context),
                Phase::Ending { .. } => self.leave(context),
            };
            match fate {
                Step::Wait => {
                    self.arm(key, context);
                    return Fate::Stays;
                }
                Step::Go => {
                    rounds += 1;
                    if rounds >= ROUNDS {
                        return Fate::Again;
                    }
                }
                Step::Gone => return Fate::Gone,
                Step::HandOver => return Fate::HandOver,
            }
        }
    }

    /// Gives it away.
    pub(super) fn hand_over(self, context: &Context) -> io::Result<HandedOver> {
        let (stream, secure) = self.socket.leave(&context.registry)?;
        Ok(HandedOver { stream: stream.into(), secure, read: self.unread, place: self.place })
    }

    /// Reads what there is to what is unread. Whether there may be more at once.
    fn read_more(&mut self, context: &mut Context) -> bool {
        if !self.ready.readable || self.finished {
            return false;
        }
        match self.socket.read(&mut context.buffers) {
            Ok(Read { length: 0, .. }) => self.finished = true,
            Ok(read) => {
                self.ready.readable = read.more || self.ready.hung_up;
                self.unread.extend_from_slice(context.buffers.of(read));
                return self.ready.readable;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(error) if is_momentary(&error) => self.ready.readable = false,
            Err(_) => {
                self.finished = true;
                self.unread = Vec::new();
            }
        }
        false
    }

    fn write_waiting(&mut self, context: &Context) {
        let written = self.outbound.write(&mut self.socket, []);
        // A fault shows again when the next request is read.
        if self.wrote(written, context).is_err() {
            self.finished = true;
        }
    }

    fn wrote(&mut self, written: io::Result<Written>, context: &Context) -> Result<Written, Step> {
        match written {
            Ok(Written::All) => self.blocked = None,
            Ok(Written::Blocked { some }) => {
                self.ready.writable = false;
                let since = self.blocked.filter(|_| !some);
                self.blocked = Some(since.unwrap_or(context.now));
            }
            Err(error) => {
                tracing::debug!(%error, "a connection broke");
                return Err(Step::Gone);
            }
        }
        written.map_err(|_| Step::Gone)
    }

    /// Sees to it that it is looked at again in time.
    fn arm(&mut self, key: u32, context: &mut Context) {
        let due = match &self.phase {
            Phase::Request { since, first } => since.after_ms(self.request_ms(*first, context)),
            // Both are bounded by the store, and the first by the identity provider's time limit.
            Phase::Identifying(_) | Phase::Asking(_) => return,
            Phase::Watching(watcher) => watcher.due(self.blocked, context),
            Phase::Ending { until, .. } => *until,
        };
        let slot = usize::from(!context.wheel.is_near(due));
        let Some(armed) = self.armed.get_mut(slot) else { return };
        if armed.is_none_or(|armed| armed > due) {
            *armed = Some(context.wheel.arm(key, due));
        }
    }
}

/// What a phase does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Wait,
    Go,
    Gone,
    HandOver,
}
