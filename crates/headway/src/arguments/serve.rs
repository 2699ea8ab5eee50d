//! Arguments of the commands that run a node.

use std::path::PathBuf;

use clap::Args;

/// Each of them stands above the same key of the environment and of the configuration file.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArguments {
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:4323].
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// The folder that everything is kept in [default: ./headway-data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The store: `embedded` keeps everything in the data folder.
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Prices: costs.json, or a LiteLLM price map.
    #[arg(long, value_name = "FILE")]
    pub(crate) rates: Option<PathBuf>,
    /// Let requests bring commands to run. Whoever can reach the server can run programs on it: only
    /// on a loopback address, where nobody is asked to sign in.
    #[arg(long)]
    pub(crate) allow_exec: bool,
    /// A host, address or network that executors may reach although it is private; may be repeated.
    #[arg(long = "allow-host", value_name = "HOST")]
    pub(crate) allow_hosts: Vec<String>,
    /// Who is let in: `keys`, `jwt`, or both with a comma between; `none` for everybody, on a loopback
    /// address [default: none].
    #[arg(long = "sign-in", value_name = "MODES", value_delimiter = ',')]
    pub(crate) sign_in: Vec<String>,
    /// Listen on an address that others can reach, without asking anyone to sign in.
    #[arg(long)]
    pub(crate) insecure: bool,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DemoArguments {
    /// The address to listen on [default: 127.0.0.1:4323, or a free port when that is taken].
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// The folder that everything is kept in [default: a new one, removed at the end].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}
