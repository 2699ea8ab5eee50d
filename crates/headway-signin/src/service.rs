//! The tasks of a node's sign-in: one keeps in step with the store, one tidies up, one reads the
//! identity provider's keys. Each ends when the handle is closed.

use std::sync::Arc;
use std::time::Duration;

use headway_protocol::Timestamp;
use headway_store::PutEntry;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::jwt::Tokens;
use crate::known::UseRecord;
use crate::shared::{Damage, Shared};
use crate::{Error, audit, collection};

/// Between two times of writing uses and refused sign-ins down, and of forgetting what is over.
const TIDY: Duration = Duration::from_mins(1);

/// Entries that are written or removed in one step.
const STEP: usize = 500;

/// Starts the tasks.
pub(crate) async fn start(shared: &Arc<Shared>) -> Result<(), Error> {
    if let (Some(keeper), Some(tokens)) = (&shared.keeper, &shared.tokens)
        && keeper.must_be_there()
    {
        let read = keeper.read(tokens, shared.clock.now()).await;
        read.map_err(|(detail, _)| Error::Options { field: "jwt.jwks_file", detail })?;
    }
    drop(tokio::spawn(until_stopped(Arc::clone(shared), keep_in_step)));
    drop(tokio::spawn(until_stopped(Arc::clone(shared), tidy)));
    if shared.keeper.is_some() {
        drop(tokio::spawn(until_stopped(Arc::clone(shared), keep_keys)));
    }
    Ok(())
}

async fn until_stopped<F: Future<Output = ()>>(shared: Arc<Shared>, task: fn(Arc<Shared>) -> F) {
    let stop = shared.stop.clone();
    stop.run_until_cancelled_owned(task(shared)).await;
}

async fn keep_in_step(shared: Arc<Shared>) {
    let mut ticks = interval(Duration::from_millis(shared.options.poll_every_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        let looked = shared.catch_up(Damage::PassOver).await;
        if let Err(error) = &looked {
            shared.metrics.looks_failed.inc();
            if !failing {
                tracing::error!(%error, "revocations of other nodes are not heard of");
            }
        }
        failing = looked.is_err();
        measure(&shared);
    }
}

fn measure(shared: &Shared) {
    let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let known = shared.known.read();
    shared.metrics.keys.set(gauge(known.keys.len()));
    shared.metrics.sessions.set(gauge(known.sessions.len()));
    shared.metrics.revocations.set(gauge(known.revocations.count()));
    drop(known);
    if let Some(read_at) = shared.tokens.as_ref().and_then(Tokens::read_at) {
        shared.metrics.set_key_set_age(read_at, shared.clock.now());
    }
}

async fn keep_keys(shared: Arc<Shared>) {
    let (Some(keeper), Some(tokens)) = (&shared.keeper, &shared.tokens) else { return };
    loop {
        let read = keeper.read(tokens, shared.clock.now()).await;
        let wait = read.unwrap_or_else(|(_, wait)| wait);
        sleep(Duration::from_millis(wait)).await;
    }
}

async fn tidy(shared: Arc<Shared>) {
    let mut ticks = interval(TIDY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = shared.clock.now();
        shared.guesses.lock().forget(now);
        let done = async {
            write_down(&shared, now).await?;
            forget(&shared, now).await
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, "sign-in could not tidy up; it will try again");
        }
    }
}

/// Writes down what is only in memory yet: when keys and sessions were used last, and who was not
/// let in. What cannot be written is tried again the next time, but for refused sign-ins, which are
/// counted and logged.
pub(crate) async fn write_down(shared: &Shared, now: Timestamp) -> Result<(), Error> {
    let refused = shared.failures.lock().take(&shared.places, now);
    if !refused.is_empty() {
        let puts: Result<Vec<PutEntry>, _> = refused.iter().map(audit::put).collect();
        shared.write(puts?).await.inspect_err(|error| {
            let lost: u64 = refused.iter().map(|entry| entry.times).sum();
            tracing::error!(%error, lost, "refused sign-ins are missing in the audit log");
        })?;
    }
    loop {
        let uses = shared.known.read().unwritten_uses(STEP);
        if uses.is_empty() {
            return Ok(());
        }
        let put = |(key, at): &(String, UseRecord)| PutEntry::new(collection::USES, key, at);
        let puts: Result<Vec<PutEntry>, _> = uses.iter().map(put).collect();
        shared.write(puts?).await?;
        shared.known.read().wrote_uses(&uses);
    }
}

/// Forgets what is over, here and in the store.
pub(crate) async fn forget(shared: &Shared, now: Timestamp) -> Result<(), Error> {
    loop {
        let idle = shared.options.session_idle_ms;
        let gone = shared.known.read().over(now, idle, STEP);
        let entries = gone.entries();
        if entries.is_empty() {
            break;
        }
        shared.known.write().forget(&gone);
        let removals: Vec<PutEntry> = (entries.into_iter())
            .map(|(collection, key)| PutEntry::removal(collection, key))
            .collect();
        for some in removals.chunks(STEP) {
            shared.write(some.to_vec()).await?;
        }
    }
    let audit_from = now.as_millis().saturating_sub(shared.options.audit_for_ms);
    trim(shared, collection::AUDIT, Timestamp::from_millis(audit_from)).await?;
    trim(shared, collection::TICKETS, now).await
}

async fn trim(shared: &Shared, name: &str, before: Timestamp) -> Result<(), Error> {
    let before = collection::at(before);
    loop {
        let trimmed = shared.store.trim_entries(name, &before, STEP).await?;
        if trimmed < STEP as u64 {
            return Ok(());
        }
    }
}
