//! The command line as a request.

use std::path::Path;

use headway_client::FileFormat;
use headway_protocol::batch::{
    BatchOptions, Budget, CommandExecutor, CommandMode, Executor, HttpExecutor, OnFailure, Retry,
};

use crate::arguments::{ExecutorArguments, ItemsArguments, RunBatchArguments};
use crate::failure::Failure;
use crate::words;

/// What --exec always sees of the environment: enough to find programs and to print.
const ENVIRONMENT: &[&str] = &["PATH", "HOME", "LANG"];

/// The options of a run.
pub(super) fn options(
    arguments: &RunBatchArguments,
) -> Result<(BatchOptions, FileFormat), Failure> {
    let (options, format) = items_options(&arguments.items)?;
    let name = match &arguments.name {
        Some(name) => Some(name.clone()),
        None => file_name(&arguments.items.file),
    };
    let options = BatchOptions {
        name,
        concurrency: arguments.concurrency,
        retry: arguments
            .retries
            .map(|retries| Retry { max_attempts: retries.saturating_add(1), ..Retry::default() }),
        rate: arguments.rate.clone(),
        budget: arguments.budget.map(|max_budget| Budget {
            max_budget,
            soft_budget: None,
            on_budget: arguments.on_budget.into(),
        }),
        timeout_ms: arguments
            .timeout
            .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        on_failure: arguments.stop_on_failure.then_some(OnFailure::Stop),
        session: arguments.session.clone(),
        tags: arguments.tags.clone(),
        ..options
    };
    Ok((options, format))
}

/// The options that a run and an estimate share.
pub(super) fn items_options(
    arguments: &ItemsArguments,
) -> Result<(BatchOptions, FileFormat), Failure> {
    let file = &arguments.file;
    if !file.is_file() {
        return Err(Failure::new(format!("{} is no file", file.display())));
    }
    let format = FileFormat::of(file).ok_or_else(|| {
        Failure::usage(format!(
            "{} is neither .csv nor .jsonl: items come from one of these",
            file.display()
        ))
    })?;
    let options = BatchOptions {
        kind: arguments.executor.kind.clone(),
        executor: executor(&arguments.executor)?,
        estimate: arguments.estimate.clone(),
        ..BatchOptions::default()
    };
    Ok((options, format))
}

fn executor(arguments: &ExecutorArguments) -> Result<Option<Executor>, Failure> {
    if let Some(command) = &arguments.exec {
        let argv = words::split(command)
            .map_err(|reason| Failure::usage(format!("--exec `{command}`: {reason}")))?;
        let mut env: Vec<_> = ENVIRONMENT.iter().map(|name| (*name).to_owned()).collect();
        for name in &arguments.environment {
            if !env.contains(name) {
                env.push(name.clone());
            }
        }
        let cwd = std::env::current_dir().ok().map(|folder| folder.display().to_string());
        return Ok(Some(Executor::Command(CommandExecutor {
            argv,
            mode: if arguments.stream { CommandMode::Stream } else { CommandMode::Item },
            processes: arguments.processes,
            env,
            cwd,
        })));
    }
    Ok(arguments.url.as_ref().map(|url| {
        Executor::Http(HttpExecutor {
            method: arguments.method.to_ascii_uppercase(),
            url: url.clone(),
            headers: arguments
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.expose().to_owned()))
                .collect(),
            body: None,
            output: None,
            usage: None,
            cost: None,
        })
    }))
}

/// The host that --url names, for a node of its own: whoever typed it means it to be reached.
pub(super) fn named_host(arguments: &ExecutorArguments) -> Option<String> {
    let url = arguments.url.as_deref()?;
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if authority.is_empty() || authority.contains("{{") {
        return None;
    }
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    if has_port {
        return Some(authority.to_owned());
    }
    let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    Some(format!("{authority}:{port}"))
}

fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, BatchCommand, Command};

    fn parse(words: &[&str]) -> RunBatchArguments {
        let command = ["headway", "batch", "run"].iter().chain(words);
        let arguments = Arguments::try_parse_from(command).unwrap();
        let Command::Batch(BatchCommand::Run(run)) = arguments.command else { panic!("not run") };
        *run
    }

    #[test]
    fn a_command_line_becomes_a_request() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leads.csv");
        std::fs::write(&file, "a\n1\n").unwrap();
        let file = file.to_str().unwrap();
        let run = parse(&[
            file,
            "--exec",
            "python3 'my worker.py'",
            "--stream",
            "--processes",
            "2",
            "--budget",
            "2.50",
            "--retries",
            "0",
            "--timeout",
            "1m",
            "--concurrency",
            "8",
        ]);
        let (options, format) = options(&run).unwrap();
        assert_eq!(format, FileFormat::Csv);
        assert_eq!(options.name.as_deref(), Some("leads.csv"));
        assert_eq!(options.retry.unwrap().max_attempts, 1);
        assert_eq!(options.timeout_ms, Some(60_000));
        assert_eq!(options.budget.unwrap().max_budget.to_string(), "2.50");
        let Some(Executor::Command(command)) = options.executor else { panic!("no command") };
        assert_eq!(command.argv, ["python3", "my worker.py"]);
        assert_eq!((command.mode, command.processes), (CommandMode::Stream, Some(2)));
        assert_eq!(command.env, ENVIRONMENT);
    }

    #[test]
    fn variables_are_named_beside_those_that_a_program_always_sees() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leads.csv");
        std::fs::write(&file, "a\n1\n").unwrap();
        let file = file.to_str().unwrap();
        let named =
            ["--env", "OPENAI_API_KEY", "--env", "LANG", "--env", "TZ", "--env", "OPENAI_API_KEY"];
        let run = parse(&[&[file, "--exec", "env"], named.as_slice()].concat());
        let (options, _) = options(&run).unwrap();
        let Some(Executor::Command(command)) = options.executor else { panic!("no command") };
        assert_eq!(command.env, ["PATH", "HOME", "LANG", "OPENAI_API_KEY", "TZ"]);
    }

    #[test]
    fn files_that_cannot_be_items_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leads.xlsx");
        std::fs::write(&file, "a").unwrap();
        let run = parse(&[file.to_str().unwrap(), "--exec", "true"]);
        assert_eq!(options(&run).unwrap_err().exit(), crate::exit::Exit::Usage);
        let run = parse(&["no-such.csv", "--exec", "true"]);
        assert_eq!(options(&run).unwrap_err().exit(), crate::exit::Exit::CouldNotRun);
    }

    #[test]
    fn the_typed_host_is_the_one_that_is_allowed() {
        for (url, host) in [
            ("http://127.0.0.1:9000/x", Some("127.0.0.1:9000")),
            ("http://localhost/x?y", Some("localhost:80")),
            ("https://u:p@host.example/{{input.a}}", Some("host.example:443")),
            ("http://[::1]/x", Some("[::1]:80")),
            ("http://{{input.host}}/", None),
            ("nonsense", None),
        ] {
            let arguments = ["f.csv", "--url", url];
            assert_eq!(named_host(&parse(&arguments).items.executor).as_deref(), host, "{url}");
        }
    }
}
