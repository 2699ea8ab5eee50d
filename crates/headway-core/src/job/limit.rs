//! Checks of sizes: what is refused because it is too long, empty or no number.

use std::io::{self, Write};

use headway_protocol::limits::{MESSAGE_BYTES, METADATA_BYTES, NAME_BYTES};
use headway_protocol::{Amount, JobError};
use serde::Serialize;

use super::Refusal;

const SHORTEN: &str = "shorten it";

/// A name: 1 to [`NAME_BYTES`] bytes.
pub(super) fn name(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::invalid(field, format!("{field} is empty: give it a name")));
    }
    length(field, text, NAME_BYTES)
}

/// A message for people: at most [`MESSAGE_BYTES`] bytes.
pub(super) fn message(field: &'static str, text: &str) -> Result<(), Refusal> {
    length(field, text, MESSAGE_BYTES)
}

/// A text of at most `limit` bytes.
pub(super) fn length(field: &'static str, text: &str, limit: usize) -> Result<(), Refusal> {
    within(field, text.len(), limit, SHORTEN)
}

/// A value of at most `limit` bytes of JSON.
pub(super) fn json<T: Serialize>(
    field: &'static str,
    value: &T,
    limit: usize,
    hint: &'static str,
) -> Result<(), Refusal> {
    within(field, json_bytes(value), limit, hint)
}

/// An error with a code and words of a bearable length.
pub(super) fn error(error: &JobError) -> Result<(), Refusal> {
    name("error.code", &error.code)?;
    message("error.message", &error.message)?;
    match &error.details {
        Some(details) => {
            json("error.details", details, METADATA_BYTES, "leave out what nobody reads")
        }
        None => Ok(()),
    }
}

/// A weight: finite and above 0.
pub(super) fn weight(weight: f64) -> Result<(), Refusal> {
    if weight.is_finite() && weight > 0.0 {
        return Ok(());
    }
    Err(Refusal::invalid(
        "weight",
        format!("a weight of {weight} counts for nothing: use a number above 0"),
    ))
}

/// An amount that is not negative.
pub(super) fn amount(field: &'static str, amount: Amount) -> Result<(), Refusal> {
    if amount.is_negative() {
        return Err(Refusal::invalid(
            field,
            format!("{field} is {amount}: money spent is not negative"),
        ));
    }
    Ok(())
}

/// A whole number of at least 1, if given.
pub(super) fn at_least_one(field: &'static str, number: Option<u64>) -> Result<(), Refusal> {
    if number == Some(0) {
        return Err(Refusal::invalid(
            field,
            format!("{field} is 0: use at least 1, or leave it out"),
        ));
    }
    Ok(())
}

fn within(
    field: &'static str,
    found: usize,
    limit: usize,
    hint: &'static str,
) -> Result<(), Refusal> {
    if found <= limit {
        return Ok(());
    }
    Err(Refusal::TooLarge { index: None, field, found, limit, hint })
}

/// The length of a value's JSON, without writing it anywhere.
fn json_bytes<T: Serialize>(value: &T) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}
