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

    /// It could not be done, in the error's own words and those of its causes; and what to do.
    pub(crate) fn of(error: &dyn std::error::Error, hint: &str) -> Self {
        Self::new(format!("{}{hint}", chain(error)))
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
        let place = match error.problem() {
            Some(problem) => match (problem.index, &problem.field) {
                (Some(index), Some(field)) => format!(" (item {index}, `{field}`)"),
                (Some(index), None) => format!(" (item {index})"),
                (None, Some(field)) => format!(" (`{field}`)"),
                (None, None) => String::new(),
            },
            None => String::new(),
        };
        let wait = error
            .retry_after()
            .map(|wait| format!(". It may be tried again in {} s", wait.as_secs()));
        let hint = format!("{place}{}{}", what_to_do(&error), wait.unwrap_or_default());
        let words = if let headway_client::Error::Unreachable { source, .. } = &error {
            // What lies between is how it was tried, and has the address once more.
            format!("{error}: {}", root(source.as_ref()))
        } else {
            chain(&error)
        };
        Self::new(format!("{words}{hint}"))
    }
}

/// What the person at the terminal can do about it.
fn what_to_do(error: &headway_client::Error) -> &'static str {
    if error.is_unauthenticated() {
        return ". Give an API key or a token as HEADWAY_TOKEN, with --token-file FILE or with \
                --token -; an administrator makes one with `headway key create`, and the first one \
                is made with `headway key create --data DIR` while the node is stopped";
    }
    match error.problem() {
        Some(problem) if problem.status == 403 && problem.field.is_none() => {
            ". `headway whoami` says who you are there"
        }
        None if matches!(error, headway_client::Error::NotTrusted { .. }) => {
            ". If it is yours, name the authority of its certificate with --ca"
        }
        None if error.is_retryable() => {
            ". Start one with `headway serve`, or name another with --server"
        }
        Some(_) | None => "",
    }
}

/// What caused an error in the first place.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map_or_else(String::new, ToString::to_string)
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
