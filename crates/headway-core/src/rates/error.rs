//! Why a rate card was refused.

/// Why a rate card could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", if place.is_empty() { "the file" } else { place })]
pub struct RateCardError {
    /// The path inside the file, a JSON pointer; empty for the file as a whole.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl RateCardError {
    pub(super) fn at(place: &str, message: impl Into<String>) -> Self {
        Self { place: place.to_owned(), message: message.into() }
    }
}
