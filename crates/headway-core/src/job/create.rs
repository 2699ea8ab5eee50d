//! The first event of a job.

use headway_protocol::{Event, Timestamp};

use super::{Create, JobState, Refusal};

/// Makes a job: its state after its first event, and that event.
pub fn create(_now: Timestamp, _create: Create) -> Result<(JobState, Vec<Event>), Refusal> {
    unimplemented!()
}
