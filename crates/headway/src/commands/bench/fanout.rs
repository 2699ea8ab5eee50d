//! `headway bench fanout`: reports that reach watchers.

use std::fmt::Write;
use std::rc::Rc;

use tokio::task::spawn_local;
use tokio::time::Instant;

use super::audience::Audience;
use super::connection::Connection;
use super::figures::Figures;
use super::jobs;
use super::message;
use super::pace::Pace;
use super::process::Used;
use super::target::Target;
use super::watcher::{self, Manner};
use crate::arguments::{FanoutArguments, Lane};
use crate::failure::Failure;

/// Runs the load and tells what came of it, and what went wrong.
pub(super) async fn run(
    target: &Target,
    load: &FanoutArguments,
) -> Result<(Figures, Option<String>), Failure> {
    let watchers = load.jobs * load.watchers;
    let audience = Rc::new(Audience::new(jobs::create(target, load.jobs).await?, watchers));
    let manner =
        Manner { transport: load.transport, lane: load.lane, min_interval_ms: load.min_interval };
    watcher::start(&audience, watchers, target, manner);
    audience.stand().await?;

    let lanes = load.in_flight.unwrap_or(load.producers);
    let mut connections = Vec::with_capacity(lanes);
    for _ in 0..lanes {
        connections.push(Connection::open(target).await?);
    }
    let before = load.server.pid.map(Used::by).transpose()?;
    let began = Instant::now();
    let pace = match load.in_flight {
        Some(_) => None,
        None => Some(Pace::start(lanes, load.rate * load.jobs as f64, load.seconds)),
    };
    let mut producers = Vec::with_capacity(lanes);
    for (number, connection) in connections.into_iter().enumerate() {
        let reporter = Reporter {
            connection,
            lane: load.lane,
            audience: Rc::clone(&audience),
            body: String::new(),
        };
        let until = began + load.seconds;
        producers.push(spawn_local(reporter.run(number, lanes, pace.clone(), until)));
    }
    jobs::finish(producers).await?;
    audience.settle().await;
    let took = began.elapsed().as_secs_f64();
    let after = load.server.pid.map(Used::by).transpose()?;
    let reports = audience.reports();
    let deliveries = audience.tally().deliveries;
    jobs::complete(target, &audience.jobs).await?;
    audience.end().await;

    let tally = audience.tally();
    let mut figures = Figures::default();
    figures.add("jobs", load.jobs);
    figures.add("watchers", watchers);
    figures.add_fraction("seconds", took);
    if let Some(pace) = &pace {
        figures.add("reports_due", pace.count());
    }
    figures.add("reports", reports);
    figures.add("deliveries", deliveries.total());
    figures.add_fraction("deliveries_per_second", deliveries.total() as f64 / took);
    figures.add_latencies("latency", &deliveries);
    if let (Some(before), Some(after)) = (before, after) {
        let cpu = after.cpu_nanos.saturating_sub(before.cpu_nanos) as f64;
        let each = cpu / deliveries.total().max(1) as f64;
        figures.add_fraction("server_cpu_us_per_delivery", each / 1e3);
    }
    let wanted = reports * load.watchers as u64;
    figures.add("conflated", wanted.saturating_sub(deliveries.total()));
    figures.add("ended", tally.ended);
    tally.add_faults(&mut figures);
    Ok((figures, tally.fault()))
}

/// Sends reports that carry the moment at which they were due.
#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) connection: Connection,
    pub(super) lane: Lane,
    pub(super) audience: Rc<Audience>,
    pub(super) body: String,
}

impl Reporter {
    /// Reports on every `lanes`th job from `number` on, in turn: at a pace, or each report when the
    /// one before has reached everyone.
    async fn run(
        mut self,
        number: usize,
        lanes: usize,
        pace: Option<Pace>,
        until: Instant,
    ) -> Result<(), Failure> {
        let jobs = self.audience.jobs.len();
        let mut turn = 0;
        while Instant::now() < until {
            let job = (number + lanes * usize::try_from(turn).unwrap_or_default()) % jobs;
            if let Some(pace) = &pace {
                let Some(due) = pace.due(number, turn) else { break };
                pace.wait(number, due).await;
                self.report(job, turn, due).await?;
            } else {
                let cursor = self.report(job, turn, Instant::now()).await?;
                self.audience.reached(job, cursor).await;
            }
            turn += 1;
        }
        Ok(())
    }

    /// Sends one report and waits for its acknowledgement.
    pub(super) async fn report(
        &mut self,
        job: usize,
        done: u64,
        due: Instant,
    ) -> Result<headway_protocol::Cursor, Failure> {
        self.body.clear();
        // Writing to a string cannot fail.
        let _written = match self.lane {
            Lane::State => write!(self.body, r#"{{"type":"progress","done":{done},"message":""#),
            Lane::Events => write!(self.body, r#"{{"type":"log","level":"info","message":""#),
        };
        message::write_text(&mut self.body, self.audience.since_began(due));
        self.body.push_str("\"}");
        let path = self.audience.jobs.get(job).map(|id| jobs::events_of(id)).unwrap_or_default();
        let answer = self.connection.post(&path, &self.body).await?;
        let cursor = message::acknowledged(answer.granted()?);
        let cursor =
            cursor.ok_or_else(|| Failure::new("a report was acknowledged without a cursor"))?;
        self.audience.acknowledge(job, cursor);
        Ok(cursor)
    }
}
