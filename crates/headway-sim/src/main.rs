//! Plays seeds: `headway-sim [--seeds N] [--from SEED] [--orders]`.
//!
//! Each seed from `--from` (1) on is played; `--seeds` (200) says how many. A seed that breaks a
//! promise is shown with the promise and the steps that led to it, and the exit code is 1. With
//! `--orders` a small world is played in every order instead.

use std::io::Write;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use headway_sim::reader::Counts;
use headway_sim::{Failure, Orders, Outcome, every_order, play};

/// Failures that are shown; the others are counted.
const SHOWN: usize = 3;

struct Arguments {
    from: u64,
    seeds: u64,
    orders: bool,
}

/// Worlds for `--orders`: records, returns.
const ORDERS: [(usize, usize); 4] = [(3, 0), (2, 1), (4, 0), (3, 1)];

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)) {
        Ok(Arguments { orders: true, .. }) => orders(),
        Ok(arguments) => run(&arguments),
        Err(wrong) => {
            say(&format!("{wrong}\nuse: headway-sim [--seeds N] [--from SEED] [--orders]"));
            ExitCode::from(2)
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { from: 1, seeds: 200, orders: false };
    while let Some(word) = words.next() {
        let place = match word.as_str() {
            "--from" => &mut arguments.from,
            "--seeds" => &mut arguments.seeds,
            "--orders" => {
                arguments.orders = true;
                continue;
            }
            _ => return Err(format!("`{word}` is not known")),
        };
        let value = words.next().ok_or_else(|| format!("`{word}` needs a number"))?;
        *place = value.parse().map_err(|_| format!("`{value}` is no number"))?;
    }
    Ok(arguments)
}

/// Plays small worlds in every order.
fn orders() -> ExitCode {
    for (records, returns) in ORDERS {
        for events in [false, true] {
            match every_order(Orders { records, returns, events }) {
                Ok(played) => say(&format!(
                    "{records} records, {returns} returns, events {events}: {played} orders"
                )),
                Err(failure) => {
                    say(&failure.to_string());
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// Plays the seeds on all cores.
fn run(arguments: &Arguments) -> ExitCode {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let mut outcomes: Vec<(u64, Result<Outcome, Box<Failure>>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&next, end))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    outcomes.sort_by_key(|(seed, _)| *seed);
    report(arguments.seeds, &outcomes)
}

fn work(next: &AtomicU64, end: u64) -> Vec<(u64, Result<Outcome, Box<Failure>>)> {
    let mut outcomes = Vec::new();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return outcomes;
        }
        outcomes.push((seed, play(seed)));
    }
}

fn report(asked: u64, outcomes: &[(u64, Result<Outcome, Box<Failure>>)]) -> ExitCode {
    let mut counts = Counts::default();
    let mut cuts = 0;
    let mut failures = Vec::new();
    for (_, outcome) in outcomes {
        match outcome {
            Ok(outcome) => {
                counts.add(&outcome.counts);
                cuts += outcome.cuts;
            }
            Err(failure) => failures.push(failure),
        }
    }
    for failure in failures.iter().take(SHOWN) {
        say(&format!("{failure}\n"));
    }
    for failure in failures.iter().skip(SHOWN) {
        say(&format!("seed {}: {}", failure.seed, failure.violation));
    }
    let played = outcomes.len();
    say(&format!(
        "{played} seeds, {} failed: {} frames ({} snapshots, {} updates, {} events, {} gaps, {} ends), \
         {} connections, {cuts} cuts, {} recovered, {} tokens taken",
        failures.len(),
        counts.frames,
        counts.snapshots,
        counts.updates,
        counts.events,
        counts.gaps,
        counts.ends,
        counts.connections,
        counts.recovered,
        counts.sign_ins,
    ));
    // A seed that panicked has no outcome.
    if failures.is_empty() && played as u64 == asked {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn say(text: &str) {
    // Whoever reads may have gone.
    let _gone = writeln!(std::io::stdout(), "{text}");
}
