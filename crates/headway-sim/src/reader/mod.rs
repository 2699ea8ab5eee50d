//! Somebody who watches and believes only what they are sent.
//!
//! A [`Reader`] is a client's model of the stream: it knows what it asked for and takes frames, one
//! after the other. It holds documents by cursor, applies a patch only where it fits, and says which
//! [`Invariant`] a frame breaks. It does no I/O and sees nothing of the server, so that the
//! simulation and a test over a network share it.
//!
//! What is not certain to a client is not judged: a selector attaches jobs at a moment that no frame
//! tells, so that until a job's first state frame the stricter of the possible promises are not held
//! against the server.

mod lane;

use std::collections::{BTreeMap, VecDeque};

use headway_protocol::frame::Subscribe;
use headway_protocol::{Cursor, JobId, Timestamp};
use serde_json::Value;

use crate::invariant::{Invariant, Violation};
use crate::truth::Truth;
use crate::viewer::Viewer;
use lane::Lane;

/// State frames of a job that a reader remembers to come back with.
const REMEMBERED: usize = 12;

/// Cursors of events likewise.
const REMEMBERED_EVENTS: usize = 12;

/// What answers to tokens are called.
const AUTH: &str = "auth";

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    subscribe: Subscribe,
    /// Whether `subscribed` came.
    standing: bool,
}

impl Watch {
    fn is_selector(&self) -> bool {
        self.subscribe.job.is_none()
    }

    fn wants(&self, word: &str) -> bool {
        self.subscribe.events.as_ref().is_some_and(|events| events.wants(word))
    }

    fn wants_events(&self) -> bool {
        use headway_protocol::frame::EventFilter;
        match &self.subscribe.events {
            None => false,
            Some(EventFilter::All(all)) => *all,
            Some(EventFilter::Types(types)) => !types.is_empty(),
        }
    }
}

/// What a reader remembers of a job over all its connections.
#[derive(Clone, Debug, Default)]
struct Memory {
    documents: VecDeque<(Cursor, Value)>,
    events: VecDeque<Cursor>,
}

impl Memory {
    fn document(&self, at: Cursor) -> Option<&Value> {
        self.documents.iter().rev().find(|(cursor, _)| *cursor == at).map(|(_, held)| held)
    }
}

/// Frames by type and what they told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames of any type.
    pub frames: u64,
    /// Whole documents.
    pub snapshots: u64,
    /// Patches.
    pub updates: u64,
    /// Events.
    pub events: u64,
    /// Gaps.
    pub gaps: u64,
    /// Ends.
    pub ends: u64,
    /// Subscriptions that went on at a cursor without a gap.
    pub recovered: u64,
    /// Connections that were begun.
    pub connections: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Refusals.
    pub errors: u64,
    /// Tokens that were taken.
    pub sign_ins: u64,
}

impl Counts {
    /// Adds another reader's.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.snapshots += other.snapshots;
        self.updates += other.updates;
        self.events += other.events;
        self.gaps += other.gaps;
        self.ends += other.ends;
        self.recovered += other.recovered;
        self.connections += other.connections;
        self.heartbeats += other.heartbeats;
        self.errors += other.errors;
        self.sign_ins += other.sign_ins;
    }
}

/// Somebody who watches; see the module.
#[derive(Debug)]
pub struct Reader {
    viewer: Viewer,
    /// What must come of a token that it sent.
    signs_in: Option<Hope>,
    /// When its sign-in ends.
    ends_at: Option<Timestamp>,
    memory: BTreeMap<JobId, Memory>,
    watches: BTreeMap<String, Watch>,
    /// What goes on over the present connection, by job.
    lanes: BTreeMap<JobId, Lane>,
    /// Positions that the present connection began with, for its selectors.
    positions: BTreeMap<JobId, Cursor>,
    /// Messages that have not been answered: what is left of a subscription's end, commands.
    unanswered: BTreeMap<String, Asked>,
    pings: VecDeque<Value>,
    /// Messages that it knows to be wrong and that were not refused yet.
    blunders: u32,
    greeted: bool,
    parted: bool,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Leave,
    Command,
}

/// What must come of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hope {
    /// It may be taken, and makes this of its reader.
    Become(Viewer),
    /// It is of no use.
    Refusal,
}

impl Reader {
    /// A reader that has seen nothing.
    pub fn new(viewer: Viewer) -> Self {
        Self {
            viewer,
            signs_in: None,
            ends_at: None,
            memory: BTreeMap::new(),
            watches: BTreeMap::new(),
            lanes: BTreeMap::new(),
            positions: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            pings: VecDeque::new(),
            blunders: 0,
            greeted: false,
            parted: false,
            counts: Counts::default(),
        }
    }

    /// A new connection begins: nothing is asked for yet. `greets` says whether its first frame is a
    /// `hello`.
    pub fn connect(&mut self, greets: bool) {
        self.watches.clear();
        self.lanes.clear();
        self.positions.clear();
        self.unanswered.clear();
        self.pings.clear();
        self.signs_in = None;
        self.ends_at = None;
        self.blunders = 0;
        self.greeted = !greets;
        self.parted = false;
        self.counts.connections += 1;
    }

    /// Its connection is somebody's from now on, until their sign-in ends.
    pub fn come_as(&mut self, viewer: Viewer, ends_at: Option<Timestamp>) {
        self.viewer = viewer;
        self.ends_at = ends_at;
    }

    /// Its sign-in does not end any more.
    pub fn stay(&mut self) {
        self.ends_at = None;
    }

    /// Who it is.
    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// It will send a token: whose it is, `None` when it must be refused.
    pub fn sign_in(&mut self, whose: Option<Viewer>) {
        self.signs_in = Some(whose.map_or(Hope::Refusal, Hope::Become));
    }

    /// Whether it waits for what comes of a token.
    pub fn is_signing_in(&self) -> bool {
        self.signs_in.is_some()
    }

    /// It will ask for this.
    pub fn ask(&mut self, subscribe: Subscribe) {
        let watch = Watch { subscribe: subscribe.clone(), standing: false };
        self.watches.insert(subscribe.id, watch);
    }

    /// A subscription stands without a word, as in a poll, whose answer has no room for it.
    pub fn assume_standing(&mut self, id: &str) {
        let Some(watch) = self.watches.get_mut(id) else { return };
        watch.standing = true;
        let Some(job) = watch.subscribe.job.clone() else { return };
        let memory = self.memory.get(&job);
        let held = watch.subscribe.cursor.and_then(|at| memory?.document(at).cloned());
        self.lanes.entry(job).or_default().join(watch, true, held);
    }

    /// It came with positions for the jobs that selectors bring. All its selectors want the same
    /// events, as those of one address do.
    pub fn come_with(&mut self, positions: impl IntoIterator<Item = (JobId, Cursor)>) {
        for (job, cursor) in positions {
            let document = self.memory.get(&job).and_then(|memory| memory.document(cursor));
            self.lanes.insert(job.clone(), Lane::resumed(cursor, document.cloned()));
            self.positions.insert(job, cursor);
        }
    }

    /// It will end this subscription.
    pub fn leave(&mut self, id: &str) {
        self.unanswered.insert(id.to_owned(), Asked::Leave);
    }

    /// It will send a command under this name.
    pub fn command(&mut self, id: &str) {
        self.unanswered.insert(id.to_owned(), Asked::Command);
    }

    /// It will send a ping that carries this.
    pub fn ping(&mut self, at: Value) {
        self.pings.push_back(at);
    }

    /// It will send something that is no message.
    pub fn blunder(&mut self) {
        self.blunders += 1;
    }

    /// Whether `closing` came.
    pub fn has_parted(&self) -> bool {
        self.parted
    }

    /// The subscriptions that stand, or were asked for.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscribe> {
        self.watches.values().map(|watch| &watch.subscribe)
    }

    /// Whether a subscription stands.
    pub fn is_standing(&self, id: &str) -> bool {
        self.watches.get(id).is_some_and(|watch| watch.standing)
    }

    /// Whether it asked for this subscription's end and has no answer yet.
    pub fn is_leaving(&self, id: &str) -> bool {
        self.unanswered.contains_key(id)
    }

    /// What it has seen so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The newest document that it holds of a job over this connection, and its position.
    pub fn held(&self, job: &JobId) -> Option<(Cursor, &Value)> {
        let lane = self.lanes.get(job)?;
        Some((lane.held?, &lane.document))
    }

    /// Whether the end of a job's attempt was told over this connection and nothing since.
    pub fn has_ended(&self, job: &JobId) -> bool {
        self.lanes.get(job).is_some_and(|lane| lane.ended)
    }

    /// Positions that it may come back to a job with: those of documents that it holds, and with
    /// `events` those of events as well; oldest first.
    pub fn cursors(&self, job: &JobId, events: bool) -> Vec<Cursor> {
        let Some(memory) = self.memory.get(job) else { return Vec::new() };
        let mut cursors: Vec<Cursor> = memory.documents.iter().map(|(at, _)| *at).collect();
        if events {
            cursors.extend(memory.events.iter().copied());
        }
        cursors
    }

    /// Jobs that it has seen.
    pub fn jobs(&self) -> impl Iterator<Item = &JobId> {
        self.memory.keys()
    }

    /// Takes a frame. `sent_at` is when it was made, where that is known.
    pub fn take(
        &mut self,
        text: &[u8],
        sent_at: Option<Timestamp>,
        truth: &dyn Truth,
    ) -> Result<(), Violation> {
        let frame: Value = serde_json::from_slice(text)
            .map_err(|error| Invariant::AnswersCome.broken(format!("no JSON: {error}")))?;
        self.counts.frames += 1;
        let kind = text_of(&frame, "type");
        if self.parted {
            return Err(Invariant::AnswersCome.broken(format!("{kind} after closing")));
        }
        if (kind == "hello") == self.greeted {
            return Err(Invariant::AnswersCome.broken(format!("{kind} out of its place")));
        }
        match kind {
            "hello" => self.greeted = true,
            "subscribed" => return self.subscribed(&frame),
            "snapshot" | "update" | "event" | "gap" | "end" => {
                return self.job_frame(kind, &frame, sent_at, truth);
            }
            "heartbeat" => self.counts.heartbeats += 1,
            "result" if text_of(&frame, "id") == AUTH => return self.signed_in(&frame, truth),
            "result" => return self.answered(&frame),
            "error" => return self.refused(&frame),
            "pong" => {
                let expected = self.pings.pop_front();
                let at = frame.get("at").cloned();
                if expected.is_none() || expected != at {
                    let how = format!("a pong of {at:?} where {expected:?} was asked");
                    return Err(Invariant::AnswersCome.broken(how));
                }
            }
            "closing" => self.parted = true,
            _ => return Err(Invariant::AnswersCome.broken(format!("no such frame: {frame}"))),
        }
        Ok(())
    }

    /// Once all is quiet: whether it holds the newest state of everything that it asked for, and had
    /// every answer. `newest` is a job's position; `promised` says of a selector whether the job had
    /// to come.
    pub fn judge_rest(
        &self,
        truth: &dyn Truth,
        newest: &dyn Fn(&JobId) -> Option<(Cursor, bool)>,
        jobs: &[JobId],
        promised: &dyn Fn(&Subscribe, &JobId) -> bool,
    ) -> Result<(), Violation> {
        if let Some((id, asked)) = self.unanswered.first_key_value() {
            return Err(Invariant::AnswersCome.broken(format!("no answer to {asked:?} {id}")));
        }
        if self.blunders > 0 {
            return Err(Invariant::AnswersCome.broken("a message was refused in silence"));
        }
        if self.signs_in.is_some() {
            return Err(Invariant::AnswersCome.broken("no answer to a token"));
        }
        if let Some(ping) = self.pings.front() {
            return Err(Invariant::AnswersCome.broken(format!("no pong of {ping}")));
        }
        for watch in self.watches.values() {
            let id = &watch.subscribe.id;
            if !watch.standing {
                return Err(Invariant::AnswersCome.broken(format!("no answer to subscribe {id}")));
            }
            for job in jobs {
                let Some((newest, terminal)) = newest(job) else {
                    if watch.subscribe.job.as_ref() == Some(job) {
                        let how = format!("{id} was not told that {job} is gone");
                        return Err(Invariant::AnswersCome.broken(how));
                    }
                    continue;
                };
                if !truth.covers(&watch.subscribe, &self.viewer, job, newest.epoch) {
                    continue;
                }
                let lane = self.lanes.get(job).filter(|lane| lane.held.is_some());
                let Some(lane) = lane else {
                    let came = self.lanes.get(job).is_some_and(|lane| lane.came_back_to(newest));
                    if came && !terminal {
                        // Nothing has happened since.
                        continue;
                    }
                    if watch.is_selector() && !promised(&watch.subscribe, job) {
                        continue;
                    }
                    let how = format!("{id} never brought {job}, which is at {newest}");
                    return Err(Invariant::NewestAtLast.broken(how));
                };
                // A log that is gone may have fitted another subscription.
                let gone = lane.held.is_some_and(|held| held.epoch != newest.epoch);
                if (gone || !lane.is_owed())
                    && watch.is_selector()
                    && !promised(&watch.subscribe, job)
                {
                    // Left over from another subscription.
                    continue;
                }
                lane.judge_rest(job, newest, terminal, truth)?;
            }
        }
        Ok(())
    }

    fn subscribed(&mut self, frame: &Value) -> Result<(), Violation> {
        let id = text_of(frame, "id");
        let Some(watch) = self.watches.get_mut(id).filter(|watch| !watch.standing) else {
            return Err(Invariant::AnswersCome.broken(format!("subscribed {id} was not asked")));
        };
        if !self.viewer.may_ask(&watch.subscribe) {
            let how = format!("{id} stands for {:?}", self.viewer);
            return Err(Invariant::NothingOfOthers.broken(how));
        }
        watch.standing = true;
        let flag = |member: &str| frame.get(member).and_then(Value::as_bool).unwrap_or_default();
        let (recovered, was_recovering) = (flag("recovered"), flag("was_recovering"));
        let came =
            watch.subscribe.cursor.is_some() || (watch.is_selector() && !self.positions.is_empty());
        if recovered && !was_recovering || was_recovering && !came {
            let how = format!("{id}: recovered {recovered}, was_recovering {was_recovering}");
            return Err(Invariant::ResumeMissesNothing.broken(how));
        }
        if recovered {
            self.counts.recovered += 1;
        }
        let Some(job) = watch.subscribe.job.clone() else { return Ok(()) };
        let document = watch.subscribe.cursor.filter(|_| recovered).and_then(|cursor| {
            self.memory.get(&job).and_then(|memory| memory.document(cursor)).cloned()
        });
        let lane = self.lanes.entry(job).or_default();
        lane.join(watch, recovered, document);
        Ok(())
    }

    fn answered(&mut self, frame: &Value) -> Result<(), Violation> {
        let id = text_of(frame, "id");
        match self.unanswered.remove(id) {
            Some(Asked::Leave) => {
                self.forget(id);
                Ok(())
            }
            Some(Asked::Command) => Ok(()),
            None => Err(Invariant::AnswersCome.broken(format!("an answer to nothing: {frame}"))),
        }
    }

    /// A token was taken: what is not for it any more has gone, and what it shows is new.
    fn signed_in(&mut self, frame: &Value, truth: &dyn Truth) -> Result<(), Violation> {
        let viewer = match self.signs_in.take() {
            Some(Hope::Become(viewer)) => viewer,
            Some(Hope::Refusal) => {
                let how = format!("a token that is of no use was taken of {:?}", self.viewer);
                return Err(Invariant::NothingOfOthers.broken(how));
            }
            None => {
                return Err(
                    Invariant::AnswersCome.broken(format!("an answer to no token: {frame}"))
                );
            }
        };
        let ends_at = frame.pointer("/data/expires_at").and_then(Value::as_str);
        self.ends_at = ends_at.and_then(|at| at.parse().ok());
        let before = std::mem::replace(&mut self.viewer, viewer);
        self.lanes.retain(|job, lane| {
            let both = [&before, &self.viewer];
            lane.epoch().is_none_or(|epoch| both.iter().all(|who| truth.may_see(who, job, epoch)))
        });
        self.counts.sign_ins += 1;
        Ok(())
    }

    fn refused(&mut self, frame: &Value) -> Result<(), Violation> {
        self.counts.errors += 1;
        let id = text_of(frame, "id");
        let code = text_of(frame, "code");
        if code == "too_many_jobs" {
            return Ok(());
        }
        if id == AUTH && self.signs_in.take().is_some() {
            return Ok(());
        }
        self.judge_refusal(id, code)?;
        // A subscription may fail while its end is asked for: then both are told.
        let failed = code != "no_such_subscription" && self.watches.contains_key(id);
        if failed || self.unanswered.remove(id).is_some() {
            self.forget(id);
            return Ok(());
        }
        if frame.get("id").is_none() && self.blunders > 0 {
            self.blunders -= 1;
            return Ok(());
        }
        Err(Invariant::AnswersCome.broken(format!("a refusal of nothing: {frame}")))
    }

    /// Whether somebody is told that something is not for them when it is so.
    fn judge_refusal(&self, id: &str, code: &str) -> Result<(), Violation> {
        let asked = self.watches.get(id).map(|watch| self.viewer.may_ask(&watch.subscribe));
        let true_of = match code {
            "forbidden" => asked == Some(false) && !self.viewer.is_unknown(),
            "unauthenticated" => self.viewer.is_unknown(),
            _ => true,
        };
        if true_of {
            return Ok(());
        }
        let how = format!("{id} is {code} for {:?}", self.viewer);
        Err(Invariant::AnswersCome.broken(how))
    }

    /// A subscription is over: jobs that no other covers are given up.
    fn forget(&mut self, id: &str) {
        self.watches.remove(id);
        let Self { watches, lanes, .. } = self;
        for lane in lanes.values_mut() {
            lane.forget(id, watches);
        }
        // Which jobs a selector had brought is not told: those that another may have brought stay.
        let selectors = watches.values().any(Watch::is_selector);
        lanes.retain(|job, lane| {
            lane.is_owed()
                || selectors
                || watches.values().any(|watch| watch.subscribe.job.as_ref() == Some(job))
        });
    }

    fn job_frame(
        &mut self,
        kind: &str,
        frame: &Value,
        sent_at: Option<Timestamp>,
        truth: &dyn Truth,
    ) -> Result<(), Violation> {
        let job: JobId = text_of(frame, "job")
            .parse()
            .map_err(|_| Invariant::NothingOfOthers.broken(format!("of no job: {frame}")))?;
        let cursor = cursor_of(frame, if kind == "gap" { "to" } else { "cursor" })?;
        let epoch = cursor.epoch;
        if let Some((ends_at, sent_at)) = self.ends_at.zip(sent_at)
            && sent_at > ends_at
        {
            let how = format!("{kind} of {job} at {sent_at}, the sign-in ended at {ends_at}");
            return Err(Invariant::NothingOfOthers.broken(how));
        }
        let asked = self.watches.values().any(|watch| {
            watch.standing && truth.covers(&watch.subscribe, &self.viewer, &job, epoch)
        });
        if !asked {
            let how = format!("{kind} of {job}, which was not asked for");
            return Err(Invariant::NothingOfOthers.broken(how));
        }
        let lane = self.lanes.entry(job.clone()).or_default();
        let mut look = lane::Look {
            job: &job,
            viewer: &self.viewer,
            watches: &self.watches,
            positions: &self.positions,
            truth,
            epoch,
            sent_at,
        };
        match kind {
            "snapshot" => {
                self.counts.snapshots += 1;
                let document = frame.get("state").cloned().unwrap_or_default();
                lane.snapshot(&mut look, cursor, document)?;
                self.remember(&job, cursor);
            }
            "update" => {
                self.counts.updates += 1;
                let prev = cursor_of(frame, "prev")?;
                let patch = frame.get("patch").unwrap_or(&Value::Null);
                lane.update(&mut look, cursor, prev, patch)?;
                self.remember(&job, cursor);
            }
            "event" => {
                self.counts.events += 1;
                lane.event(&mut look, cursor, frame.get("event").unwrap_or(&Value::Null))?;
                let memory = self.memory.entry(job).or_default();
                memory.events.push_back(cursor);
                if memory.events.len() > REMEMBERED_EVENTS {
                    memory.events.pop_front();
                }
            }
            "gap" => {
                self.counts.gaps += 1;
                let from = cursor_of(frame, "from")?;
                lane.gap(&mut look, from, cursor, text_of(frame, "reason"))?;
            }
            _ => {
                self.counts.ends += 1;
                lane.end(&mut look, cursor, text_of(frame, "status"))?;
            }
        }
        Ok(())
    }

    fn remember(&mut self, job: &JobId, cursor: Cursor) {
        let Some(lane) = self.lanes.get(job) else { return };
        let memory = self.memory.entry(job.clone()).or_default();
        memory.documents.push_back((cursor, lane.document.clone()));
        if memory.documents.len() > REMEMBERED {
            memory.documents.pop_front();
        }
    }
}

fn text_of<'frame>(frame: &'frame Value, member: &str) -> &'frame str {
    frame.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn cursor_of(frame: &Value, member: &str) -> Result<Cursor, Violation> {
    text_of(frame, member)
        .parse()
        .map_err(|_| Invariant::CursorRises.broken(format!("no `{member}` in {frame}")))
}
