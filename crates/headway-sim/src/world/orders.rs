//! A small world in every order in which its parts can happen.
//!
//! One job, one watcher, a few records of which one changes the status. At each point everything
//! that could happen next is tried: another record, a ring that is heard, a request that is
//! answered, a look at the session, a cut and a return. Orders are walked depth first; each is played
//! from its beginning, because a hub cannot be copied.

use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{Cursor, JobId};
use headway_store::Clock;
use serde_json::{Value, json};

use super::settings::Settings;
use super::step::SPARE_REQUESTS;
use super::watcher::{Line, Upstream};
use super::{Failure, TURNS, World, still_runtime};
use crate::chance::Chance;
use crate::invariant::Violation;

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Record,
    Ring,
    Answer,
    Look,
    Return,
}

/// How small the world is.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    /// Records after the first; the one in the middle changes the status, the last ends the job.
    pub records: usize,
    /// Times that the connection is cut and made again.
    pub returns: usize,
    /// Whether the watcher wants events.
    pub events: bool,
}

/// Plays every order. How many there were.
///
/// Fails with the first order that breaks a promise; its number stands where a seed would.
pub fn every_order(orders: Orders) -> Result<u64, Box<Failure>> {
    let mut played = 0;
    let mut choices: Vec<usize> = Vec::new();
    loop {
        played += 1;
        let fail = |violation, steps| Box::new(Failure { seed: played, violation, steps });
        let runtime = still_runtime().map_err(|violation| fail(violation, Vec::new()))?;
        let widths = runtime.block_on(async {
            let mut world = World::with(Settings::plain(), Chance::new(1), None)
                .map_err(|violation| fail(violation, Vec::new()))?;
            let widths = world.follow(&choices, orders).await;
            widths.map_err(|violation| fail(violation, world.trace.report()))
        })?;
        // The next order: the last point at which something else could have happened.
        choices.resize(widths.len(), 0);
        while let Some(choice) = choices.pop() {
            if widths.get(choices.len()).is_some_and(|width| choice + 1 < *width) {
                choices.push(choice + 1);
                break;
            }
        }
        if choices.is_empty() {
            return Ok(played);
        }
    }
}

impl World {
    /// Plays one order: at each point the turn that `choices` names, the first beyond its end. How
    /// many turns there were to choose from at each.
    async fn follow(&mut self, choices: &[usize], orders: Orders) -> Result<Vec<usize>, Violation> {
        let Some(job) = self.jobs.first().cloned() else { return Ok(Vec::new()) };
        self.record(&job, 0, orders).await;
        self.return_to(&job, orders);
        let (mut records, mut returns) = (0, 0);
        let mut widths = Vec::new();
        loop {
            let turns = self.turns(records < orders.records, returns < orders.returns);
            let choice = choices.get(widths.len()).copied().unwrap_or_default();
            let Some(turn) = turns.get(choice) else { break };
            widths.push(turns.len());
            match turn {
                Turn::Record => {
                    records += 1;
                    self.record(&job, records, orders).await;
                }
                Turn::Ring => self.pass_on(0),
                Turn::Answer => self.hand_over(),
                Turn::Look => self.look()?,
                Turn::Return => {
                    returns += 1;
                    self.return_to(&job, orders);
                }
            }
        }
        // Nothing here needs time.
        self.settle(0).await?;
        self.judge_rest()?;
        Ok(widths)
    }

    fn turns(&self, records: bool, returns: bool) -> Vec<Turn> {
        let line = self.watchers.first().and_then(|watcher| watcher.line.as_ref());
        let now = self.clock.elapsed();
        let wakes = line.is_some_and(|line| line.wants_service(&self.hub, now));
        let answers = line.is_some_and(|line| !line.answers.is_empty());
        let all = [
            (records, Turn::Record),
            (!self.rings.is_empty(), Turn::Ring),
            (answers, Turn::Answer),
            (wakes, Turn::Look),
            // One who has seen nothing comes back as if for the first time.
            (returns, Turn::Return),
        ];
        all.into_iter().filter(|(can, _)| *can).map(|(_, turn)| turn).collect()
    }

    async fn record(&mut self, job: &JobId, number: usize, orders: Orders) {
        let now = self.clock.now();
        let mut document = match self.ledger.standing(job) {
            Some(standing) => standing.document,
            None => json!({"id": job, "kind": "custom", "status": "running", "attempt": 1,
                "progress": {}, "owner": {"tenant": "default"}, "created_at": now}),
        };
        if let Value::Object(members) = &mut document {
            members.insert("progress".to_owned(), json!({"done": number}));
            if number == orders.records {
                members.insert("status".to_owned(), json!("completed"));
            } else if number > 0 && number == orders.records / 2 {
                members.insert("status".to_owned(), json!("paused"));
            }
        }
        let append = self.ledger.write(job, document, &["log", "progress"], now);
        self.trace.note(format!("record {number}"));
        if self.store.write(append).is_ok() {
            self.store.tell_all();
        }
        self.run_hub(TURNS).await;
    }

    fn hand_over(&mut self) {
        let now = self.clock.now();
        let line = self.watchers.first_mut().and_then(|watcher| watcher.line.as_mut());
        if let Some(line) = line {
            line.hand_over(0, now);
            self.trace.note("an answer".to_owned());
        }
    }

    /// Takes one frame of the session, hands it to the reader, and goes on with its requests.
    fn look(&mut self) -> Result<(), Violation> {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let line = self.watchers.first_mut().and_then(|watcher| watcher.line.as_mut());
        if let Some(line) = line {
            while line.hear_client(now) {}
            line.serve(&self.hub, 1, elapsed, None, &mut self.chance)?;
            line.work();
            self.trace.note("a look".to_owned());
        }
        self.read(0, usize::MAX).map(|_| ())
    }

    /// The connection is cut, and made again with the newest position that was seen.
    fn return_to(&mut self, job: &JobId, orders: Orders) {
        let Some(bell) = self.bells.first() else { return };
        let Some(watcher) = self.watchers.first_mut() else { return };
        let cursors = watcher.reader.cursors(job, orders.events);
        let cursor: Option<Cursor> = cursors.into_iter().max_by_key(|cursor| cursor.offset);
        watcher.line = None;
        let caller = watcher.person.caller(None);
        let session = self.hub.session(caller, "simulated", bell, watcher.key);
        let mut line = Line::new(session, SPARE_REQUESTS, self.clock.elapsed());
        watcher.reader.connect(true);
        watcher.standing.clear();
        let subscribe = Subscribe {
            id: "1".to_owned(),
            job: Some(job.clone()),
            cursor,
            events: Some(EventFilter::All(orders.events)),
            ..Subscribe::default()
        };
        self.trace.note(format!("it comes with {cursor:?}"));
        watcher.reader.ask(subscribe.clone());
        let message = headway_protocol::ClientMessage::Subscribe(subscribe);
        line.up.push_back(Upstream::Message(message));
        watcher.line = Some(line);
    }
}
