//! What each command does.

mod audit;
mod batch;
mod bench;
mod config;
mod demo;
mod doctor;
mod follow;
mod job;
mod key;
mod kinds;
mod run;
mod serve;
mod token;
mod watch;
mod webhook;
mod whoami;

use clap::CommandFactory;
use headway_client::Client;

use crate::arguments::{Arguments, BatchCommand, Command, Common};
use crate::configuration::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{credential, output, telemetry};

/// The server that is talked to when none is named.
const DEFAULT_SERVER: &str = "http://127.0.0.1:4323";

/// Does what the command line says.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Exit {
    let done = match dispatch(arguments, &environment).await {
        Ok(exit) => return exit,
        Err(failure) => failure,
    };
    output::complain(&done.to_string());
    done.exit()
}

async fn dispatch(arguments: Arguments, environment: &Environment) -> Result<Exit, Failure> {
    let Arguments { mut common, command } = arguments;
    if !matches!(command, Command::Serve(_) | Command::Demo(_)) {
        let filter = environment.get("HEADWAY_LOG").unwrap_or(telemetry::QUIET);
        telemetry::start(filter, false).map_err(Failure::usage)?;
    }
    if is_client(&command) {
        common.token = credential::find(&common, environment)?;
    }
    match command {
        Command::Serve(serve) => Box::pin(serve::run(&common, environment, &serve)).await,
        Command::Demo(demo) => Box::pin(demo::run(&common, environment, &demo)).await,
        Command::Batch(BatchCommand::Run(run)) => {
            Box::pin(batch::run(&common, environment, *run)).await
        }
        Command::Batch(BatchCommand::Estimate(items)) => {
            Box::pin(batch::estimate(&common, environment, *items)).await
        }
        Command::Batch(BatchCommand::Results(results)) => {
            Box::pin(batch::results(&common, &results)).await
        }
        Command::Batch(BatchCommand::Errors(errors)) => batch::errors(&common, &errors).await,
        Command::Batch(BatchCommand::Retry(retry)) => Box::pin(batch::retry(&common, &retry)).await,
        Command::Job(job) => Box::pin(job::run(&common, job)).await,
        Command::Kinds => kinds::run(&common).await,
        Command::Watch(watch) => Box::pin(watch::run(&common, watch)).await,
        Command::Run(run) => Box::pin(run::run(&common, environment, run)).await,
        Command::Bench(command) => Box::pin(bench::run(&common, command)).await,
        Command::Key(key) => Box::pin(key::run(&common, key)).await,
        Command::Token(token) => Box::pin(token::run(&common, token)).await,
        Command::Whoami => whoami::run(&common).await,
        Command::Audit(audit) => Box::pin(audit::run(&common, &audit)).await,
        Command::Webhook(webhook) => Box::pin(webhook::run(&common, webhook)).await,
        Command::Doctor(doctor) => Box::pin(doctor::run(&common, &doctor)).await,
        Command::Config(config) => config::run(&common, environment, config),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "headway", &mut script);
            output::bytes(&script);
            Ok(Exit::Success)
        }
    }
}

/// Whether a command may have to sign in. Others do not look for a token, let alone wait for one.
fn is_client(command: &Command) -> bool {
    match command {
        Command::Batch(_)
        | Command::Job(_)
        | Command::Kinds
        | Command::Watch(_)
        | Command::Run(_)
        | Command::Key(_)
        | Command::Token(_)
        | Command::Whoami
        | Command::Audit(_)
        | Command::Webhook(_)
        | Command::Doctor(_)
        | Command::Bench(_) => true,
        Command::Serve(_) | Command::Demo(_) | Command::Config(_) | Command::Completions { .. } => {
            false
        }
    }
}

/// A client of the server that the command line names, or of the default one.
fn client(common: &Common) -> Result<Client, Failure> {
    let server = common.server.as_deref().unwrap_or(DEFAULT_SERVER);
    // A person waits: two more attempts, and the reason is said.
    Ok(client_of(server, common)?.with_attempts(2))
}

/// A client of `server` that signs in and trusts as the command line says.
fn client_of(server: &str, common: &Common) -> Result<Client, Failure> {
    let mut client = Client::new(server, None)?;
    if let Some(token) = &common.token {
        client = client.with_token(token.clone())?;
    }
    let Some(path) = &common.ca else { return Ok(client) };
    let because = |error: &dyn std::error::Error| {
        Failure::because(&format!("--ca {}", path.display()), error)
    };
    let pem = std::fs::read(path).map_err(|error| because(&error))?;
    client.with_authorities(&pem).map_err(|error| because(&error))
}
