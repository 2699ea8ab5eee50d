//! `headway bench reports`: durable reports over HTTP.

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

use tokio::task::spawn_local;
use tokio::time::Instant;

use super::connection::Connection;
use super::figures::Figures;
use super::jobs;
use super::latencies::Latencies;
use super::pace::Pace;
use super::process::Used;
use super::target::Target;
use crate::arguments::ReportsArguments;
use crate::failure::Failure;

/// Runs the load and tells what came of it.
pub(super) async fn run(target: &Target, load: &ReportsArguments) -> Result<Figures, Failure> {
    let ids = jobs::create(target, load.jobs).await?;
    let paths: Rc<[String]> = ids.iter().map(|id| jobs::events_of(id)).collect();
    let acknowledged = Rc::new(RefCell::new(Latencies::default()));
    let mut connections = Vec::with_capacity(load.producers);
    for _ in 0..load.producers {
        connections.push(Connection::open(target).await?);
    }
    let before = load.server.pid.map(Used::by).transpose()?;
    let began = Instant::now();
    let pace = load.rate.map(|rate| Pace::start(load.producers, rate, load.seconds));
    let mut producers = Vec::with_capacity(load.producers);
    for (number, connection) in connections.into_iter().enumerate() {
        let producer = Producer {
            connection,
            number,
            producers: load.producers,
            events: load.events,
            paths: Rc::clone(&paths),
            acknowledged: Rc::clone(&acknowledged),
        };
        producers.push(spawn_local(producer.run(pace.clone(), began + load.seconds)));
    }
    jobs::finish(producers).await?;
    let took = began.elapsed().as_secs_f64();
    let after = load.server.pid.map(Used::by).transpose()?;
    jobs::complete(target, &ids).await?;

    let acknowledged = acknowledged.borrow();
    let requests = acknowledged.total();
    let events = requests * load.events as u64;
    let mut figures = Figures::default();
    figures.add("producers", load.producers);
    figures.add("jobs", load.jobs);
    figures.add("events_per_request", load.events);
    figures.add_fraction("seconds", took);
    if let Some(pace) = &pace {
        figures.add("requests_due", pace.count());
    }
    figures.add("requests", requests);
    figures.add("events", events);
    figures.add_fraction("requests_per_second", requests as f64 / took);
    figures.add_fraction("events_per_second", events as f64 / took);
    figures.add_latencies("acknowledged", &acknowledged);
    if let (Some(before), Some(after)) = (before, after) {
        let each = |used: u64| used as f64 / events.max(1) as f64;
        let cpu = after.cpu_nanos.saturating_sub(before.cpu_nanos);
        let written = after.written_bytes.saturating_sub(before.written_bytes);
        figures.add_fraction("server_cpu_us_per_event", each(cpu) / 1e3);
        figures.add_fraction("server_written_bytes_per_event", each(written));
    }
    Ok(figures)
}

struct Producer {
    connection: Connection,
    number: usize,
    producers: usize,
    events: usize,
    paths: Rc<[String]>,
    acknowledged: Rc<RefCell<Latencies>>,
}

impl Producer {
    async fn run(mut self, pace: Option<Pace>, until: Instant) -> Result<(), Failure> {
        let paths = Rc::clone(&self.paths);
        let mine = paths.iter().cycle().skip(self.number % paths.len()).step_by(self.producers);
        let mut body = String::new();
        for (turn, path) in (0..).zip(mine) {
            let due = match &pace {
                Some(pace) => {
                    let Some(due) = pace.due(self.number, turn) else { break };
                    pace.wait(self.number, due).await;
                    due
                }
                None => Instant::now(),
            };
            // In an open loop, too: what is not sent by then is what the server was too slow for.
            if Instant::now() >= until {
                break;
            }
            self.write(turn, &mut body);
            self.connection.post(path, &body).await?.granted()?;
            self.acknowledged.borrow_mut().add(due.elapsed());
        }
        Ok(())
    }

    /// Writes a request's body: events of about 300 bytes.
    fn write(&self, turn: u64, body: &mut String) {
        body.clear();
        for event in 0..self.events {
            body.push(if event == 0 { '[' } else { ',' });
            let row = turn * self.events as u64 + event as u64;
            let text = format!("row {row} of the load, written by producer {}", self.number);
            // Writing to a string cannot fail.
            let _written = write!(
                body,
                r#"{{"type":"progress","done":{row},"message":"{text:<180}","phase":"loading"}}"#
            );
        }
        body.push(']');
    }
}
