//! What goes wrong inside, before it is told in the port's words.

use headway_store::StoreError;
use rusqlite::ErrorCode;

/// A failure of the layer below, or a finding about what it gave.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite's own.
    Sql(rusqlite::Error),
    /// What was read is not what was written.
    Damaged(String),
    /// Already in the port's words.
    Told(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}

impl Failure {
    /// This failure in the port's words.
    pub(crate) fn told(self, place: &str, doing: &'static str) -> StoreError {
        match self {
            Self::Told(error) => error,
            Self::Damaged(detail) => StoreError::Damaged { place: place.to_owned(), detail },
            Self::Sql(error) => translate(&error, place, doing),
        }
    }
}

/// SQLite's error in the port's words: damage, lack of space and the rest are told apart, since the
/// operator does something else about each.
pub(crate) fn translate(error: &rusqlite::Error, place: &str, doing: &'static str) -> StoreError {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Damaged { place: place.to_owned(), detail }
        }
        Some(ErrorCode::DiskFull) => {
            StoreError::Full { detail: format!("no space is left at {place} ({detail})") }
        }
        Some(_) | None => StoreError::Failed { doing, detail },
    }
}
