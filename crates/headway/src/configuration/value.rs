//! A configured value and where it comes from.

use std::fmt;
use std::path::PathBuf;

use headway_protocol::Secret;

/// What stands in the place of a secret where a configuration is printed.
pub(super) const HIDDEN: &str = "(hidden)";

/// A value of one key.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A text or a path.
    Text(String),
    /// What must not be seen. There is no way from here to its text but [`Secret::expose`].
    Secret(Secret),
    /// Yes or no.
    Truth(bool),
    /// A whole number.
    Whole(u64),
    /// A list of texts.
    List(Vec<String>),
}

impl Value {
    /// As TOML writes it; a secret is hidden.
    pub(super) fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => toml::Value::String(text.clone()).to_string(),
            Self::Secret(_) => toml::Value::from(HIDDEN).to_string(),
            Self::Truth(truth) => truth.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::List(list) => toml::Value::from(list.clone()).to_string(),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
    /// The command itself.
    Command(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Flag(name) | Self::Command(name) => f.write_str(name),
        }
    }
}
