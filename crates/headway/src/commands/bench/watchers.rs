//! `headway bench watchers`: connections that watch, and what each costs.

use std::rc::Rc;

use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

use super::audience::Audience;
use super::connection::Connection;
use super::fanout::Reporter;
use super::figures::Figures;
use super::jobs;
use super::process::Used;
use super::target::Target;
use super::watcher::{self, Manner};
use crate::arguments::{Lane, WatchersArguments};
use crate::failure::Failure;

/// Updates that every watcher is sent before its memory is looked at again.
const UPDATES: u64 = 10;
/// Connections that send them.
pub(super) const PRODUCERS: usize = 16;

/// Runs the load and tells what came of it, and what went wrong.
pub(super) async fn run(
    target: &Target,
    load: &WatchersArguments,
) -> Result<(Figures, Option<String>), Failure> {
    let audience = Audience::new(jobs::create(target, load.jobs).await?, load.connections);
    let audience = Rc::new(audience);
    let alone = load.server.pid.map(Used::by).transpose()?;
    let began = Instant::now();
    let manner = Manner { transport: load.transport, lane: Lane::State, min_interval_ms: 0 };
    watcher::start(&audience, load.connections, target, manner);
    audience.stand().await?;
    let stood = began.elapsed().as_secs_f64();
    sleep(load.idle).await;
    let idle = load.server.pid.map(Used::by).transpose()?;

    let mut producers = Vec::new();
    for number in 0..PRODUCERS.min(load.jobs) {
        let connection = Connection::open(target).await?;
        let audience = Rc::clone(&audience);
        let mut reporter =
            Reporter { connection, lane: manner.lane, audience, body: String::new() };
        let jobs = load.jobs;
        producers.push(spawn_local(async move {
            for done in 0..UPDATES {
                for job in (number..jobs).step_by(PRODUCERS) {
                    let cursor = reporter.report(job, done, Instant::now()).await?;
                    // Each is sent by itself: the next waits until this one has arrived.
                    reporter.audience.reached(job, cursor).await;
                }
            }
            Ok(())
        }));
    }
    jobs::finish(producers).await?;
    audience.settle().await;
    let updated = load.server.pid.map(Used::by).transpose()?;
    let deliveries = audience.tally().deliveries;
    jobs::complete(target, &audience.jobs).await?;
    audience.end().await;

    let tally = audience.tally();
    let mut figures = Figures::default();
    figures.add("connections", load.connections);
    figures.add("jobs", load.jobs);
    figures.add("standing", tally.standing);
    figures.add_fraction("connect_and_subscribe_seconds", stood);
    figures.add_fraction("idle_seconds", load.idle.as_secs_f64());
    if let (Some(alone), Some(idle), Some(updated)) = (alone, idle, updated) {
        let each = |used: Used| {
            // Below zero when the server gave back more than the connections took: a load before
            // this one has left memory behind.
            (used.anonymous_bytes as f64 - alone.anonymous_bytes as f64) / load.connections as f64
        };
        figures.add_fraction("server_bytes_per_connection_idle", each(idle));
        figures.add_fraction("server_bytes_per_connection_after_updates", each(updated));
    }
    figures.add("deliveries", deliveries.total());
    figures.add("ended", tally.ended);
    tally.add_faults(&mut figures);
    Ok((figures, tally.fault()))
}
