//! A circuit breaker for each server that is asked.
//!
//! A server that does not answer is asked no more for a while, then by one request at a time, until
//! it answers. Whoever wants to ask it waits meanwhile, so that a batch over a dead service slows
//! down and goes on later instead of spending its items' attempts.
//!
//! ```text
//!            failures in a row, or half of the last
//!   closed ─────────────────────────────────────────► open ◄────┐
//!      ▲                                               │ time    │ the probe fails:
//!      │            any answer                         ▼         │ a longer wait
//!      └───────────────────────────────────────── half open ─────┘
//! ```
//!
//! What counts as a failure is for the caller to say, and the rule is: only what a request cannot
//! bring about by itself. A time limit that the request chose, or a status that its path or body
//! led to, would let one batch keep others from a server.
//!
//! Without I/O: time is an argument. Bounded by [`SERVERS`].

use std::collections::HashMap;

use headway_protocol::Timestamp;
use reqwest::Url;

#[cfg(test)]
mod tests;

/// So many failures in a row open a circuit.
const IN_A_ROW: u32 = 5;
/// Outcomes that a share is taken of: as many as a word has bits.
const WINDOW: u32 = u32::BITS;
/// So many failures among the last [`WINDOW`] outcomes open a circuit.
const IN_WINDOW: u32 = WINDOW / 2;
/// The first wait, in milliseconds. It doubles with every probe that fails. There is no chance in
/// it: one probe for each server and caller is no crowd that would have to be spread.
const FIRST_WAIT_MS: u64 = 1_000;
/// The longest wait between two probes, in milliseconds: how late a recovery is noticed at most.
const LONGEST_WAIT_MS: u64 = 30_000;
/// A probe that has said nothing for so long, in milliseconds, does not keep another from trying.
const PROBE_MS: u64 = 60_000;
/// So many outcomes after a circuit has closed, the waits begin with the first again.
const TRUSTED: u32 = 8;
/// The most servers that are remembered, some 200 bytes each. With one more, the one that was asked
/// least recently is forgotten, an open one last.
const SERVERS: usize = 4_096;

/// A server, as one caller asks it: what one tenant's requests meet says nothing of another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    tenant: String,
    /// Scheme, host and port.
    origin: String,
}

impl Server {
    /// The server that a URL leads to. Two URLs have the same one when scheme, host and port are
    /// the same.
    pub(crate) fn of(tenant: &str, url: &Url) -> Self {
        Self { tenant: tenant.to_owned(), origin: url.origin().ascii_serialization() }
    }

    /// Scheme, host and port, for people.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }
}

/// What a request showed of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Showed {
    /// It answered, whatever it said.
    Alive,
    /// There was no connection, no answer on it, or somebody in front of it said that it is not
    /// there (502, 503, 504).
    Absent {
        /// How long it asked to be left alone, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// Nothing: it was given up, or its own time limit passed.
    Nothing,
}

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may. [`Breaker::record`] is to be told what it showed, whatever becomes of it.
    Admit(Pass),
    /// Not before then, and perhaps not then: one request at a time finds out.
    WaitUntil(Timestamp),
}

/// What a request was admitted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// One of many.
    Ordinary,
    /// The one that finds out whether the server is back.
    Probe {
        /// Whether the server has answered before: it is a server that is away, and not a name that
        /// was never one.
        known: bool,
    },
}

/// How a server's circuit stands, for those who would rather not begin than wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Requests go through.
    Closed,
    /// One request may find out.
    Probe,
    /// None goes through before then.
    Open(Timestamp),
}

/// A circuit for each server.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    circuits: HashMap<Server, Circuit>,
}

#[derive(Debug)]
struct Circuit {
    state: State,
    /// Whether the server has ever answered.
    known: bool,
    asked_at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        /// The last outcomes, the newest in the lowest bit; 1 is a failure.
        window: u32,
        /// Outcomes since it closed, at most [`WINDOW`].
        seen: u32,
        /// How often it has opened without having been trusted again between.
        openings: u32,
    },
    Open {
        since: Timestamp,
        until: Timestamp,
        openings: u32,
    },
    /// One request is finding out.
    HalfOpen {
        since: Timestamp,
        openings: u32,
    },
}

impl Breaker {
    /// Asks whether a request may be sent to a server now.
    pub(crate) fn admit(&mut self, server: &Server, now: Timestamp) -> Admission {
        let circuit = self.circuit(server, now);
        circuit.asked_at = now;
        match circuit.standing(now) {
            Standing::Closed => Admission::Admit(Pass::Ordinary),
            Standing::Open(until) => Admission::WaitUntil(until),
            Standing::Probe => {
                let openings = circuit.state.openings();
                circuit.state = State::HalfOpen { since: now, openings };
                Admission::Admit(Pass::Probe { known: circuit.known })
            }
        }
    }

    /// How a server's circuit stands, without asking for anything.
    pub(crate) fn standing(&self, server: &Server, now: Timestamp) -> Standing {
        self.circuits.get(server).map_or(Standing::Closed, |circuit| circuit.standing(now))
    }

    /// Takes in what a request showed that was admitted. Says whether the circuit opened, or was
    /// kept open, and until when.
    pub(crate) fn record(
        &mut self,
        server: &Server,
        pass: Pass,
        showed: Showed,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let circuit = self.circuit(server, now);
        let probe = match pass {
            Pass::Probe { .. } => true,
            Pass::Ordinary => false,
        };
        match (showed, circuit.state) {
            (Showed::Alive, state) => {
                circuit.known = true;
                circuit.state = state.after_answer();
                None
            }
            (Showed::Absent { retry_after_ms }, State::Closed { window, seen, openings }) => {
                let window = window << 1 | 1;
                let seen = (seen + 1).min(WINDOW);
                let in_a_row = window.trailing_ones();
                if in_a_row >= IN_A_ROW || seen == WINDOW && window.count_ones() >= IN_WINDOW {
                    return Some(circuit.open(openings + 1, retry_after_ms, now));
                }
                circuit.state = State::Closed { window, seen, openings };
                None
            }
            (Showed::Absent { retry_after_ms }, State::HalfOpen { openings, .. }) if probe => {
                Some(circuit.open(openings + 1, retry_after_ms, now))
            }
            (Showed::Nothing, State::HalfOpen { openings, .. }) if probe => {
                // It found nothing out: another may.
                circuit.state = State::Open { since: now, until: now, openings };
                None
            }
            // A failure of a request that was sent before it opened is nothing new.
            (
                Showed::Absent { .. } | Showed::Nothing,
                State::Open { .. } | State::HalfOpen { .. },
            )
            | (Showed::Nothing, State::Closed { .. }) => None,
        }
    }

    /// Circuits that do not let everything through.
    pub(crate) fn open(&self) -> usize {
        let open = |circuit: &&Circuit| !matches!(circuit.state, State::Closed { .. });
        self.circuits.values().filter(open).count()
    }

    fn circuit(&mut self, server: &Server, now: Timestamp) -> &mut Circuit {
        if self.circuits.len() >= SERVERS && !self.circuits.contains_key(server) {
            self.forget_one();
        }
        self.circuits.entry(server.clone()).or_insert(Circuit {
            state: State::Closed { window: 0, seen: 0, openings: 0 },
            known: false,
            asked_at: now,
        })
    }

    fn forget_one(&mut self) {
        let rank = |circuit: &Circuit| {
            (!matches!(circuit.state, State::Closed { .. }), circuit.asked_at.as_millis())
        };
        let least = self.circuits.iter().min_by_key(|(_, circuit)| rank(circuit));
        if let Some(server) = least.map(|(server, _)| server.clone()) {
            self.circuits.remove(&server);
        }
    }
}

impl Circuit {
    fn standing(&self, now: Timestamp) -> Standing {
        match self.state {
            State::Closed { .. } => Standing::Closed,
            // A clock that was set back is no reason to wait for longer than a wait can be.
            State::Open { since, until, .. } if now < until && now >= since => {
                Standing::Open(until)
            }
            State::HalfOpen { since, .. } if now < since.plus(PROBE_MS) && now >= since => {
                Standing::Open(now.plus(FIRST_WAIT_MS))
            }
            State::Open { .. } | State::HalfOpen { .. } => Standing::Probe,
        }
    }

    fn open(&mut self, openings: u32, asked_ms: Option<u64>, now: Timestamp) -> Timestamp {
        let doublings = openings.saturating_sub(1).min(16);
        let wait = (FIRST_WAIT_MS << doublings).max(asked_ms.unwrap_or(0)).min(LONGEST_WAIT_MS);
        let until = now.plus(wait);
        self.state = State::Open { since: now, until, openings };
        until
    }
}

impl State {
    fn openings(self) -> u32 {
        match self {
            Self::Closed { openings, .. }
            | Self::Open { openings, .. }
            | Self::HalfOpen { openings, .. } => openings,
        }
    }

    /// A server that answers is there, whoever asked it.
    fn after_answer(self) -> Self {
        match self {
            Self::Closed { window, seen, openings } => {
                let seen = (seen + 1).min(WINDOW);
                let openings = if seen >= TRUSTED { 0 } else { openings };
                Self::Closed { window: window << 1, seen, openings }
            }
            Self::Open { openings, .. } | Self::HalfOpen { openings, .. } => {
                Self::Closed { window: 0, seen: 0, openings }
            }
        }
    }
}
