//! Secrets of a configuration: said where the other values are said, or in a file that is named.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use headway_protocol::Secret;

use super::key::{FILE, KEYS, Shape};
use super::{Configuration, ConfigurationError, Origin, Value};

/// The largest file that is read as a secret, in bytes; a secret is a line.
const LONGEST: u64 = 64 * 1024;

impl Configuration {
    /// The secret of a key, from its value or from its file; `None` when neither is set.
    pub(super) fn secret(&self, path: &'static str) -> Result<Option<Secret>, ConfigurationError> {
        let file = Self::file_of_secret(path);
        let named = self.optional_text(&file).filter(|text| !text.is_empty());
        let said = match self.values.get(path) {
            Some((Value::Secret(secret), _)) => Some(secret.clone()),
            Some((Value::Text(_) | Value::Truth(_) | Value::Whole(_) | Value::List(_), _))
            | None => None,
        };
        let Some(named) = named else { return Ok(said) };
        if said.is_some() {
            let message = format!("`{path}` is set as well: keep one of the two");
            return Err(self.wrong(&file, message));
        }
        let wrong = |message: String| self.wrong(&file, format!("{named}: {message}"));
        let about = std::fs::metadata(&named).map_err(|error| wrong(error.to_string()))?;
        if about.len() > LONGEST {
            return Err(wrong(format!("a secret has at most {LONGEST} bytes")));
        }
        let text = std::fs::read_to_string(&named).map_err(|error| wrong(error.to_string()))?;
        let Some(key) = KEYS.iter().find(|key| key.path == path) else { return Ok(None) };
        match key.parse(&text).map_err(wrong)? {
            Value::Secret(secret) => Ok(Some(secret)),
            Value::Text(_) | Value::Truth(_) | Value::Whole(_) | Value::List(_) => Ok(None),
        }
    }

    /// The key that names the file of a secret.
    pub(super) fn file_of_secret(path: &str) -> String {
        format!("{path}{FILE}")
    }

    /// The key by which a secret was given.
    pub(super) fn path_of_secret(&self, path: &str) -> String {
        let file = Self::file_of_secret(path);
        if self.values.contains_key(file.as_str()) { file } else { path.to_owned() }
    }

    /// Files with secrets in them that everybody on this machine can read.
    pub(super) fn open_secrets(&self) -> Vec<String> {
        let mut files = Vec::new();
        for key in KEYS.iter().filter(|key| matches!(key.shape, Shape::Secret { .. })) {
            if let Some((_, Origin::File { path, .. })) = self.values.get(key.path) {
                files.push(path.clone());
            }
            files.extend(self.optional_text(&Self::file_of_secret(key.path)).map(Into::into));
        }
        files.sort_unstable();
        files.dedup();
        let open = files.iter().filter(|file| is_open(file));
        open.map(|file| {
            let file = file.display();
            format!("{file} holds a secret and can be read by everybody: chmod o-rwx {file}")
        })
        .collect()
    }
}

fn is_open(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o007 != 0)
}
