//! `headway run -- CMD…`: any command as a job.
//!
//! What the command prints goes to this program's output unchanged, first of all; a copy of it is
//! read as a screen would show it, and becomes log lines and progress. **Invariant:** nothing that
//! the server does or fails to do changes what the command does, but a command that somebody gave.

mod child;
mod outbox;
mod pump;
mod recogniser;
mod reporting;
mod screen;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use headway_client::Client;
use headway_protocol::request::CreateJob;
use headway_protocol::{Action, Command, JobError, Report};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use self::child::{Process, RawTerminal};
use self::pump::pump;
use self::reporting::{LastWords, Reporting, SharedOutbox, signal_of};
use crate::arguments::{Common, RunArguments};
use crate::configuration::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::Node;
use crate::{output, words};

/// How long a cancelled process has to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the command and passes its exit code on.
pub(crate) async fn run(
    common: &Common,
    environment: &Environment,
    arguments: RunArguments,
) -> Result<Exit, Failure> {
    let (node, client) = match connect(common, environment, &arguments).await {
        Ok((node, client)) => (node, Some(client)),
        Err(failure) => {
            output::complain(&format!("the command runs, but not as a job: {failure}"));
            (None, None)
        }
    };
    let page = node.as_ref().map(|node| node.url().to_owned());
    let exit = supervise(client, page, &arguments).await;
    if let Some(node) = node {
        node.shutdown(Duration::from_secs(5)).await;
    }
    exit
}

async fn connect(
    common: &Common,
    environment: &Environment,
    arguments: &RunArguments,
) -> Result<(Option<Node>, Client), Failure> {
    if let Some(server) = &common.server {
        return Ok((None, super::client_of(server, common)?));
    }
    let node = Node::for_run(common, environment, arguments.data.as_deref()).await?;
    let client = node.client()?;
    Ok((Some(node), client))
}

async fn supervise(
    client: Option<Client>,
    page: Option<String>,
    arguments: &RunArguments,
) -> Result<Exit, Failure> {
    let words: Vec<_> = arguments.command.iter().map(|word| word.to_string_lossy()).collect();
    let line = words::join(words.iter().map(AsRef::as_ref));
    let (mut process, streams) = Process::start(&arguments.command).map_err(|error| {
        let program = words.first().map(ToString::to_string).unwrap_or_default();
        Failure::new(format!("`{program}` could not be started: {error}"))
    })?;

    let outbox = SharedOutbox::default();
    let mut reporting = None;
    if let Some(client) = client {
        let name = arguments.name.clone().unwrap_or_else(|| crate::text::shorten(&line, 200));
        let request = CreateJob {
            kind: arguments.kind.clone(),
            name: Some(name),
            session: arguments.session.clone(),
            tags: arguments.tags.clone(),
            metadata: json!({ "command": crate::text::shorten(&line, 4_000) }),
            ..CreateJob::default()
        };
        let quiet = arguments.quiet;
        let started = Reporting::start(client, request, Arc::clone(&outbox), move |job| {
            if !quiet {
                match page {
                    Some(page) => output::say(&format!("headway: {page}/#/jobs/{job}\r")),
                    None => output::say(&format!("headway: {job}\r")),
                }
            }
        });
        reporting = Some(started);
    }
    let raw = streams.terminal.as_ref().and_then(|_| RawTerminal::take());
    let pumps = pump(streams, &outbox, raw.is_some());
    let (status, cancelled) = follow(&mut process, &mut reporting).await?;
    pumps.drain().await;
    drop(raw);
    if let Some((reporting, _)) = reporting
        && !reporting.finish(last_words(status, cancelled.as_ref(), &line)).await
        && !arguments.quiet
    {
        output::complain("the server could not be told how the command ended");
    }
    Ok(Exit::Passed(exit_code(status)))
}

/// Waits for the end, and passes signals and the server's commands on meanwhile. Answers the end
/// and the command that asked for it.
async fn follow(
    process: &mut Process,
    reporting: &mut Option<(Reporting, tokio::sync::mpsc::Receiver<Command>)>,
) -> Result<(ExitStatus, Option<Command>), Failure> {
    let failed = |error: std::io::Error| Failure::because("the command was lost", &error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let mut kill_at = None;
    let mut cancelled = None;
    loop {
        let command = async {
            match reporting.as_mut() {
                Some((_, commands)) => commands.recv().await,
                None => None,
            }
        };
        tokio::select! {
            status = process.wait() => return Ok((status.map_err(failed)?, cancelled)),
            Some(command) = command => {
                if let Some(signal) = signal_of(command.action) {
                    process.signal(signal);
                }
                match command.action {
                    Action::Cancel => {
                        // A process that stands still cannot end.
                        process.signal(Signal::SIGCONT);
                        kill_at = Some(tokio::time::Instant::now() + PATIENCE);
                        cancelled = Some(command);
                    }
                    Action::Pause | Action::Resume | Action::Retry => {
                        if let Some((reporting, _)) = reporting.as_ref() {
                            reporting.acknowledge(command.id);
                        }
                    }
                }
            }
            () = until(kill_at) => {
                process.signal(Signal::SIGKILL);
                kill_at = None;
            }
            _ = interrupt.recv() => {
                if !process.shares_the_terminals_group() {
                    process.signal(Signal::SIGINT);
                }
            }
            _ = terminate.recv() => process.signal(Signal::SIGTERM),
            _ = hangup.recv() => process.signal(Signal::SIGHUP),
        }
    }
}

async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The code that a shell would give for this end.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn last_words(status: ExitStatus, cancelled: Option<&Command>, line: &str) -> LastWords {
    let line = crate::text::shorten(line, 200);
    let report = match (cancelled, status.code(), status.signal()) {
        (Some(command), _, _) => Report::Ack { command: command.id.clone() },
        (None, Some(0), _) => Report::Complete { result: Some(json!({ "exit_code": 0 })) },
        (None, Some(code), _) => Report::Fail {
            error: JobError {
                details: Some(json!({ "exit_code": code })),
                ..JobError::fatal("exit_code", format!("`{line}` ended with exit code {code}"))
            },
        },
        (None, None, signal) => {
            let signal = signal.unwrap_or_default();
            let name = Signal::try_from(signal).map_or("a signal", Signal::as_str);
            Report::Fail {
                error: JobError {
                    details: Some(json!({ "signal": signal, "exit_code": 128 + signal })),
                    ..JobError::fatal("signal", format!("`{line}` was ended by {name}"))
                },
            }
        }
    };
    LastWords { report }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(wait: i32) -> ExitStatus {
        ExitStatus::from_raw(wait)
    }

    #[test]
    fn codes_are_passed_on_as_a_shell_would() {
        assert_eq!(exit_code(status(0)), 0);
        assert_eq!(exit_code(status(7 << 8)), 7);
        assert_eq!(exit_code(status(15)), 143);
        assert_eq!(exit_code(status(9)), 137);
    }

    #[test]
    fn the_end_is_told_as_it_was() {
        let words = last_words(status(0), None, "true").report;
        assert!(matches!(words, Report::Complete { .. }));
        let Report::Fail { error } = last_words(status(3 << 8), None, "false").report else {
            panic!("no failure");
        };
        assert_eq!(
            (error.code.as_str(), error.details),
            ("exit_code", Some(json!({"exit_code": 3})))
        );
        let Report::Fail { error } = last_words(status(9), None, "x").report else {
            panic!("no failure");
        };
        assert_eq!(error.code, "signal");
        let command = Command {
            id: "cmd-1".into(),
            action: Action::Cancel,
            requested_at: headway_protocol::Timestamp::from_millis(0),
            reason: None,
        };
        let words = last_words(status(15), Some(&command), "x").report;
        assert_eq!(words, Report::Ack { command: "cmd-1".into() });
    }
}
