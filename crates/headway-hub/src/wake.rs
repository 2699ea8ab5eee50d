//! How watched jobs tell those who serve sessions that there is something to look at.
//!
//! One thread serves many sessions, so it has one [`Bell`] for all of them. A ring says which
//! session and what of it; it carries nothing else, because a session looks for itself.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

/// What a session should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dirty {
    /// The lane with this key: its job moved.
    Lane(u32),
    /// The subscription with this key: its selector has new jobs.
    Feed(u16),
}

/// A session that has something to look at; see [`crate::session::Session::handle_ring`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The number that the session was given by [`crate::Handle::session`].
    pub session: u32,
    pub(crate) dirty: Dirty,
}

/// Where whoever serves sessions hears which of them have something to look at. One per serving
/// thread.
///
/// It holds each lane and each selector of its sessions at most once (whoever rings remembers that
/// it did), so its size is bounded by theirs.
pub struct Bell {
    rings: Mutex<Vec<Ring>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell").field("rings", &self.rings.lock().len()).finish_non_exhaustive()
    }
}

impl Bell {
    /// A bell without rings. `wake` is called when its list of rings turned from empty to
    /// non-empty, from any thread and with no lock of the hub held; it must not block. It may also
    /// be called when the rings have been taken meanwhile.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { rings: Mutex::default(), wake: Box::new(wake) })
    }

    /// Moves everything that rang since the last call to the end of `into`. Both keep their
    /// capacity.
    pub fn take(&self, into: &mut Vec<Ring>) {
        into.append(&mut self.rings.lock());
    }
}

/// Bells that were silent and rang: their threads are woken when this is dropped, which is to be
/// when no lock is held any more.
#[derive(Debug, Default)]
#[must_use = "threads are woken when it is dropped"]
pub(crate) struct Wakes(Vec<Arc<Bell>>);

impl Wakes {
    /// Puts rings into a bell's list.
    pub(crate) fn ring(&mut self, bell: &Arc<Bell>, rings: impl IntoIterator<Item = Ring>) {
        let mut list = bell.rings.lock();
        let was_silent = list.is_empty();
        list.extend(rings);
        let rang = was_silent && !list.is_empty();
        drop(list);
        if rang {
            self.0.push(Arc::clone(bell));
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        for bell in &self.0 {
            (bell.wake)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_bell_wakes_once_until_its_rings_are_taken() {
        let woken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&woken);
        let bell = Bell::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let ring = |session| Ring { session, dirty: Dirty::Lane(0) };
        let mut wakes = Wakes::default();
        wakes.ring(&bell, []);
        wakes.ring(&bell, [ring(1), ring(2)]);
        wakes.ring(&bell, [ring(3)]);
        assert_eq!(woken.load(Ordering::Relaxed), 0, "locks may still be held");
        drop(wakes);
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        let mut taken = vec![ring(9)];
        bell.take(&mut taken);
        assert_eq!(taken, [ring(9), ring(1), ring(2), ring(3)]);
        Wakes::default().ring(&bell, [ring(4)]);
        assert_eq!(woken.load(Ordering::Relaxed), 2);
    }
}
