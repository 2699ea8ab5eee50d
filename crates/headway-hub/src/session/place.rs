//! Where a watcher begins in a job's log.

use headway_protocol::Cursor;
use headway_protocol::frame::GapReason;

use crate::topic::State;

/// Where a lane begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The position whose document the reader holds.
    pub(super) held: Option<u64>,
    /// The position after which it wants events.
    pub(super) events_at: Option<u64>,
    /// What it has to be told is missing.
    pub(super) gap: Option<(Cursor, GapReason)>,
}

impl Place {
    /// Where a reader goes on that comes with a cursor. The log is known to begin after
    /// `trimmed_to`.
    ///
    /// With events the document is sent whole: the cursor may be that of an event, newer than the
    /// document that the reader holds.
    pub(super) fn of(state: &State, cursor: Cursor, events: bool, trimmed_to: u64) -> Self {
        let newest = state.cursor();
        let gap = |reason| Self { gap: Some((cursor, reason)), ..Self::default() };
        let at = cursor.offset;
        if cursor.epoch != newest.epoch || at > newest.offset {
            gap(GapReason::Epoch)
        } else if at < trimmed_to {
            gap(GapReason::Retention)
        } else if events {
            Self { events_at: Some(at), ..Self::default() }
        } else if at == newest.offset || state.ring().stop_after(at).is_some() {
            Self { held: Some(at), ..Self::default() }
        } else if at >= state.ring().begin() {
            Self::default()
        } else {
            gap(GapReason::Slow)
        }
    }
}
