//! How a watched job tells a session that there is something to look at.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What a session should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dirty {
    /// The lane with this key: its job moved.
    Lane(usize),
    /// The subscription with this serial number: its selector has new jobs.
    Feed(u64),
}

/// A session's doorbell, shared with the jobs and selectors that it watches.
///
/// It holds each lane and each subscription at most once (whoever rings remembers that it did), so
/// its size is bounded by theirs.
#[derive(Debug, Default)]
pub struct Waker {
    dirty: Mutex<Vec<Dirty>>,
    notify: Notify,
}

impl Waker {
    /// Says that there is something to look at.
    pub(crate) fn ring(&self, dirty: Dirty) {
        let mut list = self.dirty.lock();
        list.push(dirty);
        let first = list.len() == 1;
        drop(list);
        if first {
            self.notify.notify_one();
        }
    }

    /// What there is to look at; empties the list.
    pub(crate) fn take(&self) -> Vec<Dirty> {
        std::mem::take(&mut *self.dirty.lock())
    }

    /// Waits until there is something to look at. A ring before the call counts. Cancel safe.
    pub(crate) async fn rung(&self) {
        self.notify.notified().await;
    }
}
