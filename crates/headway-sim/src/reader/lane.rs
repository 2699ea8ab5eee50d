//! One job on one connection, as its reader knows it.

use std::collections::BTreeMap;

use headway_protocol::frame::EventFilter;
use headway_protocol::{Cursor, JobId, JobStatus, Timestamp, patch};
use serde_json::Value;

use super::{Watch, text_of};
use crate::invariant::{Invariant, Violation};
use crate::truth::Truth;
use crate::viewer::Viewer;

/// What a lane may look at while it judges a frame.
pub(super) struct Look<'look> {
    pub(super) job: &'look JobId,
    pub(super) viewer: &'look Viewer,
    pub(super) watches: &'look BTreeMap<String, Watch>,
    pub(super) positions: &'look BTreeMap<JobId, Cursor>,
    pub(super) truth: &'look dyn Truth,
    /// The log that the frame is about.
    pub(super) epoch: u32,
    pub(super) sent_at: Option<Timestamp>,
}

impl Look<'_> {
    /// The subscriptions that stand and are about the job.
    fn covering(&self) -> impl Iterator<Item = (&String, &Watch)> {
        self.watches.iter().filter(|(_, watch)| {
            watch.standing && self.truth.covers(&watch.subscribe, self.viewer, self.job, self.epoch)
        })
    }

    /// Whether a subscription names its job.
    fn is_chosen(&self, id: &str) -> bool {
        self.watches.get(id).is_some_and(|watch| !watch.is_selector())
    }

    /// The shortest time between two state frames, by whichever subscription allows most.
    fn interval_ms(&self) -> u64 {
        let default = self.truth.default_interval_ms(self.job);
        self.covering()
            .map(|(_, watch)| watch.subscribe.min_interval_ms.unwrap_or(default))
            .min()
            .unwrap_or_default()
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) held: Option<Cursor>,
    pub(super) document: Value,
    /// Every event that was owed up to here was given, or a gap told of it.
    events_at: Option<Cursor>,
    /// The subscriptions that are known to cover the job, and the offset after which each is owed
    /// what it wants.
    owed: BTreeMap<String, u64>,
    /// The same for several selectors of which it is only known that one covers the job: what all
    /// of them want is owed after this.
    owed_to_all: Option<u64>,
    /// Documents of cursors that the reader came back with.
    resumed: Vec<(Cursor, Option<Value>)>,
    /// A subscription has just begun, so that the job may begin anew with a snapshot.
    fresh: bool,
    /// A gap was told; the next frame is a snapshot of this position.
    gap_to: Option<Cursor>,
    /// A cursor that could not be recovered; the next frame is its gap.
    lost: Option<Cursor>,
    pub(super) ended: bool,
    /// It ended and no subscription names it: selectors let go of it, may tell of it once more, and
    /// bring it back when it goes on. What was owed is owed from there.
    let_go: bool,
    last_state_at: Option<Timestamp>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            held: None,
            document: Value::Null,
            events_at: None,
            owed: BTreeMap::new(),
            owed_to_all: None,
            resumed: Vec::new(),
            fresh: true,
            gap_to: None,
            lost: None,
            ended: false,
            let_go: false,
            last_state_at: None,
        }
    }
}

impl Lane {
    /// A lane of a connection that came with this position.
    pub(super) fn resumed(cursor: Cursor, document: Option<Value>) -> Self {
        Self {
            events_at: Some(cursor),
            owed_to_all: Some(cursor.offset),
            resumed: vec![(cursor, document)],
            ..Self::default()
        }
    }

    /// The log that it is in, as far as that is known.
    pub(super) fn epoch(&self) -> Option<u32> {
        let resumed = self.resumed.last().map(|(at, _)| *at);
        let at = self.gap_to.or(self.held).or(self.events_at).or(resumed);
        at.map(|at| at.epoch)
    }

    /// A subscription to the job stands. `document` is the one that its cursor stands for.
    pub(super) fn join(&mut self, watch: &Watch, recovered: bool, document: Option<Value>) {
        self.fresh = true;
        let Some(cursor) = watch.subscribe.cursor else { return };
        if !recovered {
            self.lost = Some(cursor);
            return;
        }
        self.resumed.push((cursor, document));
        self.owed.insert(watch.subscribe.id.clone(), cursor.offset);
        if watch.wants_events() {
            let earlier = |at: &Cursor| at.epoch == cursor.epoch && at.offset < cursor.offset;
            self.events_at = self.events_at.filter(earlier).or(Some(cursor));
        }
    }

    /// Whether some subscription is known to hold the job.
    pub(super) fn is_owed(&self) -> bool {
        !self.let_go && (!self.owed.is_empty() || self.owed_to_all.is_some())
    }

    /// Whether its reader came back with this position.
    pub(super) fn came_back_to(&self, at: Cursor) -> bool {
        self.resumed.iter().any(|(resumed, _)| *resumed == at)
    }

    /// A subscription is over.
    pub(super) fn forget(&mut self, id: &str, watches: &BTreeMap<String, Watch>) {
        // One that was not known to cover the job may just have brought it anew.
        self.fresh |= self.owed.remove(id).is_none();
        self.lost = None;
        // It may have been the one that named the job.
        if self.ended {
            self.let_go(watches);
        }
        if self.owed.is_empty() {
            // Whether another selector has the job by now is not told.
            self.owed_to_all = None;
            self.gap_to = None;
            self.fresh = true;
        }
    }

    /// Selectors let go of it: those that want its events are owed them when it goes on, the others
    /// begin anew.
    fn let_go(&mut self, watches: &BTreeMap<String, Watch>) {
        self.let_go = true;
        self.owed.retain(|id, _| watches.get(id).is_some_and(Watch::wants_events));
    }

    /// A snapshot came.
    pub(super) fn snapshot(
        &mut self,
        look: &mut Look<'_>,
        cursor: Cursor,
        document: Value,
    ) -> Result<(), Violation> {
        let job = look.job;
        if !look.viewer.sees(job, &document) {
            let owner = document.get("owner");
            let how = format!("{job} of {owner:?} for {:?}", look.viewer);
            return Err(Invariant::NothingOfOthers.broken(how));
        }
        let restarts = self.may_restart(look) || self.may_have_been_brought(look);
        if let Some(to) = self.gap_to.take() {
            if cursor != to {
                let how = format!("{job}: a gap to {to}, then a snapshot of {cursor}");
                return Err(Invariant::GapIsTrue.broken(how));
            }
        } else {
            self.judge_lost(job)?;
            if self.held.is_some_and(|held| held.epoch != cursor.epoch) && restarts {
                // Selectors let go of what was removed, without a word.
                self.owed.retain(|id, _| look.is_chosen(id));
                self.owed_to_all = None;
            } else if let (Some(held), false) = (self.held, restarts) {
                judge_rise(job, held, cursor)?;
                let passed = look.truth.next_change(job, held, cursor.offset - 1);
                let told = look.covering().any(|(id, watch)| {
                    self.owed.contains_key(id)
                        && watch.subscribe.events == Some(EventFilter::All(true))
                });
                if let (Some(passed), false) = (passed, told) {
                    let how = format!("{job}: {held} to {cursor} passes the change at {passed}");
                    return Err(Invariant::StatusNotSkipped.broken(how));
                }
                // With all events wanted it is not held back where a change may lie in between.
                if !told && !look.truth.may_change(job, held, cursor.offset) {
                    self.judge_interval(look)?;
                }
            }
        }
        if let Some(held) = self.held.filter(|held| held.epoch == cursor.epoch) {
            if cursor.offset < held.offset {
                let how = format!("{job}: a snapshot of {cursor} after {held}");
                return Err(Invariant::CursorRises.broken(how));
            }
            // That the job goes on may be known before what it goes on with.
            let over = self.ended && !restarts;
            if over && !look.truth.may_change(job, held, u64::MAX) {
                let how = format!("{job}: a snapshot of {cursor} after the end at {held}");
                return Err(Invariant::EndComes.broken(how));
            }
        }
        self.document = document;
        self.arrive(look, cursor)
    }

    /// An update came.
    pub(super) fn update(
        &mut self,
        look: &mut Look<'_>,
        cursor: Cursor,
        prev: Cursor,
        change: &Value,
    ) -> Result<(), Violation> {
        let job = look.job;
        self.judge_gap_pending(job, "an update")?;
        self.judge_lost(job)?;
        let restarts = self.may_restart(look);
        if self.held != Some(prev) {
            let resumed = self.resumed.iter().rev().find(|(at, _)| *at == prev && restarts);
            let Some((_, Some(document))) = resumed else {
                let how = format!("{job}: `prev` is {prev}, held is {:?}", self.held);
                return Err(Invariant::UpdateFits.broken(how));
            };
            self.document = document.clone();
        }
        judge_rise(job, prev, cursor)?;
        if let Some(passed) = look.truth.next_change(job, prev, cursor.offset - 1) {
            let how = format!("{job}: {prev} to {cursor} passes the change at {passed}");
            return Err(Invariant::StatusNotSkipped.broken(how));
        }
        if self.ended && !self.fresh && !look.truth.may_change(job, prev, cursor.offset) {
            let how = format!("{job}: {cursor} after the end at {prev}");
            return Err(Invariant::EndComes.broken(how));
        }
        // What leads to a change of status is not held back, in two frames if need be.
        if !restarts && !look.truth.may_change(job, prev, u64::MAX) {
            self.judge_interval(look)?;
        }
        patch::apply(&mut self.document, change);
        self.arrive(look, cursor)
    }

    /// An event came.
    pub(super) fn event(
        &mut self,
        look: &mut Look<'_>,
        cursor: Cursor,
        event: &Value,
    ) -> Result<(), Violation> {
        let job = look.job;
        self.judge_gap_pending(job, "an event")?;
        self.judge_lost(job)?;
        look.truth.judge_event(job, cursor, event).map_err(|truth| {
            Invariant::EventsWhole.broken(format!("{job}: {cursor} is {truth}, not {event}"))
        })?;
        let word = text_of(event, "type");
        if !look.covering().any(|(_, watch)| watch.wants(word)) {
            let how = format!("{job}: nobody asked for {word} at {cursor}");
            return Err(Invariant::NothingOfOthers.broken(how));
        }
        let Some(at) = self.events_at else {
            let how = format!("{job}: {cursor} came before the first snapshot");
            return Err(Invariant::EventsWhole.broken(how));
        };
        if at.epoch != cursor.epoch {
            let how = format!("{job}: {cursor} belongs to another log than {at}");
            return Err(Invariant::CursorRises.broken(how));
        }
        if cursor.offset <= at.offset {
            let how = format!("{job}: {cursor} came again, or late, after {at}");
            return Err(Invariant::EventsWhole.broken(how));
        }
        if let Some(missed) = self.missed(look, at, cursor.offset - 1) {
            let how = format!("{job}: {missed} was passed over between {at} and {cursor}");
            return Err(self.or_resume(Invariant::EventsWhole).broken(how));
        }
        if let (true, Some(held), false) = (self.ended, self.held, self.may_restart(look))
            && !look.truth.may_change(job, held, u64::MAX)
        {
            let how = format!("{job}: the event at {cursor} after the end at {held}");
            return Err(Invariant::EndComes.broken(how));
        }
        self.events_at = Some(cursor);
        Ok(())
    }

    /// A gap came.
    pub(super) fn gap(
        &mut self,
        look: &mut Look<'_>,
        from: Cursor,
        to: Cursor,
        reason: &str,
    ) -> Result<(), Violation> {
        let job = look.job;
        self.judge_gap_pending(job, "a gap")?;
        let so = match reason {
            // Between two logs of one name a reader may be shown the old one once more.
            "epoch" => {
                from.epoch != to.epoch
                    || from.offset > to.offset
                    || look.truth.is_forgotten(job, to).unwrap_or(true)
            }
            "retention" => look.truth.is_forgotten(job, from).unwrap_or(true),
            "slow" => from.epoch == to.epoch && from.offset < to.offset,
            _ => false,
        };
        if !so {
            let how = format!("{job}: from {from} to {to}, but not because of `{reason}`");
            return Err(Invariant::GapIsTrue.broken(how));
        }
        if let Some(at) = self.events_at.filter(|at| at.epoch == from.epoch)
            && let Some(missed) = self.missed(look, at, from.offset)
        {
            let how = format!("{job}: a gap from {from}, but {missed} is missing since {at}");
            return Err(Invariant::GapIsTrue.broken(how));
        }
        if let (true, Some(held), false) = (self.ended, self.held, self.may_restart(look))
            && held.epoch == to.epoch
            && !look.truth.may_change(job, held, to.offset)
        {
            let how = format!("{job}: a gap to {to} after the end at {held}");
            return Err(Invariant::EndComes.broken(how));
        }
        self.gap_to = Some(to);
        self.lost = None;
        self.events_at = Some(to);
        for owed in self.owed.values_mut() {
            *owed = to.offset;
        }
        if let Some(owed) = &mut self.owed_to_all {
            *owed = to.offset;
        }
        self.held = None;
        self.ended = false;
        self.let_go = false;
        self.fresh = true;
        Ok(())
    }

    /// An end came.
    pub(super) fn end(
        &mut self,
        look: &mut Look<'_>,
        cursor: Cursor,
        status: &str,
    ) -> Result<(), Violation> {
        let job = look.job;
        self.judge_gap_pending(job, "an end")?;
        let resumed = || self.resumed.iter().rev().find(|(at, _)| *at == cursor);
        if self.held.is_none()
            && let Some((at, Some(document))) = resumed().cloned()
        {
            // It came back with the terminal state, which is not sent again.
            self.held = Some(at);
            self.document = document;
        }
        let held = text_of(&self.document, "status");
        if self.held != Some(cursor) || held != status {
            let how = format!("{job}: {status} at {cursor}, held is {held} at {:?}", self.held);
            return Err(Invariant::EndComes.broken(how));
        }
        if !status.parse().is_ok_and(JobStatus::is_terminal) {
            return Err(Invariant::EndComes.broken(format!("{job}: {status} is no end")));
        }
        if self.ended && !self.fresh {
            return Err(Invariant::EndComes.broken(format!("{job}: an end twice at {cursor}")));
        }
        self.ended = true;
        self.fresh = false;
        if !look.covering().any(|(_, watch)| !watch.is_selector()) {
            self.let_go(look.watches);
        }
        Ok(())
    }

    /// Once all is quiet.
    pub(super) fn judge_rest(
        &self,
        job: &JobId,
        newest: Cursor,
        terminal: bool,
        truth: &dyn Truth,
    ) -> Result<(), Violation> {
        if let Some(to) = self.gap_to {
            let how = format!("{job}: no snapshot came after the gap to {to}");
            return Err(Invariant::GapIsTrue.broken(how));
        }
        self.judge_lost(job)?;
        let Some(held) = self.held else { return Ok(()) };
        let over =
            self.ended && held.epoch == newest.epoch && !truth.may_change(job, held, newest.offset);
        if held != newest && !over {
            let how = format!("{job}: held is {held}, newest is {newest}");
            return Err(Invariant::NewestAtLast.broken(how));
        }
        if terminal && !self.ended {
            return Err(Invariant::EndComes.broken(format!("{job}: no end came at {held}")));
        }
        Ok(())
    }

    /// What follows from a state frame, after which `self.document` is held.
    fn arrive(&mut self, look: &mut Look<'_>, cursor: Cursor) -> Result<(), Violation> {
        let job = look.job;
        look.truth.judge_document(job, cursor, &self.document).map_err(|truth| {
            let how = format!("{job} at {cursor} is {truth}, not {}", self.document);
            Invariant::StateIsTrue.broken(how)
        })?;
        if let Some(at) = self.events_at.filter(|at| at.epoch == cursor.epoch)
            && let Some(missed) = self.missed(look, at, cursor.offset)
        {
            let how = format!("{job}: {cursor} came before the event at {missed}, after {at}");
            return Err(self.or_resume(Invariant::EventsBeforeState).broken(how));
        }
        if self.let_go && self.events_at.is_some_and(|at| at.epoch != cursor.epoch) {
            // Another job of the name, which other subscriptions may be about.
            self.owed.clear();
            self.owed_to_all = None;
        }
        let behind = |at: &Cursor| at.epoch != cursor.epoch || at.offset < cursor.offset;
        if self.events_at.as_ref().is_none_or(behind) {
            self.events_at = Some(cursor);
        }
        self.held = Some(cursor);
        self.last_state_at = look.sent_at.or(self.last_state_at);
        self.ended = false;
        self.let_go = false;
        self.fresh = false;
        self.settle(look, cursor);
        Ok(())
    }

    /// A state frame shows which subscriptions cover the job.
    fn settle(&mut self, look: &Look<'_>, cursor: Cursor) {
        let new: Vec<(String, bool)> = look
            .covering()
            .filter(|(id, _)| !self.owed.contains_key(*id))
            .map(|(id, watch)| (id.clone(), watch.is_selector()))
            .collect();
        for (id, _) in new.iter().filter(|(_, selector)| !selector) {
            self.owed.insert(id.clone(), cursor.offset);
        }
        if !self.owed.is_empty() {
            return;
        }
        if let [(id, _)] = new.as_slice() {
            let from = self.owed_to_all.take().unwrap_or(cursor.offset);
            self.owed.insert(id.clone(), from);
        } else if self.owed_to_all.is_none() {
            self.owed_to_all = Some(cursor.offset);
        }
    }

    /// Whether the job may begin anew with a snapshot: a subscription has just begun, or a selector
    /// may be about to bring it.
    fn may_restart(&self, look: &Look<'_>) -> bool {
        self.fresh
            || self.let_go
            || look.covering().any(|(id, _)| !self.owed.contains_key(id))
            || look.positions.contains_key(look.job) && self.held.is_none()
    }

    /// Whether a selector may have brought the job anew after its last log: one that was not about
    /// that, or any of them, when the job was removed meanwhile and nobody had chosen it by its name.
    fn may_have_been_brought(&self, look: &Look<'_>) -> bool {
        self.held.is_some_and(|held| held.epoch != look.epoch)
            && (!self.owed.keys().any(|id| look.is_chosen(id))
                || look
                    .watches
                    .iter()
                    .any(|(id, watch)| watch.standing && !self.owed.contains_key(id)))
    }

    /// The first event after `at` and up to `until` that is owed.
    fn missed(&self, look: &Look<'_>, at: Cursor, until: u64) -> Option<u64> {
        if until <= at.offset {
            return None;
        }
        let mut first = None;
        for (id, from) in &self.owed {
            let Some(watch) = look.watches.get(id) else { continue };
            let after = Cursor { epoch: at.epoch, offset: at.offset.max(*from) };
            let missed = look.truth.next_event(look.job, after, until, &|word| watch.wants(word));
            first = earlier(first, missed);
        }
        if let Some(from) = self.owed_to_all.filter(|_| self.owed.is_empty()) {
            let after = Cursor { epoch: at.epoch, offset: at.offset.max(from) };
            let wanted = |word: &str| {
                look.covering().next().is_some()
                    && look.covering().all(|(_, watch)| watch.wants(word))
            };
            first = earlier(first, look.truth.next_event(look.job, after, until, &wanted));
        }
        first
    }

    /// What an event that is missing breaks: until the first state frame it is the promise to go on
    /// where the reader came back.
    fn or_resume(&self, invariant: Invariant) -> Invariant {
        if self.held.is_none() && !self.resumed.is_empty() {
            Invariant::ResumeMissesNothing
        } else {
            invariant
        }
    }

    fn judge_interval(&self, look: &Look<'_>) -> Result<(), Violation> {
        let (Some(last), Some(now)) = (self.last_state_at, look.sent_at) else { return Ok(()) };
        let interval = look.interval_ms();
        if now.since(last) >= interval {
            return Ok(());
        }
        let how = format!("{}: state after {} ms of {interval}", look.job, now.since(last));
        Err(Invariant::IntervalKept.broken(how))
    }

    fn judge_gap_pending(&self, job: &JobId, what: &str) -> Result<(), Violation> {
        match self.gap_to {
            Some(to) => {
                let how = format!("{job}: {what} where the snapshot of {to} had to come");
                Err(Invariant::GapIsTrue.broken(how))
            }
            None => Ok(()),
        }
    }

    fn judge_lost(&self, job: &JobId) -> Result<(), Violation> {
        match self.lost {
            Some(cursor) => {
                let how = format!("{job}: {cursor} was not recovered, and no gap told so");
                Err(Invariant::GapIsTrue.broken(how))
            }
            None => Ok(()),
        }
    }
}

fn earlier(first: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (first, other) {
        (Some(first), Some(other)) => Some(first.min(other)),
        (first, other) => first.or(other),
    }
}

fn judge_rise(job: &JobId, held: Cursor, cursor: Cursor) -> Result<(), Violation> {
    if held.epoch == cursor.epoch && held.offset < cursor.offset {
        return Ok(());
    }
    Err(Invariant::CursorRises.broken(format!("{job}: {cursor} after {held}")))
}
