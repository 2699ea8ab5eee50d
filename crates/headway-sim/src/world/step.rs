//! One step of a world: something happens, or goes wrong.

use headway_hub::session::Session;
use headway_protocol::frame::{ClosingReason, EventFilter, Subscribe};
use headway_protocol::{Action, ClientMessage, CloseCode, Cursor, JobId};
use headway_store::Clock;
use serde_json::json;

use super::watcher::{Line, Upstream};
use super::{TURNS, World};
use crate::invariant::Violation;
use crate::producer;

/// Requests that one session may have on their way, beside those for each job and subscription.
pub(super) const SPARE_REQUESTS: usize = 200;

/// How a frame begins that is not worth a line.
const HEARTBEAT: &[u8] = br#"{"type":"heartbeat""#;

/// Texts that are no message.
const BLUNDERS: [&[u8]; 3] = [b"{", b"[]", br#"{"type":"dance"}"#];

impl World {
    pub(super) async fn one_step(&mut self) -> Result<(), Violation> {
        match self.chance.below(100) {
            0..=12 => self.move_jobs(),
            13..=23 => self.tell_news(),
            24..=30 => {
                let turns = 1 + self.chance.place(TURNS);
                self.run_hub(turns).await;
            }
            31..=38 => self.answer_a_question().await,
            39..=46 => self.work_for_somebody(),
            47..=55 => self.pass_on_rings(),
            56..=67 => self.serve_somebody()?,
            68..=78 => self.let_somebody_read()?,
            79..=82 => {
                self.trace.note("a good moment".to_owned());
                self.round().await?;
            }
            83..=86 => {
                let millis = match self.chance.below(8) {
                    0 => 30_000,
                    1 => 2_000,
                    _ => self.chance.below(300),
                };
                self.trace.note(format!("{millis} ms pass"));
                self.pass(millis).await;
            }
            87 => {
                let millis = self.chance.below(5_000);
                self.trace.note(format!("the clock is set back by {millis} ms"));
                self.clock.set_back(millis);
                self.was_set_back = true;
            }
            88..=89 if self.is_stormy() => self.cut_somebody(),
            91..=93 => self.connect_somebody(),
            94..=96 => self.let_somebody_speak(),
            97 if self.is_stormy() => self.part_with_somebody(),
            90 | 99 if self.settings.signs_in => {
                let who = self.somebody();
                self.renew(who);
            }
            98 if self.is_stormy() => self.lose_a_log(),
            _ => {}
        }
        Ok(())
    }

    fn is_stormy(&mut self) -> bool {
        self.chance.one_in(self.settings.calm)
    }

    fn somebody(&mut self) -> usize {
        self.chance.place(self.watchers.len())
    }

    fn some_job(&mut self) -> Option<JobId> {
        self.chance.pick(&self.jobs).cloned()
    }

    fn move_jobs(&mut self) {
        for _ in 0..=self.chance.below(4) {
            let Some(job) = self.some_job() else { return };
            self.move_job(&job);
        }
    }

    /// A job is created, or something happens to it.
    pub(super) fn move_job(&mut self, job: &JobId) {
        let now = self.clock.now();
        let (document, words) = match self.ledger.standing(job) {
            None => producer::create(job, now, &mut self.chance),
            Some(standing) => {
                let status = standing.status();
                producer::happen(&standing.document, status, now, &mut self.chance)
            }
        };
        let append = self.ledger.write(job, document, &words, now);
        self.trace.note(format!(
            "{job} {}..{} {words:?} {}",
            append.record.from, append.record.to, append.record.patch
        ));
        let over = self.ledger.standing(job).is_some_and(|now| now.status().is_terminal());
        if !over || self.ledger.has_just_changed(job) {
            self.moved.insert(job.clone(), self.step);
        }
        if let Err(error) = self.store.write(append) {
            self.trace.note(format!("the store refused: {error}"));
        }
    }

    fn tell_news(&mut self) {
        let untold = self.store.untold();
        if untold == 0 {
            return;
        }
        match self.chance.below(12) {
            0 if self.settings.careless => {
                let place = self.chance.place(untold);
                self.trace.note(format!("news {place} of {untold} is lost"));
                self.store.lose(place);
            }
            1 if self.settings.careless => {
                let place = self.chance.place(untold);
                self.trace.note(format!("news {place} of {untold} comes out of its turn"));
                self.store.tell(place, false);
            }
            2 if self.settings.careless && !self.store.next_ends() => {
                self.trace.note("news comes, and will come again".to_owned());
                self.store.tell(0, true);
            }
            3..=6 => {
                self.trace.note("all news come at once".to_owned());
                self.store.tell_all();
            }
            _ => {
                self.trace.note("news comes".to_owned());
                self.store.tell(0, false);
            }
        }
    }

    async fn answer_a_question(&mut self) {
        let waiting = self.store.waiting();
        if waiting == 0 {
            return;
        }
        let place = self.chance.place(waiting);
        let succeeds = !self.chance.one_in(10);
        self.trace.note(format!("question {place} of {waiting} is answered: {succeeds}"));
        self.store.answer(place, succeeds);
        if self.chance.one_in(2) {
            self.run_hub(TURNS).await;
        }
    }

    fn work_for_somebody(&mut self) {
        let who = self.somebody();
        let now = self.clock.now();
        let Some(watcher) = self.watchers.get_mut(who) else { return };
        let Some(line) = &mut watcher.line else { return };
        line.work();
        for _ in 0..=self.chance.below(3) {
            let place = self.chance.place(line.answers.len());
            if line.hand_over(place, now) {
                self.trace.note(format!("{who} is told an answer"));
            }
        }
        line.carry_out(self.chance.one_in(2));
        if self.chance.one_in(2) {
            self.check_a_token(who);
        }
    }

    fn pass_on_rings(&mut self) {
        if self.chance.one_in(12)
            && let Some((bell, ring)) = self.chance.pick(&self.old_rings).copied()
        {
            self.trace.note(format!("{ring:?} is heard again"));
            self.hear(bell, ring);
            return;
        }
        for _ in 0..=self.chance.below(4) {
            let place = self.chance.place(self.rings.len());
            self.pass_on(place);
        }
    }

    fn serve_somebody(&mut self) -> Result<(), Violation> {
        let who = self.somebody();
        let room = 1 + self.chance.place(self.settings.wire);
        let now = self.clock.now();
        let Some(watcher) = self.watchers.get_mut(who) else { return Ok(()) };
        let Some(line) = &mut watcher.line else { return Ok(()) };
        while line.hear_client(now) && self.chance.one_in(2) {}
        let elapsed = self.clock.elapsed();
        if line.wants_service(&self.hub, elapsed) {
            let (mutation, chance) = (self.mutation, &mut self.chance);
            let came = line.serve(&self.hub, room, elapsed, mutation, chance)?;
            self.trace.note(format!("{who} is served {came} frames"));
        }
        Ok(())
    }

    fn let_somebody_read(&mut self) -> Result<(), Violation> {
        let who = self.somebody();
        let most = 1 + self.chance.place(10);
        self.read(who, most).map(|_| ())
    }

    /// Lets a watcher take frames. How many there were.
    pub(super) fn read(&mut self, who: usize, most: usize) -> Result<usize, Violation> {
        let Some(watcher) = self.watchers.get_mut(who) else { return Ok(0) };
        let (trace, step) = (&mut self.trace, self.step);
        let read = watcher.read(most, &self.ledger, step, |frame| {
            if !frame.starts_with(HEARTBEAT) {
                trace.note(format!("{who} <- {}", String::from_utf8_lossy(frame)));
            }
        })?;
        if self.is_quiet {
            // It was told of an end before that was put off.
            watcher.reader.stay();
        }
        let over = watcher.line.as_ref().is_some_and(|line| {
            watcher.reader.has_parted() || line.closed.is_some() && line.down.is_empty()
        });
        if over {
            watcher.line = None;
            self.trace.note(format!("{who} hangs up"));
        }
        Ok(read)
    }

    fn cut_somebody(&mut self) {
        let who = self.somebody();
        let Some(watcher) = self.watchers.get_mut(who) else { return };
        if watcher.line.take().is_some() {
            self.cuts += 1;
            self.trace.note(format!("{who} is cut off"));
        }
    }

    fn connect_somebody(&mut self) {
        let who = self.somebody();
        self.connect(who);
    }

    /// Connects a watcher that is not.
    pub(super) fn connect(&mut self, who: usize) {
        let taken: Vec<(usize, u32)> = self
            .watchers
            .iter()
            .filter(|watcher| watcher.line.is_some())
            .map(|watcher| (watcher.bell, watcher.key))
            .collect();
        if self.watchers.get(who).is_none_or(|watcher| watcher.line.is_some()) {
            return;
        }
        let (viewer, ends_at) = self.draw_viewer(who);
        let unknown = self.settings.signs_in && !self.is_quiet && self.chance.one_in(4);
        let viewer = if unknown { viewer.unknown() } else { viewer };
        let ends_at = ends_at.filter(|_| !unknown);
        let caller = self.caller_of(&viewer, ends_at);
        let Some(watcher) = self.watchers.get_mut(who) else { return };
        watcher.bell = self.chance.place(self.bells.len());
        // The smallest that is free, so that numbers are soon used again.
        let free = |key: &u32| !taken.contains(&(watcher.bell, *key));
        watcher.key =
            (0..=taken.len()).filter_map(|key| key.try_into().ok()).find(free).unwrap_or(0);
        let Some(bell) = self.bells.get(watcher.bell) else { return };
        let session = self.hub.session(caller, "simulated", bell, watcher.key);
        let mut line = Line::new(session, SPARE_REQUESTS, self.clock.elapsed());
        line.ends_at = ends_at;
        watcher.line = Some(line);
        watcher.reader.connect(true);
        self.trace.note(format!(
            "{who} connects as {} of bell {}, {viewer:?} until {ends_at:?}",
            watcher.key, watcher.bell
        ));
        watcher.reader.come_as(viewer, ends_at);
        watcher.standing.clear();
        watcher.renewed = false;
        watcher.content = !unknown && self.chance.one_in(3);
        if unknown && !self.chance.one_in(5) {
            self.renew(who);
        }
        let Some(watcher) = self.watchers.get(who) else { return };
        if watcher.content {
            self.come_with_positions(who);
        } else {
            for _ in 0..=self.chance.below(3) {
                self.subscribe(who);
            }
        }
    }

    /// As a poll over many jobs comes back: positions for all of them, and selectors that want the
    /// same.
    fn come_with_positions(&mut self, who: usize) {
        let events = self.draw_events();
        let interval = self.draw_interval();
        let known = events.as_ref().is_some_and(|events| *events != EventFilter::All(false));
        let Some(watcher) = self.watchers.get_mut(who) else { return };
        let jobs: Vec<JobId> = watcher.reader.jobs().cloned().collect();
        let mut positions: Vec<(JobId, Cursor)> = Vec::new();
        for job in jobs {
            let cursors = watcher.reader.cursors(&job, known);
            if let Some(cursor) = self.chance.pick(&cursors)
                && !self.chance.one_in(4)
            {
                positions.push((job, *cursor));
            }
        }
        watcher.reader.come_with(positions.iter().cloned());
        if let Some(line) = &mut watcher.line {
            self.trace.note(format!("{who} comes with {positions:?}"));
            line.session().resume(positions);
        }
        for _ in 0..=self.chance.below(2) {
            let selector = self.draw_selector(true);
            self.ask(
                who,
                Subscribe { events: events.clone(), min_interval_ms: interval, ..selector },
            );
        }
    }

    fn subscribe(&mut self, who: usize) {
        let mut subscribe = self.draw_selector(false);
        for _ in 0..3 {
            // Most ask for what they may.
            let viewer = self.watchers.get(who).map(|watcher| watcher.reader.viewer());
            if viewer.is_some_and(|viewer| !viewer.may_ask(&subscribe)) {
                subscribe = self.draw_selector(false);
            }
        }
        subscribe.events = self.draw_events();
        subscribe.min_interval_ms = self.draw_interval();
        let wants_events =
            subscribe.events.as_ref().is_some_and(|events| *events != EventFilter::All(false));
        if let (Some(job), Some(watcher)) = (&subscribe.job, self.watchers.get(who)) {
            let cursors = watcher.reader.cursors(job, wants_events);
            subscribe.cursor = match self.chance.below(6) {
                0 | 1 => None,
                2 | 3 => cursors.last().copied(),
                _ => self.chance.pick(&cursors).copied(),
            };
        }
        self.ask(who, subscribe);
    }

    fn ask(&mut self, who: usize, subscribe: Subscribe) {
        let Some(watcher) = self.watchers.get_mut(who) else { return };
        let Some(line) = &mut watcher.line else { return };
        watcher.names += 1;
        let subscribe = Subscribe { id: watcher.names.to_string(), ..subscribe };
        self.trace.note(format!("{who} asks {subscribe:?}"));
        watcher.reader.ask(subscribe.clone());
        line.up.push_back(Upstream::Message(ClientMessage::Subscribe(subscribe)));
    }

    fn draw_selector(&mut self, many: bool) -> Subscribe {
        let mut subscribe = Subscribe::default();
        let name = |word: &&str| (*word).to_owned();
        match self.chance.below(if many { 3 } else { 7 }) {
            0 => subscribe.session = self.chance.pick(&producer::SESSIONS).map(name),
            1 => subscribe.tag = self.chance.pick(&producer::TAGS).map(name),
            2 => subscribe.all = Some(true),
            _ => subscribe.job = self.some_job(),
        }
        subscribe
    }

    fn draw_events(&mut self) -> Option<EventFilter> {
        match self.chance.below(5) {
            0 => None,
            1 => Some(EventFilter::All(false)),
            2 => Some(EventFilter::Types(vec!["log".to_owned(), "status".to_owned()])),
            _ => Some(EventFilter::All(true)),
        }
    }

    fn draw_interval(&mut self) -> Option<u64> {
        self.chance.pick(&[None, Some(0), Some(250), Some(2_000)]).copied().flatten()
    }

    fn let_somebody_speak(&mut self) {
        let who = self.somebody();
        let what = self.chance.below(8);
        let Some(watcher) = self.watchers.get_mut(who) else { return };
        let Some(line) = &mut watcher.line else { return };
        match what {
            0..=2 if !watcher.content => self.subscribe(who),
            3 | 4 => {
                let standing: Vec<String> = watcher
                    .reader
                    .subscriptions()
                    .filter(|asked| watcher.reader.is_standing(&asked.id))
                    .map(|asked| asked.id.clone())
                    .collect();
                let Some(id) = self.chance.pick(&standing).cloned() else { return };
                if watcher.reader.is_leaving(&id) {
                    return;
                }
                self.trace.note(format!("{who} unsubscribes {id}"));
                watcher.reader.leave(&id);
                line.up.push_back(Upstream::Message(ClientMessage::Unsubscribe { id }));
            }
            5 => {
                watcher.names += 1;
                let at = json!(watcher.names);
                watcher.reader.ping(at.clone());
                line.up.push_back(Upstream::Message(ClientMessage::Ping { at: Some(at) }));
            }
            6 => {
                watcher.names += 1;
                let id = watcher.names.to_string();
                let Some(job) = self.chance.pick(&self.jobs).cloned() else { return };
                watcher.reader.command(&id);
                let command = ClientMessage::Command { id, job, action: Action::Pause };
                line.up.push_back(Upstream::Message(command));
            }
            _ => {
                let Some(text) = self.chance.pick(&BLUNDERS).copied() else { return };
                watcher.reader.blunder();
                line.up.push_back(Upstream::Text(text));
            }
        }
    }

    /// The server says farewell, as it does when it stops.
    fn part_with_somebody(&mut self) {
        let who = self.somebody();
        let Some(watcher) = self.watchers.get_mut(who) else { return };
        if let Some(line) = &mut watcher.line {
            self.trace.note(format!("the server parts with {who}"));
            let session: &mut Session = line.session();
            session.close(ClosingReason::ServerShuttingDown, 100, CloseCode::Shutdown);
        }
    }

    /// A log's beginning is forgotten, or a job is removed.
    fn lose_a_log(&mut self) {
        let Some(job) = self.some_job() else { return };
        if self.chance.one_in(3) {
            self.trace.note(format!("{job} is removed"));
            self.ledger.remove(&job);
            self.store.forget(&job);
            return;
        }
        let records = self.chance.place(6);
        if let Some(to) = self.ledger.trim(&job, records) {
            self.trace.note(format!("{job} is trimmed to {to}"));
            self.store.trim(&job, to);
        }
    }
}
