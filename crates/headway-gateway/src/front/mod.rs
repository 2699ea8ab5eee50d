//! The front: the listener, and the sockets of everybody who watches.
//!
//! A few threads, one for each core, take connections and read the head of each request. Whoever
//! wants to watch stays with the thread that took it: an idle watcher is a socket, a session and
//! nothing else, and a job that moves is written to all its watchers by a loop over them. Every
//! other request is handed over, with what was read of it, to the server of all other requests.
//!
//! Owner of: sockets of watchers, their timers and what is on its way to them. The rules of the
//! stream are the hub's; see [`headway_hub::session`].

pub(crate) mod admission;
pub(crate) mod adopted;
mod answer;
mod connection;
mod conversation;
mod head;
mod inbox;
mod outbound;
mod shard;
mod socket;
mod watcher;
pub(crate) mod wheel;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::app::App;
use adopted::Adopted;
pub(crate) use connection::HandedOver;
use inbox::{Inbox, Told};
use shard::{Beginning, Shard, WAKE};
pub(crate) use socket::Secure;

/// Connections that wait to be taken over by the server of all other requests. More than the system
/// keeps for a listener would be, so that only a server that stands still lets it fill; then they
/// are closed and counted.
const HANDOVER: usize = 4_096;

/// The only way to the front's threads.
#[derive(Debug)]
pub(crate) struct Front {
    inboxes: Vec<Arc<Inbox>>,
    turn: AtomicUsize,
}

/// The threads, and what they hand over.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) front: Arc<Front>,
    pub(crate) handed_over: mpsc::Receiver<HandedOver>,
    threads: Vec<JoinHandle<()>>,
}

impl Front {
    /// Starts so many threads over a listener that never waits. Must be called inside a Tokio
    /// runtime, on which everything is done that takes time.
    pub(crate) fn start(
        app: &App,
        listener: &std::net::TcpListener,
        threads: usize,
    ) -> io::Result<Running> {
        let (handover, handed_over) = mpsc::channel(HANDOVER);
        let mut inboxes = Vec::with_capacity(threads);
        let mut running = Vec::with_capacity(threads);
        for number in 0..threads {
            let poll = mio::Poll::new()?;
            let waker = mio::Waker::new(poll.registry(), WAKE)?;
            let inbox = Arc::new(Inbox::new(waker));
            let listener = mio::net::TcpListener::from_std(listener.try_clone()?);
            let shard = Shard::new(Beginning {
                app: Arc::clone(app),
                poll,
                inbox: Arc::clone(&inbox),
                listener,
                handover: handover.clone(),
                runtime: tokio::runtime::Handle::current(),
            })?;
            inboxes.push(inbox);
            let thread = std::thread::Builder::new().name(format!("headway-watch-{number}"));
            running.push(thread.spawn(move || shard.run())?);
        }
        let front = Arc::new(Self { inboxes, turn: AtomicUsize::new(0) });
        Ok(Running { front, handed_over, threads: running })
    }

    /// Gives a watcher to one of the threads.
    pub(crate) fn adopt(&self, adopted: Adopted) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if let Some(inbox) = self.inboxes.get(turn % self.inboxes.len().max(1)) {
            inbox.tell(Told::Adopted(Box::new(adopted)));
        }
    }

    /// Looks again at everybody who watches: somebody's sign-in has ended.
    pub(crate) fn revoked(&self) {
        for inbox in &self.inboxes {
            inbox.tell(Told::Revoked);
        }
    }

    /// Takes nobody in any more, and sends everybody away.
    pub(crate) fn stop(&self) {
        for inbox in &self.inboxes {
            inbox.tell(Told::Stop);
        }
    }
}

impl Running {
    /// Waits until everybody has gone. Blocks.
    pub(crate) fn join(threads: Vec<JoinHandle<()>>) {
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread that served watchers did not end in order");
            }
        }
    }

    /// Its parts: the way to the threads, what they hand over, and the threads.
    pub(crate) fn into_parts(
        self,
    ) -> (Arc<Front>, mpsc::Receiver<HandedOver>, Vec<JoinHandle<()>>) {
        (self.front, self.handed_over, self.threads)
    }
}
