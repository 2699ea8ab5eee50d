//! Somebody who watches: a reader, and the connection that it has at present.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::task::noop_waker_ref;
use headway_hub::session::{Answer, Request, Session};
use headway_hub::{AskedCommand, Handle};
use headway_protocol::{ClientMessage, CloseCode, Problem, ProblemCode, Secret, Timestamp};
use serde_json::Value;

use crate::chance::Chance;
use crate::invariant::{Invariant, Violation};
use crate::mutation::Mutation;
use crate::reader::Reader;
use crate::viewer::Viewer;

/// The most reads of one session that may be on their way; the hub's own bound.
const READS: usize = 4;

/// A request that is being done.
struct Working {
    read: bool,
    future: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

/// Something that a client sends.
#[derive(Debug)]
pub(super) enum Upstream {
    Message(ClientMessage),
    Text(&'static [u8]),
}

/// A connection: the hub's session, what is being done for it, and the wire in both directions.
pub(super) struct Line {
    session: Session,
    working: Vec<Working>,
    /// Answers that the session has not been told yet.
    pub(super) answers: Vec<Answer>,
    pub(super) commands: Vec<AskedCommand>,
    /// Tokens that nobody has checked yet.
    pub(super) sign_ins: VecDeque<Secret>,
    /// When its sign-in ends, in time that really passed.
    pub(super) ends_at: Option<Timestamp>,
    pub(super) down: VecDeque<(Timestamp, Vec<u8>)>,
    pub(super) up: VecDeque<Upstream>,
    /// An event of the mutation that delays one.
    late: Option<(Timestamp, Vec<u8>)>,
    /// Whether there may be something to poll.
    woken: bool,
    /// When it was looked at last, in time that really passed.
    served_at: Timestamp,
    /// Requests that may be on their way at once.
    most_requests: usize,
    pub(super) closed: Option<CloseCode>,
}

impl Line {
    pub(super) fn new(session: Session, most_requests: usize, elapsed: Timestamp) -> Self {
        Self {
            session,
            working: Vec::new(),
            answers: Vec::new(),
            commands: Vec::new(),
            sign_ins: VecDeque::new(),
            ends_at: None,
            down: VecDeque::new(),
            up: VecDeque::new(),
            late: None,
            woken: true,
            served_at: elapsed,
            most_requests,
            closed: None,
        }
    }

    pub(super) fn session(&mut self) -> &mut Session {
        self.woken = true;
        &mut self.session
    }

    /// Whether its thread would look at it now. Nobody looks otherwise, so that a ring that does not
    /// come is seen. A thread waits for no longer than a heartbeat, also when the clock was set
    /// back.
    pub(super) fn wants_service(&self, hub: &Handle, elapsed: Timestamp) -> bool {
        let idle = elapsed.since(self.served_at) >= hub.options().heartbeat_ms;
        let due = self.session.next_deadline() <= hub.now();
        self.closed.is_none() && (self.woken || due || idle)
    }

    /// Takes frames from the session while there is room. How many came.
    pub(super) fn serve(
        &mut self,
        hub: &Handle,
        room: usize,
        elapsed: Timestamp,
        mutation: Option<Mutation>,
        chance: &mut Chance,
    ) -> Result<usize, Violation> {
        self.served_at = elapsed;
        self.woken = false;
        self.take_requests(hub, chance)?;
        let mut came = 0;
        loop {
            if self.down.len() >= room {
                // The socket is full: its thread comes back when there is room.
                self.woken = true;
                break;
            }
            let Some(frame) = self.session.poll_frame(hub.now()) else { break };
            came += 1;
            self.send(elapsed, frame.text().to_vec(), mutation, chance);
            self.take_requests(hub, chance)?;
        }
        if came == 0 && mutation == Some(Mutation::DelaysAnEvent) {
            self.down.extend(self.late.take());
        }
        self.take_requests(hub, chance)?;
        if let Some(code) = self.session.poll_close() {
            self.closed = Some(code);
        }
        Ok(came)
    }

    fn send(
        &mut self,
        now: Timestamp,
        frame: Vec<u8>,
        mutation: Option<Mutation>,
        chance: &mut Chance,
    ) {
        match mutation {
            Some(Mutation::HurriesTheClock) => {
                self.down.push_back((Timestamp::from_millis(1), frame));
            }
            Some(Mutation::DelaysAnEvent) => {
                let is_event = frame.starts_with(br#"{"type":"event""#);
                if is_event && self.late.is_none() && chance.one_in(3) {
                    self.late = Some((now, frame));
                    return;
                }
                self.down.push_back((now, frame));
                self.down.extend(self.late.take());
            }
            Some(mutation) if chance.one_in(3) || mutation == Mutation::DropsAHeartbeat => {
                self.down.extend(mutation.frames(frame).into_iter().map(|frame| (now, frame)));
            }
            None | Some(_) => self.down.push_back((now, frame)),
        }
    }

    fn take_requests(&mut self, hub: &Handle, chance: &mut Chance) -> Result<(), Violation> {
        while let Some(request) = self.session.poll_request() {
            let read = matches!(request, Request::Read { .. });
            let request = if chance.one_in(2) {
                match hub.perform_now(&self.session, request) {
                    Ok(answer) => {
                        self.answers.push(answer);
                        continue;
                    }
                    Err(request) => request,
                }
            } else {
                request
            };
            let future = Box::pin(hub.perform(&self.session, request));
            self.working.push(Working { read, future });
        }
        while let Some(command) = self.session.poll_command() {
            self.commands.push(command);
        }
        self.sign_ins.extend(self.session.poll_sign_in());
        let reads = self.working.iter().filter(|working| working.read).count();
        let requests = self.working.len() + self.answers.len();
        if reads > READS || requests > self.most_requests {
            let how = format!("{requests} requests at once, {reads} of them reads");
            return Err(Invariant::Bounded.broken(how));
        }
        Ok(())
    }

    /// Goes on with what is being done. Whether something was done.
    pub(super) fn work(&mut self) -> bool {
        let mut context = Context::from_waker(noop_waker_ref());
        let before = self.answers.len();
        let answers = &mut self.answers;
        self.working.retain_mut(|working| match working.future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            Poll::Pending => true,
        });
        self.answers.len() > before
    }

    /// Whether something that its session asked for has not been answered.
    pub(super) fn is_waiting(&self) -> bool {
        self.session.is_waiting()
    }

    /// Whether something is being done.
    pub(super) fn is_working(&self) -> bool {
        !self.working.is_empty()
    }

    /// Tells the session an answer. Whether there was one.
    pub(super) fn hand_over(&mut self, place: usize, now: Timestamp) -> bool {
        if place >= self.answers.len() {
            return false;
        }
        let answer = self.answers.swap_remove(place);
        self.session().handle_answer(answer, now);
        true
    }

    /// Hands the client's oldest message to the session. Whether there was one that it takes.
    pub(super) fn hear_client(&mut self, now: Timestamp) -> bool {
        if !self.session.wants_messages() {
            return false;
        }
        match self.up.pop_front() {
            Some(Upstream::Message(message)) => self.session().handle_message(message, now),
            Some(Upstream::Text(text)) => self.session().handle_text(text, now),
            None => return false,
        }
        true
    }

    /// Carries out the oldest command. Whether there was one.
    pub(super) fn carry_out(&mut self, well: bool) -> bool {
        if self.commands.is_empty() {
            return false;
        }
        let command = self.commands.remove(0);
        let outcome = if well {
            Ok(Value::Null)
        } else {
            Err(Problem::new(ProblemCode::WrongStatus, "the status forbids it".to_owned()))
        };
        self.session().handle_command_answer(&command.id, outcome);
        true
    }
}

/// Somebody who watches.
pub(super) struct Watcher {
    pub(super) reader: Reader,
    /// Who it is, without regard to what its token says of it.
    pub(super) person: Viewer,
    /// A token was taken, and what its subscriptions are about is being looked for anew.
    pub(super) renewed: bool,
    pub(super) bell: usize,
    pub(super) key: u32,
    pub(super) line: Option<Line>,
    /// Names of what it asks for.
    pub(super) names: u64,
    /// When its subscriptions were seen to stand, in steps of the world.
    pub(super) standing: BTreeMap<String, u64>,
    /// Whether it is to add no subscriptions to its connection; see [`Reader::come_with`].
    pub(super) content: bool,
}

impl Watcher {
    /// Takes frames off the wire. How many there were.
    pub(super) fn read(
        &mut self,
        most: usize,
        truth: &dyn crate::truth::Truth,
        step: u64,
        mut note: impl FnMut(&[u8]),
    ) -> Result<usize, Violation> {
        let Some(line) = &mut self.line else { return Ok(0) };
        let sign_ins = self.reader.counts().sign_ins;
        let mut read = 0;
        while read < most {
            let Some((sent_at, frame)) = line.down.pop_front() else { break };
            note(&frame);
            self.reader.take(&frame, Some(sent_at), truth)?;
            read += 1;
        }
        if self.reader.counts().sign_ins > sign_ins {
            self.standing.clear();
            self.renewed = true;
        }
        // What a selector is about is listed once more: until then it promises nothing.
        self.renewed &= line.is_waiting();
        for subscribe in self.reader.subscriptions().filter(|_| !self.renewed) {
            if self.reader.is_standing(&subscribe.id) {
                self.standing.entry(subscribe.id.clone()).or_insert(step);
            }
        }
        Ok(read)
    }
}
