//! Whether the server has too much to do, so that it takes no new work.
//!
//! Reports of what runs, commands and watchers go on; jobs, batches and estimates are refused until
//! it is better for a while. Owner: one task of the gateway, which takes a reading every
//! [`EVERY`]; whoever asks reads one flag.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::Shared;

/// Between two readings.
const EVERY: Duration = Duration::from_millis(250);

/// How much later than asked for the task may be woken. Beyond it requests wait as long before
/// anybody looks at them.
const LATE: Duration = Duration::from_millis(500);

/// The share of the engine's places that may be taken by what waits to be decided.
const WAITING: f64 = 0.5;

/// Readings below half of every bound before new work is taken again: two seconds.
const CALM: u32 = 8;

/// Readings after which the quotas of those who wait are forgotten: ten seconds.
const TIDY: u32 = 40;

/// What the server has to do, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Reading {
    late: Duration,
    /// Of the fullest of the engine's queues, 0 to 1.
    waiting: f64,
    /// Of this process, in bytes.
    memory: u64,
}

/// Decides by one reading after another.
#[derive(Clone, Copy, Debug, Default)]
struct Judge {
    /// The most memory; `None`: as much as there is.
    memory: Option<u64>,
    late_before: bool,
    busy: bool,
    calm: u32,
}

impl Judge {
    fn judge(&mut self, reading: Reading) -> bool {
        let above = |share: u32| {
            let memory = self.memory.is_some_and(|most| reading.memory > most / 10 * 9);
            let waiting = reading.waiting > WAITING / f64::from(share);
            (reading.late > LATE / share, waiting || memory)
        };
        let (late, full) = above(1);
        // Being late once happens to everybody.
        let busy = full || late && self.late_before;
        self.late_before = late;
        if busy {
            self.busy = true;
            self.calm = 0;
        } else if self.busy {
            let (late, full) = above(2);
            self.calm = if late || full { 0 } else { self.calm + 1 };
            self.busy = self.calm < CALM;
        }
        self.busy
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    busy: AtomicBool,
}

impl Overload {
    /// Whether no new work is taken.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Takes readings until the gateway ends.
    pub(crate) async fn watch(app: Weak<Shared>, stop: CancellationToken) {
        let Some(memory) = app.upgrade().map(|app| app.options.limits.memory_bytes) else { return };
        let mut judge = Judge { memory, ..Judge::default() };
        let mut tidy = 0;
        loop {
            let began = Instant::now();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let late = began.elapsed().saturating_sub(EVERY);
            let Some(app) = app.upgrade() else { return };
            let memory = judge.memory.map_or(0, |_| resident_bytes());
            let reading = Reading { late, waiting: app.engine.waiting(), memory };
            let was = judge.busy;
            let busy = judge.judge(reading);
            if busy != was {
                tracing::warn!(?reading, busy, "whether new work is taken has changed");
            }
            app.door.overload.busy.store(busy, Ordering::Relaxed);
            tidy += 1;
            if tidy >= TIDY {
                tidy = 0;
                app.door.quotas.forget_the_idle();
            }
        }
    }
}

/// Memory of this process that is not on loan from files (`proc(5)`, `statm`).
fn resident_bytes() -> u64 {
    const PAGE: u64 = 4_096;
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = text.split(' ').map(|word| word.parse::<u64>().unwrap_or_default());
    let (resident, shared) = (pages.nth(1).unwrap_or_default(), pages.next().unwrap_or_default());
    resident.saturating_sub(shared) * PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Reading = Reading { late: Duration::ZERO, waiting: 0.0, memory: 0 };

    fn judged(judge: &mut Judge, readings: &[Reading]) -> Vec<bool> {
        readings.iter().map(|reading| judge.judge(*reading)).collect()
    }

    #[test]
    fn full_queues_refuse_at_once_and_being_late_only_when_it_lasts() {
        let full = Reading { waiting: 0.6, ..QUIET };
        assert_eq!(judged(&mut Judge::default(), &[QUIET, full]), [false, true]);
        let late = Reading { late: Duration::from_secs(1), ..QUIET };
        let readings = [late, QUIET, late, late];
        assert_eq!(judged(&mut Judge::default(), &readings), [false, false, false, true]);
        let large = Reading { memory: 95, ..QUIET };
        assert_eq!(judged(&mut Judge { memory: Some(100), ..Judge::default() }, &[large]), [true]);
        assert_eq!(judged(&mut Judge::default(), &[large]), [false]);
    }

    #[test]
    fn new_work_is_taken_again_only_after_a_while_well_below_the_bounds() {
        let mut judge = Judge::default();
        judge.judge(Reading { waiting: 0.9, ..QUIET });
        let nearly = Reading { waiting: 0.3, ..QUIET };
        assert!(judged(&mut judge, &[nearly; 100]).into_iter().all(|busy| busy));
        let calm = judged(&mut judge, &[QUIET; CALM as usize]);
        assert_eq!(calm.iter().filter(|busy| !**busy).count(), 1, "only after the last");
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes() > 100_000);
    }
}
