//! The end of a world: the faults stop, and everybody must come to hold the newest state.

use std::collections::{BTreeMap, BTreeSet};

use headway_hub::{JobFilter, Options};
use headway_protocol::frame::Subscribe;
use headway_protocol::{Cursor, JobId};
use headway_store::Clock;
use serde_json::Value;

use super::{TURNS, World};
use crate::invariant::{Invariant, Violation};
use crate::ledger::Standing;
use crate::producer::{SESSIONS, TAGS};
use crate::truth::Truth;

/// Virtual time in which everybody must hold the newest state once faults stop: the longest interval
/// of a subscription, and the second after which the hub reads again what it could not read.
const SOON_MS: u64 = 4_000;

/// How far time moves at once.
const TICK_MS: u64 = 100;

/// Rounds without any time passing after which something goes in circles.
const CIRCLES: usize = 5_000;

/// An inbox that holds whatever comes between two turns of the hub.
const ROOMY_INBOX: usize = 10_000;

impl World {
    pub(super) async fn come_to_rest(&mut self) -> Result<(), Violation> {
        self.trace.note("the faults stop".to_owned());
        self.store.be_prompt();
        self.is_quiet = true;
        for watcher in &mut self.watchers {
            if let Some(line) = &mut watcher.line {
                line.ends_at = None;
                watcher.reader.stay();
            }
        }
        for who in 0..self.watchers.len() {
            self.connect(who);
        }
        self.settle(SOON_MS).await?;
        if self.settings.signs_in {
            // What stands by now has to become what the new caller may see.
            for who in 0..self.watchers.len() {
                self.renew(who);
            }
            self.settle(SOON_MS).await?;
        }
        if self.settings.careless || self.settings.signs_in {
            self.step += 1;
            for job in self.jobs.clone() {
                if self.ledger.standing(&job).is_some() {
                    self.move_job(&job);
                }
            }
            self.settle(SOON_MS).await?;
        }
        // Some hung up meanwhile.
        for who in 0..self.watchers.len() {
            self.connect(who);
        }
        self.settle(SOON_MS).await?;
        if self.was_set_back {
            // Who waits for a moment that is farther off now is looked at with the next heartbeat.
            self.pass(self.settings.options.heartbeat_ms).await;
            self.settle(SOON_MS).await?;
        }
        self.judge_rest()?;
        self.judge_reads().await?;
        self.judge_heartbeats().await
    }

    /// Lets everything that can happen happen, for so long.
    pub(super) async fn settle(&mut self, millis: u64) -> Result<(), Violation> {
        let mut left = millis;
        loop {
            let mut rounds = 0;
            while self.round().await? {
                rounds += 1;
                if rounds > CIRCLES {
                    return Err(Invariant::Bounded.broken("it goes in circles"));
                }
            }
            if left == 0 {
                return Ok(());
            }
            let step = left.min(TICK_MS);
            left -= step;
            self.pass(step).await;
        }
    }

    /// Everybody does what they can. Whether anybody did something.
    pub(super) async fn round(&mut self) -> Result<bool, Violation> {
        let mut busy = self.store.untold() > 0;
        self.store.tell_all();
        self.run_hub(TURNS).await;
        busy |= !self.rings.is_empty();
        while !self.rings.is_empty() {
            self.pass_on(0);
        }
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        for who in 0..self.watchers.len() {
            let Some(watcher) = self.watchers.get_mut(who) else { continue };
            if let Some(line) = &mut watcher.line {
                while line.hear_client(now) {
                    busy = true;
                }
                busy |= line.work();
                while line.hand_over(0, now) {
                    busy = true;
                }
                while line.carry_out(true) {
                    busy = true;
                }
                if line.wants_service(&self.hub, elapsed) {
                    let (mutation, chance) = (self.mutation, &mut self.chance);
                    let came = line.serve(&self.hub, 64, elapsed, mutation, chance)?;
                    busy |= came > 0 || line.is_working() || !line.answers.is_empty();
                }
            }
            busy |= self.check_a_token(who);
            busy |= self.read(who, usize::MAX)? > 0;
        }
        Ok(busy)
    }

    pub(super) fn judge_rest(&self) -> Result<(), Violation> {
        let newest: BTreeMap<&JobId, (Cursor, bool)> = self
            .jobs
            .iter()
            .filter_map(|job| {
                let standing = self.ledger.standing(job)?;
                Some((job, (standing.cursor, standing.status().is_terminal())))
            })
            .collect();
        let Options { max_jobs, survey_jobs, inbox_records, .. } = self.settings.options;
        // A selector whose news did not fit the inbox lists its newest jobs again, and no others.
        let bounded = max_jobs <= self.jobs.len()
            || survey_jobs < self.jobs.len() && inbox_records < ROOMY_INBOX;
        let watching = self.watchers.iter().enumerate();
        for (who, watcher) in watching.filter(|(_, watcher)| watcher.line.is_some()) {
            // A selector must bring what moved since it stands, and nothing that its bound forbids.
            let promised = |subscribe: &Subscribe, job: &JobId| {
                let since = watcher.standing.get(&subscribe.id);
                let moved = self.moved.get(job);
                // A name that changes hands while it is looked up is missed until it moves again.
                let same = !self.ledger.was_given_away(job);
                // Where the inbox overflows, live jobs are listed anew; what has ended is in no list.
                let over = newest.get(job).is_some_and(|(_, terminal)| *terminal);
                let told = !(over && inbox_records < ROOMY_INBOX);
                !bounded
                    && same
                    && told
                    && since.zip(moved).is_some_and(|(since, moved)| moved > since)
            };
            let newest = |job: &JobId| newest.get(job).copied();
            let judged = watcher.reader.judge_rest(&self.ledger, &newest, &self.jobs, &promised);
            judged.map_err(|Violation { invariant, how }| {
                invariant.broken(format!("watcher {who}: {how}"))
            })?;
        }
        Ok(())
    }

    /// What is asked for once shows what may be seen, all of it and nothing else.
    async fn judge_reads(&self) -> Result<(), Violation> {
        let wrong = |how: String| Err(Invariant::NothingOfOthers.broken(how));
        let standing: Vec<(&JobId, Standing)> =
            self.jobs.iter().filter_map(|job| Some((job, self.ledger.standing(job)?))).collect();
        for watcher in &self.watchers {
            let viewer = watcher.reader.viewer();
            let caller = self.caller_of(viewer, None);
            for job in &self.jobs {
                let seen = self.hub.document(&caller, job).await.is_ok_and(|found| found.is_some());
                let known = standing.iter().find(|(known, _)| *known == job);
                let expected = known.is_some_and(|(job, known)| viewer.sees(job, &known.document));
                if seen != expected {
                    return wrong(format!("{job} is seen by {viewer:?}: {seen}"));
                }
            }
            for (session, tag) in [(None, None), (Some(SESSIONS[0]), None), (None, Some(TAGS[0]))] {
                let [session, tag] = [session, tag].map(|word| word.map(str::to_owned));
                let all = Some(session.is_none() && tag.is_none());
                let subscribe = Subscribe {
                    session: session.clone(),
                    tag: tag.clone(),
                    all,
                    ..Subscribe::default()
                };
                let filter = JobFilter { session, tag, limit: 1_000, ..JobFilter::default() };
                let listed = self.hub.list(&caller, &filter).await.ok();
                let listed = listed.and_then(|text| serde_json::from_str::<Value>(&text).ok());
                let names = listed.map(|page| names_in(&page));
                let expected = viewer.may_ask(&subscribe).then(|| {
                    let fits = standing.iter().filter(|(job, known)| {
                        let epoch = known.cursor.epoch;
                        self.ledger.covers(&subscribe, viewer, job, epoch)
                    });
                    fits.map(|(job, _)| job.to_string()).collect::<BTreeSet<_>>()
                });
                if names != expected {
                    return wrong(format!("{names:?} for {viewer:?}, {expected:?} expected"));
                }
            }
        }
        Ok(())
    }

    /// Nothing moves, so that everybody hears that the connection lives.
    async fn judge_heartbeats(&mut self) -> Result<(), Violation> {
        let before: Vec<u64> =
            self.watchers.iter().map(|watcher| watcher.reader.counts().heartbeats).collect();
        let heartbeat = self.settings.options.heartbeat_ms;
        // A clock that was set back makes it late, by no more than once its time.
        for _ in 0..2 {
            self.pass(heartbeat).await;
            self.settle(0).await?;
        }
        for (watcher, before) in self.watchers.iter().zip(before) {
            let came = watcher.reader.counts().heartbeats - before;
            if watcher.line.is_some() && !(1..=2).contains(&came) {
                let how = format!("{came} within {heartbeat} ms of silence, twice");
                return Err(Invariant::HeartbeatComes.broken(how));
            }
        }
        Ok(())
    }
}

/// The names of a list's jobs.
fn names_in(page: &Value) -> BTreeSet<String> {
    let jobs = page.get("jobs").and_then(Value::as_array);
    let id = |job: &Value| Some(job.get("id")?.as_str()?.to_owned());
    jobs.into_iter().flatten().filter_map(id).collect()
}
