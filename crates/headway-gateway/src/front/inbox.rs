//! What other threads tell a shard.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::request::Parts;
use headway_access::Caller;
use headway_hub::session::Answer;
use headway_protocol::Problem;
use headway_signin::Refused;
use parking_lot::Mutex;
use serde_json::Value;

use super::adopted::Adopted;
use crate::stream::opening::{Begin, Opening, Standing};

/// Which connection a message is for. Its number may have been given to another one since; its
/// serial number is nobody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whom {
    pub(super) key: u32,
    pub(super) serial: u32,
}

/// A request that was read after its sender was found out.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) parts: Box<Parts>,
    pub(super) peer: IpAddr,
    pub(super) opening: Result<Opening, Begin>,
}

/// What a shard is told.
#[derive(Debug)]
pub(super) enum Told {
    /// What came of a session's request.
    Answered(Whom, Answer),
    /// What came of a watcher's command.
    Commanded(Whom, String, Result<Value, Problem>),
    /// What is known of the job that a request names.
    Found(Whom, Result<Option<Standing>, headway_hub::Error>),
    /// A watcher whose request came by the server of all other requests.
    Adopted(Box<Adopted>),
    /// A request whose sender had to be found out.
    Read(Whom, Box<Read>),
    /// Who a watcher is, by what it said of itself.
    SignedIn(Whom, Result<Arc<Caller>, Refused>),
    /// Somebody's sign-in has ended.
    Revoked,
    /// Everybody has to go.
    Stop,
}

/// A shard's letter box.
///
/// Bounded by what its connections have asked for: each has at most a fixed number of requests and
/// commands on their way, and each adopted connection has a place among all connections.
#[derive(Debug)]
pub(super) struct Inbox {
    told: Mutex<Vec<Told>>,
    alarm: Alarm,
}

impl Inbox {
    pub(super) fn new(waker: mio::Waker) -> Self {
        let alarm = Alarm { waker, asleep: AtomicBool::new(false) };
        Self { told: Mutex::default(), alarm }
    }

    pub(super) fn tell(&self, told: Told) {
        self.told.lock().push(told);
        self.alarm.wake();
    }

    /// Moves everything that was told to the end of `into`.
    pub(super) fn take(&self, into: &mut Vec<Told>) {
        into.append(&mut self.told.lock());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.lock().is_empty()
    }

    pub(super) fn alarm(&self) -> &Alarm {
        &self.alarm
    }
}

/// Wakes a shard that sleeps, and costs nothing while it works.
#[derive(Debug)]
pub(super) struct Alarm {
    waker: mio::Waker,
    asleep: AtomicBool,
}

impl Alarm {
    /// Sees to it that the shard looks at what there is.
    pub(super) fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a thread that serves watchers cannot be woken");
        }
    }

    /// The shard is about to sleep: whoever comes from now on wakes it. What came before has to be
    /// looked for once more after this.
    pub(super) fn arm(&self) {
        self.asleep.store(true, Ordering::SeqCst);
    }

    /// The shard is awake.
    pub(super) fn disarm(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// An error of the system that only says: not now.
pub(super) fn is_momentary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
