//! One thread of the front: a poll, the listener, and the connections that it has taken.
//!
//! Everything that happens is an event of the poll, a message in the inbox, a ring of the bell or a
//! moment of the wheel; each puts connections into one list, and the list is worked off. A thread
//! never waits for anything but its poll.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use bytes::Bytes;
use headway_access::Caller;
use headway_hub::session::Answer;
use headway_hub::{AskedCommand, Bell, Frame, Ring};
use headway_protocol::{JobId, Secret, Timestamp};
use headway_signin::Presented;
use headway_tls::Acceptor;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::admission::{Admission, Limit};
use super::answer::Answer as HttpAnswer;
use super::connection::{Connection, Fate, HandedOver};
use super::inbox::{Inbox, Read, Told, Whom, is_momentary};
use super::socket::{Buffers, Secure, Socket};
use super::wheel::{Tick, Wheel};
use crate::app::App;
use crate::observe::Seen;
use crate::stream::carry_out;
use crate::stream::opening::{self, Address};

/// The listener's token; those of connections are their keys, which are smaller.
const LISTENER: Token = Token(usize::MAX);
/// The token of whoever wakes the thread.
pub(super) const WAKE: Token = Token(usize::MAX - 1);

/// Events taken from the poll at once.
const EVENTS: usize = 1_024;
/// Connections taken in a row before the others have their turn.
const ACCEPTS: usize = 256;
/// Connections worked on in a row before the poll is asked again.
const AT_ONCE: usize = 256;
/// Connections worked on before the clock is read again: what they take is well below a millisecond.
const TURNS_OF_TIME: usize = 32;
/// How long to wait when the system has no room for another connection, in milliseconds.
const ACCEPT_AGAIN_MS: u64 = 100;

/// What the connections of a thread share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) app: App,
    pub(super) admission: Arc<Admission>,
    pub(super) registry: mio::Registry,
    pub(super) bell: Arc<Bell>,
    pub(super) wheel: Wheel,
    pub(super) now: Tick,
    time: Timestamp,
    pub(super) stopping: bool,
    /// What every connection reads into.
    pub(super) buffers: Buffers,
    /// Frames on their way from a session to its socket; empty in between.
    pub(super) frames: Vec<Frame>,
    inbox: Arc<Inbox>,
    runtime: tokio::runtime::Handle,
    began: Instant,
}

impl Context {
    /// The time, as the hub has it, when the connection that is worked on had its turn.
    pub(super) fn time(&self) -> Timestamp {
        self.time
    }

    /// Milliseconds until a moment.
    pub(super) fn until(&self, moment: Timestamp) -> u64 {
        // Also when the clock was set back, a heartbeat is not late by more than its interval.
        moment.since(self.time()).min(self.app.hub.options().heartbeat_ms)
    }

    /// Has a session's request done elsewhere.
    pub(super) fn perform(
        &self,
        key: u32,
        serial: u32,
        done: impl Future<Output = Answer> + Send + 'static,
    ) {
        let inbox = Arc::clone(&self.inbox);
        self.runtime.spawn(async move {
            inbox.tell(Told::Answered(Whom { key, serial }, done.await));
        });
    }

    /// Has a watcher's command carried out.
    pub(super) fn command(
        &self,
        (key, serial): (u32, u32),
        (caller, address): (Arc<Caller>, IpAddr),
        asked: AskedCommand,
    ) {
        let (inbox, app) = (Arc::clone(&self.inbox), Arc::clone(&self.app));
        self.runtime.spawn(async move {
            let outcome = carry_out(&app, (&caller, address), &asked).await;
            inbox.tell(Told::Commanded(Whom { key, serial }, asked.id, outcome));
        });
    }

    /// Reads a request whose sender is not known yet, once that was found out.
    pub(super) fn read_patiently(
        &self,
        (key, serial): (u32, u32),
        (parts, address): (Box<Parts>, Address),
        peer: IpAddr,
    ) {
        let (inbox, app) = (Arc::clone(&self.inbox), Arc::clone(&self.app));
        self.runtime.spawn(async move {
            let opening = opening::read_patiently(&app, &parts, &address, peer).await;
            let read = Box::new(Read { parts, peer, opening });
            inbox.tell(Told::Read(Whom { key, serial }, read));
        });
    }

    /// Finds out who somebody is whose token is signed with a key that is not known yet.
    pub(super) fn identify(&self, key: u32, serial: u32, token: Secret, address: IpAddr) {
        let (inbox, app) = (Arc::clone(&self.inbox), Arc::clone(&self.app));
        self.runtime.spawn(async move {
            let presented = Presented::Bearer(token.expose());
            let outcome =
                app.door.signin.identify_patiently(presented, address, app.hub.now()).await;
            inbox.tell(Told::SignedIn(Whom { key, serial }, outcome));
        });
    }

    /// Has a job looked up that a request names.
    pub(super) fn look_up(&self, key: u32, serial: u32, caller: Arc<Caller>, job: JobId) {
        let (inbox, app) = (Arc::clone(&self.inbox), Arc::clone(&self.app));
        self.runtime.spawn(async move {
            let outcome = app.hub.warm(&caller, &job).await;
            inbox.tell(Told::Found(Whom { key, serial }, outcome));
        });
    }

    /// An answer as bytes, counted; `close` says that the connection ends with it.
    pub(super) fn bytes(&self, mut answer: HttpAnswer, seen: Seen, close: bool) -> Bytes {
        seen.mark(&self.app, answer.status, &mut answer.headers);
        answer.into_bytes(close, self.time())
    }

    fn tick(&mut self) {
        self.time = self.app.hub.now();
        let elapsed = self.began.elapsed().as_millis();
        let ticks = u32::try_from(elapsed / u128::from(super::wheel::TICK_MS));
        self.now = Tick(ticks.unwrap_or(u32::MAX));
    }
}

/// What a thread is started with.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) app: App,
    pub(super) poll: Poll,
    pub(super) inbox: Arc<Inbox>,
    pub(super) listener: TcpListener,
    pub(super) handover: mpsc::Sender<HandedOver>,
    pub(super) runtime: tokio::runtime::Handle,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shard {
    poll: Poll,
    context: Context,
    inbox: Arc<Inbox>,
    listener: Option<TcpListener>,
    handover: mpsc::Sender<HandedOver>,
    connections: Slab<Box<Connection>>,
    serial: u32,
    /// Connections to work on, each at most once.
    queue: std::collections::VecDeque<u32>,
    /// There may be connections to take.
    accepts: bool,
    /// When to try again to take connections.
    accept_at: Option<Tick>,
    rings: Vec<Ring>,
    told: Vec<Told>,
    up: Vec<(Tick, u32)>,
}

impl Shard {
    pub(super) fn new(beginning: Beginning) -> io::Result<Self> {
        let Beginning { app, poll, inbox, mut listener, handover, runtime } = beginning;
        let registry = poll.registry().try_clone()?;
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        let alarm = Arc::clone(&inbox);
        let app_time = app.hub.now();
        let context = Context {
            admission: Arc::clone(&app.admission),
            app,
            registry,
            bell: Bell::new(move || alarm.alarm().wake()),
            wheel: Wheel::new(),
            now: Tick(0),
            time: app_time,
            stopping: false,
            buffers: Buffers::new(),
            frames: Vec::new(),
            inbox: Arc::clone(&inbox),
            runtime,
            began: Instant::now(),
        };
        Ok(Self {
            poll,
            context,
            inbox,
            listener: Some(listener),
            handover,
            connections: Slab::new(),
            serial: 0,
            queue: std::collections::VecDeque::new(),
            accepts: true,
            accept_at: None,
            rings: Vec::new(),
            told: Vec::new(),
            up: Vec::new(),
        })
    }

    /// Serves until it was told to stop and everybody has gone.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            if let Err(error) = self.wait(&mut events)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the system does not tell of connections");
                return;
            }
            self.context.tick();
            for event in &events {
                self.notice(event);
            }
            self.read_inbox();
            self.hear_rings();
            self.turn_wheel();
            self.accept();
            self.work();
            if self.context.stopping && self.connections.is_empty() {
                return;
            }
        }
    }

    /// Waits for something to happen, unless there is something to do.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let busy = !self.queue.is_empty() || !self.rings.is_empty() || self.accepts;
        if busy {
            return self.poll.poll(events, Some(Duration::ZERO));
        }
        self.inbox.alarm().arm();
        // Whatever came before the alarm was armed wakes nobody.
        self.context.bell.take(&mut self.rings);
        let nothing = self.rings.is_empty() && self.inbox.is_empty();
        let timeout = if nothing {
            self.context.tick();
            let again = self.accept_at.map(|at| at.ms_since(self.context.now).max(1));
            let next = self.context.wheel.until_next(self.context.now);
            next.into_iter().chain(again).min().map(Duration::from_millis)
        } else {
            Some(Duration::ZERO)
        };
        let outcome = self.poll.poll(events, timeout);
        self.inbox.alarm().disarm();
        outcome
    }

    fn notice(&mut self, event: &mio::event::Event) {
        match event.token() {
            LISTENER => self.accepts = true,
            WAKE => {}
            Token(key) => {
                let Some(connection) = self.connections.get_mut(key) else { return };
                connection.notice(event);
                enqueue(&mut self.queue, key, connection);
            }
        }
    }

    fn read_inbox(&mut self) {
        self.inbox.take(&mut self.told);
        let mut told = std::mem::take(&mut self.told);
        for told in told.drain(..) {
            match told {
                Told::Answered(whom, answer) => {
                    let Self { context, connections, queue, .. } = self;
                    if let Some((key, connection)) = find(connections, whom)
                        && let Some(watcher) = connection.watcher()
                    {
                        watcher.answered(answer, context);
                        enqueue(queue, key, connection);
                    }
                }
                Told::Commanded(whom, id, outcome) => {
                    if let Some((key, connection)) = find(&mut self.connections, whom)
                        && let Some(watcher) = connection.watcher()
                    {
                        watcher.commanded(&id, outcome);
                        enqueue(&mut self.queue, key, connection);
                    }
                }
                Told::Found(whom, outcome) => {
                    let Self { context, connections, queue, .. } = self;
                    if let Some((key, connection)) = find(connections, whom) {
                        connection.found(whom.key, outcome, context);
                        enqueue(queue, key, connection);
                    }
                }
                Told::Read(whom, read) => {
                    let Self { context, connections, queue, .. } = self;
                    if let Some((key, connection)) = find(connections, whom) {
                        connection.identified(whom.key, *read, context);
                        enqueue(queue, key, connection);
                    }
                }
                Told::SignedIn(whom, outcome) => {
                    let Self { context, connections, queue, .. } = self;
                    if let Some((key, connection)) = find(connections, whom)
                        && let Some(watcher) = connection.watcher()
                    {
                        watcher.signed_in(outcome, context);
                        enqueue(queue, key, connection);
                    }
                }
                Told::Revoked => self.look_at_all(),
                Told::Adopted(adopted) => self.adopt(*adopted),
                Told::Stop => self.stop(),
            }
        }
        self.told = told;
    }

    fn hear_rings(&mut self) {
        self.context.bell.take(&mut self.rings);
        // As many as are worked on at once: a session that was looked at is still in the
        // processor's cache when its turn comes.
        let heard = self.rings.len().min(AT_ONCE.saturating_sub(self.queue.len()));
        for ring in self.rings.drain(..heard) {
            // A ring for somebody who has gone may reach whoever has the number now, for whom it is
            // one look too many.
            let key = ring.session as usize;
            let Some(connection) = self.connections.get_mut(key) else { continue };
            let Some(watcher) = connection.watcher() else { continue };
            watcher.session().handle_ring(ring);
            if !connection.is_blocked() {
                enqueue(&mut self.queue, key, connection);
            }
        }
    }

    fn turn_wheel(&mut self) {
        self.context.wheel.turn(self.context.now, &mut self.up);
        for (at, key) in self.up.drain(..) {
            let key = key as usize;
            if let Some(connection) = self.connections.get_mut(key)
                && connection.due(at, &self.context)
            {
                enqueue(&mut self.queue, key, connection);
            }
        }
    }

    fn accept(&mut self) {
        if self.accept_at.is_some_and(|at| at <= self.context.now) {
            self.accept_at = None;
            self.accepts = true;
        }
        if !self.accepts {
            return;
        }
        for _ in 0..ACCEPTS {
            let Some(listener) = &self.listener else {
                self.accepts = false;
                return;
            };
            match listener.accept() {
                Ok((stream, peer)) => self.let_in(stream, peer.ip()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.accepts = false;
                    return;
                }
                Err(error) if is_gone(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    self.accepts = false;
                    self.accept_at = Some(self.context.now.after_ms(ACCEPT_AGAIN_MS));
                    return;
                }
            }
        }
    }

    fn let_in(&mut self, stream: mio::net::TcpStream, peer: IpAddr) {
        let acceptor = self.context.app.options.tls.as_deref();
        let place = match self.context.admission.connect(peer) {
            Ok(place) => place,
            // Whoever speaks TLS is not understood yet, and is let go without a word.
            Err(_) if acceptor.is_some() => return,
            Err(limit) => return refuse(stream, limit, self.context.time()),
        };
        let secure = match acceptor.map(Acceptor::session).transpose() {
            Ok(session) => session.map(|session| Box::new(Secure { session, unsent: Vec::new() })),
            Err(error) => {
                tracing::error!(%error, "a connection under TLS could not begin");
                return;
            }
        };
        self.serial = self.serial.wrapping_add(1);
        let socket = Socket::new(stream, secure);
        let connection = Connection::new(socket, self.serial, place, self.context.now);
        self.add(connection);
    }

    fn adopt(&mut self, adopted: super::adopted::Adopted) {
        self.serial = self.serial.wrapping_add(1);
        let Ok(key) = u32::try_from(self.connections.vacant_key()) else { return };
        let mut connection = Connection::adopt(adopted, key, self.serial, &mut self.context);
        if self.context.stopping {
            connection.stop(&self.context);
        }
        self.add(connection);
    }

    fn add(&mut self, mut connection: Connection) {
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let Ok(number) = u32::try_from(key) else { return };
        if let Err(error) = connection.register(number, &self.context) {
            tracing::warn!(%error, "a connection could not be taken");
            return;
        }
        let connection = entry.insert(Box::new(connection));
        enqueue(&mut self.queue, key, connection);
    }

    /// Lets those go whose sign-in has ended.
    fn look_at_all(&mut self) {
        for (key, connection) in &mut self.connections {
            if let Some(watcher) = connection.watcher()
                && watcher.has_ended(&self.context)
            {
                enqueue(&mut self.queue, key, connection);
            }
        }
    }

    fn stop(&mut self) {
        self.context.stopping = true;
        self.accepts = false;
        // From here on the system refuses whoever comes.
        self.listener = None;
        for (key, connection) in &mut self.connections {
            connection.stop(&self.context);
            enqueue(&mut self.queue, key, connection);
        }
    }

    /// Works on those in the list, and leaves the rest for the next time.
    fn work(&mut self) {
        for turn in 0..self.queue.len().min(AT_ONCE) {
            let Some(number) = self.queue.pop_front() else { return };
            if turn % TURNS_OF_TIME == TURNS_OF_TIME - 1 {
                self.context.tick();
            }
            let key = number as usize;
            let Some(connection) = self.connections.get_mut(key) else { continue };
            connection.queued = false;
            let context = &mut self.context;
            let outcome = catch_unwind(AssertUnwindSafe(|| connection.pump(number, context)));
            let fate = outcome.unwrap_or_else(|_| {
                // The panic hook has written what happened and where; the others live on, with what
                // this one had borrowed made anew.
                (self.context.buffers, self.context.frames) = (Buffers::new(), Vec::new());
                Fate::Gone
            });
            match fate {
                Fate::Stays => {}
                Fate::Again => enqueue(&mut self.queue, key, connection),
                Fate::Gone => drop(self.connections.remove(key)),
                Fate::HandOver => self.hand_over(key),
            }
        }
    }

    fn hand_over(&mut self, key: usize) {
        let connection = self.connections.remove(key);
        let Ok(permit) = self.handover.try_reserve() else {
            self.context.admission.hit(Limit::Handover);
            return;
        };
        match connection.hand_over(&self.context) {
            Ok(handed_over) => permit.send(handed_over),
            Err(error) => tracing::debug!(%error, "a connection was lost on its way"),
        }
    }
}

fn enqueue(queue: &mut std::collections::VecDeque<u32>, key: usize, connection: &mut Connection) {
    if !connection.queued
        && let Ok(number) = u32::try_from(key)
    {
        connection.queued = true;
        queue.push_back(number);
    }
}

/// Who a message is for, if it is still there.
fn find(connections: &mut Slab<Box<Connection>>, whom: Whom) -> Option<(usize, &mut Connection)> {
    let key = whom.key as usize;
    let connection = connections.get_mut(key)?;
    (connection.serial() == whom.serial).then_some((key, connection))
}

/// Says that there is no room, as far as the socket takes it at once, and lets go.
fn refuse(mut stream: mio::net::TcpStream, limit: Limit, now: Timestamp) {
    let text = HttpAnswer::refuse(limit.into()).into_bytes(true, now);
    if let Err(error) = io::Write::write_all(&mut stream, &text)
        && !is_momentary(&error)
    {
        tracing::debug!(%error, "somebody left before there was no room");
    }
}

/// Whether only one connection failed, and the next may be taken.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted)
}
