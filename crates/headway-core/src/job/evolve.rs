//! What an event changes.

use headway_protocol::Event;

use super::JobState;

/// Applies one event. This is the only place where a status changes.
pub fn evolve(_state: &mut JobState, _event: &Event) {
    unimplemented!()
}
