//! Soaks the real program: `soak --server-binary PATH [--minutes N] [--watchers N] [--jobs N]
//! [--seed N]`.
//!
//! The exit code is 1 when a promise was broken.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use headway_sim::soak::{Report, Soak};

/// Between two ends of the server lie at least so many milliseconds.
const RESTART_EVERY_MS: u64 = 10_000;

const USAGE: &str =
    "use: soak --server-binary PATH [--minutes N] [--watchers N] [--jobs N] [--seed N]";

#[tokio::main]
async fn main() -> ExitCode {
    let soak = match arguments(std::env::args().skip(1)) {
        Ok(soak) => soak,
        Err(wrong) => {
            say(&format!("{wrong}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match soak.run().await {
        Ok(report) => tell(&report),
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Soak, String> {
    let mut binary = None;
    let (mut minutes, mut watchers, mut jobs, mut seed) = (1, 40, 8, 1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
        let number = value.parse::<u64>().map_err(|_| format!("`{value}` is no number"));
        match word.as_str() {
            "--server-binary" => binary = Some(value.into()),
            "--minutes" => minutes = number?,
            "--watchers" => watchers = number?,
            "--jobs" => jobs = number?,
            "--seed" => seed = number?,
            _ => return Err(format!("`{word}` is not known")),
        }
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let few = |number: u64| usize::try_from(number.max(1)).unwrap_or(1);
    Ok(Soak {
        binary: binary.ok_or("say which program: --server-binary")?,
        folder: folder.keep(),
        lasts: Duration::from_secs(60 * minutes),
        watchers: few(watchers),
        jobs: few(jobs),
        seed,
        restart_every_ms: RESTART_EVERY_MS,
    })
}

fn tell(report: &Report) -> ExitCode {
    let Report { counts, reports, cuts, kills, ends, samples, violations } = report;
    say(&format!(
        "{reports} reports acknowledged; {} frames ({} snapshots, {} updates, {} events, {} gaps, \
         {} ends) over {} connections, {} resumed; {cuts} cuts, {kills} kills, {ends} ends of the \
         server",
        counts.frames,
        counts.snapshots,
        counts.updates,
        counts.events,
        counts.gaps,
        counts.ends,
        counts.connections,
        counts.recovered,
    ));
    let memory = samples.iter().map(|(memory, _)| *memory);
    let files = samples.iter().map(|(_, files)| *files);
    if let (Some(least), Some(most), Some(open)) = (memory.clone().min(), memory.max(), files.max())
    {
        say(&format!("memory of the server {least} to {most} KiB, at most {open} files open"));
    }
    for violation in violations {
        say(&violation.to_string());
    }
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(text: &str) {
    // Whoever reads may have gone.
    let _gone = writeln!(std::io::stdout(), "{text}");
}
