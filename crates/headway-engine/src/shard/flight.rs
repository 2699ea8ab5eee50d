//! What is on its way into the log, by job, and who waits for it.
//!
//! Owner: the shard. A job has a flight from its first append that is sent until the last one is
//! answered. What is decided meanwhile and leads to no append (a repeat, a refusal, a question) was
//! decided on a state that may never be: its answer is held until the appends before it are durable,
//! and decided again when they are not.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use headway_core::JobState;
use headway_protocol::JobId;
use headway_store::AppendError;

use super::message::{Applied, Asked, Message, Reply};
use crate::Error;

/// A call of the store that is answered.
pub(super) struct Call {
    /// What was appended, in order.
    pub(super) sent: Vec<Sent>,
    /// An answer for each.
    pub(super) results: Vec<Result<(), AppendError>>,
    /// When the call began.
    pub(super) began: tokio::time::Instant,
}

/// An append on its way, and what to do when it is durable.
pub(super) struct Sent {
    pub(super) job: JobId,
    /// Up to where the job's log may go after that.
    pub(super) surplus: Option<u64>,
    /// Whether deliveries of webhooks go with it.
    pub(super) announces: bool,
    pub(super) then: Then,
}

#[expect(clippy::large_enum_variant, reason = "nearly every append is an applied one")]
pub(super) enum Then {
    Created { reply: Reply<Arc<JobState>>, state: Arc<JobState> },
    Applied { asked: Asked, applied: Applied },
}

/// Something that waits for a job's appends.
pub(super) enum Held {
    /// An answer, good when the appends before it are.
    Answer { asked: Asked, answer: Result<Applied, Error> },
    /// To be taken up after them, whatever became of them.
    Message(Message),
}

/// The appends of one job that are under way.
#[derive(Default)]
struct Flight {
    sent: u64,
    landed: u64,
    /// What waits, behind how many of the sent ones.
    held: VecDeque<(u64, Held)>,
}

/// The flights of all jobs. Bounded by what is sent: see `CALLS` and `GROUP` of the shard.
#[derive(Default)]
pub(super) struct Flights(HashMap<JobId, Flight>);

impl Flights {
    /// Whether some of the job's appends are under way.
    pub(super) fn has(&self, job: &JobId) -> bool {
        self.0.contains_key(job)
    }

    /// An append of the job is sent.
    pub(super) fn begin(&mut self, job: &JobId) {
        if let Some(flight) = self.0.get_mut(job) {
            flight.sent += 1;
        } else {
            self.0.insert(job.clone(), Flight { sent: 1, ..Flight::default() });
        }
    }

    /// Holds something until the appends that are sent by now are answered; gives it back when none
    /// is under way.
    pub(super) fn hold(&mut self, job: &JobId, held: Held) -> Option<Held> {
        let Some(flight) = self.0.get_mut(job) else { return Some(held) };
        flight.held.push_back((flight.sent, held));
        None
    }

    /// The job's next append is answered: what waited for it, and whether it was the last.
    pub(super) fn land(&mut self, job: &JobId) -> (Vec<Held>, bool) {
        let Some(flight) = self.0.get_mut(job) else { return (Vec::new(), true) };
        flight.landed += 1;
        let landed = flight.landed;
        let released = flight.held.partition_point(|(after, _)| *after <= landed);
        let held = flight.held.drain(..released).map(|(_, held)| held).collect();
        let last = flight.landed >= flight.sent;
        if last {
            self.0.remove(job);
        }
        (held, last)
    }
}
