//! One connection: from its first byte to its last, unless it is handed over to the server of all
//! other requests.

use std::io;
use std::sync::Arc;

use axum::http::request::Parts;
use headway_hub::Warm;
use headway_protocol::CloseCode;
use headway_websocket::close;
use mio::Token;
use mio::event::Event;

use super::admission::{Limit, Place};
use super::adopted::{Adopted, Purpose};
use super::answer::{Answer, Body};
use super::head::{self, Head};
use super::inbox::is_momentary;
use super::outbound::{Outbound, Written};
use super::shard::Context;
use super::socket::{Read, Secure, Socket};
use super::watcher::{Taken, Watcher};
use super::wheel::Tick;
use crate::observe::Seen;
use crate::stream::opening::{Address, Begin, Opening, Standing};

/// Rounds of taking and writing before others have their turn.
const ROUNDS: usize = 4;

/// How long a connection stays open for the next request, in milliseconds.
const NEXT_REQUEST_MS: u64 = 60_000;

/// How long the other side has to close its end once everything has left, in milliseconds.
const LINGER_MS: u64 = 1_000;

/// What an ending connection may still send before it is cut, in bytes.
const LAST_BYTES: usize = 1024 * 1024;

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
    /// The job that a request names is looked up.
    Asking(Box<Asking>),
    /// Somebody watches.
    Watching(Box<Watcher>),
    /// What was taken leaves, and then the other side has a moment to read it all.
    Ending { until: Tick, finished: bool, heard: usize },
}

#[derive(Debug)]
struct Asking {
    opening: Opening,
    seen: Seen,
    places: Vec<Place>,
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
                let (watcher, _answered) = Watcher::open(opening, key, places, None, context);
                connection.phase = Phase::Watching(Box::new(watcher));
            }
            Purpose::Close(code) => {
                connection.outbound.push(close_frame(code));
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
            Phase::Request { .. } | Phase::Asking(_) | Phase::Ending { .. } => None,
        }
    }

    /// Whether it can do nothing before its socket takes something.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some() && !self.ready.writable
    }

    /// Takes what is known of the job that its request names.
    pub(super) fn found(
        &mut self,
        key: u32,
        outcome: Result<Option<Standing>, headway_hub::Error>,
        context: &mut Context,
    ) {
        let since = context.now;
        let phase = std::mem::replace(&mut self.phase, Phase::Request { since, first: false });
        match phase {
            Phase::Asking(asking) => {
                let Asking { opening, seen, places } = *asking;
                let begin = match outcome {
                    Ok(standing) => opening.begin(standing),
                    Err(error) => Begin::Refuse(error.into()),
                };
                self.begin(begin, seen, places, key, context);
            }
            phase @ (Phase::Request { .. } | Phase::Watching(_) | Phase::Ending { .. }) => {
                self.phase = phase;
            }
        }
    }

    /// Has it go.
    pub(super) fn stop(&mut self, context: &Context) {
        match &mut self.phase {
            Phase::Watching(watcher) => watcher.stop(context),
            Phase::Request { .. } => self.end(context),
            // What is asked for is answered, and then goes like all others.
            Phase::Asking(_) | Phase::Ending { .. } => {}
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
            Phase::Request { .. } | Phase::Asking(_) | Phase::Ending { .. } => {}
        }
        true
    }

    /// Does everything that can be done now.
    pub(super) fn pump(&mut self, key: u32, context: &mut Context) -> Fate {
        if self.ready.writable && self.socket.is_behind() && self.blocked.is_none() {
            self.write_waiting(context);
        }
        let mut rounds = 0;
        loop {
            let fate = match &mut self.phase {
                Phase::Request { .. } => self.await_request(key, context),
                Phase::Asking(_) => self.await_nothing(context),
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

    fn await_request(&mut self, key: u32, context: &mut Context) -> Step {
        if let Phase::Request { since, first } = self.phase {
            let limit = self.request_ms(first, context);
            if context.now.ms_since(since) >= limit {
                if !self.unread.is_empty() || first {
                    context.admission.hit(Limit::Head);
                }
                return Step::Gone;
            }
        }
        let idle = self.unread.is_empty();
        let read = self.read_more(context);
        if let Phase::Request { since, first: false } = &mut self.phase
            && idle
            && !self.unread.is_empty()
        {
            // The time for a head begins with its first byte.
            *since = context.now;
        }
        let (parts, address, length) = match head::read(&self.unread) {
            Head::Incomplete if self.finished && self.unread.is_empty() => return Step::Gone,
            Head::Incomplete if self.finished => return Step::HandOver,
            Head::Incomplete => return if read { Step::Go } else { Step::Wait },
            Head::Other => return Step::HandOver,
            Head::Watch(parts, address, length) => (parts, address, length),
        };
        self.unread.drain(..length);
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        self.ask(key, &parts, &address, context);
        Step::Go
    }

    fn ask(&mut self, key: u32, parts: &Parts, address: &Address, context: &mut Context) {
        let seen = Seen::new(&context.app, &parts.headers, address.route());
        self.last = context.stopping || head::is_last(parts);
        let opening = match Opening::read(parts, address) {
            Ok(opening) => opening,
            Err(begin) => return self.begin(begin, seen, Vec::new(), key, context),
        };
        let peer = self.socket.peer().map(|peer| peer.ip()).ok();
        let places = match context.admission.places(peer, parts, &opening.caller) {
            Ok(places) => places,
            Err(limit) => {
                let begin = opening.refuse(limit);
                return self.begin(begin, seen, Vec::new(), key, context);
            }
        };
        let Some(job) = opening.job.clone() else {
            return self.begin(opening.begin(None), seen, places, key, context);
        };
        match context.app.hub.warm_now(&opening.caller, &job) {
            Warm::Here(cursor, status) => {
                self.begin(opening.begin(Some((cursor, status))), seen, places, key, context);
            }
            Warm::Hidden => self.begin(opening.begin(None), seen, places, key, context),
            Warm::Cold => {
                let caller = Arc::clone(&opening.caller);
                self.phase = Phase::Asking(Box::new(Asking { opening, seen, places }));
                context.look_up(key, self.serial, caller, job);
            }
        }
    }

    fn begin(
        &mut self,
        begin: Begin,
        seen: Seen,
        places: Vec<Place>,
        key: u32,
        context: &mut Context,
    ) {
        let since = context.now;
        let headers = axum::http::HeaderMap::new();
        let (answer, code) = match begin {
            Begin::Stream(opening) => {
                let (watcher, answer) =
                    Watcher::open(opening, key, places, Some((seen, self.last)), context);
                self.phase = Phase::Watching(Box::new(watcher));
                self.outbound.push(answer);
                if context.stopping {
                    self.stop(context);
                }
                return;
            }
            Begin::NothingFollows => {
                let status = axum::http::StatusCode::NO_CONTENT;
                (Answer { status, headers, body: Body::None }, None)
            }
            Begin::Close(handshake, code) => {
                let (status, headers) = handshake.answer();
                (Answer { status, headers, body: Body::None }, Some(code))
            }
            Begin::Refuse(refusal) => (Answer::refuse(refusal), None),
        };
        let ends = self.last || context.stopping;
        self.outbound.push(context.bytes(answer, seen, ends && code.is_none()));
        if let Some(code) = code {
            self.outbound.push(close_frame(code));
            self.end(context);
        } else if ends {
            self.end(context);
        } else {
            self.phase = Phase::Request { since, first: false };
            self.write_waiting(context);
        }
    }

    /// While a job is looked up, only the other side's leaving matters.
    fn await_nothing(&mut self, context: &mut Context) -> Step {
        self.read_more(context);
        if self.finished || self.unread.len() > EARLY_BYTES { Step::Gone } else { Step::Wait }
    }

    fn watch(&mut self, key: u32, context: &mut Context) -> Step {
        if let Err(step) = self.hear(context) {
            return step;
        }
        let Phase::Watching(watcher) = &mut self.phase else { return Step::Go };
        watcher.work(key, self.serial, context);
        if self.blocked.is_some() {
            // Newer states wait in the session until what was taken has left.
            if !self.ready.writable {
                return self.wait_or_leave(context);
            }
            let written = self.outbound.write(&mut self.socket, []);
            match self.wrote(written, context) {
                Ok(Written::Blocked { .. }) => return self.wait_or_leave(context),
                Ok(Written::All) => {}
                Err(step) => return step,
            }
        }
        let Phase::Watching(watcher) = &mut self.phase else { return Step::Go };
        let mut frames = std::mem::take(&mut context.frames);
        let taken = watcher.take(&mut frames, &mut self.outbound, context);
        let written = if frames.is_empty() && self.outbound.is_empty() {
            Ok(Written::All)
        } else {
            let pieces = frames.iter().map(|frame| watcher.encode(frame));
            self.outbound.write(&mut self.socket, pieces)
        };
        context.app.delivered(&frames);
        frames.clear();
        context.frames = frames;
        match self.wrote(written, context) {
            Ok(Written::Blocked { .. }) => return self.wait_or_leave(context),
            Ok(Written::All) => {}
            Err(step) => return step,
        }
        let Phase::Watching(watcher) = &mut self.phase else { return Step::Go };
        if watcher.over().is_some() {
            return self.farewell(context);
        }
        // Reads may have been asked for on the way.
        let asked = watcher.work(key, self.serial, context);
        // And what was not wanted before may be now.
        let unheard = self.ready.readable || !self.unread.is_empty() && watcher.converses();
        let hears = unheard && watcher.wants_bytes(&self.outbound, context);
        if taken == Taken::Some || asked || hears { Step::Go } else { Step::Wait }
    }

    /// Hears what the client says, as far as it is wanted.
    fn hear(&mut self, context: &mut Context) -> Result<(), Step> {
        let Phase::Watching(watcher) = &mut self.phase else { return Ok(()) };
        if !self.unread.is_empty() && watcher.converses() {
            let unread = std::mem::take(&mut self.unread);
            let mut bytes = unread.as_slice();
            watcher.hear(&mut bytes, &mut self.outbound, context);
            if !bytes.is_empty() {
                self.unread = bytes.to_vec();
                return Ok(());
            }
        }
        if !self.ready.readable || !watcher.wants_bytes(&self.outbound, context) {
            return Ok(());
        }
        match self.socket.read(&mut context.buffers) {
            Ok(Read { length: 0, .. }) => Err(Step::Gone),
            Ok(read) => {
                self.ready.readable = read.more || self.ready.hung_up;
                let buffers = std::mem::take(&mut context.buffers);
                let mut bytes = buffers.of(read);
                watcher.hear(&mut bytes, &mut self.outbound, context);
                self.unread.extend_from_slice(bytes);
                context.buffers = buffers;
                let early = !watcher.converses() && self.unread.len() > EARLY_BYTES;
                if early { Err(Step::Gone) } else { Ok(()) }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if is_momentary(&error) => {
                self.ready.readable = false;
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, "a watcher's connection broke");
                Err(Step::Gone)
            }
        }
    }

    fn wait_or_leave(&mut self, context: &mut Context) -> Step {
        let over = self.watcher().and_then(|watcher| watcher.over());
        if over.is_some() { self.farewell(context) } else { Step::Wait }
    }

    /// A watcher is over: its connection ends, or waits for the next request.
    fn farewell(&mut self, context: &mut Context) -> Step {
        let Phase::Watching(watcher) = &mut self.phase else { return Step::Go };
        let Some(over) = watcher.over() else { return Step::Go };
        self.outbound.push(watcher.farewell(over));
        if watcher.leaves_connection() && !self.last {
            self.phase = Phase::Request { since: context.now, first: false };
            self.write_waiting(context);
        } else {
            self.end(context);
        }
        Step::Go
    }

    /// Nothing more is said than what is on its way.
    fn end(&mut self, context: &Context) {
        let within = u64::try_from(context.app.options.head_timeout.as_millis()).unwrap_or(5_000);
        let until = context.now.after_ms(within);
        self.unread = Vec::new();
        self.phase = Phase::Ending { until, finished: false, heard: 0 };
    }

    /// Writes what is left, says that nothing follows, and then only reads: a socket that is closed
    /// with unread bytes is reset, which may destroy what is on its way.
    fn leave(&mut self, context: &mut Context) -> Step {
        let Phase::Ending { until, finished, heard } = self.phase else { return Step::Go };
        if context.now >= until {
            return Step::Gone;
        }
        if !finished {
            let written = self.outbound.write(&mut self.socket, []);
            match self.wrote(written, context) {
                Ok(Written::All) => {}
                Ok(Written::Blocked { .. }) => return Step::Wait,
                Err(step) => return step,
            }
            if self.socket.finish().is_err() {
                return Step::Gone;
            }
            let until = context.now.after_ms(LINGER_MS);
            self.phase = Phase::Ending { until, finished: true, heard };
        }
        let mut total = heard;
        while self.ready.readable {
            match self.socket.read(&mut context.buffers) {
                Ok(Read { length: 0, .. }) => return Step::Gone,
                Ok(read) => total += read.length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_momentary(&error) => self.ready.readable = false,
                Err(_) => return Step::Gone,
            }
            if total > LAST_BYTES {
                return Step::Gone;
            }
        }
        if let Phase::Ending { heard, .. } = &mut self.phase {
            *heard = total;
        }
        Step::Wait
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

    fn request_ms(&self, first: bool, context: &Context) -> u64 {
        if first || !self.unread.is_empty() {
            u64::try_from(context.app.options.head_timeout.as_millis()).unwrap_or(NEXT_REQUEST_MS)
        } else {
            NEXT_REQUEST_MS
        }
    }

    /// Sees to it that it is looked at again in time.
    fn arm(&mut self, key: u32, context: &mut Context) {
        let due = match &self.phase {
            Phase::Request { since, first } => since.after_ms(self.request_ms(*first, context)),
            // The look-up is bounded by the store.
            Phase::Asking(_) => return,
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

fn close_frame(code: CloseCode) -> bytes::Bytes {
    close::frame(code.as_u16(), crate::stream::reason(code))
}
