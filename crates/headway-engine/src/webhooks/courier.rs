//! Reads what is due from the queue and has it sent.
//!
//! One task owns the [`Lanes`]. It hears of a delivery that was written here at once, and of others
//! by what changed in the queue, once a second. At the start it reads the whole queue that way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use headway_protocol::Timestamp;
use headway_store::{EntryQuery, StoreError};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::attempt::{After, attempt};
use super::lanes::{Head, Lanes};
use super::places::{self, MESSAGES, QUEUE};
use super::{delivery, letters};
use crate::context::Context;

/// How often the queue is asked for what other nodes wrote, and the longest that a deadline is
/// missed because the clock was set forward.
const POLL: Duration = Duration::from_secs(1);

/// Changes of the queue read in one go, some 500 bytes each.
const PAGE: usize = 500;

/// Pages read before anything else is looked at: a long queue does not hold up what is due.
const PAGES: usize = 20;

/// How often the queue is measured and old dead letters are forgotten.
const CHORES: Duration = Duration::from_secs(15);

/// Forgetting is done every so many chores, and with the first.
const FORGETTING: u32 = 40;

struct Courier {
    context: Arc<Context>,
    lanes: Lanes,
    /// The newest change of the queue that was read.
    seen: u64,
    /// Whether more has changed than was read.
    behind: bool,
    attempts: JoinSet<After>,
    /// Which delivery an attempt is of: its lane and its key.
    of: HashMap<Id, (String, String)>,
}

/// Works until it is stopped and nothing is being sent any more.
pub(crate) async fn run(context: Arc<Context>, stop: CancellationToken) {
    let mut courier = Courier {
        context: Arc::clone(&context),
        lanes: Lanes::default(),
        seen: 0,
        behind: false,
        attempts: JoinSet::new(),
        of: HashMap::new(),
    };
    let mut chores = tokio::time::interval(CHORES);
    chores.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rounds = 0_u32;
    loop {
        let wait = match courier.work().await {
            Ok(()) => courier.until_next(),
            Err(error) => {
                tracing::error!(%error, "the queue of webhooks cannot be read");
                POLL
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = context.webhooks.written.notified() => {}
            Some(ended) = courier.attempts.join_next_with_id() => courier.ended(ended),
            _ = chores.tick() => {
                if let Err(error) = courier.measure().await {
                    tracing::error!(%error, "the queue of webhooks cannot be measured");
                }
                let kept = context.options.webhooks.dead_for_ms;
                let before = context.now().as_millis().saturating_sub(kept);
                let before = Timestamp::from_millis(before);
                if rounds.is_multiple_of(FORGETTING)
                    && let Err(error) = letters::forget_old(&*context.store, before).await
                {
                    tracing::error!(%error, "old dead letters could not be forgotten");
                }
                rounds = rounds.wrapping_add(1);
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
    while let Some(ended) = courier.attempts.join_next_with_id().await {
        courier.ended(ended);
    }
}

impl Courier {
    /// Learns what changed and begins what is due.
    async fn work(&mut self) -> Result<(), StoreError> {
        if self.lanes.take_overflow() {
            self.seen = 0;
        }
        for _ in 0..PAGES {
            let changed = self.context.store.changed_entries(QUEUE, self.seen, PAGE).await?;
            self.behind = changed.len() == PAGE;
            for entry in changed {
                self.seen = entry.revision;
                if let Some((lane, due)) = places::parse(&entry.key) {
                    self.lanes.note(lane, due);
                } else {
                    tracing::error!(key = entry.key, "not a delivery; it is left alone");
                }
            }
            if !self.behind {
                break;
            }
        }
        let now = self.context.now();
        for lane in self.lanes.ready(now) {
            self.begin(&lane, now).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, lane: &str, now: Timestamp) -> Result<(), StoreError> {
        let limit = self.lanes.heads_wanted(lane);
        let query = EntryQuery { prefix: places::in_lane(lane), limit, ..EntryQuery::default() };
        let mut found = HashMap::new();
        let mut heads = Vec::new();
        for entry in self.context.store.entries(QUEUE, &query).await? {
            if let Some((_, due)) = places::parse(&entry.key) {
                heads.push(Head { key: entry.key.clone(), due });
                found.insert(entry.key.clone(), entry);
            }
        }
        for head in self.lanes.begin(lane, heads, now) {
            if let Some(entry) = found.remove(&head.key) {
                let attempt = attempt(Arc::clone(&self.context), lane.to_owned(), entry);
                let id = self.attempts.spawn(attempt).id();
                self.of.insert(id, (lane.to_owned(), head.key));
            }
        }
        Ok(())
    }

    fn ended(&mut self, ended: Result<(Id, After), JoinError>) {
        let (id, after) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a delivery broke off; it is taken up again");
                (error.id(), After::Again(self.context.now().plus(delivery::RETRIES_MS[0])))
            }
        };
        let Some((lane, key)) = self.of.remove(&id) else { return };
        match after {
            After::Settled => self.lanes.finish(&lane, &key, None),
            After::Again(due) => self.lanes.finish(&lane, &key, Some(due)),
            After::Rest(until) => {
                self.lanes.finish(&lane, &key, Some(self.context.now()));
                self.lanes.rest(&lane, until);
            }
        }
        let running = i64::try_from(self.lanes.running()).unwrap_or(i64::MAX);
        self.context.metrics.webhooks.running.set(running);
    }

    fn until_next(&self) -> Duration {
        if self.behind {
            return Duration::ZERO;
        }
        let now = self.context.now();
        self.lanes.wakes_at().map_or(POLL, |at| Duration::from_millis(at.since(now)).min(POLL))
    }

    async fn measure(&self) -> Result<(), StoreError> {
        let store = &self.context.store;
        let queued = store.count_entries(QUEUE).await?;
        let first = EntryQuery { limit: 1, ..EntryQuery::default() };
        let oldest = store.entries(MESSAGES, &first).await?.pop();
        let oldest = oldest.map(|entry| entry.parse::<delivery::Message>()).transpose()?;
        let age = oldest.map_or(0, |message| self.context.now().since(message.written_at));
        let metrics = &self.context.metrics.webhooks;
        metrics.queued.set(i64::try_from(queued).unwrap_or(i64::MAX));
        metrics.oldest_seconds.set(i64::try_from(age / 1_000).unwrap_or(i64::MAX));
        Ok(())
    }
}
