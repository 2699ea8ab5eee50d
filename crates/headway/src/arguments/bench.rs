//! Arguments of `headway bench`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::text;

/// The longest load, and the longest that connections are held.
const LONGEST: Duration = Duration::from_mins(10);
/// Reports or updates a second that one process of this kind can be asked for.
const HIGHEST_RATE: f64 = 1_000_000.0;
/// Connections from one address of this machine to one port; the kernel gives about 28,000.
pub(crate) const MOST_CONNECTIONS: usize = 25_000;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Producers that send durable reports: how many a second, and how soon acknowledged.
    Reports(ReportsArguments),
    /// Connections that watch: how soon they stand, and what each costs in memory.
    Watchers(WatchersArguments),
    /// Reports that reach watchers: how many, how soon, in order, and at what cost.
    Fanout(FanoutArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ReportsArguments {
    /// Connections that each send one request after the other.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = within(1, 10_000))]
    pub(crate) producers: usize,
    /// Events in each request.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within(1, 1_000))]
    pub(crate) events: usize,
    /// Jobs that are reported on in turn.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = within(1, 100_000))]
    pub(crate) jobs: usize,
    /// Requests a second in all, counted from the moment each is due; without it each producer
    /// sends as soon as its last request is acknowledged.
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// How long, at most 10 minutes.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = span)]
    pub(crate) seconds: Duration,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct WatchersArguments {
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = within(1, MOST_CONNECTIONS))]
    pub(crate) connections: usize,
    /// Jobs that they watch, each one of them.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = within(1, 100_000))]
    pub(crate) jobs: usize,
    /// How long they are held idle, at most 10 minutes.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = span)]
    pub(crate) idle: Duration,
    /// How they are told.
    #[arg(long, default_value = "websocket")]
    pub(crate) transport: Transport,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct FanoutArguments {
    /// Jobs that are reported on in turn.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = within(1, 25_000))]
    pub(crate) jobs: usize,
    /// Watchers of each job.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = within(1, MOST_CONNECTIONS))]
    pub(crate) watchers: usize,
    /// Reports a second for each job, counted from the moment each is due.
    #[arg(long, value_name = "N", default_value = "1", value_parser = rate)]
    pub(crate) rate: f64,
    /// Instead of a rate: so many reports on their way at a time, each until all watchers have it.
    #[arg(long, value_name = "N", conflicts_with = "rate", value_parser = within(1, 1_000))]
    pub(crate) in_flight: Option<usize>,
    /// Connections that send the reports of a rate.
    #[arg(long, value_name = "N", default_value_t = 32, conflicts_with = "in_flight", value_parser = within(1, 1_000))]
    pub(crate) producers: usize,
    /// How long, at most 10 minutes.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = span)]
    pub(crate) seconds: Duration,
    /// How watchers are told.
    #[arg(long, default_value = "websocket")]
    pub(crate) transport: Transport,
    /// What they are told.
    #[arg(long, default_value = "state")]
    pub(crate) lane: Lane,
    /// The shortest time between two state frames that watchers ask for, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    pub(crate) min_interval: u32,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// The server's process, when it is on this machine and may be looked at.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ServerArguments {
    /// The server's process: its CPU time, memory and writes are measured as the kernel counts them.
    #[arg(long = "server-pid", value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// A WebSocket.
    Websocket,
    /// Server-Sent Events.
    Sse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lane {
    /// Progress, as updates of the document: the newest counts.
    State,
    /// Log lines, as events: each counts.
    Events,
}

fn within(least: usize, most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("it must be {least} to {most}"))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| *rate >= 0.01 && *rate <= HIGHEST_RATE);
    rate.ok_or_else(|| format!("it must be 0.01 to {HIGHEST_RATE} a second"))
}

fn span(text: &str) -> Result<Duration, String> {
    let span = text::parse_duration(text)?;
    if span <= LONGEST { Ok(span) } else { Err("it must be at most 10m".to_owned()) }
}
