//! The real program under a bad network: producers that count, watchers that believe only frames,
//! a proxy that cuts, and a server that is killed now and then.
//!
//! At the end the faults stop, and within a bounded time every watcher must hold the newest state of
//! each of its jobs. On the way every frame is held against the same invariants as in the
//! simulation, and every log line must be there.

mod known;
mod producer;
mod proxy;
mod server;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use headway_protocol::JobId;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::chance::Chance;
use crate::invariant::{Invariant, Violation};
use crate::reader::Counts;
use known::Known;
use producer::{Line, Work};
use proxy::Proxy;
use server::{Ending, Server};
use watcher::{Manner, Watcher};

/// How long everybody has to come to the newest state once the faults stop.
const SOON: Duration = Duration::from_mins(1);

/// How often is looked whether they have.
const LOOK: Duration = Duration::from_millis(50);

/// What a soak is told.
#[derive(Clone, Debug)]
pub struct Soak {
    /// The program.
    pub binary: PathBuf,
    /// An empty folder for its data.
    pub folder: PathBuf,
    /// How long the faults last.
    pub lasts: Duration,
    /// Those who watch.
    pub watchers: usize,
    /// Jobs.
    pub jobs: usize,
    /// What decides the faults; the machine's own timing remains.
    pub seed: u64,
    /// Between two ends of the server lie so many milliseconds, and up to twice that.
    pub restart_every_ms: u64,
}

/// What came of a soak.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What the watchers saw.
    pub counts: Counts,
    /// Reports that were acknowledged.
    pub reports: u64,
    /// Connections that the proxy cut.
    pub cuts: u64,
    /// Times that the server was killed.
    pub kills: u64,
    /// Times that it was asked to end.
    pub ends: u64,
    /// The server's memory in KiB and its open files, every second, from all its lives.
    pub samples: Vec<(u64, u64)>,
    /// Promises that were broken.
    pub violations: Vec<Violation>,
}

impl Soak {
    /// Runs it to its end.
    ///
    /// Fails when the program cannot be run; what it does wrong is in the report.
    pub async fn run(&self) -> Result<Report, String> {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let mut chance = Chance::new(self.seed);
        let mut server = Server::start(&self.binary, &self.folder).await?;
        let failed = |error: &dyn std::error::Error| error.to_string();
        let proxy =
            Proxy::start(server.address, chance.number()).await.map_err(|error| failed(&error))?;
        let client = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| failed(&error))?;
        let known = Arc::new(Known::default());
        let lines: Vec<Arc<Line>> = (1..=self.jobs)
            .filter_map(|number| format!("soak-{number}").parse().ok())
            .map(|job: JobId| Arc::new(Line { job, newest: Mutex::default() }))
            .collect();
        let watchers = self.watchers(&lines, &proxy, &client, &known, &mut chance);
        let work = Arc::new(Work {
            server: server.address,
            client,
            known,
            reports: AtomicU64::new(0),
            ending: AtomicBool::new(false),
        });

        let mut producing = JoinSet::new();
        for (number, line) in lines.iter().enumerate() {
            let (work, line) = (Arc::clone(&work), Arc::clone(line));
            let chance = Chance::new(chance.number());
            let completes = number % 2 == 0;
            producing.spawn(async move { work.produce(&line, completes, chance).await });
        }
        let mut watching = JoinSet::new();
        for watcher in &watchers {
            watching.spawn(Arc::clone(watcher).watch());
        }

        let mut report = Report::default();
        self.storm(&mut server, &watchers, &mut chance, &mut report).await?;
        proxy.be_calm();
        for watcher in &watchers {
            watcher.ending.store(true, Ordering::Relaxed);
        }
        work.ending.store(true, Ordering::Relaxed);
        while let Some(produced) = producing.join_next().await {
            match produced {
                Ok(Ok(())) => {}
                Ok(Err(violation)) => report.violations.push(violation),
                Err(error) => return Err(error.to_string()),
            }
        }
        report.violations.extend(come_to_rest(&watchers, &lines).await);
        watching.shutdown().await;
        server.end(Ending::Terminate).await?;
        for watcher in &watchers {
            report.counts.add(&watcher.counts());
        }
        report.reports = work.reports.load(Ordering::Relaxed);
        report.cuts = proxy.cuts.load(Ordering::Relaxed);
        Ok(report)
    }

    fn watchers(
        &self,
        lines: &[Arc<Line>],
        proxy: &Proxy,
        client: &reqwest::Client,
        known: &Arc<Known>,
        chance: &mut Chance,
    ) -> Vec<Arc<Watcher>> {
        let some = |chance: &mut Chance| chance.pick(lines).map(|line| line.job.clone());
        (0..self.watchers)
            .filter_map(|number| {
                let manner = match number % 5 {
                    0 | 1 => {
                        let count = 1 + chance.place(4.min(lines.len()));
                        let first = chance.place(lines.len());
                        let jobs = lines.iter().cycle().skip(first).take(count.min(lines.len()));
                        Manner::Sockets(jobs.map(|line| line.job.clone()).collect())
                    }
                    2 => Manner::Selector,
                    3 => Manner::Events(some(chance)?),
                    _ => Manner::Polls(some(chance)?),
                };
                let (client, known) = (client.clone(), Arc::clone(known));
                let chance = Chance::new(chance.number());
                Some(Arc::new(Watcher::new(manner, proxy.address, client, known, chance)))
            })
            .collect()
    }

    /// The time of the faults.
    async fn storm(
        &self,
        server: &mut Server,
        watchers: &[Arc<Watcher>],
        chance: &mut Chance,
        report: &mut Report,
    ) -> Result<(), String> {
        let second = Duration::from_secs(1);
        let mut left = self.lasts;
        let mut until_restart = self.restart_every_ms;
        while !left.is_zero() && watchers.iter().all(|watcher| watcher.violation().is_none()) {
            let step = left.min(second);
            tokio::time::sleep(step).await;
            left -= step;
            report.samples.extend(server.sample());
            until_restart = until_restart.saturating_sub(1_000);
            if until_restart == 0 {
                until_restart = self.restart_every_ms + chance.below(self.restart_every_ms);
                if report.kills == 0 || chance.one_in(2) {
                    report.kills += 1;
                    server.restart(Ending::Kill).await?;
                } else {
                    report.ends += 1;
                    server.restart(Ending::Terminate).await?;
                }
            }
        }
        Ok(())
    }
}

/// Waits until everybody holds the newest state of each of their jobs, or it is too late.
async fn come_to_rest(watchers: &[Arc<Watcher>], lines: &[Arc<Line>]) -> Vec<Violation> {
    let mut waited = Duration::ZERO;
    loop {
        let mut behind = Vec::new();
        for (number, watcher) in watchers.iter().enumerate() {
            let what = watcher.manner.clone();
            if let Some(Violation { invariant, how }) = watcher.violation() {
                return vec![invariant.broken(format!("watcher {number}, {what:?}: {how}"))];
            }
            for line in lines.iter().filter(|line| watcher.watches(&line.job)) {
                let Some((newest, terminal)) = *line.newest.lock() else { continue };
                let held = watcher.latest(&line.job);
                if held != Some((newest, terminal)) {
                    let job = &line.job;
                    let how = format!(
                        "watcher {number}, {what:?}: {job} is at {newest}, ended {terminal}; held \
                         is {held:?}"
                    );
                    behind.push(Invariant::NewestAtLast.broken(how));
                }
            }
        }
        if behind.is_empty() || waited >= SOON {
            return behind;
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
}
