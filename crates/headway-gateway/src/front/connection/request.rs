//! Before somebody watches: a request is awaited and read, and its job is looked up.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use headway_hub::Warm;

use super::{Connection, EARLY_BYTES, Phase, Step};
use crate::front::admission::{Limit, Place};
use crate::front::answer::{Answer, Body};
use crate::front::head::{self, Head};
use crate::front::inbox::Read;
use crate::front::shard::Context;
use crate::front::watcher::Watcher;
use crate::observe::Seen;
use crate::stream::opening::{Begin, Opening, Standing};

/// How long a connection stays open for the next request, in milliseconds.
const NEXT_REQUEST_MS: u64 = 60_000;

/// A request whose job is being looked up.
#[derive(Debug)]
pub(super) struct Asking {
    opening: Opening,
    seen: Seen,
    places: Vec<Place>,
}

impl Connection {
    /// Takes what is known of the job that its request names.
    pub(in crate::front) fn found(
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
            phase @ (Phase::Request { .. }
            | Phase::Identifying(_)
            | Phase::Watching(_)
            | Phase::Ending { .. }) => {
                self.phase = phase;
            }
        }
    }

    /// Takes what was found out of whoever sent its request.
    pub(in crate::front) fn identified(&mut self, key: u32, read: Read, context: &mut Context) {
        let since = context.now;
        let Read { parts, peer, opening } = read;
        let phase = std::mem::replace(&mut self.phase, Phase::Request { since, first: false });
        match (phase, opening) {
            (Phase::Identifying(seen), Ok(opening)) => {
                self.ask(key, opening, *seen, &parts, peer, context);
            }
            (Phase::Identifying(seen), Err(begin)) => {
                self.begin(begin, *seen, Vec::new(), key, context);
            }
            (
                phase @ (Phase::Request { .. }
                | Phase::Asking(_)
                | Phase::Watching(_)
                | Phase::Ending { .. }),
                _,
            ) => self.phase = phase,
        }
    }

    pub(super) fn await_request(&mut self, key: u32, context: &mut Context) -> Step {
        if let Phase::Request { since, first } = self.phase {
            let limit = self.request_ms(first, context);
            if context.now.ms_since(since) >= limit {
                if !self.unread.is_empty() || first {
                    context.admission.hit(Limit::Head);
                }
                return Step::Gone;
            }
        }
        if self.blocked.is_some() {
            // Whoever does not take an answer gets no other one, and waits for its next request.
            return Step::Wait;
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
        let (parts, address, length) =
            match head::read(&self.unread, context.app.options.compatible.enabled) {
                Head::Incomplete if self.finished && self.unread.is_empty() => return Step::Gone,
                Head::Incomplete if self.finished => return Step::HandOver,
                Head::Incomplete => return if read { Step::Go } else { Step::Wait },
                Head::Other => return Step::HandOver,
                Head::Watch(parts, address, length) => (parts, address, length),
            };
        let Ok(peer) = self.socket.peer() else { return Step::Gone };
        let opening = Opening::read(&context.app, &parts, &address, peer.ip(), None);
        self.unread.drain(..length);
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        let seen = Seen::new(&context.app, &parts.headers, address.route());
        self.last = context.stopping || head::is_last(&parts);
        match opening {
            Err(Begin::Wait) => {
                self.phase = Phase::Identifying(Box::new(seen));
                context.read_patiently((key, self.serial), (parts, address), peer.ip());
            }
            Ok(opening) => self.ask(key, opening, seen, &parts, peer.ip(), context),
            Err(begin) => self.begin(begin, seen, Vec::new(), key, context),
        }
        Step::Go
    }

    fn ask(
        &mut self,
        key: u32,
        opening: Opening,
        seen: Seen,
        parts: &Parts,
        peer: IpAddr,
        context: &mut Context,
    ) {
        let places = match context.admission.places(Some(peer), parts, &opening.caller) {
            Ok(places) => places,
            Err(limit) => {
                let begin = opening.refuse(limit);
                return self.begin(begin, seen, Vec::new(), key, context);
            }
        };
        let Some(job) = opening.to_look_up().cloned() else {
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

    pub(super) fn begin(
        &mut self,
        begin: Begin,
        seen: Seen,
        places: Vec<Place>,
        key: u32,
        context: &mut Context,
    ) {
        let since = context.now;
        let mut headers = axum::http::HeaderMap::new();
        let (answer, farewell) = match begin {
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
            Begin::NothingFollows(page) => {
                page.mark(&mut headers);
                let status = axum::http::StatusCode::NO_CONTENT;
                (Answer { status, headers, body: Body::None }, None)
            }
            Begin::Close(handshake, farewell) => {
                let (status, headers) = handshake.answer();
                (Answer { status, headers, body: Body::None }, Some(farewell))
            }
            Begin::Refuse(refusal) => (Answer::refuse(refusal), None),
            // Whoever was found out about is known.
            Begin::Wait => (Answer::refuse(headway_signin::Refused::Invalid.into()), None),
        };
        let ends = self.last || context.stopping;
        self.outbound.push(context.bytes(answer, seen, ends && farewell.is_none()));
        if let Some(farewell) = farewell {
            self.outbound.push(farewell.into_bytes());
            self.end(context);
        } else if ends {
            self.end(context);
        } else {
            self.phase = Phase::Request { since, first: false };
            self.write_waiting(context);
        }
    }

    /// While a job is looked up, only the other side's leaving matters.
    pub(super) fn await_nothing(&mut self, context: &mut Context) -> Step {
        self.read_more(context);
        if self.finished || self.unread.len() > EARLY_BYTES { Step::Gone } else { Step::Wait }
    }

    pub(super) fn request_ms(&self, first: bool, context: &Context) -> u64 {
        if self.blocked.is_none() && (first || !self.unread.is_empty()) {
            u64::try_from(context.app.options.head_timeout.as_millis()).unwrap_or(NEXT_REQUEST_MS)
        } else {
            NEXT_REQUEST_MS
        }
    }
}
