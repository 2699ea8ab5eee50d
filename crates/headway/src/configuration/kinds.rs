//! The kinds: each is judged as the engine would judge it when it starts and when a job of it is
//! made, so that one that nobody could use is told with its line before anything has begun.

use std::collections::BTreeMap;
use std::path::PathBuf;

use headway_engine::Kind;
use headway_engine::executor::Surroundings;

use super::{Configuration, ConfigurationError};

impl Configuration {
    /// The kinds, and that all of them can be used here: it looks for their programs and folders.
    /// Judges also where requests may go.
    pub(super) fn kinds(&self) -> Result<BTreeMap<String, Kind>, ConfigurationError> {
        let reach = |path: &str| {
            let work_dir = PathBuf::from(self.text("work_dir"));
            Surroundings::new(work_dir, &self.list(path))
                .map_err(|problem| self.wrong(path, problem.detail))
        };
        reach("allow_request_hosts")?;
        let surroundings = reach("allow_hosts")?;
        let mut kinds = BTreeMap::new();
        for (name, (kind, _)) in &self.kinds {
            kind.check(name, &surroundings).map_err(|problem| {
                let field = problem.field.unwrap_or_default();
                self.wrong_in_kind(name, &field, problem.detail)
            })?;
            kinds.insert(name.clone(), kind.clone());
        }
        Ok(kinds)
    }

    /// What is wrong in a kind, at the member that `field` names or, where the file has no such
    /// member, at the nearest one around it.
    fn wrong_in_kind(&self, name: &str, field: &str, message: String) -> ConfigurationError {
        let kind = format!("kinds.{name}");
        let mut path = format!("{kind}.{field}");
        loop {
            if let Some(origin) = self.places.get(&path) {
                return ConfigurationError::new(format!("{path} ({origin})"), message);
            }
            match path.rsplit_once('.') {
                Some((around, _)) if around.len() >= kind.len() => path.truncate(around.len()),
                Some(_) | None => return ConfigurationError::new(kind, message),
            }
        }
    }
}
