//! How long a connection may stay that asks for nothing, or that does not take what it asked for.
//!
//! HTTP/2 has no such limits by itself: a client could keep thousands of connections, or answers that
//! wait for it, for as long as it likes. What is watched is what the other side does: whether it has
//! asked for something, whether its socket takes bytes, and whether an answer's next piece is wanted.
//! An answer that has nothing to say at the moment, such as a stream of events, is not its fault.
//!
//! Owner: the task of the connection. The answers tell it by way of what they share.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use slab::Slab;
use tokio::time::{Instant, sleep_until};

use crate::front::admission::Limit;

/// A server that looks later than it wanted to is busy with others, and the other side may have done all
/// that was expected of it: then nobody is judged, and it looks again.
const LATE: Duration = Duration::from_millis(200);

/// See the module.
#[derive(Debug)]
pub(super) struct Patience {
    idle_within: Duration,
    write_within: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests that are not answered to the end; since when the next piece of the answer is not
    /// taken, if there is one.
    exchanges: Slab<Option<Instant>>,
    /// When the last of them ended.
    idle: Instant,
    /// Since when the socket takes nothing although there is something.
    blocked: Option<Instant>,
}

impl Patience {
    pub(super) fn new(idle_within: Duration, write_within: Duration) -> Arc<Self> {
        let state = State { exchanges: Slab::new(), idle: Instant::now(), blocked: None };
        Arc::new(Self { idle_within, write_within, state: Mutex::new(state) })
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        let key = self.state.lock().exchanges.insert(None);
        Exchange { patience: Arc::clone(self), key }
    }

    /// Takes what came of an attempt to write.
    pub(super) fn wrote<T>(&self, outcome: &Poll<T>, now: Instant) {
        let mut state = self.state.lock();
        state.blocked = match outcome {
            Poll::Ready(_) => None,
            Poll::Pending => state.blocked.or(Some(now)),
        };
    }

    /// Waits until it is at an end; for which limit.
    pub(super) async fn ends(&self) -> Limit {
        let mut look = Instant::now();
        loop {
            let now = Instant::now();
            let late = now.duration_since(look) > LATE;
            look = match self.end() {
                Some((end, limit)) if end <= now && !late => return limit,
                Some((end, _)) if end <= now => now + LATE,
                // What happens until then may bring the end nearer.
                Some((end, _)) => end.min(now + self.write_within),
                // There is nothing to be impatient about: the server is at work.
                None => now + self.write_within.min(self.idle_within),
            };
            sleep_until(look).await;
        }
    }

    /// When it ends if nothing happens until then, if ever.
    fn end(&self) -> Option<(Instant, Limit)> {
        let state = self.state.lock();
        let untaken = state.exchanges.iter().filter_map(|(_, since)| *since);
        let stalled = state.blocked.into_iter().chain(untaken).min();
        let stalled = stalled.map(|since| (since + self.write_within, Limit::StalledWrite));
        let idle = state.exchanges.is_empty().then(|| state.idle + self.idle_within);
        let idle = idle.map(|end| (end, Limit::Idle));
        stalled.into_iter().chain(idle).min_by_key(|(end, _)| *end)
    }
}

/// A request until its answer has ended.
#[derive(Debug)]
pub(super) struct Exchange {
    patience: Arc<Patience>,
    key: usize,
}

impl Exchange {
    /// Its answer's body, watched.
    pub(super) fn answer<B>(self, body: B) -> Answer<B> {
        Answer { body, exchange: self }
    }

    fn untaken(&self, since: Option<Instant>) {
        if let Some(exchange) = self.patience.state.lock().exchanges.get_mut(self.key) {
            *exchange = since;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.patience.state.lock();
        state.exchanges.try_remove(self.key);
        state.idle = Instant::now();
    }
}

/// A body that tells whether it is taken.
#[derive(Debug)]
pub(super) struct Answer<B> {
    body: B,
    exchange: Exchange,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let given = matches!(&frame, Poll::Ready(Some(Ok(_))));
        self.exchange.untaken(given.then(Instant::now));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as Content;
    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::*;

    const IDLE: Duration = Duration::from_mins(5);
    const WRITE: Duration = Duration::from_mins(1);

    /// The limit that it comes to, and how long after `since`.
    fn end(patience: &Patience, since: Instant) -> Option<(Limit, Duration)> {
        patience.end().map(|(end, limit)| (limit, end - since))
    }

    #[test]
    fn a_connection_that_asks_for_nothing_ends() {
        let patience = Patience::new(IDLE, WRITE);
        assert_eq!(patience.end().map(|(_, limit)| limit), Some(Limit::Idle));
        let exchanges = [patience.begin(), patience.begin()];
        assert_eq!(patience.end(), None, "not answered yet");
        let before = Instant::now();
        drop(exchanges);
        let (limit, after) = end(&patience, before).unwrap();
        assert_eq!(limit, Limit::Idle);
        assert!(after >= IDLE, "counted from the last answer's end");
    }

    #[test]
    fn nobody_is_blamed_while_the_server_has_nothing_to_say() {
        let patience = Patience::new(IDLE, WRITE);
        let said = stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from("piece"))]);
        let silent = said.chain(stream::pending());
        let mut answer = patience.begin().answer(Content::from_stream(silent));
        let before = Instant::now();
        assert!(answer.frame().now_or_never().is_some());
        let (limit, after) = end(&patience, before).unwrap();
        assert_eq!(limit, Limit::StalledWrite, "a piece was given, and has to be taken");
        assert!(after >= WRITE);
        assert!(answer.frame().now_or_never().is_none());
        assert_eq!(patience.end(), None, "it was taken, and there is no other one");
    }

    #[test]
    fn a_socket_that_takes_nothing_ends() {
        let patience = Patience::new(IDLE, WRITE);
        let _exchange = patience.begin();
        let since = Instant::now();
        patience.wrote(&Poll::<()>::Pending, since);
        patience.wrote(&Poll::<()>::Pending, since + WRITE / 2);
        assert_eq!(end(&patience, since), Some((Limit::StalledWrite, WRITE)));
        patience.wrote(&Poll::Ready(()), since + WRITE / 2);
        assert_eq!(patience.end(), None);
    }

    #[tokio::test]
    async fn who_is_late_is_told_at_once() {
        let patience = Patience::new(Duration::ZERO, WRITE);
        assert_eq!(patience.ends().await, Limit::Idle);
        let patience = Patience::new(IDLE, Duration::ZERO);
        patience.wrote(&Poll::<()>::Pending, Instant::now());
        assert_eq!(patience.ends().await, Limit::StalledWrite);
    }
}
