//! What can be said on the command line.

mod access;
mod batch;
mod bench;
mod job;
mod serve;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use headway_protocol::{JobId, Secret};

pub(crate) use access::{
    AuditArguments, CreateKeyArguments, CreateTokenArguments, DoctorArguments, KeyCommand,
    TokenCommand, WebhookCommand,
};
pub(crate) use batch::{
    BatchCommand, ErrorsArguments, ExecutorArguments, ItemsArguments, ResultsArguments,
    ResultsFormat, RetryArguments, RunBatchArguments,
};
pub(crate) use bench::{
    BenchCommand, FanoutArguments, Lane, MOST_CONNECTIONS, ReportsArguments, Transport,
    WatchersArguments,
};
pub(crate) use job::{JobCommand, ListArguments};
pub(crate) use serve::{DemoArguments, ServeArguments};

/// Runs long jobs and batches, and streams their live state.
#[derive(Debug, Parser)]
#[command(name = "headway", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What stands above the options that every command takes, so that a command's own come first.
const EVERY: &str = "Options of every command";

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The server to talk to [default: port 4323 of this machine; `batch run` and `run` start a
    /// node of their own instead].
    #[arg(long, global = true, help_heading = EVERY, env = "HEADWAY_URL", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The API key or token to sign in with; `-` reads it from standard input. Other people on this
    /// machine can see command lines: better are `HEADWAY_TOKEN` and --token-file.
    #[arg(long, global = true, help_heading = EVERY, value_name = "TOKEN", value_parser = secret)]
    pub(crate) token: Option<Secret>,
    /// A file that the API key or token is in [also: `HEADWAY_TOKEN_FILE`].
    #[arg(long, global = true, help_heading = EVERY, value_name = "FILE", conflicts_with = "token")]
    pub(crate) token_file: Option<PathBuf>,
    /// A PEM file of the authorities to trust instead of the system's, for a server at https:// with
    /// a certificate of your own.
    #[arg(long, global = true, help_heading = EVERY, env = "HEADWAY_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true, help_heading = EVERY)]
    pub(crate) json: bool,
    /// The configuration file (TOML).
    #[arg(long, global = true, help_heading = EVERY, env = "HEADWAY_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a node.
    Serve(ServeArguments),
    /// Run a node with an example batch, and print the address of its page.
    Demo(DemoArguments),
    /// Run batches: a file of items through a command or an HTTP address.
    #[command(subcommand)]
    Batch(BatchCommand),
    /// See and steer jobs.
    #[command(subcommand)]
    Job(JobCommand),
    /// List the kinds of job that the server is configured with.
    Kinds,
    /// Watch jobs live. Exits 0 when all completed, 1 failed, 3 some items failed, 4 stopped by
    /// budget, 5 cancelled or expired.
    Watch(WatchArguments),
    /// Run any command as a job: its output becomes log lines, percentages it prints become
    /// progress, its exit code is passed on.
    Run(RunArguments),
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make and revoke watch tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Say who you are, as the server sees you.
    Whoami,
    /// Show who did what, newest first.
    Audit(AuditArguments),
    /// See, replay and forget webhooks that could not be delivered.
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Look at a server from here: is it reached and trusted, who are you there, does every kind of
    /// stream get through. Exits 1 when something is wrong.
    Doctor(DoctorArguments),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Load a running server on this machine and tell what it did. Exits 1 when anything was lost.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    /// The jobs or batches.
    #[arg(value_name = "ID", required_unless_present = "session")]
    pub(crate) ids: Vec<JobId>,
    /// All jobs of a session, until each that is known has ended.
    #[arg(long, value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// Show log lines, steps and other events as well.
    #[arg(long)]
    pub(crate) events: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// What people call the job [default: the command].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The kind of job.
    #[arg(long, default_value = "command")]
    pub(crate) kind: String,
    /// The session it belongs to.
    #[arg(long)]
    pub(crate) session: Option<String>,
    /// A label to find it by; may be repeated.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Where a node of its own keeps its data [default: ./headway-data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Say nothing beside what the command says.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// The command and its arguments, after `--`.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration, and say what is wrong with it.
    Check,
    /// Print what is in effect, and where each value comes from.
    Print,
    /// Print every key with its meaning, as a commented TOML file.
    Schema,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of the library's parsers")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests;
