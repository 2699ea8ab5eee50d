//! The key or token that a command signs in with, from wherever the person has put it.

use std::os::fd::AsFd;
use std::path::Path;

use headway_protocol::Secret;

use crate::arguments::Common;
use crate::configuration::Environment;
use crate::failure::Failure;

/// The longest token that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// The token: of the command line, else of the environment; `None` when nobody said one.
pub(crate) fn find(common: &Common, environment: &Environment) -> Result<Option<Secret>, Failure> {
    let text = match (&common.token, &common.token_file) {
        (Some(token), _) if token.expose() == "-" => from_standard_input()?,
        (Some(token), _) => return Ok(Some(token.clone())),
        (None, Some(file)) => from_file("--token-file", file)?,
        (None, None) => {
            match (environment.get("HEADWAY_TOKEN"), environment.get("HEADWAY_TOKEN_FILE")) {
                (Some(token), _) => return Ok(Some(Secret::new(token))),
                (None, Some(file)) => from_file("HEADWAY_TOKEN_FILE", Path::new(file))?,
                (None, None) => return Ok(None),
            }
        }
    };
    Ok(Some(text))
}

fn from_file(place: &str, file: &Path) -> Result<Secret, Failure> {
    let wrong = |reason: &str| Failure::usage(format!("{place} {}: {reason}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error.to_string()))?;
    match text.trim() {
        "" => Err(wrong("it is empty")),
        text if text.len() > LONGEST => Err(wrong("it is no token: it is too long")),
        text => Ok(Secret::new(text)),
    }
}

/// Reads the first line, and no byte of what follows: that may be for the command that is run.
fn from_standard_input() -> Result<Secret, Failure> {
    let wrong = |reason: &str| Failure::usage(format!("--token -: {reason}"));
    let stdin = std::io::stdin();
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        let read = nix::unistd::read(stdin.as_fd(), &mut byte);
        if read.map_err(|error| wrong(error.desc()))? == 0 || byte == *b"\n" {
            break;
        }
        line.extend(byte);
        if line.len() > LONGEST {
            return Err(wrong("its first line is too long to be a token"));
        }
    }
    match std::str::from_utf8(&line).map(str::trim) {
        Ok("") | Err(_) => Err(wrong("standard input does not begin with a token")),
        Ok(token) => Ok(Secret::new(token)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::Arguments;

    fn found(flags: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let line = format!("headway whoami {flags}");
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap();
        let found = find(&arguments.common, &Environment::of(variables));
        let found = found.map(|found| found.map(|secret| secret.expose().to_owned()));
        found.map_err(|failure| failure.to_string())
    }

    #[test]
    fn flags_stand_above_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "of-the-file\n").unwrap();
        let file = file.display().to_string();
        let variables = [("HEADWAY_TOKEN", "said"), ("HEADWAY_TOKEN_FILE", file.as_str())];
        let check = |flags: &str, variables: &[(&str, &str)], expected: Option<&str>| {
            assert_eq!(found(flags, variables).unwrap().as_deref(), expected, "{flags}");
        };
        check("", &[], None);
        check("", &variables, Some("said"));
        check("", &variables[1..], Some("of-the-file"));
        check("--token flag", &variables, Some("flag"));
        check(&format!("--token-file {file}"), &variables, Some("of-the-file"));
    }

    #[test]
    fn a_file_without_a_token_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "\n").unwrap();
        let flags = format!("--token-file {}", file.display());
        assert!(found(&flags, &[]).unwrap_err().contains("empty"));
        let missing = found("", &[("HEADWAY_TOKEN_FILE", "/no/such/file")]).unwrap_err();
        assert!(missing.contains("HEADWAY_TOKEN_FILE /no/such/file"), "{missing}");
    }
}
