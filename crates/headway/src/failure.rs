//! Why a command could not be done, in words for the person at the terminal.

use std::fmt;

use crate::exit::Exit;

/// Why a command could not be done: what is said, and how the program ends.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// It could not be done.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::CouldNotRun, message: message.into() }
    }

    /// It was asked for wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// It could not be done, with the chain of its causes.
    pub(crate) fn because(what: &str, error: &dyn std::error::Error) -> Self {
        Self::new(format!("{what}: {}", chain(error)))
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<headway_client::Error> for Failure {
    fn from(error: headway_client::Error) -> Self {
        let hint = match error.problem() {
            Some(problem) => match (problem.index, &problem.field) {
                (Some(index), Some(field)) => format!(" (item {index}, `{field}`)"),
                (Some(index), None) => format!(" (item {index})"),
                (None, Some(field)) => format!(" (`{field}`)"),
                (None, None) => String::new(),
            },
            None if matches!(error, headway_client::Error::NotTrusted { .. }) => {
                ". If it is yours, name the authority of its certificate with --ca".to_owned()
            }
            None if error.is_retryable() => {
                ". Start one with `headway serve`, or name another with --server".to_owned()
            }
            None => String::new(),
        };
        Self::new(format!("{}{hint}", chain(&error)))
    }
}

/// An error and what caused it, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
