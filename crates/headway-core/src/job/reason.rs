//! The errors that Headway itself gives as reasons.

use headway_protocol::{Amount, JobError};

use super::Settings;

const EXPIRED: &str = "expired";

/// The budget does not allow more.
pub(crate) fn budget_reached(
    spent: Amount,
    next: Option<Amount>,
    budget: Amount,
    currency: &str,
) -> JobError {
    let message = match next {
        Some(next) => format!(
            "{spent} {currency} of the budget of {budget} are spent, and the next item is expected \
             to cost {next}: a larger max_budget lets the rest run"
        ),
        None => format!("{spent} {currency} are spent, the budget is {budget}"),
    };
    JobError::fatal("budget_reached", message)
}

/// Its time is over.
pub(crate) fn time_ran_out(settings: &Settings) -> JobError {
    let message = match settings.expires_after_ms {
        Some(limit) => format!("it did not end within its {limit} ms (expires_after_ms)"),
        None => "it did not end in its time".to_owned(),
    };
    JobError::fatal(EXPIRED, message)
}

/// Whether this is [`time_ran_out`].
pub(crate) fn is_expiry(reason: &JobError) -> bool {
    reason.code == EXPIRED
}

/// An item failed in a batch that an item's failure stops.
pub(crate) fn item_failed(first: Option<(u64, &str)>) -> JobError {
    let message = match first {
        Some((index, why)) => format!("item {index} failed, which stops the batch: {why}"),
        None => "an input line could not be read, which stops the batch".to_owned(),
    };
    JobError::fatal("item_failed", message)
}

/// Whether this is [`item_failed`].
pub(crate) fn is_item_failure(reason: &JobError) -> bool {
    reason.code == "item_failed"
}

/// A worker did not carry out a cancel in time.
pub(crate) fn worker_silent(waited_ms: u64) -> JobError {
    JobError::fatal(
        "worker_silent",
        format!(
            "its worker did not confirm the cancel within {waited_ms} ms; it may still be running"
        ),
    )
}
