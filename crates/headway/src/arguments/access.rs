//! Arguments of the commands about who may do what: `key`, `token`, `audit`, `webhook`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use headway_access::{Role, Scope};
use headway_protocol::{Action, JobId};

use crate::text;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an API key. It is printed once, alone on standard output, and kept nowhere.
    ///
    /// The first key of a node is made on its data folder while it is not running: headway key create
    /// --data DIR --role admin --name NAME.
    Create(CreateKeyArguments),
    /// List API keys, oldest first.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// Only after this one, as the last page named it.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Revoke an API key and the tokens that it made: what uses them ends within seconds.
    Revoke {
        /// Its id, as `key list` shows it.
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["scopes", "role"]))]
pub(crate) struct CreateKeyArguments {
    /// What people call it.
    #[arg(long)]
    pub(crate) name: String,
    /// What it may do: watch, report, control or admin; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
    /// Instead of scopes: viewer (watch), operator (watch, report, control) or admin (all).
    #[arg(long, value_parser = role)]
    pub(crate) role: Option<Role>,
    /// Its tenant [default: your own; `default` with --data].
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Who uses it: jobs that it makes belong to this subject.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Let it see only jobs of its subject.
    #[arg(long, requires = "subject")]
    pub(crate) own_only: bool,
    /// How long it holds, such as 90d [default: until it is revoked].
    #[arg(long, value_name = "DURATION", value_parser = text::parse_duration)]
    pub(crate) expires_in: Option<Duration>,
    /// Make it on the data folder of a node that is not running, instead of asking a server.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a watch token: for one browser or program, and only for jobs that are named. It is printed
    /// once, alone on standard output.
    Create(CreateTokenArguments),
    /// Revoke one token, or everything that a subject holds: what uses it ends within seconds.
    #[command(group = ArgGroup::new("whose").required(true).args(["id", "subject"]))]
    Revoke {
        /// The token's id, or an identity provider's `jti`.
        id: Option<String>,
        /// Instead: every key, token and session of this subject that was made before now.
        #[arg(long)]
        subject: Option<String>,
    },
    /// Sign watch tokens with a new secret, on the data folder of a node that is not running. Tokens
    /// that were made before hold until they end, or until this is done once more.
    Rotate {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["jobs", "sessions", "tags"]))]
pub(crate) struct CreateTokenArguments {
    /// A job or batch, which need not exist yet; may be repeated.
    #[arg(long = "job", value_name = "ID")]
    pub(crate) jobs: Vec<JobId>,
    /// All jobs of a session; may be repeated.
    #[arg(long = "session", value_name = "SESSION")]
    pub(crate) sessions: Vec<String>,
    /// All jobs with a tag; may be repeated.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// What its holder may ask of them: cancel, pause, resume or retry; may be repeated [default:
    /// nothing].
    #[arg(long = "action", value_name = "ACTION")]
    pub(crate) actions: Vec<Action>,
    /// For whom it is.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// How long it holds, 1s to 30d [default: 15m].
    #[arg(long, value_name = "DURATION", value_parser = text::parse_duration)]
    pub(crate) expires_in: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    /// Only this: `key.create`, `job.cancel`, `sign_in`, …
    #[arg(long, value_name = "WHAT")]
    pub(crate) what: Option<String>,
    /// At most so many, the newest [default: 50; all with --json].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Print all of it as CSV.
    #[arg(long, conflicts_with_all = ["json", "limit"])]
    pub(crate) csv: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// List webhooks that could not be delivered, oldest first.
    Dead {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// Only after this one, as the last page named it.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Deliver one that could not be delivered again.
    Replay {
        /// Its id.
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All of them.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// Forget one that could not be delivered.
    Drop {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// The server's address, as its clients use it [default: --server, else port 4323 of this
    /// machine].
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
}

fn role(text: &str) -> Result<Role, String> {
    Role::named(text)
        .ok_or_else(|| format!("`{text}` is not a role: use viewer, operator or admin"))
}
