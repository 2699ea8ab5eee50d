//! When time itself is an input.

use headway_protocol::Timestamp;

use super::JobState;

/// When [`Input::Tick`](super::Input::Tick) is due, if ever.
pub fn next_deadline(_state: &JobState) -> Option<Timestamp> {
    unimplemented!()
}
