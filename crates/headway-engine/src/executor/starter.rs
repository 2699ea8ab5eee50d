//! Threads that start programs.
//!
//! The kernel kills a confined program when the *thread* that started it ends, so it cannot be one
//! that comes and goes. These stay for as long as anything may be started; when they end, whatever
//! they have started and is still there ends with them.

use std::io;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

/// A start takes a millisecond, most of it in the kernel; more threads than this would only wait
/// for each other there.
const THREADS: usize = 2;
/// Starts that wait; whoever comes then waits to be let in.
const WAITING: usize = 64;

type Order = Box<dyn FnOnce() + Send>;

/// Threads that start programs; there are none until the first is started.
#[derive(Debug, Default)]
pub(super) struct Starter {
    orders: OnceLock<mpsc::Sender<Order>>,
}

impl Starter {
    /// Does this on one of the threads, within the runtime of the caller. When the future is dropped
    /// before its end, what was made is dropped as well.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        start: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (tell, told) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        let order: Order = Box::new(move || {
            let _within = runtime.enter();
            if tell.send(start()).is_err() {
                tracing::trace!("nobody waits for a program that was started");
            }
        });
        let gone = || io::Error::other("the threads that start programs are gone");
        self.orders()?.send(order).await.map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }

    fn orders(&self) -> io::Result<&mpsc::Sender<Order>> {
        if let Some(orders) = self.orders.get() {
            return Ok(orders);
        }
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..THREADS {
            let receiver = Arc::clone(&receiver);
            let name = "headway-starter".to_owned();
            std::thread::Builder::new().name(name).spawn(move || work(&receiver))?;
        }
        // Of two who came at once the second one's threads end at once: nothing was ordered there.
        Ok(self.orders.get_or_init(|| sender))
    }
}

fn work(orders: &Mutex<mpsc::Receiver<Order>>) {
    loop {
        // Only one waits for orders, the others for it; the lock is let go before the order runs.
        let order = orders.lock().blocking_recv();
        let Some(order) = order else { return };
        order();
    }
}
