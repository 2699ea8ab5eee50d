//! Turns of requests that look through much: however many come at once, they take few of the
//! store's readers, so that what is answered from one document does not wait behind them.
//!
//! Owner: the hub. Those who wait are requests that somebody holds open, so that their number is
//! bounded by the limits on these; whoever gives up leaves the line. The line is in order, and a
//! tenant has no more places in it than there are turns: another one waits for a look of theirs and
//! not for all of them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

/// Looks at once: a store has a few readers, and one of them at least is for the others.
const AT_ONCE: usize = 2;

/// See the module.
#[derive(Debug)]
pub(crate) struct Turns {
    all: Semaphore,
    /// Places in the line, of tenants who look or wait.
    places: Mutex<HashMap<String, Places>>,
}

/// One tenant's places.
#[derive(Debug)]
struct Places {
    free: Arc<Semaphore>,
    /// Who has one or waits for one.
    guests: usize,
}

/// Somebody who has a place or waits for one; the last one of a tenant takes its places along.
struct Guest<'t> {
    turns: &'t Turns,
    tenant: &'t str,
    places: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Semaphore::new(AT_ONCE), places: Mutex::default() }
    }
}

impl Turns {
    /// Does `look` when it is this tenant's turn. Cancel safe if `look` is.
    pub(crate) async fn wait<T>(&self, tenant: &str, look: impl Future<Output = T>) -> T {
        let guest = self.come(tenant);
        // They are never closed.
        let _place: Result<SemaphorePermit<'_>, AcquireError> = guest.places.acquire().await;
        let _turn: Result<SemaphorePermit<'_>, AcquireError> = self.all.acquire().await;
        look.await
    }

    fn come<'t>(&'t self, tenant: &'t str) -> Guest<'t> {
        let mut known = self.places.lock();
        let places = known
            .entry(tenant.to_owned())
            .or_insert_with(|| Places { free: Arc::new(Semaphore::new(AT_ONCE)), guests: 0 });
        places.guests += 1;
        Guest { turns: self, tenant, places: Arc::clone(&places.free) }
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let mut known = self.turns.places.lock();
        let Some(places) = known.get_mut(self.tenant) else { return };
        places.guests -= 1;
        if places.guests == 0 {
            known.remove(self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use futures_util::poll;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn few_look_at_once_and_nobody_waits_for_all_of_another_tenant() {
        let turns = Turns::default();
        let gates: Vec<_> = (0..6).map(|_| Notify::new()).collect();
        let mut looks: Vec<_> =
            gates.iter().map(|gate| Box::pin(turns.wait("one", gate.notified()))).collect();
        for look in &mut looks {
            assert!(poll!(look).is_pending());
        }
        let gate = Notify::new();
        let mut other = pin!(turns.wait("two", gate.notified()));
        assert!(poll!(&mut other).is_pending());
        for gate in gates.iter().chain([&gate]) {
            gate.notify_one();
        }
        // Two of the first tenant's have turns; the next one is the other's.
        assert_eq!(poll!(&mut looks[2]), Poll::Pending);
        assert_eq!(poll!(&mut other), Poll::Pending);
        assert_eq!(poll!(&mut looks[0]), Poll::Ready(()));
        assert_eq!(poll!(&mut looks[2]), Poll::Pending, "the other one came before it");
        assert_eq!(poll!(&mut other), Poll::Ready(()));
        for look in looks.into_iter().skip(1) {
            look.await;
        }
        assert!(turns.places.lock().is_empty(), "tenants who have gone are forgotten");
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_the_line() {
        let turns = Turns::default();
        let never = || std::future::pending::<()>();
        let mut looks: Vec<_> = (0..5).map(|_| Box::pin(turns.wait("one", never()))).collect();
        for look in &mut looks {
            assert!(poll!(look).is_pending());
        }
        drop(looks);
        assert!(turns.places.lock().is_empty());
        turns.wait("one", async {}).await;
        assert!(turns.places.lock().is_empty());
    }
}
