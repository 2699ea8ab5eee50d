//! What an input leads to.

use headway_protocol::{Event, Timestamp};

use super::{Input, JobState, Refusal};

/// What an input leads to: events to [`evolve`](super::evolve) in turn, none when it is a repeat or
/// changes nothing, or a refusal.
pub fn decide(_state: &JobState, _now: Timestamp, _input: &Input<'_>) -> Result<Vec<Event>, Refusal> {
    unimplemented!()
}
