//! All watchers of a load: where each stands, what they were told, and who waits for them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use headway_protocol::Cursor;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::figures::Figures;
use super::latencies::Latencies;
use super::message::Message;
use crate::failure::Failure;

/// Connections that are being opened at a time: more overflow what the kernel keeps for a listener.
const OPENING: usize = 256;
/// How long all connections may take to stand.
const OPENED_WITHIN: Duration = Duration::from_mins(2);
/// How long reports may take to reach everyone, and jobs to end.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether everyone has everything.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Bytes that one read takes at most; the buffer is shared, only one task reads at a time.
const READ_BYTES: usize = 64 * 1024;

/// All watchers of a load. Watcher `n` watches job `n % jobs`. It belongs to one thread.
#[derive(Debug)]
pub(super) struct Audience {
    pub(super) jobs: Vec<String>,
    pub(super) opening: Semaphore,
    pub(super) buffer: RefCell<Box<[u8]>>,
    began: Instant,
    /// The offset in its job's log that each watcher has reached; `None` before its snapshot.
    positions: Vec<Cell<Option<u64>>>,
    /// The reports of each job that somebody waits for; as many as are in flight at most.
    awaited: Vec<RefCell<Vec<Awaited>>>,
    /// The offset of the newest acknowledged report of each job.
    acknowledged: Vec<Cell<u64>>,
    /// How many reports were acknowledged.
    reports: Cell<u64>,
    tally: RefCell<Tally>,
    /// Somebody stands, or is lost.
    changed: Notify,
}

/// What all watchers were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) standing: usize,
    pub(super) deliveries: Latencies,
    pub(super) gaps: u64,
    pub(super) out_of_order: u64,
    pub(super) ended: usize,
    pub(super) errors: u64,
    first_error: Option<String>,
}

/// A report that has not reached all watchers of its job.
#[derive(Debug)]
struct Awaited {
    offset: u64,
    missing: usize,
    reached: Rc<Notify>,
}

impl Tally {
    /// The figures of what must not happen.
    pub(super) fn add_faults(&self, figures: &mut Figures) {
        figures.add("gaps", self.gaps);
        figures.add("out_of_order", self.out_of_order);
        figures.add("errors", self.errors);
    }

    /// The first thing that went wrong; a load over it has failed.
    pub(super) fn fault(&self) -> Option<String> {
        if let Some(error) = &self.first_error {
            return Some(format!("{} errors, the first: {error}", self.errors));
        }
        let wrong = self.gaps + self.out_of_order;
        (wrong > 0).then(|| format!("{wrong} messages were missing or out of order"))
    }
}

impl Audience {
    /// Nobody yet. `began` is the moment that due times count from.
    pub(super) fn new(jobs: Vec<String>, watchers: usize) -> Self {
        Self {
            opening: Semaphore::new(OPENING),
            buffer: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()),
            began: Instant::now(),
            positions: vec![Cell::new(None); watchers],
            awaited: jobs.iter().map(|_| RefCell::default()).collect(),
            acknowledged: vec![Cell::new(0); jobs.len()],
            reports: Cell::new(0),
            tally: RefCell::default(),
            changed: Notify::new(),
            jobs,
        }
    }

    /// How long after the beginning a moment lies.
    pub(super) fn since_began(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.began)
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally.borrow().clone()
    }

    /// A watcher was told something; `document` is the cursor of the document that it holds. Tells
    /// whether the stream of its job has ended.
    pub(super) fn told(
        &self,
        watcher: usize,
        document: &mut Option<Cursor>,
        message: Option<Message>,
    ) -> bool {
        let mut tally = self.tally.borrow_mut();
        let tally = &mut *tally;
        let (cursor, due) = match message {
            Some(Message::Snapshot { cursor }) => {
                *document = Some(cursor);
                (cursor, None)
            }
            Some(Message::Update { cursor, prev, due }) => {
                tally.out_of_order += u64::from(*document != Some(prev));
                *document = Some(cursor);
                (cursor, due)
            }
            Some(Message::Event { cursor, due }) => {
                let held = self.positions.get(watcher).and_then(Cell::get);
                tally.out_of_order += u64::from(held.is_none_or(|held| cursor.offset <= held));
                (cursor, due)
            }
            Some(Message::Gap) => {
                tally.gaps += 1;
                return false;
            }
            Some(Message::End) => {
                tally.ended += 1;
                return true;
            }
            Some(Message::Other) => return false,
            None => {
                tally.errors += 1;
                let words = || "a message that no watcher of a load should get".to_owned();
                tally.first_error.get_or_insert_with(words);
                return false;
            }
        };
        if let Some(due) = due {
            tally.deliveries.add(self.since_began(Instant::now()).saturating_sub(due));
        }
        self.moved(watcher, cursor.offset, tally);
        false
    }

    fn moved(&self, watcher: usize, offset: u64, tally: &mut Tally) {
        let Some(position) = self.positions.get(watcher) else { return };
        let Some(held) = position.get() else {
            position.set(Some(offset));
            tally.standing += 1;
            self.changed.notify_one();
            return;
        };
        if offset <= held {
            return;
        }
        position.set(Some(offset));
        let Some(awaited) = self.awaited.get(watcher % self.jobs.len()) else { return };
        awaited.borrow_mut().retain_mut(|report| {
            if held < report.offset && report.offset <= offset {
                report.missing = report.missing.saturating_sub(1);
            }
            if report.missing == 0 {
                report.reached.notify_one();
            }
            report.missing > 0
        });
    }

    /// A watcher's connection is over although its job is not.
    pub(super) fn lost(&self, failure: &Failure) {
        self.fault(failure.to_string());
        self.changed.notify_one();
    }

    /// Waits until all watchers have their snapshots.
    pub(super) async fn stand(&self) -> Result<(), Failure> {
        let all = async {
            loop {
                let tally = self.tally();
                if tally.errors > 0 {
                    return Err(Failure::new(tally.fault().unwrap_or_default()));
                }
                if tally.standing == self.positions.len() {
                    return Ok(());
                }
                self.changed.notified().await;
            }
        };
        timeout(OPENED_WITHIN, all).await.unwrap_or_else(|_| {
            Err(Failure::new("the connections did not all stand within two minutes"))
        })
    }

    /// A report of a job was acknowledged.
    pub(super) fn acknowledge(&self, job: usize, cursor: Cursor) {
        self.reports.set(self.reports.get() + 1);
        if let Some(newest) = self.acknowledged.get(job) {
            newest.set(newest.get().max(cursor.offset));
        }
    }

    /// How many reports were acknowledged.
    pub(super) fn reports(&self) -> u64 {
        self.reports.get()
    }

    /// Waits until a report of a job has reached all its watchers; a report that does not is an
    /// error of the load.
    pub(super) async fn reached(&self, job: usize, cursor: Cursor) {
        let watchers = self.positions.iter().skip(job).step_by(self.jobs.len());
        let missing = watchers.filter(|held| held.get() < Some(cursor.offset)).count();
        let Some(awaited) = self.awaited.get(job).filter(|_| missing > 0) else { return };
        let reached = Rc::new(Notify::new());
        let report = Awaited { offset: cursor.offset, missing, reached: Rc::clone(&reached) };
        awaited.borrow_mut().push(report);
        if timeout(SETTLED_WITHIN, reached.notified()).await.is_err() {
            self.fault("a report did not reach all its watchers within 10 s".to_owned());
        }
    }

    /// Waits until everyone has everything that was acknowledged.
    pub(super) async fn settle(&self) {
        let all = || {
            self.positions.iter().enumerate().all(|(watcher, held)| {
                let newest = self.acknowledged.get(watcher % self.jobs.len());
                held.get() >= newest.map(Cell::get)
            })
        };
        if !eventually(all).await {
            self.fault("some watchers did not get the newest state within 10 s".to_owned());
        }
    }

    /// Waits until everyone was told of the end.
    pub(super) async fn end(&self) {
        if !eventually(|| self.tally.borrow().ended == self.positions.len()).await {
            self.fault("some watchers were not told of the end within 10 s".to_owned());
        }
    }

    fn fault(&self, words: String) {
        let mut tally = self.tally.borrow_mut();
        tally.errors += 1;
        tally.first_error.get_or_insert(words);
    }
}

/// Waits until something holds; false when it did not in time.
async fn eventually(holds: impl Fn() -> bool) -> bool {
    let until = Instant::now() + SETTLED_WITHIN;
    let wait = async {
        while !holds() {
            sleep(LOOK_EVERY).await;
        }
    };
    timeout_at(until, wait).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Cursor {
        Cursor { epoch: 1, offset }
    }

    /// One watcher after a snapshot at 4 and further messages: faults, deliveries, and its place.
    #[track_caller]
    fn check(messages: &[Message], faults: (u64, u64), deliveries: u64, place: u64) {
        let audience = Audience::new(vec!["job_1".to_owned()], 1);
        let mut document = None;
        for message in [Message::Snapshot { cursor: at(4) }].iter().chain(messages) {
            audience.told(0, &mut document, Some(*message));
        }
        let tally = audience.tally();
        assert_eq!((tally.gaps, tally.out_of_order), faults, "{messages:?}");
        assert_eq!(tally.deliveries.total(), deliveries, "{messages:?}");
        assert_eq!(audience.positions[0].get(), Some(place), "{messages:?}");
    }

    #[test]
    fn what_is_missing_or_out_of_order_is_counted() {
        let due = Some(Duration::ZERO);
        let update = |prev, cursor| Message::Update { cursor: at(cursor), prev: at(prev), due };
        let event = |cursor| Message::Event { cursor: at(cursor), due };
        check(&[update(4, 5), update(5, 9)], (0, 0), 2, 9);
        check(&[update(5, 6)], (0, 1), 1, 6);
        check(&[update(4, 6), update(4, 6)], (0, 1), 2, 6);
        check(&[event(5), event(6), update(4, 6)], (0, 0), 3, 6);
        check(&[event(6), event(6)], (0, 1), 2, 6);
        check(&[Message::Gap, Message::Snapshot { cursor: at(8) }, update(8, 9)], (1, 0), 1, 9);
        check(&[Message::Other, Message::End], (0, 0), 0, 4);
    }

    #[tokio::test]
    async fn a_report_is_waited_for_until_the_last_watcher_has_it() {
        let audience = Audience::new(vec!["a".to_owned(), "b".to_owned()], 4);
        let mut documents = [None; 4];
        let mut tell = |watcher: usize, offset| {
            let message = Message::Snapshot { cursor: at(offset) };
            audience.told(watcher, &mut documents[watcher], Some(message));
        };
        for watcher in 0..4 {
            tell(watcher, 1);
        }
        audience.stand().await.unwrap();
        // Watchers 1 and 3 watch job 1; one of them is ahead, and passes over the very report.
        tell(3, 7);
        let mut reached = Box::pin(audience.reached(1, at(5)));
        assert!(futures_util::poll!(&mut reached).is_pending());
        tell(0, 5);
        tell(1, 4);
        assert!(futures_util::poll!(&mut reached).is_pending());
        tell(1, 6);
        assert!(futures_util::poll!(&mut reached).is_ready());
        assert!(audience.tally().fault().is_none());
    }
}
