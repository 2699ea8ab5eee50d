//! Requests that leave for other servers: where they may go, and whether they may go now.
//!
//! The [`guard`] judges addresses, the [`client`] connects only to those that were judged, and the
//! [`breaker`] keeps requests from servers that do not answer. Executors and webhooks go this way;
//! there is no other.
//!
//! Invariant: whoever was admitted tells what the request showed, or drops its [`Permit`], which
//! says that it showed nothing.

use std::sync::Arc;

use headway_protocol::{Problem, Timestamp};
use parking_lot::Mutex;
use reqwest::{Response, Url};

use crate::metrics::Circuits;
use breaker::{Admission, Breaker, Pass};
use client::GuardedClient;
use guard::{AddressGuard, Refused};

pub(crate) mod breaker;
pub(crate) mod client;
pub(crate) mod guard;
pub(crate) mod retry_after;

pub(crate) use breaker::{Server, Showed, Standing};
pub(crate) use client::{Request, SendError, refused};

/// The way out. Cheap to clone; every clone shares connections and circuits.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: GuardedClient,
    breaker: Mutex<Breaker>,
    circuits: Circuits,
}

impl Outgoing {
    /// A way out to public addresses and to those that are allowed beside them; fails when one of
    /// these cannot be an address.
    pub(crate) fn new(allow_hosts: &[String], circuits: Circuits) -> Result<Self, Problem> {
        Ok(Self::over(GuardedClient::new(AddressGuard::new(allow_hosts)?), circuits))
    }

    fn over(client: GuardedClient, circuits: Circuits) -> Self {
        Self { shared: Arc::new(Shared { client, breaker: Mutex::default(), circuits }) }
    }

    /// Judges a URL as far as that can be done without resolving its name.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Refused> {
        self.shared.client.check(url)
    }

    /// How a server's circuit stands.
    pub(crate) fn standing(&self, server: &Server, now: Timestamp) -> Standing {
        self.shared.breaker.lock().standing(server, now)
    }

    /// Asks whether a request may be sent to a server now; an error says when to ask again.
    pub(crate) fn admit(&self, server: &Server, now: Timestamp) -> Result<Permit, Timestamp> {
        let admission = self.shared.breaker.lock().admit(server, now);
        match admission {
            Admission::Admit(pass) => {
                let outgoing = self.clone();
                Ok(Permit { outgoing, server: server.clone(), pass, admitted_at: now, told: false })
            }
            Admission::WaitUntil(until) => {
                self.shared.circuits.refused.inc();
                Err(until)
            }
        }
    }

    /// Sends a request that was admitted, and answers with the head of what came back. Cancel safe:
    /// dropping the future gives the connection up.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, SendError> {
        self.shared.client.send(request).await
    }

    /// The same, and a redirect is an answer like others.
    pub(crate) async fn send_once(&self, request: &Request) -> Result<Response, SendError> {
        self.shared.client.send_once(request).await
    }

    fn record(&self, server: &Server, pass: Pass, showed: Showed, now: Timestamp) {
        let mut breaker = self.shared.breaker.lock();
        let opened = breaker.record(server, pass, showed, now);
        let open = breaker.open();
        drop(breaker);
        self.shared.circuits.open.set(i64::try_from(open).unwrap_or(i64::MAX));
        if let Some(until) = opened {
            self.shared.circuits.opened.inc();
            tracing::warn!(
                server = server.origin(),
                wait_ms = until.since(now),
                "a server does not answer: requests to it wait"
            );
        }
    }
}

/// Leave to send one request.
#[derive(Debug)]
#[must_use = "a permit that is dropped says that the request showed nothing"]
pub(crate) struct Permit {
    outgoing: Outgoing,
    server: Server,
    pass: Pass,
    admitted_at: Timestamp,
    told: bool,
}

impl Permit {
    /// Whether it finds out if a server that has answered before is back: its failure is no news.
    pub(crate) fn finds_out_if_back(&self) -> bool {
        match self.pass {
            Pass::Ordinary => false,
            Pass::Probe { known } => known,
        }
    }

    /// Says what the request showed.
    pub(crate) fn record(mut self, showed: Showed, now: Timestamp) {
        self.told = true;
        self.outgoing.record(&self.server, self.pass, showed, now);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.told {
            self.outgoing.record(&self.server, self.pass, Showed::Nothing, self.admitted_at);
        }
    }
}
