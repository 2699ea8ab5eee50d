//! An open loop: moments at which reports are due, whether or not the last one was answered.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Moments at which reports are due, dealt to lanes in turn.
///
/// A thread of its own wakes the lanes: the runtime's timer counts in milliseconds, which would be
/// most of what is measured.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    began: Instant,
    per_second: f64,
    count: u64,
    lanes: Arc<[Notify]>,
}

impl Pace {
    /// Begins now.
    pub(super) fn start(lanes: usize, per_second: f64, span: Duration) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most a million a second for ten minutes"
        )]
        let count = (per_second * span.as_secs_f64()).ceil() as u64;
        let pace = Self {
            began: Instant::now(),
            per_second,
            count,
            lanes: (0..lanes.max(1)).map(|_| Notify::new()).collect(),
        };
        let waker = pace.clone();
        // It ends with its last moment, or with the program.
        thread::spawn(move || waker.wake());
        pace
    }

    /// How many are due in all.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// When the report number `turn` of a lane is due; `None` after the last.
    pub(super) fn due(&self, lane: usize, turn: u64) -> Option<Instant> {
        let number = turn * self.lanes.len() as u64 + lane as u64;
        (number < self.count).then(|| self.moment(number))
    }

    /// Waits for a moment of a lane; not at all when it is past.
    pub(super) async fn wait(&self, lane: usize, due: Instant) {
        let Some(lane) = self.lanes.get(lane) else { return };
        // A wake that comes early is that of a moment which had passed before it was waited for.
        while Instant::now() < due {
            lane.notified().await;
        }
    }

    fn moment(&self, number: u64) -> Instant {
        self.began + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    fn wake(&self) {
        let lanes = self.lanes.iter().cycle();
        for (number, lane) in (0..self.count).zip(lanes) {
            thread::sleep(self.moment(number).saturating_duration_since(Instant::now()));
            lane.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_belongs_to_one_lane() {
        let pace = Pace::start(3, 1_000_000.0, Duration::from_micros(10));
        let turns = |lane| (0..9).take_while(|turn| pace.due(lane, *turn).is_some()).count();
        assert_eq!([turns(0), turns(1), turns(2)], [4, 3, 3]);
        assert_eq!(pace.due(1, 0).unwrap() - pace.due(0, 0).unwrap(), Duration::from_micros(1));
    }

    #[tokio::test]
    async fn a_lane_goes_through_its_moments() {
        let pace = Pace::start(2, 10_000.0, Duration::from_millis(2));
        for turn in 0..10 {
            let due = pace.due(1, turn).unwrap();
            pace.wait(1, due).await;
            assert!(Instant::now() >= due);
        }
        assert_eq!(pace.due(1, 10), None);
    }
}
