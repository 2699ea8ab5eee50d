//! What whoever said something is answered.

use std::sync::Arc;

use headway_core::JobState;
use headway_protocol::request::ReportReply;
use headway_store::{ItemOutcome, StoreError};

use super::message::{Applied, Change};
use crate::Error;

/// The answer to something that was applied: reports get a short one, the rest the whole state.
pub(super) fn applied(state: &JobState, change: &Change) -> Applied {
    let whole = !matches!(change, Change::Report { .. } | Change::Tick);
    Applied {
        reply: ReportReply {
            cursor: state.job.cursor,
            status: state.job.status,
            commands: state.private.commands.clone(),
        },
        state: whole.then(|| Arc::new(state.clone())),
    }
}

/// The answer to something that changed nothing: a repeat is answered as the first was.
pub(super) fn unchanged(
    state: &JobState,
    change: &Change,
    outcomes: &[ItemOutcome],
) -> Result<Applied, Error> {
    if !outcomes.is_empty() {
        let detail = "items were settled without an event that counts them".to_owned();
        return Err(StoreError::Refused(detail).into());
    }
    let mut applied = applied(state, change);
    if let Change::Report { producer: Some(producer), .. } = change
        && let Some((offset, status)) = state.repeat_reply(producer)
    {
        applied.reply.cursor.offset = offset;
        applied.reply.status = status;
    }
    Ok(applied)
}
