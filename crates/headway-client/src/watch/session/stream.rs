//! What is watched, and what the messages of a stream say of it. The session has the connection, and
//! gives this what comes.
//!
//! **Invariants:** a job is known as long as a selector brings it; a name stands for one subscription.

use std::collections::{BTreeMap, VecDeque};

use headway_protocol::frame::{ClientMessage, ServerMessage, Subscribe};
use headway_protocol::problem::ProblemCode;
use headway_protocol::{Cursor, Job, JobId, Problem};

use super::address::{Address, Wanted, called, name};
use super::lane::{Applied, Lane};
use super::names::{Names, Subject};
use super::output::{Output, Transport};
use crate::watch::Selector;

/// Jobs of a selector that are asked for by name when a connection is made again.
const LOOKED_UP: usize = 64;
/// Jobs of a selector that have ended and are remembered, so that another attempt goes on where they
/// were. A watch may go on for months; whatever ended before these is as a new job when it comes
/// again. The server remembers 256 for a connection.
const REMEMBERED: usize = 1_000;

/// Refusals that may pass: what was asked for is asked for again.
const PASSING: [ProblemCode; 2] = [ProblemCode::Overloaded, ProblemCode::StoreUnavailable];
/// The code of an error of this client: a job is above the bound of [`LOOKED_UP`].
const NOT_FOLLOWED: &str = "not_followed";

/// Why the connection has to be made again.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A message does not fit the last one, and a snapshot cannot be asked for.
    Hole,
    /// Something is not served for now.
    NotServed(Problem),
}

/// What is watched and what was seen of it.
#[derive(Debug)]
pub(crate) struct Stream {
    selectors: Vec<Watching>,
    wanted: Wanted,
    lanes: BTreeMap<JobId, Lane>,
    /// Jobs that only a selector brings, in the order in which they ended.
    ended: VecDeque<JobId>,
    names: Names,
    /// The names under which events of a job were asked for from a position, and nothing was answered
    /// yet. Until then nothing of that job is taken: a selector may bring what is newer, and pass
    /// over events that only the answer brings. All of it comes again.
    asked: BTreeMap<String, JobId>,
    /// Whether messages can be sent.
    speaks: bool,
    outputs: VecDeque<Output>,
}

/// A selector, and whether the server would not let it be watched.
#[derive(Debug)]
struct Watching {
    selector: Selector,
    refused: bool,
}

impl Stream {
    pub(crate) fn new(selectors: Vec<Selector>, wanted: Wanted) -> Self {
        let lanes = selectors.iter().filter_map(|selector| match selector {
            Selector::Job { id, cursor } => Some((id.clone(), Lane::from(*cursor))),
            Selector::Session(_) | Selector::Tag(_) | Selector::All => None,
        });
        Self {
            lanes: lanes.collect(),
            wanted,
            ended: VecDeque::new(),
            names: Names::default(),
            asked: BTreeMap::new(),
            speaks: false,
            outputs: VecDeque::new(),
            selectors: selectors
                .into_iter()
                .map(|selector| Watching { selector, refused: false })
                .collect(),
        }
    }

    /// The next message to send or to hand on.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether nothing more comes of anything: jobs have ended, and whatever else was watched was
    /// refused.
    pub(crate) fn is_finished(&self) -> bool {
        let has_ended = |selector: &Selector| selector.named().is_some_and(|id| self.has_ended(id));
        self.selectors.iter().all(|watching| watching.refused || has_ended(&watching.selector))
    }

    /// Whether a transport has anything to bring.
    pub(crate) fn is_wanted(&self, transport: Transport) -> bool {
        !self.standing(transport).is_empty()
    }

    /// Whether messages can be sent.
    pub(crate) fn speaks(&self) -> bool {
        self.speaks
    }

    /// Messages can be sent from now on: asks for everything, each from the position held.
    pub(crate) fn open(&mut self) {
        self.speaks = true;
        for (place, selector) in self.standing(Transport::WebSocket) {
            let held = self.position(&selector);
            self.subscribe(Subject::Selected(place), &selector, held);
        }
        for id in self.look_ups() {
            self.look_up(&id);
        }
    }

    /// The way is gone.
    pub(crate) fn close(&mut self) {
        self.speaks = false;
        self.names.clear();
        self.asked.clear();
    }

    /// Where everything is that is asked for without messages.
    pub(crate) fn address(&mut self) -> Address {
        let own = self.standing(Transport::ServerSentEvents);
        let mut asked: Vec<_> = own.into_iter().map(|(_, selector)| selector).collect();
        asked.extend(self.look_ups().into_iter().map(Selector::job));
        let held = asked.into_iter().map(|selector| {
            let held = self.position(&selector);
            (selector, held)
        });
        let held: Vec<_> = held.collect();
        Address::new(&held, &self.wanted)
    }

    /// Takes a message.
    pub(crate) fn take(&mut self, message: ServerMessage) -> Result<(), Fault> {
        match message {
            ServerMessage::Snapshot { ref job, ref state, .. } => {
                if !self.lanes.contains_key(job) && self.is_brought(state) {
                    self.lanes.insert(job.clone(), Lane::default());
                }
                self.apply(&job.clone(), message)
            }
            ServerMessage::Update { ref job, .. }
            | ServerMessage::Event { ref job, .. }
            | ServerMessage::Gap { ref job, .. }
            | ServerMessage::End { ref job, .. } => self.apply(&job.clone(), message),
            ServerMessage::Error { id, code, message } => {
                if let Some(id) = &id {
                    self.asked.remove(id);
                }
                self.refused(id, code, message)
            }
            ServerMessage::Subscribed { ref id, .. } => {
                self.asked.remove(id);
                self.pass(message);
                Ok(())
            }
            ServerMessage::Hello { .. }
            | ServerMessage::Heartbeat { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. } => {
                self.pass(message);
                Ok(())
            }
            ServerMessage::Unknown => Ok(()),
        }
    }

    /// The one job that is watched does not exist.
    pub(crate) fn refuse(&mut self) {
        if let [only] = self.selectors.as_mut_slice() {
            only.refused = true;
        }
    }

    /// The server said that every end was seen: the reader is told of those that it has not seen.
    pub(crate) fn finish(&mut self) {
        let finished = self.lanes.iter_mut().filter_map(|(job, lane)| {
            let state = lane.state();
            lane.finish().then(|| (job.clone(), state))
        });
        let finished: Vec<_> = finished.collect();
        for (job, state) in finished {
            self.remember(&job);
            if let Some((cursor, status)) = state {
                self.pass(ServerMessage::End { job, cursor, status });
            }
        }
    }

    /// Whether a job's attempt is over and its end was seen.
    pub(crate) fn has_ended(&self, job: &JobId) -> bool {
        self.lanes.get(job).is_some_and(Lane::has_ended)
    }

    /// Whether the server would not let a selector be watched, by its place.
    #[cfg(test)]
    pub(crate) fn is_refused(&self, place: usize) -> bool {
        self.selectors[place].refused
    }

    fn apply(&mut self, job: &JobId, message: ServerMessage) -> Result<(), Fault> {
        if self.asked.values().any(|asked| asked == job) {
            return Ok(());
        }
        // What no selector brings is not for the reader.
        let Some(lane) = self.lanes.get_mut(job) else { return Ok(()) };
        match lane.apply(&message) {
            Applied::Known => {}
            Applied::News => {
                let has_ended = matches!(message, ServerMessage::End { .. });
                self.pass(message);
                if has_ended {
                    let subject = Subject::LookedUp(job.clone());
                    self.withdraw(|other| *other == subject);
                    self.remember(job);
                }
            }
            Applied::Hole if self.speaks => self.resubscribe(job),
            Applied::Hole => return Err(Fault::Hole),
        }
        Ok(())
    }

    /// Asks for a snapshot of a job, and for the events since the last message that fitted.
    fn resubscribe(&mut self, job: &JobId) {
        let named = |selector: &Selector| selector.named() == Some(job);
        let places = (0..).zip(&self.selectors).filter(|(_, one)| named(&one.selector));
        let entries: Vec<_> = places.map(|(place, one)| (place, one.selector.clone())).collect();
        self.withdraw(|subject| match subject {
            Subject::Selected(place) => entries.iter().any(|(named, _)| named == place),
            Subject::LookedUp(id) => id == job,
        });
        for (place, selector) in &entries {
            let held = self.position(selector);
            self.subscribe(Subject::Selected(*place), selector, held);
        }
        if entries.is_empty() {
            self.look_up(job);
        }
    }

    /// Asks by its name for a job that a selector brings, and for the events after the position held:
    /// its selector cannot say where they go on.
    fn look_up(&mut self, job: &JobId) {
        let selector = Selector::job(job.clone());
        let held = self.position(&selector);
        self.subscribe(Subject::LookedUp(job.clone()), &selector, held);
    }

    /// Something is not served. The reader is told what, by a name that says it on every transport.
    fn refused(&mut self, id: Option<String>, code: String, message: String) -> Result<(), Fault> {
        let subject = id.as_deref().and_then(|name| self.subject(name));
        let passing = PASSING.into_iter().find(|passing| passing.as_str() == code);
        let about = match (subject, passing) {
            (Some(_), Some(passing)) => {
                return Err(Fault::NotServed(Problem::new(passing, message)));
            }
            (Some(Subject::Selected(place)), None) => {
                self.selectors.get_mut(place).map(|watching| {
                    watching.refused = true;
                    name(&watching.selector)
                })
            }
            // A job that is not there any more, or not for this reader.
            (Some(Subject::LookedUp(job)), None) => {
                self.lanes.remove(&job);
                Some(name(&Selector::job(job)))
            }
            (None, _) => None,
        };
        self.pass(ServerMessage::Error { id: about.or(id), code, message });
        Ok(())
    }

    /// What a refusal is about. Where names cannot be chosen the server makes them of what is
    /// watched.
    fn subject(&mut self, name: &str) -> Option<Subject> {
        if self.speaks {
            return self.names.drop(name);
        }
        let selectors = self.selectors.iter().map(|one| &one.selector);
        let looked_up = || Some(Subject::LookedUp(name.strip_prefix("job:")?.parse().ok()?));
        called(selectors, name).map(Subject::Selected).or_else(looked_up)
    }

    /// Keeps what is known of jobs that have ended within its bound.
    fn remember(&mut self, job: &JobId) {
        if self.selectors.iter().any(|one| one.selector.named() == Some(job)) {
            return;
        }
        self.ended.retain(|other| other != job);
        self.ended.push_back(job.clone());
        if self.ended.len() > REMEMBERED
            && let Some(oldest) = self.ended.pop_front()
            && self.has_ended(&oldest)
        {
            self.lanes.remove(&oldest);
        }
    }

    /// Selectors of which something may still come. A job that has ended may be retried, and a
    /// WebSocket tells; the other transport would have to be asked again and again.
    fn standing(&self, transport: Transport) -> Vec<(usize, Selector)> {
        let tells = transport == Transport::WebSocket;
        let has_ended = |selector: &Selector| selector.named().is_some_and(|id| self.has_ended(id));
        (0..)
            .zip(&self.selectors)
            .filter(|(_, one)| !one.refused && (tells || !has_ended(&one.selector)))
            .map(|(place, one)| (place, one.selector.clone()))
            .collect()
    }

    /// Jobs that only a selector brings and that have not ended. One that ended while nobody was
    /// connected would not be told again by its selector, so they are asked for by name. Those above
    /// the bound are better forgotten than shown as they no longer are, and the reader is told.
    fn look_ups(&mut self) -> Vec<JobId> {
        let named: Vec<_> = self.selectors.iter().filter_map(|one| one.selector.named()).collect();
        let open = self.lanes.iter().filter(|(id, lane)| !lane.has_ended() && !named.contains(id));
        let mut open: Vec<_> = open.map(|(id, _)| id.clone()).collect();
        let forgotten = open.split_off(open.len().min(LOOKED_UP));
        for id in forgotten {
            self.lanes.remove(&id);
            self.pass(ServerMessage::Error {
                code: NOT_FOLLOWED.to_owned(),
                message: format!(
                    "what became of {id} while there was no connection is not known, since only \
                     {LOOKED_UP} open jobs are asked for by name then: ask for its document"
                ),
                id: Some(name(&Selector::job(id))),
            });
        }
        open
    }

    /// The position to come back from, for what has one.
    fn position(&self, selector: &Selector) -> Option<Cursor> {
        self.lanes.get(selector.named()?)?.position(self.wanted.has_events())
    }

    fn is_brought(&self, job: &Job) -> bool {
        self.selectors.iter().any(|one| one.selector.brings(job))
    }

    fn subscribe(&mut self, subject: Subject, selector: &Selector, cursor: Option<Cursor>) {
        let id = self.names.take(subject);
        if let (Some(job), Some(_), true) = (selector.named(), cursor, self.wanted.has_events()) {
            self.asked.insert(id.clone(), job.clone());
        }
        let mut subscribe = Subscribe {
            id,
            cursor,
            events: self.wanted.events.clone(),
            min_interval_ms: self.wanted.min_interval_ms,
            ..Subscribe::default()
        };
        match selector {
            Selector::Job { id, .. } => subscribe.job = Some(id.clone()),
            Selector::Session(session) => subscribe.session = Some(session.clone()),
            Selector::Tag(tag) => subscribe.tag = Some(tag.clone()),
            Selector::All => subscribe.all = Some(true),
        }
        self.send(ClientMessage::Subscribe(subscribe));
    }

    fn withdraw(&mut self, which: impl Fn(&Subject) -> bool) {
        let gone = self.names.withdraw(which);
        if self.speaks {
            for id in gone {
                self.send(ClientMessage::Unsubscribe { id });
            }
        }
    }

    fn send(&mut self, message: ClientMessage) {
        self.outputs.push_back(Output::Send(message));
    }

    fn pass(&mut self, message: ServerMessage) {
        self.outputs.push_back(Output::Pass(message));
    }
}
